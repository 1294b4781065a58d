/**
 * The decoded-block cache: straight runs of instructions by the place of their first byte in physical memory.
 *
 * A block lies in one page, but for a block of a single instruction that crosses into the next. Any write to a byte of a
 * block drops the block: its first instruction is marked stale, so that links from other blocks fall back to a look-up.
 */
import type { Handler, Instruction } from "../instructions/instruction.ts";
import { WATCH_CODE, type PhysicalMemory } from "../memory/physical-memory.ts";

export class Block {
  /** Index of the first byte in `PhysicalMemory.bytes`. */
  readonly at: number;
  /** Code segment's D bit. */
  readonly wide: boolean;
  readonly first: Instruction;
  readonly length: number;
  /** For an instruction that crosses pages: the second page's index in `PhysicalMemory.bytes`; else -1. */
  readonly second: number;
  hashNext: Block | null = null;

  constructor(at: number, wide: boolean, first: Instruction, length: number, second: number) {
    this.at = at;
    this.wide = wide;
    this.first = first;
    this.length = length;
    this.second = second;
  }

  /** Whether it has a byte of first..last. */
  touches(first: number, last: number): boolean {
    const own = this.second < 0 ? this.length : 4096 - (this.at & 4095);
    if (this.at <= last && this.at + own > first) return true;
    return this.second >= 0 && this.second <= last && this.second + this.length - own > first;
  }
}

const TABLE_SIZE = 1 << 15;
/** Instructions kept before everything is dropped: about 30 MB. */
const CAPACITY = 200_000;

export class BlockCache {
  private readonly table: (Block | null)[] = Array.from({ length: TABLE_SIZE }, () => null);
  private readonly pages = new Map<number, Block[]>();
  private readonly memory: PhysicalMemory;
  private readonly stale: Handler;
  private instructions = 0;
  /** Blocks dropped because their bytes were written. */
  invalidations = 0;

  constructor(memory: PhysicalMemory, stale: Handler) {
    this.memory = memory;
    this.stale = stale;
  }

  find(at: number, wide: boolean): Block | null {
    let block = this.table[(at ^ (at >>> 12)) & (TABLE_SIZE - 1)];
    while (block !== null && (block.at !== at || block.wide !== wide)) block = block.hashNext;
    return block;
  }

  add(block: Block, count: number): void {
    if (this.instructions + count > CAPACITY) this.clear();
    this.instructions += count;
    const slot = (block.at ^ (block.at >>> 12)) & (TABLE_SIZE - 1);
    block.hashNext = this.table[slot];
    this.table[slot] = block;
    this.own(block.at >>> 12, block);
    if (block.second >= 0) this.own(block.second >>> 12, block);
  }

  private own(page: number, block: Block): void {
    const present = this.pages.get(page);
    if (present === undefined) {
      this.pages.set(page, [block]);
      this.memory.setWatch(page, WATCH_CODE);
    } else present.push(block);
  }

  /** Drops the blocks that have a byte of first..last (one page). Answers whether there were any. */
  invalidate(first: number, last: number): boolean {
    const page = first >>> 12;
    const blocks = this.pages.get(page);
    if (blocks === undefined) return false;
    let kept = 0;
    for (const block of blocks) {
      if (block.touches(first, last)) this.drop(block, page);
      else blocks[kept++] = block;
    }
    const dropped = blocks.length - kept;
    blocks.length = kept;
    if (kept === 0) {
      this.pages.delete(page);
      this.memory.clearWatch(page, WATCH_CODE);
    }
    this.invalidations += dropped;
    return dropped > 0;
  }

  private drop(block: Block, page: number): void {
    block.first.execute = this.stale;
    const slot = (block.at ^ (block.at >>> 12)) & (TABLE_SIZE - 1);
    if (this.table[slot] === block) this.table[slot] = block.hashNext;
    else {
      for (let other = this.table[slot]; other !== null; other = other.hashNext) {
        if (other.hashNext === block) {
          other.hashNext = block.hashNext;
          break;
        }
      }
    }
    // A crossing instruction is listed under two pages.
    if (block.second < 0) return;
    const otherPage = page === block.at >>> 12 ? block.second >>> 12 : block.at >>> 12;
    const others = this.pages.get(otherPage);
    if (others !== undefined && otherPage !== page) others.splice(others.indexOf(block), 1);
  }

  clear(): void {
    for (const [page, blocks] of this.pages) {
      for (const block of blocks) block.first.execute = this.stale;
      this.memory.clearWatch(page, WATCH_CODE);
    }
    this.pages.clear();
    this.table.fill(null);
    this.instructions = 0;
  }
}
