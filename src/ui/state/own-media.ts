/** Tells what a file of the user is by its first bytes, whatever it is called. */
export type MediaKind = "iso" | "floppy" | "disk" | "kernel" | "initrd" | "unknown";

const FLOPPY_SIZES = new Set([163840, 184320, 327680, 368640, 737280, 1228800, 1474560, 2949120]);
/** ISO 9660 (ECMA-119, 8.1): the first volume descriptor, with "CD001", is at sector 16. */
const ISO_DESCRIPTOR = 0x8001;

export function mediaKind(head: Uint8Array, byteLength: number): MediaKind {
  const text = (at: number, length: number) => String.fromCharCode(...head.subarray(at, at + length));
  if (text(ISO_DESCRIPTOR, 5) === "CD001") return "iso";
  // Linux boot protocol: "HdrS" at 0x202
  if (text(0x202, 4) === "HdrS") return "kernel";
  if (text(0, 6) === "070701" || text(0, 6) === "070702" || (head[0] === 0x1f && head[1] === 0x8b))
    return "initrd";
  const bootable = head[510] === 0x55 && head[511] === 0xaa;
  if (FLOPPY_SIZES.has(byteLength)) return "floppy";
  if (bootable && byteLength % 512 === 0) return byteLength < 1474560 ? "floppy" : "disk";
  return "unknown";
}

export async function kindOfFile(file: File): Promise<MediaKind> {
  return mediaKind(new Uint8Array(await file.slice(0, ISO_DESCRIPTOR + 5).arrayBuffer()), file.size);
}
