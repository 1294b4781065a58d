/**
 * The store: documents by collection and key, and content-addressed blocks of 4 KiB.
 *
 * Everything that Ringside keeps is in here, in one of three forms: IndexedDB in the browser (the only store that
 * file://, plain HTTP and HTTPS pages all have), a folder in Node, memory in tests and where nothing else is allowed.
 * A change (documents, deletions and the blocks they refer to) becomes visible at once or not at all.
 */

/** Bytes of one block: of a disk, of guest memory, of a saved device state. */
export const BLOCK_SIZE = 4096;

/**
 * Names a block by its content: 32 hexadecimal digits, the fingerprint of the 4096 bytes under this store's own key
 * (see block-id.ts). Ids are therefore meaningless in another store. A block of zeros is never stored: `ZERO_BLOCK`.
 */
export type BlockId = string;

export const ZERO_BLOCK: BlockId = "00000000000000000000000000000000";

/**
 * A document is plain data: JSON values, `Uint8Array` and `Uint32Array`. One that refers to blocks holds their ids in
 * a top-level field `blocks: Uint8Array`, 16 bytes each (block-id.ts packs them; a zero id is the zero block). By that
 * field garbage collection finds what is in use.
 */
export interface StoredDocument {
  key: string;
  value: unknown;
}

export interface Change {
  put?: { collection: string; key: string; value: unknown }[];
  delete?: { collection: string; key: string }[];
  /**
   * Contents of every block that the new documents refer to and no document of this store refers to yet. Blocks that
   * are stored already are recognised by their id and not stored again.
   */
  blocks?: ReadonlyMap<BlockId, Uint8Array>;
  /** Documents that must still exist when the change is made; otherwise nothing is changed and ConflictError is thrown. */
  require?: { collection: string; key: string }[];
  /**
   * `strict` (the default) waits until the bytes are on the medium. `relaxed` survives a killed process, not a power
   * failure. The order of changes is kept either way.
   */
  durability?: "strict" | "relaxed";
  /** Whether blocks are compressed (default true). Disks that a guest is writing to are stored as they are. */
  compress?: boolean;
}

export interface StoreUsage {
  /** Blocks stored, each once. */
  blocks: number;
  /** Bytes these take as stored, that is after compression, garbage included. */
  storedBytes: number;
}

export interface GarbageReport {
  /** Blocks that nothing referred to. */
  freedBlocks: number;
  /** Stored bytes before less those after. */
  freedBytes: number;
}

export interface Store {
  readonly kind: "indexeddb" | "memory" | "folder";
  /** Four words of secret key for block ids, drawn when the store was made. */
  readonly fingerprintKey: Uint32Array;
  get(collection: string, key: string): Promise<unknown>;
  /** All documents of a collection whose key begins with `prefix`, ascending by key. */
  list(collection: string, prefix?: string): Promise<StoredDocument[]>;
  /**
   * Throws StorageFullError or ConflictError; the former state is then intact. Changes take effect in call order. The
   * caller leaves values and blocks alone until it ends.
   */
  commit(change: Change): Promise<void>;
  /** Contents in the order of `ids`, `undefined` for what is not there. The zero block is always there. Do not modify. */
  readBlocks(ids: readonly BlockId[]): Promise<(Uint8Array | undefined)[]>;
  usage(): Promise<StoreUsage>;
  /** Frees what no document refers to. Safe at any time; another user's commit makes it start again or give up. */
  collectGarbage(): Promise<GarbageReport>;
  close(): Promise<void>;
}
