import { expect, test } from "vitest";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { KernelImageError } from "../../kernel-image.ts";
import { loadLinux } from "./linux-boot.ts";

const MIB = 1 << 20;

function bzImage(change: (view: DataView) => void = () => {}): Uint8Array {
  const image = new Uint8Array(0x1000);
  const view = new DataView(image.buffer);
  view.setUint8(0x1f1, 3);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint8(0x201, 0x66);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x20f, true);
  view.setUint8(0x211, 1);
  view.setUint32(0x22c, 0x7fffffff, true);
  view.setUint32(0x238, 2047, true);
  view.setUint32(0x258, 2 * MIB, true);
  view.setUint32(0x260, 10 * MIB, true);
  image.fill(0x90, 0x800);
  change(view);
  return image;
}

test("the protected-mode code is at 1 MiB and is the entry point", () => {
  const memory = new PhysicalMemory(32 * MIB);
  const entry = loadLinux(memory, bzImage(), undefined, "quiet");
  expect(entry.eip).toBe(MIB);
  expect(memory.readBytes(MIB, 0x800)).toEqual(new Uint8Array(0x800).fill(0x90));
});

test("the zero page points to the command line", () => {
  const memory = new PhysicalMemory(32 * MIB);
  const { esi } = loadLinux(memory, bzImage(), undefined, "quiet");
  expect(memory.readBytes(memory.read32(esi + 0x228), 6)).toEqual(new TextEncoder().encode("quiet\0"));
});

test("the memory map in the zero page ends RAM where the machine's RAM ends", () => {
  const memory = new PhysicalMemory(64 * MIB);
  const { esi } = loadLinux(memory, bzImage(), undefined, "");
  const high = esi + 0x2d0 + 3 * 20;
  expect([memory.read32(high), memory.read32(high + 8)]).toEqual([MIB, 63 * MIB]);
});

for (const mebibytes of [32, 48, 64, 256]) {
  test(`an initrd of 4 MiB is the last thing in ${mebibytes} MiB`, () => {
    const memory = new PhysicalMemory(mebibytes * MIB);
    const { esi } = loadLinux(memory, bzImage(), new Uint8Array(4 * MIB).fill(7), "");
    expect(memory.read32(esi + 0x218)).toBe((mebibytes - 4) * MIB);
    expect(memory.read8((mebibytes - 4) * MIB)).toBe(7);
  });
}

const broken: [string, (view: DataView) => void, RegExp][] = [
  ["boot flag", (view) => view.setUint16(0x1fe, 0), /boot_flag is 0h, expected aa55h/],
  ["magic number", (view) => view.setUint32(0x202, 0), /magic number is 0h/],
  ["protocol version", (view) => view.setUint16(0x206, 0x201, true), /boot protocol is 201h/],
  ["zImage flag", (view) => view.setUint8(0x211, 0), /LOADED_HIGH/],
  ["set-up size", (view) => view.setUint8(0x1f1, 64), /set-up code/],
  ["working memory", (view) => view.setUint32(0x260, 64 * MIB, true), /memory it needs/],
];
for (const [what, change, message] of broken) {
  test(`a kernel with a wrong ${what} is refused by name`, () => {
    expect(() => loadLinux(new PhysicalMemory(32 * MIB), bzImage(change), undefined, "")).toThrow(message);
  });
}

test("an initrd that does not fit beside the kernel is refused", () => {
  expect(() => loadLinux(new PhysicalMemory(32 * MIB), bzImage(), new Uint8Array(24 * MIB), "")).toThrow(
    KernelImageError,
  );
});
