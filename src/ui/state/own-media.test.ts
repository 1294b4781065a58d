import { expect, test } from "vitest";
import { mediaKind } from "./own-media.ts";

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
test("A text is no medium", () => expect(mediaKind(head(0, "hello"), 1234)).toBe("unknown"));
