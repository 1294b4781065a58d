/** A kernel's symbol table as scripts/kallsyms.c lays it out, and memory that only looks like one. */
import { expect, test } from "vitest";
import { readKallsyms } from "./kallsyms.ts";

const BASE = 0xc1000000;
const names = Array.from({ length: 3000 }, (_, i) => `${"TtdW"[i % 4]}do_thing_${i}`);

/** Tokens: each printable character stands for itself, 0x80 is "do_thing_". */
function build(order: "6.1" | "6.4", spoil: (memory: Uint8Array, at: number) => void = () => {}): Uint8Array {
  const memory = new Uint8Array(2 << 20);
  const view = new DataView(memory.buffer);
  let at = 0x40000;
  const words = (...values: number[]) => {
    at = (at + 3) & ~3;
    for (const value of values) {
      view.setUint32(at, value, true);
      at += 4;
    }
  };
  const addresses = () => words(...names.map((_, i) => i * 16), BASE);
  if (order === "6.1") addresses();
  words(names.length);
  const markers: number[] = [];
  const start = at;
  names.forEach((name, i) => {
    if (i % 256 === 0) markers.push(at - start);
    const packed = name.replace("do_thing_", "\u0080");
    memory[at++] = packed.length;
    for (const character of packed) memory[at++] = character.charCodeAt(0);
  });
  words(...markers);
  const offsets: number[] = [];
  const table = at;
  for (let token = 0; token < 256; token++) {
    offsets.push(at - table);
    const printable = token > 0x20 && token < 0x7f ? String.fromCharCode(token) : `x${token}`;
    const text = token === 0x80 ? "do_thing_" : printable;
    for (const character of text) memory[at++] = character.charCodeAt(0);
    memory[at++] = 0;
  }
  at = (at + 3) & ~3;
  for (const offset of offsets) {
    view.setUint16(at, offset, true);
    at += 2;
  }
  if (order === "6.4") addresses();
  spoil(memory, table);
  return memory;
}

test.each(["6.1", "6.4"] as const)("the names and addresses of a kernel such as Linux %s", (order) => {
  const symbols = readKallsyms(build(order))!;
  expect(symbols.size).toBe(names.length);
  expect(symbols.get(BASE)).toBe("do_thing_0");
  expect(symbols.near(BASE + 16 * 2999 + 5)).toBe("do_thing_2999+5");
  expect(symbols.find("do_thing_77")).toBe(BASE + 77 * 16);
});

test.each<[string, (memory: Uint8Array, at: number) => void]>([
  ["a wrong index", (memory, at) => (memory[at + 5] = 0)],
  ["a table that the file begins with", (memory, at) => memory.copyWithin(0, at + 200, at + 1500)],
])("%s ends in no symbols or the right ones", (_, spoil) => {
  const size = readKallsyms(build("6.1", spoil))?.size ?? names.length;
  expect(size).toBe(names.length);
});

test("memory without a table has none, whatever is in it", () => {
  let state = 7;
  const noise = Uint8Array.from(
    { length: 1 << 20 },
    () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 24,
  );
  expect(readKallsyms(noise)).toBeUndefined();
  const digits = new TextEncoder().encode([..."0123456789"].map((digit) => `${digit}\u0000`).join(""));
  noise.set(digits, noise.length - 20);
  noise.set(digits, 10);
  expect(readKallsyms(noise)).toBeUndefined();
  expect(readKallsyms(new Uint8Array(0))).toBeUndefined();
});
