/** x87 instructions as programs see them: stack, pointers, images, exceptions. Values: test/conformance/float. */
import { describe, expect, test } from "vitest";
import { Cpu } from "../cpu/cpu.ts";
import { CR0_NE, CR0_TS, EIP } from "../cpu/registers.ts";
import { setRealSegment } from "../cpu/segmentation.ts";
import { Bus } from "../memory/bus.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { INSTRUCTION_SET, NOT_EXECUTED } from "./instruction-set.ts";

const HANDLERS = 0x5000;
const hex = (text: string) => Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));

/** Runs 16-bit code at 1000h until HLT; vector n has its HLT at 5000h + 16 n. */
function run(code: string, cr0 = CR0_NE): Cpu {
  const memory = new PhysicalMemory(1 << 20);
  const cpu = new Cpu(new Bus(memory), INSTRUCTION_SET);
  for (let vector = 0; vector < 32; vector++) {
    memory.write16(vector * 4, HANDLERS + 16 * vector);
    memory.write8(HANDLERS + 16 * vector, 0xf4);
  }
  memory.load(0x1000, hex(`${code} f4`));
  for (let segment = 0; segment < 6; segment++) setRealSegment(cpu, segment, 0);
  cpu.r[4] = 0x8000;
  cpu.r[EIP] = 0x1000;
  cpu.cr0 |= cr0;
  cpu.run(1000);
  return cpu;
}

const vectorOf = (cpu: Cpu) => (cpu.r[EIP] - 1 - HANDLERS) / 16;
/** FNINIT; FLD1; FLDZ; FDIVP with ZM unmasked: one exception waits. */
const DIVIDED_BY_ZERO = "db e3 c7 06 00 20 7b 03 d9 2e 00 20 d9 e8 d9 ee de f9";

test("every mnemonic of the opcode table is executed", () => {
  expect([...NOT_EXECUTED]).toEqual([]);
});

describe("an unmasked exception", () => {
  test("is #MF at the next waiting instruction", () => {
    expect(vectorOf(run(`${DIVIDED_BY_ZERO} 90 d9 e8`))).toBe(16);
  });
  test("is not seen by a no-wait instruction", () => {
    const cpu = run(`${DIVIDED_BY_ZERO} df e0 db e2 d9 e8`);
    expect(cpu.r[EIP]).toBe(0x1000 + 18 + 6 + 1);
    // ES, B, TOP 6 and ZE.
    expect(cpu.r16[0]).toBe(0xb084);
  });
  test("without CR0.NE asserts FERR# and waits for its interrupt", () => {
    const memory = new PhysicalMemory(1 << 20);
    const cpu = new Cpu(new Bus(memory), INSTRUCTION_SET);
    let asserted = 0;
    cpu.onFloatError = () => asserted++;
    memory.load(0x1000, hex(`${DIVIDED_BY_ZERO} d9 e8 f4`));
    for (let segment = 0; segment < 6; segment++) setRealSegment(cpu, segment, 0);
    cpu.r[EIP] = 0x1000;
    expect([cpu.run(100), asserted, cpu.r[EIP]]).toEqual(["halted", 1, 0x1012]);
  });
});

test("CR0.TS makes x87 instructions raise #NM", () => {
  expect(vectorOf(run("d9 e8", CR0_TS))).toBe(7);
});

test("a push onto a full stack is a masked overflow that leaves the default NaN", () => {
  const cpu = run("db e3 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 ee");
  expect(cpu.x87.status & 0x241).toBe(0x241);
  expect([cpu.x87.unit.signExponent[cpu.x87.top], cpu.x87.unit.high[cpu.x87.top]]).toEqual([
    0xffff, 0xc0000000,
  ]);
});

test("FNSTENV in real mode keeps the linear addresses of the last instruction and operand", () => {
  const cpu = run("db e3 d9 06 00 20 d9 36 00 30");
  const words = [0, 2, 4, 6, 8, 10, 12].map((at) => cpu.memory.read16(0x3000 + at));
  expect(words).toEqual([0x37f, 0x3800, 0x7fff, 0x1002, 0x106, 0x2000, 0]);
});

test("FXRSTOR brings back what FXSAVE wrote", () => {
  const cpu = run("db e3 d9 eb d9 e8 0f ae 06 00 30 db e3 0f ae 0e 00 30");
  expect([cpu.x87.top, cpu.x87.empty]).toEqual([6, 0x3f]);
  expect(cpu.x87.unit.signExponent[7]).toBe(0x4000);
});

test("FXSAVE to an odd address is #GP", () => {
  expect(vectorOf(run("0f ae 06 01 30"))).toBe(13);
});

test("FXSAVE and FNSAVE images have room for what they say", () => {
  const cpu = run("db e3 d9 e8 dd 36 00 30 dd 26 00 30");
  expect([cpu.x87.top, cpu.x87.empty, cpu.memory.read16(0x3000 + 14 + 8)]).toEqual([7, 0x7f, 0x3fff]);
});

test("save and restore give the same state", () => {
  const cpu = run("db e3 d9 eb d9 e8 d9 06 00 20");
  const other = run("db e3");
  other.x87.restore(structuredClone(cpu.x87.save()));
  expect(other.x87.save()).toEqual(cpu.x87.save());
});
