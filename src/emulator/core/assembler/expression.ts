/**
 * Expressions of the assembler: numbers, labels, `$` (this statement's address), `$$` (the program's start) and C's
 * operators, in 64 bits. Registers may stand in them where an address is meant.
 */
import type { TokenReader } from "./lexer.ts";
import { REGISTER_NAMES } from "./notation.ts";
import { SourceError } from "./problem.ts";

export type Expression =
  | { type: "number"; value: bigint; column: number; length: number }
  | { type: "name"; name: string; column: number; length: number }
  | { type: "register"; name: string; column: number; length: number }
  /** Only in a debugger's condition: what is in memory there. */
  | { type: "memory"; bits: number; operand: Expression; column: number; length: number }
  | { type: "here" | "start"; column: number; length: number }
  | { type: "unary"; operator: string; operand: Expression; column: number; length: number }
  | { type: "binary"; operator: string; left: Expression; right: Expression; column: number; length: number };

export interface Value {
  value: bigint;
  /** It is an address (or may be one), so that shorter forms must not count on its size. */
  relative: boolean;
}

/** What names stand for while a pass runs. */
export interface Scope {
  here: bigint;
  start: bigint;
  look(name: string, column: number): Value;
  /** A register's value, where the expression is about a running processor. */
  register?(name: string): bigint;
  memory?(address: bigint, bits: number): bigint;
}

const PRECEDENCE: Readonly<Record<string, number>> = {
  "||": 1,
  "&&": 2,
  "==": 3,
  "!=": 3,
  "<": 3,
  ">": 3,
  "<=": 3,
  ">=": 3,
  "|": 4,
  "^": 5,
  "&": 6,
  "<<": 7,
  ">>": 7,
  "+": 8,
  "-": 8,
  "*": 9,
  "/": 9,
  "//": 9,
  "%": 9,
};
const DEEPEST = 100;
const LONGEST = 1000;
const MEMORY_WORDS: Readonly<Record<string, number>> = { byte: 8, word: 16, dword: 32 };
/** What a condition may name besides the general registers. */
export const CONDITION_REGISTERS: ReadonlySet<string> = new Set([
  ...REGISTER_NAMES.r8,
  ...REGISTER_NAMES.segment,
  ..."eip eflags cr0 cr2 cr3 cr4 cpl vector error value".split(" "),
]);
const ADDRESS_REGISTERS = new Set([...REGISTER_NAMES.r16, ...REGISTER_NAMES.r32]);

/** A character constant: first character in the lowest byte, as in NASM. */
export function characterValue(text: string): bigint {
  let value = 0n;
  const bytes = new TextEncoder().encode(text);
  for (let i = Math.min(bytes.length, 8) - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

export function parseExpression(reader: TokenReader, depth = 0, minimum = 1): Expression {
  if (depth > DEEPEST) reader.unexpected("fewer parentheses");
  let left = parseUnary(reader, depth);
  for (let terms = 1; ; terms++) {
    const { type, text, column } = reader.token;
    const precedence = type === "mark" ? PRECEDENCE[text] : undefined;
    if (precedence === undefined || precedence < minimum) return left;
    if (terms > LONGEST) reader.unexpected("a shorter expression");
    reader.next();
    const right = parseExpression(reader, depth + 1, precedence + 1);
    left = { type: "binary", operator: text, left, right, column, length: text.length };
  }
}

function parseUnary(reader: TokenReader, depth: number): Expression {
  if (depth > DEEPEST) reader.unexpected("fewer parentheses");
  const { type, text, column, value } = reader.token;
  const place = { column, length: text.length };
  if (type === "number") {
    reader.next();
    return { type: "number", value, ...place };
  }
  if (type === "string") {
    reader.next();
    return { type: "number", value: characterValue(text), column, length: text.length + 2 };
  }
  if (type === "name") {
    reader.next();
    const lower = text.toLowerCase();
    if (reader.inCondition) {
      const bits = MEMORY_WORDS[lower];
      if (bits !== undefined) return parseMemory(reader, bits, depth);
      if (CONDITION_REGISTERS.has(lower)) return { type: "register", name: lower, ...place };
    }
    if (ADDRESS_REGISTERS.has(lower)) return { type: "register", name: lower, ...place };
    return { type: "name", name: text, ...place };
  }
  if (reader.take("$")) return { type: "here", ...place };
  if (reader.take("$$")) return { type: "start", ...place };
  if (reader.inCondition && (type === "mark" ? text === "[" : false)) return parseMemory(reader, 32, depth);
  if (reader.take("(")) {
    const inner = parseExpression(reader, depth + 1);
    reader.expect(")");
    return inner;
  }
  if (type === "mark" && "+-~!".includes(text)) {
    reader.next();
    return { type: "unary", operator: text, operand: parseUnary(reader, depth + 1), ...place };
  }
  return reader.unexpected("a value");
}

function parseMemory(reader: TokenReader, bits: number, depth: number): Expression {
  const { column } = reader.token;
  reader.expect("[");
  const operand = parseExpression(reader, depth + 1);
  reader.expect("]");
  return { type: "memory", bits, operand, column, length: Math.max(1, reader.token.column - column) };
}

const cut = (value: bigint): bigint => BigInt.asIntN(64, value);

export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.type) {
    case "number":
      return { value: cut(expression.value), relative: false };
    case "name":
      return scope.look(expression.name, expression.column);
    case "register":
      if (scope.register !== undefined) return { value: scope.register(expression.name), relative: false };
      throw new SourceError("not-constant", expression.column, expression.length);
    case "memory": {
      const { value } = evaluate(expression.operand, scope);
      if (scope.memory !== undefined) return { value: scope.memory(value, expression.bits), relative: false };
      throw new SourceError("not-constant", expression.column, expression.length);
    }
    case "here":
      return { value: scope.here, relative: true };
    case "start":
      return { value: scope.start, relative: true };
    case "unary": {
      const { value, relative } = evaluate(expression.operand, scope);
      switch (expression.operator) {
        case "-":
          return { value: cut(-value), relative };
        case "~":
          return { value: ~value, relative };
        case "!":
          return { value: value === 0n ? 1n : 0n, relative: false };
        default:
          return { value, relative };
      }
    }
    case "binary": {
      const left = evaluate(expression.left, scope);
      const right = evaluate(expression.right, scope);
      const value = cut(combine(expression, left.value, right.value));
      // The distance of two addresses is a plain number.
      const distance = expression.operator === "-" && left.relative && right.relative;
      return { value, relative: !distance && (left.relative || right.relative) };
    }
    default:
      return expression satisfies never;
  }
}

function combine(
  { operator, column, length }: { operator: string; column: number; length: number },
  a: bigint,
  b: bigint,
): bigint {
  const unsigned = (value: bigint) => BigInt.asUintN(64, value);
  if ((operator === "/" || operator === "//" || operator === "%") && b === 0n) {
    throw new SourceError("division-by-zero", column, length);
  }
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return unsigned(a) / unsigned(b);
    case "//":
      return a / b;
    case "%":
      return unsigned(a) % unsigned(b);
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "||":
      return a !== 0n || b !== 0n ? 1n : 0n;
    case "&&":
      return a !== 0n && b !== 0n ? 1n : 0n;
    case "==":
      return a === b ? 1n : 0n;
    case "!=":
      return a !== b ? 1n : 0n;
    case "<":
      return a < b ? 1n : 0n;
    case ">":
      return a > b ? 1n : 0n;
    case "<=":
      return a <= b ? 1n : 0n;
    case ">=":
      return a >= b ? 1n : 0n;
    case "<<":
      return unsigned(b) > 63n ? 0n : a << unsigned(b);
    default:
      return unsigned(b) > 63n ? 0n : unsigned(a) >> unsigned(b);
  }
}

/** A sum of registers, each with a factor, and a number: what stands between brackets. */
export interface Sum extends Value {
  registers: Map<string, bigint>;
}

export function evaluateSum(expression: Expression, scope: Scope): Sum {
  if (expression.type === "register") {
    return { value: 0n, relative: false, registers: new Map([[expression.name, 1n]]) };
  }
  if (expression.type === "unary" && expression.operator === "+")
    return evaluateSum(expression.operand, scope);
  if (expression.type === "binary" && "+-*".includes(expression.operator)) {
    const left = evaluateSum(expression.left, scope);
    const right = evaluateSum(expression.right, scope);
    if (left.registers.size > 0 || right.registers.size > 0) return combineSums(expression, left, right);
  }
  return { ...evaluate(expression, scope), registers: new Map() };
}

function combineSums(
  { operator, column, length }: { operator: string; column: number; length: number },
  left: Sum,
  right: Sum,
): Sum {
  const registers = new Map(left.registers);
  if (operator === "*") {
    const [sum, factor] = left.registers.size > 0 ? [left, right] : [right, left];
    if (factor.registers.size > 0)
      throw new SourceError("bad-address", column, length, "register × register");
    return {
      value: cut(sum.value * factor.value),
      relative: sum.relative || factor.relative,
      registers: new Map([...sum.registers].map(([name, count]) => [name, count * factor.value])),
    };
  }
  const sign = operator === "-" ? -1n : 1n;
  for (const [name, count] of right.registers)
    registers.set(name, (registers.get(name) ?? 0n) + sign * count);
  const distance = operator === "-" && left.relative && right.relative;
  return {
    value: cut(left.value + sign * right.value),
    relative: !distance && (left.relative || right.relative),
    registers,
  };
}
