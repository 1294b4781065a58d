/** FMUL in the 80-bit format: 64 by 64 bits to 128 by 32-bit halves. Intel SDM volume 2, FMUL. */
import { type ExtendedUnit, INFINITY, kindOf, ZERO } from "./extended.ts";
import { denormalGate, PROCEED, screenTwo, unpack, unpackedWords, WRITTEN } from "./operands.ts";
import { pack } from "./round.ts";

/** Upper half of an unsigned 32 by 32 bit product. */
export function multiplyHigh(a: number, b: number): number {
  return Math.floor((a * (b >>> 16) + Math.floor((a * (b & 0xffff)) / 65536)) / 65536);
}

/** to = a * b */
export function multiply(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, a, b, kindA, kindB);
  if (settled !== PROCEED) return settled === WRITTEN;
  const sign = (unit.signExponent[a] ^ unit.signExponent[b]) >>> 15;
  if ((kindA === INFINITY && kindB === ZERO) || (kindA === ZERO && kindB === INFINITY)) {
    return unit.invalid(to);
  }
  if (!denormalGate(unit, kindA, kindB)) return false;
  if (kindA === INFINITY || kindB === INFINITY) {
    unit.set(to, (sign << 15) | 0x7fff, 0x80000000, 0);
    return true;
  }
  if (kindA === ZERO || kindB === ZERO) {
    unit.set(to, sign << 15, 0, 0);
    return true;
  }
  let exponent = unpack(unit, a) - 0x3ffe;
  const highA = unpackedWords[0];
  const lowA = unpackedWords[1];
  exponent += unpack(unit, b);
  const highB = unpackedWords[0];
  const lowB = unpackedWords[1];

  const lowest = Math.imul(lowA, lowB);
  const second = multiplyHigh(lowA, lowB) + (Math.imul(highA, lowB) >>> 0) + (Math.imul(lowA, highB) >>> 0);
  const third =
    multiplyHigh(highA, lowB) +
    multiplyHigh(lowA, highB) +
    (Math.imul(highA, highB) >>> 0) +
    Math.floor(second / 0x100000000);
  let high = (multiplyHigh(highA, highB) + Math.floor(third / 0x100000000)) >>> 0;
  let low = third >>> 0;
  let extension = second >>> 0;
  if (high >>> 31 === 0) {
    high = ((high << 1) | (low >>> 31)) >>> 0;
    low = ((low << 1) | (extension >>> 31)) >>> 0;
    extension = (extension << 1) | (lowest >>> 31);
    exponent--;
    if (lowest << 1 !== 0) extension |= 1;
  } else if (lowest !== 0) extension |= 1;
  return pack(unit, to, sign, exponent, high, low, extension >>> 0, unit.precision);
}
