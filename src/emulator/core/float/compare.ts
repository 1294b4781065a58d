/** FCOM, FUCOM, FTST and the FCOMI family. Intel SDM volume 1, 8.3.6; volume 2, FCOM, FUCOM, FCOMI. */
import {
  C0,
  C2,
  C3,
  DENORMAL,
  type ExtendedUnit,
  INFINITY,
  INVALID,
  kindOf,
  QUIET_NAN,
  SIGNALING_NAN,
  SUBNORMAL,
  ZERO,
} from "./extended.ts";
import { unpack, unpackedWords } from "./operands.ts";

/** Condition bits: a > b none, a < b C0, equal C3, unordered all three. FCOMI: ZF = C3, PF = C2, CF = C0. */
const UNORDERED = C0 | C2 | C3;

/**
 * Compares a with b and leaves the outcome in the status' condition bits. A quiet NaN is invalid unless
 * `quiet` (the FUCOM forms). Answers whether the exceptions it met are all masked.
 */
export function compare(unit: ExtendedUnit, a: number, b: number, quiet: boolean): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  if (kindA >= QUIET_NAN || kindB >= QUIET_NAN) {
    unit.status = UNORDERED;
    if (quiet && kindA < SIGNALING_NAN && kindB < SIGNALING_NAN) return true;
    return unit.raise(INVALID);
  }
  if (kindA === SUBNORMAL || kindB === SUBNORMAL) unit.status |= DENORMAL;
  const order = orderOf(unit, a, b, kindA, kindB);
  if (order === 0) unit.status |= C3;
  else if (order < 0) unit.status |= C0;
  return (unit.status & DENORMAL) === 0 || (unit.control & DENORMAL) !== 0;
}

function orderOf(unit: ExtendedUnit, a: number, b: number, kindA: number, kindB: number): number {
  const signA = unit.signExponent[a] >>> 15 !== 0 ? -1 : 1;
  const signB = unit.signExponent[b] >>> 15 !== 0 ? -1 : 1;
  if (kindA === ZERO) return kindB === ZERO ? 0 : -signB;
  if (kindB === ZERO || signA !== signB) return signA;
  if (kindA === INFINITY || kindB === INFINITY) {
    return kindA === kindB ? 0 : kindA === INFINITY ? signA : -signA;
  }
  const exponentA = unpack(unit, a);
  const highA = unpackedWords[0];
  const lowA = unpackedWords[1];
  const exponentB = unpack(unit, b);
  if (exponentA !== exponentB) return exponentA > exponentB ? signA : -signA;
  if (highA !== unpackedWords[0]) return highA > unpackedWords[0] ? signA : -signA;
  if (lowA !== unpackedWords[1]) return lowA > unpackedWords[1] ? signA : -signA;
  return 0;
}
