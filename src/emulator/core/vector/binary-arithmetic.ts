/**
 * ADD SUB MUL DIV SQRT MIN MAX and comparison of SSE and SSE2, one element at a time (Intel SDM volume 2; volume 1, 4.8.3.5
 * and table 4-7 for NaNs, 11.5.2 for exceptions). Elements are named by their index in the format's view.
 *
 * JavaScript's own arithmetic gives the same result when rounding is to nearest, operands and result are normal, and the
 * inexact flag is set already. For single precision it is double arithmetic rounded once more, which is harmless: 53 bits
 * are at least twice 24 and two.
 */
import { DENORMAL, DOWN, INVALID, PRECISION, ZERO_DIVIDE } from "../float/extended.ts";
import * as binary from "./binary-format.ts";
import { type BinaryFormat, DOUBLE, SINGLE, type Unpacked } from "./binary-format.ts";
import {
  MXCSR_DAZ,
  MXCSR_MASKS_SHIFT,
  MXCSR_ROUNDING_SHIFT,
  type VectorRegisters,
} from "./vector-registers.ts";

/** result = a op b */
export type ElementOperation = (v: VectorRegisters, result: number, a: number, b: number) => void;

type Exact = (v: VectorRegisters, format: BinaryFormat, a: bigint, b: bigint) => bigint;

const FAST_MASK = (3 << MXCSR_ROUNDING_SHIFT) | (PRECISION << MXCSR_MASKS_SHIFT) | PRECISION;
const FAST = (PRECISION << MXCSR_MASKS_SHIFT) | PRECISION;

const isNormalDouble = (v: VectorRegisters, index: number): boolean => {
  const field = (v.doublewords[index * 2 + 1] >>> 20) & 0x7ff;
  return field !== 0 && field !== 0x7ff;
};
const isNormalSingle = (v: VectorRegisters, index: number): boolean => {
  const field = (v.doublewords[index] >>> 23) & 0xff;
  return field !== 0 && field !== 0xff;
};
/** Normal, and not the smallest ones, which may have been tiny before they were rounded. */
const isPlainDouble = (v: VectorRegisters, index: number): boolean => {
  const field = (v.doublewords[index * 2 + 1] >>> 20) & 0x7ff;
  return field > 1 && field !== 0x7ff;
};
const isPlainSingle = (v: VectorRegisters, index: number): boolean => {
  const field = (v.doublewords[index] >>> 23) & 0xff;
  return field > 1 && field !== 0xff;
};

function arithmetic(
  format: BinaryFormat,
  native: (a: number, b: number) => number,
  exact: Exact,
): ElementOperation {
  if (format.bits === 64) {
    return (v, result, a, b) => {
      if ((v.mxcsr & FAST_MASK) === FAST && isNormalDouble(v, a) && isNormalDouble(v, b)) {
        v.doubles[result] = native(v.doubles[a], v.doubles[b]);
        if (isPlainDouble(v, result)) return;
      }
      v.quadwords[result] = exact(v, format, v.quadwords[a], v.quadwords[b]);
    };
  }
  return (v, result, a, b) => {
    if ((v.mxcsr & FAST_MASK) === FAST && isNormalSingle(v, a) && isNormalSingle(v, b)) {
      v.singles[result] = native(v.singles[a], v.singles[b]);
      if (isPlainSingle(v, result)) return;
    }
    const bits = exact(v, format, binary.bitsAt(v, format, a), binary.bitsAt(v, format, b));
    binary.setBitsAt(v, format, result, bits);
  };
}

function addSigned(v: VectorRegisters, format: BinaryFormat, a: bigint, b: bigint, negate: boolean): bigint {
  const x = binary.unpackBinary(v, format, a);
  const y = binary.unpackBinary(v, format, b);
  const nan = binary.settleNaN(v, format, a, x, b, y);
  if (nan !== undefined) return nan;
  const negativeY = y.negative !== negate;
  if (x.kind === "infinity" || y.kind === "infinity") {
    if (x.kind === y.kind && x.negative !== negativeY) return binary.invalid(v, format);
    binary.noteDenormal(v, x, y);
    return binary.infinityBits(format, x.kind === "infinity" ? x.negative : negativeY);
  }
  binary.noteDenormal(v, x, y);
  const exponent = Math.min(x.exponent, y.exponent);
  const signed = (value: Unpacked, negative: boolean) => {
    const magnitude = value.magnitude << BigInt(value.exponent - exponent);
    return negative ? -magnitude : magnitude;
  };
  const sum = signed(x, x.negative) + signed(y, negativeY);
  if (sum === 0n) {
    const same = x.kind === "zero" && y.kind === "zero" && x.negative === negativeY;
    return binary.zeroBits(format, same ? x.negative : binary.roundingOf(v) === DOWN);
  }
  return binary.roundBinary(v, format, sum < 0n, sum < 0n ? -sum : sum, exponent, false);
}

const multiply: Exact = (v, format, a, b) => {
  const x = binary.unpackBinary(v, format, a);
  const y = binary.unpackBinary(v, format, b);
  const nan = binary.settleNaN(v, format, a, x, b, y);
  if (nan !== undefined) return nan;
  const negative = x.negative !== y.negative;
  if (x.kind === "infinity" || y.kind === "infinity") {
    if (x.kind === "zero" || y.kind === "zero") return binary.invalid(v, format);
    binary.noteDenormal(v, x, y);
    return binary.infinityBits(format, negative);
  }
  binary.noteDenormal(v, x, y);
  if (x.kind === "zero" || y.kind === "zero") return binary.zeroBits(format, negative);
  const product = x.magnitude * y.magnitude;
  return binary.roundBinary(v, format, negative, product, x.exponent + y.exponent, false);
};

/** More bits than two significands of the format have. */
const QUOTIENT_SHIFT = 128;

const divide: Exact = (v, format, a, b) => {
  const x = binary.unpackBinary(v, format, a);
  const y = binary.unpackBinary(v, format, b);
  const nan = binary.settleNaN(v, format, a, x, b, y);
  if (nan !== undefined) return nan;
  const negative = x.negative !== y.negative;
  if (x.kind === y.kind && (x.kind === "zero" || x.kind === "infinity")) return binary.invalid(v, format);
  if (y.kind === "zero" && x.kind !== "infinity") {
    v.flags |= ZERO_DIVIDE;
    return binary.infinityBits(format, negative);
  }
  binary.noteDenormal(v, x, y);
  if (x.kind === "infinity") return binary.infinityBits(format, negative);
  if (y.kind === "infinity" || x.kind === "zero") return binary.zeroBits(format, negative);
  const dividend = x.magnitude << BigInt(QUOTIENT_SHIFT);
  const quotient = dividend / y.magnitude;
  const rest = dividend - quotient * y.magnitude;
  return binary.roundBinary(
    v,
    format,
    negative,
    quotient,
    x.exponent - y.exponent - QUOTIENT_SHIFT,
    rest !== 0n,
  );
};

/** The whole part of a square root. */
function wholeRoot(value: bigint): bigint {
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

const squareRoot: Exact = (v, format, _, b) => {
  const x = binary.unpackBinary(v, format, b);
  const nan = binary.settleNaN(v, format, b, x, b, x);
  if (nan !== undefined) return nan;
  if (x.kind === "zero") return binary.zeroBits(format, x.negative);
  if (x.negative) return binary.invalid(v, format);
  if (x.kind === "infinity") return b;
  binary.noteDenormal(v, x);
  const shift = QUOTIENT_SHIFT + (x.exponent & 1);
  const radicand = x.magnitude << BigInt(shift);
  const root = wholeRoot(radicand);
  return binary.roundBinary(v, format, false, root, (x.exponent - shift) / 2, root * root !== radicand);
};

/** Whether an element is NaN, and whether it is a signaling one; and whether it is denormal. */
function isNaNAt(v: VectorRegisters, format: BinaryFormat, index: number): boolean {
  return Number.isNaN(format.bits === 64 ? v.doubles[index] : v.singles[index]);
}

function isSignalingAt(v: VectorRegisters, format: BinaryFormat, index: number): boolean {
  if (!isNaNAt(v, format, index)) return false;
  const high = v.doublewords[format.bits === 64 ? index * 2 + 1 : index];
  return (high & (format.bits === 64 ? 0x80000 : 0x400000)) === 0;
}

function isDenormalAt(v: VectorRegisters, format: BinaryFormat, index: number): boolean {
  const value = format.bits === 64 ? v.doubles[index] : v.singles[index];
  if (value === 0) return false;
  const high = v.doublewords[format.bits === 64 ? index * 2 + 1 : index];
  return (high & (format.bits === 64 ? 0x7ff00000 : 0x7f800000)) === 0;
}

/** The element's value; with MXCSR.DAZ a denormal is zero, else it is noted. */
function valueAt(v: VectorRegisters, format: BinaryFormat, index: number): number {
  const value = format.bits === 64 ? v.doubles[index] : v.singles[index];
  if (!isDenormalAt(v, format, index)) return value;
  if ((v.mxcsr & MXCSR_DAZ) !== 0) return 0;
  v.flags |= DENORMAL;
  return value;
}

export const LESS = -1;
export const EQUAL = 0;
export const GREATER = 1;
export const UNORDERED = 2;

/** a against b. A quiet NaN is invalid only where `quietIsInvalid`, a signaling one always. */
export function compareElements(
  v: VectorRegisters,
  format: BinaryFormat,
  a: number,
  b: number,
  quietIsInvalid: boolean,
): number {
  if (isNaNAt(v, format, a) || isNaNAt(v, format, b)) {
    if (quietIsInvalid || isSignalingAt(v, format, a) || isSignalingAt(v, format, b)) v.flags |= INVALID;
    return UNORDERED;
  }
  const x = valueAt(v, format, a);
  const y = valueAt(v, format, b);
  return x < y ? LESS : x > y ? GREATER : EQUAL;
}

/** MIN and MAX: the second operand unless the first is strictly beyond it. */
function choose(format: BinaryFormat, wanted: number): ElementOperation {
  return (v, result, a, b) => {
    const order = compareElements(v, format, a, b, true);
    const from = order === wanted ? a : b;
    let bits = binary.bitsAt(v, format, from);
    if ((v.mxcsr & MXCSR_DAZ) !== 0 && isDenormalAt(v, format, from)) {
      bits = binary.zeroBits(format, bits >> BigInt(format.bits - 1) !== 0n);
    }
    binary.setBitsAt(v, format, result, bits);
  };
}

/** The eight predicates of CMPPS and kin: EQ LT LE UNORD NEQ NLT NLE ORD. */
export function satisfies(
  v: VectorRegisters,
  format: BinaryFormat,
  a: number,
  b: number,
  predicate: number,
): boolean {
  const ordering = predicate & 3;
  const order = compareElements(v, format, a, b, ordering === 1 || ordering === 2);
  let holds: boolean;
  if (ordering === 0) holds = order === EQUAL;
  else if (ordering === 1) holds = order === LESS;
  else if (ordering === 2) holds = order === LESS || order === EQUAL;
  else holds = order === UNORDERED;
  return holds !== ((predicate & 4) !== 0);
}

const OPERATIONS: Readonly<Record<string, (format: BinaryFormat) => ElementOperation>> = {
  add: (format) =>
    arithmetic(
      format,
      (a, b) => a + b,
      (v, f, a, b) => addSigned(v, f, a, b, false),
    ),
  sub: (format) =>
    arithmetic(
      format,
      (a, b) => a - b,
      (v, f, a, b) => addSigned(v, f, a, b, true),
    ),
  mul: (format) => arithmetic(format, (a, b) => a * b, multiply),
  div: (format) => arithmetic(format, (a, b) => a / b, divide),
  sqrt: (format) => arithmetic(format, (_, b) => Math.sqrt(b), squareRoot),
  min: (format) => choose(format, LESS),
  max: (format) => choose(format, GREATER),
};

/** By name: operation on single and on double elements. */
export const ELEMENTS: Readonly<Record<string, { single: ElementOperation; double: ElementOperation }>> =
  Object.fromEntries(
    Object.entries(OPERATIONS).map(([name, make]) => [name, { single: make(SINGLE), double: make(DOUBLE) }]),
  );
