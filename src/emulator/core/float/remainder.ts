/** FPREM and FPREM1: exact remainder, at most 63 exponent steps at a time. Intel SDM volume 2. */
import { C0, C1, C2, C3, type ExtendedUnit, INFINITY, kindOf, ZERO } from "./extended.ts";
import { denormalGate, PROCEED, screenTwo, unpack, unpackedWords, WRITTEN } from "./operands.ts";
import { pack } from "./round.ts";

/** FPREM: to = a - b * quotient, the quotient truncated. */
export function remainderTruncated(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  return remainder(unit, to, a, b, false);
}

/** FPREM1: to = a - b * quotient, the quotient rounded to nearest (IEEE 754 remainder). */
export function remainderNearest(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  return remainder(unit, to, a, b, true);
}

function remainder(unit: ExtendedUnit, to: number, a: number, b: number, nearest: boolean): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, a, b, kindA, kindB);
  if (settled !== PROCEED) return settled === WRITTEN;
  if (kindA === INFINITY || kindB === ZERO) return unit.invalid(to);
  if (!denormalGate(unit, kindA, kindB)) return false;
  if (kindA === ZERO) {
    unit.copy(to, a);
    return true;
  }
  let sign = unit.signExponent[a] >>> 15;
  const exponentA = unpack(unit, a);
  let high = unpackedWords[0];
  let low = unpackedWords[1];
  if (kindB === INFINITY) return pack(unit, to, sign, exponentA, high, low, 0, 64);
  let exponent = unpack(unit, b);
  const divisorHigh = unpackedWords[0];
  const divisorLow = unpackedWords[1];
  let distance = exponentA - exponent;
  if (distance < (nearest ? -1 : 0)) return pack(unit, to, sign, exponentA, high, low, 0, 64);

  const partial = distance >= 64;
  if (partial) {
    const steps = (distance & 31) | 32;
    exponent += distance - steps;
    distance = steps;
  }
  let quotient = 0;
  let top = 0;
  for (let step = 0; step <= distance; step++) {
    if (step > 0) {
      top = high >>> 31;
      high = ((high << 1) | (low >>> 31)) >>> 0;
      low = (low << 1) >>> 0;
    }
    quotient <<= 1;
    if (top !== 0 || high > divisorHigh || (high === divisorHigh && low >= divisorLow)) {
      high = (high - divisorHigh - (low < divisorLow ? 1 : 0)) >>> 0;
      low = (low - divisorLow) >>> 0;
      quotient |= 1;
    }
  }
  if (distance < 0) exponent--; // The dividend is below the divisor by its exponent: nothing was subtracted.
  if (nearest && !partial) {
    const order = compareWithHalf(high, low, divisorHigh, divisorLow, distance < 0 ? 0 : 1);
    if (order > 0 || (order === 0 && (quotient & 1) !== 0)) {
      quotient++;
      sign ^= 1;
      // divisor - remainder; below its own exponent the remainder counts half.
      if (distance < 0) {
        const twiceHigh = ((divisorHigh << 1) | (divisorLow >>> 31)) >>> 0;
        const twiceLow = (divisorLow << 1) >>> 0;
        const borrow = twiceLow < low ? 1 : 0;
        low = (twiceLow - low) >>> 0;
        high = (twiceHigh - high - borrow) >>> 0;
      } else {
        const borrow = divisorLow < low ? 1 : 0;
        low = (divisorLow - low) >>> 0;
        high = (divisorHigh - high - borrow) >>> 0;
      }
    }
  }
  if (partial) unit.status |= C2;
  else {
    if ((quotient & 1) !== 0) unit.status |= C1;
    if ((quotient & 2) !== 0) unit.status |= C3;
    if ((quotient & 4) !== 0) unit.status |= C0;
  }
  if ((high | low) === 0) {
    unit.set(to, (unit.signExponent[a] & 0x8000) >>> 0, 0, 0);
    return true;
  }
  if (high === 0) {
    high = low;
    low = 0;
    exponent -= 32;
  }
  const shift = Math.clz32(high);
  if (shift > 0) {
    high = ((high << shift) | (low >>> (32 - shift))) >>> 0;
    low = (low << shift) >>> 0;
    exponent -= shift;
  }
  return pack(unit, to, sign, exponent, high, low, 0, 64);
}

/** Compares remainder * 2^doubling with the divisor. */
function compareWithHalf(
  high: number,
  low: number,
  divisorHigh: number,
  divisorLow: number,
  doubling: number,
): number {
  if (doubling !== 0) {
    if (high >>> 31 !== 0) return 1;
    high = ((high << 1) | (low >>> 31)) >>> 0;
    low = (low << 1) >>> 0;
  }
  if (high !== divisorHigh) return high > divisorHigh ? 1 : -1;
  return low === divisorLow ? 0 : low > divisorLow ? 1 : -1;
}
