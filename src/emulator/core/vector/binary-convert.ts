/** Conversions between integers, single and double precision, and the approximations RCPPS and RSQRTPS (Intel SDM volume 2). */
import { DENORMAL, DOWN, INVALID, NEAREST, PRECISION, TRUNCATE } from "../float/extended.ts";
import { DOUBLE, quieted, roundBinary, roundingOf, SINGLE, zeroBits } from "./binary-format.ts";
import { MXCSR_DAZ, type VectorRegisters } from "./vector-registers.ts";

/** What a value that fits no doubleword becomes. */
const INTEGER_INDEFINITE = -0x80000000;

function roundToWhole(value: number, rounding: number): number {
  if (rounding === TRUNCATE) return Math.trunc(value);
  const below = Math.floor(value);
  if (rounding === DOWN) return below;
  if (rounding !== NEAREST) return Math.ceil(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** A signed doubleword. Denormals raise no flag of their own. */
function toInteger(v: VectorRegisters, value: number, smallest: number, truncate: boolean): number {
  if ((v.mxcsr & MXCSR_DAZ) !== 0 && Math.abs(value) < smallest) return 0;
  const whole = roundToWhole(value, truncate ? TRUNCATE : roundingOf(v));
  if (!(whole >= -0x80000000 && whole <= 0x7fffffff)) {
    v.flags |= INVALID;
    return INTEGER_INDEFINITE;
  }
  if (whole !== value) v.flags |= PRECISION;
  return whole | 0;
}

const SMALLEST_SINGLE = 2 ** -126;
const SMALLEST_DOUBLE = 2 ** -1022;

export function singleToInteger(v: VectorRegisters, index: number, truncate: boolean): number {
  return toInteger(v, v.singles[index], SMALLEST_SINGLE, truncate);
}

export function doubleToInteger(v: VectorRegisters, index: number, truncate: boolean): number {
  return toInteger(v, v.doubles[index], SMALLEST_DOUBLE, truncate);
}

/** Puts a signed doubleword into element `result` as single precision. */
export function integerToSingle(v: VectorRegisters, result: number, value: number): void {
  v.singles[result] = value;
  if (v.singles[result] === value) return;
  const bits = roundBinary(v, SINGLE, value < 0, BigInt(Math.abs(value)), 0, false);
  v.doublewords[result] = Number(bits) | 0;
}

/** Exact but for NaNs, which become quiet, and denormals that MXCSR.DAZ takes for zero. */
export function singleToDouble(v: VectorRegisters, result: number, from: number): void {
  const bits = v.doublewords[from];
  const sign = bits & 0x80000000;
  const field = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (field === 0xff && fraction !== 0) {
    if ((fraction & 0x400000) === 0) v.flags |= INVALID;
    v.doublewords[result * 2 + 1] = sign | 0x7ff80000 | (fraction >>> 3);
    v.doublewords[result * 2] = fraction << 29;
    return;
  }
  if (field === 0 && fraction !== 0) {
    if ((v.mxcsr & MXCSR_DAZ) !== 0) {
      v.doublewords[result * 2 + 1] = sign;
      v.doublewords[result * 2] = 0;
      return;
    }
    v.flags |= DENORMAL;
  }
  v.doubles[result] = v.singles[from];
}

export function doubleToSingle(v: VectorRegisters, result: number, from: number): void {
  const high = v.doublewords[from * 2 + 1];
  const low = v.doublewords[from * 2];
  const negative = high < 0;
  const field = (high >>> 20) & 0x7ff;
  const fraction = ((BigInt(high) & 0xfffffn) << 32n) | BigInt(low >>> 0);
  let bits: bigint;
  if (field === 0x7ff) {
    bits = zeroBits(SINGLE, negative) | 0x7f800000n;
    if (fraction !== 0n) {
      if ((high & 0x80000) === 0) v.flags |= INVALID;
      bits = quieted(SINGLE, bits | (fraction >> 29n));
    }
  } else if (field === 0 && (fraction === 0n || (v.mxcsr & MXCSR_DAZ) !== 0))
    bits = zeroBits(SINGLE, negative);
  else {
    if (field === 0) v.flags |= DENORMAL;
    const magnitude = field === 0 ? fraction : fraction | (1n << 52n);
    bits = roundBinary(v, SINGLE, negative, magnitude, Math.max(field, 1) - DOUBLE.bias - 52, false);
  }
  v.doublewords[result] = Number(bits) | 0;
}

/** Bits that an approximation drops: it keeps thirteen, so that its relative error is below 1.5 * 2^-12. */
const APPROXIMATION_MASK = ~0x7ff;
const HALF_UNIT = 0x400;

/**
 * RCP and RSQRT: no flags, denormals are zeros, results that would be denormal are zero. Intel and AMD take their values
 * from tables that differ; both keep to a relative error of 1.5 * 2^-12.
 */
function approximate(
  v: VectorRegisters,
  result: number,
  from: number,
  function_: (x: number) => number,
  negativeIsInvalid: boolean,
): void {
  const bits = v.doublewords[from];
  const sign = bits & 0x80000000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) v.doublewords[result] = bits | 0x400000;
  else if (magnitude < 0x800000) v.doublewords[result] = sign | 0x7f800000;
  else if (negativeIsInvalid && sign !== 0) v.doublewords[result] = 0xffc00000 | 0;
  else {
    v.singles[result] = function_(v.singles[from]);
    const field = v.doublewords[result] & 0x7f800000;
    if (field === 0) v.doublewords[result] = sign;
    else if (field !== 0x7f800000) {
      v.doublewords[result] = (v.doublewords[result] + HALF_UNIT) & APPROXIMATION_MASK;
    }
  }
}

export function approximateReciprocal(v: VectorRegisters, result: number, from: number): void {
  approximate(v, result, from, (x) => 1 / x, false);
}

export function approximateReciprocalRoot(v: VectorRegisters, result: number, from: number): void {
  approximate(v, result, from, (x) => 1 / Math.sqrt(x), true);
}
