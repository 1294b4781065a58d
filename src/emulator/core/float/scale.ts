/** FSCALE and FXTRACT. Intel SDM volume 2, FSCALE (table of special operands) and FXTRACT. */
import { type ExtendedUnit, INFINITY, kindOf, ZERO, ZERO_DIVIDE } from "./extended.ts";
import { fromInteger } from "./integer.ts";
import { denormalGate, PROCEED, screenOne, screenTwo, unpack, unpackedWords, WRITTEN } from "./operands.ts";
import { pack } from "./round.ts";

/** FSCALE: to = a * 2^b, b truncated to a whole number. */
export function scale(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, a, b, kindA, kindB);
  if (settled !== PROCEED) return settled === WRITTEN;
  const sign = unit.signExponent[a] >>> 15;
  const down = unit.signExponent[b] >>> 15 !== 0;
  if (kindB === INFINITY && kindA === (down ? INFINITY : ZERO)) return unit.invalid(to);
  if (!denormalGate(unit, kindA, kindB)) return false;
  if (kindA === ZERO || kindA === INFINITY) {
    unit.copy(to, a);
    return true;
  }
  if (kindB === INFINITY) {
    if (down) unit.set(to, sign << 15, 0, 0);
    else unit.set(to, (sign << 15) | 0x7fff, 0x80000000, 0);
    return true;
  }
  let steps = 0;
  const magnitude = (unit.signExponent[b] & 0x7fff) - 0x3fff;
  if (kindB !== ZERO && magnitude >= 0) {
    steps = magnitude > 16 ? 0x20000 : unit.high[b] >>> (31 - magnitude);
    if (down) steps = -steps;
  }
  const exponent = unpack(unit, a) + steps;
  return pack(unit, to, sign, exponent, unpackedWords[0], unpackedWords[1], 0, 64);
}

/** FXTRACT: splits a into its exponent and its significand (with the sign of a and exponent zero). */
export function extract(unit: ExtendedUnit, toExponent: number, toSignificand: number, a: number): boolean {
  unit.begin();
  const kind = kindOf(unit, a);
  const settled = screenOne(unit, toExponent, a, kind);
  if (settled !== PROCEED) {
    if (settled === WRITTEN) unit.copy(toSignificand, toExponent);
    return settled === WRITTEN;
  }
  const signExponent = unit.signExponent[a];
  if (kind === ZERO) {
    if (!unit.raise(ZERO_DIVIDE)) return false;
    unit.set(toSignificand, signExponent, 0, 0);
    unit.set(toExponent, 0xffff, 0x80000000, 0);
    return true;
  }
  if (kind === INFINITY) {
    unit.set(toSignificand, signExponent, 0x80000000, 0);
    unit.set(toExponent, 0x7fff, 0x80000000, 0);
    return true;
  }
  if (!denormalGate(unit, kind, kind)) return false;
  const { status } = unit;
  const exponent = unpack(unit, a) - 0x3fff;
  unit.set(toSignificand, (signExponent & 0x8000) | 0x3fff, unpackedWords[0], unpackedWords[1]);
  fromInteger(unit, toExponent, exponent >> 31, exponent);
  unit.status = status;
  return true;
}
