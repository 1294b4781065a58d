/**
 * The memory and the segments that every recorded case sees (native.c makes the same on the real processor): code, data and
 * stack in two pages each with nothing mapped around them, one page of data that cannot be written, a data segment with a
 * limit (FS) and one that expands down (GS).
 */
import { EDGE_DOUBLES, EDGE_EXTENDED, EDGE_INTEGERS, EDGE_SINGLES, type Random } from "./edge-values.ts";

export const PAGE = 4096;
export const CODE = 0x10000000;
export const DATA = 0x20000000;
export const READ_ONLY = DATA + 3 * PAGE;
export const STACK = 0x30000000;
/** Bytes of code, of data and of stack. */
export const REGION = 2 * PAGE;

/** 32-bit: flat segments. 16-bit: code, data and stack segments of 64 KiB's kind, based at their region. */
export type Mode = "32-bit" | "16-bit";

export interface Segment {
  readonly selector: number;
  readonly base: number;
  readonly limit: number;
  /** Bits 8 to 23 of the descriptor's upper half. */
  readonly attributes: number;
}

const FLAT_CODE = 0xc0fb00;
const FLAT_DATA = 0xc0f300;
const FS: Segment = { selector: 0x6b, base: DATA, limit: 0x1fef, attributes: 0x40f300 };
const GS: Segment = { selector: 0x73, base: DATA, limit: 0xfff, attributes: 0x40f700 };
const FLAT: Segment = { selector: 0x2b, base: 0, limit: 0xffffffff, attributes: FLAT_DATA };
const DATA_16: Segment = { selector: 0x0f, base: DATA, limit: REGION - 1, attributes: 0x00f300 };
const STACK_16: Segment = { selector: 0x17, base: STACK, limit: REGION - 1, attributes: 0x00f300 };
const CODE_16: Segment = { selector: 0x07, base: CODE, limit: REGION - 1, attributes: 0x00fb00 };

/** ES CS SS DS FS GS. */
export const SEGMENTS: Readonly<Record<Mode, readonly Segment[]>> = {
  "32-bit": [FLAT, { selector: 0x23, base: 0, limit: 0xffffffff, attributes: FLAT_CODE }, FLAT, FLAT, FS, GS],
  "16-bit": [DATA_16, CODE_16, STACK_16, DATA_16, FS, GS],
};

export interface MemoryImage {
  readonly data: Uint8Array;
  readonly readOnly: Uint8Array;
  readonly stack: Uint8Array;
}

/** Sixteen-byte slots in turn: integers, single, double and extended numbers, packed decimals, anything. */
function fill(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < length; at += 16) {
    const kind = (at / 16) % 6;
    for (let i = 0; i < 16; i++) bytes[at + i] = random.next();
    if (kind === 0) for (let i = 0; i < 16; i += 4) view.setUint32(at + i, random.of(EDGE_INTEGERS), true);
    else if (kind === 1)
      for (let i = 0; i < 16; i += 4) view.setUint32(at + i, random.of(EDGE_SINGLES), true);
    else if (kind === 2)
      for (let i = 0; i < 16; i += 8) view.setBigUint64(at + i, random.of(EDGE_DOUBLES), true);
    else if (kind === 3) {
      const [signExponent, significand] = random.of(EDGE_EXTENDED);
      view.setBigUint64(at, significand, true);
      view.setUint16(at + 8, signExponent, true);
    } else if (kind === 4) {
      for (let i = 0; i < 9; i++) bytes[at + i] = random.below(10) | (random.below(10) << 4);
      bytes[at + 9] = random.below(2) * 0x80;
    }
  }
  return bytes;
}

/** Stack words are often places in the code, for returns. */
function fillStack(random: Random, length: number): Uint8Array {
  const bytes = fill(random, length);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < length; at += 4) {
    if (random.below(3) === 0) view.setUint32(at, CODE + 0x900 + random.below(0x100), true);
    else if (random.below(6) === 0) view.setUint32(at, 0x900 + random.below(0x100), true);
  }
  return bytes;
}

export function memoryImage(random: Random): MemoryImage {
  return { data: fill(random, REGION), readOnly: fill(random, PAGE), stack: fillStack(random, REGION) };
}
