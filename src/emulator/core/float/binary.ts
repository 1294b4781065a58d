/** FLD, FST and memory operands of 32 and 64 bits. Intel SDM volume 1, 4.2 and 8.5; volume 2, FLD, FST. */
import {
  C1,
  DOWN,
  type ExtendedUnit,
  INFINITY,
  INVALID,
  kindOf,
  OVERFLOW,
  PRECISION,
  QUIET_NAN,
  SIGNALING_NAN,
  TRUNCATE,
  UNDERFLOW,
  UNSUPPORTED,
  UP,
  ZERO,
} from "./extended.ts";
import { unpack, unpackedWords } from "./operands.ts";
import { CARRIED, INCREMENTED, rounded, roundSignificand, shiftRightSticky } from "./round.ts";

/** FLD m32: answers whether the value is to be pushed (a denormal is, even if DE is unmasked). */
export function loadFloat32(unit: ExtendedUnit, to: number, bits: number): boolean {
  operandFloat32(unit, to, bits);
  return settleLoad(unit, to);
}

/** FLD m64. */
export function loadFloat64(unit: ExtendedUnit, to: number, high: number, low: number): boolean {
  operandFloat64(unit, to, high, low);
  return settleLoad(unit, to);
}

function settleLoad(unit: ExtendedUnit, to: number): boolean {
  unit.begin();
  if (kindOf(unit, to) === SIGNALING_NAN) {
    if (!unit.raise(INVALID)) return false;
    unit.high[to] |= 0x40000000;
  }
  return true;
}

/** A float32 memory operand of the operation that follows: widened as it is, a denormal noted for DE. */
export function operandFloat32(unit: ExtendedUnit, to: number, bits: number): void {
  widen(unit, to, bits >>> 31, (bits >>> 23) & 0xff, 0xff, 0x3fff - 0x7f, bits << 8, 0);
}

/** A float64 memory operand of the operation that follows. */
export function operandFloat64(unit: ExtendedUnit, to: number, high: number, low: number): void {
  const top = (high << 11) | (low >>> 21);
  widen(unit, to, high >>> 31, (high >>> 20) & 0x7ff, 0x7ff, 0x3fff - 0x3ff, top, low << 11);
}

/** Stores a binary number whose fraction lies at bits 62 downward of high:low (bit 63 is garbage). */
function widen(
  unit: ExtendedUnit,
  to: number,
  sign: number,
  exponent: number,
  special: number,
  bias: number,
  high: number,
  low: number,
): void {
  unit.pendingDenormal = false;
  if (exponent !== 0) {
    unit.set(to, (sign << 15) | (exponent === special ? 0x7fff : exponent + bias), high | 0x80000000, low);
    return;
  }
  high &= 0x7fffffff;
  if ((high | low) === 0) {
    unit.set(to, sign << 15, 0, 0);
    return;
  }
  unit.pendingDenormal = true;
  exponent = bias + 1;
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
  unit.set(to, (sign << 15) | exponent, high, low);
}

/** FST m32: result in words[0]; answers whether it is to be stored. */
export function toFloat32(unit: ExtendedUnit, slot: number): boolean {
  return narrow(unit, slot, 24, 0x7f, 0xff);
}

/** FST m64: result in words[0] (low) and words[1]. */
export function toFloat64(unit: ExtendedUnit, slot: number): boolean {
  return narrow(unit, slot, 53, 0x3ff, 0x7ff);
}

function narrow(unit: ExtendedUnit, slot: number, precision: number, bias: number, special: number): boolean {
  unit.begin();
  const kind = kindOf(unit, slot);
  const sign = unit.signExponent[slot] >>> 15;
  if (kind === ZERO) return putBinary(unit, precision, sign, 0, 0, 0);
  if (kind === INFINITY) return putBinary(unit, precision, sign, special, 0, 0);
  if (kind === UNSUPPORTED) {
    return unit.raise(INVALID) && putBinary(unit, precision, 1, special, 0xc0000000, 0);
  }
  if (kind >= QUIET_NAN) {
    if (kind === SIGNALING_NAN && !unit.raise(INVALID)) return false;
    return putBinary(unit, precision, sign, special, unit.high[slot] | 0x40000000, unit.low[slot]);
  }
  const rounding = unit.rounding;
  let exponent = unpack(unit, slot) - 0x3fff + bias;
  let outcome = roundSignificand(precision, rounding, sign, unpackedWords[0], unpackedWords[1], 0);
  if (exponent <= 0) {
    const tiny = exponent < 0 || (outcome & CARRIED) === 0;
    if (tiny && (unit.control & UNDERFLOW) === 0) {
      unit.status |= UNDERFLOW;
      return false;
    }
    const s = shiftRightSticky(unpackedWords[0], unpackedWords[1], 0, 1 - exponent);
    outcome = roundSignificand(precision, rounding, sign, s[0], s[1], s[2]);
    if (tiny && outcome !== 0) unit.status |= UNDERFLOW;
    exponent = rounded[0] >>> 31;
  } else {
    if ((outcome & CARRIED) !== 0) exponent++;
    if (exponent >= special) {
      if (!unit.raise(OVERFLOW)) return false;
      unit.status |= PRECISION;
      if (rounding === TRUNCATE || rounding === (sign === 0 ? DOWN : UP)) {
        return putBinary(unit, precision, sign, special - 1, 0xffffffff, 0xffffffff);
      }
      unit.status |= C1;
      return putBinary(unit, precision, sign, special, 0, 0);
    }
  }
  if (outcome !== 0) unit.status |= PRECISION;
  if ((outcome & INCREMENTED) !== 0) unit.status |= C1;
  return putBinary(unit, precision, sign, exponent, rounded[0], rounded[1]);
}

function putBinary(
  unit: ExtendedUnit,
  precision: number,
  sign: number,
  exponent: number,
  high: number,
  low: number,
): boolean {
  if (precision === 24) {
    unit.words[0] = (sign << 31) | (exponent << 23) | ((high >>> 8) & 0x7fffff);
  } else {
    unit.words[1] = (sign << 31) | (exponent << 20) | ((high >>> 11) & 0xfffff);
    unit.words[0] = (high << 21) | (low >>> 11);
  }
  return true;
}
