/** Finds out what an image file is, and opens it with the files it stands on. */
import { FormatError, UnsupportedFormatError, NO_SUCH_FILE } from "../errors.ts";
import { expectFormat, type ByteSource, type FileFinder, type ImageFile } from "./image.ts";
import { LONGEST_DESCRIPTOR, LONGEST_IMAGE_CHAIN } from "./limits.ts";
import { parseQcow2 } from "./qcow2.ts";
import { parseRaw } from "./raw.ts";
import { parseVmdk, parseVmdkDescriptorFile } from "./vmdk.ts";
import { DESCRIPTOR_TITLE } from "./vmdk-descriptor.ts";

/** How the files of formats that are known and not supported begin. */
const UNSUPPORTED: [at: number, text: string, name: string][] = [
  [0, "COWD", "VMware ESX sparse (COWD)"],
  [0, "conectix", "VHD"],
  [0, "vhdxfile", "VHDX"],
  [0, "QED\0", "QED"],
  [0, "LUKS\xba\xbe", "LUKS (encrypted)"],
  [64, "\x7f\x10\xda\xbe", "VDI"],
  [0, "WithoutFreeSpace", "Parallels"],
  [0, "\x1f\x8b", "gzip: unpack it first"],
  [0, "PK\x03\x04", "zip: unpack it first"],
  [0, "\xfd7zXZ", "xz: unpack it first"],
];

/** One image, by how it begins; what begins like nothing known is raw. */
export async function openImageFile(source: ByteSource, find: FileFinder): Promise<ImageFile> {
  const start = await source.read(0, Math.min(512, source.byteLength));
  const text = String.fromCharCode(...start);
  for (const [at, magic, name] of UNSUPPORTED) {
    if (!text.startsWith(magic, at)) continue;
    throw new UnsupportedFormatError(
      `disk images of format ${name} are not supported`,
      name,
      "raw, qcow2 or VMDK",
    );
  }
  if (text.startsWith("QFI\xfb")) return parseQcow2(source);
  if (text.startsWith("KDMV")) return parseVmdk(source);
  if (text.startsWith(DESCRIPTOR_TITLE)) {
    expectFormat(
      source.byteLength <= LONGEST_DESCRIPTOR,
      "VMDK descriptor",
      `${source.byteLength} bytes`,
      `at most ${LONGEST_DESCRIPTOR}`,
    );
    return parseVmdkDescriptorFile(source, find);
  }
  return parseRaw(source);
}

/**
 * The image `name` and all below it, lowest first. Throws FormatError if one is missing, stands on itself, or was made for
 * another content of the one below, as far as VMDK's CIDs tell.
 */
export async function openImageChain(name: string, find: FileFinder): Promise<ImageFile[]> {
  const chain: ImageFile[] = [];
  for (let next: string | undefined = name; next !== undefined;) {
    const source = find(next);
    if (!source) {
      const whose = chain.length === 0 ? "the image" : "the backing file";
      throw new FormatError(`${whose} ${next} is missing`, NO_SUCH_FILE, next);
    }
    const image: ImageFile = await openImageFile(source, find);
    const child = chain.at(0);
    chain.unshift(image);
    if (child?.parentCid !== undefined && image.cid !== undefined && child.parentCid !== image.cid) {
      throw new FormatError(
        `the parent ${next} was modified after its child was created`,
        `CID=${image.cid} (${next})`,
        `CID=${child.parentCid}`,
        "parent-changed",
      );
    }
    if (chain.length > LONGEST_IMAGE_CHAIN) {
      throw new FormatError(
        "the images stand on each other in a loop",
        `${chain.length} images`,
        `at most ${LONGEST_IMAGE_CHAIN}`,
      );
    }
    next = image.backing;
  }
  return chain;
}

/** Of several files that belong to one disk the one that is meant: no other names it as its backing file or extent. */
export async function topmostImage(names: readonly string[], find: FileFinder): Promise<string> {
  const named = new Set<string>();
  const noting: FileFinder = (name) => {
    named.add(name);
    return find(name);
  };
  for (const name of names) {
    const source = find(name);
    // One that cannot be opened by itself, as an extent of a split VMDK, names nothing.
    const image = source && (await openImageFile(source, noting).catch(() => undefined));
    if (image?.backing !== undefined) named.add(image.backing);
  }
  return names.find((name) => !named.has(name)) ?? names[0];
}
