/** What the assembler can find wrong with a source. Never thrown out of `assemble`. */

/** One text each in the page's catalogues; `message` is the English one with the details filled in. */
export type ProblemCode =
  | "unexpected"
  | "full-width"
  | "unterminated-string"
  | "bad-number"
  | "unknown-instruction"
  | "no-such-form"
  | "size-unknown"
  | "undefined-label"
  | "label-twice"
  | "out-of-range"
  | "jump-too-far"
  | "bad-address"
  | "division-by-zero"
  | "bad-count"
  | "too-large"
  | "not-constant"
  | "unsupported"
  | "unstable";

export const PROBLEM_TEXTS: Readonly<Record<ProblemCode, string>> = {
  unexpected: 'found "{0}", expected {1}',
  "full-width": 'full-width character "{0}": type "{1}"',
  "unterminated-string": "the quotation mark that ends this text is missing",
  "bad-number": '"{0}" is no number',
  "unknown-instruction": 'there is no instruction or directive "{0}"',
  "no-such-form": "{0} does not take these operands",
  "size-unknown": "how large is the operand? Write byte, word or dword",
  "undefined-label": 'nothing is named "{0}"',
  "label-twice": '"{0}" is defined in line {1} already',
  "out-of-range": "{0} does not fit {1} bits",
  "jump-too-far": "the target is {0} bytes away, this jump reaches 127",
  "bad-address": "no address can be encoded that way: {0}",
  "division-by-zero": "division by zero",
  "bad-count": "{0} is no count",
  "too-large": "the program is larger than {0} bytes",
  "not-constant": "a number is needed here, not a register",
  unsupported: '"{0}" is not supported',
  unstable: "label values do not settle",
};

export interface AssemblyProblem {
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units. */
  column: number;
  /** Characters it spans, at least 1. */
  length: number;
  code: ProblemCode;
  details: readonly string[];
  message: string;
}

/** Thrown inside the assembler alone; the line is added where it is caught. */
export class SourceError extends Error {
  override name = "SourceError";
  readonly code: ProblemCode;
  readonly column: number;
  readonly length: number;
  readonly details: readonly string[];

  constructor(code: ProblemCode, column: number, length: number, ...details: string[]) {
    super(fillIn(PROBLEM_TEXTS[code], details));
    this.code = code;
    this.column = column;
    this.length = Math.max(1, length);
    this.details = details;
  }

  at(line: number): AssemblyProblem {
    const { column, length, code, details, message } = this;
    return { line, column: column + 1, length, code, details, message };
  }
}

export function fillIn(text: string, details: readonly string[]): string {
  return text.replace(/\{(\d)\}/g, (_, index: string) => details[Number(index)] ?? "");
}
