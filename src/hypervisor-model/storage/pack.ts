/**
 * A pack: up to 64 blocks stored as one record, because a record (an IndexedDB row, a write to a file) costs far more
 * than 4 KiB, and 256 KiB compress far better than 4. The body is the blocks one after another, deflated (RFC 1951) if
 * that saves an eighth, else as they are.
 */
import { DamagedError } from "./errors.ts";
import { BLOCK_SIZE, type BlockId } from "./store.ts";

export const BLOCKS_PER_PACK = 64;

export interface Pack {
  ids: BlockId[];
  codec: "raw" | "deflate";
  body: Uint8Array;
}

export async function encodePacks(
  blocks: readonly (readonly [BlockId, Uint8Array])[],
  compress: boolean,
): Promise<Pack[]> {
  const parts: (readonly (readonly [BlockId, Uint8Array])[])[] = [];
  for (let first = 0; first < blocks.length; first += BLOCKS_PER_PACK)
    parts.push(blocks.slice(first, first + BLOCKS_PER_PACK));
  return inTurns(parts, (part) => encodePack(part, compress));
}

async function encodePack(
  part: readonly (readonly [BlockId, Uint8Array])[],
  compress: boolean,
): Promise<Pack> {
  const raw = new Uint8Array(part.length * BLOCK_SIZE);
  part.forEach(([, bytes], index) => raw.set(bytes, index * BLOCK_SIZE));
  const ids = part.map(([id]) => id);
  const deflated = compress ? await pipe(raw, new CompressionStream("deflate-raw"), raw.length) : undefined;
  if (deflated && deflated.length <= raw.length * 0.875) return { ids, codec: "deflate", body: deflated };
  return { ids, codec: "raw", body: raw };
}

/** (In Node and in Firefox streams deflate in threads of their own.) */
const AT_ONCE = 4;

/** The results in the order of the items, a few being worked on at once. */
export async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** The blocks of a pack of `count` blocks, as views of one buffer. */
export async function decodePack(codec: string, body: Uint8Array, count: number): Promise<Uint8Array[]> {
  const length = count * BLOCK_SIZE;
  let raw = body;
  if (codec === "deflate") raw = await inflate(body, length);
  if (raw.length !== length) {
    throw new DamagedError(
      `a pack of blocks is damaged: ${raw.length} bytes found, ${length} expected`,
      `${raw.length} bytes`,
      `${length} bytes`,
    );
  }
  return Array.from({ length: count }, (_, index) =>
    raw.subarray(index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE),
  );
}

async function inflate(body: Uint8Array, length: number): Promise<Uint8Array> {
  try {
    return await pipe(body, new DecompressionStream("deflate-raw"), length);
  } catch (error) {
    throw new DamagedError(
      `a pack of blocks does not inflate: ${String(error)}`,
      "broken deflate data",
      "deflate data",
    );
  }
}

/** Sends `bytes` through `stream`; stops with an error as soon as more than `limit` bytes have come out. */
export async function pipe(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  limit: number,
): Promise<Uint8Array> {
  const writer = (stream.writable as WritableStream<Uint8Array>).getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  written.catch(() => {}); // the reader sees the same error
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limit + 65536) {
      await reader.cancel().catch(() => {});
      throw new RangeError(`more than ${limit} bytes`);
    }
    parts.push(value);
  }
  await written;
  if (parts.length === 1) return parts[0];
  const joined = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Decoded packs that were read last, so that neighbours of a block need not be read and inflated again. */
export class PackCache {
  private readonly packs = new Map<number, Uint8Array[]>();
  private readonly limit: number;
  constructor(limit = 32) {
    this.limit = limit;
  }
  get(pack: number): Uint8Array[] | undefined {
    const blocks = this.packs.get(pack);
    if (blocks) {
      this.packs.delete(pack);
      this.packs.set(pack, blocks);
    }
    return blocks;
  }
  set(pack: number, blocks: Uint8Array[]): void {
    this.packs.set(pack, blocks);
    if (this.packs.size > this.limit) this.packs.delete(this.packs.keys().next().value!);
  }
  delete(pack: number): void {
    this.packs.delete(pack);
  }
  clear(): void {
    this.packs.clear();
  }
}
