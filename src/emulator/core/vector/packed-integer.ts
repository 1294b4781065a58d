/**
 * Packed integer operations of MMX and SSE2 (Intel SDM volume 2), on the slots of a register file: to = to op from, over
 * the first `bytes` (8 or 16) of each slot. `to` and `from` may be the same slot.
 */
import type { VectorRegisters } from "./vector-registers.ts";

export type PackedOperation = (v: VectorRegisters, to: number, from: number, bytes: number) => void;
/** to = to shifted by `count`, which may be of any size. */
export type PackedShift = (v: VectorRegisters, to: number, count: number, bytes: number) => void;

type Element = (a: number, b: number) => number;
type NumberArray = Uint8Array | Int8Array | Uint16Array | Int16Array | Int32Array;

/** The same for each element of a view. */
function each(view: (v: VectorRegisters) => NumberArray, size: 1 | 2 | 4, element: Element): PackedOperation {
  const perSlot = 16 / size;
  return (v, to, from, bytes) => {
    const array = view(v);
    const target = to * perSlot;
    const source = from * perSlot;
    for (let i = 0; i < bytes / size; i++) {
      array[target + i] = element(array[target + i], array[source + i]);
    }
  };
}

const bytes = (element: Element) => each((v) => v.bytes, 1, element);
const signedBytes = (element: Element) => each((v) => v.signedBytes, 1, element);
const words = (element: Element) => each((v) => v.words, 2, element);
const signedWords = (element: Element) => each((v) => v.signedWords, 2, element);
const doublewords = (element: Element) => each((v) => v.doublewords, 4, element);

function quadwords(element: (a: bigint, b: bigint) => bigint): PackedOperation {
  return (v, to, from, length) => {
    for (let i = 0; i < length / 8; i++) {
      v.quadwords[to * 2 + i] = element(v.quadwords[to * 2 + i], v.quadwords[from * 2 + i]);
    }
  };
}

const clamp = (value: number, low: number, high: number) => (value < low ? low : value > high ? high : value);
const toSignedByte = (value: number) => clamp(value, -128, 127);
const toByte = (value: number) => clamp(value, 0, 255);
const toSignedWord = (value: number) => clamp(value, -32768, 32767);
const toWord = (value: number) => clamp(value, 0, 65535);

const multiplyAdd: PackedOperation = (v, to, from, length) => {
  const w = v.signedWords;
  for (let i = 0; i < length / 4; i++) {
    const a = to * 8 + i * 2;
    const b = from * 8 + i * 2;
    v.doublewords[to * 4 + i] = Math.imul(w[a], w[b]) + Math.imul(w[a + 1], w[b + 1]);
  }
};

const multiplyDoublewords: PackedOperation = (v, to, from, length) => {
  for (let i = 0; i < length / 8; i++) {
    const a = BigInt(v.doublewords[to * 4 + i * 2] >>> 0);
    const b = BigInt(v.doublewords[from * 4 + i * 2] >>> 0);
    v.quadwords[to * 2 + i] = a * b;
  }
};

const sumOfDifferences: PackedOperation = (v, to, from, length) => {
  for (let i = 0; i < length; i += 8) {
    let sum = 0;
    for (let j = 0; j < 8; j++) sum += Math.abs(v.bytes[to * 16 + i + j] - v.bytes[from * 16 + i + j]);
    v.quadwords[(to * 16 + i) / 8] = BigInt(sum);
  }
};

const NARROWED = new Int16Array(16);

/** Halves elements with saturation: those of `to` into its lower half, those of `from` into its upper half. */
function pack(size: 2 | 4, saturate: (value: number) => number): PackedOperation {
  return (v, to, from, length) => {
    const array = size === 2 ? v.signedWords : v.doublewords;
    const count = length / size;
    const perSlot = 16 / size;
    for (let i = 0; i < count; i++) {
      NARROWED[i] = saturate(array[to * perSlot + i]);
      NARROWED[count + i] = saturate(array[from * perSlot + i]);
    }
    const target = size === 2 ? v.bytes : v.words;
    for (let i = 0; i < count * 2; i++) target[to * perSlot * 2 + i] = NARROWED[i];
  };
}

const MIXED = new Uint8Array(16);

/** Alternates elements of the lower (or upper) halves of `to` and `from`. */
function unpack(size: 1 | 2 | 4 | 8, high: boolean): PackedOperation {
  return (v, to, from, length) => {
    const start = high ? length / 2 : 0;
    for (let i = 0; i < length; i++) {
      const pair = Math.floor(i / (2 * size));
      const slot = i % (2 * size) < size ? to : from;
      MIXED[i] = v.bytes[slot * 16 + start + pair * size + (i % size)];
    }
    for (let i = 0; i < length; i++) v.bytes[to * 16 + i] = MIXED[i];
  };
}

const all =
  (condition: (a: number, b: number) => boolean): Element =>
  (a, b) =>
    condition(a, b) ? -1 : 0;
const equal = all((a, b) => a === b);
const greater = all((a, b) => a > b);

export const PACKED: Readonly<Record<string, PackedOperation>> = {
  paddb: bytes((a, b) => a + b),
  paddw: words((a, b) => a + b),
  paddd: doublewords((a, b) => a + b),
  paddq: quadwords((a, b) => a + b),
  paddsb: signedBytes((a, b) => toSignedByte(a + b)),
  paddsw: signedWords((a, b) => toSignedWord(a + b)),
  paddusb: bytes((a, b) => toByte(a + b)),
  paddusw: words((a, b) => toWord(a + b)),
  psubb: bytes((a, b) => a - b),
  psubw: words((a, b) => a - b),
  psubd: doublewords((a, b) => a - b),
  psubq: quadwords((a, b) => a - b),
  psubsb: signedBytes((a, b) => toSignedByte(a - b)),
  psubsw: signedWords((a, b) => toSignedWord(a - b)),
  psubusb: bytes((a, b) => toByte(a - b)),
  psubusw: words((a, b) => toWord(a - b)),
  pmullw: signedWords((a, b) => a * b),
  pmulhw: signedWords((a, b) => (a * b) >> 16),
  pmulhuw: words((a, b) => (a * b) / 65536),
  pmaddwd: multiplyAdd,
  pmuludq: multiplyDoublewords,
  psadbw: sumOfDifferences,
  pavgb: bytes((a, b) => (a + b + 1) >> 1),
  pavgw: words((a, b) => (a + b + 1) >> 1),
  pminub: bytes(Math.min),
  pmaxub: bytes(Math.max),
  pminsw: signedWords(Math.min),
  pmaxsw: signedWords(Math.max),
  pcmpeqb: bytes(equal),
  pcmpeqw: words(equal),
  pcmpeqd: doublewords(equal),
  pcmpgtb: signedBytes(greater),
  pcmpgtw: signedWords(greater),
  pcmpgtd: doublewords(greater),
  pand: doublewords((a, b) => a & b),
  pandn: doublewords((a, b) => ~a & b),
  por: doublewords((a, b) => a | b),
  pxor: doublewords((a, b) => a ^ b),
  packsswb: pack(2, toSignedByte),
  packuswb: pack(2, toByte),
  packssdw: pack(4, toSignedWord),
  punpcklbw: unpack(1, false),
  punpcklwd: unpack(2, false),
  punpckldq: unpack(4, false),
  punpcklqdq: unpack(8, false),
  punpckhbw: unpack(1, true),
  punpckhwd: unpack(2, true),
  punpckhdq: unpack(4, true),
  punpckhqdq: unpack(8, true),
};

function shiftWords(shift: (value: number, count: number) => number, signed: boolean): PackedShift {
  return (v, to, count, length) => {
    const array = signed ? v.signedWords : v.words;
    for (let i = to * 8; i < to * 8 + length / 2; i++) array[i] = shift(array[i], count);
  };
}

function shiftDoublewords(shift: (value: number, count: number) => number): PackedShift {
  return (v, to, count, length) => {
    for (let i = to * 4; i < to * 4 + length / 4; i++) v.doublewords[i] = shift(v.doublewords[i], count);
  };
}

function shiftQuadwords(shift: (value: bigint, count: bigint) => bigint): PackedShift {
  return (v, to, count, length) => {
    for (let i = to * 2; i < to * 2 + length / 8; i++) {
      v.quadwords[i] = count > 63 ? 0n : shift(v.quadwords[i], BigInt(count));
    }
  };
}

/** Moves the whole slot by `count` bytes. */
function shiftBytes(direction: 1 | -1): PackedShift {
  return (v, to, count, length) => {
    for (let i = 0; i < length; i++) {
      const from = i - direction * count;
      MIXED[i] = from >= 0 && from < length ? v.bytes[to * 16 + from] : 0;
    }
    for (let i = 0; i < length; i++) v.bytes[to * 16 + i] = MIXED[i];
  };
}

export const PACKED_SHIFTS: Readonly<Record<string, PackedShift>> = {
  psrlw: shiftWords((value, count) => (count > 15 ? 0 : value >>> count), false),
  psraw: shiftWords((value, count) => value >> Math.min(count, 15), true),
  psllw: shiftWords((value, count) => (count > 15 ? 0 : value << count), false),
  psrld: shiftDoublewords((value, count) => (count > 31 ? 0 : value >>> count)),
  psrad: shiftDoublewords((value, count) => value >> Math.min(count, 31)),
  pslld: shiftDoublewords((value, count) => (count > 31 ? 0 : value << count)),
  psrlq: shiftQuadwords((value, count) => value >> count),
  psllq: shiftQuadwords((value, count) => value << count),
  psrldq: shiftBytes(-1),
  pslldq: shiftBytes(1),
};

/** The count of a shift by register or memory: the low quadword of `from`, as far as it matters. */
export function shiftCount(v: VectorRegisters, from: number): number {
  const low = v.doublewords[from * 4];
  return v.doublewords[from * 4 + 1] !== 0 || low < 0 || low > 255 ? 255 : low;
}

/** Words first..first+3 of `to` become words of `from` chosen by two bits of `order` each. */
export function shuffleWords(
  v: VectorRegisters,
  to: number,
  from: number,
  first: number,
  order: number,
): void {
  for (let i = 0; i < 4; i++) NARROWED[i] = v.words[from * 8 + first + ((order >>> (2 * i)) & 3)];
  for (let i = 0; i < 4; i++) v.words[to * 8 + first + i] = NARROWED[i];
}

const CHOSEN = new Int32Array(4);

/** Doublewords of `to`: the lower two chosen from `low`, the upper two from `high`. */
export function shuffleDoublewords(
  v: VectorRegisters,
  to: number,
  low: number,
  high: number,
  order: number,
): void {
  for (let i = 0; i < 4; i++) CHOSEN[i] = v.doublewords[(i < 2 ? low : high) * 4 + ((order >>> (2 * i)) & 3)];
  v.doublewords.set(CHOSEN, to * 4);
}

/** The top bits of the first `count` elements of `size` bytes. */
export function signMask(v: VectorRegisters, from: number, size: number, count: number): number {
  let mask = 0;
  for (let i = 0; i < count; i++) mask |= (v.bytes[from * 16 + i * size + size - 1] >>> 7) << i;
  return mask;
}
