/**
 * What operands decide before any arithmetic: NaNs, unsupported encodings, denormals; and unpacking.
 * Intel SDM volume 1, 4.8.3.5 table 4-7 (which NaN is the result), 8.5.1 and 8.5.2 (invalid, denormal).
 */
import {
  DENORMAL,
  type ExtendedUnit,
  INVALID,
  QUIET_NAN,
  SIGNALING_NAN,
  SUBNORMAL,
  UNSUPPORTED,
} from "./extended.ts";

/** What screening found: go on, or the operation is over with its result written or not. */
export const PROCEED = 0;
export const WRITTEN = 1;
export const STOPPED = 2;

/** Settles a one-operand operation whose operand is a NaN or unsupported. */
export function screenOne(unit: ExtendedUnit, to: number, a: number, kind: number): number {
  if (kind < QUIET_NAN) return PROCEED;
  if (kind === UNSUPPORTED) return unit.invalid(to) ? WRITTEN : STOPPED;
  if (kind === SIGNALING_NAN && !unit.raise(INVALID)) return STOPPED;
  unit.set(to, unit.signExponent[a], unit.high[a] | 0x40000000, unit.low[a]);
  return WRITTEN;
}

/** Settles a two-operand operation one of whose operands is a NaN or unsupported. */
export function screenTwo(
  unit: ExtendedUnit,
  to: number,
  a: number,
  b: number,
  kindA: number,
  kindB: number,
): number {
  if (kindA < QUIET_NAN && kindB < QUIET_NAN) return PROCEED;
  unit.status &= ~DENORMAL;
  if (kindA === UNSUPPORTED || kindB === UNSUPPORTED) return unit.invalid(to) ? WRITTEN : STOPPED;
  if ((kindA === SIGNALING_NAN || kindB === SIGNALING_NAN) && !unit.raise(INVALID)) return STOPPED;
  const from = chooseNaN(unit, a, b, kindA, kindB);
  unit.set(to, unit.signExponent[from], unit.high[from] | 0x40000000, unit.low[from]);
  return WRITTEN;
}

function chooseNaN(unit: ExtendedUnit, a: number, b: number, kindA: number, kindB: number): number {
  if (kindA < QUIET_NAN) return b;
  if (kindB < QUIET_NAN) return a;
  if (kindA !== kindB) return kindA === QUIET_NAN ? a : b;
  if (unit.high[a] !== unit.high[b]) return unit.high[a] > unit.high[b] ? a : b;
  if (unit.low[a] !== unit.low[b]) return unit.low[a] > unit.low[b] ? a : b;
  return unit.signExponent[a] < unit.signExponent[b] ? a : b;
}

/** Raises the denormal flag if an operand is denormal; answers whether the operation goes on. */
export function denormalGate(unit: ExtendedUnit, kindA: number, kindB: number): boolean {
  if (kindA === SUBNORMAL || kindB === SUBNORMAL) unit.status |= DENORMAL;
  return (unit.status & DENORMAL) === 0 || (unit.control & DENORMAL) !== 0;
}

/** The unpacked operand of the last `unpack`: its integer bit is set, the exponent may be below 1. */
export const unpackedWords = new Uint32Array(2);

/** Unpacks a non-zero finite operand; answers its exponent. */
export function unpack(unit: ExtendedUnit, slot: number): number {
  let exponent = unit.signExponent[slot] & 0x7fff;
  let high = unit.high[slot];
  let low = unit.low[slot];
  if (exponent === 0) {
    exponent = 1;
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
  }
  unpackedWords[0] = high;
  unpackedWords[1] = low;
  return exponent;
}
