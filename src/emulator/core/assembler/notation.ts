/**
 * What the operands of the opcode table stand for: register names by class, and widths in bits. Shared by assembler and
 * disassembler, so that both read the table alike (notation: ../instructions/opcode-table.ts).
 */
import type { Operand, OpcodeRow } from "../instructions/opcode-table.ts";

export type RegisterClass = "r8" | "r16" | "r32" | "segment" | "control" | "debug" | "x87" | "mmx" | "xmm";

const numbered = (stem: string) => Array.from({ length: 8 }, (_, i) => `${stem}${i}`);

/** Names by number as encoded. */
export const REGISTER_NAMES: Readonly<Record<RegisterClass, readonly string[]>> = {
  r8: ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"],
  r16: ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"],
  r32: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
  segment: ["es", "cs", "ss", "ds", "fs", "gs"],
  control: numbered("cr"),
  debug: numbered("dr"),
  x87: numbered("st"),
  mmx: numbered("mm"),
  xmm: numbered("xmm"),
};

export type Width = 16 | 32;

/** Instructions that write a word to memory, but fill a whole register. */
const WORD_IN_MEMORY = new Set(["sldt", "str", "smsw"]);

/** Bits of an operand by the width letters of the table; 0 where the instruction has no one size (LEA, LGDT, FXSAVE). */
function widthBits(width: string, size: Width): number {
  switch (width) {
    case "b":
    case "bs":
      return 8;
    case "w":
      return 16;
    case "d":
    case "fd":
    case "ss":
      return 32;
    case "q":
    case "fq":
    case "sd":
      return 64;
    case "ft":
      return 80;
    case "dq":
    case "ps":
    case "pd":
      return 128;
    case "v":
    case "z":
      return size;
    case "p":
      return size + 16;
    case "a":
      return 2 * size;
    default:
      return 0;
  }
}

/** Bits of the operand when it is in memory. */
export function memoryBits(row: OpcodeRow, operand: Operand, size: Width): number {
  if (WORD_IN_MEMORY.has(row.mnemonic)) return 16;
  if (row.mnemonic === "mov" && row.operands.some((other) => other.kind === "S")) return 16;
  return widthBits(operand.width, size);
}

export function immediateBits(operand: Operand, size: Width): number {
  return operand.text === "1" ? 8 : widthBits(operand.width, size);
}

function generalClass(bits: number): RegisterClass | undefined {
  return bits === 8 ? "r8" : bits === 16 ? "r16" : bits === 32 ? "r32" : undefined;
}

/** The class of the operand when it is a register, or undefined where it cannot be one. */
export function registerClass(operand: Operand, size: Width): RegisterClass | undefined {
  switch (operand.kind) {
    case "E":
    case "G":
    case "R":
    case "Z":
      return generalClass(widthBits(operand.width, size));
    case "S":
      return "segment";
    case "C":
      return "control";
    case "D":
      return "debug";
    case "F":
      return "x87";
    case "P":
    case "Q":
    case "N":
      return "mmx";
    case "V":
    case "W":
    case "U":
      return "xmm";
    case "*":
      return namedRegister(operand, size)?.class;
    default:
      return undefined;
  }
}

/** A register that the table names itself (AL, eAX, DX, ES, ST0, …). */
export function namedRegister(
  operand: Operand,
  size: Width,
): { class: RegisterClass; number: number } | undefined {
  const name = operand.text === "eAX" ? (size === 32 ? "eax" : "ax") : operand.text.toLowerCase();
  for (const [kind, names] of Object.entries(REGISTER_NAMES)) {
    const number = names.indexOf(name);
    if (number >= 0) return { class: kind as RegisterClass, number };
  }
  return undefined;
}

/** Operands that nobody writes: the places of string instructions. */
export function isImplicit(row: OpcodeRow): boolean {
  return row.operands.some((operand) => operand.kind === "X" || operand.kind === "Y");
}

/** Whether 66h changes what the row does. */
export function goesByOperandSize(row: OpcodeRow): boolean {
  if (row.mnemonics[0] !== row.mnemonics[1]) return !row.notes.has("asz");
  if (STACK_SIZED.has(row.mnemonic)) return true;
  return row.operands.some(
    ({ text, width }) => text === "eAX" || "vzap".includes(width || "-") || width === "fe" || width === "fs",
  );
}

/** Without an operand that shows it, these go by operand size. */
const STACK_SIZED = new Set(["push", "pop", "ret", "retf", "enter", "leave", "lgdt", "lidt", "sgdt", "sidt"]);

/** Jb goes by operand size too: it is where EIP is cut to 16 bits. */
export function isBranch(row: OpcodeRow): boolean {
  return row.operands.some((operand) => operand.kind === "J");
}
