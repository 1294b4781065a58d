/**
 * Conditions of breakpoints: the assembler's expressions over a running processor, such as `eax == 5 && [esp + 4] != 0`.
 * Registers count unsigned; `byte [..]`, `word [..]`, `dword [..]` read memory by linear address through DS's base.
 */
import { evaluate, parseExpression, type Expression, type Scope } from "../assembler/expression.ts";
import { TokenReader, tokens } from "../assembler/lexer.ts";
import { REGISTER_NAMES } from "../assembler/notation.ts";
import { SourceError, type AssemblyProblem } from "../assembler/problem.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { readFlags } from "../cpu/flags.ts";
import { DS, EIP } from "../cpu/registers.ts";
import { readLinear } from "./inspect.ts";

/** What the event itself brings: an exception's vector and error code, the value that is written. */
export interface EventValues {
  vector?: number;
  error?: number;
  value?: number;
}

export type ParsedCondition = { ok: true; expression: Expression } | { ok: false; problem: AssemblyProblem };

export function parseCondition(text: string): ParsedCondition {
  try {
    const reader = new TokenReader(tokens(text), true);
    const expression = parseExpression(reader);
    if (reader.token.type !== "end") reader.unexpected("an operator");
    checkNames(expression);
    return { ok: true, expression };
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { ok: false, problem: error.at(1) };
  }
}

function checkNames(expression: Expression): void {
  if (expression.type === "name") {
    throw new SourceError("undefined-label", expression.column, expression.length, expression.name);
  }
  if ("operand" in expression) checkNames(expression.operand);
  if (expression.type === "binary") {
    checkNames(expression.left);
    checkNames(expression.right);
  }
}

/** False where it cannot be computed (division by zero). */
export function holds(expression: Expression, cpu: Cpu, event: EventValues): boolean {
  const scope: Scope = {
    here: BigInt(cpu.r[EIP] >>> 0),
    start: 0n,
    look: () => ({ value: 0n, relative: false }),
    register: (name) => BigInt(registerValue(cpu, name, event)),
    memory: (address, bits) => BigInt(memoryValue(cpu, Number(BigInt.asUintN(32, address)), bits)),
  };
  try {
    return evaluate(expression, scope).value !== 0n;
  } catch (error) {
    if (error instanceof SourceError) return false;
    throw error;
  }
}

function memoryValue(cpu: Cpu, address: number, bits: number): number {
  let value = 0;
  for (let i = bits / 8 - 1; i >= 0; i--) {
    value = value * 256 + (readLinear(cpu, (cpu.base[DS] + address + i) >>> 0) ?? 0xff);
  }
  return value;
}

function registerValue(cpu: Cpu, name: string, event: EventValues): number {
  const wide = REGISTER_NAMES.r32.indexOf(name);
  if (wide >= 0) return cpu.r[wide] >>> 0;
  const half = REGISTER_NAMES.r16.indexOf(name);
  if (half >= 0) return cpu.r16[half * 2];
  const byte = REGISTER_NAMES.r8.indexOf(name);
  if (byte >= 0) return cpu.r8[((byte & 3) << 2) | (byte >>> 2)];
  const segment = REGISTER_NAMES.segment.indexOf(name);
  if (segment >= 0) return cpu.selector[segment];
  switch (name) {
    case "eip":
      return cpu.r[EIP] >>> 0;
    case "eflags":
      return readFlags(cpu) >>> 0;
    case "cr0":
      return cpu.cr0 >>> 0;
    case "cr2":
      return cpu.cr2 >>> 0;
    case "cr3":
      return cpu.cr3 >>> 0;
    case "cr4":
      return cpu.cr4 >>> 0;
    case "cpl":
      return cpu.cpl;
    case "vector":
      return event.vector ?? 0;
    case "error":
      return Math.max(event.error ?? 0, 0);
    default:
      return (event.value ?? 0) >>> 0;
  }
}
