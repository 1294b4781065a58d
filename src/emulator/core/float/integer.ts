/** FRNDINT, FIST, FISTP, FISTTP, FILD and the packed decimal FBLD and FBSTP. Intel SDM volume 1, 4.7, 8.5.1. */
import { C1, type ExtendedUnit, INFINITY, INVALID, kindOf, PRECISION, TRUNCATE, ZERO } from "./extended.ts";
import { denormalGate, PROCEED, screenOne, unpack, unpackedWords, WRITTEN } from "./operands.ts";
import { INCREMENTED, rounded, roundSignificand, shiftRightSticky } from "./round.ts";

const INTEGER_BIAS = 0x3fff + 63;

/** Rounds a finite non-zero operand below 2^64 to a whole number in `rounded`; sets PE and C1. */
function roundToWhole(unit: ExtendedUnit, slot: number, rounding: number): void {
  const exponent = unpack(unit, slot);
  const s = shiftRightSticky(unpackedWords[0], unpackedWords[1], 0, INTEGER_BIAS - exponent);
  const outcome = roundSignificand(64, rounding, unit.signExponent[slot] >>> 15, s[0], s[1], s[2]);
  if (outcome !== 0) unit.status |= PRECISION;
  if ((outcome & INCREMENTED) !== 0) unit.status |= C1;
}

/** FRNDINT: to = a rounded to a whole number. */
export function roundToInteger(unit: ExtendedUnit, to: number, a: number): boolean {
  unit.begin();
  const kind = kindOf(unit, a);
  const settled = screenOne(unit, to, a, kind);
  if (settled !== PROCEED) return settled === WRITTEN;
  if (!denormalGate(unit, kind, kind)) return false;
  const sign = unit.signExponent[a] & 0x8000;
  if (kind === ZERO || kind === INFINITY || (unit.signExponent[a] & 0x7fff) >= INTEGER_BIAS) {
    unit.copy(to, a);
    return true;
  }
  roundToWhole(unit, a, unit.rounding);
  setWhole(unit, to, sign, rounded[0], rounded[1]);
  return true;
}

/** Stores a sign and a whole 64-bit magnitude. */
function setWhole(unit: ExtendedUnit, to: number, sign: number, high: number, low: number): void {
  if ((high | low) === 0) {
    unit.set(to, sign, 0, 0);
    return;
  }
  let exponent = INTEGER_BIAS;
  if (high === 0) {
    high = low;
    low = 0;
    exponent -= 32;
  }
  const shift = Math.clz32(high);
  if (shift > 0) {
    high = (high << shift) | (low >>> (32 - shift));
    low <<= shift;
    exponent -= shift;
  }
  unit.set(to, sign | exponent, high, low);
}

/** Rounds to a magnitude in `rounded`; answers false for what no 64-bit magnitude holds. */
function wholeMagnitude(unit: ExtendedUnit, slot: number, rounding: number): boolean {
  const kind = kindOf(unit, slot);
  if (kind === ZERO) {
    rounded[0] = 0;
    rounded[1] = 0;
    return true;
  }
  if (kind >= INFINITY || (unit.signExponent[slot] & 0x7fff) > INTEGER_BIAS) return false;
  roundToWhole(unit, slot, rounding);
  return true;
}

/**
 * FIST, FISTP, FISTTP: the operand as a signed integer of 16, 32 or 64 bits in `words`. Answers whether it is
 * to be stored.
 */
export function toInteger(unit: ExtendedUnit, slot: number, bits: number, truncate: boolean): boolean {
  unit.begin();
  const negative = unit.signExponent[slot] >>> 15 !== 0;
  let fits = wholeMagnitude(unit, slot, truncate ? TRUNCATE : unit.rounding);
  let high = rounded[0];
  let low = rounded[1];
  if (fits) {
    if (bits === 64) fits = high >>> 31 === 0 || (negative && high === 0x80000000 && low === 0);
    else {
      const limit = bits === 32 ? 0x80000000 : 0x8000;
      fits = high === 0 && (low < limit || (negative && low === limit));
    }
  }
  if (!fits) {
    unit.status = 0;
    unit.words[0] = bits === 64 ? 0 : bits === 32 ? 0x80000000 : 0x8000;
    unit.words[1] = 0x80000000;
    return unit.raise(INVALID);
  }
  if (negative) {
    high = ~high + (low === 0 ? 1 : 0);
    low = -low;
  }
  unit.words[0] = bits === 16 ? low & 0xffff : low;
  unit.words[1] = high;
  return true;
}

/** FILD: to = a signed integer of 64 bits (shorter ones sign extended by the caller). */
export function fromInteger(unit: ExtendedUnit, to: number, high: number, low: number): boolean {
  unit.status = 0;
  const sign = high < 0 || high >>> 31 !== 0 ? 0x8000 : 0;
  if (sign !== 0) {
    high = ~high + ((low | 0) === 0 ? 1 : 0);
    low = -low;
  }
  setWhole(unit, to, sign, high >>> 0, low >>> 0);
  return true;
}

const DECIMAL_LIMIT = 10n ** 18n;

/** FBSTP: the operand as 18 packed decimal digits and a sign byte in `words`. */
export function toDecimal(unit: ExtendedUnit, slot: number): boolean {
  unit.begin();
  const fits = wholeMagnitude(unit, slot, unit.rounding);
  let value = (BigInt(rounded[0]) << 32n) | BigInt(rounded[1]);
  if (!fits || value >= DECIMAL_LIMIT) {
    unit.status = 0;
    unit.words[0] = 0;
    unit.words[1] = 0xc0000000;
    unit.words[2] = 0xffff;
    return unit.raise(INVALID);
  }
  unit.words.fill(0);
  for (let digit = 0; digit < 18; digit++) {
    unit.words[digit >>> 3] |= Number(value % 10n) << ((digit & 7) * 4);
    value /= 10n;
  }
  unit.words[2] |= unit.signExponent[slot] & 0x8000;
  return true;
}

/** FBLD: to = 18 packed decimal digits and a sign byte. A digit above nine counts as its value. */
export function fromDecimal(
  unit: ExtendedUnit,
  to: number,
  word0: number,
  word1: number,
  word2: number,
): boolean {
  unit.status = 0;
  let value = 0n;
  for (let digit = 17; digit >= 0; digit--) {
    const word = digit >= 16 ? word2 : digit >= 8 ? word1 : word0;
    value = value * 10n + BigInt((word >>> ((digit & 7) * 4)) & 15);
  }
  setWhole(unit, to, word2 & 0x8000, Number(value >> 32n), Number(value & 0xffffffffn));
  return true;
}
