/** Protected mode by small machine programs: gates, privilege changes, error codes, task switches, shutdown. */
import { describe, expect, test } from "vitest";
import { INSTRUCTION_SET } from "../instructions/instruction-set.ts";
import { Bus } from "../memory/bus.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { Cpu, type StopReason } from "./cpu.ts";
import { CS, EAX, EIP, ESP, FLAG_IF, FLAG_VM, SS, TR } from "./registers.ts";
import { setRealSegment } from "./segmentation.ts";

const CODE_0 = 0x08;
const DATA_0 = 0x10;
const CODE_3 = 0x1b;
const DATA_3 = 0x23;
const TASK = 0x28;
const OTHER_TASK = 0x30;
const GDT = 0x2000;
const IDT = 0x3000;
const TSS = 0x4000;
const OTHER_TSS = 0x4200;
const USER = 0x7000;
const RING_0_STACK = 0x8000;

const hex = (text: string) => Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));

/** From real mode to ring 0 at 1020h: tables, CR0.PE, a far jump; then stack, task register. */
const ENTER = "0f 01 16 00 0f  0f 01 1e 08 0f  0f 20 c0  0c 01  0f 22 c0  ea 40 10 08 00";
const RING_0 = "66 b8 10 00 8e d0 8e d8 bc 00 90 00 00 66 b8 28 00 0f 00 d8";
/** IRETD to 1B:7000 with SS:ESP 23:A000. */
const TO_RING_3 = "6a 23 68 00 a0 00 00 6a 02 6a 1b 68 00 70 00 00 cf";

interface Machine {
  cpu: Cpu;
  memory: PhysicalMemory;
  end: StopReason;
}

function run(ring0: string, user = "f4", handlers: Record<number, string> = {}): Machine {
  const memory = new PhysicalMemory(1 << 20);
  const cpu = new Cpu(new Bus(memory), INSTRUCTION_SET);
  const pair = (at: number, low: number, high: number) => {
    memory.write32(at, low);
    memory.write32(at + 4, high);
  };
  memory.write16(0xf00, 0x3f);
  memory.write32(0xf02, GDT);
  memory.write16(0xf08, 0x7ff);
  memory.write32(0xf0a, IDT);
  pair(GDT + CODE_0, 0xffff, 0xcf9a00);
  pair(GDT + DATA_0, 0xffff, 0xcf9200);
  pair(GDT + 0x18, 0xffff, 0xcffa00);
  pair(GDT + 0x20, 0xffff, 0xcff200);
  pair(GDT + TASK, 0x67 | (TSS << 16), 0x8900);
  pair(GDT + OTHER_TASK, 0x67 | (OTHER_TSS << 16), 0x8900);
  memory.write32(TSS + 4, RING_0_STACK);
  memory.write32(TSS + 8, DATA_0);
  // Every handler stands at 5000h + 16 * vector; vector 80h may be called from ring 3.
  for (const [vector, code] of Object.entries(handlers)) {
    const at = 0x5000 + 16 * Number(vector);
    pair(IDT + 8 * Number(vector), at | (CODE_0 << 16), vector === "128" ? 0xee00 : 0x8e00);
    memory.load(at, hex(code));
  }
  memory.load(0x1000, hex(ENTER));
  memory.load(0x1040, hex(`${RING_0} ${ring0}`));
  memory.load(USER, hex(user));
  // What the other task begins with: HLT at 6000h.
  memory.write32(OTHER_TSS + 0x20, 0x6000);
  memory.write32(OTHER_TSS + 0x24, 2);
  memory.write32(OTHER_TSS + 0x28, 0x1234);
  memory.write32(OTHER_TSS + 0x38, 0x9800);
  for (const at of [0x48, 0x50, 0x54]) memory.write32(OTHER_TSS + at, DATA_0);
  memory.write32(OTHER_TSS + 0x4c, CODE_0);
  memory.write8(0x6000, 0xf4);
  for (let segment = 0; segment < 6; segment++) setRealSegment(cpu, segment, 0);
  cpu.r[EIP] = 0x1000;
  return { cpu, memory, end: cpu.run(1000) };
}

const HALT = "f4";

describe("a privilege change", () => {
  test("INT from ring 3 enters ring 0 on the stack of the task segment", () => {
    const { cpu, end } = run(TO_RING_3, "cd 80", { 128: HALT });
    expect([end, cpu.cpl, cpu.selector[CS], cpu.selector[SS]]).toEqual(["halted", 0, CODE_0, DATA_0]);
    expect(cpu.r[ESP]).toBe(RING_0_STACK - 20);
  });

  test("the frame holds EIP, CS, EFLAGS, ESP and SS of ring 3", () => {
    const { memory } = run(TO_RING_3, "cd 80", { 128: HALT });
    const frame = [20, 16, 12, 8, 4].map((below) => memory.read32(RING_0_STACK - below));
    expect(frame).toEqual([USER + 2, CODE_3, 2, 0xa000, DATA_3]);
  });

  test("IRETD goes back to ring 3 behind the INT", () => {
    const { cpu, memory } = run(TO_RING_3, "cd 80 fa", { 128: "b8 77 00 00 00 cf", 13: HALT });
    expect(cpu.r[EAX]).toBe(0x77);
    expect(memory.read32(RING_0_STACK - 20)).toBe(USER + 2);
  });
});

describe("an exception", () => {
  test("CLI in ring 3 is #GP(0) at the instruction itself", () => {
    const { cpu, memory } = run(TO_RING_3, "fa", { 13: HALT });
    expect(cpu.r[ESP]).toBe(RING_0_STACK - 24);
    expect([memory.read32(RING_0_STACK - 24), memory.read32(RING_0_STACK - 20)]).toEqual([0, USER]);
  });

  test("INT through a gate of ring 0 is #GP with the vector in the error code", () => {
    const { memory } = run(TO_RING_3, "cd 20", { 32: HALT, 13: HALT });
    expect(memory.read32(RING_0_STACK - 24)).toBe(0x20 * 8 + 2);
  });

  test("without any handler the CPU shuts down", () => {
    expect(run("0f 0b").end).toBe("shutdown");
  });

  test("without a handler of its own it becomes a double fault", () => {
    const { cpu, end } = run("b8 ff ff 00 00 8e d8", HALT, { 8: HALT });
    expect([end, cpu.r[EIP]]).toEqual(["halted", 0x5000 + 16 * 8 + 1]);
  });
});

test("POPF in ring 3 leaves IF as it was, silently", () => {
  const { cpu, memory } = run(TO_RING_3, "68 02 02 00 00 9d fa", { 13: HALT });
  expect(memory.read32(RING_0_STACK - 12) & FLAG_IF).toBe(0);
  expect(cpu.systemFlags & FLAG_VM).toBe(0);
});

test("a jump to a task segment switches tasks and leaves the old one available", () => {
  const { cpu, memory, end } = run("ea 00 00 00 00 30 00");
  expect([end, cpu.selector[TR], cpu.r[EAX], cpu.r[EIP]]).toEqual(["halted", OTHER_TASK, 0x1234, 0x6001]);
  const types = [TASK, OTHER_TASK].map((selector) => (memory.read32(GDT + selector + 4) >>> 8) & 15);
  expect(types).toEqual([9, 11]);
});

/** CALL through the gate at selector 38h, whose target is ring 0 code at 6800h, with one parameter; `back` is that code, four bytes. */
function callThroughGate(back: string): Machine {
  const gate = "c7 05 38 20 00 00 00 68 08 00 c7 05 3c 20 00 00 01 ec 00 00";
  return run(`${gate} c7 05 00 68 00 00 ${back} ${TO_RING_3}`, "6a 55 9a 00 00 00 00 3b 00 fa", { 13: HALT });
}

test("a call gate copies its parameter to the inner stack", () => {
  const { cpu, memory, end } = callThroughGate("f4 00 00 00");
  expect([end, cpu.cpl, cpu.selector[SS], cpu.r[ESP]]).toEqual(["halted", 0, DATA_0, RING_0_STACK - 20]);
  const frame = [20, 16, 12, 8, 4].map((below) => memory.read32(RING_0_STACK - below));
  expect(frame).toEqual([USER + 9, CODE_3, 0x55, 0xa000 - 4, DATA_3]);
});

test("RETF 4 from a call gate goes back to ring 3", () => {
  const { memory } = callThroughGate("ca 04 00 00");
  expect([memory.read32(RING_0_STACK - 20), memory.read32(RING_0_STACK - 16)]).toEqual([USER + 9, CODE_3]);
  expect(memory.read32(RING_0_STACK - 24)).toBe(0);
});

describe("virtual-8086 mode", () => {
  /** IRETD to 700:0 with VM set: GS FS DS ES SS ESP EFLAGS CS EIP. */
  const toVirtual =
    "6a 00 6a 00 6a 00 6a 00 68 00 09 00 00 68 00 01 00 00 68 02 00 02 00 68 00 07 00 00 6a 00 cf";

  test("IRETD with VM enters it with real-mode segments", () => {
    const { cpu, memory } = run(toVirtual, "f4", { 13: HALT });
    expect(memory.read32(RING_0_STACK - 32)).toBe(0x700);
    expect(memory.read32(RING_0_STACK - 28) & FLAG_VM).toBe(FLAG_VM);
    expect(cpu.systemFlags & FLAG_VM).toBe(0);
  });

  test("INT n without IOPL 3 is #GP(0) at the instruction", () => {
    const { memory } = run(toVirtual, "90 cd 80", { 13: HALT, 128: HALT });
    expect([memory.read32(RING_0_STACK - 40), memory.read32(RING_0_STACK - 36)]).toEqual([0, 1]);
  });
});
