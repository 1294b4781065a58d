/**
 * Multiboot Specification 0.6.96: finds the header, places an ELF or address-field ("a.out kludge") kernel and makes the
 * information structure with memory sizes, memory map and command line. EAX is MULTIBOOT_BOOTLOADER_MAGIC at entry, EBX
 * the structure's address.
 */

import { badField } from "../../kernel-image.ts";
import { memoryMap } from "./linux-boot.ts";
import type { LoadMemory } from "./linux-boot.ts";

export const MULTIBOOT_BOOTLOADER_MAGIC = 0x2badb002;
const HEADER_MAGIC = 0x1badb002;
const SEARCH_BYTES = 8192;
const FLAG_ADDRESSES = 0x10000;
/** Bits 0 to 15 are requirements: page alignment, memory information, video mode; of these the first two are met. */
const FLAGS_SUPPORTED = 0x0003;
const INFO = 0x9000;
const MEMORY_MAP = 0x9100;
const COMMAND_LINE = 0xa000;
const COMMAND_LINE_BYTES = 4096;
const ELF_MAGIC = 0x464c457f;
const PT_LOAD = 1;

export interface MultibootEntry {
  eip: number;
  eax: number;
  ebx: number;
}

/** Throws `KernelImageError` for what is no Multiboot kernel or does not fit. */
export function loadMultiboot(memory: LoadMemory, image: Uint8Array, commandLine: string): MultibootEntry {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const header = findHeader(view);
  const flags = view.getUint32(header + 4, true);
  if ((flags & 0xffff & ~FLAGS_SUPPORTED) !== 0) {
    throw badField(
      "no-kernel",
      "the Multiboot header's flags",
      `${flags.toString(16)}h`,
      "no requirement but bits 0 and 1",
    );
  }
  const eip = (flags & FLAG_ADDRESSES) !== 0 ? loadByAddresses(memory, view, header) : loadElf(memory, view);
  const text = new TextEncoder().encode(commandLine);
  if (text.length >= COMMAND_LINE_BYTES) {
    throw badField(
      "command-line-too-long",
      "the command line",
      `${text.length} bytes long`,
      `at most ${COMMAND_LINE_BYTES - 1}`,
    );
  }
  memory.load(COMMAND_LINE, Uint8Array.of(...text, 0));
  putInformation(memory);
  return { eip, eax: MULTIBOOT_BOOTLOADER_MAGIC, ebx: INFO };
}

function findHeader(view: DataView): number {
  for (let at = 0; at + 12 <= Math.min(view.byteLength, SEARCH_BYTES); at += 4) {
    if (view.getUint32(at, true) !== HEADER_MAGIC) continue;
    const sum = (HEADER_MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true)) >>> 0;
    if (sum === 0) return at;
  }
  throw badField(
    "no-kernel",
    "its first 8192 bytes",
    "without a Multiboot header",
    "one with a right checksum",
  );
}

/** Copies `bytes` of the file and clears the rest of the segment. */
function place(
  memory: LoadMemory,
  view: DataView,
  from: number,
  bytes: number,
  to: number,
  total: number,
): void {
  if (from + bytes > view.byteLength) {
    throw badField(
      "damaged",
      "a segment",
      `${from + bytes} bytes into the file`,
      `within its ${view.byteLength} bytes`,
    );
  }
  const end = to + Math.max(bytes, total);
  if (end > memory.ramBytes || to < 0x100000) {
    throw badField(
      end > memory.ramBytes ? "too-large" : "damaged",
      "a segment",
      `${to.toString(16)}h to ${end.toString(16)}h`,
      "between 1 MiB and the end of memory",
    );
  }
  memory.load(to, new Uint8Array(view.buffer, view.byteOffset + from, bytes));
  if (total > bytes) memory.load(to + bytes, new Uint8Array(total - bytes));
}

function loadByAddresses(memory: LoadMemory, view: DataView, header: number): number {
  if (header + 32 > view.byteLength) throw badField("damaged", "the header", "cut off", "32 bytes");
  const [headerAddress, first, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map((at) =>
    view.getUint32(header + at, true),
  );
  const from = header - (headerAddress - first);
  if (from < 0) throw badField("damaged", "load_addr", `${first.toString(16)}h`, "within the file");
  const bytes = loadEnd === 0 ? view.byteLength - from : loadEnd - first;
  if (bytes <= 0) throw badField("damaged", "load_end_addr", `${loadEnd.toString(16)}h`, "above load_addr");
  place(memory, view, from, bytes, first, bssEnd === 0 ? bytes : bssEnd - first);
  return entry;
}

function loadElf(memory: LoadMemory, view: DataView): number {
  if (view.byteLength < 52 || view.getUint32(0, true) !== ELF_MAGIC) {
    throw badField("no-kernel", "the file", "no ELF file", "ELF, or address fields in the Multiboot header");
  }
  const kind = [view.getUint8(4), view.getUint8(5), view.getUint16(18, true)];
  if (kind[0] !== 1 || kind[1] !== 1 || kind[2] !== 3) {
    throw badField(
      "no-kernel",
      "the ELF class, byte order and machine",
      kind.join(", "),
      "1, 1, 3 (32-bit i386)",
    );
  }
  const table = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  if (size < 32 || table + size * count > view.byteLength || count === 0) {
    throw badField(
      "damaged",
      "the ELF program header table",
      `${count} of ${size} bytes at ${table}`,
      "within the file",
    );
  }
  const virtualEntry = view.getUint32(24, true);
  let entry = virtualEntry;
  for (let i = 0; i < count; i++) {
    const at = table + i * size;
    if (view.getUint32(at, true) !== PT_LOAD || view.getUint32(at + 20, true) === 0) continue;
    const [offset, virtual, physical, bytes, total] = [4, 8, 12, 16, 20].map((field) =>
      view.getUint32(at + field, true),
    );
    place(memory, view, offset, bytes, physical, total);
    // An entry given as a virtual address stands for the physical one of its segment.
    if (virtualEntry >= virtual && virtualEntry < virtual + total) entry = virtualEntry - virtual + physical;
  }
  return entry;
}

function putInformation(memory: LoadMemory): void {
  const entries = memoryMap(memory.ramBytes);
  const map = new DataView(new ArrayBuffer(entries.length * 24));
  entries.forEach((entry, i) => {
    map.setUint32(i * 24, 20, true);
    map.setBigUint64(i * 24 + 4, BigInt(entry.address), true);
    map.setBigUint64(i * 24 + 12, BigInt(entry.bytes), true);
    map.setUint32(i * 24 + 20, entry.type, true);
  });
  memory.load(MEMORY_MAP, new Uint8Array(map.buffer));
  const info = new DataView(new ArrayBuffer(116));
  info.setUint32(0, 0x01 | 0x04 | 0x40, true); // Memory sizes, command line, memory map.
  info.setUint32(4, 639, true);
  info.setUint32(8, (memory.ramBytes - 0x100000) / 1024, true);
  info.setUint32(16, COMMAND_LINE, true);
  info.setUint32(44, map.byteLength, true);
  info.setUint32(48, MEMORY_MAP, true);
  memory.load(INFO, new Uint8Array(info.buffer));
}
