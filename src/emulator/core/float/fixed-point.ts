/**
 * Elementary functions of small arguments in fixed point: whole numbers (BigInt) with FRACTION bits below the point.
 * Each series is summed until its terms vanish, so every value is exact to a few units of 2^-FRACTION. They are given as
 * f(x) / x, so that they keep their relative precision however small x is.
 */

/** Twice the 64 bits of a result and as many again. */
export const FRACTION = 208n;
export const ONE = 1n << FRACTION;

export const multiplyFixed = (a: bigint, b: bigint): bigint => (a * b) >> FRACTION;

/** (e^x - 1) / x, |x| at most 1. */
export function exponentialRatio(x: bigint): bigint {
  let term = ONE;
  let sum = ONE;
  for (let n = 2n; term > 1n || term < -1n; n++) {
    term = multiplyFixed(term, x) / n;
    sum += term;
  }
  return sum;
}

/** atanh(x) / x as a function of x squared, x at most 1/4; atan(x) / x with `sign` -1. */
export function inverseTangentRatio(square: bigint, sign: 1n | -1n): bigint {
  let power = ONE;
  let sum = ONE;
  for (let n = 3n; power > 1n || power < -1n; n += 2n) {
    power = sign * multiplyFixed(power, square);
    sum += power / n;
  }
  return sum;
}

/** 1 - x^2 / (n (n + 1)) + …: every term is the one before times -x^2 by the next two numbers from `first` on. */
function alternatingSeries(square: bigint, first: bigint): bigint {
  let term = ONE;
  let sum = ONE;
  for (let n = first; term > 1n || term < -1n; n += 2n) {
    term = -multiplyFixed(term, square) / (n * (n + 1n));
    sum += term;
  }
  return sum;
}

/** sin(x) / x as a function of x squared, x at most 1. */
export const sineRatio = (square: bigint): bigint => alternatingSeries(square, 2n);

/** cos(x) as a function of x squared, x at most 1. */
export const cosine = (square: bigint): bigint => alternatingSeries(square, 1n);

/** Steps of the arctangent table: atan(i / 16). */
export const ARCTANGENT_STEPS = 16n;

/** atan(i / 16), each from the one before: atan(a) - atan(b) = atan((a - b) / (1 + a b)). */
const arctangents: bigint[] = [0n];
for (let i = 1n; i <= ARCTANGENT_STEPS; i++) {
  const step = (ARCTANGENT_STEPS << FRACTION) / (ARCTANGENT_STEPS * ARCTANGENT_STEPS + i * (i - 1n));
  const difference = multiplyFixed(step, inverseTangentRatio(multiplyFixed(step, step), -1n));
  arctangents.push(arctangents[Number(i) - 1] + difference);
}

export const arctangentOfStep = (i: bigint): bigint => arctangents[Number(i)];
export const PI = arctangents[16] * 4n;

/** ln 2 = 2 atanh(1/3). */
const THIRD = ONE / 3n;
export const LN2 = 2n * multiplyFixed(THIRD, inverseTangentRatio(multiplyFixed(THIRD, THIRD), 1n));
