/** Files of recorded cases: what is read, skipped and refused. */
import { describe, expect, test } from "vitest";
import { MooError } from "./moo.ts";
import { runMooFile } from "./moo-suite.ts";

const u32 = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const ascii = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const chunk = (id: string, ...body: number[]) => [...ascii(id), ...u32(body.length), ...body];
const header = (cpu: string) => chunk("MOO ", 1, 1, 0, 0, ...u32(1), ...ascii(cpu));
const ram = (...pairs: [number, number][]) =>
  chunk("RAM ", ...u32(pairs.length), ...pairs.flatMap(([address, value]) => [...u32(address), value]));

/** INC EAX and HLT at 0:1000h on an 80386, with a chunk that nobody knows. */
function incrementCase(eaxAfter: number): Uint8Array {
  const eaxEspAndEip = (1 << 2) | (1 << 9) | (1 << 16) | (1 << 17);
  const initial = [...u32(eaxEspAndEip), ...u32(0xffff), ...u32(0x2000), ...u32(0x1000), ...u32(2)];
  const eaxEipFlags = (1 << 2) | (1 << 16) | (1 << 17);
  const final = [...u32(eaxEipFlags), ...u32(eaxAfter), ...u32(0x1003), ...u32(0x16)];
  const code = ram([0x1000, 0x66], [0x1001, 0x40], [0x1002, 0xf4]);
  const body = [
    ...u32(7),
    ...chunk("NAME", ...u32(7), ...ascii("inc eax")),
    ...chunk("BYTS", ...u32(3), 0x66, 0x40, 0xf4),
    ...chunk("XYZ ", 1, 2, 3),
    ...chunk("INIT", ...chunk("RG32", ...initial), ...code),
    ...chunk("FINA", ...chunk("RG32", ...final), ...ram()),
  ];
  return Uint8Array.from([...header("C386"), ...chunk("META", 1), ...chunk("TEST", ...body)]);
}

describe("a file of recorded cases", () => {
  test("of an 80386 runs with 32-bit registers", () => {
    expect(runMooFile(incrementCase(0x10000))).toMatchObject({ passed: 1, failures: [] });
  });

  test("names the register that differs", () => {
    expect(runMooFile(incrementCase(0x10001)).failures).toEqual([
      { index: 7, name: "inc eax", bytes: "66 40 f4", problem: "eax 10000, recorded 10001" },
    ]);
  });

  test("of an 8086 is refused by name", () => {
    expect(() => runMooFile(Uint8Array.from(header("8086")))).toThrow(/found cases of processor "8086"/);
  });

  test.each([
    ["without header", chunk("TEST", 0, 0, 0, 0)],
    ["cut off", header("C286").slice(0, 15)],
    ["with a chunk that is too short", [...header("C286"), ...chunk("TEST", 1)]],
  ])("%s is refused", (_, bytes) => {
    expect(() => runMooFile(Uint8Array.from(bytes))).toThrow(MooError);
  });
});
