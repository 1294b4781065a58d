/**
 * Which block of a disk belongs to which file of the guest, and the reverse. Made of what the disk has at one moment; a
 * guest that runs may hold newer data in its memory.
 */
import { BLOCK_SIZE } from "../store.ts";
import { FormatError, UnsupportedFormatError } from "../errors.ts";
import type { ByteSource } from "../formats/image.ts";
import { ExtFileSystem, JOURNAL_INODE, type Inode, type InodeType, type Run } from "./ext.ts";
import { recovered } from "./journal.ts";
import { partOf, readPartitions, type Partition } from "./partitions.ts";

const MOST_FILES = 200_000;
const MOST_RUNS = 1_000_000;
const DEEPEST = 64;
/** Keeps blocks for a disk that has grown while it was in use. */
const RESIZE_INODE = 7;

export const METADATA = [
  "superblock",
  "groups",
  "block-bitmap",
  "inode-bitmap",
  "inode-table",
  "journal",
  "reserved",
] as const;
export type Metadata = (typeof METADATA)[number];

export interface GuestFile {
  /** From the root of its file system: `/etc/hostname`. Hard links are listed once. */
  path: string;
  type: Exclude<InodeType, "other">;
  sizeBytes: number;
  /** Of its partition, 0 for a file system without partitions. */
  partition: number;
}

export type BlockUse =
  { type: "file"; file: GuestFile } | { type: "metadata"; what: Metadata; partition: number };

export interface FileSystemSummary {
  partition: Partition;
  kind: ExtFileSystem["kind"];
  label: string;
  blockSize: number;
}

interface OwnedRun {
  /** In bytes of the disk. */
  start: number;
  end: number;
  use: BlockUse;
}

export class FileMap {
  readonly fileSystems: readonly FileSystemSummary[];
  /** By path. */
  readonly files: readonly GuestFile[];
  /** Whether there was more than is looked at. */
  readonly isCut: boolean;
  /** Why a partition's file system is not shown. */
  readonly problems: readonly { partition: number; error: Error }[];
  /** Ascending by start. */
  readonly #runs: OwnedRun[];
  readonly #ofFile = new Map<GuestFile, OwnedRun[]>();

  /** Of a whole disk. A disk without a file system that is known has no files; only reading itself may throw. */
  static async read(disk: ByteSource): Promise<FileMap> {
    const problems: { partition: number; error: Error }[] = [];
    const walks: FileSystemWalk[] = [];
    for (const partition of await readPartitions(disk)) {
      const source = partOf(disk, partition);
      if (!(await hasExtMagic(source))) continue;
      try {
        // What a mounted file system has written lately is in its journal alone.
        const whole = await recovered(source, await ExtFileSystem.open(source));
        const walk = new FileSystemWalk(await ExtFileSystem.open(whole), partition);
        await walk.all();
        walks.push(walk);
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof UnsupportedFormatError)) throw error;
        problems.push({ partition: partition.number, error });
      }
    }
    return new FileMap(walks, problems);
  }

  private constructor(walks: readonly FileSystemWalk[], problems: FileMap["problems"]) {
    this.problems = problems;
    this.fileSystems = walks.map(({ summary }) => summary);
    this.isCut = walks.some((walk) => walk.isCut);
    this.files = walks.flatMap(({ files }) => files).sort((a, b) => (a.path < b.path ? -1 : 1));
    this.#runs = walks.flatMap(({ runs }) => runs).sort((a, b) => a.start - b.start);
    for (const run of this.#runs) {
      if (run.use.type !== "file") continue;
      const runs = this.#ofFile.get(run.use.file);
      if (runs) runs.push(run);
      else this.#ofFile.set(run.use.file, [run]);
    }
  }

  find(path: string, partition?: number): GuestFile | undefined {
    return this.files.find((file) => file.path === path && (partition ?? file.partition) === file.partition);
  }

  /** The disk's blocks of 4 KiB that a file is in, ascending, with those that say where its data is. */
  blocksOf(file: GuestFile): number[] {
    const blocks = new Set<number>();
    for (const { start, end } of this.#ofFile.get(file) ?? [])
      for (let block = Math.floor(start / BLOCK_SIZE); block * BLOCK_SIZE < end; block++) blocks.add(block);
    return [...blocks].sort((a, b) => a - b);
  }

  /** What is in a block of 4 KiB of the disk, each once: more than one where the guest's blocks are smaller. */
  usesOf(block: number): BlockUse[] {
    const start = block * BLOCK_SIZE;
    const found: BlockUse[] = [];
    for (let at = this.#lastBefore(start + BLOCK_SIZE); at >= 0; at--) {
      const run = this.#runs[at];
      // Runs of a proper file system do not overlap: what ends before ends the search.
      if (run.end <= start) break;
      if (!found.some((use) => isSameUse(use, run.use))) found.unshift(run.use);
    }
    return found;
  }

  /** Index of the last run that starts before `end`, -1 for none. */
  #lastBefore(end: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#runs[middle].start < end) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

export function isSameUse(one: BlockUse, other: BlockUse): boolean {
  if (one.type === "file") return other.type === "file" && one.file === other.file;
  return other.type === "metadata" && one.what === other.what && one.partition === other.partition;
}

async function hasExtMagic(source: ByteSource): Promise<boolean> {
  if (source.byteLength < 2048) return false;
  const bytes = await source.read(1024, 1024);
  return bytes[56] === 0x53 && bytes[57] === 0xef;
}

class FileSystemWalk {
  readonly files: GuestFile[] = [];
  readonly runs: OwnedRun[] = [];
  readonly #system: ExtFileSystem;
  readonly #partition: Partition;
  #isFull = false;

  constructor(system: ExtFileSystem, partition: Partition) {
    this.#system = system;
    this.#partition = partition;
  }

  get summary(): FileSystemSummary {
    const { kind, label, blockSize } = this.#system;
    return { partition: this.#partition, kind, label, blockSize };
  }

  get isCut(): boolean {
    return this.#isFull || this.#system.isCut;
  }

  async all(): Promise<void> {
    this.#groups();
    await this.#special(JOURNAL_INODE, "journal");
    await this.#special(RESIZE_INODE, "reserved");
    await this.#tree();
  }

  #add(first: number, count: number, use: BlockUse): void {
    if (this.runs.length >= MOST_RUNS) {
      this.#isFull = true;
      return;
    }
    const { blockSize } = this.#system;
    const start = this.#partition.offset + first * blockSize;
    this.runs.push({ start, end: start + count * blockSize, use });
  }

  #groups(): void {
    const system = this.#system;
    const add = (first: number, count: number, what: Metadata) =>
      this.#add(first, count, { type: "metadata", what, partition: this.#partition.number });
    for (const [number, group] of system.groups.entries()) {
      if (!system.isSparse || hasCopy(number)) {
        const first = system.firstDataBlock + number * system.blocksPerGroup;
        add(first, 1, "superblock");
        add(first + 1, system.descriptorBlocks, "groups");
      }
      add(group.blockBitmap, 1, "block-bitmap");
      add(group.inodeBitmap, 1, "inode-bitmap");
      add(group.inodeTable, system.inodeTableBlocks, "inode-table");
    }
  }

  async #special(number: number, what: Metadata): Promise<void> {
    const inode = await this.#system.inode(number);
    if (inode === undefined) return;
    const use: BlockUse = { type: "metadata", what, partition: this.#partition.number };
    for (const { first, count } of await this.#system.runsOf(inode)) this.#add(first, count, use);
  }

  /** Every file that a path leads to, by the shortest one; a directory that is met again is not gone into. */
  async #tree(): Promise<void> {
    const root = await this.#system.root();
    if (root === undefined) return;
    const seen = new Set([root.number]);
    let level: [path: string, inode: Inode][] = [["", root]];
    this.#file("/", root, await this.#system.runsOf(root));
    for (let depth = 0; level.length > 0; depth++) {
      const next: typeof level = [];
      for (const [path, directory] of level) {
        for (const { inode: number, name } of await this.#system.entriesOf(directory)) {
          if (seen.has(number)) continue;
          if (this.files.length >= MOST_FILES || depth > DEEPEST) {
            this.#isFull = true;
            return;
          }
          seen.add(number);
          const inode = await this.#system.inode(number);
          if (inode === undefined) continue;
          this.#file(`${path}/${name}`, inode, await this.#system.runsOf(inode));
          if (inode.type === "directory") next.push([`${path}/${name}`, inode]);
        }
      }
      level = next;
    }
  }

  #file(path: string, { type, sizeBytes, attributes }: Inode, runs: readonly Run[]): void {
    if (type === "other") return;
    const file: GuestFile = { path, type, sizeBytes, partition: this.#partition.number };
    this.files.push(file);
    for (const { first, count } of runs) this.#add(first, count, { type: "file", file });
    if (attributes > 0 && attributes < this.#system.blocks) this.#add(attributes, 1, { type: "file", file });
  }
}

/** Whether a group has a copy of the superblock where not all have one: 0, 1 and the powers of 3, 5 and 7. */
function hasCopy(group: number): boolean {
  if (group < 2) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}
