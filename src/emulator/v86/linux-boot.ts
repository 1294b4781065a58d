/**
 * Puts a Linux kernel where its boot protocol wants it (Linux Documentation/arch/x86/boot.rst) and makes the option ROM
 * through which SeaBIOS starts it. v86 has a loader of its own, but it runs only once, so a machine that reboots would
 * jump into the remains of the old kernel, and it puts an initrd at the fixed address 64 MiB.
 */

export class KernelImageError extends Error {
  override name = "KernelImageError";
}

export interface LinuxBoot {
  kernel: Uint8Array;
  initrd?: Uint8Array;
  commandLine: string;
}

const SETUP_ADDRESS = 0x80000;
const COMMAND_LINE_ADDRESS = 0x8e000;
const KERNEL_ADDRESS = 0x100000;
const BOOT_FLAG_OFFSET = 0x1fe;
const HEADER_MAGIC = 0x53726448; // "HdrS"
const LOADED_HIGH = 0x01;
const QUIET = 0x20;
const KEEP_SEGMENTS = 0x40;
const CAN_USE_HEAP = 0x80;
/** What SeaBIOS keeps at the top of memory for itself: 16.25 MiB, or 256 KiB where there is little. */
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
    throw new KernelImageError("the kernel is not a bzImage: it has no Linux boot header");
  }
  const protocol = source.getUint16(0x206, true);
  if (protocol < 0x202 || (source.getUint8(0x211) & LOADED_HIGH) === 0) {
    throw new KernelImageError(
      `the kernel needs boot protocol 2.02 or later loaded high; it has ${(protocol >> 8) & 0xff}.${protocol & 0xff}`,
    );
  }
  const setupBytes = ((source.getUint8(0x1f1) || 4) + 1) * 512;
  const body = kernel.subarray(setupBytes);
  if (KERNEL_ADDRESS + body.length > memory.length) {
    throw new KernelImageError(
      `the kernel (${body.length} bytes) does not fit in ${memory.length >> 20} MiB of memory`,
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
      `the kernel command line has ${text.length} bytes, at most ${limit} are possible`,
    );
  }
  if (initrd !== undefined && initrd.length > 0) {
    const highest = protocol >= 0x203 ? source.getUint32(0x22c, true) : 0x37ffffff;
    const top = Math.min(memory.length - firmwareReserve(memory.length), highest);
    const address = Math.floor((top - initrd.length) / 4096) * 4096;
    if (address < KERNEL_ADDRESS + body.length) {
      throw new KernelImageError(
        `kernel and initrd (${body.length + initrd.length} bytes) do not fit in ${memory.length >> 20} MiB of memory`,
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

/** SeaBIOS runs ROMs of this name (fw_cfg) as its last step; this one jumps to the kernel's real-mode entry. */
export function linuxOptionRom(): { name: string; data: Uint8Array } {
  const segment = SETUP_ADDRESS >> 4;
  const entry = segment + 0x20;
  const low = segment & 0xff;
  const high = segment >> 8;
  // prettier-ignore
  const code = [
    0xfa, // cli
    0xb8, low, high, // mov ax, segment
    0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8, 0x8e, 0xd0, // mov ds, es, fs, gs, ss, ax
    0xbc, 0x00, 0xe0, // mov sp, 0e000h
    0xea, 0x00, 0x00, entry & 0xff, entry >> 8, // jmp entry:0
  ];
  const data = new Uint8Array(512);
  data.set([0x55, 0xaa, data.length / 512, ...code]);
  data[511] = -data.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return { name: "genroms/kernel.bin", data };
}
