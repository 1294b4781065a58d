/**
 * The store in a folder, for Node. One process opens it; its worker threads reach it through store-port.ts.
 *
 *     store.json   format version and fingerprint key, written once
 *     journal      changes one after another: length, SHA-256, then documents and the places of new packs
 *     blocks-N     bodies of packs, appended; a new file every 64 MiB
 *     lock         the process that has it open
 *
 * A change is first written to a blocks file, then as one record to the journal: until the record is whole, nothing of
 * it counts, and the next opening cuts off what was left. All documents are kept in memory. When the journal has grown
 * far beyond them it is written anew beside the old one and put in its place by one rename.
 */
import { mkdir, open, readdir, stat, truncate, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { packIds, unpackIds } from "./block-id.ts";
import { BlockIndex, keptBlocks, markBlocks, sortPacks } from "./block-index.ts";
import { ConflictError, DamagedError, StorageUnavailableError } from "./errors.ts";
import { namedError, readKey, replaceFile, writeAll } from "./folder-files.ts";
import { encodeRecord, readRecords, type JournalRecord, type PackPlace } from "./folder-journal.ts";
import { lockFolder } from "./folder-lock.ts";
import { decodePack, encodePacks, inTurns, PackCache, type Pack } from "./pack.ts";
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

const BLOCKS_FILE_LIMIT = 64 << 20;
const JOURNAL_SLACK = 8 << 20;
const zeros = new Uint8Array(BLOCK_SIZE);

export async function openFolderStore(folder: string): Promise<Store> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new StorageUnavailableError(
      `the folder ${folder} cannot be used: ${String(error)}`,
      String(error),
      "a folder",
    );
  }
  const unlock = await lockFolder(folder);
  try {
    const store = new FolderStore(folder, await readKey(folder), unlock);
    await store.load().catch(async (error: unknown) => {
      await store.closeFiles();
      throw error;
    });
    return store;
  } catch (error) {
    await unlock();
    throw error;
  }
}

class FolderStore implements Store {
  readonly kind = "folder";
  readonly fingerprintKey: Uint32Array;
  private readonly folder: string;
  private readonly unlock: () => Promise<void>;
  private readonly collections = new Map<string, Map<string, unknown>>();
  private readonly packs = new Map<number, PackPlace>();
  private readonly index = new BlockIndex();
  private readonly cache = new PackCache();
  private readonly turn = new Turn();
  private readonly readers = new Map<number, Promise<FileHandle>>();
  private journal!: FileHandle;
  private journalBytes = 0;
  /** What the journal took when it was written anew last. */
  private checkpointBytes = 0;
  private blocks: FileHandle | undefined;
  private blocksFile = 1;
  private blocksBytes = 0;
  private nextPack = 1;

  constructor(folder: string, fingerprintKey: Uint32Array, unlock: () => Promise<void>) {
    this.folder = folder;
    this.fingerprintKey = fingerprintKey;
    this.unlock = unlock;
  }

  private path(name: string): string {
    return join(this.folder, name);
  }

  /** Replays the journal, then removes what a crash has left. */
  async load(): Promise<void> {
    this.journal = await open(this.path("journal"), "a+");
    const { records, end } = readRecords(new Uint8Array(await this.journal.readFile()), this.folder);
    for (const record of records) this.apply(record);
    await this.journal.truncate(end);
    this.journalBytes = this.checkpointBytes = end;
    const used = new Map<number, number>();
    for (const { file, offset, length } of this.packs.values()) {
      used.set(file, Math.max(used.get(file) ?? 0, offset + length));
    }
    await unlink(this.path("journal.new")).catch(() => {});
    for (const name of await readdir(this.folder)) {
      const number = /^blocks-(\d+)$/.exec(name)?.[1];
      if (number === undefined) continue;
      const end = used.get(Number(number));
      if (end === undefined) await unlink(this.path(name));
      else if ((await stat(this.path(name))).size > end) await truncate(this.path(name), end);
    }
    for (const [file, end] of used) {
      if (file >= this.blocksFile) [this.blocksFile, this.blocksBytes] = [file, end];
    }
  }

  private apply(record: JournalRecord): void {
    for (const { collection, key } of record.delete) this.collections.get(collection)?.delete(key);
    for (const { collection, key, value } of record.put) {
      let documents = this.collections.get(collection);
      if (!documents) this.collections.set(collection, (documents = new Map()));
      documents.set(key, value);
    }
    for (const place of record.packs) {
      this.packs.set(place.pack, place);
      this.index.add(place.pack, unpackIds(place.ids));
      this.nextPack = Math.max(this.nextPack, place.pack + 1);
    }
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

  commit(change: Change): Promise<void> {
    return this.turn.run(async () => {
      for (const { collection, key } of change.require ?? []) {
        if (!this.collections.get(collection)?.has(key)) throw ConflictError.missing(collection, key);
      }
      const put = (change.put ?? []).map((document) => ({
        ...document,
        value: structuredClone(document.value),
      }));
      const packs = await encodePacks(this.index.missing(change.blocks), change.compress ?? true);
      const strict = change.durability !== "relaxed";
      try {
        const places = await this.appendPacks(packs);
        if (strict) await this.blocks?.datasync();
        const record = { put, delete: change.delete ?? [], packs: places };
        await this.appendRecord(record);
        if (strict) await this.journal.datasync();
        this.apply(record);
      } catch (error) {
        throw namedError(error as NodeJS.ErrnoException);
      }
      if (this.journalBytes > this.checkpointBytes * 4 + JOURNAL_SLACK) await this.rewriteJournal();
    });
  }

  private async appendPacks(packs: Pack[]): Promise<PackPlace[]> {
    if (packs.length === 0) return [];
    if (this.blocks && this.blocksBytes >= BLOCKS_FILE_LIMIT) await this.startBlocksFile();
    this.blocks ??= await open(this.path(`blocks-${this.blocksFile}`), "a");
    const start = this.blocksBytes;
    const places: PackPlace[] = [];
    try {
      for (const { ids, codec, body } of packs) {
        await writeAll(this.blocks, body, undefined);
        const pack = this.nextPack + places.length;
        places.push({
          pack,
          file: this.blocksFile,
          offset: this.blocksBytes,
          length: body.length,
          codec,
          ids: packIds(ids),
        });
        this.blocksBytes += body.length;
      }
    } catch (error) {
      await this.blocks.truncate(start).catch(() => {});
      this.blocksBytes = start;
      throw error;
    }
    return places;
  }

  private async startBlocksFile(): Promise<void> {
    await this.blocks?.datasync();
    await this.blocks?.close();
    this.blocks = undefined;
    this.blocksFile++;
    this.blocksBytes = 0;
  }

  private async appendRecord(record: JournalRecord): Promise<void> {
    const bytes = encodeRecord(record);
    try {
      await writeAll(this.journal, bytes, undefined);
      this.journalBytes += bytes.length;
    } catch (error) {
      await this.journal.truncate(this.journalBytes).catch(() => {});
      throw error;
    }
  }

  /** The journal again, with nothing in it but what still counts. */
  private async rewriteJournal(): Promise<void> {
    await this.blocks?.datasync();
    const parts: Uint8Array[] = [];
    for (const place of this.packs.values())
      parts.push(encodeRecord({ put: [], delete: [], packs: [place] }));
    for (const [collection, documents] of this.collections) {
      for (const [key, value] of documents) {
        parts.push(encodeRecord({ put: [{ collection, key, value }], delete: [], packs: [] }));
      }
    }
    await replaceFile(this.folder, "journal", parts);
    await this.journal.close();
    this.journal = await open(this.path("journal"), "a+");
    this.journalBytes = this.checkpointBytes = parts.reduce((sum, part) => sum + part.length, 0);
  }

  async readBlocks(ids: readonly BlockId[]): Promise<(Uint8Array | undefined)[]> {
    const places = ids.map((id) => (id === ZERO_BLOCK ? undefined : this.index.find(id)));
    const wanted = new Set(places.flatMap((place) => (place ? [place.pack] : [])));
    const packs = new Map(
      await inTurns([...wanted], async (pack) => [pack, await this.readPack(pack)] as const),
    );
    return ids.map((id, at) => {
      if (id === ZERO_BLOCK) return zeros;
      const place = places[at];
      return place && packs.get(place.pack)![place.slot];
    });
  }

  private async readPack(pack: number): Promise<Uint8Array[]> {
    const cached = this.cache.get(pack);
    if (cached) return cached;
    const place = this.packs.get(pack)!;
    const blocks = await decodePack(place.codec, await this.readBody(place), place.ids.length / 16);
    this.cache.set(pack, blocks);
    return blocks;
  }

  private async readBody(place: PackPlace): Promise<Uint8Array> {
    let reader = this.readers.get(place.file);
    if (!reader) this.readers.set(place.file, (reader = open(this.path(`blocks-${place.file}`), "r")));
    const body = new Uint8Array(place.length);
    const { bytesRead } = await (await reader).read(body, 0, place.length, place.offset);
    if (bytesRead !== place.length) {
      throw new DamagedError(
        `blocks-${place.file} of the store in ${this.folder} ends at byte ${place.offset + bytesRead}`,
        `${bytesRead} bytes`,
        `${place.length} bytes`,
      );
    }
    return body;
  }

  async usage(): Promise<StoreUsage> {
    let storedBytes = 0;
    for (const { length } of this.packs.values()) storedBytes += length;
    return { blocks: this.index.size, storedBytes };
  }

  collectGarbage(): Promise<GarbageReport> {
    return this.turn.run(async () => {
      const used = new Set<BlockId>();
      for (const documents of this.collections.values()) {
        for (const value of documents.values()) markBlocks(used, value);
      }
      const before = (await this.usage()).storedBytes;
      const packs = [...this.packs.values()].map(({ pack, ids }) => ({ pack, ids: unpackIds(ids) }));
      const { dead, sparse, freedBlocks } = sortPacks(packs, used);
      if (dead.length + sparse.length === 0) return { freedBlocks: 0, freedBytes: 0 };
      const gone = new Set([...dead, ...sparse.map(({ pack }) => pack)]);
      const kept: [BlockId, Uint8Array][] = [];
      for (const { pack, slots } of sparse) {
        const blocks = await this.readPack(pack);
        const ids = unpackIds(this.packs.get(pack)!.ids);
        kept.push(...keptBlocks(ids, blocks, slots, this.fingerprintKey));
      }
      // Files that would be less than half full are emptied too, so that their space comes back.
      const sizes = new Map<number, { live: number; all: number }>();
      for (const { pack, file, length } of this.packs.values()) {
        const size = sizes.get(file) ?? { live: 0, all: 0 };
        size.all += length;
        if (!gone.has(pack)) size.live += length;
        sizes.set(file, size);
      }
      try {
        await this.startBlocksFile();
        const moved = await this.appendPacks(await encodePacks(kept, true));
        this.nextPack += moved.length;
        for (const place of this.packs.values()) {
          const { live, all } = sizes.get(place.file)!;
          if (gone.has(place.pack) || live * 2 >= all) continue;
          const body = await this.readBody(place);
          const [copy] = await this.appendPacks([{ ids: unpackIds(place.ids), codec: place.codec, body }]);
          moved.push({ ...copy, pack: place.pack });
        }
        for (const pack of gone) this.packs.delete(pack);
        for (const place of moved) this.packs.set(place.pack, place);
        this.index.clear();
        this.cache.clear();
        for (const { pack, ids } of this.packs.values()) this.index.add(pack, unpackIds(ids));
        await this.rewriteJournal();
      } catch (error) {
        throw namedError(error as NodeJS.ErrnoException);
      }
      const filled = new Set([...this.packs.values()].map(({ file }) => file));
      for (const file of sizes.keys()) {
        if (filled.has(file)) continue;
        const reader = this.readers.get(file);
        this.readers.delete(file);
        await (await reader)?.close();
        await unlink(this.path(`blocks-${file}`));
      }
      return { freedBlocks, freedBytes: before - (await this.usage()).storedBytes };
    });
  }

  async close(): Promise<void> {
    await this.turn.idle();
    await this.blocks?.datasync();
    await this.journal.datasync();
    await this.closeFiles();
    await this.unlock();
  }

  async closeFiles(): Promise<void> {
    await this.blocks?.close();
    if (this.journal) await this.journal.close();
    for (const reader of this.readers.values()) await (await reader).close();
    this.readers.clear();
  }
}
