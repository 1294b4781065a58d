/** Tells what a file of the user is by its first bytes, whatever it is called, and what a machine can make of it. */
import type { ByteSource } from "../../hypervisor-model/storage/formats/image.ts";
import { isMultiboot } from "../../hypervisor-model/virtual-machines/machine-spec.ts";

export type MediaKind = "iso" | "floppy" | "disk" | "kernel" | "multiboot" | "initrd" | "unknown";

const FLOPPY_SIZES = new Set([163840, 184320, 327680, 368640, 737280, 1228800, 1474560, 2949120]);
const LARGEST_FLOPPY = Math.max(...FLOPPY_SIZES);
const SECTOR = 512;
/** ISO 9660 (ECMA-119, 8.1): the first volume descriptor, with "CD001", is at sector 16. */
const ISO_DESCRIPTOR = 0x8001;
/** cpio (newc, with and without checksum), gzip, xz, Zstandard, LZ4 as Linux packs it. */
const INITRD = ["070701", "070702", "\x1f\x8b", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "\x02\x21\x4c\x18"];
/** qcow2 and VMDK (Virtual Disk Format 5.0, sparse extent); VirtualPC and other formats are told apart on import. */
const DISK_FORMATS = ["QFI\xfb", "KDMV"];

export function mediaKind(head: Uint8Array, byteLength: number): MediaKind {
  const text = (at: number, length: number) => String.fromCharCode(...head.subarray(at, at + length));
  if (text(ISO_DESCRIPTOR, 5) === "CD001") return "iso";
  // Linux boot protocol: "HdrS" at 0x202
  if (text(0x202, 4) === "HdrS") return "kernel";
  const start = text(0, 8);
  if (INITRD.some((magic) => start.startsWith(magic))) return "initrd";
  if (DISK_FORMATS.some((magic) => start.startsWith(magic))) return "disk";
  const hasBootSector = head[510] === 0x55 && head[511] === 0xaa;
  if (!hasBootSector && isMultiboot(head)) return "multiboot";
  if (byteLength === 0 || byteLength % SECTOR !== 0) return "unknown";
  if (hasPartitions(head, byteLength) || isFixedDisk(head)) return "disk";
  if (FLOPPY_SIZES.has(byteLength)) return "floppy";
  return hasBootSector && byteLength < LARGEST_FLOPPY ? "floppy" : "disk";
}

/** A plain image this small can be either: which one the user means, only the user knows. */
export function isFloppyOrDisk(kind: MediaKind, byteLength: number): boolean {
  return (kind === "floppy" || kind === "disk") && byteLength % SECTOR === 0 && byteLength <= LARGEST_FLOPPY;
}

const view = (head: Uint8Array) => new DataView(head.buffer, head.byteOffset, head.byteLength);

/** A partition table (MBR): four entries of which one at least is used, and each used one lies within the image. */
function hasPartitions(head: Uint8Array, byteLength: number): boolean {
  if (head.length < SECTOR || head[510] !== 0x55 || head[511] !== 0xaa) return false;
  const table = view(head);
  const entries = [0x1be, 0x1ce, 0x1de, 0x1ee].map((at) => ({
    status: head[at],
    type: head[at + 4],
    from: table.getUint32(at + 8, true),
    sectors: table.getUint32(at + 12, true),
  }));
  const used = entries.filter(({ type }) => type !== 0);
  return (
    used.length > 0 &&
    entries.every(({ status }) => (status & 0x7f) === 0) &&
    used.every(({ from, sectors }) => from > 0 && sectors > 0 && (from + sectors) * SECTOR <= byteLength)
  );
}

/** A FAT boot sector whose media byte is that of a fixed disk (FAT specification 1.03, BPB_Media). */
function isFixedDisk(head: Uint8Array): boolean {
  if (head.length < SECTOR || (head[0] !== 0xeb && head[0] !== 0xe9)) return false;
  const [bytesPerSector, media, sectorsPerTrack] = [view(head).getUint16(0x0b, true), head[0x15], head[0x18]];
  // F8h also stands for some 3.5-inch formats of 9 sectors a track.
  return bytesPerSector === SECTOR && media === 0xf8 && sectorsPerTrack > 9;
}

export async function kindOfFile(file: File): Promise<MediaKind> {
  return mediaKind(new Uint8Array(await file.slice(0, ISO_DESCRIPTOR + 5).arrayBuffer()), file.size);
}

export interface KnownFile {
  file: File;
  kind: MediaKind;
}

export type OwnBoot =
  | { type: "refused"; reason: "empty" | "unknown" | "initrd-alone" | "together"; name: string }
  | { type: "kernel"; kernel: File; initrd?: File; multiboot: boolean }
  | { type: "iso"; file: File }
  /** `either`: it could be the other one as well. */
  | { type: "floppy" | "disk"; file: File; either: boolean };

/** What a machine starts from when it is given these files, of which there is at least one. */
export function bootOf(files: readonly KnownFile[]): OwnBoot {
  const refused = (
    reason: "empty" | "unknown" | "initrd-alone" | "together",
    { file }: KnownFile,
  ): OwnBoot => ({
    type: "refused",
    reason,
    name: file.name,
  });
  for (const known of files) {
    if (known.file.size === 0) return refused("empty", known);
    if (known.kind === "unknown") return refused("unknown", known);
  }
  const kernel = files.find(({ kind }) => kind === "kernel" || kind === "multiboot");
  const initrd = files.find(({ kind }) => kind === "initrd");
  const first = kernel ?? files[0];
  const other = files.find((known) => known !== first && !(kernel?.kind === "kernel" && known === initrd));
  if (other) return refused("together", other);
  switch (first.kind) {
    case "kernel":
    case "multiboot":
      return {
        type: "kernel",
        kernel: first.file,
        initrd: initrd?.file,
        multiboot: first.kind === "multiboot",
      };
    case "iso":
      return { type: "iso", file: first.file };
    case "floppy":
    case "disk":
      return { type: first.kind, file: first.file, either: isFloppyOrDisk(first.kind, first.file.size) };
    case "initrd":
      return refused("initrd-alone", first);
    case "unknown":
      return refused("unknown", first);
    default:
      return first.kind satisfies never;
  }
}

/** The bytes of a file, read where they are needed. */
export function sourceOf(file: Blob): ByteSource {
  return {
    byteLength: file.size,
    read: async (offset, length) => new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
  };
}
