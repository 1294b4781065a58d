/**
 * Block ids: a keyed fingerprint of 128 bits.
 *
 * It is two HalfSipHash-1-3 of 64 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; the half form is
 * the one the Linux kernel keys its hash tables with) computed side by side, each with its own half of the store's
 * secret key. SHA-256 in JavaScript makes about 110 MB/s, this makes more than ten times as much, and disks are hashed
 * in the thread that runs the guest. The key is secret, so neither a guest nor a file from outside can choose blocks
 * that collide; by chance it does not happen. What leaves the store (bundles) carries SHA-256.
 */
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId } from "./store.ts";

const ID_BYTES = 16;
const WORDS = BLOCK_SIZE / 4;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const aligned = new Uint32Array(WORDS);
const alignedBytes = new Uint8Array(aligned.buffer);

/** Words of a block, without a copy where it is aligned. */
function wordsOf(block: Uint8Array): Uint32Array {
  if ((block.byteOffset & 3) === 0) return new Uint32Array(block.buffer, block.byteOffset, WORDS);
  alignedBytes.set(block);
  return aligned;
}

export function isZeroBlock(block: Uint8Array): boolean {
  const words = wordsOf(block);
  for (let i = 0; i < WORDS; i++) if (words[i] !== 0) return false;
  return true;
}

/** Id of 4096 bytes; `ZERO_BLOCK` for zeros. `key` is four words. */
export function blockIdOf(block: Uint8Array, key: Uint32Array): BlockId {
  if (block.length !== BLOCK_SIZE)
    throw new RangeError(`a block of ${block.length} bytes, expected ${BLOCK_SIZE}`);
  const words = wordsOf(block);
  let any = 0;
  // Two states of four words: v (left) and w (right), initialised as HalfSipHash with 64-bit output does.
  let v0 = key[0];
  let v1 = key[1] ^ 0xee;
  let v2 = 0x6c796765 ^ key[0];
  let v3 = 0x74656462 ^ key[1];
  let w0 = key[2];
  let w1 = key[3] ^ 0xee;
  let w2 = 0x6c796765 ^ key[2];
  let w3 = 0x74656462 ^ key[3];
  for (let i = 0; i < WORDS; i++) {
    const word = words[i];
    any |= word;
    v3 ^= word;
    w3 ^= word;
    // One compression round of each, written out.
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    w0 = (w0 + w1) | 0;
    w1 = ((w1 << 5) | (w1 >>> 27)) ^ w0;
    w0 = (w0 << 16) | (w0 >>> 16);
    w2 = (w2 + w3) | 0;
    w3 = ((w3 << 8) | (w3 >>> 24)) ^ w2;
    w0 = (w0 + w3) | 0;
    w3 = ((w3 << 7) | (w3 >>> 25)) ^ w0;
    w2 = (w2 + w1) | 0;
    w1 = ((w1 << 13) | (w1 >>> 19)) ^ w2;
    w2 = (w2 << 16) | (w2 >>> 16);
    v0 ^= word;
    w0 ^= word;
  }
  if (any === 0) return ZERO_BLOCK;
  const id = finish(v0, v1, v2, v3) + finish(w0, w1, w2, w3);
  // The one id that means zeros cannot mean anything else.
  return id === ZERO_BLOCK ? "00000000000000000000000000000001" : id;
}

/** HalfSipHash's finalisation: three rounds before each of the two output words. */
function finish(v0: number, v1: number, v2: number, v3: number): string {
  let output = "";
  for (const mark of [0xee, 0xdd]) {
    if (mark === 0xee) v2 ^= mark;
    else v1 ^= mark;
    for (let round = 0; round < 3; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    output += hex32(v1 ^ v3);
  }
  return output;
}

function hex32(word: number): string {
  return HEX[(word >>> 24) & 255] + HEX[(word >>> 16) & 255] + HEX[(word >>> 8) & 255] + HEX[word & 255];
}

/** Packs ids into 16 bytes each: the `blocks` field of a document. */
export function packIds(ids: readonly BlockId[]): Uint8Array {
  const packed = new Uint8Array(ids.length * ID_BYTES);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (id === ZERO_BLOCK) continue;
    for (let b = 0; b < ID_BYTES; b++) {
      packed[i * ID_BYTES + b] = (digit(id.charCodeAt(b * 2)) << 4) | digit(id.charCodeAt(b * 2 + 1));
    }
  }
  return packed;
}

/** Value of a lower-case hexadecimal digit given as a character code. */
function digit(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/** The id at `index` of a packed list. */
export function idAt(packed: Uint8Array, index: number): BlockId {
  let id = "";
  const end = (index + 1) * ID_BYTES;
  for (let at = index * ID_BYTES; at < end; at++) id += HEX[packed[at]];
  return id;
}

export function unpackIds(packed: Uint8Array): BlockId[] {
  return Array.from({ length: packed.length / ID_BYTES }, (_, index) => idAt(packed, index));
}

/** The packed ids a document refers to, if it has any. */
export function blocksOf(value: unknown): Uint8Array | undefined {
  const blocks = (value as { blocks?: unknown } | null | undefined)?.blocks;
  return blocks instanceof Uint8Array ? blocks : undefined;
}

/** A new secret key. */
export function newFingerprintKey(): Uint32Array {
  return crypto.getRandomValues(new Uint32Array(4));
}
