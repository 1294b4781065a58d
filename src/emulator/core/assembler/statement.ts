/** One line of tokens to a statement: label, directive or instruction with its operands. */
import { parseExpression, type Expression } from "./expression.ts";
import type { Token, TokenReader } from "./lexer.ts";
import { REGISTER_NAMES, type RegisterClass, type Width } from "./notation.ts";
import { SourceError } from "./problem.ts";

interface Place {
  column: number;
  length: number;
}

export type SourceOperand = Place &
  (
    | { type: "register"; class: RegisterClass; number: number }
    | {
        type: "immediate";
        expression: Expression;
        /** Size word in bits, 0 when there is none. */
        bits: number;
        distance?: "short" | "near";
        strict: boolean;
      }
    | {
        type: "memory";
        expression: Expression;
        bits: number;
        far: boolean;
        /** Segment register number of an override, -1 for none. */
        segment: number;
        /** Size word inside the brackets: of the displacement. */
        displacementBits: number;
      }
    | { type: "far"; selector: Expression; offset: Expression; bits: number }
  );

export type DataItem =
  | { type: "text"; bytes: Uint8Array }
  | { type: "value"; expression: Expression }
  | { type: "float"; value: number };

export type Body =
  | { type: "data"; bytes: number; items: DataItem[] }
  | { type: "reserve"; bytes: number; count: Expression }
  | { type: "equ"; value: Expression }
  | { type: "org"; value: Expression }
  | { type: "align"; value: Expression; fill: Expression | undefined }
  | { type: "bits"; bits: Width }
  | { type: "instruction"; prefixes: string[]; mnemonic: string; operands: SourceOperand[]; place: Place };

export interface Statement {
  line: number;
  label?: Place & { name: string };
  times?: Expression;
  body?: Body;
}

const DATA: Readonly<Record<string, number>> = { db: 1, dw: 2, dd: 4, dq: 8 };
const RESERVE: Readonly<Record<string, number>> = { resb: 1, resw: 2, resd: 4, resq: 8 };
const SIZES: Readonly<Record<string, number>> = {
  byte: 8,
  word: 16,
  dword: 32,
  fword: 48,
  qword: 64,
  tword: 80,
  oword: 128,
};
const SIZE_WORDS = new Set(Object.keys(SIZES));
const DISTANCES = new Set(["short", "near", "far"]);
const REPEATS = ["rep", "repe", "repz", "repne", "repnz"];
const PREFIX_WORDS = new Set(["lock", ...REPEATS, "a16", "a32", "o16", "o32", ...REGISTER_NAMES.segment]);
const DIRECTIVES = new Set([
  ...Object.keys(DATA),
  ...Object.keys(RESERVE),
  ..."equ times org align alignb bits use16 use32 section segment global extern cpu default dt".split(" "),
]);
const IGNORED = new Set(["cpu"]);
const REGISTERS = new Map<string, { class: RegisterClass; number: number }>();
for (const [kind, names] of Object.entries(REGISTER_NAMES)) {
  names.forEach((name, number) => REGISTERS.set(name, { class: kind as RegisterClass, number }));
}

const lower = (token: Token): string => (token.type === "name" ? token.text.toLowerCase() : "");
const place = ({ column, text }: Token): Place => ({ column, length: text.length });

/** Reads a line. `isMnemonic` tells instructions from labels without a colon. */
export function parseStatement(
  reader: TokenReader,
  line: number,
  isMnemonic: (word: string) => boolean,
): Statement {
  const statement: Statement = { line };
  const isWord = (word: string) => isMnemonic(word) || DIRECTIVES.has(word) || PREFIX_WORDS.has(word);
  // NASM's bracketed directives: [bits 32].
  const bracketed = reader.token.text === "[" && DIRECTIVES.has(lower(reader.peek(1)));
  if (bracketed) reader.next();
  const first = reader.token;
  const colon = reader.peek(1).type === "mark" && reader.peek(1).text === ":";
  if (first.type === "name" && !bracketed && (colon || !isWord(lower(first)))) {
    if (!colon && reader.peek(1).type !== "end" && !isWord(lower(reader.peek(1)))) {
      throw new SourceError("unknown-instruction", first.column, first.text.length, first.text);
    }
    reader.next();
    reader.take(":");
    if (REGISTERS.has(lower(first))) {
      throw new SourceError("unexpected", first.column, first.text.length, first.text, "a label");
    }
    statement.label = { name: first.text, ...place(first) };
  }
  if (lower(reader.token) === "times") {
    reader.next();
    statement.times = parseExpression(reader);
  }
  if (reader.token.type !== "end") statement.body = parseBody(reader, isMnemonic);
  if (bracketed) reader.expect("]");
  if (reader.token.type !== "end") reader.unexpected("end of line");
  return statement;
}

function parseBody(reader: TokenReader, isMnemonic: (word: string) => boolean): Body | undefined {
  const token = reader.token;
  const word = lower(token);
  if (DATA[word] !== undefined) {
    reader.next();
    return { type: "data", bytes: DATA[word], items: parseItems(reader) };
  }
  if (RESERVE[word] !== undefined) {
    reader.next();
    return { type: "reserve", bytes: RESERVE[word], count: parseExpression(reader) };
  }
  switch (word) {
    case "equ":
      reader.next();
      return { type: "equ", value: parseExpression(reader) };
    case "org":
      reader.next();
      return { type: "org", value: parseExpression(reader) };
    case "align":
    case "alignb": {
      reader.next();
      const value = parseExpression(reader);
      if (!reader.take(",")) return { type: "align", value, fill: undefined };
      reader.takeWord(new Set(["db"]));
      return { type: "align", value, fill: parseExpression(reader) };
    }
    case "use16":
    case "use32":
      reader.next();
      return { type: "bits", bits: word === "use16" ? 16 : 32 };
    case "bits": {
      reader.next();
      const { value, type } = reader.token;
      if (type !== "number" || (value !== 16n && value !== 32n)) reader.unexpected("16 or 32");
      reader.next();
      return { type: "bits", bits: value === 16n ? 16 : 32 };
    }
    default:
  }
  if (IGNORED.has(word)) {
    while (reader.token.type !== "end") reader.next();
    return undefined;
  }
  if (DIRECTIVES.has(word)) throw new SourceError("unsupported", token.column, token.text.length, token.text);
  return parseInstruction(reader, isMnemonic);
}

function parseItems(reader: TokenReader): DataItem[] {
  const items: DataItem[] = [];
  do {
    const { type, text } = reader.token;
    const negative = type === "mark" && text === "-" && reader.peek(1).type === "float";
    const following = reader.peek(1);
    if (negative) reader.next();
    if (reader.token.type === "float") {
      items.push({ type: "float", value: Number(reader.next().text) * (negative ? -1 : 1) });
    } else if (type === "string" && (following.type === "end" || following.text === ",")) {
      reader.next();
      items.push({ type: "text", bytes: new TextEncoder().encode(text) });
    } else items.push({ type: "value", expression: parseExpression(reader) });
  } while (reader.take(","));
  return items;
}

function parseInstruction(reader: TokenReader, isMnemonic: (word: string) => boolean): Body {
  const prefixes: string[] = [];
  const start = reader.token;
  for (;;) {
    const word = reader.takeWord(PREFIX_WORDS);
    if (word === undefined) break;
    prefixes.push(word);
  }
  const token = reader.token;
  const mnemonic = lower(token);
  if (token.type === "end" && prefixes.length > 0) {
    return { type: "instruction", prefixes, mnemonic: "", operands: [], place: place(start) };
  }
  if (token.type !== "name") reader.unexpected("an instruction");
  if (!isMnemonic(mnemonic)) {
    throw new SourceError("unknown-instruction", token.column, token.text.length, token.text);
  }
  reader.next();
  const operands: SourceOperand[] = [];
  if (reader.token.type !== "end") {
    do operands.push(parseOperand(reader));
    while (reader.take(","));
  }
  return { type: "instruction", prefixes, mnemonic, operands, place: place(token) };
}

interface Words {
  bits: number;
  distance?: "short" | "near";
  far: boolean;
  strict: boolean;
}

/** Size and distance words in front of an operand, in any order. */
function parseWords(reader: TokenReader): Words {
  const words: Words = { bits: 0, far: false, strict: false };
  for (;;) {
    const size = reader.takeWord(SIZE_WORDS);
    if (size !== undefined) {
      words.bits = SIZES[size];
      continue;
    }
    const distance = reader.takeWord(DISTANCES);
    if (distance === "far") words.far = true;
    else if (distance !== undefined) words.distance = distance as "short" | "near";
    else if (reader.takeWord(new Set(["strict"])) !== undefined) words.strict = true;
    else if (reader.takeWord(new Set(["ptr", "to"])) === undefined) return words;
  }
}

function parseOperand(reader: TokenReader): SourceOperand {
  const { column } = reader.token;
  const words = parseWords(reader);
  const found = parseAfterWords(reader, words);
  const length = Math.max(1, reader.token.column - column);
  return { ...found, column, length } as SourceOperand;
}

function parseAfterWords(reader: TokenReader, words: Words): Omit<SourceOperand, "column" | "length"> {
  const token = reader.token;
  const word = lower(token);
  const register = REGISTERS.get(word === "st" ? "st0" : word);
  if (register !== undefined) {
    const next = reader.peek(1);
    if (register.class === "segment" && next.text === ":") {
      reader.next();
      reader.next();
      // MASM's es:[bx]; NASM writes [es:bx].
      return parseMemory(reader, words, register.number);
    }
    reader.next();
    if (word === "st" && reader.take("(")) {
      const { value, type } = reader.token;
      if (type !== "number" || value > 7n) reader.unexpected("0 to 7");
      reader.next();
      reader.expect(")");
      return { type: "register", class: "x87", number: Number(value) } as SourceOperand;
    }
    return { type: "register", ...register } as SourceOperand;
  }
  if (token.type === "mark" && token.text === "[") return parseMemory(reader, words, -1);
  const expression = parseExpression(reader);
  if (reader.take(":")) {
    const offset = parseExpression(reader);
    return { type: "far", selector: expression, offset, bits: words.bits } as SourceOperand;
  }
  const { bits, distance, strict } = words;
  return { type: "immediate", expression, bits, distance, strict } as SourceOperand;
}

function parseMemory(reader: TokenReader, words: Words, override: number): SourceOperand {
  reader.expect("[");
  let displacementBits = 0;
  let segment = override;
  for (;;) {
    const size = reader.takeWord(SIZE_WORDS);
    if (size !== undefined) {
      displacementBits = SIZES[size];
      continue;
    }
    const register = REGISTERS.get(lower(reader.token));
    if (register?.class !== "segment" || reader.peek(1).text !== ":") break;
    segment = register.number;
    reader.next();
    reader.next();
  }
  const expression = parseExpression(reader);
  reader.expect("]");
  const { bits, far } = words;
  return { type: "memory", expression, bits, far, segment, displacementBits, column: 0, length: 0 };
}
