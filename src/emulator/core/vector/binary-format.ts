/**
 * The 32- and 64-bit formats of IEEE 754 as whole numbers, and the one rounding that every SSE operation ends with.
 * Intel SDM volume 1, 4.2.2, 4.8.4; 10.2.3 and 11.5.2 (MXCSR, exceptions). Exact and slow: bits and significands are
 * BigInt; binary-arithmetic.ts takes the processor's own arithmetic where that is known to give the same.
 */
import { DENORMAL, INVALID, OVERFLOW, PRECISION, UNDERFLOW } from "../float/extended.ts";
import { DOWN, NEAREST, TRUNCATE, UP } from "../float/extended.ts";
import {
  MXCSR_DAZ,
  MXCSR_FTZ,
  MXCSR_MASKS_SHIFT,
  MXCSR_ROUNDING_SHIFT,
  type VectorRegisters,
} from "./vector-registers.ts";

export interface BinaryFormat {
  readonly bits: 32 | 64;
  /** Bits of the significand with the hidden one. */
  readonly precision: number;
  /** Exponent field of infinities and NaNs. */
  readonly special: number;
  readonly bias: number;
  readonly defaultNaN: bigint;
}

export const SINGLE: BinaryFormat = {
  bits: 32,
  precision: 24,
  special: 0xff,
  bias: 127,
  defaultNaN: 0xffc00000n,
};
export const DOUBLE: BinaryFormat = {
  bits: 64,
  precision: 53,
  special: 0x7ff,
  bias: 1023,
  defaultNaN: 0xfff8000000000000n,
};

export type NumberKind = "zero" | "finite" | "infinity" | "nan";

/** A finite number is magnitude * 2^exponent. */
export interface Unpacked {
  readonly kind: NumberKind;
  readonly negative: boolean;
  readonly magnitude: bigint;
  readonly exponent: number;
  readonly denormal: boolean;
  readonly signaling: boolean;
}

/** With MXCSR.DAZ a denormal is a zero. */
export function unpackBinary(v: VectorRegisters, format: BinaryFormat, bits: bigint): Unpacked {
  const fractionBits = BigInt(format.precision - 1);
  const negative = bits >> BigInt(format.bits - 1) !== 0n;
  const field = Number(bits >> fractionBits) & format.special;
  const fraction = bits & ((1n << fractionBits) - 1n);
  const exponent = Math.max(field, 1) - format.bias - (format.precision - 1);
  const make = (kind: NumberKind, magnitude: bigint, denormal = false, signaling = false): Unpacked => ({
    kind,
    negative,
    magnitude,
    exponent,
    denormal,
    signaling,
  });
  if (field === format.special) {
    if (fraction === 0n) return make("infinity", 0n);
    return make("nan", fraction, false, fraction >> (fractionBits - 1n) === 0n);
  }
  if (field !== 0) return make("finite", fraction | (1n << fractionBits));
  if (fraction === 0n || (v.mxcsr & MXCSR_DAZ) !== 0) return make("zero", 0n);
  return make("finite", fraction, true);
}

const signBit = (format: BinaryFormat, negative: boolean): bigint =>
  negative ? 1n << BigInt(format.bits - 1) : 0n;

export function zeroBits(format: BinaryFormat, negative: boolean): bigint {
  return signBit(format, negative);
}

export function infinityBits(format: BinaryFormat, negative: boolean): bigint {
  return signBit(format, negative) | (BigInt(format.special) << BigInt(format.precision - 1));
}

export function quieted(format: BinaryFormat, bits: bigint): bigint {
  return bits | (1n << BigInt(format.precision - 2));
}

export function invalid(v: VectorRegisters, format: BinaryFormat): bigint {
  v.flags |= INVALID;
  return format.defaultNaN;
}

/** The result that NaN operands decide, or undefined. Sets the flags for signaling NaNs and, without NaNs, for denormals. */
export function settleNaN(
  v: VectorRegisters,
  format: BinaryFormat,
  a: bigint,
  unpackedA: Unpacked,
  b: bigint,
  unpackedB: Unpacked,
): bigint | undefined {
  if (unpackedA.kind === "nan" || unpackedB.kind === "nan") {
    if (unpackedA.signaling || unpackedB.signaling) v.flags |= INVALID;
    return quieted(format, unpackedA.kind === "nan" ? a : b);
  }
  return undefined;
}

export function noteDenormal(v: VectorRegisters, a: Unpacked, b: Unpacked = a): void {
  if (a.denormal || b.denormal) v.flags |= DENORMAL;
}

export function roundingOf(v: VectorRegisters): number {
  return (v.mxcsr >>> MXCSR_ROUNDING_SHIFT) & 3;
}

const bitLength = (value: bigint): number => value.toString(2).length;

/** Drops `count` low bits of a magnitude by the rounding mode. */
export function roundMagnitude(
  magnitude: bigint,
  count: number,
  sticky: boolean,
  negative: boolean,
  rounding: number,
): { value: bigint; inexact: boolean } {
  if (count <= 0) {
    // Nothing is dropped but what is below already.
    const away = sticky && rounding === (negative ? DOWN : UP);
    const value = magnitude << BigInt(-count);
    return { value: away ? value + 1n : value, inexact: sticky };
  }
  const shift = BigInt(count);
  const value = magnitude >> shift;
  const rest = magnitude & ((1n << shift) - 1n);
  const inexact = rest !== 0n || sticky;
  if (!inexact || rounding === TRUNCATE) return { value, inexact };
  let up: boolean;
  if (rounding === NEAREST) {
    const half = 1n << (shift - 1n);
    up = rest > half || (rest === half && (sticky || (value & 1n) !== 0n));
  } else up = rounding === (negative ? DOWN : UP);
  return { value: up ? value + 1n : value, inexact };
}

/** Rounds magnitude * 2^exponent (not zero; `sticky` when it is a little more) into the format. */
export function roundBinary(
  v: VectorRegisters,
  format: BinaryFormat,
  negative: boolean,
  magnitude: bigint,
  exponent: number,
  sticky: boolean,
): bigint {
  const { precision, bias } = format;
  const rounding = roundingOf(v);
  const length = bitLength(magnitude);
  // Rounded as if the exponent had no limits: from this, tininess and overflow are told.
  let { value, inexact } = roundMagnitude(magnitude, length - precision, sticky, negative, rounding);
  let field = exponent + length - 1 + bias;
  if (bitLength(value) > precision) {
    value >>= 1n;
    field++;
  }
  if (field < 1) {
    const masked = (v.mxcsr & (UNDERFLOW << MXCSR_MASKS_SHIFT)) !== 0;
    if (!masked) {
      v.flags |= UNDERFLOW | (inexact ? PRECISION : 0);
      return zeroBits(format, negative);
    }
    if ((v.mxcsr & MXCSR_FTZ) !== 0) {
      v.flags |= UNDERFLOW | PRECISION;
      return zeroBits(format, negative);
    }
    const drop = 1 - bias - (precision - 1) - exponent;
    ({ value, inexact } = roundMagnitude(magnitude, drop, sticky, negative, rounding));
    if (inexact) v.flags |= UNDERFLOW | PRECISION;
    // A carry into the hidden bit is the smallest normal number.
    return signBit(format, negative) | value;
  }
  if (field >= format.special) {
    const masked = (v.mxcsr & (OVERFLOW << MXCSR_MASKS_SHIFT)) !== 0;
    v.flags |= OVERFLOW | (masked || inexact ? PRECISION : 0);
    const toInfinity = rounding === NEAREST || rounding === (negative ? DOWN : UP);
    return infinityBits(format, negative) - (toInfinity ? 0n : 1n);
  }
  if (inexact) v.flags |= PRECISION;
  const fraction = value & ((1n << BigInt(precision - 1)) - 1n);
  return signBit(format, negative) | (BigInt(field) << BigInt(precision - 1)) | fraction;
}

/** Element `index` of the format's view. */
export function bitsAt(v: VectorRegisters, format: BinaryFormat, index: number): bigint {
  return format.bits === 64 ? v.quadwords[index] : BigInt(v.doublewords[index] >>> 0);
}

export function setBitsAt(v: VectorRegisters, format: BinaryFormat, index: number, bits: bigint): void {
  if (format.bits === 64) v.quadwords[index] = bits;
  else v.doublewords[index] = Number(bits) | 0;
}
