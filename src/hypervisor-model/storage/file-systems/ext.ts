/**
 * Reads where an ext2, ext3 or ext4 file system keeps its files: which blocks belong to which file, not what is in them
 * (directories aside). Structures after the Linux kernel's documentation, "ext4 Data Structures and Algorithms"; numbers
 * are little endian. The file system may be one that a guest is writing to, so anything may be wrong in it: what does not
 * make sense is left out, and everything is bounded.
 */
import { inlineData, readEntries, textOf, type DirectoryEntry } from "./ext-directory.ts";
import { UnsupportedFormatError } from "../errors.ts";
import { expectFormat, readExactly, type ByteSource } from "../formats/image.ts";

const SUPERBLOCK = 1024;
const MAGIC = 0xef53;
const INCOMPATIBLE = {
  journalDevice: 0x8,
  metaGroups: 0x10,
  extents: 0x40,
  wide: 0x80,
  dataInDirectories: 0x1000,
};
/** filetype, recover, extents, 64bit, mmp, flex_bg, ea_inode, csum_seed, largedir, inline_data, encrypt, casefold. */
const SUPPORTED =
  0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;
const EXTENTS_FLAG = 0x80000;
const INLINE_FLAG = 0x10000000;
const EXTENT_MAGIC = 0xf30a;
const DEEPEST_EXTENTS = 5;
const DIRECTORY = 0x4000;
const FILE = 0x8000;
const LINK = 0xa000;
const ROOT_INODE = 2;
export const JOURNAL_INODE = 8;
/** Longest fast symbolic link: it is kept in the inode, where others have the numbers of their blocks. */
const INODE_ROOM = 60;

/** More than this of one file or directory is not looked at. */
export const MOST_RUNS = 200_000;
export const MOST_ENTRIES = 100_000;
const MOST_GROUPS = 65_536;
/** Blocks read in all, so that files which claim the same blocks again and again come to an end. */
const MOST_READS = 400_000;

/** Blocks of the file system, one after another. */
export interface Run {
  first: number;
  count: number;
  /** `map`: indirect or extent blocks; `reserved`: allocated and not written yet, so it reads as zeros. */
  use: "data" | "map" | "reserved";
  /** Place in the file, in blocks, of the first one; of `map` blocks none. */
  at?: number;
}

export type InodeType = "file" | "directory" | "link" | "other";

export interface Inode {
  number: number;
  type: InodeType;
  sizeBytes: number;
  flags: number;
  /** i_block: 60 bytes. */
  room: Uint8Array;
  /** Block of its extended attributes, 0 for none. */
  attributes: number;
  /** What is kept in the inode beyond `room`; empty without inline data. */
  inline: Uint8Array;
}

export interface Group {
  blockBitmap: number;
  inodeBitmap: number;
  inodeTable: number;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export class ExtFileSystem {
  readonly kind: "ext2" | "ext3" | "ext4";
  readonly label: string;
  readonly blockSize: number;
  readonly blocks: number;
  readonly inodes: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  /** Blocks that each group's table of inodes takes. */
  readonly inodeTableBlocks: number;
  readonly groups: readonly Group[];
  readonly descriptorBlocks: number;
  /** Whether each group has a copy of the superblock, or only those whose number is a power of 3, 5 or 7. */
  readonly isSparse: boolean;
  /** Something was left out because there was too much of it. */
  isCut = false;
  #reads = 0;
  readonly #source: ByteSource;
  readonly #inodesPerGroup: number;
  readonly #inodeSize: number;

  /** `source` begins with the file system. Throws FormatError or UnsupportedFormatError that say what was found. */
  static async open(source: ByteSource): Promise<ExtFileSystem> {
    const bytes = await readExactly(source, SUPERBLOCK, 1024, "the ext superblock");
    const fields = view(bytes);
    const u32 = (at: number) => fields.getUint32(at, true);
    const u16 = (at: number) => fields.getUint16(at, true);
    expectFormat(u16(56) === MAGIC, "ext magic", u16(56).toString(16), "ef53");
    const incompatible = u32(96);
    const unknown = incompatible & ~SUPPORTED;
    if (unknown !== 0) {
      const names = Object.entries(INCOMPATIBLE).flatMap(([name, bit]) => (unknown & bit ? [name] : []));
      const found = names.join(", ") || `feature bits ${(unknown >>> 0).toString(16)}`;
      throw new UnsupportedFormatError(`the ext file system uses ${found}`, found, "known features");
    }
    expectFormat(u32(24) <= 6, "ext block size", `1024 << ${u32(24)}`, "1 to 64 KiB");
    const blockSize = 1024 << u32(24);
    const isWide = (incompatible & INCOMPATIBLE.wide) !== 0;
    const blocks = u32(4) + (isWide ? u32(336) * 2 ** 32 : 0);
    const most = Math.floor(source.byteLength / blockSize);
    expectFormat(blocks > 0 && blocks <= most, "ext size", `${blocks} blocks`, `at most the disk's ${most}`);
    const inodeSize = u32(76) === 0 ? 128 : u16(88);
    expectFormat(
      inodeSize >= 128 && inodeSize <= blockSize && (inodeSize & (inodeSize - 1)) === 0,
      "ext inode size",
      inodeSize,
      "128 up to a block",
    );
    const descriptorSize = isWide ? u16(254) : 32;
    expectFormat(
      descriptorSize >= (isWide ? 64 : 32) && descriptorSize <= 1024 && descriptorSize % 4 === 0,
      "ext group descriptor",
      `${descriptorSize} bytes`,
      "32 to 1024 bytes",
    );
    const perGroup = u32(32);
    const inodesPerGroup = u32(40);
    expectFormat(
      perGroup > 0 && perGroup <= blockSize * 8,
      "ext blocks per group",
      perGroup,
      "as many as a bitmap has",
    );
    expectFormat(
      inodesPerGroup > 0 && inodesPerGroup <= blockSize * 8,
      "ext inodes per group",
      inodesPerGroup,
      "as many as a bitmap has",
    );
    const firstDataBlock = u32(20);
    expectFormat(
      firstDataBlock === (blockSize === 1024 ? 1 : 0),
      "ext first block",
      firstDataBlock,
      "0, or 1 for 1 KiB",
    );
    const groupCount = Math.ceil((blocks - firstDataBlock) / perGroup);
    expectFormat(groupCount <= MOST_GROUPS, "ext groups", groupCount, `at most ${MOST_GROUPS}`);
    const table = view(
      await readExactly(
        source,
        (firstDataBlock + 1) * blockSize,
        groupCount * descriptorSize,
        "the ext groups",
      ),
    );
    const groups = Array.from({ length: groupCount }, (_, number): Group => {
      const block = (at: number) =>
        table.getUint32(number * descriptorSize + at, true) +
        (isWide ? table.getUint32(number * descriptorSize + at + 32, true) * 2 ** 32 : 0);
      return { blockBitmap: block(0), inodeBitmap: block(4), inodeTable: block(8) };
    });
    const end = bytes.subarray(120, 136).indexOf(0);
    return new ExtFileSystem(source, {
      kind: incompatible & INCOMPATIBLE.extents ? "ext4" : u32(92) & 4 ? "ext3" : "ext2",
      label: textOf(bytes.subarray(120, end < 0 ? 136 : 120 + end)),
      blockSize,
      blocks,
      inodes: u32(0),
      firstDataBlock,
      blocksPerGroup: perGroup,
      inodeTableBlocks: Math.ceil((inodesPerGroup * inodeSize) / blockSize),
      groups,
      descriptorBlocks: Math.ceil((groupCount * descriptorSize) / blockSize),
      isSparse: (u32(100) & 1) !== 0,
      inodesPerGroup,
      inodeSize,
    });
  }

  private constructor(
    source: ByteSource,
    fields: Pick<
      ExtFileSystem,
      | "kind"
      | "label"
      | "blockSize"
      | "blocks"
      | "inodes"
      | "firstDataBlock"
      | "blocksPerGroup"
      | "inodeTableBlocks"
      | "groups"
      | "descriptorBlocks"
      | "isSparse"
    > & { inodesPerGroup: number; inodeSize: number },
  ) {
    this.#source = source;
    this.kind = fields.kind;
    this.label = fields.label;
    this.blockSize = fields.blockSize;
    this.blocks = fields.blocks;
    this.inodes = fields.inodes;
    this.firstDataBlock = fields.firstDataBlock;
    this.blocksPerGroup = fields.blocksPerGroup;
    this.inodeTableBlocks = fields.inodeTableBlocks;
    this.groups = fields.groups;
    this.descriptorBlocks = fields.descriptorBlocks;
    this.isSparse = fields.isSparse;
    this.#inodesPerGroup = fields.inodesPerGroup;
    this.#inodeSize = fields.inodeSize;
  }

  /** The bytes of a block; undefined where the file system has none of that number. */
  async #block(number: number): Promise<Uint8Array | undefined> {
    if (!this.#has(number, 1)) return undefined;
    if (++this.#reads > MOST_READS) {
      this.isCut = true;
      return undefined;
    }
    return this.#source.read(number * this.blockSize, this.blockSize);
  }

  #has(first: number, count: number): boolean {
    return first >= this.firstDataBlock && first > 0 && count > 0 && first + count <= this.blocks;
  }

  async root(): Promise<Inode | undefined> {
    return this.inode(ROOT_INODE);
  }

  /** Undefined for one that is free, or that cannot be. */
  async inode(number: number): Promise<Inode | undefined> {
    if (number < 1 || number > this.inodes) return undefined;
    const group = this.groups[Math.floor((number - 1) / this.#inodesPerGroup)];
    if (group === undefined) return undefined;
    const place = ((number - 1) % this.#inodesPerGroup) * this.#inodeSize;
    const block = await this.#block(group.inodeTable + Math.floor(place / this.blockSize));
    if (block === undefined) return undefined;
    const bytes = block.subarray(place % this.blockSize, (place % this.blockSize) + this.#inodeSize);
    const fields = view(bytes);
    const mode = fields.getUint16(0, true);
    if (mode === 0 || fields.getUint16(26, true) === 0) return undefined;
    const flags = fields.getUint32(32, true);
    return {
      number,
      type: typeOf(mode),
      sizeBytes: fields.getUint32(4, true) + fields.getUint32(108, true) * 2 ** 32,
      flags,
      inline: flags & INLINE_FLAG ? inlineData(bytes) : new Uint8Array(0),
      room: bytes.slice(40, 40 + INODE_ROOM),
      attributes: fields.getUint32(104, true) + fields.getUint16(118, true) * 2 ** 32,
    };
  }

  /** The blocks of a file or directory, with those that map them, in the order of the file; the first MOST_RUNS runs. */
  async runsOf(inode: Inode): Promise<Run[]> {
    if (inode.flags & INLINE_FLAG || inode.type === "other") return [];
    if (inode.type === "link" && inode.sizeBytes < INODE_ROOM && !(inode.flags & EXTENTS_FLAG)) return [];
    const runs: Run[] = [];
    const seen = new Set<number>();
    if (inode.flags & EXTENTS_FLAG) await this.#extents(inode.room, DEEPEST_EXTENTS, runs, seen);
    else await this.#indirect(inode.room, runs, seen);
    return runs;
  }

  #add(runs: Run[], run: Run): boolean {
    if (!this.#has(run.first, run.count)) return true;
    const last = runs.at(-1);
    const joins =
      last?.use === run.use &&
      last.first + last.count === run.first &&
      (run.at === undefined || (last.at ?? 0) + last.count === run.at);
    if (joins) last.count += run.count;
    else runs.push(run);
    if (runs.length < MOST_RUNS) return true;
    this.isCut = true;
    return false;
  }

  /** A node of the tree of extents, in an inode or a block. False when it is enough. */
  async #extents(node: Uint8Array, deepest: number, runs: Run[], seen: Set<number>): Promise<boolean> {
    const fields = view(node);
    const depth = fields.getUint16(6, true);
    if (fields.getUint16(0, true) !== EXTENT_MAGIC || depth > deepest) return true;
    const entries = Math.min(fields.getUint16(2, true), Math.floor(node.length / 12) - 1);
    for (let at = 12; at < 12 + entries * 12; at += 12) {
      if (depth === 0) {
        const length = fields.getUint16(at + 4, true);
        const isReserved = length > 32768;
        const run: Run = {
          first: fields.getUint32(at + 8, true) + fields.getUint16(at + 6, true) * 2 ** 32,
          count: isReserved ? length - 32768 : length,
          use: isReserved ? "reserved" : "data",
          at: fields.getUint32(at, true),
        };
        if (!this.#add(runs, run)) return false;
        continue;
      }
      const child = fields.getUint32(at + 4, true) + fields.getUint16(at + 8, true) * 2 ** 32;
      const block = seen.has(child) ? undefined : await this.#block(child);
      seen.add(child);
      if (block === undefined) continue;
      if (!this.#add(runs, { first: child, count: 1, use: "map" })) return false;
      if (!(await this.#extents(block, depth - 1, runs, seen))) return false;
    }
    return true;
  }

  /** Twelve numbers of blocks, then one each of a block of numbers, of a block of those, and of a block of those. */
  async #indirect(room: Uint8Array, runs: Run[], seen: Set<number>): Promise<void> {
    const numbers = view(room);
    const perBlock = this.blockSize / 4;
    let at = 0;
    const follow = async (block: number, levels: number): Promise<boolean> => {
      const holds = perBlock ** levels;
      if (levels === 0) {
        const enough = block !== 0 && !this.#add(runs, { first: block, count: 1, use: "data", at });
        at++;
        return !enough;
      }
      const bytes = block === 0 || seen.has(block) ? undefined : await this.#block(block);
      seen.add(block);
      if (bytes === undefined) {
        at += holds;
        return true;
      }
      if (!this.#add(runs, { first: block, count: 1, use: "map" })) return false;
      const fields = view(bytes);
      for (let place = 0; place < perBlock; place++)
        if (!(await follow(fields.getUint32(place * 4, true), levels - 1))) return false;
      return true;
    };
    for (let place = 0; place < 15; place++)
      if (!(await follow(numbers.getUint32(place * 4, true), Math.max(0, place - 11)))) return;
  }

  /** What is in a directory, without `.` and `..`; the first MOST_ENTRIES. Blocks of its hash tree look empty. */
  async entriesOf(directory: Inode): Promise<DirectoryEntry[]> {
    const found: DirectoryEntry[] = [];
    if (directory.type !== "directory") return found;
    if (directory.flags & INLINE_FLAG) {
      // The first four bytes are the number of the directory above.
      readEntries(directory.room.subarray(4), this.inodes, found);
      readEntries(directory.inline, this.inodes, found);
      return found;
    }
    const runs = await this.runsOf(directory);
    const lastBlock = Math.ceil(directory.sizeBytes / this.blockSize);
    for (const { first, count, use, at } of runs) {
      if (use !== "data" || at === undefined) continue;
      for (let index = 0; index < count && at + index < lastBlock; index++) {
        const block = await this.#block(first + index);
        if (block !== undefined) readEntries(block, this.inodes, found);
        if (found.length < MOST_ENTRIES) continue;
        this.isCut = true;
        return found;
      }
    }
    return found;
  }
}

function typeOf(mode: number): InodeType {
  switch (mode & 0xf000) {
    case FILE:
      return "file";
    case DIRECTORY:
      return "directory";
    case LINK:
      return "link";
    default:
      return "other";
  }
}
