/**
 * The maps of a chain of layers laid over each other: for each block of the disk the id that counts and the layer it
 * comes from. A lookup costs the same for one layer and for fifty. Memory is taken for those MiB of disk that have
 * blocks, not for the size of the disk.
 */
import type { BlockId, Store } from "./store.ts";
import { readLayerMap, SEGMENT_BLOCKS, segmentOf, type LayerDocument, type SegmentMap } from "./layer.ts";

interface Segment {
  ids: (BlockId | undefined)[];
  /** Index of the layer in the chain, 0 the lowest. */
  owners: Uint16Array;
}

export class MergedMap {
  private readonly segments = new Map<number, Segment>();

  /** Lays a layer's map over what is there. */
  lay(map: ReadonlyMap<number, SegmentMap>, owner: number): void {
    for (const [segment, entries] of map) {
      for (const [place, id] of entries) this.set(segment * SEGMENT_BLOCKS + place, id, owner);
    }
  }

  /** Undefined: no layer has this block, it reads as zeros. */
  idOf(block: number): BlockId | undefined {
    return this.segments.get(segmentOf(block))?.ids[block % SEGMENT_BLOCKS];
  }

  /** Index of the layer that the block is read from; undefined where no layer has it. */
  ownerOf(block: number): number | undefined {
    const segment = this.segments.get(segmentOf(block));
    const place = block % SEGMENT_BLOCKS;
    return segment?.ids[place] === undefined ? undefined : segment.owners[place];
  }

  set(block: number, id: BlockId, owner: number): void {
    const number = segmentOf(block);
    let segment = this.segments.get(number);
    if (!segment) {
      segment = {
        ids: Array.from<BlockId | undefined>({ length: SEGMENT_BLOCKS }),
        owners: new Uint16Array(SEGMENT_BLOCKS),
      };
      this.segments.set(number, segment);
    }
    segment.ids[block % SEGMENT_BLOCKS] = id;
    segment.owners[block % SEGMENT_BLOCKS] = owner;
  }

  /** What one layer contributes to a segment. */
  entriesOf(segment: number, owner: number): SegmentMap {
    const entries: SegmentMap = new Map();
    const found = this.segments.get(segment);
    found?.ids.forEach((id, place) => {
      if (id !== undefined && found.owners[place] === owner) entries.set(place, id);
    });
    return entries;
  }

  segmentNumbers(): number[] {
    return [...this.segments.keys()].sort((a, b) => a - b);
  }

  /** All of it as the map of one layer. */
  *bySegment(): Generator<[segment: number, entries: SegmentMap]> {
    for (const number of this.segmentNumbers()) {
      const entries: SegmentMap = new Map();
      this.segments.get(number)!.ids.forEach((id, place) => {
        if (id !== undefined) entries.set(place, id);
      });
      yield [number, entries];
    }
  }

  /** Every block that some layer has, ascending. */
  *entries(): Generator<{ block: number; id: BlockId; owner: number }> {
    for (const number of this.segmentNumbers()) {
      const segment = this.segments.get(number)!;
      for (let place = 0; place < SEGMENT_BLOCKS; place++) {
        const id = segment.ids[place];
        if (id !== undefined)
          yield { block: number * SEGMENT_BLOCKS + place, id, owner: segment.owners[place] };
      }
    }
  }
}

/** The maps of the layers of a chain, lowest first; a layer's place in the chain is its number as an owner. */
export async function mergedMapOf(store: Store, chain: readonly LayerDocument[]): Promise<MergedMap> {
  const map = new MergedMap();
  for (const [owner, { id }] of chain.entries()) map.lay(await readLayerMap(store, id), owner);
  return map;
}
