/**
 * Builds the decoder's lookup tables: the lines of the opcode table, each bound to the handlers of its family.
 */
import type { DecodeMap, DecodeRow } from "./decode.ts";
import {
  IMMEDIATE_BY_OPERAND_SIZE,
  IMMEDIATE_BYTE,
  IMMEDIATE_FAR_POINTER,
  IMMEDIATE_NONE,
  IMMEDIATE_OFFSET,
  IMMEDIATE_SIGNED_BYTE,
  IMMEDIATE_WORD,
  IMMEDIATE_WORD_AND_BYTE,
} from "./decode.ts";
import { makeForm, type Family } from "./family.ts";
import type { Handler } from "./instruction.ts";
import { type OpcodeRow, parseLine } from "./opcode-table.ts";

function immediateKind(row: OpcodeRow): number {
  const texts = row.operands.map((operand) => operand.text);
  if (texts.join(",") === "Iw,Ib") return IMMEDIATE_WORD_AND_BYTE;
  for (const text of texts) {
    switch (text) {
      case "Ib":
        return IMMEDIATE_BYTE;
      case "Ibs":
      case "Jb":
        return IMMEDIATE_SIGNED_BYTE;
      case "Iw":
        return IMMEDIATE_WORD;
      case "Iz":
      case "Jz":
        return IMMEDIATE_BY_OPERAND_SIZE;
      case "Ap":
        return IMMEDIATE_FAR_POINTER;
      case "Ob":
      case "Ov":
        return IMMEDIATE_OFFSET;
      default:
    }
  }
  return IMMEDIATE_NONE;
}

/** Letters of operands that sit in the rm field as a register alone. */
const REGISTER_ONLY = new Set(["R", "U", "N"]);
const REGISTER_OR_MEMORY = new Set(["E", "Q", "W"]);

function decodeRow(row: OpcodeRow, families: readonly Family[], invalid: Handler): DecodeRow {
  const kinds = new Set(row.operands.map((operand) => operand.kind));
  const memoryOnly = kinds.has("M");
  const controlMove = row.map === 1 && row.opcode >= 0x20 && row.opcode <= 0x23;
  const byteOf = (kind: string) =>
    row.operands.some((operand) => operand.kind === kind && operand.width === "b");
  const handlers: Handler[] = [];
  // A mnemonic may have forms in several families (MOV): the first that has the form binds it.
  const binders = families.map((family) => family[row.mnemonic]).filter((found) => found !== undefined);
  if (binders.length === 0) throw new Error(`opcode table: no family executes "${row.line}"`);
  const hasOffset = kinds.has("O");
  const hasRm = memoryOnly || hasOffset || [...kinds].some((kind) => REGISTER_OR_MEMORY.has(kind));
  for (let i = 0; i < 4; i++) {
    const memory = (i & 1) !== 0;
    const exists = memory ? hasRm : !memoryOnly && !hasOffset;
    const form = makeForm(row, (i & 2) !== 0, memory);
    let handler: Handler | undefined;
    if (exists) for (const binder of binders) handler ??= binder(form);
    handlers.push(handler ?? invalid);
  }
  return {
    row,
    immediate: immediateKind(row),
    byteReg: byteOf("G"),
    byteRm: byteOf("E") || byteOf("Z"),
    registerOnly: controlMove,
    memoryOnly,
    lockable: row.notes.has("lock"),
    ends: row.notes.has("end"),
    handlers,
  };
}

/** Whether a row stands for this ModR/M byte. */
function matches(row: OpcodeRow, modrm: number, controlMove: boolean): boolean {
  const register = modrm >= 0xc0;
  if (row.form === "exact") return modrm === row.extension;
  if (row.form === "exact-register") return (modrm & 0xf8) === row.extension;
  if (row.form === "digit" && ((modrm >>> 3) & 7) !== row.extension) return false;
  for (const operand of row.operands) {
    if (operand.kind === "M" && register) return false;
    if (REGISTER_ONLY.has(operand.kind) && !register && !controlMove) return false;
  }
  return true;
}

const PREFIXES = ["np", "66", "f3", "f2"] as const;

export function buildDecodeMap(
  lines: readonly string[],
  families: readonly Family[],
  invalid: Handler,
): DecodeMap {
  const rows: DecodeRow[] = lines.map((line) => decodeRow(parseLine(line), families, invalid));
  const byModrm: (Int16Array | null)[] = Array.from({ length: 512 }, () => null);
  const plain = new Int16Array(4 * 512).fill(-1);
  // Rows for any prefix first, so that those with a prefix of their own replace them; exact ModR/M bytes last.
  const order = rows.map((_, number) => number);
  const rank = (number: number) => {
    const { prefix, form } = rows[number].row;
    return (form.startsWith("exact") ? 2 : 0) + (prefix === "any" ? 0 : 1);
  };
  order.sort((a, b) => rank(a) - rank(b));
  for (const number of order) {
    const row = rows[number].row;
    const opcode = (row.map << 8) | row.opcode;
    for (let prefix = 0; prefix < 4; prefix++) {
      if (row.prefix !== "any" && row.prefix !== PREFIXES[prefix]) continue;
      if (row.form === "none") plain[(prefix << 9) | opcode] = number;
      else if (row.form === "plus") {
        for (let register = 0; register < 8; register++) plain[(prefix << 9) | (opcode + register)] = number;
      } else {
        const group = (byModrm[opcode] ??= new Int16Array(1024).fill(-1));
        for (let modrm = 0; modrm < 256; modrm++) {
          if (matches(row, modrm, rows[number].registerOnly)) group[(prefix << 8) | modrm] = number;
        }
      }
    }
  }
  return { rows, byModrm, plain, invalid };
}
