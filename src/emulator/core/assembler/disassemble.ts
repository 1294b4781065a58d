/**
 * The disassembler: bytes to the text of one instruction, in the syntax our assembler and NASM read. It prints what the
 * CPU's own decoder (../instructions/decode.ts) found in the opcode table, so what it shows is what would be executed.
 *
 * Operand sizes of memory are always written out. Numbers are decimal up to 9, hexadecimal from there on.
 */
import { decode, MAXIMUM_LENGTH, type DecodeMap, type DecodeRow } from "../instructions/decode.ts";
import { INSTRUCTION_SET } from "../instructions/instruction-set.ts";
import {
  ADDRESS_32,
  byteRegisterNumber,
  HAS_MEMORY,
  Instruction,
  OPERAND_32,
  PREFIX_LOCK,
  PREFIX_REP,
  PREFIX_REPNE,
  PREFIX_SEGMENT,
} from "../instructions/instruction.ts";
import type { Operand } from "../instructions/opcode-table.ts";
import {
  goesByOperandSize,
  isBranch,
  isImplicit,
  memoryBits,
  namedRegister,
  REGISTER_NAMES,
  registerClass,
  type Width,
} from "./notation.ts";

export interface DisassembleOptions {
  /** Where the first byte lies in the code segment: relative branches count from there. */
  address?: number;
  /** The code segment's size. */
  bits: Width;
  /** A name for an address, or undefined. */
  label?(address: number): string | undefined;
  map?: DecodeMap;
}

export interface Disassembled {
  /** Bytes, at least 1: what is no instruction, or is cut off, is one byte of data. */
  length: number;
  text: string;
  /** Where a branch or call with a direct target goes, else undefined. */
  target?: number;
}

const SIZE_WORDS: Readonly<Record<number, string>> = {
  8: "byte",
  16: "word",
  32: "dword",
  64: "qword",
  80: "tword",
  128: "oword",
};

const number = (value: number): string => (value < 10 ? String(value) : `0x${value.toString(16)}`);
const BAD = "(bad)";

/** The instruction at bytes[at]. Never fails: what cannot be decoded is shown as `db`. */
export function disassemble(bytes: Uint8Array, at: number, options: DisassembleOptions): Disassembled {
  const map = options.map ?? INSTRUCTION_SET;
  const op = new Instruction(map.invalid);
  const length = decode(map, bytes, at, Math.min(bytes.length, at + MAXIMUM_LENGTH), options.bits === 32, op);
  if (length < 0 || op.row < 0 || isUndefined(map.rows[op.row], op)) {
    return { length: 1, text: at < bytes.length ? `db ${number(bytes[at])}` : BAD };
  }
  return { length, ...new Printer(map.rows[op.row], op, length, options).print() };
}

/** Encodings that have a row and raise #UD all the same. */
function isUndefined({ row, lockable, handlers }: DecodeRow, op: Instruction): boolean {
  // `esc` stands for the x87 opcodes that are no instruction.
  if (row.mnemonic === "esc") return true;
  const memory = (op.flags & HAS_MEMORY) !== 0;
  if ((op.flags & PREFIX_LOCK) !== 0 && !(lockable && memory)) return true;
  if (row.operands.some(({ kind }) => kind === "C")) return ![0, 2, 3, 4].includes(op.reg);
  if (row.operands.some(({ kind }) => kind === "S"))
    return op.reg > 5 || (op.reg === 1 && row.operands[0].kind === "S");
  return handlers.every((handler) => handler === handlers[0])
    ? false
    : op.execute === INSTRUCTION_SET.invalid;
}

class Printer {
  private readonly row: DecodeRow;
  private readonly op: Instruction;
  private readonly length: number;
  private readonly options: DisassembleOptions;
  private readonly size: Width;
  private readonly addressSize: Width;
  private target: number | undefined;

  constructor(row: DecodeRow, op: Instruction, length: number, options: DisassembleOptions) {
    this.row = row;
    this.op = op;
    this.length = length;
    this.options = options;
    this.size = (op.flags & OPERAND_32) !== 0 ? 32 : 16;
    this.addressSize = (op.flags & ADDRESS_32) !== 0 ? 32 : 16;
  }

  print(): Omit<Disassembled, "length"> {
    const { row } = this.row;
    const operands = isImplicit(row) ? [] : row.operands.map((operand) => this.operand(operand));
    const text = `${this.prefixes()}${this.mnemonic()}${operands.length > 0 ? ` ${operands.join(",")}` : ""}`;
    return this.target === undefined ? { text } : { text, target: this.target };
  }

  private mnemonic(): string {
    const { row } = this.row;
    const wide = row.notes.has("asz") ? this.addressSize === 32 : this.size === 32;
    const [narrow, full] = row.mnemonics;
    // PUSHF stands for the size of the code segment in an assembler's source; PUSHFW for 16 bits everywhere.
    if (!wide && full === `${narrow}d`) return `${narrow}w`;
    return row.mnemonics[wide ? 1 : 0];
  }

  private prefixes(): string {
    const { row } = this.row;
    const { flags } = this.op;
    const { bits } = this.options;
    let text = "";
    if ((flags & PREFIX_LOCK) !== 0) text += "lock ";
    const conditional = row.notes.has("repcc");
    if (conditional || row.notes.has("rep")) {
      if ((flags & PREFIX_REP) !== 0) text += conditional ? "repe " : "rep ";
      else if ((flags & PREFIX_REPNE) !== 0) text += conditional ? "repne " : "rep ";
    }
    const implicit = isImplicit(row) || row.mnemonic === "xlatb" || row.mnemonic.startsWith("maskmov");
    if (implicit || row.mnemonic.startsWith("loop")) {
      if (this.addressSize !== bits) text += `a${this.addressSize} `;
    }
    const source = row.mnemonic === "xlatb" || row.operands.some(({ kind }) => kind === "X");
    if (source && (flags & PREFIX_SEGMENT) !== 0 && this.op.segment !== 3) {
      text += `${REGISTER_NAMES.segment[this.op.segment]} `;
    }
    if (this.size !== bits && (isBranch(row) || (goesByOperandSize(row) && !this.showsSize()))) {
      text += `o${this.size} `;
    }
    return text;
  }

  /** Whether mnemonic or operands tell the operand size. */
  private showsSize(): boolean {
    const { row } = this.row;
    if (row.mnemonics[0] !== row.mnemonics[1]) return true;
    return row.operands.some(({ kind, text, width }) => {
      if (text === "eAX") return true;
      if (kind === "G" || kind === "Z" || kind === "E" || kind === "R") return width === "v";
      return kind === "A" || kind === "M" ? width === "p" || width === "a" : false;
    });
  }

  private operand(operand: Operand): string {
    const { op } = this;
    switch (operand.kind) {
      case "*":
        if (operand.text === "1") return "1";
        return this.register(operand, namedRegister(operand, this.size)?.number ?? 0);
      case "E":
      case "M":
      case "Q":
      case "W":
      case "O":
        if ((op.flags & HAS_MEMORY) !== 0) return this.memory(operand);
        return this.register(operand, this.row.byteRm ? byteRegisterNumber(op.rm) : op.rm);
      case "R":
      case "N":
      case "U":
      case "F":
        return this.register(operand, op.rm);
      case "Z":
        return this.register(operand, this.row.byteRm ? byteRegisterNumber(op.rm) : op.rm);
      case "G":
        return this.register(operand, this.row.byteReg ? byteRegisterNumber(op.reg) : op.reg);
      case "S":
      case "C":
      case "D":
      case "P":
      case "V":
        return this.register(operand, op.reg);
      case "I":
        return this.immediate(operand);
      case "J":
        return this.branch(operand);
      case "A": {
        const size = this.size === this.options.bits ? "" : this.size === 32 ? "dword " : "word ";
        return `${size}${number(op.immediate2)}:${number(op.immediate >>> 0)}`;
      }
      default:
        return operand.text;
    }
  }

  private register(operand: Operand, at: number): string {
    const kind = registerClass(operand, this.size);
    return kind === undefined ? BAD : (REGISTER_NAMES[kind][at] ?? BAD);
  }

  private immediate(operand: Operand): string {
    const { row } = this.row;
    const isSecond = operand === row.operands[1] && row.operands[0].text === "Iw";
    const value = isSecond ? this.op.immediate2 : this.op.immediate;
    if (operand.width === "b") return number(value & 0xff);
    if (operand.width === "w") return number(value & 0xffff);
    const text = number(this.size === 32 ? value >>> 0 : value & 0xffff);
    if (operand.width === "bs") return row.mnemonic === "push" ? `byte ${text}` : text;
    return text;
  }

  private branch(operand: Operand): string {
    const next = (this.options.address ?? 0) + this.length + this.op.immediate;
    const target = this.size === 32 ? next >>> 0 : next & 0xffff;
    this.target = target;
    const { mnemonic } = this.row.row;
    const text = this.options.label?.(target) ?? number(target);
    if (mnemonic.startsWith("loop") || mnemonic.includes("cxz") || mnemonic === "call") return text;
    return operand.width === "b" ? `short ${text}` : `near ${text}`;
  }

  private memory(operand: Operand): string {
    const { row } = this.row;
    const far = operand.width === "p" && (row.mnemonic === "call" || row.mnemonic === "jmp");
    const word = SIZE_WORDS[memoryBits(row, operand, this.size)];
    let size = far ? "far " : word === undefined ? "" : `${word} `;
    if (far && this.size !== this.options.bits) size = this.size === 32 ? "dword far " : "word far ";
    return `${size}[${this.segment()}${this.effectiveAddress()}]`;
  }

  private segment(): string {
    const { op } = this;
    if ((op.flags & PREFIX_SEGMENT) === 0) return "";
    const stack = op.base === 5 || (op.base === 4 && this.addressSize === 32);
    return op.segment === (stack ? 2 : 3) ? "" : `${REGISTER_NAMES.segment[op.segment]}:`;
  }

  private effectiveAddress(): string {
    const { op } = this;
    const names = REGISTER_NAMES[this.addressSize === 32 ? "r32" : "r16"];
    const parts: string[] = [];
    if (op.base < 8) parts.push(names[op.base]);
    if (op.index < 8) {
      const scaled = op.scale > 0 || (op.base === 8 && this.addressSize === 32);
      parts.push(scaled ? `${names[op.index]}*${1 << op.scale}` : names[op.index]);
    }
    const text = parts.join("+");
    if (text === "") {
      const absolute = this.addressSize === 32 ? op.displacement >>> 0 : op.displacement & 0xffff;
      const size = this.addressSize === this.options.bits ? "" : this.addressSize === 32 ? "dword " : "word ";
      return size + (this.options.label?.(absolute) ?? number(absolute));
    }
    if (op.displacement === 0) return text;
    return op.displacement < 0 ? `${text}-${number(-op.displacement)}` : `${text}+${number(op.displacement)}`;
  }
}
