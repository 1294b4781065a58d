/**
 * Puts a Linux kernel where its boot protocol wants it (Linux Documentation/arch/x86/boot.rst) and makes the option ROM
 * through which SeaBIOS starts it, on either engine. v86 has a loader of its own, but it runs only once, so a machine that
 * reboots would jump into the remains of the old kernel, and it puts an initrd at the fixed address 64 MiB.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { KernelImageError } from "./kernel-image.ts";

export interface LinuxBoot {
  kernel: Uint8Array;
  initrd?: Uint8Array;
  commandLine: string;
}

/** SeaBIOS clears everything below 90000h before it boots; its data begin at 9FC00h. */
const SETUP_ADDRESS = 0x90000;
const COMMAND_LINE_ADDRESS = 0x9e000;
const KERNEL_ADDRESS = 0x100000;
const BOOT_FLAG_OFFSET = 0x1fe;
const HEADER_MAGIC = 0x53726448; // "HdrS"
const LOADED_HIGH = 0x01;
const QUIET = 0x20;
const KEEP_SEGMENTS = 0x40;
const CAN_USE_HEAP = 0x80;
/** Bytes that syssize counts at the end and that a file may lack: a checksum and the rest of its paragraph. */
const PADDING = 32;
/** Where SeaBIOS works at the top of memory until it boots; an initrd put there would be overwritten. */
const MIB = 2 ** 20;
const firmwareReserve = (memory: number) => (memory >= 40 * MIB ? 16.25 * MIB : MIB);

/** Writes setup, command line, kernel and initrd into guest memory. */
export function loadLinux(memory: Uint8Array, { kernel, initrd, commandLine }: LinuxBoot): void {
  const source = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  if (
    kernel.byteLength < 0x1000 ||
    source.getUint16(BOOT_FLAG_OFFSET, true) !== 0xaa55 ||
    source.getUint32(0x202, true) !== HEADER_MAGIC
  ) {
    throw new KernelImageError("no-kernel", "the kernel is not a bzImage: it has no Linux boot header");
  }
  const protocol = source.getUint16(0x206, true);
  if (protocol < 0x202 || (source.getUint8(0x211) & LOADED_HIGH) === 0) {
    throw new KernelImageError(
      "no-kernel",
      `the kernel needs boot protocol 2.02 or later loaded high; it has ${(protocol >> 8) & 0xff}.${protocol & 0xff}`,
    );
  }
  const setupBytes = ((source.getUint8(0x1f1) || 4) + 1) * 512;
  const body = kernel.subarray(setupBytes);
  const wholeBytes = setupBytes + source.getUint32(0x1f4, true) * 16; // syssize, in paragraphs
  if (protocol >= 0x204 && kernel.byteLength + PADDING < wholeBytes) {
    throw new KernelImageError(
      "damaged",
      `the kernel is cut off: its header says ${wholeBytes} bytes, the file has ${kernel.byteLength}`,
    );
  }
  const kernelEnd = endOfKernel(source, protocol, body.length);
  if (kernelEnd > memory.length) {
    throw new KernelImageError(
      "too-large",
      `the kernel takes memory up to ${Math.ceil(kernelEnd / MIB)} MiB; the machine has ${memory.length / MIB} MiB`,
    );
  }
  const setup = kernel.slice(0, setupBytes);
  const header = new DataView(setup.buffer);
  header.setUint8(0x210, 0xff); // type_of_loader: undefined
  header.setUint8(0x211, (header.getUint8(0x211) & ~(QUIET | KEEP_SEGMENTS)) | CAN_USE_HEAP);
  header.setUint16(0x224, COMMAND_LINE_ADDRESS - SETUP_ADDRESS - 0x200, true); // heap_end_ptr
  header.setUint16(0x1fa, 0xffff, true); // vid_mode: normal
  header.setUint32(0x228, COMMAND_LINE_ADDRESS, true);
  const text = new TextEncoder().encode(commandLine);
  const limit = protocol >= 0x206 ? source.getUint32(0x238, true) : 255;
  if (text.length > limit) {
    throw new KernelImageError(
      "command-line-too-long",
      `the kernel command line has ${text.length} bytes, at most ${limit} are possible`,
    );
  }
  if (initrd !== undefined && initrd.length > 0) {
    const highest = protocol >= 0x203 ? source.getUint32(0x22c, true) : 0x37ffffff;
    const top = Math.min(memory.length - firmwareReserve(memory.length), highest);
    const address = Math.floor((top - initrd.length) / 4096) * 4096;
    if (address < kernelEnd) {
      throw new KernelImageError(
        "too-large",
        `the kernel takes memory up to ${Math.ceil(kernelEnd / MIB)} MiB, and its initrd of ${initrd.length} bytes ` +
          `does not fit above it in ${memory.length / MIB} MiB`,
      );
    }
    memory.set(initrd, address);
    header.setUint32(0x218, address, true);
    header.setUint32(0x21c, initrd.length, true);
  }
  memory.set(setup, SETUP_ADDRESS);
  memory.set(text, COMMAND_LINE_ADDRESS);
  memory[COMMAND_LINE_ADDRESS + text.length] = 0;
  memory.set(body, KERNEL_ADDRESS);
}

/** The address after all that the kernel writes before it has a memory map: it unpacks itself to `pref_address`. */
function endOfKernel(header: DataView, protocol: number, bodyBytes: number): number {
  const loaded = KERNEL_ADDRESS + bodyBytes;
  if (protocol < 0x20a) return loaded;
  const preferred = Number(header.getBigUint64(0x258, true));
  return Math.max(loaded, Math.max(preferred, KERNEL_ADDRESS) + header.getUint32(0x260, true));
}

/**
 * A Plug and Play option ROM (Plug and Play BIOS Specification 1.0A, 3.2 and 3.3) whose bootstrap entry vector jumps to
 * the kernel's real-mode entry. SeaBIOS boots it as it boots a network card's ROM: it must be asked for in the boot order.
 * A ROM without the Plug and Play header would be run while SeaBIOS still keeps 16 MiB at the top of memory for itself,
 * and the guest would never get them.
 */
export function linuxOptionRom(): { name: string; data: Uint8Array } {
  const segment = SETUP_ADDRESS >> 4;
  const entry = segment + 0x20;
  const low = segment & 0xff;
  const high = segment >> 8;
  const header = 0x20;
  const bootEntry = 0x40;
  // prettier-ignore
  const code = [
    0xfa, // cli
    0xb8, low, high, // mov ax, segment
    0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8, 0x8e, 0xd0, // mov ds, es, fs, gs, ss, ax
    0xbc, 0x00, 0xe0, // mov sp, 0e000h
    0xea, 0x00, 0x00, entry & 0xff, entry >> 8, // jmp entry:0
  ];
  const data = new Uint8Array(512);
  data.set([0x55, 0xaa, data.length / 512, 0xcb]); // signature, size, retf: nothing to initialise
  data[0x1a] = header;
  data.set(new TextEncoder().encode("$PnP"), header);
  data.set([1, 2], header + 4); // version, length in units of 16 bytes
  data[header + 0x1a] = bootEntry;
  data.set(code, bootEntry);
  data[511] = -data.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return { name: "genroms/kernel.bin", data };
}

/** A bzImage of protocol 2.15 that does nothing. */
function sampleKernel(): Uint8Array {
  const kernel = new Uint8Array(0x1000);
  const header = new DataView(kernel.buffer);
  header.setUint8(0x1f1, 1); // setup_sects
  header.setUint16(BOOT_FLAG_OFFSET, 0xaa55, true);
  header.setUint32(0x202, HEADER_MAGIC, true);
  header.setUint16(0x206, 0x20f, true);
  header.setUint8(0x211, LOADED_HIGH);
  header.setUint32(0x22c, 0x7fffffff, true); // initrd_addr_max
  header.setUint32(0x238, 2047, true); // cmdline_size
  kernel.fill(0x90, 0x400);
  return kernel;
}

/** SHA-256 of what this loader does with a sample kernel and of its ROM: a state that was booted by another loader is told by it. */
export function linuxLoaderDigest(): string {
  const memory = new Uint8Array(4 * MIB);
  loadLinux(memory, { kernel: sampleKernel(), initrd: new Uint8Array(4096), commandLine: "quiet" });
  const hash = sha256.create();
  hash.update(memory.subarray(SETUP_ADDRESS, KERNEL_ADDRESS + 0x1000));
  hash.update(linuxOptionRom().data);
  return bytesToHex(hash.digest());
}
