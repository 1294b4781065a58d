/** All families together: the decode map every CPU uses. */
import { VECTOR_UD } from "../cpu/registers.ts";
import { arithmetic } from "./arithmetic.ts";
import { controlFlow } from "./control-flow.ts";
import { dataTransfer } from "./data-transfer.ts";
import { buildDecodeMap } from "./decode-map.ts";
import type { Family } from "./family.ts";
import type { Handler } from "./instruction.ts";
import { INTEGER_LINES, parseLine } from "./opcode-table.ts";

const invalid: Handler = (cpu) => cpu.raise(VECTOR_UD);

export const FAMILIES: readonly Family[] = [arithmetic, controlFlow, dataTransfer];

/** Mnemonics of the table that no family executes yet: they raise #UD. Empty when the instruction set is complete. */
export const NOT_EXECUTED: ReadonlySet<string> = new Set(
  INTEGER_LINES.map((line) => parseLine(line).mnemonic).filter((name) =>
    FAMILIES.every((family) => family[name] === undefined),
  ),
);

const missing: Family = Object.fromEntries([...NOT_EXECUTED].map((name) => [name, () => undefined]));

export const INSTRUCTION_SET = buildDecodeMap(INTEGER_LINES, [...FAMILIES, missing], invalid);
