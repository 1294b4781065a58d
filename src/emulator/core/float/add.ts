/** FADD and FSUB in the 80-bit format. Intel SDM volume 2, FADD and FSUB (tables of special operands). */
import { DOWN, type ExtendedUnit, INFINITY, kindOf, ZERO } from "./extended.ts";
import { denormalGate, PROCEED, screenTwo, unpack, unpackedWords, WRITTEN } from "./operands.ts";
import { pack, shiftRightSticky } from "./round.ts";

/** to = a + b */
export function add(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  return addSigned(unit, to, a, b, 0);
}

/** to = a - b */
export function subtract(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  return addSigned(unit, to, a, b, 1);
}

function addSigned(unit: ExtendedUnit, to: number, a: number, b: number, negate: number): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, a, b, kindA, kindB);
  if (settled !== PROCEED) return settled === WRITTEN;
  const signA = unit.signExponent[a] >>> 15;
  const signB = (unit.signExponent[b] >>> 15) ^ negate;
  if (kindA === INFINITY && kindB === INFINITY && signA !== signB) return unit.invalid(to);
  if (!denormalGate(unit, kindA, kindB)) return false;
  if (kindA === INFINITY || kindB === INFINITY) {
    unit.set(to, ((kindA === INFINITY ? signA : signB) << 15) | 0x7fff, 0x80000000, 0);
    return true;
  }
  const cancelled = unit.rounding === DOWN ? 1 : 0;
  if (kindA === ZERO && kindB === ZERO) {
    unit.set(to, (signA === signB ? signA : cancelled) << 15, 0, 0);
    return true;
  }
  if (kindA === ZERO) {
    const exponent = unpack(unit, b);
    return pack(unit, to, signB, exponent, unpackedWords[0], unpackedWords[1], 0, unit.precision);
  }
  let sign = signA;
  let exponent = unpack(unit, a);
  let high = unpackedWords[0];
  let low = unpackedWords[1];
  if (kindB === ZERO) return pack(unit, to, signA, exponent, high, low, 0, unit.precision);

  const exponentB = unpack(unit, b);
  let smallHigh = unpackedWords[0];
  let smallLow = unpackedWords[1];
  let distance = exponent - exponentB;
  if (distance < 0 || (distance === 0 && (high < smallHigh || (high === smallHigh && low < smallLow)))) {
    [high, smallHigh] = [smallHigh, high];
    [low, smallLow] = [smallLow, low];
    exponent = exponentB;
    distance = -distance;
    sign = signB;
  }
  const aligned = shiftRightSticky(smallHigh, smallLow, 0, distance);
  let extension = aligned[2];
  if (signA === signB) {
    const sumLow = low + aligned[1];
    const sumHigh = high + aligned[0] + (sumLow > 0xffffffff ? 1 : 0);
    high = sumHigh >>> 0;
    low = sumLow >>> 0;
    if (sumHigh > 0xffffffff) {
      extension = (extension >>> 1) | (low << 31) | (extension & 1);
      low = (low >>> 1) | (high << 31);
      high = (high >>> 1) | 0x80000000;
      exponent++;
    }
    return pack(unit, to, sign, exponent, high >>> 0, low >>> 0, extension, unit.precision);
  }
  const borrow = extension !== 0 ? 1 : 0;
  const differenceLow = low - aligned[1] - borrow;
  extension = -extension >>> 0;
  high = (high - aligned[0] - (differenceLow < 0 ? 1 : 0)) >>> 0;
  low = differenceLow >>> 0;
  if ((high | low | extension) === 0) {
    unit.set(to, cancelled << 15, 0, 0);
    return true;
  }
  while (high === 0) {
    high = low;
    low = extension;
    extension = 0;
    exponent -= 32;
  }
  const shift = Math.clz32(high);
  if (shift > 0) {
    high = (high << shift) | (low >>> (32 - shift));
    low = (low << shift) | (extension >>> (32 - shift));
    extension <<= shift;
    exponent -= shift;
  }
  return pack(unit, to, sign, exponent, high >>> 0, low >>> 0, extension, unit.precision);
}
