/**
 * The x87 register stack and its status, control and pointer registers. Intel SDM volume 1, 8.1.
 *
 * Registers R0 to R7 are slots 0 to 7 of `unit`; further slots hold operands from memory. Whether an exception waits for
 * the next instruction (ES, B) is not kept but follows from flags and masks. MMX registers are the significands of R0 to
 * R7 (vector-registers.ts moves them).
 */
import { C1, ExtendedUnit, INVALID, kindOf, NORMAL, ZERO } from "./extended.ts";

/** SF: the invalid operation was a stack fault. */
export const STACK_FAULT = 0x40;
export const EXCEPTIONS = 0x3f;
const ERROR_SUMMARY = 0x80;
const BUSY = 0x8000;
const CONDITIONS = 0x4700;

/** Bits of the control word that can be set; bit 6 always is. */
const CONTROL_BITS = 0x1f3f;
const CONTROL_ALWAYS = 0x40;
const CONTROL_INITIAL = 0x37f;

/** The slot of an operand that is in no register. */
export const MEMORY_OPERAND = 8;
const SLOTS = 10;

export interface X87Snapshot {
  readonly version: 1;
  readonly control: number;
  readonly status: number;
  /** One bit for each physical register: 1 is empty. */
  readonly empty: number;
  readonly signExponents: readonly number[];
  /** High and low halves of each significand. */
  readonly significands: readonly number[];
  /** Opcode, instruction selector and offset, operand selector and offset. */
  readonly pointers: readonly number[];
}

export class X87State {
  readonly unit = new ExtendedUnit(SLOTS);
  top = 0;
  /** One bit for each physical register: 1 is empty. */
  empty = 0xff;
  /** The status word without TOP, ES and B. */
  status = 0;
  /** Eleven bits: the low three of the first opcode byte, then ModR/M. */
  opcode = 0;
  instructionSelector = 0;
  instructionOffset = 0;
  operandSelector = 0;
  operandOffset = 0;

  constructor() {
    this.reset();
  }

  /** Power-up and RESET (SDM volume 3, table 9-1); registers hold +0. */
  reset(): void {
    this.initialize();
    for (let slot = 0; slot < SLOTS; slot++) this.unit.set(slot, 0, 0, 0);
    this.unit.control = 0x40;
    this.empty = 0;
  }

  /** FNINIT. */
  initialize(): void {
    this.unit.control = CONTROL_INITIAL;
    this.status = this.top = 0;
    this.empty = 0xff;
    this.opcode = this.instructionSelector = this.instructionOffset = 0;
    this.operandSelector = this.operandOffset = 0;
  }

  get control(): number {
    return this.unit.control;
  }
  set control(value: number) {
    this.unit.control = (value & CONTROL_BITS) | CONTROL_ALWAYS;
  }

  /** ES: a flag is set whose mask is not. */
  get errorPending(): boolean {
    return (this.status & ~this.unit.control & EXCEPTIONS) !== 0;
  }

  get statusWord(): number {
    return this.status | (this.top << 11) | (this.errorPending ? ERROR_SUMMARY | BUSY : 0);
  }
  set statusWord(value: number) {
    this.status = value & (EXCEPTIONS | STACK_FAULT | CONDITIONS);
    this.top = (value >>> 11) & 7;
  }

  /** Two bits for each physical register: 0 valid, 1 zero, 2 special, 3 empty. */
  get tagWord(): number {
    let word = 0;
    for (let slot = 7; slot >= 0; slot--) {
      let tag = 3;
      if (!this.isEmpty(slot)) {
        const kind = kindOf(this.unit, slot);
        tag = kind === NORMAL ? 0 : kind === ZERO ? 1 : 2;
      }
      word = (word << 2) | tag;
    }
    return word;
  }
  set tagWord(value: number) {
    this.empty = 0;
    for (let slot = 0; slot < 8; slot++) if (((value >>> (slot * 2)) & 3) === 3) this.empty |= 1 << slot;
  }

  /** The slot of ST(i). */
  slot(i: number): number {
    return (this.top + i) & 7;
  }

  /** Operands from memory are never empty. */
  isEmpty(slot: number): boolean {
    return slot < 8 && ((this.empty >>> slot) & 1) !== 0;
  }

  fill(slot: number): void {
    this.empty &= ~(1 << slot);
  }

  pop(): void {
    this.empty |= 1 << this.top;
    this.top = (this.top + 1) & 7;
  }

  /** Makes the register below the top the new one; its contents are in place already. */
  pushed(): void {
    this.top = (this.top - 1) & 7;
    this.fill(this.top);
  }

  /** Stack overflow or underflow; answers whether it is masked. */
  stackFault(overflow: boolean): boolean {
    this.unit.pendingDenormal = false;
    this.status = (this.status & ~C1) | INVALID | STACK_FAULT | (overflow ? C1 : 0);
    return (this.unit.control & INVALID) !== 0;
  }

  /** The default NaN ("real indefinite"). */
  setIndefinite(slot: number): void {
    this.unit.set(slot, 0xffff, 0xc0000000, 0);
  }

  /** Takes over the flags of the last operation, and the condition bits that it defines. */
  commit(conditions: number): void {
    this.status = (this.status & ~conditions) | (this.unit.status & (conditions | EXCEPTIONS));
  }

  save(): X87Snapshot {
    const { unit } = this;
    return {
      version: 1,
      control: this.control,
      status: this.statusWord,
      empty: this.empty,
      signExponents: [...unit.signExponent.subarray(0, 8)],
      significands: Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? unit.high : unit.low)[i >>> 1]),
      pointers: [
        this.opcode,
        this.instructionSelector,
        this.instructionOffset,
        this.operandSelector,
        this.operandOffset,
      ],
    };
  }

  restore(state: X87Snapshot): void {
    this.control = state.control;
    this.statusWord = state.status;
    this.empty = state.empty;
    for (let slot = 0; slot < 8; slot++) {
      const { signExponents, significands } = state;
      this.unit.set(slot, signExponents[slot], significands[slot * 2], significands[slot * 2 + 1]);
    }
    [
      this.opcode,
      this.instructionSelector,
      this.instructionOffset,
      this.operandSelector,
      this.operandOffset,
    ] = state.pointers;
  }
}
