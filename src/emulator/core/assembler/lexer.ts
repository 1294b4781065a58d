/** One line of assembly source to tokens. Comments end it (`;`). */
import { SourceError } from "./problem.ts";

export interface Token {
  /** `end` stands once, behind the last token. */
  readonly type: "name" | "number" | "float" | "string" | "mark" | "end";
  readonly text: string;
  readonly value: bigint;
  /** From 0. */
  readonly column: number;
}

const NAME = /[A-Za-z_.?@][\w.?@#~]*/y;
const NUMBER = /[0-9][\w.]*(?:(?<=[eE])[+-][0-9]+)?/y;
const MARK = /<<|>>|<=|>=|==|!=|&&|\|\||\$\$|\/\/|[-+*/%&|^~()[\],:$!<>]/y;
const FULL_WIDTH: Readonly<Record<string, string>> = { "　": " ", "。": ".", "、": ",", "“": '"', "”": '"' };
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, "0": 0, e: 27, a: 7, b: 8 };

const FORMS: readonly [RegExp, number][] = [
  [/^0x([0-9a-f_]+)$/, 16],
  [/^0b([01_]+)$/, 2],
  [/^0o([0-7_]+)$/, 8],
  [/^([0-9][0-9a-f_]*)h$/, 16],
  [/^([01_]+)b$/, 2],
  [/^([0-7_]+)[oq]$/, 8],
  [/^([0-9_]+)d?$/, 10],
];
const DIGITS: Readonly<Record<number, string>> = { 16: "0x", 2: "0b", 8: "0o", 10: "" };

function numberToken(text: string, column: number): Token {
  const lower = text.toLowerCase();
  for (const [form, base] of FORMS) {
    const digits = form.exec(lower)?.[1].replaceAll("_", "");
    if (digits !== undefined && digits !== "" && digits.length <= 80) {
      return { type: "number", text, value: BigInt(DIGITS[base] + digits), column };
    }
  }
  if (/^[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?$/.test(lower)) return { type: "float", text, value: 0n, column };
  throw new SourceError("bad-number", column, text.length, text);
}

/** The bytes of a quoted text, UTF-8; only backquotes know escapes, as in NASM. */
function stringToken(line: string, column: number): { token: Token; next: number } {
  const quote = line[column];
  let text = "";
  for (let at = column + 1; at < line.length; at++) {
    const character = line[at];
    if (character === quote) return { token: { type: "string", text, value: 0n, column }, next: at + 1 };
    if (quote === "`" && character === "\\" && at + 1 < line.length) {
      const escape = line[++at];
      const code = ESCAPES[escape];
      text += code === undefined ? escape : String.fromCharCode(code);
    } else text += character;
  }
  throw new SourceError("unterminated-string", column, line.length - column);
}

export function tokens(line: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < line.length) {
    const character = line[at];
    if (character === ";") break;
    if (/\s/.test(character) && character !== "　") {
      at++;
      continue;
    }
    if (character === '"' || character === "'" || character === "`") {
      const { token, next } = stringToken(line, at);
      found.push(token);
      at = next;
      continue;
    }
    const column = at;
    const text = [NAME, NUMBER, MARK].map(
      (pattern) => ((pattern.lastIndex = column), pattern.exec(line)?.[0]),
    );
    if (text[0] !== undefined) found.push({ type: "name", text: text[0], value: 0n, column });
    else if (text[1] !== undefined) found.push(numberToken(text[1], column));
    else if (text[2] !== undefined) found.push({ type: "mark", text: text[2], value: 0n, column });
    else {
      const code = character.charCodeAt(0);
      const narrow =
        FULL_WIDTH[character] ??
        (code >= 0xff01 && code <= 0xff5e ? String.fromCharCode(code - 0xfee0) : undefined);
      if (narrow !== undefined) throw new SourceError("full-width", column, 1, character, narrow);
      throw new SourceError("unexpected", column, 1, character, "an instruction");
    }
    at += (text[0] ?? text[1] ?? text[2] ?? "").length;
  }
  found.push({ type: "end", text: "", value: 0n, column: line.length });
  return found;
}

/** Reads one line's tokens in order. */
export class TokenReader {
  private readonly list: readonly Token[];
  /** Registers and memory are values. */
  readonly inCondition: boolean;
  private at = 0;

  constructor(list: readonly Token[], inCondition = false) {
    this.list = list;
    this.inCondition = inCondition;
  }

  get token(): Token {
    return this.list[this.at];
  }

  peek(distance: number): Token {
    return this.list[Math.min(this.at + distance, this.list.length - 1)];
  }

  next(): Token {
    const token = this.token;
    if (token.type !== "end") this.at++;
    return token;
  }

  /** The token if it is this mark, and moves on. */
  take(mark: string): boolean {
    if (this.token.type !== "mark" || this.token.text !== mark) return false;
    this.at++;
    return true;
  }

  /** The lower-case word if the token is one of these, and moves on. */
  takeWord(words: ReadonlySet<string>): string | undefined {
    const word = this.token.type === "name" ? this.token.text.toLowerCase() : "";
    if (!words.has(word)) return undefined;
    this.at++;
    return word;
  }

  expect(mark: string): void {
    if (!this.take(mark)) this.unexpected(`"${mark}"`);
  }

  unexpected(expected: string): never {
    const { text, column, type } = this.token;
    throw new SourceError("unexpected", column, text.length, type === "end" ? "end of line" : text, expected);
  }
}
