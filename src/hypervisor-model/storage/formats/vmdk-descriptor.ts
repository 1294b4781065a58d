/**
 * The descriptor of a VMDK (VMware, Virtual Disk Format 5.0, "The Descriptor File"): text that names the disk's content
 * (CID), its parent's, and the extents it consists of. Inside a monolithic file or a file of its own.
 */
import { FormatError, UnsupportedFormatError } from "../errors.ts";
import { expectFormat, plainName } from "./image.ts";
import { LONGEST_DESCRIPTOR, MOST_EXTENTS } from "./limits.ts";

export const DESCRIPTOR_TITLE = "# Disk DescriptorFile";

export type VmdkType = "monolithicSparse" | "twoGbMaxExtentSparse";

/** Pre-allocated disks: VMware's names for what it would write. Ringside reads and writes sparse ones only. */
export type FlatVmdkType = "monolithicFlat" | "twoGbMaxExtentFlat";

export interface VmdkExtent {
  sectors: number;
  name: string;
}

export interface VmdkDescriptor {
  createType: VmdkType;
  /** Eight hexadecimal digits each. */
  cid: string;
  parentCid: string;
  parentFileNameHint?: string;
  extents: VmdkExtent[];
}

/** Other kinds that exist, refused by their names. */
const isSupported = (type: string): type is VmdkType =>
  type === "monolithicSparse" || type === "twoGbMaxExtentSparse";

export function parseVmdkDescriptor(bytes: Uint8Array): VmdkDescriptor {
  expectFormat(
    bytes.length <= LONGEST_DESCRIPTOR,
    "VMDK descriptor",
    `${bytes.length} bytes`,
    `at most ${LONGEST_DESCRIPTOR}`,
  );
  const text = new TextDecoder().decode(bytes).split("\0")[0];
  expectFormat(
    text.startsWith(DESCRIPTOR_TITLE),
    "VMDK descriptor",
    JSON.stringify(text.slice(0, 40)),
    JSON.stringify(DESCRIPTOR_TITLE),
  );
  const fields = new Map<string, string>();
  const extentLines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const field = /^\s*([\w.]+)\s*=\s*"?([^"]*?)"?\s*$/.exec(line);
    if (field) fields.set(field[1], field[2]);
    else if (/^\s*(RW|RDONLY|NOACCESS)\s/.test(line)) extentLines.push(line);
  }
  const createType = fields.get("createType") ?? "none";
  if (!isSupported(createType)) {
    throw new UnsupportedFormatError(
      `VMDK files of type ${createType.slice(0, 40)} are not supported`,
      createType.slice(0, 40),
      "monolithicSparse or twoGbMaxExtentSparse",
    );
  }
  if (fields.has("encoding") && !/^(utf-8|windows-|iso-8859|gbk)/i.test(fields.get("encoding")!)) {
    throw new FormatError("the VMDK descriptor has an unknown encoding", fields.get("encoding"), "UTF-8");
  }
  expectFormat(
    extentLines.length > 0 && extentLines.length <= MOST_EXTENTS,
    "VMDK extents",
    extentLines.length,
    `1 to ${MOST_EXTENTS}`,
  );
  const extents = extentLines.map(parseExtent);
  const cid = fields.get("CID") ?? "";
  const parentCid = fields.get("parentCID") ?? "ffffffff";
  for (const id of [cid, parentCid])
    expectFormat(/^[0-9a-f]{1,8}$/i.test(id), "VMDK CID", id.slice(0, 40), "eight hexadecimal digits");
  const hint = fields.get("parentFileNameHint");
  return {
    createType,
    cid: cid.toLowerCase().padStart(8, "0"),
    parentCid: parentCid.toLowerCase().padStart(8, "0"),
    ...(hint === undefined ? {} : { parentFileNameHint: plainName(hint) }),
    extents,
  };
}

function parseExtent(line: string): VmdkExtent {
  const match = /^\s*(\w+)\s+(\d{1,12})\s+(\w+)\s+"([^"]+)"/.exec(line);
  expectFormat(match !== null, "VMDK extent", JSON.stringify(line.slice(0, 80)), 'RW sectors SPARSE "file"');
  const [, , sectors, kind, name] = match!;
  if (kind !== "SPARSE") {
    throw new UnsupportedFormatError(
      `VMDK extents of kind ${kind.slice(0, 40)} are not supported`,
      kind.slice(0, 40),
      "SPARSE",
    );
  }
  return { sectors: Number(sectors), name: plainName(name) };
}

/** Sectors of a file of a split disk: 2 GiB less what the tables take, as VMware splits. */
export const SPLIT_SECTORS = 4192256;

/** The files of a split disk, `name` with `-s001` and so on (`-f001` for pre-allocated ones). */
export function splitExtents(sectors: number, name: string, letter: "s" | "f" = "s"): VmdkExtent[] {
  const stem = name.replace(/\.vmdk$/i, "");
  return Array.from({ length: Math.ceil(sectors / SPLIT_SECTORS) }, (_, at) => ({
    sectors: Math.min(SPLIT_SECTORS, sectors - at * SPLIT_SECTORS),
    name: `${stem}-${letter}${String(at + 1).padStart(3, "0")}.vmdk`,
  }));
}

/** The text, with the geometry that the size gives (16 heads, 63 sectors, as IDE has). */
export function serialiseVmdkDescriptor(
  descriptor: Omit<VmdkDescriptor, "createType"> & { createType: VmdkType | FlatVmdkType },
): string {
  const { createType, cid, parentCid, parentFileNameHint, extents } = descriptor;
  const sectors = extents.reduce((sum, extent) => sum + extent.sectors, 0);
  const cylinders = Math.min(16383, Math.floor(sectors / (16 * 63)));
  return [
    DESCRIPTOR_TITLE,
    "version=1",
    `CID=${cid}`,
    `parentCID=${parentCid}`,
    `createType="${createType}"`,
    ...(parentFileNameHint === undefined ? [] : [`parentFileNameHint="${parentFileNameHint}"`]),
    "",
    "# Extent description",
    ...extents.map(({ sectors, name }) =>
      createType.endsWith("Flat") ? `RW ${sectors} FLAT "${name}" 0` : `RW ${sectors} SPARSE "${name}"`,
    ),
    "",
    "# The Disk Data Base",
    "#DDB",
    "",
    'ddb.virtualHWVersion = "4"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    'ddb.geometry.heads = "16"',
    'ddb.geometry.sectors = "63"',
    'ddb.adapterType = "ide"',
    "",
  ].join("\n");
}
