/**
 * A Linux kernel's own table of its symbols, found in guest memory (scripts/kallsyms.c and kernel/kallsyms.c of Linux 6.1):
 * for kernels that come without a System.map. The names are packed in tokens; `kallsyms_token_table` has the 256 tokens, each
 * ended by a zero, and is found by those of the digits, which stand for themselves.
 *
 * In memory stand, each aligned to 4 bytes: offsets, relative base, number of symbols, names, markers, token table and its
 * index of 256 16-bit offsets; since Linux 6.4 offsets and relative base follow the index.
 */
import { Symbols } from "./symbols.ts";

const FIRST_DIGIT = 0x30;
const DIGITS = Uint8Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? FIRST_DIGIT + i / 2 : 0));
const LONGEST_NAME = 512;
const LEAST_SYMBOLS = 1000;
const MOST_SYMBOLS = 500_000;
/** The names of the largest kernels take less. */
const NAMES_BYTES = 8 << 20;
const NAME = /^[a-zA-Z?][\w.$]+$/;

const align = (at: number) => (at + 3) & ~3;

/** Undefined where there is no such table. `memory` is RAM from address 0 on. */
export function readKallsyms(memory: Uint8Array): Symbols | undefined {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  for (let at = findDigits(memory, 0); at >= 0; at = findDigits(memory, at + 1)) {
    const tokens = readTokens(view, at);
    const found = tokens && readSymbols(view, tokens);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findDigits(memory: Uint8Array, from: number): number {
  const last = memory.length - DIGITS.length;
  for (let at = memory.indexOf(FIRST_DIGIT, from); at >= 0 && at <= last;) {
    let i = 1;
    while (i < DIGITS.length && memory[at + i] === DIGITS[i]) i++;
    if (i === DIGITS.length) return at;
    at = memory.indexOf(FIRST_DIGIT, at + 1);
  }
  return -1;
}

interface Tokens {
  texts: string[];
  /** Where the table begins, and where its index ends. */
  start: number;
  end: number;
}

/** The tokens of the table in which those of the digits stand at `digits`. */
function readTokens(view: DataView, digits: number): Tokens | undefined {
  let start = digits;
  for (let token = 0; token < FIRST_DIGIT; token++) {
    const behind = start;
    do start--;
    while (start > 0 && behind - start < 64 && view.getUint8(start - 1) !== 0);
    if (start <= 0 || behind - start >= 64) return undefined;
  }
  const texts: string[] = [];
  const offsets: number[] = [];
  let at = start;
  while (texts.length < 256) {
    offsets.push(at - start);
    let text = "";
    for (let byte = view.getUint8(at++); byte !== 0; byte = view.getUint8(at++)) {
      if (text.length > 64 || at + 600 > view.byteLength) return undefined;
      text += String.fromCharCode(byte);
    }
    texts.push(text);
  }
  const index = align(at);
  if (index + 512 > view.byteLength) return undefined;
  if (offsets.some((offset, i) => view.getUint16(index + i * 2, true) !== offset)) return undefined;
  return { texts, start, end: align(index + 512) };
}

/** Names from `at` on, at most `count`; undefined at the first that is none. */
function readNames(
  view: DataView,
  at: number,
  count: number,
  { texts, start }: Tokens,
): string[] | undefined {
  const names: string[] = [];
  while (names.length < count) {
    if (at + 3 >= start) return undefined;
    let length = view.getUint8(at++);
    if (length > 0x7f) length = (length & 0x7f) | (view.getUint8(at++) << 7);
    if (length === 0 || at + length > start) return undefined;
    let name = "";
    for (let i = 0; i < length; i++) name += texts[view.getUint8(at++)];
    if (name.length > LONGEST_NAME || !NAME.test(name)) return undefined;
    names.push(name);
  }
  return names;
}

function readSymbols(view: DataView, tokens: Tokens): Symbols | undefined {
  for (let at = tokens.start & ~3; at >= Math.max(8, tokens.start - NAMES_BYTES); at -= 4) {
    const count = view.getUint32(at, true);
    if (count < LEAST_SYMBOLS || count > MOST_SYMBOLS) continue;
    if (readNames(view, at + 4, 8, tokens) === undefined) continue;
    const names = readNames(view, at + 4, count, tokens);
    const addresses =
      names && (readAddresses(view, at - 4 - 4 * count, count) ?? readAddresses(view, tokens.end, count));
    if (addresses === undefined) continue;
    // A name's first letter is its type, as nm writes it; A is a number and no place.
    const entries = names!.flatMap((name, i) =>
      name[0] === "A" || name[0] === "a" ? [] : [[addresses[i], name.slice(1)] as const],
    );
    return new Symbols(entries);
  }
  return undefined;
}

/** `count` ascending offsets and the base behind them, as addresses of the kernel's half. */
function readAddresses(view: DataView, at: number, count: number): number[] | undefined {
  if (at < 0 || at + 4 * count + 4 > view.byteLength) return undefined;
  const base = view.getUint32(at + 4 * count, true);
  if (base < 0x80000000) return undefined;
  const addresses: number[] = [];
  for (let i = 0; i < count; i++) {
    const address = base + view.getUint32(at + 4 * i, true);
    if (address > 0xffffffff || address < (addresses[i - 1] ?? 0)) return undefined;
    addresses.push(address);
  }
  return addresses;
}
