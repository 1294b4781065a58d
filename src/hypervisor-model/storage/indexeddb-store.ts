/**
 * The store in IndexedDB. Every commit is one transaction.
 *
 * Several workers and tabs may have it open at once. Each keeps its own index of blocks; `state.collections` in the
 * database counts garbage collections, so that an index which may name freed blocks is noticed inside the transaction
 * and read again. `state.sequence` counts commits, so that a collection whose marking was overtaken by a commit is
 * noticed too.
 */
import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";
import { newFingerprintKey, packIds, unpackIds } from "./block-id.ts";
import { BlockIndex, keptBlocks, markBlocks, sortPacks } from "./block-index.ts";
import {
  ConflictError,
  DamagedError,
  NewerVersionError,
  StorageFullError,
  StorageUnavailableError,
} from "./errors.ts";
import { beginFreshLog } from "./fresh-log.ts";
import { LOSSES, lossOf } from "./losses.ts";
import { decodePack, encodePacks, PackCache, type Pack } from "./pack.ts";
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
import { Turn } from "./turn.ts";

export const DATABASE_NAME = "ringside-store";
const VERSION = 1;
const zeros = new Uint8Array(BLOCK_SIZE);

interface StoreState {
  fingerprintKey: Uint32Array;
  /** Commits so far. */
  sequence: number;
  /** Garbage collections so far. */
  collections: number;
  nextPack: number;
}

interface PackHeader {
  ids: Uint8Array;
  codec: "raw" | "deflate";
  bytes: number;
}

interface Schema extends DBSchema {
  state: { key: string; value: StoreState };
  documents: { key: [string, string]; value: unknown };
  packs: { key: number; value: PackHeader };
  bodies: { key: number; value: Uint8Array };
}

const ALL = ["state", "documents", "packs", "bodies"] as const;

export async function openIndexedDbStore(name = DATABASE_NAME): Promise<Store> {
  if (typeof indexedDB === "undefined") {
    throw new StorageUnavailableError("this browser offers no IndexedDB here", "no indexedDB", "indexedDB");
  }
  let db: IDBPDatabase<Schema>;
  let isNew = false;
  try {
    db = await openDB<Schema>(name, VERSION, {
      upgrade(database, _from, _to, transaction, event) {
        isNew = true;
        for (const store of ALL) database.createObjectStore(store);
        const loss = lossOf(event, Date.now());
        if (loss) void transaction.objectStore("documents").put(loss, [LOSSES, String(loss.noticedAt)]);
      },
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    });
  } catch (error) {
    if ((error as Error).name === "VersionError") {
      throw new NewerVersionError(
        "the stored data was written by a newer version of Ringside",
        "newer",
        `version ${VERSION}`,
      );
    }
    throw new StorageUnavailableError(
      `IndexedDB cannot be opened: ${String(error)}`,
      String(error),
      "an open database",
    );
  }
  try {
    const store = new IndexedDbStore(db, await readKey(db));
    await store.refresh();
    if (!isNew) beginFreshLog(name).catch(() => {}); // the next opening does it
    return store;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The fingerprint key; made in an empty database only, as blocks are unreadable without theirs. */
async function readKey(db: IDBPDatabase<Schema>): Promise<Uint32Array> {
  const transaction = db.transaction(["state", "packs"], "readwrite");
  const states = transaction.objectStore("state");
  const [found, packs] = await Promise.all([states.get("store"), transaction.objectStore("packs").count()]);
  let state = found;
  if (!state && packs === 0) {
    state = { fingerprintKey: newFingerprintKey(), sequence: 0, collections: 0, nextPack: 1 };
    await states.put(state, "store");
  }
  await transaction.done;
  if (state) return state.fingerprintKey;
  throw new DamagedError(
    `the store has ${packs} packs of blocks and has lost the key to them`,
    `${packs} packs, no key`,
    "a key",
  );
}

/** Deletes everything. Only when no store is open on it. */
export async function deleteIndexedDbStore(name = DATABASE_NAME): Promise<void> {
  await deleteDB(name);
}

class IndexedDbStore implements Store {
  readonly kind = "indexeddb";
  readonly fingerprintKey: Uint32Array;
  private readonly db: IDBPDatabase<Schema>;
  private readonly index = new BlockIndex();
  private readonly cache = new PackCache();
  private readonly headers = new Map<number, { codec: string; count: number }>();
  private readonly turn = new Turn();
  /** What the index was built from. */
  private collections = -1;
  private lastPack = 0;

  constructor(db: IDBPDatabase<Schema>, fingerprintKey: Uint32Array) {
    this.db = db;
    this.fingerprintKey = fingerprintKey;
  }

  /** Reads the headers of packs that others have added; all of them after a garbage collection. */
  async refresh(): Promise<void> {
    const transaction = this.db.transaction(["state", "packs"]);
    const state = await transaction.objectStore("state").get("store");
    const all = state!.collections !== this.collections;
    const range = all ? undefined : IDBKeyRange.lowerBound(this.lastPack, true);
    const packs = transaction.objectStore("packs");
    const [keys, headers] = await Promise.all([packs.getAllKeys(range), packs.getAll(range)]);
    await transaction.done;
    if (all) {
      this.index.clear();
      this.headers.clear();
      this.cache.clear();
      this.lastPack = 0;
    }
    keys.forEach((pack, at) => this.remember(pack, unpackIds(headers[at].ids), headers[at].codec));
    this.collections = state!.collections;
  }

  private remember(pack: number, ids: BlockId[], codec: string): void {
    this.index.add(pack, ids);
    this.headers.set(pack, { codec, count: ids.length });
    this.lastPack = Math.max(this.lastPack, pack);
  }

  async get(collection: string, key: string): Promise<unknown> {
    return this.db.get("documents", [collection, key]);
  }

  async list(collection: string, prefix = ""): Promise<StoredDocument[]> {
    const range = IDBKeyRange.bound([collection, prefix], [collection, `${prefix}\uffff`]);
    const { store, done } = this.db.transaction("documents");
    const [keys, values] = await Promise.all([store.getAllKeys(range), store.getAll(range), done]);
    return keys.map(([, key], at) => ({ key, value: values[at] }));
  }

  commit(change: Change): Promise<void> {
    return this.turn.run(async () => {
      while (!(await this.tryCommit(change))) await this.refresh();
    });
  }

  /** False if garbage was collected since the index was read. */
  private async tryCommit(change: Change): Promise<boolean> {
    const packs = await encodePacks(this.index.missing(change.blocks), change.compress ?? true);
    await refuseBeyondQuota(packs.reduce((sum, { body }) => sum + body.length, 0));
    const transaction = this.db.transaction(ALL, "readwrite", { durability: change.durability ?? "strict" });
    const done = transaction.done.catch((error: unknown) => error as Error);
    try {
      const [state, documents, headers, bodies] = ALL.map((name) =>
        transaction.objectStore(name),
      ) as never as [
        ReturnType<typeof transaction.objectStore<"state">>,
        ReturnType<typeof transaction.objectStore<"documents">>,
        ReturnType<typeof transaction.objectStore<"packs">>,
        ReturnType<typeof transaction.objectStore<"bodies">>,
      ];
      const current = (await state.get("store"))!;
      if (current.collections !== this.collections) {
        transaction.abort();
        await done;
        return false;
      }
      for (const { collection, key } of change.require ?? []) {
        if ((await documents.getKey([collection, key])) === undefined) {
          throw ConflictError.missing(collection, key);
        }
      }
      const firstPack = current.nextPack;
      const requests: Promise<unknown>[] = [];
      packs.forEach((pack, at) => {
        requests.push(headers.put(headerOf(pack), firstPack + at), bodies.put(pack.body, firstPack + at));
      });
      for (const { collection, key } of change.delete ?? [])
        requests.push(documents.delete([collection, key]));
      for (const { collection, key, value } of change.put ?? []) {
        requests.push(documents.put(value, [collection, key]));
      }
      const next = { ...current, sequence: current.sequence + 1, nextPack: firstPack + packs.length };
      requests.push(state.put(next, "store"));
      await Promise.all(requests);
      const error = await done;
      if (error) throw error;
      packs.forEach((pack, at) => {
        this.index.add(firstPack + at, pack.ids);
        this.headers.set(firstPack + at, { codec: pack.codec, count: pack.ids.length });
      });
      // Packs of others that lie between must still be read by `refresh`.
      if (firstPack === this.lastPack + 1) this.lastPack = firstPack + packs.length - 1;
      return true;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // it has ended already
      }
      throw namedError(((await done) ?? error) as Error, error as Error);
    }
  }

  async readBlocks(ids: readonly BlockId[]): Promise<(Uint8Array | undefined)[]> {
    let found = await this.tryRead(ids);
    if (found.includes(undefined)) {
      await this.refresh();
      found = await this.tryRead(ids);
    }
    return found;
  }

  private async tryRead(ids: readonly BlockId[]): Promise<(Uint8Array | undefined)[]> {
    const places = ids.map((id) => (id === ZERO_BLOCK ? undefined : this.index.find(id)));
    const packs = new Map<number, Uint8Array[] | undefined>();
    for (const place of places) if (place) packs.set(place.pack, this.cache.get(place.pack));
    await Promise.all(
      [...packs].map(async ([pack, blocks]) => {
        const header = this.headers.get(pack);
        if (blocks || !header) return;
        const body = await this.db.get("bodies", pack);
        if (!body) return;
        const decoded = await decodePack(header.codec, body, header.count);
        this.cache.set(pack, decoded);
        packs.set(pack, decoded);
      }),
    );
    return ids.map((id, at) => {
      if (id === ZERO_BLOCK) return zeros;
      const place = places[at];
      return place && packs.get(place.pack)?.[place.slot];
    });
  }

  async usage(): Promise<StoreUsage> {
    const headers = await this.db.getAll("packs");
    await this.refresh();
    return { blocks: this.index.size, storedBytes: headers.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  collectGarbage(): Promise<GarbageReport> {
    return this.turn.run(async () => {
      for (let attempt = 0; attempt < 5; attempt++) {
        const report = await this.tryCollect();
        if (report) return report;
      }
      return { freedBlocks: 0, freedBytes: 0 };
    });
  }

  /** Undefined if somebody committed meanwhile: what was garbage may be in use again. */
  private async tryCollect(): Promise<GarbageReport | undefined> {
    const marking = this.db.transaction(["state", "documents", "packs"]);
    const state = (await marking.objectStore("state").get("store"))!;
    const used = new Set<BlockId>();
    for (
      let cursor = await marking.objectStore("documents").openCursor();
      cursor;
      cursor = await cursor.continue()
    ) {
      markBlocks(used, cursor.value);
    }
    const [keys, headers] = await Promise.all([
      marking.objectStore("packs").getAllKeys(),
      marking.objectStore("packs").getAll(),
    ]);
    await marking.done;

    const packs = keys.map((pack, at) => ({ pack, ids: unpackIds(headers[at].ids), header: headers[at] }));
    const byNumber = new Map(packs.map((pack) => [pack.pack, pack]));
    const { dead, sparse, freedBlocks } = sortPacks(packs, used);
    if (dead.length + sparse.length === 0) return { freedBlocks: 0, freedBytes: 0 };
    const kept: [BlockId, Uint8Array][] = [];
    for (const { pack, slots } of sparse) {
      const { header, ids } = byNumber.get(pack)!;
      const body = await this.db.get("bodies", pack);
      if (!body) return undefined;
      const blocks = await decodePack(header.codec, body, ids.length);
      kept.push(...keptBlocks(ids, blocks, slots, this.fingerprintKey));
    }
    const moved = await encodePacks(kept, true);

    const sweeping = this.db.transaction(ALL, "readwrite", { durability: "strict" });
    const done = sweeping.done.catch((error: unknown) => error as Error);
    const current = (await sweeping.objectStore("state").get("store"))!;
    if (current.sequence !== state.sequence || current.collections !== state.collections) {
      sweeping.abort();
      await done;
      return undefined;
    }
    const requests: Promise<unknown>[] = [];
    moved.forEach((pack, at) => {
      requests.push(sweeping.objectStore("packs").put(headerOf(pack), current.nextPack + at));
      requests.push(sweeping.objectStore("bodies").put(pack.body, current.nextPack + at));
    });
    const gone = [...dead, ...sparse.map(({ pack }) => pack)];
    for (const pack of gone) {
      requests.push(sweeping.objectStore("packs").delete(pack), sweeping.objectStore("bodies").delete(pack));
    }
    const nextPack = current.nextPack + moved.length;
    const next = { ...current, collections: current.collections + 1, nextPack };
    requests.push(sweeping.objectStore("state").put(next, "store"));
    await Promise.all(requests).catch(() => {});
    const error = await done;
    if (error) throw namedError(error, error);
    await this.refresh();
    const before = gone.reduce((sum, pack) => sum + byNumber.get(pack)!.header.bytes, 0);
    return { freedBlocks, freedBytes: before - moved.reduce((sum, { body }) => sum + body.length, 0) };
  }

  async close(): Promise<void> {
    await this.turn.idle();
    this.db.close();
  }
}

function headerOf(pack: Pack): PackHeader {
  return { ids: packIds(pack.ids), codec: pack.codec, bytes: pack.body.length };
}

/** Bytes of a commit from which on the room is asked for first, and that are left for disks to be saved. */
const LARGE_COMMIT = 1 << 20;

/**
 * A transaction that fails for want of room takes that room until the database is compacted, and later ones fail with it.
 * What cannot fit is therefore not tried. Pages that are not told their quota (plain HTTP) try.
 */
async function refuseBeyondQuota(bytes: number): Promise<void> {
  if (bytes < LARGE_COMMIT || typeof navigator === "undefined") return;
  const { storage } = navigator as { storage?: StorageManager };
  const estimate = await storage?.estimate?.().catch(() => undefined);
  if (estimate?.quota === undefined || estimate.usage === undefined) return;
  const free = estimate.quota - estimate.usage;
  if (bytes + LARGE_COMMIT <= free) return;
  throw new StorageFullError(
    "the browser has no room for this",
    `${free} bytes free`,
    `${bytes + LARGE_COMMIT} bytes free`,
  );
}

/** The database reports why a transaction ended by the name of a DOMException. */
function namedError(...errors: Error[]): Error {
  if (errors.some((error) => error.name === "QuotaExceededError")) {
    return new StorageFullError("the browser has no more room for this page", "quota exceeded", "free space");
  }
  const own = errors.find((error) => error.name !== "AbortError");
  return own ?? errors[0];
}
