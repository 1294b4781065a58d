/** The store in memory: for tests, and for a page that is denied any other (it says so). Blocks are not compressed. */
import { newFingerprintKey } from "./block-id.ts";
import { markBlocks } from "./block-index.ts";
import { ConflictError } from "./errors.ts";
import {
  BLOCK_SIZE,
  ZERO_BLOCK,
  type BlockId,
  type Change,
  type GarbageReport,
  type Store,
  type StoredDocument,
  type StoreUsage,
} from "./store.ts";

const zeros = new Uint8Array(BLOCK_SIZE);

export class MemoryStore implements Store {
  readonly kind = "memory";
  readonly fingerprintKey: Uint32Array;
  private readonly collections = new Map<string, Map<string, unknown>>();
  private readonly blocks = new Map<BlockId, Uint8Array>();

  constructor(fingerprintKey = newFingerprintKey()) {
    this.fingerprintKey = fingerprintKey;
  }

  async get(collection: string, key: string): Promise<unknown> {
    const value = this.collections.get(collection)?.get(key);
    return value === undefined ? undefined : structuredClone(value);
  }

  async list(collection: string, prefix = ""): Promise<StoredDocument[]> {
    const found: StoredDocument[] = [];
    for (const [key, value] of this.collections.get(collection) ?? []) {
      if (key.startsWith(prefix)) found.push({ key, value: structuredClone(value) });
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async commit(change: Change): Promise<void> {
    for (const { collection, key } of change.require ?? []) {
      if (!this.collections.get(collection)?.has(key)) throw ConflictError.missing(collection, key);
    }
    // Values are copied before anything is changed: a value that cannot be cloned changes nothing.
    const put = (change.put ?? []).map((document) => ({
      ...document,
      value: structuredClone(document.value),
    }));
    for (const [id, bytes] of change.blocks ?? []) {
      if (id !== ZERO_BLOCK && !this.blocks.has(id)) this.blocks.set(id, bytes.slice());
    }
    for (const { collection, key } of change.delete ?? []) this.collections.get(collection)?.delete(key);
    for (const { collection, key, value } of put) {
      let documents = this.collections.get(collection);
      if (!documents) this.collections.set(collection, (documents = new Map()));
      documents.set(key, value);
    }
  }

  async readBlocks(ids: readonly BlockId[]): Promise<(Uint8Array | undefined)[]> {
    return ids.map((id) => (id === ZERO_BLOCK ? zeros : this.blocks.get(id)));
  }

  async usage(): Promise<StoreUsage> {
    return { blocks: this.blocks.size, storedBytes: this.blocks.size * BLOCK_SIZE };
  }

  async collectGarbage(): Promise<GarbageReport> {
    const used = new Set<BlockId>();
    for (const documents of this.collections.values()) {
      for (const value of documents.values()) markBlocks(used, value);
    }
    let freedBlocks = 0;
    for (const id of this.blocks.keys()) {
      if (used.has(id)) continue;
      this.blocks.delete(id);
      freedBlocks++;
    }
    return { freedBlocks, freedBytes: freedBlocks * BLOCK_SIZE };
  }

  async close(): Promise<void> {}
}
