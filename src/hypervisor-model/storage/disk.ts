/**
 * A virtual disk as a machine uses it: a chain of layers over 4 KiB blocks, read through one merged map.
 *
 * Writes go to memory and are saved a moment later (`SAVE_DELAY`), each save being one commit and saves keeping the
 * order of the writes. If the browser is killed, the disk is as it was at some moment of the last second: to the guest
 * that is a power failure, which its journaling file system survives.
 */
import type { BlockDevice } from "../../emulator/machine.ts";
import { BlockCache } from "./block-cache.ts";
import { blockIdOf } from "./block-id.ts";
import { DamagedError } from "./errors.ts";
import {
  checkChain,
  LAYERS,
  newCid,
  newLayer,
  putLayer,
  putSegment,
  readChain,
  SEGMENT_BLOCKS,
  segmentOf,
  type LayerDocument,
} from "./layer.ts";
import { mergedMapOf, type MergedMap } from "./merged-map.ts";
import { DISKS, readDisk, type DiskDocument } from "./disk-document.ts";
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId, type Change, type Store } from "./store.ts";
import { Turn } from "./turn.ts";
import { ALL_SECTORS, complete, copyWithin, SECTOR, type UnsavedBlock } from "./unsaved-block.ts";

/** Milliseconds from the first unsaved write to the save. */
const SAVE_DELAY = 400;
/** Bytes of unsaved writes that start a save at once, and that make further writes wait for it. */
const SAVE_EARLY = 4 << 20;
const SAVE_LIMIT = 32 << 20;
/** Blocks kept in memory for reading: 32 MiB in each of two generations at most. */
const CACHE_BLOCKS = 4096;
/** Neighbours read together with a block that is not in memory. */
const READ_WINDOW = 32;
/** Bytes of overwritten blocks after which the store is asked to collect garbage. */
const GARBAGE_LIMIT = 64 << 20;

const zeros = new Uint8Array(BLOCK_SIZE);

type Stage = Map<number, UnsavedBlock>;

export interface DiskOptions {
  readOnly?: boolean;
  /** A save failed (StorageFullError…). The writes are kept and tried again; told once until a save succeeds. */
  onSaveError?: (error: Error) => void;
  /** Milliseconds; for tests. */
  saveDelay?: number;
}

export async function openDisk(store: Store, id: string, options: DiskOptions = {}): Promise<Disk> {
  for (;;) {
    const document = await readDisk(store, id);
    const layers = await readChain(store, document.layer);
    checkChain(layers);
    const map = await mergedMapOf(store, layers);
    // Somebody may have merged two of the layers between the reading of their maps: then one of them is gone.
    const after = await readChain(store, (await readDisk(store, id)).layer);
    const isSame = after.length === layers.length && after.every((layer, at) => layer.id === layers[at].id);
    if (isSame) return new Disk(store, document, layers, map, options);
  }
}

export class Disk implements BlockDevice {
  readonly byteLength: number;
  readonly readOnly: boolean;
  private document: DiskDocument;
  private readonly store: Store;
  private readonly layers: LayerDocument[];
  private readonly map: MergedMap;
  private readonly options: DiskOptions;
  private readonly turn = new Turn();
  private readonly cache = new BlockCache(CACHE_BLOCKS);
  /** Unsaved writes, oldest first; writes go to the last one. */
  private readonly stages: Stage[] = [new Map()];
  private unsavedBlocks = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failed: Error | undefined;
  private overwritten = 0;
  /** Whether the live layer has been given a new CID since opening. */
  private cidIsNew = false;
  private closed = false;

  constructor(
    store: Store,
    document: DiskDocument,
    layers: LayerDocument[],
    map: MergedMap,
    options: DiskOptions,
  ) {
    this.store = store;
    this.document = document;
    this.layers = layers;
    this.map = map;
    this.options = options;
    this.byteLength = document.sizeBytes;
    this.readOnly = options.readOnly ?? false;
  }

  get id(): string {
    return this.document.id;
  }

  /** The chain, lowest layer first; the last one is live. */
  get chain(): readonly LayerDocument[] {
    return this.layers;
  }

  /** Index in `chain` of the layer a block is read from, -1 where no layer has it. Unsaved writes count as live. */
  layerOf(block: number): number {
    if (this.stages.some((stage) => stage.has(block))) return this.layers.length - 1;
    return this.map.ownerOf(block) ?? -1;
  }

  get hasUnsavedWrites(): boolean {
    return this.unsavedBlocks > 0;
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const error = this.outside(offset, length);
    if (error) return Promise.reject(error);
    const result = new Uint8Array(length);
    let missing: number[] | undefined;
    const end = offset + length;
    for (let at = offset; at < end;) {
      const block = Math.floor(at / BLOCK_SIZE);
      const from = at - block * BLOCK_SIZE;
      const count = Math.min(BLOCK_SIZE - from, end - at);
      const bytes = this.inMemory(block);
      if (bytes === undefined) (missing ??= []).push(block);
      else if (bytes !== zeros) copyWithin(bytes, from, count, result, at - offset);
      at += count;
    }
    return missing ? this.readMissing(offset, result, missing) : result;
  }

  private async readMissing(offset: number, result: Uint8Array, missing: number[]): Promise<Uint8Array> {
    const fetched = await this.fetch(this.withNeighbours(missing));
    for (const block of missing) {
      const bytes = this.completed(block, fetched.get(block) ?? zeros);
      const at = Math.max(offset, block * BLOCK_SIZE);
      const end = Math.min(offset + result.length, (block + 1) * BLOCK_SIZE);
      copyWithin(bytes, at - block * BLOCK_SIZE, end - at, result, at - offset);
    }
    return result;
  }

  /** Waits only while too much is unsaved. */
  write(offset: number, bytes: Uint8Array): void | Promise<void> {
    const error = this.outside(offset, bytes.length);
    if (error) return Promise.reject(error);
    if (this.readOnly) return Promise.reject(new RangeError(`disk ${this.document.name} is read-only`));
    if (this.failed && this.unsavedBlocks * BLOCK_SIZE > SAVE_LIMIT) return Promise.reject(this.failed);
    for (let at = 0; at < bytes.length;) {
      const block = Math.floor((offset + at) / BLOCK_SIZE);
      const from = offset + at - block * BLOCK_SIZE;
      const count = Math.min(BLOCK_SIZE - from, bytes.length - at);
      const unsaved = this.unsavedBlock(block, count === BLOCK_SIZE);
      copyWithin(bytes, at, count, unsaved.bytes, from);
      unsaved.sectors |= ((1 << (count / SECTOR)) - 1) << (from / SECTOR);
      at += count;
    }
    const unsavedBytes = this.unsavedBlocks * BLOCK_SIZE;
    if (unsavedBytes > SAVE_LIMIT) return this.flush();
    if (unsavedBytes > SAVE_EARLY && !this.failed) this.saveSoon(0);
    else this.saveSoon(this.options.saveDelay ?? SAVE_DELAY);
  }

  /** The block in the current stage, begun from what is known of it if it will not be overwritten as a whole. */
  private unsavedBlock(block: number, whole: boolean): UnsavedBlock {
    const stage = this.stages[this.stages.length - 1];
    let unsaved = stage.get(block);
    if (unsaved) return unsaved;
    unsaved = { bytes: new Uint8Array(BLOCK_SIZE), sectors: 0 };
    if (!whole) {
      const older = this.newestUnsaved(block);
      const known = this.inMemory(block);
      if (known) {
        unsaved.bytes.set(known);
        unsaved.sectors = ALL_SECTORS;
      } else if (older) {
        unsaved.bytes.set(older.bytes);
        unsaved.sectors = older.sectors;
      }
    }
    stage.set(block, unsaved);
    this.unsavedBlocks++;
    return unsaved;
  }

  private newestUnsaved(block: number): UnsavedBlock | undefined {
    for (let at = this.stages.length - 1; at >= 0; at--) {
      const unsaved = this.stages[at].get(block);
      if (unsaved) return unsaved;
    }
    return undefined;
  }

  /** The block if all of it is in memory. */
  private inMemory(block: number): Uint8Array | undefined {
    if (this.unsavedBlocks > 0) {
      const unsaved = this.newestUnsaved(block);
      if (unsaved) return unsaved.sectors === ALL_SECTORS ? unsaved.bytes : undefined;
    }
    const id = this.map.idOf(block);
    if (id === undefined || id === ZERO_BLOCK) return zeros;
    return this.cache.get(block);
  }

  /** `stored` with what was written since. */
  private completed(block: number, stored: Uint8Array): Uint8Array {
    const unsaved = this.newestUnsaved(block);
    if (!unsaved) return this.inMemory(block) ?? stored;
    complete(unsaved, stored);
    return unsaved.bytes;
  }

  /** Contents of blocks as they are in the store. */
  private async fetch(blocks: number[]): Promise<Map<number, Uint8Array>> {
    const ids = blocks.map((block) => this.map.idOf(block) ?? ZERO_BLOCK);
    const contents = await this.store.readBlocks(ids);
    const fetched = new Map<number, Uint8Array>();
    blocks.forEach((block, at) => {
      const bytes = contents[at];
      if (!bytes || (ids[at] !== ZERO_BLOCK && blockIdOf(bytes, this.store.fingerprintKey) !== ids[at])) {
        throw new DamagedError(
          `block ${block} of disk ${this.document.name} is ${bytes ? "damaged" : "missing"}`,
          bytes ? "other content" : "nothing",
          `block ${ids[at]}`,
        );
      }
      fetched.set(block, bytes);
      // A save may have changed the block meanwhile.
      if (this.map.idOf(block) === ids[at]) this.cache.set(block, bytes);
    });
    return fetched;
  }

  private withNeighbours(blocks: number[]): number[] {
    const wanted = new Set(blocks);
    for (const window of new Set(blocks.map((block) => Math.floor(block / READ_WINDOW)))) {
      for (let block = window * READ_WINDOW; block < (window + 1) * READ_WINDOW; block++) {
        const id = this.map.idOf(block);
        if (id !== undefined && id !== ZERO_BLOCK && !this.cache.get(block)) wanted.add(block);
      }
    }
    return [...wanted];
  }

  private saveSoon(delay: number): void {
    if (this.timer !== undefined || this.closed) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flush().catch(() => {}); // reported by onSaveError
    }, delay);
  }

  /** Ends when every write so far is in the store. */
  flush(): Promise<void> {
    const last = this.seal();
    return this.turn.run(() => this.saveUpTo(last));
  }

  /** Closes the current stage: later writes are not part of what is saved with it. */
  private seal(): Stage {
    clearTimeout(this.timer);
    this.timer = undefined;
    const last = this.stages[this.stages.length - 1];
    this.stages.push(new Map());
    return last;
  }

  private async saveUpTo(last: Stage): Promise<void> {
    while (this.stages.includes(last)) {
      const stage = this.stages[0];
      try {
        if (stage.size > 0) await this.save(stage);
      } catch (error) {
        if (!this.failed) this.options.onSaveError?.(error as Error);
        this.failed = error as Error;
        this.saveSoon(2000);
        throw error;
      }
      this.failed = undefined;
      this.stages.shift();
      this.unsavedBlocks -= stage.size;
    }
    if (this.overwritten * BLOCK_SIZE > GARBAGE_LIMIT) {
      this.overwritten = 0;
      this.store.collectGarbage().catch(() => {}); // a later one will do it
    }
  }

  private async save(stage: Stage): Promise<void> {
    const partial = [...stage].filter(([, { sectors }]) => sectors !== ALL_SECTORS).map(([block]) => block);
    if (partial.length > 0) {
      const stored = await this.fetch(partial);
      for (const block of partial) complete(stage.get(block)!, stored.get(block)!);
    }
    const live = this.layers.length - 1;
    const changed = new Map<number, BlockId>();
    const contents = new Map<BlockId, Uint8Array>();
    const segments = new Map<number, Map<number, BlockId>>();
    for (const [block, { bytes }] of stage) {
      const id = blockIdOf(bytes, this.store.fingerprintKey);
      if (id === (this.map.idOf(block) ?? ZERO_BLOCK)) continue;
      changed.set(block, id);
      if (id !== ZERO_BLOCK) contents.set(id, bytes);
      const segment = segmentOf(block);
      let entries = segments.get(segment);
      if (!entries) segments.set(segment, (entries = this.map.entriesOf(segment, live)));
      entries.set(block % SEGMENT_BLOCKS, id);
    }
    if (changed.size > 0) {
      const layer = this.layers[live];
      const put: Change["put"] = [...segments].map(([segment, map]) => putSegment(layer.id, segment, map));
      const renamed = this.cidIsNew ? undefined : { ...layer, cid: newCid() };
      if (renamed) put.push(putLayer(renamed));
      await this.store.commit({
        put,
        blocks: contents,
        require: [{ collection: LAYERS, key: layer.id }],
        durability: "relaxed",
        compress: false,
      });
      if (renamed) this.layers[live] = renamed;
      this.cidIsNew = true;
    }
    for (const [block, id] of changed) {
      if (this.map.ownerOf(block) === live) this.overwritten++;
      this.map.set(block, id, live);
    }
    for (const [block, { bytes }] of stage) this.cache.set(block, bytes);
  }

  /**
   * Freezes the live layer as it is at this moment: what is written from now on belongs to a new layer above it. The
   * function that is given back does it: `commit` gets the documents, commits them with its own and resolves; if it
   * throws, nothing has happened. Resolves to the id of the frozen layer.
   */
  freeze(): (commit: (put: NonNullable<Change["put"]>, frozen: string) => Promise<void>) => Promise<string> {
    const last = this.seal();
    return (commit) =>
      this.turn.run(async () => {
        await this.saveUpTo(last);
        const frozen = this.layers[this.layers.length - 1];
        const layer = newLayer(frozen, frozen.sizeBytes);
        const document = { ...this.document, layer: layer.id };
        await commit([putLayer(layer), { collection: DISKS, key: document.id, value: document }], frozen.id);
        this.layers.push(layer);
        this.document = document;
        this.cidIsNew = true;
        return frozen.id;
      });
  }

  /** Saves what is unsaved. The disk must not be used afterwards. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flush();
  }

  /** Drops what is unsaved; resolves when nothing of it is being saved any more. */
  async abandon(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.turn.idle();
  }

  private outside(offset: number, length: number): Error | undefined {
    const end = offset + length;
    if (offset >= 0 && end <= this.byteLength && offset % SECTOR === 0 && length % SECTOR === 0)
      return undefined;
    return new RangeError(
      `disk ${this.document.name}: bytes ${offset} to ${end} are not whole sectors of its ${this.byteLength} bytes`,
    );
  }
}
