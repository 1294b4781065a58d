/**
 * The status flags, computed only when somebody looks (Intel SDM volume 1 §3.4.3.1).
 *
 * Every arithmetic operation leaves two numbers behind: its result, sign-extended to 32 bits (`r[FLAG_RESULT]`), and its
 * carries (`r[FLAG_CARRY]`): bit 31 the carry out of the top bit, bit 30 the carry into it, bit 3 the carry out of bit 3.
 *   CF = bit 31     OF = bit 31 ^ bit 30     AF = bit 3
 *   ZF = result is 0     SF = sign of the result ^ bit 0     PF = even parity of the result's low byte ^ bit 8
 * Bits 0 and 8 are set only when flags are loaded that no result could give (POPF with ZF and SF both set).
 *
 * Flags that Intel's manual leaves undefined are defined here as follows; all operations keep to it:
 *
 * | instructions                  | undefined there       | here                                                      |
 * |-------------------------------|-----------------------|-----------------------------------------------------------|
 * | AND OR XOR TEST               | AF                    | 0                                                         |
 * | SHL SHR SAR, count > 0        | AF                    | 0                                                         |
 * | SHL SHR, count > width        | CF                    | last bit shifted out of the zero-extended operand: 0      |
 * | SHL SHR SHLD SHRD, count > 1  | OF                    | same formula as for count 1                               |
 * | ROL ROR RCL RCR, count > 1    | OF                    | same formula as for count 1                               |
 * | SHLD SHRD, count > width      | result, all           | operand taken as repeated, flags of that result           |
 * | MUL IMUL                      | SF ZF AF PF           | SF ZF PF of the low half, AF 0                            |
 * | DIV IDIV                      | all                   | unchanged                                                 |
 * | AAA AAS                       | OF SF ZF PF           | of AL                                                     |
 * | AAM AAD                       | OF AF CF              | 0                                                         |
 * | DAA DAS                       | OF                    | 0                                                         |
 * | BSF BSR                       | all but ZF            | as of a logical result of the source; register unchanged  |
 * | BT BTS BTR BTC                | OF SF AF PF           | unchanged                                                 |
 */
import type { Cpu } from "./cpu.ts";
import { ATTENTION_TRAP } from "./attention.ts";
import {
  FLAG_AF,
  FLAG_CARRY,
  FLAG_CF,
  FLAG_OF,
  FLAG_PF,
  FLAG_RESULT,
  FLAG_SF,
  FLAG_TF,
  FLAG_ZF,
  STATUS_FLAGS,
} from "./registers.ts";

export const CARRY_BITS = 0xc0000008 | 0;
/** TF IF DF IOPL NT RF VM AC VIF VIP ID. */
const SYSTEM_FLAGS = 0x3f7700;
export const CARRY_OUT = 0x80000000 | 0;

/** 1 for a byte with an even number of ones. */
const EVEN_PARITY = new Uint8Array(256);
for (let i = 0; i < 256; i++) {
  let ones = 0;
  for (let bit = 0; bit < 8; bit++) ones += (i >> bit) & 1;
  EVEN_PARITY[i] = ones % 2 === 0 ? 1 : 0;
}

/** Each of these answers 0 or 1. */
export function carryFlag(r: Int32Array): number {
  return r[FLAG_CARRY] >>> 31;
}
export function overflowFlag(r: Int32Array): number {
  const carry = r[FLAG_CARRY];
  return (carry ^ (carry << 1)) >>> 31;
}
export function signFlag(r: Int32Array): number {
  return (r[FLAG_RESULT] >>> 31) ^ (r[FLAG_CARRY] & 1);
}
export function zeroFlag(r: Int32Array): number {
  return r[FLAG_RESULT] === 0 ? 1 : 0;
}
export function parityFlag(r: Int32Array): number {
  return EVEN_PARITY[r[FLAG_RESULT] & 0xff] ^ ((r[FLAG_CARRY] >>> 8) & 1);
}
export function adjustFlag(r: Int32Array): number {
  return (r[FLAG_CARRY] >>> 3) & 1;
}

/** The six status flags in their EFLAGS places. */
export function statusFlags(r: Int32Array): number {
  return (
    carryFlag(r) |
    (parityFlag(r) << 2) |
    (adjustFlag(r) << 4) |
    (zeroFlag(r) << 6) |
    (signFlag(r) << 7) |
    (overflowFlag(r) << 11)
  );
}

/** Loads the six status flags from a word with EFLAGS' layout. */
export function setStatusFlags(r: Int32Array, flags: number): void {
  const result = (flags & FLAG_ZF) !== 0 ? 0 : 1;
  const carry = (flags & FLAG_CF) !== 0 ? 1 : 0;
  const overflow = (flags & FLAG_OF) !== 0 ? 1 : 0;
  const parity = (flags & FLAG_PF) !== 0 ? 1 : 0;
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] =
    (carry << 31) |
    ((carry ^ overflow) << 30) |
    ((flags & FLAG_AF) !== 0 ? 8 : 0) |
    ((flags & FLAG_SF) !== 0 ? 1 : 0) |
    ((EVEN_PARITY[result] ^ parity) << 8);
}

/** Changes CF and leaves the other five. */
export function setCarryFlag(r: Int32Array, carry: number): void {
  const old = r[FLAG_CARRY];
  const overflow = (old ^ (old << 1)) >>> 31;
  r[FLAG_CARRY] = (old & 0x3fffffff) | (carry << 31) | ((carry ^ overflow) << 30);
}

/** Leaves SF ZF PF of `result` (sign-extended), AF 0, CF and OF as given. */
export function setResultFlags(r: Int32Array, result: number, carry: number, overflow: number): void {
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] = (carry << 31) | ((carry ^ overflow) << 30);
}

/** The sixteen conditions of Jcc, SETcc and CMOVcc. */
export function condition(r: Int32Array, number: number): boolean {
  switch (number & 15) {
    case 0:
      return overflowFlag(r) !== 0;
    case 1:
      return overflowFlag(r) === 0;
    case 2:
      return r[FLAG_CARRY] < 0;
    case 3:
      return r[FLAG_CARRY] >= 0;
    case 4:
      return r[FLAG_RESULT] === 0;
    case 5:
      return r[FLAG_RESULT] !== 0;
    case 6:
      return r[FLAG_CARRY] < 0 || r[FLAG_RESULT] === 0;
    case 7:
      return r[FLAG_CARRY] >= 0 && r[FLAG_RESULT] !== 0;
    case 8:
      return signFlag(r) !== 0;
    case 9:
      return signFlag(r) === 0;
    case 10:
      return parityFlag(r) !== 0;
    case 11:
      return parityFlag(r) === 0;
    case 12:
      return signFlag(r) !== overflowFlag(r);
    case 13:
      return signFlag(r) === overflowFlag(r);
    case 14:
      return r[FLAG_RESULT] === 0 || signFlag(r) !== overflowFlag(r);
    default:
      return r[FLAG_RESULT] !== 0 && signFlag(r) === overflowFlag(r);
  }
}

/** EFLAGS as PUSHF and interrupts see it. */
export function readFlags(cpu: Cpu): number {
  return cpu.systemFlags | statusFlags(cpu.r) | 2;
}

/** Changes the flags of `mask` to those of `value`; a trap flag that is now set is looked at after the next instruction. */
export function writeFlags(cpu: Cpu, value: number, mask: number): void {
  setStatusFlags(cpu.r, (statusFlags(cpu.r) & ~mask) | (value & mask & STATUS_FLAGS));
  cpu.systemFlags = (cpu.systemFlags & ~mask) | (value & mask & SYSTEM_FLAGS);
  if ((cpu.systemFlags & FLAG_TF) !== 0) cpu.attend(ATTENTION_TRAP);
}
