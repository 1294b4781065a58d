/**
 * The decoder: instruction bytes to an `Instruction`, by the opcode table (Intel SDM volume 2, chapter 2).
 *
 * `decode` reads from any byte array, so that the CPU decodes in place from memory and the disassembler from a buffer. It
 * never fails for what the guest wrote: bytes that are no instruction become one that raises #UD.
 */
import { byteRegister, Instruction, type Handler } from "./instruction.ts";
import { ADDRESS_32, HAS_MEMORY, OPERAND_32 } from "./instruction.ts";
import { PREFIX_LOCK, PREFIX_REP, PREFIX_REPNE, PREFIX_SEGMENT } from "./instruction.ts";
import type { OpcodeRow } from "./opcode-table.ts";

/** The bytes end before the instruction does. */
export const TRUNCATED = -1;
/** Longer than 15 bytes. */
export const TOO_LONG = -2;
export const MAXIMUM_LENGTH = 15;

const NO_REGISTER = 8;

/** What follows the ModR/M byte. */
export const IMMEDIATE_NONE = 0;
export const IMMEDIATE_BYTE = 1;
export const IMMEDIATE_SIGNED_BYTE = 2;
export const IMMEDIATE_WORD = 3;
export const IMMEDIATE_BY_OPERAND_SIZE = 4;
export const IMMEDIATE_FAR_POINTER = 5;
export const IMMEDIATE_OFFSET = 6;
export const IMMEDIATE_WORD_AND_BYTE = 7;

/** A table row as the decoder wants it. */
export interface DecodeRow {
  readonly row: OpcodeRow;
  readonly immediate: number;
  /** The reg field names a byte register. */
  readonly byteReg: boolean;
  /** The rm field (or the register in the opcode) names a byte register. */
  readonly byteRm: boolean;
  /** The rm operand is a register even if ModR/M says memory (MOV to and from control registers). */
  readonly registerOnly: boolean;
  readonly memoryOnly: boolean;
  readonly lockable: boolean;
  /** Ends a decoded block. */
  readonly ends: boolean;
  /** By operand size (2) and memory operand (1). */
  readonly handlers: readonly Handler[];
}

export interface DecodeMap {
  readonly rows: readonly DecodeRow[];
  /**
   * For each opcode (0-255 one-byte, 256-511 after 0Fh): null when there is no ModR/M byte, else row numbers by
   * prefix (0 none, 1 66h, 2 F3h, 3 F2h) * 256 + ModR/M byte.
   */
  readonly byModrm: readonly (Int16Array | null)[];
  /** Row numbers of opcodes without ModR/M byte, by prefix * 512 + opcode. -1 is no instruction. */
  readonly plain: Int16Array;
  /** What a byte sequence that is no instruction executes. */
  readonly invalid: Handler;
}

/** Base and index register of the eight 16-bit addressing forms. */
const BASE_16 = [3, 3, 5, 5, NO_REGISTER, NO_REGISTER, 5, 3];
const INDEX_16 = [6, 7, 6, 7, 6, 7, NO_REGISTER, NO_REGISTER];

const SEGMENT_CS = 1;
const SEGMENT_SS = 2;
const SEGMENT_DS = 3;

/**
 * Decodes the instruction at bytes[at], of which nothing at or beyond `limit` may be read. `wide` is the code segment's D
 * bit. Returns its length, TRUNCATED or TOO_LONG; in the last two cases `op` is of no use.
 */
export function decode(
  map: DecodeMap,
  bytes: Uint8Array,
  at: number,
  limit: number,
  wide: boolean,
  op: Instruction,
): number {
  const start = at;
  let flags = wide ? OPERAND_32 | ADDRESS_32 : 0;
  let segment = -1;
  let operandPrefix = false;
  let repeat = 0;
  let opcode = 0;
  // Prefixes, in any order and number.
  for (;;) {
    if (at - start >= MAXIMUM_LENGTH) return TOO_LONG;
    if (at >= limit) return TRUNCATED;
    opcode = bytes[at++];
    if (opcode === 0x66) {
      operandPrefix = true;
    } else if (opcode === 0x67) {
      flags = wide ? flags & ~ADDRESS_32 : flags | ADDRESS_32;
    } else if (opcode === 0xf2) {
      repeat = PREFIX_REPNE;
    } else if (opcode === 0xf3) {
      repeat = PREFIX_REP;
    } else if (opcode === 0xf0) {
      flags |= PREFIX_LOCK;
    } else if ((opcode & 0xe7) === 0x26) {
      segment = (opcode >>> 3) & 3;
    } else if (opcode === 0x64 || opcode === 0x65) {
      segment = opcode & 7;
    } else break;
  }
  if (operandPrefix) flags = wide ? flags & ~OPERAND_32 : flags | OPERAND_32;
  flags |= repeat;
  if (opcode === 0x0f) {
    if (at - start >= MAXIMUM_LENGTH) return TOO_LONG;
    if (at >= limit) return TRUNCATED;
    opcode = 0x100 | bytes[at++];
  }
  const prefix = repeat === PREFIX_REP ? 2 : repeat === PREFIX_REPNE ? 3 : operandPrefix ? 1 : 0;

  op.base = NO_REGISTER;
  op.index = NO_REGISTER;
  op.scale = 0;
  op.displacement = 0;
  op.addressMask = (flags & ADDRESS_32) !== 0 ? -1 : 0xffff;
  op.immediate = 0;
  op.immediate2 = 0;
  op.modrm = 0;
  op.reg = 0;
  op.rm = opcode & 7;

  let defaultSegment = SEGMENT_DS;
  let number: number;
  const group = map.byModrm[opcode];
  if (group === null) {
    number = map.plain[(prefix << 9) | opcode];
    if (number < 0) {
      op.row = -1;
      op.flags = flags;
      op.execute = map.invalid;
      return at - start;
    }
  } else {
    if (at - start >= MAXIMUM_LENGTH) return TOO_LONG;
    if (at >= limit) return TRUNCATED;
    const modrm = bytes[at++];
    number = group[(prefix << 8) | modrm];
    op.modrm = modrm;
    op.reg = (modrm >>> 3) & 7;
    op.rm = modrm & 7;
    if (modrm < 0xc0 && !(number >= 0 && map.rows[number].registerOnly)) {
      flags |= HAS_MEMORY;
      const mod = modrm >>> 6;
      const rm = modrm & 7;
      let displacementBytes = mod === 1 ? 1 : 0;
      if ((flags & ADDRESS_32) !== 0) {
        if (mod === 2) displacementBytes = 4;
        if (rm === 4) {
          if (at - start >= MAXIMUM_LENGTH) return TOO_LONG;
          if (at >= limit) return TRUNCATED;
          const sib = bytes[at++];
          op.scale = sib >>> 6;
          const index = (sib >>> 3) & 7;
          if (index !== 4) op.index = index;
          const base = sib & 7;
          if (base === 5 && mod === 0) displacementBytes = 4;
          else op.base = base;
          if (op.base === 4 || op.base === 5) defaultSegment = SEGMENT_SS;
        } else if (rm === 5 && mod === 0) displacementBytes = 4;
        else {
          op.base = rm;
          if (rm === 5) defaultSegment = SEGMENT_SS;
        }
      } else {
        if (mod === 2) displacementBytes = 2;
        if (rm === 6 && mod === 0) displacementBytes = 2;
        else {
          op.base = BASE_16[rm];
          op.index = INDEX_16[rm];
          if (op.base === 5) defaultSegment = SEGMENT_SS;
        }
      }
      if (at + displacementBytes - start > MAXIMUM_LENGTH) return TOO_LONG;
      if (at + displacementBytes > limit) return TRUNCATED;
      if (displacementBytes === 1) op.displacement = (bytes[at] << 24) >> 24;
      else if (displacementBytes === 2) op.displacement = ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
      else if (displacementBytes === 4) {
        op.displacement = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      }
      at += displacementBytes;
    }
    if (number < 0) {
      op.row = -1;
      op.flags = flags;
      op.segment = segment >= 0 ? segment : defaultSegment;
      op.execute = map.invalid;
      return at - start;
    }
  }

  const row = map.rows[number];
  if (row.byteReg) op.reg = byteRegister(op.reg);
  if (row.byteRm && (flags & HAS_MEMORY) === 0) op.rm = byteRegister(op.rm);

  const wideOperand = (flags & OPERAND_32) !== 0;
  let count = 0;
  switch (row.immediate) {
    case IMMEDIATE_BYTE:
    case IMMEDIATE_SIGNED_BYTE:
      count = 1;
      break;
    case IMMEDIATE_WORD:
      count = 2;
      break;
    case IMMEDIATE_BY_OPERAND_SIZE:
      count = wideOperand ? 4 : 2;
      break;
    case IMMEDIATE_FAR_POINTER:
      count = wideOperand ? 6 : 4;
      break;
    case IMMEDIATE_OFFSET:
      count = (flags & ADDRESS_32) !== 0 ? 4 : 2;
      break;
    case IMMEDIATE_WORD_AND_BYTE:
      count = 3;
      break;
    default:
      break;
  }
  if (count > 0) {
    if (at + count - start > MAXIMUM_LENGTH) return TOO_LONG;
    if (at + count > limit) return TRUNCATED;
    switch (row.immediate) {
      case IMMEDIATE_BYTE:
        op.immediate = bytes[at];
        break;
      case IMMEDIATE_SIGNED_BYTE:
        op.immediate = (bytes[at] << 24) >> 24;
        break;
      case IMMEDIATE_WORD:
        op.immediate = bytes[at] | (bytes[at + 1] << 8);
        break;
      case IMMEDIATE_WORD_AND_BYTE:
        op.immediate = bytes[at] | (bytes[at + 1] << 8);
        op.immediate2 = bytes[at + 2];
        break;
      default: {
        const low = bytes[at] | (bytes[at + 1] << 8);
        if (count === 2 || (count === 4 && row.immediate === IMMEDIATE_FAR_POINTER)) {
          op.immediate = row.immediate === IMMEDIATE_BY_OPERAND_SIZE ? (low << 16) >> 16 : low;
        } else op.immediate = low | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
        if (row.immediate === IMMEDIATE_FAR_POINTER) {
          op.immediate2 = bytes[at + count - 2] | (bytes[at + count - 1] << 8);
        } else if (row.immediate === IMMEDIATE_OFFSET) {
          op.displacement = op.immediate;
          flags |= HAS_MEMORY;
        }
      }
    }
    at += count;
  }

  op.segment = segment >= 0 ? segment : defaultSegment;
  if (segment >= 0) flags |= PREFIX_SEGMENT;
  op.flags = flags;
  op.row = number;
  const memory = (flags & HAS_MEMORY) !== 0;
  if ((flags & PREFIX_LOCK) !== 0 && !(row.lockable && memory)) op.execute = map.invalid;
  else op.execute = row.handlers[(wideOperand ? 2 : 0) | (memory ? 1 : 0)];
  return at - start;
}

export { SEGMENT_CS, SEGMENT_DS, SEGMENT_SS };
