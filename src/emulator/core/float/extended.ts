/**
 * The x87 80-bit format as slots of typed arrays, and the state that each operation reads and leaves.
 * Intel SDM volume 1, 4.2 (formats), 8.1.3 to 8.1.5 (status and control word), 8.2.2 (unsupported encodings).
 *
 * An operation takes slot numbers, clears `status`, and leaves the exception flags (bits 0 to 5), C1 and the
 * other condition bits there, in the positions that they have in the status word. It answers whether its
 * result was written: an unmasked IE, DE or ZE leaves the destination as it was.
 */

export const INVALID = 0x01;
export const DENORMAL = 0x02;
export const ZERO_DIVIDE = 0x04;
export const OVERFLOW = 0x08;
export const UNDERFLOW = 0x10;
export const PRECISION = 0x20;

export const C0 = 0x0100;
export const C1 = 0x0200;
export const C2 = 0x0400;
export const C3 = 0x4000;

/** Rounding modes as in the control word's RC field. */
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const TRUNCATE = 3;

/** Encodings by kind; a pseudo-denormal counts as denormal, all that the 80387 rejects as unsupported. */
export const ZERO = 0;
export const NORMAL = 1;
export const SUBNORMAL = 2;
export const INFINITY = 3;
export const QUIET_NAN = 4;
export const SIGNALING_NAN = 5;
export const UNSUPPORTED = 6;

export class ExtendedUnit {
  /** Sign in bit 15, exponent (bias 16383) in bits 0 to 14. */
  readonly signExponent: Uint16Array;
  /** Significand bits 32 to 63; bit 31 is the explicit integer bit. */
  readonly high: Uint32Array;
  /** Significand bits 0 to 31. */
  readonly low: Uint32Array;
  /** Result of an operation that stores to memory: bits 0 to 31, 32 to 63, 64 to 79. */
  readonly words = new Uint32Array(3);
  /** Exception masks (bits 0 to 5), PC (8, 9), RC (10, 11): the control word. */
  control = 0x037f;
  /** Flags and condition bits of the last operation. */
  status = 0;
  /** A float32 or float64 memory operand of the next operation was denormal. */
  pendingDenormal = false;

  constructor(slots: number) {
    this.signExponent = new Uint16Array(slots);
    this.high = new Uint32Array(slots);
    this.low = new Uint32Array(slots);
  }

  set(slot: number, signExponent: number, high: number, low: number): void {
    this.signExponent[slot] = signExponent;
    this.high[slot] = high;
    this.low[slot] = low;
  }

  copy(to: number, from: number): void {
    this.set(to, this.signExponent[from], this.high[from], this.low[from]);
  }

  /** Starts an operation. */
  begin(): void {
    this.status = 0;
    if (this.pendingDenormal) {
      this.status = DENORMAL;
      this.pendingDenormal = false;
    }
  }

  /** Rounding mode of the control word. */
  get rounding(): number {
    return (this.control >>> 10) & 3;
  }

  /** Significand bits that precision control keeps. */
  get precision(): number {
    const field = this.control & 0x300;
    return field === 0 ? 24 : field === 0x200 ? 53 : 64;
  }

  /** Raises a flag; answers whether it is masked. */
  raise(flag: number): boolean {
    this.status |= flag;
    return (this.control & flag) !== 0;
  }

  /** Writes the default NaN ("real indefinite") for a masked invalid operation. */
  invalid(slot: number): boolean {
    this.status &= ~DENORMAL;
    if (!this.raise(INVALID)) return false;
    this.set(slot, 0xffff, 0xc0000000, 0);
    return true;
  }
}

export function kindOf(unit: ExtendedUnit, slot: number): number {
  const exponent = unit.signExponent[slot] & 0x7fff;
  const high = unit.high[slot];
  const low = unit.low[slot];
  if (exponent === 0) return (high | low) === 0 ? ZERO : SUBNORMAL;
  if (high >>> 31 === 0) return UNSUPPORTED;
  if (exponent < 0x7fff) return NORMAL;
  if (high === 0x80000000 && low === 0) return INFINITY;
  return (high & 0x40000000) !== 0 ? QUIET_NAN : SIGNALING_NAN;
}

/** FXAM: class of a register's content as C3, C2, C0 (and its sign as C1). SDM volume 2, FXAM. */
export function examine(unit: ExtendedUnit, slot: number, empty: boolean): void {
  const sign = (unit.signExponent[slot] & 0x8000) !== 0 ? C1 : 0;
  const CLASS = [C3, C2, C3 | C2, C2 | C0, C0, C0, 0];
  unit.status = sign | (empty ? C3 | C0 : CLASS[kindOf(unit, slot)]);
}

/** FCHS. */
export function changeSign(unit: ExtendedUnit, slot: number): void {
  unit.status = 0;
  unit.signExponent[slot] ^= 0x8000;
}

/** FABS. */
export function absolute(unit: ExtendedUnit, slot: number): void {
  unit.status = 0;
  unit.signExponent[slot] &= 0x7fff;
}
