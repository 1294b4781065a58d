/**
 * VMDK, VMware's disk format (VMware, Virtual Disk Format 5.0): monolithicSparse, one hosted sparse extent with the
 * descriptor inside, and twoGbMaxExtentSparse, a descriptor file beside extents of at most 2 GiB. Numbers are little
 * endian, places are in sectors of 512 bytes. A grain is the unit that is there or not; grain tables say where.
 */
import { FormatError, UnsupportedFormatError, NO_SUCH_FILE } from "../errors.ts";
import {
  expectFormat,
  readExactly,
  type ByteSink,
  type ByteSource,
  type Cluster,
  type DiskContents,
  type FileFinder,
  type ImageFile,
} from "./image.ts";
import { LARGEST_IMAGE_BYTES } from "./limits.ts";
import {
  parseVmdkDescriptor,
  serialiseVmdkDescriptor,
  SPLIT_SECTORS,
  splitExtents,
  type VmdkDescriptor,
  type VmdkExtent,
} from "./vmdk-descriptor.ts";

/** "KDMV" */
export const VMDK_MAGIC = 0x564d444b;
const SECTOR = 512;
const FLAG_NEW_LINES = 1;
const FLAG_REDUNDANT_TABLES = 2;
const FLAG_ZERO_GRAINS = 4;
const FLAG_COMPRESSED = 1 << 16;
const FLAG_MARKERS = 1 << 17;
const NEW_LINES = [0x0a, 0x20, 0x0d, 0x0a];

interface Extent {
  source: ByteSource;
  sectors: number;
  grainSectors: number;
  tableEntries: number;
  directoryAt: number;
  descriptorAt: number;
  descriptorSectors: number;
  zeroGrains: boolean;
}

async function parseExtent(source: ByteSource): Promise<Extent> {
  const bytes = await readExactly(source, 0, SECTOR, "the VMDK header");
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (at: number) => Number(data.getBigUint64(at, true));
  expectFormat(
    data.getUint32(0, true) === VMDK_MAGIC,
    "VMDK magic",
    data.getUint32(0, true).toString(16),
    "564d444b",
  );
  const version = data.getUint32(4, true);
  const flags = data.getUint32(8, true);
  if ((flags & (FLAG_COMPRESSED | FLAG_MARKERS)) !== 0) {
    throw new UnsupportedFormatError(
      "compressed VMDK files (streamOptimized) are not supported",
      "streamOptimized",
      "monolithicSparse or twoGbMaxExtentSparse",
    );
  }
  if (version < 1 || version > 3) {
    throw new UnsupportedFormatError(
      `VMDK version ${version} is not supported`,
      `version ${version}`,
      "version 1 to 3",
    );
  }
  if ((flags & FLAG_NEW_LINES) !== 0) {
    const found = [...bytes.subarray(73, 77)];
    expectFormat(
      found.every((byte, at) => byte === NEW_LINES[at]),
      "VMDK header, damaged by a transfer as text: line ends",
      found.join(" "),
      NEW_LINES.join(" "),
    );
  }
  const [sectors, grainSectors] = [number(12), number(20)];
  expectFormat(
    sectors > 0 && sectors * SECTOR <= LARGEST_IMAGE_BYTES,
    "VMDK size",
    `${sectors} sectors`,
    `at most ${LARGEST_IMAGE_BYTES / SECTOR}`,
  );
  expectFormat(
    grainSectors >= 8 && grainSectors <= 4096 && (grainSectors & (grainSectors - 1)) === 0,
    "VMDK grain size",
    `${grainSectors} sectors`,
    "a power of two from 8 to 4096",
  );
  const tableEntries = data.getUint32(44, true);
  expectFormat(
    tableEntries >= 64 && tableEntries <= 4096,
    "VMDK grain table entries",
    tableEntries,
    "64 to 4096",
  );
  return {
    source,
    sectors,
    grainSectors,
    tableEntries,
    directoryAt: number(56),
    descriptorAt: number(28),
    descriptorSectors: number(36),
    zeroGrains: (flags & FLAG_ZERO_GRAINS) !== 0,
  };
}

/** A file that begins with a sparse extent's header: monolithicSparse, or an extent given without its descriptor. */
export async function parseVmdk(source: ByteSource): Promise<ImageFile> {
  const extent = await parseExtent(source);
  if (extent.descriptorAt === 0) {
    throw new FormatError(
      "this VMDK file is one extent of a disk",
      "an extent without descriptor",
      "the descriptor file, together with its extents",
      "extent-alone",
    );
  }
  const length = extent.descriptorSectors * SECTOR;
  expectFormat(length > 0 && length <= 1 << 20, "VMDK descriptor", `${length} bytes`, "at most 1 MiB");
  const bytes = await readExactly(source, extent.descriptorAt * SECTOR, length, "the VMDK descriptor");
  const end = bytes.indexOf(0);
  const descriptor = parseVmdkDescriptor(end < 0 ? bytes : bytes.subarray(0, end));
  expectFormat(
    descriptor.createType === "monolithicSparse" && descriptor.extents.length === 1,
    "VMDK file with a header",
    `${descriptor.createType} of ${descriptor.extents.length} extents`,
    "monolithicSparse of one",
  );
  return imageOf(descriptor, [fit(extent, descriptor.extents[0])]);
}

/** A descriptor file; `find` gives the extents it names. */
export async function parseVmdkDescriptorFile(source: ByteSource, find: FileFinder): Promise<ImageFile> {
  const descriptor = parseVmdkDescriptor(await source.read(0, source.byteLength));
  const extents: Extent[] = [];
  for (const { name, sectors } of descriptor.extents) {
    const file = find(name);
    if (!file) {
      throw new FormatError(`the extent ${name} of the VMDK is missing`, NO_SUCH_FILE, name);
    }
    const extent = await parseExtent(file);
    extents.push(fit(extent, { name, sectors }));
  }
  return imageOf(descriptor, extents);
}

/** The header tells whole grains, the descriptor the exact size. */
function fit(extent: Extent, { name, sectors }: VmdkExtent): Extent {
  expectFormat(
    sectors > 0 && sectors <= extent.sectors,
    `VMDK extent ${name}`,
    `${extent.sectors} sectors`,
    `${sectors}`,
  );
  return { ...extent, sectors };
}

function imageOf(descriptor: VmdkDescriptor, extents: Extent[]): ImageFile {
  const sizeBytes = extents.reduce((sum, { sectors }) => sum + sectors, 0) * SECTOR;
  expectFormat(
    sizeBytes <= LARGEST_IMAGE_BYTES && sizeBytes > 0,
    "VMDK size",
    sizeBytes,
    `at most ${LARGEST_IMAGE_BYTES}`,
  );
  const hasParent = descriptor.parentCid !== "ffffffff";
  if (hasParent && descriptor.parentFileNameHint === undefined) {
    throw new FormatError("the VMDK has a parent and does not name it", "no parentFileNameHint", "its name");
  }
  return {
    format: "vmdk",
    sizeBytes,
    cid: descriptor.cid,
    ...(hasParent ? { backing: descriptor.parentFileNameHint, parentCid: descriptor.parentCid } : {}),
    description: serialiseVmdkDescriptor(descriptor),
    async *clusters() {
      let offset = 0;
      for (const extent of extents) {
        yield* readGrains(extent, offset);
        offset += extent.sectors * SECTOR;
      }
    },
  };
}

async function* readGrains(extent: Extent, first: number): AsyncGenerator<Cluster> {
  const { source, grainSectors, tableEntries } = extent;
  const grainBytes = grainSectors * SECTOR;
  const grains = Math.ceil(extent.sectors / grainSectors);
  const tables = Math.ceil(grains / tableEntries);
  const directory = await readWords(source, extent.directoryAt, tables, "the grain directory");
  const seen = new Set<number>();
  let claimed = 0;
  for (let t = 0; t < tables; t++) {
    if (directory[t] === 0) continue;
    expectFormat(
      !seen.has(directory[t]),
      "grain table",
      `one at ${directory[t]} twice`,
      "tables of their own",
    );
    seen.add(directory[t]);
    const table = await readWords(source, directory[t], tableEntries, "a grain table");
    for (let g = 0; g < tableEntries && t * tableEntries + g < grains; g++) {
      const at = table[g];
      if (at === 0) continue;
      const start = (t * tableEntries + g) * grainBytes;
      const length = Math.min(grainBytes, extent.sectors * SECTOR - start);
      if (at === 1 && extent.zeroGrains) {
        yield { offset: first + start, bytes: new Uint8Array(length) };
        continue;
      }
      claimed += length;
      expectFormat(
        claimed <= source.byteLength,
        "VMDK grains",
        `room for ${claimed} bytes claimed`,
        `at most the file's ${source.byteLength}`,
      );
      yield { offset: first + start, bytes: await readExactly(source, at * SECTOR, length, "a grain") };
    }
  }
}

async function readWords(
  source: ByteSource,
  sector: number,
  count: number,
  what: string,
): Promise<Uint32Array> {
  const bytes = await readExactly(source, sector * SECTOR, count * 4, what);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: count }, (_, at) => data.getUint32(at * 4, true));
}

const GRAIN_SECTORS = 128;
const GRAIN_BYTES = GRAIN_SECTORS * SECTOR;
const TABLE_ENTRIES = 512;
const TABLE_SECTORS = (TABLE_ENTRIES * 4) / SECTOR;
const DESCRIPTOR_SECTORS = 20;

/** One file. `name` is its own name, which the descriptor holds. */
export async function serialiseVmdk(
  contents: DiskContents,
  name: string,
  cid: string,
  sink: ByteSink,
): Promise<void> {
  const sectors = contents.sizeBytes / SECTOR;
  const descriptor: VmdkDescriptor = {
    createType: "monolithicSparse",
    cid,
    parentCid: "ffffffff",
    extents: [{ sectors, name }],
  };
  await serialiseExtent(contents, 0, sectors, serialiseVmdkDescriptor(descriptor), sink);
}

export interface SplitVmdkFile {
  name: string;
  write(sink: ByteSink): Promise<void>;
}

/** The descriptor file and its extents, to be written one after another. `name` ends with .vmdk. */
export function splitVmdk(contents: DiskContents, name: string, cid: string): SplitVmdkFile[] {
  const extents = splitExtents(contents.sizeBytes / SECTOR, name);
  const descriptor = serialiseVmdkDescriptor({
    createType: "twoGbMaxExtentSparse",
    cid,
    parentCid: "ffffffff",
    extents,
  });
  return [
    { name, write: async (sink) => void (await sink(new TextEncoder().encode(descriptor))) },
    ...extents.map(({ sectors, name }, at) => ({
      name,
      write: (sink: ByteSink) => serialiseExtent(contents, at * SPLIT_SECTORS, sectors, undefined, sink),
    })),
  ];
}

/** A sparse extent of `sectors` from sector `first` of the disk on. */
async function serialiseExtent(
  contents: DiskContents,
  first: number,
  sectors: number,
  descriptor: string | undefined,
  sink: ByteSink,
): Promise<void> {
  const grains = Math.ceil(sectors / GRAIN_SECTORS);
  const tables = Math.ceil(grains / TABLE_ENTRIES);
  const directorySectors = Math.ceil((tables * 4) / SECTOR);
  const metadataSectors = directorySectors + tables * TABLE_SECTORS;
  const redundantAt = 1 + (descriptor === undefined ? 0 : DESCRIPTOR_SECTORS);
  const directoryAt = redundantAt + metadataSectors;
  const overhead = Math.ceil((directoryAt + metadataSectors) / GRAIN_SECTORS) * GRAIN_SECTORS;
  const lengthOf = (grain: number) => Math.min(GRAIN_BYTES, sectors * SECTOR - grain * GRAIN_BYTES);
  const offsetOf = (grain: number) => first * SECTOR + grain * GRAIN_BYTES;
  const data: number[] = [];
  for (let grain = 0; grain < grains; grain++) {
    if (contents.hasData(offsetOf(grain), lengthOf(grain))) data.push(grain);
  }
  const bytes = new Uint8Array(overhead * SECTOR);
  const fields = new DataView(bytes.buffer);
  const put = (at: number, value: number) => fields.setBigUint64(at, BigInt(value), true);
  fields.setUint32(0, VMDK_MAGIC, true);
  fields.setUint32(4, 1, true);
  fields.setUint32(8, FLAG_NEW_LINES | FLAG_REDUNDANT_TABLES, true);
  // The capacity of an extent is whole grains; the descriptor has the exact size.
  put(12, grains * GRAIN_SECTORS);
  put(20, GRAIN_SECTORS);
  put(28, descriptor === undefined ? 0 : 1);
  put(36, descriptor === undefined ? 0 : DESCRIPTOR_SECTORS);
  fields.setUint32(44, TABLE_ENTRIES, true);
  put(48, redundantAt);
  put(56, directoryAt);
  put(64, overhead);
  bytes.set(NEW_LINES, 73);
  if (descriptor !== undefined) bytes.set(new TextEncoder().encode(descriptor), SECTOR);
  for (const at of [redundantAt, directoryAt]) {
    const firstTable = at + directorySectors;
    for (let t = 0; t < tables; t++)
      fields.setUint32(at * SECTOR + t * 4, firstTable + t * TABLE_SECTORS, true);
    data.forEach((grain, index) =>
      fields.setUint32(firstTable * SECTOR + grain * 4, overhead + index * GRAIN_SECTORS, true),
    );
  }
  await sink(bytes);
  for (const grain of data) {
    const length = lengthOf(grain);
    await sink(await contents.read(offsetOf(grain), length));
    if (length < GRAIN_BYTES) await sink(new Uint8Array(GRAIN_BYTES - length));
  }
}
