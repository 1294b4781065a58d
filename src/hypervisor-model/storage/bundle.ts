/**
 * Bundles: documents of a store with all blocks they refer to, as one file. Written and read record by record, so that
 * neither side holds more than one record and the documents.
 *
 * The file is the magic `RINGSIDE`, a version (u32, little endian) and records: kind (u8), bytes as stored (u32), bytes
 * inflated (u32), SHA-256 of the inflated bytes, then the stored bytes (deflate, RFC 1951). Kinds: 1 up to 64 blocks, 2 a
 * document (see document-codec.ts), 3 the end with the SHA-256 of all digests before. Block ids mean nothing in another
 * store: in a document of a bundle `blocks` holds numbers, 0 for zeros, n for the n-th block of the file.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { blockIdOf, blocksOf, packIds, unpackIds } from "./block-id.ts";
import { decodeDocument, encodeDocument } from "./document-codec.ts";
import { DamagedError, FormatError, NewerVersionError, NotFoundError, RefusedError } from "./errors.ts";
import type { ByteSink, ByteSource } from "./formats/image.ts";
import { ImportHold } from "./import-hold.ts";
import { joinChanges } from "./join-changes.ts";
import { BLOCKS_PER_PACK, pipe } from "./pack.ts";
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId, type Change, type Store } from "./store.ts";
import type { OnProgress } from "./stoppable.ts";

const MAGIC = new TextEncoder().encode("RINGSIDE");
const VERSION = 1;
const BLOCKS = 1;
const DOCUMENT = 2;
const END = 3;
const HEADER_BYTES = 9 + 32;
const LARGEST_BLOCKS = BLOCKS_PER_PACK * BLOCK_SIZE;
const LARGEST_DOCUMENT = 32 << 20;
/** Of all documents together. */
const MOST_DOCUMENT_BYTES = 512 << 20;
export interface DocumentKey {
  collection: string;
  key: string;
}

/** `onProgress` is called with the part of the documents that is written, 0 to 1. */
export async function exportBundle(
  store: Store,
  documents: readonly DocumentKey[],
  sink: ByteSink,
  onProgress: OnProgress = () => undefined,
): Promise<void> {
  const start = new Uint8Array(12);
  start.set(MAGIC);
  new DataView(start.buffer).setUint32(8, VERSION, true);
  await sink(start);
  const digests = sha256.create();
  const record = async (kind: number, bytes: Uint8Array): Promise<void> => {
    const digest = kind === END ? bytes : sha256(bytes);
    const stored = await pipe(bytes, new CompressionStream("deflate-raw"), bytes.length + 65536);
    const header = new Uint8Array(HEADER_BYTES);
    const fields = new DataView(header.buffer);
    fields.setUint8(0, kind);
    fields.setUint32(1, stored.length, true);
    fields.setUint32(5, bytes.length, true);
    header.set(digest, 9);
    if (kind !== END) digests.update(digest);
    await sink(header);
    await sink(stored);
  };
  const numbers = new Map<BlockId, number>([[ZERO_BLOCK, 0]]);
  for (const [at, { collection, key }] of documents.entries()) {
    await onProgress(at / documents.length);
    let value = await store.get(collection, key);
    if (value === undefined) {
      throw new NotFoundError(`${collection} ${key} is missing`, "nothing", `${collection}/${key}`);
    }
    const packed = blocksOf(value);
    if (packed) {
      const ids = unpackIds(packed);
      const fresh = [...new Set(ids)].filter((id) => !numbers.has(id));
      for (let first = 0; first < fresh.length; first += BLOCKS_PER_PACK) {
        const part = fresh.slice(first, first + BLOCKS_PER_PACK);
        const body = new Uint8Array(part.length * BLOCK_SIZE);
        (await store.readBlocks(part)).forEach((bytes, at) => {
          if (!bytes || blockIdOf(bytes, store.fingerprintKey) !== part[at])
            throw new DamagedError(`a block of ${collection} ${key} is damaged or missing`);
          body.set(bytes, at * BLOCK_SIZE);
          numbers.set(part[at], numbers.size);
        });
        await record(BLOCKS, body);
      }
      value = { ...(value as object), blocks: Uint32Array.from(ids, (id) => numbers.get(id)!) };
    }
    await record(DOCUMENT, encodeDocument({ collection, key, value }));
  }
  await record(END, digests.digest());
}

export interface BundleImport {
  /** Collections that the bundle may have documents of. */
  collections: readonly string[];
  /**
   * What becomes of the documents, whose `blocks` are ids of this store by then: what is to be committed. Left out, they
   * are put as they are, and none may be there already.
   */
  accept?(documents: NonNullable<Change["put"]>): Promise<Change> | Change;
  /** Who imports: as long as it lives, `dropInterruptedImports` of others leaves the import alone. */
  owner?: string;
  /** Called with the part of the file that has been read, 0 to 1. */
  onProgress?: OnProgress;
}

/**
 * Puts what a bundle holds into the store, all of it or nothing. Throws FormatError, DamagedError, NewerVersionError,
 * RefusedError, StorageFullError.
 */
export async function importBundle(
  store: Store,
  source: ByteSource,
  {
    collections,
    accept = (documents) => newDocuments(store, documents),
    owner = "",
    onProgress,
  }: BundleImport,
): Promise<void> {
  const hold = new ImportHold(store, owner);
  try {
    const documents = await readBundle(store, source, collections, hold, onProgress);
    await store.commit(joinChanges(await accept(documents), hold.release()));
  } catch (error) {
    await store
      .commit({ delete: hold.release().delete ?? [] })
      .then(() => store.collectGarbage())
      .catch(() => {});
    throw error;
  }
}

async function newDocuments(store: Store, put: NonNullable<Change["put"]>): Promise<Change> {
  for (const { collection, key } of put) {
    if ((await store.get(collection, key)) === undefined) continue;
    throw new RefusedError(`${collection} ${key} is here already`, `${collection}/${key}`, "a new document", {
      key: "already-here",
    });
  }
  return { put };
}

async function readBundle(
  store: Store,
  source: ByteSource,
  collections: readonly string[],
  hold: ImportHold,
  onProgress: OnProgress = () => undefined,
): Promise<NonNullable<Change["put"]>> {
  const start = await take(source, 0, 12);
  if (MAGIC.some((byte, at) => start[at] !== byte)) {
    throw new FormatError("this is no Ringside bundle", "another beginning", "RINGSIDE", "not-a-bundle");
  }
  const version = new DataView(start.buffer, start.byteOffset).getUint32(8, true);
  if (version < VERSION) {
    throw new FormatError("the bundle has no version", `version ${version}`, `version ${VERSION}`);
  }
  if (version > VERSION) {
    throw new NewerVersionError(
      "the bundle was written by a newer version of Ringside",
      `version ${version}`,
      `version ${VERSION}`,
    );
  }
  const put: NonNullable<Change["put"]> = [];
  const ids: BlockId[] = [ZERO_BLOCK];
  const digests = sha256.create();
  let documentBytes = 0;
  for (let at = 12; ;) {
    const header = await take(source, at, HEADER_BYTES);
    const fields = new DataView(header.buffer, header.byteOffset);
    const kind = fields.getUint8(0);
    const [storedLength, length] = [fields.getUint32(1, true), fields.getUint32(5, true)];
    const limit = kind === BLOCKS ? LARGEST_BLOCKS : kind === DOCUMENT ? LARGEST_DOCUMENT : 32;
    if (kind < BLOCKS || kind > END || length > limit || storedLength > limit + 65536) {
      throw new FormatError(
        "a record of the bundle is no record",
        `kind ${kind}, ${length} bytes`,
        "a record",
      );
    }
    const stored = await take(source, at + HEADER_BYTES, storedLength);
    at += HEADER_BYTES + storedLength;
    const bytes = await inflated(stored, length);
    const digest = header.slice(9, HEADER_BYTES);
    const computed = kind === END ? digests.digest() : sha256(bytes);
    const isWhole = kind === END ? bytesToHex(bytes) === bytesToHex(computed) : true;
    if (bytesToHex(digest) !== bytesToHex(computed) || !isWhole) {
      throw new DamagedError("the bundle is damaged", bytesToHex(computed), bytesToHex(digest));
    }
    if (kind === END) {
      if (at === source.byteLength) return put;
      throw new FormatError("the bundle goes on after its end", `${source.byteLength} bytes`, `${at} bytes`);
    }
    digests.update(digest);
    if (kind === BLOCKS) {
      if (length === 0 || length % BLOCK_SIZE !== 0)
        throw new FormatError("blocks of the bundle are cut", `${length} bytes`, "whole blocks");
      const blocks = new Map<BlockId, Uint8Array>();
      for (let offset = 0; offset < length; offset += BLOCK_SIZE) {
        const block = bytes.slice(offset, offset + BLOCK_SIZE);
        const id = blockIdOf(block, store.fingerprintKey);
        ids.push(id);
        if (id !== ZERO_BLOCK) blocks.set(id, block);
      }
      await hold.keep(blocks);
      await onProgress(at / source.byteLength);
      continue;
    }
    documentBytes += length;
    if (documentBytes > MOST_DOCUMENT_BYTES)
      throw new FormatError(
        "the bundle's documents are too large",
        `${documentBytes}`,
        `${MOST_DOCUMENT_BYTES} bytes`,
      );
    put.push(decodeBundled(bytes, ids, collections));
  }
}

function decodeBundled(
  bytes: Uint8Array,
  ids: readonly BlockId[],
  collections: readonly string[],
): NonNullable<Change["put"]>[number] {
  let decoded: unknown;
  try {
    decoded = decodeDocument(bytes);
  } catch (error) {
    throw new DamagedError("a document of the bundle is damaged", String(error), "a document");
  }
  const { collection, key, value } = (decoded ?? {}) as { collection: string; key: string; value: unknown };
  if (!collections.includes(collection) || typeof key !== "string" || key.length > 200) {
    const found = `${String(collection).slice(0, 40)}/${String(key).slice(0, 40)}`;
    throw new FormatError(
      "the bundle has a document that does not belong in one",
      found,
      collections.join(", "),
    );
  }
  const blocks = (value as { blocks?: unknown } | null)?.blocks;
  if (blocks === undefined) return { collection, key, value };
  if (!(blocks instanceof Uint32Array) || blocks.some((number) => number >= ids.length)) {
    throw new FormatError("a document of the bundle refers to blocks that are not there", key, "its blocks");
  }
  const packed = packIds(Array.from(blocks, (number) => ids[number]));
  return { collection, key, value: { ...(value as object), blocks: packed } };
}

async function inflated(stored: Uint8Array, length: number): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  let problem = "";
  try {
    bytes = await pipe(stored, new DecompressionStream("deflate-raw"), length);
  } catch (error) {
    problem = String(error);
  }
  if (bytes?.length === length) return bytes;
  throw new DamagedError(
    "a record of the bundle does not inflate",
    problem || `${bytes?.length} bytes`,
    `${length} bytes`,
  );
}

function take(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  if (offset + length <= source.byteLength) return source.read(offset, length);
  throw new FormatError(
    "the bundle is cut short",
    `${source.byteLength} bytes`,
    `at least ${offset + length} bytes`,
    "cut-short",
  );
}
