/**
 * F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FSINCOS, FPTAN: computed to some 200 bits (fixed-point.ts) and rounded once,
 * as RC says, so that results are the nearest ones. Intel SDM volume 1, 8.3.8 to 8.3.10 (ranges, the π that reduces
 * arguments); volume 2 (tables of special operands). Precision control has no effect.
 */
import {
  C1,
  C2,
  type ExtendedUnit,
  INFINITY,
  kindOf,
  NORMAL,
  PRECISION,
  SUBNORMAL,
  UNDERFLOW,
  ZERO,
  ZERO_DIVIDE,
} from "./extended.ts";
import * as fixed from "./fixed-point.ts";
import { denormalGate, PROCEED, screenOne, screenTwo, unpack, unpackedWords, WRITTEN } from "./operands.ts";
import { pack } from "./round.ts";

/** A real number magnitude * 2^exponent. */
interface Real {
  readonly negative: boolean;
  readonly magnitude: bigint;
  readonly exponent: number;
}

const BIAS = 0x3fff;
const FRACTION = Number(fixed.FRACTION);

function realOf(unit: ExtendedUnit, slot: number): Real {
  const exponent = unpack(unit, slot) - BIAS - 63;
  const magnitude = (BigInt(unpackedWords[0]) << 32n) | BigInt(unpackedWords[1]);
  return { negative: unit.signExponent[slot] >>> 15 !== 0, magnitude, exponent };
}

const bitLength = (value: bigint): number =>
  value.toString(16).length * 4 - Math.clz32(Number.parseInt(value.toString(16)[0], 16)) + 28;

/** As fixed point; what lies below is cut off. */
function toFixed({ magnitude, exponent }: Real): bigint {
  const shift = exponent + FRACTION;
  return shift >= 0
    ? magnitude << BigInt(shift)
    : -shift > bitLength(magnitude)
      ? 0n
      : magnitude >> BigInt(-shift);
}

function fromFixed(value: bigint): Real {
  return { negative: value < 0n, magnitude: value < 0n ? -value : value, exponent: -FRACTION };
}

function times(a: Real, b: Real): Real {
  return {
    negative: a.negative !== b.negative,
    magnitude: a.magnitude * b.magnitude,
    exponent: a.exponent + b.exponent,
  };
}

function dividedBy(a: Real, b: Real): Real {
  // 64 bits are the least a divisor may have more than the dividend.
  const extra = FRACTION + Math.max(0, bitLength(b.magnitude) - bitLength(a.magnitude));
  return {
    negative: a.negative !== b.negative,
    magnitude: (a.magnitude << BigInt(extra)) / b.magnitude,
    exponent: a.exponent - b.exponent - extra,
  };
}

/**
 * Rounds to 64 bits. An `exact` result is what it is, any other is taken as a little more than its magnitude; processors
 * report both as inexact.
 */
function store(unit: ExtendedUnit, to: number, value: Real, exact: boolean): boolean {
  const length = bitLength(value.magnitude);
  const shift = length - 96;
  const sticky = !exact || (shift > 0 && (value.magnitude & ((1n << BigInt(shift)) - 1n)) !== 0n);
  const bits = shift >= 0 ? value.magnitude >> BigInt(shift) : value.magnitude << BigInt(-shift);
  const high = Number(bits >> 64n);
  const low = Number((bits >> 32n) & 0xffffffffn);
  const extension = (Number(bits & 0xffffffffn) | (sticky ? 1 : 0)) >>> 0;
  const exponent = value.exponent + length - 1 + BIAS;
  const written = pack(unit, to, value.negative ? 1 : 0, exponent, high, low, extension, 64);
  return reportInexact(unit, to) && written;
}

function reportInexact(unit: ExtendedUnit, to: number): true {
  unit.status |= PRECISION;
  if ((unit.signExponent[to] & 0x7fff) === 0) unit.status |= UNDERFLOW;
  return true;
}

function setSpecial(unit: ExtendedUnit, to: number, negative: boolean, kind: number): true {
  const sign = negative ? 0x8000 : 0;
  if (kind === ZERO) unit.set(to, sign, 0, 0);
  else unit.set(to, sign | 0x7fff, 0x80000000, 0);
  return true;
}

const isNegative = (unit: ExtendedUnit, slot: number): boolean => unit.signExponent[slot] >>> 15 !== 0;

/** F2XM1: to = 2^a - 1 for a from -1 to 1; beyond, the operand itself. */
export function exponentialLessOne(unit: ExtendedUnit, to: number, a: number): boolean {
  unit.begin();
  const kind = kindOf(unit, a);
  const settled = screenOne(unit, to, a, kind);
  if (settled !== PROCEED) return settled === WRITTEN;
  if (!denormalGate(unit, kind, kind)) return false;
  const negative = isNegative(unit, a);
  if (kind === ZERO) return setSpecial(unit, to, negative, ZERO);
  if (kind === INFINITY) {
    if (negative) unit.set(to, 0xbfff, 0x80000000, 0);
    else unit.copy(to, a);
    return true;
  }
  const x = realOf(unit, a);
  if (x.exponent >= -63) {
    const one = x.exponent === -63 && x.magnitude === 1n << 63n;
    if (one && negative) unit.set(to, 0xbffe, 0x80000000, 0);
    else unit.copy(to, a);
    return reportInexact(unit, to);
  }
  const power = times(x, fromFixed(fixed.LN2));
  const argument = toFixed(power);
  const ratio = fixed.exponentialRatio(negative ? -argument : argument);
  return store(unit, to, times(power, fromFixed(ratio)), false);
}

/** log2(1 + 2 s / (1 - s)) for s = `ratio`, as a factor of it: 2 atanh(s) / ln 2. */
function logarithmFromRatio(ratio: Real): Real {
  const s = toFixed(ratio);
  const series = fixed.inverseTangentRatio(fixed.multiplyFixed(s, s), 1n);
  const factor = ((2n * series) << fixed.FRACTION) / fixed.LN2;
  return times(ratio, fromFixed(factor));
}

/** Base-2 logarithm of a positive number: its value and whether that is exact. */
function logarithm({ magnitude, exponent }: Real): { value: Real; exact: boolean } {
  let length = bitLength(magnitude);
  // 2^whole * f, f between 3/4 and 3/2.
  if (magnitude >> BigInt(length - 2) === 2n) length--;
  const whole = exponent + length;
  const unitBit = 1n << BigInt(length);
  const above = magnitude - unitBit;
  if (above === 0n)
    return { value: { negative: whole < 0, magnitude: BigInt(Math.abs(whole)), exponent: 0 }, exact: true };
  const ratio = dividedBy(
    { negative: above < 0n, magnitude: above < 0n ? -above : above, exponent: 0 },
    { negative: false, magnitude: magnitude + unitBit, exponent: 0 },
  );
  const part = logarithmFromRatio(ratio);
  if (whole === 0) return { value: part, exact: false };
  const sum = (BigInt(whole) << fixed.FRACTION) + (part.negative ? -toFixed(part) : toFixed(part));
  return { value: fromFixed(sum), exact: false };
}

/** FYL2X: to = b * log2(a). */
export function logarithmTimes(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, b, a, kindB, kindA);
  if (settled !== PROCEED) return settled === WRITTEN;
  const negativeB = isNegative(unit, b);
  if (kindA === ZERO) {
    if (kindB === ZERO) return unit.invalid(to);
    if (kindB !== INFINITY) {
      if (kindB === SUBNORMAL) unit.status = 0;
      if (!unit.raise(ZERO_DIVIDE)) return false;
    }
    return setSpecial(unit, to, !negativeB, INFINITY);
  }
  if (isNegative(unit, a)) return unit.invalid(to);
  if (kindA === INFINITY) {
    if (kindB === ZERO) return unit.invalid(to);
    return denormalGate(unit, kindA, kindB) && setSpecial(unit, to, negativeB, INFINITY);
  }
  const x = realOf(unit, a);
  const one = x.exponent === -63 && x.magnitude === 1n << 63n;
  if (kindB === INFINITY) {
    if (one) return unit.invalid(to);
    return denormalGate(unit, kindA, kindB) && setSpecial(unit, to, negativeB !== x.exponent < -63, INFINITY);
  }
  if (!denormalGate(unit, kindA, kindB)) return false;
  if (one) return setSpecial(unit, to, negativeB, ZERO);
  if (kindB === ZERO) return setSpecial(unit, to, negativeB !== x.exponent < -63, ZERO);
  const { value, exact } = logarithm(x);
  return store(unit, to, times(value, realOf(unit, b)), exact);
}

/** FYL2XP1: to = b * log2(a + 1). */
export function logarithmPlusOneTimes(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, b, a, kindB, kindA);
  if (settled !== PROCEED) return settled === WRITTEN;
  const negative = isNegative(unit, a) !== isNegative(unit, b);
  if (kindA === INFINITY && (isNegative(unit, a) || kindB === ZERO)) return unit.invalid(to);
  if (kindA === ZERO && kindB === INFINITY) return unit.invalid(to);
  if (!denormalGate(unit, kindA, kindB)) return false;
  if (kindA === INFINITY || kindB === INFINITY) return setSpecial(unit, to, negative, INFINITY);
  if (kindA === ZERO || kindB === ZERO) return setSpecial(unit, to, negative, ZERO);
  const x = realOf(unit, a);
  if (x.negative && x.exponent >= -63) {
    unit.copy(to, a);
    return reportInexact(unit, to);
  }
  const y = realOf(unit, b);
  if (x.exponent < -66) return store(unit, to, times(logarithmFromRatio(halfway(x)), y), false);
  const one = x.exponent <= 0 ? 1n << BigInt(-x.exponent) : 0n;
  const sum =
    x.exponent <= 0
      ? {
          negative: false,
          magnitude: x.negative ? one - x.magnitude : one + x.magnitude,
          exponent: x.exponent,
        }
      : { negative: false, magnitude: (x.magnitude << BigInt(x.exponent)) + 1n, exponent: 0 };
  const { value, exact } = logarithm(sum);
  return store(unit, to, times(value, y), exact);
}

/** x / (2 + x) for a small x. */
function halfway(x: Real): Real {
  const small = toFixed(x);
  return dividedBy(x, fromFixed(2n * fixed.ONE + (x.negative ? -small : small)));
}

/** FPATAN: to = the angle of the point (a, b), b the ordinate. */
export function arctangent(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, b, a, kindB, kindA);
  if (settled !== PROCEED) return settled === WRITTEN;
  if (!denormalGate(unit, kindA, kindB)) return false;
  const left = isNegative(unit, a);
  const negative = isNegative(unit, b);
  const angle = (value: bigint) => store(unit, to, { ...fromFixed(value), negative }, false);
  if (kindA === INFINITY || kindB === INFINITY) {
    if (kindA !== INFINITY) return angle(fixed.PI / 2n);
    if (kindB === INFINITY) return angle(left ? (fixed.PI * 3n) / 4n : fixed.PI / 4n);
    return left ? angle(fixed.PI) : setSpecial(unit, to, negative, ZERO);
  }
  if (kindB === ZERO) return left ? angle(fixed.PI) : setSpecial(unit, to, negative, ZERO);
  if (kindA === ZERO) return angle(fixed.PI / 2n);
  const x = realOf(unit, a);
  const y = realOf(unit, b);
  const steep = y.exponent > x.exponent || (y.exponent === x.exponent && y.magnitude > x.magnitude);
  const quotient = { ...(steep ? dividedBy(x, y) : dividedBy(y, x)), negative: false };
  if (!steep && !left && quotient.exponent + FRACTION < -200) {
    // The arctangent is a little less than its argument, which a long shift would not show.
    const exact = isExact(quotient, y, x);
    const magnitude = exact ? (quotient.magnitude << 64n) - 1n : quotient.magnitude << 64n;
    return store(unit, to, { negative, magnitude, exponent: quotient.exponent - 64 }, false);
  }
  const small = arctangentOf(quotient);
  if (!steep && !left) return store(unit, to, { ...small, negative }, false);
  const part = toFixed(small);
  if (steep) return angle(left ? fixed.PI / 2n + part : fixed.PI / 2n - part);
  return angle(fixed.PI - part);
}

const isExact = (quotient: Real, dividend: Real, divisor: Real): boolean =>
  quotient.magnitude * divisor.magnitude ===
  dividend.magnitude << BigInt(dividend.exponent - divisor.exponent - quotient.exponent);

/** atan(x), x from 0 to 1. */
function arctangentOf(x: Real): Real {
  const value = toFixed(x);
  const step = (value * fixed.ARCTANGENT_STEPS + fixed.ONE / 2n) >> fixed.FRACTION;
  if (step === 0n) {
    const square = fixed.multiplyFixed(value, value);
    return times(x, fromFixed(fixed.inverseTangentRatio(square, -1n)));
  }
  // atan(x) = atan(c) + atan((x - c) / (1 + x c)), c = step / 16
  const above = value * fixed.ARCTANGENT_STEPS - (step << fixed.FRACTION);
  const rest = (above << fixed.FRACTION) / (fixed.ARCTANGENT_STEPS * fixed.ONE + value * step);
  const ratio = fixed.inverseTangentRatio(fixed.multiplyFixed(rest, rest), -1n);
  return fromFixed(fixed.arctangentOfStep(step) + fixed.multiplyFixed(rest, ratio));
}

/** π as the processor knows it for reducing arguments: 66 bits, here times 2^64. */
const REDUCTION_PI = 0x3243f6a8885a308d3n;

interface Reduced {
  /** The argument less a whole number of quarter turns. */
  readonly rest: Real;
  /** That number, modulo 4. */
  readonly quarter: number;
}

function reduce(x: Real): Reduced {
  // In units of 2^-66, or finer where the operand is.
  const unitExponent = Math.min(x.exponent, -66);
  if (x.exponent < -66 - 64) return { rest: x, quarter: 0 };
  const value = x.magnitude << BigInt(x.exponent - unitExponent);
  const quarterTurn = REDUCTION_PI << BigInt(-66 - unitExponent + 1);
  const turns = (2n * value + quarterTurn) / (2n * quarterTurn);
  const rest = value - turns * quarterTurn;
  const quarter = Number(turns & 3n);
  const flip = x.negative;
  return {
    rest: { negative: rest < 0n !== flip, magnitude: rest < 0n ? -rest : rest, exponent: unitExponent },
    quarter: flip ? (4 - quarter) & 3 : quarter,
  };
}

/** One less than what a shift made it: for f(x) / x that is below 1 by less than the fixed point shows. */
const belowOne = (ratio: bigint): bigint => (ratio === fixed.ONE ? fixed.ONE - 1n : ratio);

function sineOf(rest: Real): Real {
  const value = toFixed(rest);
  return times(rest, fromFixed(belowOne(fixed.sineRatio(fixed.multiplyFixed(value, value)))));
}

function cosineOf(rest: Real): Real {
  const value = toFixed(rest);
  return fromFixed(belowOne(fixed.cosine(fixed.multiplyFixed(value, value))));
}

const negated = (value: Real): Real => ({ ...value, negative: !value.negative });

function sineAndCosine(x: Real): { sine: Real; cosine: Real } {
  const { rest, quarter } = reduce(x);
  const sine = sineOf(rest);
  const cosine = cosineOf(rest);
  switch (quarter) {
    case 0:
      return { sine, cosine };
    case 1:
      return { sine: cosine, cosine: negated(sine) };
    case 2:
      return { sine: negated(sine), cosine: negated(cosine) };
    default:
      return { sine: negated(cosine), cosine: sine };
  }
}

/** What `trigonometric` did: stored its results, stopped at an unmasked exception, or found the operand out of range (C2). */
export type Trigonometric = "written" | "stopped" | "out of range";

/**
 * FSIN, FCOS, FSINCOS and FPTAN of `a`. `toFirst` gets sine, cosine or tangent; `toSecond` the cosine of FSINCOS or the 1
 * of FPTAN. A NaN or the default NaN goes to both.
 */
export function trigonometric(
  unit: ExtendedUnit,
  function_: "sin" | "cos" | "sincos" | "tan",
  toFirst: number,
  toSecond: number,
  a: number,
): Trigonometric {
  const both = function_ === "sincos" || function_ === "tan";
  unit.begin();
  const kind = kindOf(unit, a);
  if (kind >= INFINITY) {
    const settled = screenOne(unit, toFirst, a, kind);
    const written = settled === PROCEED ? unit.invalid(toFirst) : settled === WRITTEN;
    if (written && both) unit.copy(toSecond, toFirst);
    return written ? "written" : "stopped";
  }
  if (kind === NORMAL && (unit.signExponent[a] & 0x7fff) >= BIAS + 63) {
    unit.status |= C2;
    return "out of range";
  }
  if (!denormalGate(unit, kind, kind)) return "stopped";
  if (kind === ZERO) {
    const negative = isNegative(unit, a);
    if (function_ === "cos") unit.set(toFirst, BIAS, 0x80000000, 0);
    else setSpecial(unit, toFirst, negative, ZERO);
    if (both) unit.set(toSecond, BIAS, 0x80000000, 0);
    return "written";
  }
  const { sine, cosine } = sineAndCosine(realOf(unit, a));
  if (function_ === "tan") {
    const tangent = dividedBy(sine, cosine);
    // The tangent of a very small angle is a little more than the angle, which a long shift would not show.
    const magnitude = tangent.magnitude + (bitLength(tangent.magnitude) + tangent.exponent < -100 ? 4n : 0n);
    store(unit, toFirst, { ...tangent, magnitude }, false);
    unit.set(toSecond, BIAS, 0x80000000, 0);
  } else store(unit, toFirst, function_ === "cos" ? cosine : sine, false);
  if (function_ === "sincos") {
    const { status } = unit;
    store(unit, toSecond, cosine, false);
    unit.status = (unit.status & ~C1) | status;
  }
  return "written";
}
