/** Where each stored block is: in memory, one entry a block, built from the lists of ids that packs carry. */
import { blockIdOf, blocksOf, idAt } from "./block-id.ts";
import { DamagedError } from "./errors.ts";
import { BLOCKS_PER_PACK } from "./pack.ts";
import { ZERO_BLOCK, type BlockId } from "./store.ts";

export interface BlockPlace {
  pack: number;
  slot: number;
}

export class BlockIndex {
  /** Place as one number, pack × 64 + slot. */
  private readonly places = new Map<BlockId, number>();

  get size(): number {
    return this.places.size;
  }

  /** Of two packs with the same block the first one counts; the other copy is garbage. */
  add(pack: number, ids: readonly BlockId[]): void {
    ids.forEach((id, slot) => {
      if (!this.places.has(id)) this.places.set(id, pack * BLOCKS_PER_PACK + slot);
    });
  }

  find(id: BlockId): BlockPlace | undefined {
    const place = this.places.get(id);
    if (place === undefined) return undefined;
    return { pack: Math.floor(place / BLOCKS_PER_PACK), slot: place % BLOCKS_PER_PACK };
  }

  /** What is not stored yet, each id once. */
  missing(blocks: ReadonlyMap<BlockId, Uint8Array> | undefined): [BlockId, Uint8Array][] {
    return blocks ? [...blocks].filter(([id]) => id !== ZERO_BLOCK && !this.places.has(id)) : [];
  }

  clear(): void {
    this.places.clear();
  }
}

/**
 * Sorts packs for a garbage collection: `dead` ones go, of `sparse` ones (less than half in use) the `slots` still in
 * use are moved into new packs. A block that is in two packs is in use in the first only.
 */
export function sortPacks(
  packs: readonly { pack: number; ids: readonly BlockId[] }[],
  used: ReadonlySet<BlockId>,
): { dead: number[]; sparse: { pack: number; slots: number[] }[]; freedBlocks: number } {
  const dead: number[] = [];
  const sparse: { pack: number; slots: number[] }[] = [];
  const seen = new Set<BlockId>();
  let freedBlocks = 0;
  for (const { pack, ids } of packs) {
    const slots: number[] = [];
    ids.forEach((id, slot) => {
      if (!used.has(id) || seen.has(id)) return;
      seen.add(id);
      slots.push(slot);
    });
    if (slots.length === 0) dead.push(pack);
    else if (slots.length * 2 < ids.length || (ids.length < BLOCKS_PER_PACK / 4 && packs.length > 256)) {
      sparse.push({ pack, slots });
    } else continue;
    freedBlocks += ids.length - slots.length;
  }
  return { dead, sparse, freedBlocks };
}

/** Marks the blocks that a document refers to as in use. */
export function markBlocks(used: Set<BlockId>, value: unknown): void {
  const blocks = blocksOf(value);
  if (blocks) for (let i = 0; i < blocks.length / 16; i++) used.add(idAt(blocks, i));
}

/** The blocks of a pack that go into a new one, in `slots`. Throws DamagedError when one is not what its id says. */
export function keptBlocks(
  ids: readonly BlockId[],
  blocks: readonly Uint8Array[],
  slots: readonly number[],
  fingerprintKey: Uint32Array,
): [BlockId, Uint8Array][] {
  return slots.map((slot) => {
    const id = ids[slot];
    if (blockIdOf(blocks[slot], fingerprintKey) !== id)
      throw new DamagedError(`block ${id} is damaged`, "other content", "content of that fingerprint");
    return [id, blocks[slot]];
  });
}
