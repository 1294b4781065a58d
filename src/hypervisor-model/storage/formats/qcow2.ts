/**
 * qcow2, QEMU's image format (QEMU, docs/interop/qcow2.txt), versions 2 and 3. All numbers are big endian.
 *
 * Reads plain and zlib-compressed clusters, zero clusters and the name of a backing file. Writes version 3 without
 * compression: header, refcount table, refcount blocks, L1 table, L2 tables, then the clusters of data in disk order.
 */
import { UnsupportedFormatError } from "../errors.ts";
import {
  expectFormat,
  plainName,
  readExactly,
  type ByteSink,
  type ByteSource,
  type Cluster,
  type DiskContents,
  type ImageFile,
} from "./image.ts";
import { inflate } from "./inflate.ts";
import { LARGEST_IMAGE_BYTES } from "./limits.ts";

export const QCOW2_MAGIC = 0x514649fb;
const COPIED = 2n ** 63n;
const COMPRESSED = 2n ** 62n;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const INCOMPATIBLE = [
  "dirty",
  "corrupt",
  "an external data file",
  "another compression",
  "extended L2 entries",
];
const DIRTY = 1n;
/** Deflate makes at most about 1032 bytes of one. */
const LARGEST_RATIO = 1100;

interface Header {
  version: number;
  clusterBits: number;
  sizeBytes: number;
  l1Entries: number;
  l1Offset: number;
  backing?: string;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function parseHeader(source: ByteSource): Promise<Header> {
  const data = view(await readExactly(source, 0, 72, "the qcow2 header"));
  expectFormat(data.getUint32(0) === QCOW2_MAGIC, "qcow2 magic", data.getUint32(0).toString(16), "514649fb");
  const version = data.getUint32(4);
  if (version !== 2 && version !== 3) {
    throw new UnsupportedFormatError(
      `qcow2 version ${version} is not supported`,
      `version ${version}`,
      "version 2 or 3",
    );
  }
  const encryption = data.getUint32(32);
  if (encryption !== 0) {
    throw new UnsupportedFormatError(
      "encrypted qcow2 images are not supported",
      encryption === 1 ? "AES encryption" : encryption === 2 ? "LUKS encryption" : `encryption ${encryption}`,
      "no encryption",
      "encrypted",
    );
  }
  const clusterBits = data.getUint32(20);
  expectFormat(
    clusterBits >= 9 && clusterBits <= 21,
    "qcow2 cluster size",
    `2^${clusterBits}`,
    "2^9 to 2^21 bytes",
  );
  const sizeBytes = Number(data.getBigUint64(24));
  expectFormat(
    sizeBytes > 0 && sizeBytes <= LARGEST_IMAGE_BYTES && sizeBytes % 512 === 0,
    "qcow2 disk size",
    `${sizeBytes} bytes`,
    `whole sectors, at most ${LARGEST_IMAGE_BYTES} bytes`,
  );
  if (version === 3) await checkFeatures(source);
  const perTable = 2 ** (clusterBits * 2 - 3);
  const l1Entries = data.getUint32(36);
  const needed = Math.ceil(sizeBytes / perTable);
  expectFormat(
    l1Entries >= needed && l1Entries <= 1 << 22,
    "qcow2 L1 entries",
    l1Entries,
    `at least ${needed}`,
  );
  const header: Header = {
    version,
    clusterBits,
    sizeBytes,
    l1Entries: needed,
    l1Offset: Number(data.getBigUint64(40)),
  };
  const backingOffset = Number(data.getBigUint64(8));
  if (backingOffset !== 0) {
    const length = data.getUint32(16);
    expectFormat(
      length > 0 && length <= 1023,
      "qcow2 backing file name",
      `${length} bytes`,
      "1 to 1023 bytes",
    );
    const name = await readExactly(source, backingOffset, length, "the backing file's name");
    header.backing = plainName(new TextDecoder().decode(name));
  }
  return header;
}

/** Throws on features without which the image cannot be read. */
async function checkFeatures(source: ByteSource): Promise<void> {
  const data = view(await readExactly(source, 72, 32, "the qcow2 header"));
  const features = data.getBigUint64(0) & ~DIRTY;
  if (features === 0n) return;
  const bit = features.toString(2).length - 1;
  const name = INCOMPATIBLE[bit] ?? `incompatible feature ${bit}`;
  throw new UnsupportedFormatError(
    `a qcow2 image with ${name} is not supported`,
    name,
    "no such feature (qemu-img convert makes one without)",
  );
}

/** Throws FormatError or UnsupportedFormatError, at once or while clusters are read. */
export async function parseQcow2(source: ByteSource): Promise<ImageFile> {
  const header = await parseHeader(source);
  return {
    format: "qcow2",
    sizeBytes: header.sizeBytes,
    ...(header.backing === undefined ? {} : { backing: header.backing }),
    description: describe(header),
    clusters: () => readClusters(source, header),
  };
}

/**
 * What the header of an image of a disk holds whatever its content, as `serialiseQcow2` writes it; with `backing`, that of a
 * delta that QEMU would keep on top of that file.
 */
export function qcow2HeaderText(sizeBytes: number, backing?: string): string {
  const l1Entries = Math.ceil(Math.ceil(sizeBytes / CLUSTER) / ENTRIES);
  const header = { version: 3, clusterBits: WRITE_BITS, sizeBytes, l1Entries };
  return describe(backing === undefined ? header : { ...header, backing });
}

function describe({
  version,
  clusterBits,
  sizeBytes,
  l1Entries,
  l1Offset,
  backing,
}: Omit<Header, "l1Offset"> & { l1Offset?: number }): string {
  return [
    `magic: QFI\\xfb`,
    `version: ${version}`,
    `backing_file: ${backing ?? ""}`,
    `cluster_bits: ${clusterBits}`,
    `size: ${sizeBytes}`,
    `l1_size: ${l1Entries}`,
    ...(l1Offset === undefined ? [] : [`l1_table_offset: ${l1Offset}`]),
  ].join("\n");
}

async function* readClusters(source: ByteSource, header: Header): AsyncGenerator<Cluster> {
  const clusterBytes = 2 ** header.clusterBits;
  const perTable = clusterBytes / 8;
  const l1 = view(await readExactly(source, header.l1Offset, header.l1Entries * 8, "the L1 table"));
  const tables = new Set<number>();
  // Bytes that the file must have at least for what was found so far: more, and tables point to the same places.
  let claimed = 0;
  for (let i = 0; i < header.l1Entries; i++) {
    const tableOffset = Number(l1.getBigUint64(i * 8) & OFFSET_MASK);
    if (tableOffset === 0) continue;
    expectFormat(!tables.has(tableOffset), "L2 table", `one at ${tableOffset} twice`, "tables of their own");
    tables.add(tableOffset);
    const l2 = view(await readExactly(source, tableOffset, clusterBytes, "an L2 table"));
    for (let j = 0; j < perTable; j++) {
      const offset = (i * perTable + j) * clusterBytes;
      if (offset >= header.sizeBytes) return;
      const entry = l2.getBigUint64(j * 8);
      if ((entry & ~COPIED) === 0n) continue;
      const compressed = (entry & COMPRESSED) !== 0n;
      if (compressed || (entry & 1n) === 0n)
        claimed += compressed ? clusterBytes / LARGEST_RATIO : clusterBytes;
      expectFormat(
        claimed <= source.byteLength + clusterBytes,
        "qcow2 clusters",
        `room for ${claimed} bytes claimed`,
        `at most the file's ${source.byteLength}`,
      );
      yield { offset, bytes: await readCluster(source, header, entry) };
    }
  }
}

async function readCluster(source: ByteSource, header: Header, entry: bigint): Promise<Uint8Array> {
  const clusterBytes = 2 ** header.clusterBits;
  if ((entry & COMPRESSED) !== 0n) {
    const offsetBits = BigInt(62 - (header.clusterBits - 8));
    const descriptor = entry & (COMPRESSED - 1n);
    const offset = Number(descriptor & ((1n << offsetBits) - 1n));
    const sectors = Number(descriptor >> offsetBits) + 1;
    // The last sector need not be there as a whole.
    const length = Math.min(sectors * 512 - (offset % 512), source.byteLength - offset);
    expectFormat(length > 0, "compressed cluster", `one at ${offset}`, `a place below ${source.byteLength}`);
    return inflate(await readExactly(source, offset, length, "a compressed cluster"), clusterBytes);
  }
  if ((entry & 1n) !== 0n && header.version === 3) return new Uint8Array(clusterBytes);
  const offset = Number(entry & OFFSET_MASK);
  expectFormat(offset % clusterBytes === 0, "cluster offset", offset, `a multiple of ${clusterBytes}`);
  // The last cluster of a file may be cut short.
  const length = Math.min(clusterBytes, source.byteLength - offset);
  expectFormat(length > 0, "cluster", `one at ${offset}`, `a place below ${source.byteLength}`);
  const bytes = await readExactly(source, offset, length, "a cluster");
  if (length === clusterBytes) return bytes;
  const padded = new Uint8Array(clusterBytes);
  padded.set(bytes);
  return padded;
}

const WRITE_BITS = 16;
const CLUSTER = 2 ** WRITE_BITS;
const ENTRIES = CLUSTER / 8;
/** 16-bit reference counts in one cluster. */
const COUNTS = CLUSTER / 2;

/** Writes the image from its first byte on. */
export async function serialiseQcow2(contents: DiskContents, sink: ByteSink): Promise<void> {
  const { sizeBytes } = contents;
  const clusters = Math.ceil(sizeBytes / CLUSTER);
  const l1Entries = Math.ceil(clusters / ENTRIES);
  const has = (cluster: number) =>
    contents.hasData(cluster * CLUSTER, Math.min(CLUSTER, sizeBytes - cluster * CLUSTER));
  const data: number[] = [];
  for (let cluster = 0; cluster < clusters; cluster++) if (has(cluster)) data.push(cluster);
  const tables = [...new Set(data.map((cluster) => Math.floor(cluster / ENTRIES)))];
  const l1Clusters = Math.ceil((l1Entries * 8) / CLUSTER);
  // Reference counts count themselves.
  let countBlocks = 1;
  let countTable = 1;
  for (;;) {
    const total = 1 + countTable + countBlocks + l1Clusters + tables.length + data.length;
    const blocks = Math.ceil(total / COUNTS);
    const table = Math.ceil((blocks * 8) / CLUSTER);
    if (blocks <= countBlocks && table <= countTable) break;
    countBlocks = blocks;
    countTable = table;
  }
  const firstBlock = 1 + countTable;
  const l1At = firstBlock + countBlocks;
  const firstTable = l1At + l1Clusters;
  const firstData = firstTable + tables.length;

  const header = new Uint8Array(CLUSTER);
  const fields = view(header);
  fields.setUint32(0, QCOW2_MAGIC);
  fields.setUint32(4, 3);
  fields.setUint32(20, WRITE_BITS);
  fields.setBigUint64(24, BigInt(sizeBytes));
  fields.setUint32(36, l1Entries);
  fields.setBigUint64(40, BigInt(l1At * CLUSTER));
  fields.setBigUint64(48, BigInt(CLUSTER));
  fields.setUint32(56, countTable);
  fields.setUint32(96, 4); // 2^4 bits a reference count
  fields.setUint32(100, 104);
  await sink(header);
  await sink(
    table(
      countTable,
      Array.from({ length: countBlocks }, (_, i) => firstBlock + i),
      0n,
    ),
  );
  const total = firstData + data.length;
  for (let block = 0; block < countBlocks; block++) {
    const counts = view(new Uint8Array(CLUSTER));
    for (let i = 0; i < COUNTS && block * COUNTS + i < total; i++) counts.setUint16(i * 2, 1);
    await sink(new Uint8Array(counts.buffer));
  }
  const l1: number[] = Array.from({ length: l1Entries }, () => 0);
  tables.forEach((table, at) => (l1[table] = firstTable + at));
  await sink(table(l1Clusters, l1, COPIED));
  let next = 0;
  for (const number of tables) {
    const entries: number[] = Array.from({ length: ENTRIES }, () => 0);
    for (; next < data.length && Math.floor(data[next] / ENTRIES) === number; next++) {
      entries[data[next] % ENTRIES] = firstData + next;
    }
    await sink(table(1, entries, COPIED));
  }
  for (const cluster of data) {
    const offset = cluster * CLUSTER;
    const bytes = await contents.read(offset, Math.min(CLUSTER, sizeBytes - offset));
    await sink(bytes);
    if (bytes.length < CLUSTER) await sink(new Uint8Array(CLUSTER - bytes.length));
  }
}

/** Whole clusters of 64-bit entries; 0 stays 0, other numbers of clusters become offsets with `flags`. */
function table(clusters: number, entries: readonly number[], flags: bigint): Uint8Array {
  const bytes = new Uint8Array(clusters * CLUSTER);
  const data = view(bytes);
  entries.forEach((entry, at) => {
    if (entry !== 0) data.setBigUint64(at * 8, BigInt(entry * CLUSTER) | flags);
  });
  return bytes;
}
