/**
 * The arithmetic and logic unit: each operation by width, the only place where these results and flags are computed.
 * Operands of 8 and 16 bits are unsigned, of 32 bits signed; results likewise. Flags as in cpu/flags.ts.
 */
import { CARRY_BITS, CARRY_OUT } from "../cpu/flags.ts";
import { FLAG_CARRY, FLAG_RESULT } from "../cpu/registers.ts";

export type Alu = (r: Int32Array, a: number, b: number) => number;

export function add32(r: Int32Array, a: number, b: number): number {
  const result = (a + b) | 0;
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] = ((a & b) | ((a | b) & ~result)) & CARRY_BITS;
  return result;
}
export function adc32(r: Int32Array, a: number, b: number): number {
  const result = (a + b + (r[FLAG_CARRY] >>> 31)) | 0;
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] = ((a & b) | ((a | b) & ~result)) & CARRY_BITS;
  return result;
}
export function sub32(r: Int32Array, a: number, b: number): number {
  const result = (a - b) | 0;
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] = ((~a & b) | (~(a ^ b) & result)) & CARRY_BITS;
  return result;
}
export function sbb32(r: Int32Array, a: number, b: number): number {
  const result = (a - b - (r[FLAG_CARRY] >>> 31)) | 0;
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] = ((~a & b) | (~(a ^ b) & result)) & CARRY_BITS;
  return result;
}
export function or32(r: Int32Array, a: number, b: number): number {
  r[FLAG_CARRY] = 0;
  return (r[FLAG_RESULT] = a | b);
}
export function and32(r: Int32Array, a: number, b: number): number {
  r[FLAG_CARRY] = 0;
  return (r[FLAG_RESULT] = a & b);
}
export function xor32(r: Int32Array, a: number, b: number): number {
  r[FLAG_CARRY] = 0;
  return (r[FLAG_RESULT] = a ^ b);
}
export function inc32(r: Int32Array, a: number): number {
  const result = (a + 1) | 0;
  const carry = r[FLAG_CARRY] & CARRY_OUT;
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] =
    carry |
    (((carry >>> 1) ^ ((~a & result & CARRY_OUT) >>> 1)) & 0x40000000) |
    ((result & 15) === 0 ? 8 : 0);
  return result;
}
export function dec32(r: Int32Array, a: number): number {
  const result = (a - 1) | 0;
  const carry = r[FLAG_CARRY] & CARRY_OUT;
  r[FLAG_RESULT] = result;
  r[FLAG_CARRY] =
    carry | (((carry >>> 1) ^ ((a & ~result & CARRY_OUT) >>> 1)) & 0x40000000) | ((a & 15) === 0 ? 8 : 0);
  return result;
}

/** Moves the carries of an 8- or 16-bit operation to the top, where the flags look for them. */
function setNarrow(r: Int32Array, shift: number, result: number, carries: number): number {
  r[FLAG_RESULT] = (result << shift) >> shift;
  r[FLAG_CARRY] = ((carries << shift) & (0xc0000000 | 0)) | (carries & 8);
  return shift === 24 ? result & 0xff : result & 0xffff;
}

export function add8(r: Int32Array, a: number, b: number): number {
  const result = a + b;
  return setNarrow(r, 24, result, (a & b) | ((a | b) & ~result));
}
export function adc8(r: Int32Array, a: number, b: number): number {
  const result = a + b + (r[FLAG_CARRY] >>> 31);
  return setNarrow(r, 24, result, (a & b) | ((a | b) & ~result));
}
export function sub8(r: Int32Array, a: number, b: number): number {
  const result = a - b;
  return setNarrow(r, 24, result, (~a & b) | (~(a ^ b) & result));
}
export function sbb8(r: Int32Array, a: number, b: number): number {
  const result = a - b - (r[FLAG_CARRY] >>> 31);
  return setNarrow(r, 24, result, (~a & b) | (~(a ^ b) & result));
}
export function or8(r: Int32Array, a: number, b: number): number {
  return setNarrow(r, 24, a | b, 0);
}
export function and8(r: Int32Array, a: number, b: number): number {
  return setNarrow(r, 24, a & b, 0);
}
export function xor8(r: Int32Array, a: number, b: number): number {
  return setNarrow(r, 24, a ^ b, 0);
}
export function add16(r: Int32Array, a: number, b: number): number {
  const result = a + b;
  return setNarrow(r, 16, result, (a & b) | ((a | b) & ~result));
}
export function adc16(r: Int32Array, a: number, b: number): number {
  const result = a + b + (r[FLAG_CARRY] >>> 31);
  return setNarrow(r, 16, result, (a & b) | ((a | b) & ~result));
}
export function sub16(r: Int32Array, a: number, b: number): number {
  const result = a - b;
  return setNarrow(r, 16, result, (~a & b) | (~(a ^ b) & result));
}
export function sbb16(r: Int32Array, a: number, b: number): number {
  const result = a - b - (r[FLAG_CARRY] >>> 31);
  return setNarrow(r, 16, result, (~a & b) | (~(a ^ b) & result));
}
export function or16(r: Int32Array, a: number, b: number): number {
  return setNarrow(r, 16, a | b, 0);
}
export function and16(r: Int32Array, a: number, b: number): number {
  return setNarrow(r, 16, a & b, 0);
}
export function xor16(r: Int32Array, a: number, b: number): number {
  return setNarrow(r, 16, a ^ b, 0);
}

/** INC and DEC keep CF: the narrow ones are the 32-bit ones on the operand moved to the top. */
function keepCarry(r: Int32Array, alu: Alu, a: number): number {
  const carry = r[FLAG_CARRY] & CARRY_OUT;
  const result = alu(r, a, 1);
  const now = r[FLAG_CARRY];
  const overflow = (now ^ (now << 1)) & CARRY_OUT;
  r[FLAG_CARRY] = (now & 8) | carry | ((carry ^ overflow) >>> 1);
  return result;
}
export function inc8(r: Int32Array, a: number): number {
  return keepCarry(r, add8, a);
}
export function dec8(r: Int32Array, a: number): number {
  return keepCarry(r, sub8, a);
}
export function inc16(r: Int32Array, a: number): number {
  return keepCarry(r, add16, a);
}
export function dec16(r: Int32Array, a: number): number {
  return keepCarry(r, sub16, a);
}

/** By the operation's number in the opcode map, then by width 8, 16, 32. */
export const ALU: Readonly<Record<string, readonly [Alu, Alu, Alu]>> = {
  add: [add8, add16, add32],
  or: [or8, or16, or32],
  adc: [adc8, adc16, adc32],
  sbb: [sbb8, sbb16, sbb32],
  and: [and8, and16, and32],
  sub: [sub8, sub16, sub32],
  xor: [xor8, xor16, xor32],
  cmp: [sub8, sub16, sub32],
  test: [and8, and16, and32],
  inc: [inc8, inc16, inc32],
  dec: [dec8, dec16, dec32],
};
