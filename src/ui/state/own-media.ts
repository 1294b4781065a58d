/** Tells what a file of the user is by its first bytes, whatever it is called, and what a machine can make of it. */
import type { ByteSource } from "../../hypervisor-model/storage/formats/image.ts";
import { isMultiboot } from "../../hypervisor-model/virtual-machines/machine-spec.ts";

export type MediaKind = "iso" | "floppy" | "disk" | "kernel" | "multiboot" | "initrd" | "unknown";

const FLOPPY_SIZES = new Set([163840, 184320, 327680, 368640, 737280, 1228800, 1474560, 2949120]);
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
  if (FLOPPY_SIZES.has(byteLength)) return "floppy";
  if (head[510] !== 0x55 || head[511] !== 0xaa) {
    if (isMultiboot(head)) return "multiboot";
  } else if (byteLength < 1474560 && byteLength % 512 === 0) return "floppy";
  return byteLength > 0 && byteLength % 512 === 0 ? "disk" : "unknown";
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
  | { type: "iso" | "floppy" | "disk"; file: File };

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
    case "floppy":
    case "disk":
      return { type: first.kind, file: first.file };
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
