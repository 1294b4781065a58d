/**
 * XMM registers and MXCSR (Intel SDM volume 1, 10.2), with slots beside them for operands that come from memory or from
 * MMX registers, so that an operation is written once for both register files.
 *
 * A slot is 16 bytes; the views show all slots by element, so element i of slot s is `[s * n + i]`, n elements a slot.
 */

/** MXCSR bits: flags 0 to 5 and masks 7 to 12 in the x87's order. */
export const MXCSR_DAZ = 0x40;
export const MXCSR_MASKS_SHIFT = 7;
export const MXCSR_ROUNDING_SHIFT = 13;
export const MXCSR_FTZ = 0x8000;
export const MXCSR_INITIAL = 0x1f80;
/** Bits that may be set (MXCSR_MASK of FXSAVE's image). */
export const MXCSR_VALID = 0xffff;

/** Slots beside XMM0 to XMM7. */
export const SOURCE = 8;
export const DESTINATION = 9;
/** Where a floating-point operation leaves its result until it is known that no exception is unmasked. */
export const RESULT = 10;
const SLOTS = 11;

export interface VectorSnapshot {
  readonly version: 1;
  readonly mxcsr: number;
  /** XMM0 to XMM7 by doublewords, lowest first. */
  readonly registers: readonly number[];
}

export class VectorRegisters {
  readonly bytes = new Uint8Array(SLOTS * 16);
  readonly signedBytes = new Int8Array(this.bytes.buffer);
  readonly words = new Uint16Array(this.bytes.buffer);
  readonly signedWords = new Int16Array(this.bytes.buffer);
  readonly doublewords = new Int32Array(this.bytes.buffer);
  readonly quadwords = new BigUint64Array(this.bytes.buffer);
  readonly singles = new Float32Array(this.bytes.buffer);
  readonly doubles = new Float64Array(this.bytes.buffer);
  mxcsr = MXCSR_INITIAL;
  /** Exception flags of the instruction that is being executed. */
  flags = 0;

  reset(): void {
    this.bytes.fill(0);
    this.mxcsr = MXCSR_INITIAL;
  }

  save(): VectorSnapshot {
    return { version: 1, mxcsr: this.mxcsr, registers: [...this.doublewords.subarray(0, 32)] };
  }

  restore(state: VectorSnapshot): void {
    this.mxcsr = state.mxcsr & MXCSR_VALID;
    this.doublewords.set(state.registers.slice(0, 32));
  }
}
