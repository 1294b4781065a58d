/**
 * Inflates deflate data (RFC 1951) up to a known length. The platform's DecompressionStream refuses data with bytes
 * behind its end, and a compressed cluster of qcow2 has them: its length is counted in sectors.
 */
import { FormatError } from "../errors.ts";

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
/** The order in which the lengths of code lengths are sent (section 3.2.7). */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical Huffman code: how many codes of each length there are, and the symbols in order. */
interface Code {
  counts: Uint16Array;
  symbols: Uint16Array;
}

function makeCode(lengths: ArrayLike<number>): Code {
  const counts = new Uint16Array(16);
  const symbols = new Uint16Array(lengths.length);
  for (let symbol = 0; symbol < lengths.length; symbol++) counts[lengths[symbol]]++;
  counts[0] = 0;
  const next = new Uint16Array(17);
  let free = 1;
  for (let length = 1; length < 16; length++) {
    next[length + 1] = next[length] + counts[length];
    free = free * 2 - counts[length];
    if (free < 0) throw broken("more codes than there is room for");
  }
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    if (lengths[symbol] > 0) symbols[next[lengths[symbol]]++] = symbol;
  }
  return { counts, symbols };
}

const fixedLengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
const FIXED_LITERALS = makeCode(fixedLengths);
const FIXED_DISTANCES = makeCode(new Uint8Array(30).fill(5));

function broken(found: string): FormatError {
  return new FormatError(`the compressed data is broken: ${found}`, found, "deflate data");
}

class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #count = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number): number {
    while (this.#count < count) {
      if (this.#at === this.#bytes.length) throw broken("an end in the middle");
      this.#held |= this.#bytes[this.#at++] << this.#count;
      this.#count += 8;
    }
    const value = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#count -= count;
    return value;
  }

  symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length < 16; length++) {
      code |= this.take(1);
      const count = counts[length];
      if (code - count < first) return symbols[index + (code - first)];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw broken("a code that has no meaning");
  }

  /** Length of a stored block; the bits up to the next byte do not count. */
  storedBytes(): Uint8Array {
    this.#held = 0;
    this.#count = 0;
    const length = this.take(16);
    if ((this.take(16) ^ 0xffff) !== length) throw broken("a stored block of unsure length");
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw broken("an end in the middle");
    this.#at += length;
    return bytes;
  }
}

/** The first `length` bytes that `bytes` inflate to; fewer than that is an error, what follows is not looked at. */
export function inflate(bytes: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  const bits = new Bits(bytes);
  let at = 0;
  for (let last = 0; last === 0 && at < length;) {
    last = bits.take(1);
    const type = bits.take(2);
    if (type === 0) {
      const stored = bits.storedBytes();
      output.set(stored.subarray(0, length - at), at);
      at += Math.min(stored.length, length - at);
    } else if (type === 3) {
      throw broken("a block of type 3");
    } else {
      const [literals, distances] = type === 1 ? [FIXED_LITERALS, FIXED_DISTANCES] : readCodes(bits);
      at = inflateBlock(bits, literals, distances, output, at);
    }
  }
  if (at < length) throw broken(`${at} bytes instead of ${length}`);
  return output;
}

function inflateBlock(bits: Bits, literals: Code, distances: Code, output: Uint8Array, at: number): number {
  while (at < output.length) {
    const symbol = bits.symbol(literals);
    if (symbol < 256) {
      output[at++] = symbol;
      continue;
    }
    if (symbol === 256) break;
    if (symbol > 285) throw broken("a length that has no meaning");
    const length = LENGTH_BASE[symbol - 257] + bits.take(LENGTH_EXTRA[symbol - 257]);
    const code = bits.symbol(distances);
    if (code > 29) throw broken("a distance that has no meaning");
    const distance = DISTANCE_BASE[code] + bits.take(code < 2 ? 0 : (code >> 1) - 1);
    if (distance > at) throw broken("a distance before the beginning");
    const end = Math.min(at + length, output.length);
    for (; at < end; at++) output[at] = output[at - distance];
  }
  return at;
}

/** The codes of a block with its own (section 3.2.7). */
function readCodes(bits: Bits): [Code, Code] {
  const literals = bits.take(5) + 257;
  const distances = bits.take(5) + 1;
  const sent = bits.take(4) + 4;
  const codeLengths = new Uint8Array(19);
  for (let i = 0; i < sent; i++) codeLengths[CODE_LENGTH_ORDER[i]] = bits.take(3);
  const code = makeCode(codeLengths);
  const lengths = new Uint8Array(literals + distances);
  for (let at = 0; at < lengths.length;) {
    const symbol = bits.symbol(code);
    if (symbol < 16) {
      lengths[at++] = symbol;
      continue;
    }
    if (symbol === 16 && at === 0) throw broken("a repetition of nothing");
    const value = symbol === 16 ? lengths[at - 1] : 0;
    const count = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    if (at + count > lengths.length) throw broken("too many code lengths");
    lengths.fill(value, at, at + count);
    at += count;
  }
  return [makeCode(lengths.subarray(0, literals)), makeCode(lengths.subarray(literals))];
}
