/**
 * How an instruction family meets the decoder.
 *
 * A family file (arithmetic.ts, string.ts, …) exports a `Family`: for each mnemonic of the opcode table a binder, which is
 * asked once, when the module loads, for the handler of each form: table row × operand size × register or memory operand.
 * A binder answers `undefined` for a form that does not exist, which makes it an invalid opcode.
 */
import type { Handler } from "./instruction.ts";
import type { OpcodeRow } from "./opcode-table.ts";

export interface Form {
  readonly row: OpcodeRow;
  /** Operands of the row joined by commas: "Ev,Gv". */
  readonly operands: string;
  /** Width of the first operand in bits, where the row says b, w, d or v; 0 else. */
  readonly width: 0 | 8 | 16 | 32;
  /** Operand size 32. */
  readonly wide: boolean;
  /** Whether the rm operand is in memory. */
  readonly memory: boolean;
}

export type Binder = (form: Form) => Handler | undefined;
export type Family = Readonly<Record<string, Binder>>;

export function makeForm(row: OpcodeRow, wide: boolean, memory: boolean): Form {
  const first = row.operands[0];
  let width: Form["width"] = 0;
  if (first !== undefined) {
    if (first.text === "eAX" || first.width === "v" || first.width === "z") width = wide ? 32 : 16;
    else if (first.text === "AL" || first.width === "b") width = 8;
    else if (first.width === "w") width = 16;
    else if (first.width === "d") width = 32;
  }
  return { row, operands: row.operands.map((operand) => operand.text).join(","), width, wide, memory };
}
