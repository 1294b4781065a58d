/**
 * A layer: the blocks of a disk that were written since the layer below was frozen. A disk is a chain of layers, the
 * topmost one live; snapshots freeze it and linked clones share what lies below.
 *
 * In the store a layer is a document in `layers` and its map in `layer-maps`, one document for each MiB of disk that
 * has blocks, so that saving a few writes does not rewrite the map of the whole disk.
 */
import { idAt, packIds } from "./block-id.ts";
import { DamagedError, NotFoundError, ParentModifiedError } from "./errors.ts";
import { BLOCK_SIZE, type BlockId, type Change, type Store } from "./store.ts";

/** Blocks in one segment of a layer's map: 1 MiB of disk. */
export const SEGMENT_BLOCKS = 256;
export const LAYERS = "layers";
export const LAYER_MAPS = "layer-maps";
/** Documents that stand on layers: `DiskDocument` and `SnapshotDocument`. */
export const DISKS = "disks";
export const SNAPSHOTS = "snapshots";
/** More layers than any disk can use: a loop. */
const LONGEST_CHAIN = 4096;

export interface LayerDocument {
  version: 1;
  id: string;
  /** The layer below, or null: blank below. */
  parent: string | null;
  sizeBytes: number;
  /**
   * VMware's content identification, eight hexadecimal digits: drawn anew when a layer is first written to after
   * opening. A child remembers its parent's in `parentCid`; when they differ the parent was changed under the child.
   */
  cid: string;
  parentCid: string;
  /** On purpose (chain-repair.ts): whoever looks for the layer does not find it. */
  movedAway?: true;
}

/** VMware's parentCID of a layer without a parent. */
export const NO_PARENT_CID = "ffffffff";

/** Value of a `layer-maps` document, whose key is `layer/segment` (see `segmentKey`). */
export interface LayerSegment {
  /** Places in the segment, 0 to 255, ascending. */
  places: Uint8Array;
  /** Packed ids in the same order; the zero id says that the block is zeros here, whatever lies below. */
  blocks: Uint8Array;
}

export type SegmentMap = Map<number, BlockId>;

export function segmentKey(layer: string, segment: number): string {
  return `${layer}/${segment.toString(16).padStart(6, "0")}`;
}

export function encodeSegment(entries: SegmentMap): LayerSegment {
  const places = Uint8Array.from(entries.keys()).sort();
  return { places, blocks: packIds(Array.from(places, (place) => entries.get(place)!)) };
}

export function decodeSegment(value: unknown): SegmentMap {
  const { places, blocks } = value as LayerSegment;
  const entries: SegmentMap = new Map();
  places.forEach((place, index) => entries.set(place, idAt(blocks, index)));
  return entries;
}

/** A new id for a disk, layer or snapshot: 32 hexadecimal digits. (`crypto.randomUUID` is missing on plain HTTP.) */
export function newId(): string {
  return hexDigits(crypto.getRandomValues(new Uint8Array(16)));
}

export function newCid(): string {
  const cid = hexDigits(crypto.getRandomValues(new Uint8Array(4)));
  return cid === NO_PARENT_CID ? newCid() : cid;
}

function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A new layer on top of `parent`, or on nothing. */
export function newLayer(parent: LayerDocument | undefined, sizeBytes: number, id = newId()): LayerDocument {
  const cid = newCid();
  return {
    version: 1,
    id,
    parent: parent?.id ?? null,
    sizeBytes,
    cid,
    parentCid: parent?.cid ?? NO_PARENT_CID,
  };
}

export async function readLayer(store: Store, id: string, evenMoved = false): Promise<LayerDocument> {
  const layer = (await store.get(LAYERS, id)) as LayerDocument | undefined;
  if (!layer) throw new NotFoundError(`the disk layer ${id} is missing`, "nothing", `layer ${id}`);
  if (layer.movedAway && !evenMoved)
    throw new NotFoundError(
      `the disk layer ${id} was moved away`,
      "a moved layer",
      `layer ${id}`,
      "parent-moved",
    );
  return layer;
}

/**
 * The layers of a chain from the lowest to `top`. Does not compare CIDs: see `checkChain`. Throws NotFoundError where one
 * was moved away, unless those are asked for too.
 */
export async function readChain(store: Store, top: string, evenMoved = false): Promise<LayerDocument[]> {
  const chain: LayerDocument[] = [];
  for (let id: string | null = top; id !== null;) {
    const layer = await readLayer(store, id, evenMoved);
    chain.unshift(layer);
    if (chain.length > LONGEST_CHAIN) {
      throw new DamagedError(
        "the layers of a disk form a loop",
        `${chain.length} layers`,
        "an end of the chain",
      );
    }
    id = layer.parent;
  }
  return chain;
}

/** Throws ParentModifiedError at the first layer that was made for another content of its parent. */
export function checkChain(chain: readonly LayerDocument[]): void {
  chain.forEach((layer, at) => {
    const expected = at === 0 ? NO_PARENT_CID : chain[at - 1].cid;
    if (layer.parentCid === expected) return;
    throw new ParentModifiedError(
      `the parent virtual disk was modified after its child was created: layer ${layer.id} has parentCID ` +
        `${layer.parentCid}, its parent has CID ${expected}`,
      layer.parentCid,
      expected,
    );
  });
}

/** The map of one layer: segment number to its entries. */
export async function readLayerMap(store: Store, layer: string): Promise<Map<number, SegmentMap>> {
  const map = new Map<number, SegmentMap>();
  for (const { key, value } of await store.list(LAYER_MAPS, `${layer}/`)) {
    map.set(Number.parseInt(key.slice(layer.length + 1), 16), decodeSegment(value));
  }
  return map;
}

export function putSegment(
  layer: string,
  segment: number,
  entries: SegmentMap,
): { collection: string; key: string; value: LayerSegment } {
  return { collection: LAYER_MAPS, key: segmentKey(layer, segment), value: encodeSegment(entries) };
}

export function putLayer(layer: LayerDocument): { collection: string; key: string; value: LayerDocument } {
  return { collection: LAYERS, key: layer.id, value: layer };
}

/** What deletes a layer and its map. */
export async function deletionOfLayer(store: Store, id: string): Promise<NonNullable<Change["delete"]>> {
  const segments = await store.list(LAYER_MAPS, `${id}/`);
  return [{ collection: LAYERS, key: id }, ...segments.map(({ key }) => ({ collection: LAYER_MAPS, key }))];
}

export function segmentOf(block: number): number {
  return Math.floor(block / SEGMENT_BLOCKS);
}

export function blocksIn(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_SIZE);
}
