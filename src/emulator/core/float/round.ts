/**
 * Rounding of a 64-bit significand with a 32-bit extension, and packing into the 80-bit format with overflow,
 * underflow and inexact as the masks have it. Intel SDM volume 1, 4.8.4 (rounding), 8.5.4 to 8.5.6.
 */
import {
  C1,
  DOWN,
  type ExtendedUnit,
  NEAREST,
  OVERFLOW,
  PRECISION,
  TRUNCATE,
  UNDERFLOW,
  UP,
} from "./extended.ts";

/** What an unmasked overflow takes from the exponent and an unmasked underflow adds. */
const BIAS_ADJUST = 24576;

/** Results of the last `roundSignificand`: high, low. */
export const rounded = new Uint32Array(2);
export const INEXACT = 1;
export const INCREMENTED = 2;
export const CARRIED = 4;

/**
 * Rounds to `precision` bits. `extension` holds the bits below the significand, its bit 0 sticky. A carry out
 * of the top leaves the significand 2^63 and answers CARRIED.
 */
export function roundSignificand(
  precision: number,
  rounding: number,
  sign: number,
  high: number,
  low: number,
  extension: number,
): number {
  let half: number;
  let rest: number;
  let odd: number;
  if (precision === 64) {
    half = extension >>> 31;
    rest = extension << 1;
    odd = low & 1;
  } else if (precision === 53) {
    half = (low >>> 10) & 1;
    rest = (low & 0x3ff) | extension;
    odd = (low >>> 11) & 1;
    low &= ~0x7ff;
  } else {
    half = (high >>> 7) & 1;
    rest = (high & 0x7f) | low | extension;
    odd = (high >>> 8) & 1;
    high &= ~0xff;
    low = 0;
  }
  rounded[0] = high;
  rounded[1] = low;
  if ((half | rest) === 0) return 0;
  const up =
    rounding === NEAREST ? half !== 0 && (rest !== 0 || odd !== 0) : rounding === (sign === 0 ? UP : DOWN);
  if (!up) return INEXACT;
  if (precision === 24) rounded[0] = high + 0x100;
  else {
    rounded[1] = low + (precision === 64 ? 1 : 0x800);
    if (rounded[1] === 0) rounded[0] = high + 1;
  }
  if (rounded[0] === 0 && rounded[1] === 0) {
    rounded[0] = 0x80000000;
    return INEXACT | INCREMENTED | CARRIED;
  }
  return INEXACT | INCREMENTED;
}

const shifted = new Uint32Array(3);

/** Shifts high:low:extension right by `count`, what falls off gathered in the extension's bit 0. */
export function shiftRightSticky(high: number, low: number, extension: number, count: number): Uint32Array {
  let sticky = 0;
  while (count >= 32 && (high | low | extension) !== 0) {
    sticky |= extension;
    extension = low;
    low = high;
    high = 0;
    count -= 32;
  }
  if (count > 0 && count < 32) {
    sticky |= extension << (32 - count);
    extension = (extension >>> count) | (low << (32 - count));
    low = (low >>> count) | (high << (32 - count));
    high >>>= count;
  }
  shifted[0] = high;
  shifted[1] = low;
  shifted[2] = extension | (sticky !== 0 ? 1 : 0);
  return shifted;
}

/** Rounds and stores a result whose significand has its top bit set; the exponent may be of any size. */
export function pack(
  unit: ExtendedUnit,
  to: number,
  sign: number,
  exponent: number,
  high: number,
  low: number,
  extension: number,
  precision: number,
): boolean {
  const rounding = unit.rounding;
  let outcome: number;
  if (exponent <= 0) {
    outcome = roundSignificand(precision, rounding, sign, high, low, extension);
    const tiny = exponent < 0 || (outcome & CARRIED) === 0;
    if (tiny && (unit.control & UNDERFLOW) === 0) {
      unit.status |= UNDERFLOW;
      exponent += BIAS_ADJUST + ((outcome & CARRIED) !== 0 ? 1 : 0);
      if (exponent <= 0) {
        unit.status |= PRECISION;
        unit.set(to, sign << 15, 0, 0);
        return true;
      }
    } else {
      const s = shiftRightSticky(high, low, extension, 1 - exponent);
      outcome = roundSignificand(precision, rounding, sign, s[0], s[1], s[2]);
      if (tiny && outcome !== 0) unit.status |= UNDERFLOW;
      exponent = rounded[0] >>> 31;
    }
  } else {
    outcome = roundSignificand(precision, rounding, sign, high, low, extension);
    if ((outcome & CARRIED) !== 0) exponent++;
    if (exponent >= 0x7fff) {
      unit.status |= OVERFLOW;
      if ((unit.control & OVERFLOW) !== 0) {
        storeOverflow(unit, to, sign, precision);
        return true;
      }
      exponent -= BIAS_ADJUST;
      if (exponent >= 0x7fff) {
        unit.status |= PRECISION | C1;
        unit.set(to, (sign << 15) | 0x7fff, 0x80000000, 0);
        return true;
      }
    }
  }
  if (outcome !== 0) unit.status |= PRECISION;
  if ((outcome & INCREMENTED) !== 0) unit.status |= C1;
  unit.set(to, (sign << 15) | exponent, rounded[0], rounded[1]);
  return true;
}

/** Masked overflow: infinity or the largest finite number, by rounding mode. */
function storeOverflow(unit: ExtendedUnit, to: number, sign: number, precision: number): void {
  unit.status |= PRECISION;
  const rounding = unit.rounding;
  if (rounding === TRUNCATE || rounding === (sign === 0 ? DOWN : UP)) {
    const high = precision === 24 ? 0xffffff00 : 0xffffffff;
    const low = precision === 24 ? 0 : precision === 53 ? 0xfffff800 : 0xffffffff;
    unit.set(to, (sign << 15) | 0x7ffe, high, low);
  } else {
    unit.status |= C1;
    unit.set(to, (sign << 15) | 0x7fff, 0x80000000, 0);
  }
}
