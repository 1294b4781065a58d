/**
 * The Linux boot protocol: Documentation/arch/x86/boot.rst and zero-page.rst of the kernel, straight to the 32-bit entry
 * point of a bzImage. Puts kernel, initrd, command line, zero page and a GDT into memory and says how the CPU must stand.
 */
import { badField } from "../../kernel-image.ts";

export interface LoadMemory {
  readonly ramBytes: number;
  load(address: number, source: Uint8Array): void;
}

/** Flat 32-bit protected mode with paging and interrupts off. */
export interface ProtectedModeEntry {
  eip: number;
  esi: number;
  esp: number;
  gdtBase: number;
  gdtLimit: number;
  codeSelector: number;
  dataSelector: number;
}

const GDT_ADDRESS = 0x8000;
const STACK_TOP = 0x8f000;
const ZERO_PAGE = 0x90000;
const COMMAND_LINE = 0x91000;
const KERNEL_ADDRESS = 0x100000;
const PAGE = 4096;

const HEADER_START = 0x1f1;
const BOOT_FLAG = 0x1fe;
const MAGIC = 0x202;
const VERSION = 0x206;
const TYPE_OF_LOADER = 0x210;
const LOADFLAGS = 0x211;
const CODE32_START = 0x214;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const COMMAND_LINE_POINTER = 0x228;
const INITRD_ADDRESS_MAX = 0x22c;
const COMMAND_LINE_SIZE = 0x238;
const PREFERRED_ADDRESS = 0x258;
const INIT_SIZE = 0x260;
const LOADED_HIGH = 0x01;
const E820_COUNT = 0x1e8;
const E820_TABLE = 0x2d0;

function hex(value: number): string {
  return `${value.toString(16)}h`;
}

/** The memory map of a machine with `ramBytes` from address 0. */
export function memoryMap(ramBytes: number): { address: number; bytes: number; type: number }[] {
  return [
    { address: 0, bytes: 0x9fc00, type: 1 },
    { address: 0x9fc00, bytes: 0x400, type: 2 },
    { address: 0xf0000, bytes: 0x10000, type: 2 },
    { address: 0x100000, bytes: ramBytes - 0x100000, type: 1 },
    { address: 0xfffc0000, bytes: 0x40000, type: 2 },
  ];
}

/** Throws `KernelImageError` if the image is no bzImage that this machine can hold. */
export function loadLinux(
  memory: LoadMemory,
  kernel: Uint8Array,
  initrd: Uint8Array | undefined,
  commandLine: string,
): ProtectedModeEntry {
  if (kernel.length < 0x268)
    throw badField("no-kernel", "its length", `${kernel.length} bytes`, "at least 616 bytes");
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  checkHeader(view);
  const setupBytes = ((view.getUint8(HEADER_START) || 4) + 1) * 512;
  if (setupBytes >= kernel.length) {
    throw badField(
      "damaged",
      "its length",
      `${kernel.length} bytes`,
      `more than the ${setupBytes} bytes of set-up code`,
    );
  }
  const code = kernel.subarray(setupBytes);
  const version = view.getUint16(VERSION, true);
  const text = new TextEncoder().encode(commandLine);
  const limit = version >= 0x206 ? view.getUint32(COMMAND_LINE_SIZE, true) : 255;
  if (text.length > Math.min(limit, PAGE - 1)) {
    throw badField(
      "command-line-too-long",
      "the command line",
      `${text.length} bytes long`,
      `at most ${Math.min(limit, PAGE - 1)}`,
    );
  }
  const kernelEnd = workingEnd(view, version, code.length);
  if (kernelEnd > memory.ramBytes) {
    throw badField(
      "too-large",
      "the memory it needs",
      `${kernelEnd} bytes`,
      `at most the machine's ${memory.ramBytes}`,
    );
  }

  const zeroPage = new Uint8Array(PAGE);
  const zero = new DataView(zeroPage.buffer);
  const headerEnd = Math.min(MAGIC + kernel[0x201], 0x290);
  zeroPage.set(kernel.subarray(HEADER_START, headerEnd), HEADER_START);
  putScreenInfo(zeroPage);
  putMemoryMap(zero, memory.ramBytes);
  zeroPage[TYPE_OF_LOADER] = 0xff;
  zero.setUint32(CODE32_START, KERNEL_ADDRESS, true);
  zero.setUint32(COMMAND_LINE_POINTER, COMMAND_LINE, true);
  if (initrd !== undefined && initrd.length > 0) {
    const highest = version >= 0x203 ? view.getUint32(INITRD_ADDRESS_MAX, true) : 0x37ffffff;
    const end = Math.min(memory.ramBytes, highest + 1);
    const address = Math.floor((end - initrd.length) / PAGE) * PAGE;
    if (address < kernelEnd) {
      throw badField(
        "too-large",
        "the initial RAM disk",
        `${initrd.length} bytes`,
        `at most ${Math.max(0, end - kernelEnd)} beside the kernel in this memory`,
      );
    }
    memory.load(address, initrd);
    zero.setUint32(RAMDISK_IMAGE, address, true);
    zero.setUint32(RAMDISK_SIZE, initrd.length, true);
  }
  memory.load(KERNEL_ADDRESS, code);
  memory.load(COMMAND_LINE, Uint8Array.of(...text, 0));
  memory.load(ZERO_PAGE, zeroPage);
  return flatProtectedMode(memory, KERNEL_ADDRESS, ZERO_PAGE);
}

function checkHeader(view: DataView): void {
  const bootFlag = view.getUint16(BOOT_FLAG, true);
  if (bootFlag !== 0xaa55) throw badField("no-kernel", "boot_flag", hex(bootFlag), "aa55h");
  const magic = view.getUint32(MAGIC, true);
  if (magic !== 0x53726448)
    throw badField("no-kernel", "the header's magic number", hex(magic), "53726448h (HdrS)");
  const version = view.getUint16(VERSION, true);
  if (version < 0x202) throw badField("no-kernel", "the boot protocol", hex(version), "202h or later");
  const flags = view.getUint8(LOADFLAGS);
  if ((flags & LOADED_HIGH) === 0)
    throw badField("no-kernel", "loadflags", hex(flags), "LOADED_HIGH set (a bzImage)");
}

/** First address above everything the kernel touches before it has read the memory map. */
function workingEnd(view: DataView, version: number, codeBytes: number): number {
  const loaded = KERNEL_ADDRESS + codeBytes;
  if (version < 0x20a) return loaded * 2;
  const preferred =
    view.getUint32(PREFERRED_ADDRESS, true) + view.getUint32(PREFERRED_ADDRESS + 4, true) * 2 ** 32;
  return Math.max(loaded, Math.max(preferred, KERNEL_ADDRESS) + view.getUint32(INIT_SIZE, true));
}

/** struct screen_info: text mode 3 of a VGA, 80 × 25, 16 lines a character. */
function putScreenInfo(zeroPage: Uint8Array): void {
  zeroPage[0x06] = 3;
  zeroPage[0x07] = 80;
  zeroPage[0x0e] = 25;
  zeroPage[0x0f] = 1;
  zeroPage[0x10] = 16;
}

function putMemoryMap(zero: DataView, ramBytes: number): void {
  const entries = memoryMap(ramBytes);
  const extended = (ramBytes - 0x100000) / 1024;
  zero.setUint16(0x02, Math.min(0xffff, extended), true);
  zero.setUint32(0x1e0, extended, true);
  zero.setUint8(E820_COUNT, entries.length);
  entries.forEach((entry, i) => {
    const at = E820_TABLE + i * 20;
    zero.setBigUint64(at, BigInt(entry.address), true);
    zero.setBigUint64(at + 8, BigInt(entry.bytes), true);
    zero.setUint32(at + 16, entry.type, true);
  });
}

/** __BOOT_CS 10h and __BOOT_DS 18h, flat 4 GiB, as the protocol asks. */
function flatProtectedMode(memory: LoadMemory, eip: number, esi: number): ProtectedModeEntry {
  const gdt = new DataView(new ArrayBuffer(32));
  gdt.setBigUint64(16, 0x00cf9b000000ffffn, true);
  gdt.setBigUint64(24, 0x00cf93000000ffffn, true);
  memory.load(GDT_ADDRESS, new Uint8Array(gdt.buffer));
  return {
    eip,
    esi,
    esp: STACK_TOP,
    gdtBase: GDT_ADDRESS,
    gdtLimit: 31,
    codeSelector: 0x10,
    dataSelector: 0x18,
  };
}
