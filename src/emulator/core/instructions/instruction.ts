/**
 * One decoded instruction: everything its operation needs, so that no operation reads instruction bytes. The decoder
 * (decode.ts) fills it, the CPU's block cache keeps it, and the disassembler prints it.
 *
 * All fields are small integers with one meaning each; registers are numbers 0-7 as encoded, but byte registers are byte
 * offsets into the register array (AL 0, AH 1, CL 4, CH 5, …: see `byteRegister`). An effective address is always
 *   (r[base] + (r[index] << scale) + displacement) & addressMask
 * with register number 8, which reads as zero, for a part that is not there.
 */
import type { Cpu } from "../cpu/cpu.ts";

/**
 * Executes one instruction. Returns the instruction that follows in the block, a linked branch target, or null when the CPU
 * has to look up what EIP points to. A guest fault is thrown (exceptions.ts); until then nothing visible may have changed.
 */
export type Handler = (cpu: Cpu, op: Instruction) => Instruction | null;

export const PREFIX_LOCK = 1;
export const PREFIX_REPNE = 2;
export const PREFIX_REP = 4;
export const PREFIX_SEGMENT = 8;
/** Operand size is 32. */
export const OPERAND_32 = 16;
/** Address size is 32. */
export const ADDRESS_32 = 32;
/** The rm operand is memory. */
export const HAS_MEMORY = 64;

export class Instruction {
  execute: Handler;
  /** The next instruction of the block; the block's tail after its last one. */
  next: Instruction | null = null;
  /** The first instruction of the block a direct branch goes to, that a branch went to the last time. */
  link: Instruction | null = null;
  /** The page of `link` in physical memory, as a TLB entry names it. */
  linkPage = 0;
  /** The target for which `link` was found, where it is not in the instruction. */
  linkTarget = 0;
  /** First byte, counted from the first byte of the block. */
  offset = 0;
  /** First byte after it, counted likewise. */
  end = 0;
  /** ModR/M reg field. */
  reg = 0;
  /** ModR/M rm field of a register operand, or the register in the opcode. */
  rm = 0;
  base = 8;
  index = 8;
  scale = 0;
  displacement = 0;
  addressMask = -1;
  /** Segment register of the memory operand: 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS. */
  segment = 3;
  /** Immediate, relative displacement, or offset of a far pointer; sign-extended where the instruction does so. */
  immediate = 0;
  /** Selector of a far pointer; nesting level of ENTER. */
  immediate2 = 0;
  /** PREFIX_, OPERAND_32, ADDRESS_32 and HAS_MEMORY bits. */
  flags = 0;
  /** Row of the opcode table (decode-map.ts); -1 for what is no instruction. */
  row = -1;
  /** The ModR/M byte, or 0. */
  modrm = 0;

  constructor(execute: Handler) {
    this.execute = execute;
  }
}

/** Byte offset of a byte register (AL CL DL BL AH CH DH BH) in the register array. */
export function byteRegister(number: number): number {
  return ((number & 3) << 2) | (number >>> 2);
}

/** The inverse of `byteRegister`. */
export function byteRegisterNumber(offset: number): number {
  return ((offset & 1) << 2) | (offset >>> 2);
}

export function isLocked(op: Instruction): boolean {
  return (op.flags & PREFIX_LOCK) !== 0;
}

export function isRepeated(op: Instruction): boolean {
  return (op.flags & (PREFIX_REP | PREFIX_REPNE)) !== 0;
}

export function hasWideOperand(op: Instruction): boolean {
  return (op.flags & OPERAND_32) !== 0;
}

export function hasMemoryOperand(op: Instruction): boolean {
  return (op.flags & HAS_MEMORY) !== 0;
}
