/** Which rows of the opcode table a mnemonic of the source stands for. */
import { OPCODE_LINES } from "../instructions/instruction-set.ts";
import { parseLine, type OpcodeRow } from "../instructions/opcode-table.ts";

/** What the mnemonic says about sizes: nothing, or one that it demands. */
export interface MnemonicRow {
  row: OpcodeRow;
  operandSize?: 16 | 32;
  addressSize?: 16 | 32;
}

/** Other names of the same instruction. */
const ALIASES: Readonly<Record<string, string>> = {
  sal: "shl",
  xlat: "xlatb",
  retn: "ret",
  fwait: "wait",
  icebp: "int1",
  ud2a: "ud2",
  loopz: "loope",
  loopnz: "loopne",
};
const CONDITION_NAMES: Readonly<Record<string, string>> = {
  z: "e",
  nz: "ne",
  c: "b",
  nae: "b",
  nc: "ae",
  nb: "ae",
  na: "be",
  nbe: "a",
  nge: "l",
  nl: "ge",
  ng: "le",
  nle: "g",
  pe: "p",
  po: "np",
};
/** x87 instructions that first wait for the one before: WAIT and the form without waiting. */
export const WAITING = new Set(["finit", "fclex", "fstcw", "fstsw", "fstenv", "fsave"]);

const ROWS = new Map<string, MnemonicRow[]>();

function add(name: string, entry: MnemonicRow): void {
  const present = ROWS.get(name);
  if (present === undefined) ROWS.set(name, [entry]);
  else present.push(entry);
}

for (const line of OPCODE_LINES) {
  const row = parseLine(line);
  if (row.mnemonic === "esc" || line.startsWith("82/")) continue;
  const [narrow, wide] = row.mnemonics;
  if (row.notes.has("asz")) {
    add(narrow, { row, addressSize: 16 });
    add(wide, { row, addressSize: 32 });
  } else if (narrow === wide) add(narrow, { row });
  else if (wide === `${narrow}d`) {
    // PUSHF goes by the code segment's size, PUSHFW and PUSHFD say it.
    add(narrow, { row });
    add(`${narrow}w`, { row, operandSize: 16 });
    add(wide, { row, operandSize: 32 });
  } else {
    add(narrow, { row, operandSize: 16 });
    add(wide, { row, operandSize: 32 });
  }
}
// The one NOP with operands that Intel recommends comes first.
ROWS.get("nop")?.sort((a, b) => Number(b.row.opcode === 0x1f) - Number(a.row.opcode === 0x1f));

/** The table's name of a mnemonic in lower case. */
export function tableName(mnemonic: string): string {
  const alias = ALIASES[mnemonic];
  if (alias !== undefined) return alias;
  const match = /^(j|set|cmov)([a-z]+)$/.exec(mnemonic);
  const condition = match === null ? undefined : CONDITION_NAMES[match[2]];
  return match === null || condition === undefined ? mnemonic : match[1] + condition;
}

export function rowsOf(mnemonic: string): readonly MnemonicRow[] {
  return ROWS.get(tableName(mnemonic)) ?? [];
}

export function isMnemonic(word: string): boolean {
  return WAITING.has(word) || ROWS.has(tableName(word));
}

/** All names, for completion and colouring. */
export function mnemonicNames(): string[] {
  return [...ROWS.keys()].sort();
}
