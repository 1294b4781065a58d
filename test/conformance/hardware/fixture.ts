/**
 * The fixture: each case's bytes and seed, and of its result what differs from the state it started from. Numbers are
 * little-endian; counts and runs are single bytes where they fit. Compressed as a whole.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { type CaseBytes, caseState } from "./case-state.ts";
import type { CaseResult } from "./native-format.ts";
import { DATA, STACK } from "./memory-map.ts";

export interface RecordedFixture {
  /** The processor and the seed. */
  readonly about: string;
  /** Seed of the memory image. */
  readonly imageSeed: number;
  readonly cases: readonly { readonly item: CaseBytes; readonly result: CaseResult }[];
}

class Writer {
  private bytes = new Uint8Array(1 << 20);
  private length = 0;

  u8(value: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(this.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = value;
  }
  u32(value: number): void {
    for (let i = 0; i < 4; i++) this.u8(value >>> (8 * i));
  }
  /** Seven bits a byte, lowest first. */
  number(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }
  list(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) this.u8(values[i]);
  }
  done(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

class Reader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  u8(): number {
    return this.bytes[this.at++];
  }
  u32(): number {
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
  }
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
  list(length: number): Uint8Array {
    this.at += length;
    return this.bytes.slice(this.at - length, this.at);
  }
}

/** Bytes 0 to 287 of FXSAVE's image hold state. */
const FX_BYTES = 288;

/** Runs of bytes that differ: distance, length, bytes; a length of 0 ends. */
function writeRuns(writer: Writer, before: Uint8Array, after: Uint8Array): void {
  let last = 0;
  for (let at = 0; at < FX_BYTES; at++) {
    if (before[at] === after[at]) continue;
    let end = at + 1;
    while (end < FX_BYTES && before[end] !== after[end]) end++;
    writer.number(end - at);
    writer.number(at - last);
    writer.list(after.subarray(at, end));
    last = at = end;
  }
  writer.number(0);
}

function readRuns(reader: Reader, before: Uint8Array): Uint8Array {
  const after = before.slice();
  let at = 0;
  for (let length = reader.number(); length !== 0; length = reader.number()) {
    at += reader.number();
    after.set(reader.list(length), at);
    at += length;
  }
  return after;
}

/** Data and stack as one range. */
const place = (address: number) => (address >= STACK ? address - STACK + 0x4000 : address - DATA);
const addressOf = (at: number) => (at >= 0x4000 ? at - 0x4000 + STACK : at + DATA);

function writeMemory(writer: Writer, memory: CaseResult["memory"]): void {
  let last = 0;
  for (let i = 0; i < memory.length;) {
    let count = 1;
    while (i + count < memory.length && memory[i + count].address === memory[i].address + count) count++;
    writer.number(count);
    writer.number(place(memory[i].address) - last);
    for (let k = 0; k < count; k++) writer.u8(memory[i + k].value);
    last = place(memory[i].address) + count;
    i += count;
  }
  writer.number(0);
}

function readMemory(reader: Reader): CaseResult["memory"] {
  const memory: { address: number; value: number }[] = [];
  let at = 0;
  for (let count = reader.number(); count !== 0; count = reader.number()) {
    at += reader.number();
    for (let k = 0; k < count; k++) memory.push({ address: addressOf(at + k), value: reader.u8() });
    at += count;
  }
  return memory;
}

export function packFixture(fixture: RecordedFixture): Uint8Array {
  const writer = new Writer();
  const about = new TextEncoder().encode(fixture.about);
  writer.number(about.length);
  writer.list(about);
  writer.u32(fixture.imageSeed);
  writer.u32(fixture.cases.length);
  for (const { item, result } of fixture.cases) {
    const state = caseState(item);
    writer.u8(item.bytes.length | (item.mode === "16-bit" ? 0x80 : 0));
    writer.u8(item.modrmAt);
    writer.list(item.bytes);
    writer.u32(item.seed);
    writer.u8(result.vector);
    if (result.vector >= 0) writer.number(result.error);
    if (result.vector === 14) writer.u32(result.cr2);
    const distance = (result.eip - state.eip) | 0;
    writer.number(distance < 0 ? ~distance : distance);
    writer.u8(distance < 0 ? 1 : 0);
    let mask = 0;
    for (let n = 0; n < 8; n++) if (result.registers[n] !== state.registers[n]) mask |= 1 << n;
    writer.u8(mask);
    for (let n = 0; n < 8; n++) if (((mask >>> n) & 1) !== 0) writer.u32(result.registers[n]);
    writer.number(result.eflags ^ state.eflags);
    writeRuns(writer, state.fx, result.fx);
    writeMemory(writer, result.memory);
  }
  return brotliCompressSync(writer.done(), {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 9,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: writer.done().length,
    },
  });
}

export function unpackFixture(bytes: Uint8Array): RecordedFixture {
  const reader = new Reader(new Uint8Array(brotliDecompressSync(bytes)));
  const about = new TextDecoder().decode(reader.list(reader.number()));
  const imageSeed = reader.u32();
  const count = reader.u32();
  const cases: { item: CaseBytes; result: CaseResult }[] = [];
  for (let i = 0; i < count; i++) {
    const head = reader.u8();
    const modrmAt = reader.u8();
    const item: CaseBytes = {
      mode: (head & 0x80) !== 0 ? "16-bit" : "32-bit",
      bytes: reader.list(head & 0x7f),
      modrmAt,
      seed: reader.u32(),
    };
    const state = caseState(item);
    const vector = (reader.u8() << 24) >> 24;
    const error = vector >= 0 ? reader.number() : 0;
    const cr2 = vector === 14 ? reader.u32() : 0;
    const distance = reader.number();
    const eip = (state.eip + (reader.u8() === 1 ? ~distance : distance)) >>> 0;
    const mask = reader.u8();
    const registers = state.registers.slice();
    for (let n = 0; n < 8; n++) if (((mask >>> n) & 1) !== 0) registers[n] = reader.u32();
    const eflags = reader.number() ^ state.eflags;
    const fx = readRuns(reader, state.fx);
    cases.push({
      item,
      result: { vector, error, cr2, eip, registers, eflags, fx, memory: readMemory(reader) },
    });
  }
  return { about, imageSeed, cases };
}
