/**
 * What a mounted ext3 or ext4 file system has in its journal and not in its place yet, laid over the disk as the kernel's
 * recovery would write it (Linux kernel, Documentation/filesystems/ext4/journal.rst; fs/jbd2/recovery.c). Nothing is written.
 */
import type { ByteSource } from "../formats/image.ts";
import { JOURNAL_INODE, type ExtFileSystem } from "./ext.ts";

const MAGIC = 0xc03b3998;
const DESCRIPTOR = 1;
const COMMIT = 2;
const REVOKE = 5;
const INCOMPAT_64BIT = 2;
const INCOMPAT_CSUM_V2 = 8;
const INCOMPAT_CSUM_V3 = 16;
const FLAG_ESCAPED = 1;
const FLAG_SAME_UUID = 2;
const FLAG_LAST = 8;
/** Blocks of a journal that are looked at: 1 GiB of 4 KiB. */
const MOST_BLOCKS = 1 << 18;

interface Copy {
  /** In blocks of the file system. */
  at: number;
  /** Its first four bytes were the journal's magic and are zero in the journal. */
  isEscaped: boolean;
  transaction: number;
}

/** The source as it is after the journal's recovery; the source itself where there is nothing to recover. */
export async function recovered(source: ByteSource, system: ExtFileSystem): Promise<ByteSource> {
  const inode = await system.inode(JOURNAL_INODE);
  if (inode === undefined) return source;
  const { blockSize } = system;
  const places: number[] = [];
  const runs = (await system.runsOf(inode)).filter(({ use }) => use !== "map");
  for (const { first, count, at = 0 } of runs)
    for (let i = 0; i < count && at + i < MOST_BLOCKS; i++) places[at + i] = first + i;
  const copies = await new JournalReader(source, blockSize, places).read();
  return copies.size === 0 ? source : new RecoveredSource(source, blockSize, copies);
}

class JournalReader {
  readonly #source: ByteSource;
  readonly #blockSize: number;
  /** The file system's block of each of the journal's. */
  readonly #places: readonly number[];
  #first = 1;
  #length = 0;
  #tagBytes = 8;
  #tailBytes = 0;
  #isWide = false;
  #isV3 = false;

  constructor(source: ByteSource, blockSize: number, places: readonly number[]) {
    this.#source = source;
    this.#blockSize = blockSize;
    this.#places = places;
  }

  async #block(number: number): Promise<DataView | undefined> {
    const place = this.#places[number];
    const offset = place * this.#blockSize;
    if (place === undefined || offset + this.#blockSize > this.#source.byteLength) return undefined;
    const bytes = await this.#source.read(offset, this.#blockSize);
    return new DataView(bytes.buffer, bytes.byteOffset, this.#blockSize);
  }

  /** The newest committed copy of each block that is in the journal. */
  async read(): Promise<Map<number, Copy>> {
    const copies = new Map<number, Copy>();
    const head = await this.#block(0);
    if (head?.getUint32(0) !== MAGIC || head.getUint32(12) !== this.#blockSize) return copies;
    const start = head.getUint32(28);
    if (start === 0) return copies; // put away cleanly
    const features = head.getUint32(4) === 4 ? head.getUint32(40) : 0;
    this.#isWide = (features & INCOMPAT_64BIT) !== 0;
    this.#isV3 = (features & INCOMPAT_CSUM_V3) !== 0;
    const hasSums = (features & (INCOMPAT_CSUM_V2 | INCOMPAT_CSUM_V3)) !== 0;
    this.#tagBytes = this.#isV3 ? 16 : 8 + (this.#isWide ? 4 : 0) + (hasSums ? 2 : 0);
    this.#tailBytes = hasSums ? 4 : 0;
    this.#length = Math.min(head.getUint32(16), this.#places.length);
    this.#first = head.getUint32(20);
    if (this.#first < 1 || this.#first >= this.#length || start >= this.#length) return copies;
    await this.#transactions(start, head.getUint32(24), copies);
    return copies;
  }

  #next(block: number, by = 1): number {
    const next = block + by;
    return next >= this.#length ? this.#first + ((next - this.#first) % (this.#length - this.#first)) : next;
  }

  async #transactions(start: number, firstNumber: number, copies: Map<number, Copy>): Promise<void> {
    /** By block: the newest transaction that says that older copies of it do not count. */
    const revoked = new Map<number, number>();
    let pending: [block: number, copy: Copy][] = [];
    let pendingRevokes: number[] = [];
    let transaction = firstNumber;
    const committed: [block: number, copy: Copy][] = [];
    for (let at = start, seen = 0; seen < this.#length;) {
      const block = await this.#block(at);
      if (block?.getUint32(0) !== MAGIC || block.getUint32(8) !== transaction >>> 0) break;
      const kind = block.getUint32(4);
      let used = 1;
      if (kind === DESCRIPTOR) {
        const tags = this.#tags(block, at, transaction);
        used += tags.length;
        pending.push(...tags);
      } else if (kind === REVOKE) pendingRevokes.push(...this.#revokes(block));
      else if (kind === COMMIT) {
        committed.push(...pending);
        for (const number of pendingRevokes) revoked.set(number, transaction);
        pending = [];
        pendingRevokes = [];
        transaction++;
      } else break;
      at = this.#next(at, used);
      seen += used;
    }
    for (const [number, copy] of committed)
      if ((revoked.get(number) ?? -1) < copy.transaction) copies.set(number, copy);
  }

  /** The blocks that follow a descriptor, in their order. */
  #tags(block: DataView, descriptor: number, transaction: number): [number, Copy][] {
    const tags: [number, Copy][] = [];
    const end = this.#blockSize - this.#tailBytes;
    for (let at = 12, flags = 0; at + this.#tagBytes <= end && !(flags & FLAG_LAST);) {
      flags = this.#isV3 ? block.getUint32(at + 4) : block.getUint16(at + 6);
      const high = this.#isWide ? block.getUint32(at + 8) : 0;
      const number = block.getUint32(at) + high * 2 ** 32;
      const place = this.#places[this.#next(descriptor, tags.length + 1)];
      if (place === undefined) break;
      tags.push([number, { at: place, isEscaped: (flags & FLAG_ESCAPED) !== 0, transaction }]);
      at += this.#tagBytes + (flags & FLAG_SAME_UUID ? 0 : 16);
    }
    return tags;
  }

  #revokes(block: DataView): number[] {
    const bytes = this.#isWide ? 8 : 4;
    const end = Math.min(block.getUint32(12), this.#blockSize - this.#tailBytes);
    const revokes: number[] = [];
    for (let at = 16; at + bytes <= end; at += bytes)
      revokes.push(this.#isWide ? Number(block.getBigUint64(at)) : block.getUint32(at));
    return revokes;
  }
}

/** The disk's bytes, with those of the blocks in the journal in their place. */
class RecoveredSource implements ByteSource {
  readonly byteLength: number;
  readonly #source: ByteSource;
  readonly #blockSize: number;
  readonly #copies: ReadonlyMap<number, Copy>;

  constructor(source: ByteSource, blockSize: number, copies: ReadonlyMap<number, Copy>) {
    this.byteLength = source.byteLength;
    this.#source = source;
    this.#blockSize = blockSize;
    this.#copies = copies;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const size = this.#blockSize;
    const bytes = new Uint8Array(await this.#source.read(offset, length));
    for (let block = Math.floor(offset / size); block * size < offset + length; block++) {
      const copy = this.#copies.get(block);
      if (!copy) continue;
      const content = new Uint8Array(await this.#source.read(copy.at * size, size));
      if (copy.isEscaped) new DataView(content.buffer).setUint32(0, MAGIC);
      const from = Math.max(offset, block * size);
      const to = Math.min(offset + length, (block + 1) * size);
      bytes.set(content.subarray(from - block * size, to - block * size), from - offset);
    }
    return bytes;
  }
}
