import { expect, test } from "vitest";
import { bootOf, isFloppyOrDisk, mediaKind, type MediaKind } from "./own-media.ts";

function head(at: number, text: string): Uint8Array {
  const bytes = new Uint8Array(0x8006);
  bytes.set(new TextEncoder().encode(text), at);
  return bytes;
}

test("An ISO image is known by its volume descriptor", () =>
  expect(mediaKind(head(0x8001, "CD001"), 700_000_000)).toBe("iso"));
test("A Linux kernel is known by its boot header", () =>
  expect(mediaKind(head(0x202, "HdrS"), 5_000_000)).toBe("kernel"));
test("A cpio archive is taken for an initrd", () =>
  expect(mediaKind(head(0, "070701"), 9999)).toBe("initrd"));
test("A file of 1440 KiB is a floppy", () => expect(mediaKind(new Uint8Array(600), 1474560)).toBe("floppy"));
/** A boot sector with one partition. */
function partitioned(sectors: number): Uint8Array {
  const bytes = new Uint8Array(0x8006);
  bytes[0x1be + 4] = 0x83;
  const entry = new DataView(bytes.buffer, 0x1be);
  entry.setUint32(8, 63, true);
  entry.setUint32(12, sectors - 63, true);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}
/** A FAT boot sector. */
function fat(media: number, sectorsPerTrack: number): Uint8Array {
  const bytes = new Uint8Array(0x8006);
  bytes.set([0xeb, 0x3c, 0x90]);
  bytes.set([0x00, 0x02], 0x0b);
  bytes[0x15] = media;
  bytes[0x18] = sectorsPerTrack;
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}
test("A small image with a partition table is a disk, even of a floppy's size", () => {
  expect(mediaKind(partitioned(2000), 2000 * 512)).toBe("disk");
  expect(mediaKind(partitioned(2880), 1474560)).toBe("disk");
});
test("A small FAT image is a disk or a floppy by its media byte", () => {
  expect(mediaKind(fat(0xf8, 32), 1_024_000)).toBe("disk");
  expect(mediaKind(fat(0xf0, 18), 1_024_000)).toBe("floppy");
  expect(mediaKind(fat(0xf8, 9), 737280)).toBe("floppy");
});
test("A boot sector alone is a floppy; the words at its end are no partition table", () => {
  const bytes = head(510, "");
  bytes.set([0x55, 0xaa], 510);
  bytes.set(new TextEncoder().encode("press any key to restart"), 0x1d0);
  expect(mediaKind(bytes, 512)).toBe("floppy");
});
test("Only a plain image of at most 2880 KiB could be either", () => {
  expect(isFloppyOrDisk("floppy", 1474560)).toBe(true);
  expect(isFloppyOrDisk("disk", 1_024_000)).toBe(true);
  expect(isFloppyOrDisk("disk", 8 << 20)).toBe(false);
  expect(isFloppyOrDisk("iso", 1_024_000)).toBe(false);
});
test("A text is no medium", () => expect(mediaKind(head(0, "hello"), 1234)).toBe("unknown"));
test("A qcow2 image is a disk, whatever its size", () => {
  const bytes = head(0, "QFI");
  bytes[3] = 0xfb;
  expect(mediaKind(bytes, 197_001)).toBe("disk");
});
test("A sparse VMDK is a disk", () => expect(mediaKind(head(0, "KDMV"), 70_001)).toBe("disk"));
test("Whole sectors without a boot signature are a raw disk", () =>
  expect(mediaKind(new Uint8Array(0x8006), 8 << 20)).toBe("disk"));

const files = (...kinds: MediaKind[]) =>
  kinds.map((kind) => ({ kind, file: new File([kind], `${kind}.bin`) }));

test("A kernel and its initrd start together, in either order", () => {
  expect(bootOf(files("initrd", "kernel"))).toMatchObject({ type: "kernel", multiboot: false });
  expect(bootOf(files("kernel", "initrd"))).toHaveProperty("initrd.name", "initrd.bin");
});
test("An initrd alone is refused", () =>
  expect(bootOf(files("initrd"))).toEqual({ type: "refused", reason: "initrd-alone", name: "initrd.bin" }));
test("A disk beside a CD is refused by name", () =>
  expect(bootOf(files("iso", "disk"))).toEqual({ type: "refused", reason: "together", name: "disk.bin" }));
test("One file that is no medium refuses the choice", () =>
  expect(bootOf(files("kernel", "unknown"))).toMatchObject({ reason: "unknown", name: "unknown.bin" }));
test("An empty file is refused as empty", () =>
  expect(bootOf([{ kind: "unknown", file: new File([], "nothing.iso") }])).toMatchObject({
    reason: "empty",
  }));
