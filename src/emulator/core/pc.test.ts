/** The whole PC by small programs: what its parts do together. */
import { describe, expect, test } from "vitest";
import { Code } from "../contract/rom.ts";
import { KernelImageError } from "../kernel-image.ts";
import { Pc, type PcConfig, type PcStop } from "./pc.ts";

const LIMIT = 1_000_000;

function sector(code: Code, config: Partial<PcConfig> = {}) {
  let output = "";
  const pc = new Pc({
    memoryMiB: 2,
    boot: { type: "boot-sector", image: Uint8Array.from(code.bytes) },
    exitPort: true,
    ...config,
    events: { serial: (_, byte) => (output += String.fromCharCode(byte)), ...config.events },
  });
  return { pc, output: () => output };
}

const endsWith = (code: Code): PcStop => sector(code).pc.run(LIMIT);
/** sti; mov al, 20h; out 20h and so on belong to the tests; this is an interrupt vector in segment 0. */
const vector = (code: Code, number: number, offset: number) =>
  code.raw(0xc7, 0x06, (number * 4) & 0xff, (number * 4) >> 8, offset & 0xff, offset >> 8);

describe("a PC", () => {
  test("runs a boot sector, which prints on COM1 and halts for good", () => {
    const { pc, output } = sector(new Code().print("hello").halt());
    expect(pc.run(LIMIT)).toEqual({ type: "halted" });
    expect(output()).toBe("hello");
  });

  test("ends with the value that a test kernel writes to port F4h", () => {
    expect(endsWith(new Code().out8(0xf4, 42))).toEqual({ type: "exit", code: 42 });
  });

  test("executes exactly as many instructions as asked for", () => {
    const { pc } = sector(new Code().jump(0));
    pc.run(1234);
    pc.run(1);
    expect(pc.cpu.instructions).toBe(1235);
  });

  test("tells a triple fault from a halt, with the place of the instruction", () => {
    // lidt [0] with a limit of 0, then int3: no vector, no double fault vector.
    const code = new Code().raw(0xc7, 0x06, 0x00, 0x06, 0x00, 0x00, 0x0f, 0x01, 0x1e, 0x00, 0x06, 0xcc);
    const faults = [
      // INT3's vector lies beyond the limit, then that of the fault, then that of the double fault.
      { vector: 13, error: -1 },
      { vector: 13, error: -1 },
      { vector: 8, error: -1 },
      { vector: 13, error: -1 },
    ];
    const fault = { cs: 0, eip: 0x7c0b, faults, address: -1, nowhere: false };
    expect(endsWith(code)).toEqual({ type: "triple-fault", fault });
  });

  test.each([
    ["port 92h", new Code().out8(0x92, 1)],
    ["the keyboard controller", new Code().out8(0x64, 0xfe)],
    ["port CF9h", new Code().out8(0xcf9, 6)],
  ])("%s resets the machine, which begins again", (_, way) => {
    const code = new Code().print("x");
    code.raw(...way.bytes);
    code.jump(code.here);
    let resets = 0;
    const { pc, output } = sector(code, { events: { reset: () => resets++ } });
    pc.run(100);
    expect(resets).toBeGreaterThan(2);
    expect(output().length).toBe(resets);
  });

  test("port 92h opens and closes the A20 gate", () => {
    const code = new Code()
      .out8(0x92, 0)
      .raw(0xb8, 0xff, 0xff, 0x8e, 0xc0) // mov ax, ffffh; mov es, ax
      .raw(0x26, 0xc6, 0x06, 0x10, 0x05, 0x55) // mov byte es:[510h], 55h: 100500h, or 500h
      .load8(0x500)
      .raw(0xe6, 0xf4); // out f4h, al
    expect(endsWith(code)).toEqual({ type: "exit", code: 0x55 });
  });

  test("HLT lets idle time pass without instructions until the timer's interrupt", () => {
    const code = new Code()
      // The timer first: initialising the controller forgets the edge that setting its mode made.
      .out8(0x43, 0x34)
      .out8(0x40, 0xff)
      .out8(0x40, 0xff)
      .out8(0x20, 0x13)
      .out8(0x21, 0x08)
      .out8(0x21, 0x01)
      .out8(0x21, 0xfe);
    vector(code, 8, 0x7d00);
    code.raw(0xfb, 0xf4).raw(0xb0, 7, 0xe6, 0xf4); // sti; hlt; exit 7
    while (code.here < 0x100) code.raw(0x90);
    code.raw(0xcf); // iret at 7d00h
    const { pc } = sector(code);
    expect(pc.run(LIMIT)).toEqual({ type: "exit", code: 7 });
    expect(pc.cpu.instructions).toBeLessThan(100);
    expect(Math.round(pc.clock.now() / 1e6)).toBe(55);
  });

  test("a halt that no timer ends is idle, not the end", () => {
    expect(endsWith(new Code().raw(0xfb, 0xf4))).toEqual({ type: "idle" });
  });

  test("the run is the same however it is cut into slices", () => {
    const code = new Code()
      .out8(0x20, 0x13)
      .out8(0x21, 0x08)
      .out8(0x21, 0x01)
      .out8(0x21, 0xfe)
      .out8(0x43, 0x34)
      .out8(0x40, 0x77)
      .out8(0x40, 0x01);
    vector(code, 8, 0x7d00);
    code.raw(0xfb);
    const loop = code.here;
    code.raw(0x0f, 0x31, 0x66, 0x31, 0x06, 0x00, 0x09).increment32(0x904).jump(loop); // rdtsc; xor [900h], eax
    while (code.here < 0x100) code.raw(0x90);
    code.raw(0x66, 0xff, 0x06, 0x08, 0x09, 0xb0, 0x20, 0xe6, 0x20, 0xcf); // inc dword [908h]; eoi; iret
    const digest = (slice: number) => {
      const { pc } = sector(code);
      for (let done = 0; done < 200_000; done += slice) pc.run(Math.min(slice, 200_000 - done));
      return [...pc.memory.readBytes(0x900, 12)].join(" ") + ` ${pc.cpu.instructions} ${pc.cpu.r[11]}`;
    };
    const whole = digest(200_000);
    expect(digest(1)).toBe(whole);
    expect(digest(997)).toBe(whole);
  });

  test("RDRAND draws the same numbers from the same seed, and others from another", () => {
    const drawn = (seed: number) => {
      const { pc } = sector(new Code().raw(0x66, 0x0f, 0xc7, 0xf0, 0x66, 0x0f, 0xc7, 0xf3).halt(), { seed });
      pc.run(LIMIT);
      return [pc.cpu.r[0], pc.cpu.r[3]];
    };
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });

  test("an access to nothing is written to the log once and counted", () => {
    const lines: string[] = [];
    const code = new Code().in8(0x1234).in8(0x1234).halt();
    const { pc } = sector(code, { events: { log: (device, message) => lines.push(`${device} ${message}`) } });
    pc.run(LIMIT);
    expect(lines).toEqual(["unimplemented port read8 1234h"]);
    expect(pc.bus.ports.unimplemented.get("read8 1234")).toBe(2);
  });

  test("a kernel that is no kernel is refused by name", () => {
    const boot = { type: "linux" as const, kernel: new Uint8Array(5000), commandLine: "" };
    expect(() => new Pc({ memoryMiB: 4, boot })).toThrow(KernelImageError);
  });
});
