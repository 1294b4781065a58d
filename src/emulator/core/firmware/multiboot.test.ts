import { expect, test } from "vitest";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { loadMultiboot } from "./multiboot.ts";

const MIB = 1 << 20;

function flat(fields: number[]): Uint8Array {
  const image = new Uint8Array(64).fill(0xf4, 32);
  const view = new DataView(image.buffer);
  [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), ...fields].forEach((value, i) =>
    view.setUint32(i * 4, value, true),
  );
  return image;
}

test("a kernel with address fields is placed, its bss cleared, and entered", () => {
  const memory = new PhysicalMemory(4 * MIB);
  memory.write8(MIB + 64, 0xff);
  const entry = loadMultiboot(memory, flat([MIB, MIB, 0, MIB + 128, MIB + 32]), "x=1");
  expect(entry.eip).toBe(MIB + 32);
  expect([memory.read8(MIB + 32), memory.read8(MIB + 64)]).toEqual([0xf4, 0]);
});

test("the information structure points to the command line and the size of upper memory", () => {
  const memory = new PhysicalMemory(4 * MIB);
  const { ebx } = loadMultiboot(memory, flat([MIB, MIB, 0, 0, MIB + 32]), "x=1");
  expect(memory.read32(ebx + 8)).toBe(3072);
  expect(memory.readBytes(memory.read32(ebx + 16), 4)).toEqual(new TextEncoder().encode("x=1\0"));
});

test("a file without a header is refused by name", () => {
  expect(() => loadMultiboot(new PhysicalMemory(4 * MIB), new Uint8Array(100), "")).toThrow(
    /Multiboot header/,
  );
});

test("a kernel larger than memory is refused by name", () => {
  const image = flat([MIB, MIB, 0, 64 * MIB, MIB + 32]);
  expect(() => loadMultiboot(new PhysicalMemory(4 * MIB), image, "")).toThrow(/end of memory/);
});

test("a corrupt ELF file is refused by name", () => {
  const image = new Uint8Array(128);
  const view = new DataView(image.buffer);
  view.setUint32(0, 0x464c457f, true);
  [0x1badb002, 0, -0x1badb002].forEach((value, i) => view.setUint32(64 + i * 4, value, true));
  expect(() => loadMultiboot(new PhysicalMemory(4 * MIB), image, "")).toThrow(/ELF class/);
});
