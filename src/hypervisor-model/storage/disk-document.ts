/** Disks as the store knows them: making, finding and deleting them. What a machine does with one is in disk.ts. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { blockIdOf, isZeroBlock } from "./block-id.ts";
import { FormatError, NotFoundError } from "./errors.ts";
import { referencedLayers } from "./layer-references.ts";
import {
  deletionOfLayer,
  DISKS,
  LAYERS,
  newId,
  newLayer,
  putLayer,
  putSegment,
  readLayer,
  SEGMENT_BLOCKS,
  type LayerDocument,
  type SegmentMap,
} from "./layer.ts";
import { pipe } from "./pack.ts";
import { BLOCK_SIZE, type BlockId, type Change, type Store } from "./store.ts";

export { DISKS };
const MIB = 1 << 20;
export const LARGEST_DISK_MIB = 64 * 1024;

export interface DiskDocument {
  version: 1;
  id: string;
  name: string;
  sizeBytes: number;
  /** Id of the live layer. */
  layer: string;
  /**
   * `full` is what VMware calls pre-allocated, and is shown as such: its base's descriptor is a flat one. It reserves nothing,
   * as no browser can promise room, and an image of it is written sparse.
   */
  provisioning: "thin" | "full";
  /** Whether an export is written in files of at most 2 GiB. */
  split: boolean;
}

export interface NewDisk {
  sizeMiB: number;
  name?: string;
  id?: string;
  /** A gzip file (RFC 1952) of the first bytes of the disk; the rest is zeros. */
  template?: Uint8Array;
  provisioning?: "thin" | "full";
  split?: boolean;
  /** `relaxed` where a strict commit of the one who needs the disk follows. */
  durability?: Change["durability"];
}

export async function createDisk(store: Store, disk: NewDisk): Promise<DiskDocument> {
  const { sizeMiB } = disk;
  if (!Number.isInteger(sizeMiB) || sizeMiB < 1 || sizeMiB > LARGEST_DISK_MIB) {
    throw new RangeError(`a disk of ${sizeMiB} MiB, expected 1 to ${LARGEST_DISK_MIB}`);
  }
  const sizeBytes = sizeMiB * MIB;
  const base = disk.template && (await templateLayer(store, disk.template, sizeBytes));
  const layer = newLayer(base, sizeBytes);
  const document: DiskDocument = {
    version: 1,
    id: disk.id ?? newId(),
    name: disk.name ?? "disk",
    sizeBytes,
    layer: layer.id,
    provisioning: disk.provisioning ?? "thin",
    split: disk.split ?? false,
  };
  await store.commit({
    put: [putLayer(layer), { collection: DISKS, key: document.id, value: document }],
    require: base ? [{ collection: LAYERS, key: base.id }] : [],
    ...(disk.durability === undefined ? {} : { durability: disk.durability }),
  });
  return document;
}

export async function readDisk(store: Store, id: string): Promise<DiskDocument> {
  const document = (await store.get(DISKS, id)) as DiskDocument | undefined;
  if (!document) throw new NotFoundError(`the disk ${id} is missing`, "nothing", `disk ${id}`);
  return document;
}

export async function listDisks(store: Store): Promise<DiskDocument[]> {
  return (await store.list(DISKS)).map(({ value }) => value as DiskDocument);
}

/** The layer with a template's contents, which all disks made from it share. */
async function templateLayer(store: Store, template: Uint8Array, sizeBytes: number): Promise<LayerDocument> {
  const id = `template-${bytesToHex(sha256(template)).slice(0, 32)}`;
  const existing = (await store.get(LAYERS, id)) as LayerDocument | undefined;
  if (existing) return existing;
  let contents: Uint8Array;
  try {
    contents = await pipe(template, new DecompressionStream("gzip"), sizeBytes);
  } catch (error) {
    throw new FormatError(
      `the disk template is no gzip file of at most ${sizeBytes} bytes: ${String(error)}`,
      String(error),
      "a gzip file that fits the disk",
    );
  }
  if (contents.length > sizeBytes) {
    throw new FormatError(
      `the disk template has ${contents.length} bytes, the disk only ${sizeBytes}`,
      `${contents.length} bytes`,
      `at most ${sizeBytes} bytes`,
    );
  }
  // The same in every store, so that a bundle finds it there.
  const layer = { ...newLayer(undefined, contents.length, id), cid: id.slice(-8) };
  // A lost template is made again, and the disk's own commit comes after it.
  await store.commit({ ...layerChange(store, layer, contents), durability: "relaxed" });
  return layer;
}

/** What stores a layer with `contents` from its first block on. */
export function layerChange(store: Store, layer: LayerDocument, contents: Uint8Array): Change {
  const blocks = new Map<BlockId, Uint8Array>();
  const segments = new Map<number, SegmentMap>();
  for (let at = 0; at < contents.length; at += BLOCK_SIZE) {
    let block = contents.subarray(at, at + BLOCK_SIZE);
    if (block.length < BLOCK_SIZE) {
      const padded = new Uint8Array(BLOCK_SIZE);
      padded.set(block);
      block = padded;
    }
    if (isZeroBlock(block)) continue;
    const id = blockIdOf(block, store.fingerprintKey);
    blocks.set(id, block);
    const number = at / BLOCK_SIZE;
    const segment = Math.floor(number / SEGMENT_BLOCKS);
    let entries = segments.get(segment);
    if (!entries) segments.set(segment, (entries = new Map()));
    entries.set(number % SEGMENT_BLOCKS, id);
  }
  const maps = [...segments].map(([segment, entries]) => putSegment(layer.id, segment, entries));
  return { put: [putLayer(layer), ...maps], blocks };
}

/** What makes a disk larger. Layers below keep their size: nothing is read beyond it. */
export async function resizeChange(store: Store, id: string, sizeBytes: number): Promise<Change> {
  const document = await readDisk(store, id);
  const layer = { ...(await readLayer(store, document.layer)), sizeBytes };
  const require = [{ collection: LAYERS, key: layer.id }];
  return {
    put: [putLayer(layer), { collection: DISKS, key: id, value: { ...document, sizeBytes } }],
    require,
  };
}

/** Deletes a disk and those layers of its chain that no snapshot and nothing else stands on. */
export async function deleteDisk(store: Store, id: string): Promise<void> {
  const document = await readDisk(store, id);
  const change = await deletionOfChain(store, document.layer, await referencedLayers(store, id));
  await store.commit({ delete: [{ collection: DISKS, key: id }, ...change] });
  await store.collectGarbage();
}

/** What deletes `top` and the layers under it, down to the first that is in `kept` or is another layer's parent. */
export async function deletionOfChain(
  store: Store,
  top: string,
  kept: ReadonlySet<string>,
): Promise<NonNullable<Change["delete"]>> {
  const layers = new Map((await store.list(LAYERS)).map(({ key, value }) => [key, value as LayerDocument]));
  const children = new Map<string, number>();
  for (const { parent } of layers.values()) if (parent) children.set(parent, (children.get(parent) ?? 0) + 1);
  const gone: NonNullable<Change["delete"]> = [];
  for (let id: string | null = top; id !== null;) {
    const layer = layers.get(id);
    if (!layer || kept.has(id) || (children.get(id) ?? 0) > (id === top ? 0 : 1)) break;
    gone.push(...(await deletionOfLayer(store, id)));
    id = layer.parent;
  }
  return gone;
}
