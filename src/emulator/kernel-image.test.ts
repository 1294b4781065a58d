/** Each way in which a kernel cannot be booted has a name, which survives the way between threads. */
import { expect, test } from "vitest";
import { loadMultiboot } from "./core/firmware/multiboot.ts";
import { PhysicalMemory } from "./core/memory/physical-memory.ts";
import { KernelImageError, kernelProblem } from "./kernel-image.ts";
import { loadLinux } from "./linux-boot.ts";

const MIB = 1 << 20;

/** A Multiboot header with address fields: header at 0, loaded at 1 MiB. */
function multiboot(change: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(8192));
  [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), MIB, MIB, 0, 0, MIB].forEach((word, i) =>
    view.setInt32(i * 4, word, true),
  );
  change(view);
  return new Uint8Array(view.buffer);
}

function bzImage(change: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(8192));
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x20c, true);
  view.setUint8(0x211, 1);
  view.setUint32(0x22c, 0x7fffffff, true);
  view.setUint32(0x238, 10, true);
  change(view);
  return new Uint8Array(view.buffer);
}

function problemOf(load: () => unknown): string | undefined {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(KernelImageError);
    return kernelProblem((error as Error).name);
  }
  return "none";
}

const onCore = (image: Uint8Array, line = "") =>
  problemOf(() => loadMultiboot(new PhysicalMemory(4 * MIB), image, line));
const byFirmware = (kernel: Uint8Array, commandLine = "", memory = 16) =>
  problemOf(() => loadLinux(new Uint8Array(memory * MIB), { kernel, commandLine }));

test.each([
  ["a whole Multiboot kernel", "none", onCore(multiboot(() => {}))],
  ["no header", "no-kernel", onCore(new Uint8Array(100))],
  ["a wrong checksum", "no-kernel", onCore(multiboot((view) => view.setUint32(8, 5, true)))],
  [
    "a load address behind its header",
    "damaged",
    onCore(multiboot((view) => view.setUint32(16, MIB - 8, true))),
  ],
  ["an end before its start", "damaged", onCore(multiboot((view) => view.setUint32(20, MIB - 1, true)))],
  ["more than the file has", "damaged", onCore(multiboot((view) => view.setUint32(20, MIB + 9000, true)))],
  ["more than memory", "too-large", onCore(multiboot((view) => view.setUint32(24, 64 * MIB, true)))],
  [
    "a long line",
    "command-line-too-long",
    onCore(
      multiboot(() => {}),
      "x".repeat(5000),
    ),
  ],
  ["a whole bzImage", "none", byFirmware(bzImage(() => {}))],
  ["a short file", "no-kernel", byFirmware(new Uint8Array(100))],
  ["no HdrS", "no-kernel", byFirmware(bzImage((view) => view.setUint32(0x202, 0, true)))],
  ["an old protocol", "no-kernel", byFirmware(bzImage((view) => view.setUint16(0x206, 0x100, true)))],
  [
    "little memory",
    "too-large",
    byFirmware(
      bzImage(() => {}),
      "",
      1,
    ),
  ],
  [
    "a line beyond its limit",
    "command-line-too-long",
    byFirmware(
      bzImage(() => {}),
      "x".repeat(11),
    ),
  ],
])("%s: %s", (_, expected, found) => {
  expect(found).toBe(expected);
});

test("another error's name tells no problem", () => {
  expect(kernelProblem("RangeError")).toBeUndefined();
});
