/** Where a Linux kernel and its initrd go, and what is refused. */
import { expect, test } from "vitest";
import { KernelImageError } from "./kernel-image.ts";
import { linuxLoaderDigest, linuxOptionRom, loadLinux } from "./linux-boot.ts";

const MIB = 2 ** 20;

/** A bzImage of protocol 2.15 with 1 MiB of code, which unpacks itself to `preferred` and takes `size` there. */
function kernelFor(preferred: number, size: number): Uint8Array {
  const kernel = new Uint8Array(1024 + MIB);
  const header = new DataView(kernel.buffer);
  header.setUint8(0x1f1, 1);
  header.setUint16(0x1fe, 0xaa55, true);
  header.setUint32(0x202, 0x53726448, true);
  header.setUint16(0x206, 0x20f, true);
  header.setUint8(0x211, 1);
  header.setUint32(0x22c, 0x7fffffff, true);
  header.setUint32(0x238, 2047, true);
  header.setBigUint64(0x258, BigInt(preferred), true);
  header.setUint32(0x260, size, true);
  return kernel;
}

test("a kernel that unpacks itself beyond the end of memory is refused with both sizes", () => {
  const kernel = kernelFor(16 * MIB, 14 * MIB);
  const load = () => loadLinux(new Uint8Array(24 * MIB), { kernel, commandLine: "" });
  expect(load).toThrow(KernelImageError);
  expect(load).toThrow("the kernel takes memory up to 30 MiB; the machine has 24 MiB");
});

test("a kernel file that is cut off is refused with both sizes", () => {
  const kernel = kernelFor(MIB, MIB);
  new DataView(kernel.buffer).setUint32(0x1f4, MIB / 16, true);
  const load = (file: Uint8Array) => loadLinux(new Uint8Array(4 * MIB), { kernel: file, commandLine: "" });
  expect(() => load(kernel)).not.toThrow();
  expect(() => load(kernel.subarray(0, 500_000))).toThrow(
    `the kernel is cut off: its header says ${MIB + 1024} bytes, the file has 500000`,
  );
});

test("a kernel that just fits is loaded", () => {
  const memory = new Uint8Array(30 * MIB);
  loadLinux(memory, { kernel: kernelFor(16 * MIB, 14 * MIB), commandLine: "quiet" });
  expect(new TextDecoder().decode(memory.subarray(0x9e000, 0x9e005))).toBe("quiet");
});

test("an initrd that the kernel would unpack itself over is refused", () => {
  const boot = { kernel: kernelFor(16 * MIB, 14 * MIB), initrd: new Uint8Array(4 * MIB), commandLine: "" };
  expect(() => loadLinux(new Uint8Array(32 * MIB), boot)).toThrow(/initrd of 4194304 bytes does not fit/);
});

test("an initrd lies above the kernel, and the header says where", () => {
  const memory = new Uint8Array(64 * MIB);
  const initrd = new Uint8Array(4096).fill(7);
  loadLinux(memory, { kernel: kernelFor(16 * MIB, 14 * MIB), initrd, commandLine: "" });
  const address = new DataView(memory.buffer).getUint32(0x90000 + 0x218, true);
  expect(address).toBeGreaterThanOrEqual(30 * MIB);
  expect(memory.subarray(address, address + 4096)).toEqual(initrd);
});

test("the ROM's bytes add up to zero and its Plug and Play header names a boot entry", () => {
  const { data } = linuxOptionRom();
  expect(data.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
  const header = data[0x1a];
  expect(new TextDecoder().decode(data.subarray(header, header + 4))).toBe("$PnP");
  expect(data[data[header + 0x1a]]).toBe(0xfa);
});

test("the loader's digest is the same each time: warm states are found by it", () => {
  expect(linuxLoaderDigest()).toMatch(/^[0-9a-f]{64}$/);
  expect(linuxLoaderDigest()).toBe(linuxLoaderDigest());
});
