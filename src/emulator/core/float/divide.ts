/** FDIV and FSQRT in the 80-bit format, one result bit a step. Intel SDM volume 2, FDIV and FSQRT. */
import { type ExtendedUnit, INFINITY, kindOf, ZERO, ZERO_DIVIDE } from "./extended.ts";
import { denormalGate, PROCEED, screenOne, screenTwo, unpack, unpackedWords, WRITTEN } from "./operands.ts";
import { pack } from "./round.ts";

/** to = a / b */
export function divide(unit: ExtendedUnit, to: number, a: number, b: number): boolean {
  unit.begin();
  const kindA = kindOf(unit, a);
  const kindB = kindOf(unit, b);
  const settled = screenTwo(unit, to, a, b, kindA, kindB);
  if (settled !== PROCEED) return settled === WRITTEN;
  const sign = (unit.signExponent[a] ^ unit.signExponent[b]) >>> 15;
  if (kindA === kindB && (kindA === ZERO || kindA === INFINITY)) return unit.invalid(to);
  if (kindB === ZERO && kindA !== INFINITY) {
    unit.status = 0; // A denormal dividend is not reported beside the zero divisor.
    if (!unit.raise(ZERO_DIVIDE)) return false;
    unit.set(to, (sign << 15) | 0x7fff, 0x80000000, 0);
    return true;
  }
  if (!denormalGate(unit, kindA, kindB)) return false;
  if (kindA === INFINITY) {
    unit.set(to, (sign << 15) | 0x7fff, 0x80000000, 0);
    return true;
  }
  if (kindB === INFINITY || kindA === ZERO) {
    unit.set(to, sign << 15, 0, 0);
    return true;
  }
  let exponent = unpack(unit, a) + 0x3fff;
  let high = unpackedWords[0];
  let low = unpackedWords[1];
  exponent -= unpack(unit, b);
  const divisorHigh = unpackedWords[0];
  const divisorLow = unpackedWords[1];

  // The remainder stays below the divisor, so `top` is the one bit that a shift pushes out.
  let top = 0;
  if (high < divisorHigh || (high === divisorHigh && low < divisorLow)) {
    top = 1;
    high = ((high << 1) | (low >>> 31)) >>> 0;
    low = (low << 1) >>> 0;
    exponent--;
  }
  let quotientHigh = 0;
  let quotientLow = 0;
  let extension = 0;
  for (let bit = 0; bit < 66; bit++) {
    let digit = 0;
    if (top !== 0 || high > divisorHigh || (high === divisorHigh && low >= divisorLow)) {
      digit = 1;
      high = (high - divisorHigh - (low < divisorLow ? 1 : 0)) >>> 0;
      low = (low - divisorLow) >>> 0;
    }
    if (bit < 32) quotientHigh = (quotientHigh << 1) | digit;
    else if (bit < 64) quotientLow = (quotientLow << 1) | digit;
    else extension |= digit << (95 - bit);
    top = high >>> 31;
    high = ((high << 1) | (low >>> 31)) >>> 0;
    low = (low << 1) >>> 0;
  }
  if ((top | high | low) !== 0) extension |= 1;
  return pack(
    unit,
    to,
    sign,
    exponent,
    quotientHigh >>> 0,
    quotientLow >>> 0,
    extension >>> 0,
    unit.precision,
  );
}

/** to = square root of a */
export function squareRoot(unit: ExtendedUnit, to: number, a: number): boolean {
  unit.begin();
  const kind = kindOf(unit, a);
  const settled = screenOne(unit, to, a, kind);
  if (settled !== PROCEED) return settled === WRITTEN;
  if (kind === ZERO) {
    unit.copy(to, a);
    return true;
  }
  if (unit.signExponent[a] >>> 15 !== 0) return unit.invalid(to);
  if (!denormalGate(unit, kind, kind)) return false;
  if (kind === INFINITY) {
    unit.copy(to, a);
    return true;
  }
  const exponent = unpack(unit, a);
  let high = unpackedWords[0];
  let low = unpackedWords[1];
  // The radicand's bits leave two a step. With an odd distance from the bias the first step takes one bit,
  // so that the first root bit is always one.
  const odd = (exponent - 0x3fff) & 1;
  // remainder (96 bits) and root (up to 66 bits), most significant word first
  let r2 = 0;
  let r1 = 0;
  let r0 = 0;
  let q2 = 0;
  let q1 = 0;
  let q0 = 0;
  if (odd === 0) {
    low = ((low >>> 1) | (high << 31)) >>> 0;
    high >>>= 1;
  }
  const spill = odd === 0 ? unpackedWords[1] & 1 : 0;
  for (let bit = 0; bit < 66; bit++) {
    r2 = ((r2 << 2) | (r1 >>> 30)) >>> 0;
    r1 = ((r1 << 2) | (r0 >>> 30)) >>> 0;
    r0 = ((r0 << 2) | (high >>> 30)) >>> 0;
    high = ((high << 2) | (low >>> 30)) >>> 0;
    low = (low << 2) >>> 0;
    if (bit === 31 && spill !== 0) high |= 0x80000000;
    high >>>= 0;
    // trial = root * 4 + 1
    const t2 = ((q2 << 2) | (q1 >>> 30)) >>> 0;
    const t1 = ((q1 << 2) | (q0 >>> 30)) >>> 0;
    const t0 = ((q0 << 2) | 1) >>> 0;
    const fits = r2 > t2 || (r2 === t2 && (r1 > t1 || (r1 === t1 && r0 >= t0)));
    if (fits) {
      const borrow0 = r0 < t0 ? 1 : 0;
      const d1 = r1 - t1 - borrow0;
      r0 = (r0 - t0) >>> 0;
      r1 = d1 >>> 0;
      r2 = (r2 - t2 - (d1 < 0 ? 1 : 0)) >>> 0;
    }
    q2 = ((q2 << 1) | (q1 >>> 31)) >>> 0;
    q1 = ((q1 << 1) | (q0 >>> 31)) >>> 0;
    q0 = ((q0 << 1) | (fits ? 1 : 0)) >>> 0;
  }
  const rootHigh = ((q2 << 30) | (q1 >>> 2)) >>> 0;
  const rootLow = ((q1 << 30) | (q0 >>> 2)) >>> 0;
  const extension = ((q0 << 30) | ((r2 | r1 | r0) !== 0 ? 1 : 0)) >>> 0;
  const rootExponent = ((exponent - 0x3fff - odd) >> 1) + 0x3fff;
  return pack(unit, to, 0, rootExponent, rootHigh, rootLow, extension, unit.precision);
}
