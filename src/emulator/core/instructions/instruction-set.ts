/** All families together: the decode map every CPU uses. */
import { VECTOR_UD } from "../cpu/registers.ts";
import { arithmetic } from "./arithmetic.ts";
import { bcd } from "./bcd.ts";
import { bits } from "./bits.ts";
import { controlFlow } from "./control-flow.ts";
import { dataTransfer } from "./data-transfer.ts";
import { buildDecodeMap } from "./decode-map.ts";
import { exchange } from "./exchange.ts";
import { far } from "./far.ts";
import type { Family } from "./family.ts";
import { hot } from "./hot.ts";
import type { Handler } from "./instruction.ts";
import { withIntercepts } from "./intercepted.ts";
import { multiplyDivide } from "./multiply-divide.ts";
import { INTEGER_LINES, parseLine } from "./opcode-table.ts";
import { portIo } from "./port-io.ts";
import { segments } from "./segment.ts";
import { shifts } from "./shift.ts";
import { stack } from "./stack.ts";
import { svm } from "./svm.ts";
import { system } from "./system.ts";
import { strings } from "./string.ts";
import { vectorFloat } from "./vector-float.ts";
import { vectorInteger } from "./vector-integer.ts";
import { VECTOR_LINES } from "./vector-lines.ts";
import { vectorMove } from "./vector-move.ts";
import { x87Instructions } from "./x87.ts";
import { x87Control } from "./x87-control.ts";
import { X87_LINES } from "./x87-lines.ts";
import { x87Transcendental } from "./x87-transcendental.ts";

const invalid: Handler = (cpu) => cpu.raise(VECTOR_UD);

const GENERAL: readonly Family[] = [
  arithmetic,
  controlFlow,
  dataTransfer,
  stack,
  strings,
  shifts,
  multiplyDivide,
  bcd,
  bits,
  exchange,
  portIo,
  segments,
  far,
  system,
  x87Instructions,
  x87Control,
  x87Transcendental,
  svm,
  vectorMove,
  vectorInteger,
  vectorFloat,
];

/** The first family that has a form binds it. */
export const FAMILIES: readonly Family[] = [hot, ...GENERAL.map(withIntercepts)];

/** Where two lines have the same encoding the later one counts: x87 opcodes take the places of `esc`. */
export const OPCODE_LINES: readonly string[] = [...INTEGER_LINES, ...X87_LINES, ...VECTOR_LINES];

/** Mnemonics of the table that no family executes yet: they raise #UD. Empty when the instruction set is complete. */
export const NOT_EXECUTED: ReadonlySet<string> = new Set(
  OPCODE_LINES.map((line) => parseLine(line).mnemonic).filter((name) =>
    FAMILIES.every((family) => family[name] === undefined),
  ),
);

const missing: Family = Object.fromEntries([...NOT_EXECUTED].map((name) => [name, () => undefined]));

export const INSTRUCTION_SET = buildDecodeMap(OPCODE_LINES, [...FAMILIES, missing], invalid);

/** The instruction set of a processor without x87 unit, for recorded 80286 cases. */
export const INTEGER_INSTRUCTION_SET = buildDecodeMap(INTEGER_LINES, FAMILIES, invalid);
