/**
 * Seeded random instances of every user-mode form of the opcode table: each line, with 16- and 32-bit operands and
 * addresses, registers and memory, in 32- and in 16-bit code. Only the recorder uses it; the fixture keeps the bytes.
 */
import {
  IMMEDIATE_BY_OPERAND_SIZE,
  IMMEDIATE_BYTE,
  IMMEDIATE_FAR_POINTER,
  IMMEDIATE_NONE,
  IMMEDIATE_OFFSET,
  IMMEDIATE_SIGNED_BYTE,
  IMMEDIATE_WORD,
  type DecodeRow,
} from "../../../src/emulator/core/instructions/decode.ts";
import { INSTRUCTION_SET } from "../../../src/emulator/core/instructions/instruction-set.ts";
import type { CaseBytes } from "./case-state.ts";
import { EDGE_INTEGERS, Random } from "./edge-values.ts";
import { DATA, type Mode, REGION } from "./memory-map.ts";

/** What cannot be recorded so: it depends on the system or on time, calls the system, or changes segments. */
export const NOT_RECORDED: Readonly<Record<string, string>> = {
  int: "calls the system",
  int3: "is how native.c sees where a branch went",
  int1: "is a signal of its own",
  sysenter: "calls the system",
  rdtsc: "differs each time",
  rdpmc: "depends on the system",
  cpuid: "is the model's",
  rdrand: "differs each time",
  sgdt: "is emulated by the system",
  sidt: "is emulated by the system",
  smsw: "is emulated by the system",
  sldt: "is emulated by the system",
  str: "is emulated by the system",
  lar: "depends on the system's descriptors",
  lsl: "depends on the system's descriptors",
  verr: "depends on the system's descriptors",
  verw: "depends on the system's descriptors",
  popf: "may set TF, NT and AC",
  iret: "may set TF, NT and AC, and changes segments",
  retf: "changes segments",
  les: "changes segments",
  lds: "changes segments",
  lss: "changes segments",
  lfs: "changes segments",
  lgs: "changes segments",
  esc: "is no instruction",
  vmrun: "is the hypervisor's",
  vmmcall: "is the hypervisor's",
  vmload: "is the hypervisor's",
  vmsave: "is the hypervisor's",
  stgi: "is the hypervisor's",
  clgi: "is the hypervisor's",
  skinit: "is the hypervisor's",
  invlpga: "is the hypervisor's",
  rcpps: "approximates as the processor's maker likes",
  rcpss: "approximates as the processor's maker likes",
  rsqrtps: "approximates as the processor's maker likes",
  rsqrtss: "approximates as the processor's maker likes",
};

/** Whether a line's instances are recorded. */
export function isRecorded({ row }: DecodeRow): boolean {
  if (row.mnemonic in NOT_RECORDED) return false;
  const texts = row.operands.map(({ text }) => text);
  if (texts.some((text) => text === "Ap" || text === "Mp")) return false;
  if (row.mnemonic === "pop" && row.operands[0].kind === "*") return false;
  return !(row.mnemonic === "mov" && texts[0] === "Sw");
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

interface Choice {
  readonly mode: Mode;
  readonly operandPrefix: boolean;
  readonly addressPrefix: boolean;
  readonly memory: boolean;
}

function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);
}

/** A ModR/M byte with what follows it. */
function modrmBytes(row: DecodeRow["row"], choice: Choice, wideAddress: boolean, random: Random): number[] {
  if (row.form === "exact") return [row.extension];
  if (row.form === "exact-register") return [row.extension | random.below(8)];
  const reg = row.form === "digit" ? row.extension : random.below(8);
  if (!choice.memory) return [0xc0 | (reg << 3) | random.below(8)];
  const mod = random.below(3);
  const rm = random.below(8);
  const bytes = [(mod << 6) | (reg << 3) | rm];
  const direct = () => (choice.mode === "32-bit" ? DATA : 0) + random.below(REGION - 16);
  if (wideAddress) {
    let base = rm;
    if (rm === 4) {
      const sib = random.below(256);
      bytes.push(sib);
      base = sib & 7;
    }
    if (mod === 0 && base === 5) bytes.push(...littleEndian(direct(), 4));
  } else if (mod === 0 && rm === 6) bytes.push(...littleEndian(direct(), 2));
  if (mod === 1) bytes.push(random.below(256));
  if (mod === 2) bytes.push(...littleEndian(random.next(), wideAddress ? 4 : 2));
  return bytes;
}

function immediateBytes(
  decode: DecodeRow,
  wideOperand: boolean,
  wideAddress: boolean,
  random: Random,
): number[] {
  const { row } = decode;
  const relative = row.operands.some(({ kind }) => kind === "J");
  switch (decode.immediate) {
    case IMMEDIATE_NONE:
      return [];
    case IMMEDIATE_BYTE:
    case IMMEDIATE_SIGNED_BYTE:
      // Branches go neither into themselves nor to the bytes behind them, where native.c puts its way back.
      if (relative) return [(random.of([1, -1]) * (0x1c + random.below(0x50))) & 0xff];
      return [random.below(3) === 0 ? random.of(EDGE_INTEGERS) & 0xff : random.below(256)];
    case IMMEDIATE_WORD:
      return littleEndian(row.mnemonic === "ret" ? random.below(32) : random.next(), 2);
    case IMMEDIATE_BY_OPERAND_SIZE:
      if (relative)
        return littleEndian(random.of([1, -1]) * (0x20 + random.below(0x300)), wideOperand ? 4 : 2);
      return littleEndian(
        random.below(2) === 0 ? random.of(EDGE_INTEGERS) : random.next(),
        wideOperand ? 4 : 2,
      );
    case IMMEDIATE_OFFSET:
      return littleEndian((wideAddress ? DATA : 0) + random.below(REGION + 8), wideAddress ? 4 : 2);
    case IMMEDIATE_FAR_POINTER:
      return [];
    default:
      return [...littleEndian(random.below(64), 2), random.below(32)];
  }
}

const NO_BYTES: readonly number[] = [];

function instance(decode: DecodeRow, choice: Choice, random: Random): Omit<CaseBytes, "seed"> {
  const { row } = decode;
  const { mode } = choice;
  const wideOperand = (mode === "32-bit") !== choice.operandPrefix;
  const wideAddress = (mode === "32-bit") !== choice.addressPrefix;
  const prefixes: number[] = [];
  const farFromFlat = mode === "32-bit" && !wideAddress;
  const usesMemory = choice.memory || row.operands.some(({ kind }) => "OXY".includes(kind));
  if (usesMemory && (random.below(12) === 0 || (farFromFlat && random.below(5) !== 0))) {
    prefixes.push(farFromFlat ? random.of([0x64, 0x65]) : random.of(SEGMENT_PREFIXES));
  }
  if (choice.operandPrefix || row.prefix === "66") prefixes.push(0x66);
  if (choice.addressPrefix) prefixes.push(0x67);
  if (random.below(row.notes.has("lock") && choice.memory ? 4 : 60) === 0) prefixes.push(0xf0);
  const repeats = row.notes.has("rep") || row.notes.has("repcc");
  if (row.prefix === "f3" || row.prefix === "f2") prefixes.push(row.prefix === "f3" ? 0xf3 : 0xf2);
  else if (repeats && random.below(3) !== 0) prefixes.push(random.of([0xf3, 0xf3, 0xf2]));
  const opcode = row.map === 1 ? [0x0f, row.opcode] : [row.opcode];
  if (row.form === "plus") opcode[opcode.length - 1] += random.below(8);
  const head = [...prefixes, ...opcode];
  const hasModrm = row.form !== "none" && row.form !== "plus";
  const modrm = hasModrm ? modrmBytes(row, choice, wideAddress, random) : NO_BYTES;
  const bytes = [...head, ...modrm, ...immediateBytes(decode, wideOperand, wideAddress, random)];
  return { mode, bytes: Uint8Array.from(bytes), modrmAt: hasModrm ? head.length : 0 };
}

const MEMORY_KINDS = new Set(["E", "Q", "W", "M"]);
const REGISTER_KINDS = new Set(["E", "Q", "W", "R", "N", "U"]);

/** The name of a form: a line of the opcode table, the kind of code, operand and address size, register or memory. */
export function formName(
  decode: DecodeRow,
  mode: Mode,
  wideOperand: boolean,
  wideAddress: boolean,
  memory: boolean,
): string {
  const { row } = decode;
  const hasModrm = row.form === "r" || row.form === "digit";
  // A prefix that is part of the opcode says nothing of sizes.
  const operand = row.prefix === "any" ? ` operand ${wideOperand ? 32 : 16}` : "";
  const place = hasModrm ? (memory ? " memory" : " register") : "";
  const address = memory || !hasModrm ? ` address ${wideAddress ? 32 : 16}` : "";
  return `${row.line}: ${mode}${operand}${address}${place}`;
}

/** The forms of a line that are recorded, by name. */
export function recordedForms(decode: DecodeRow): string[] {
  return choices(decode).map(({ mode, operandPrefix, addressPrefix, memory }) =>
    formName(
      decode,
      mode,
      (mode === "32-bit") !== operandPrefix,
      (mode === "32-bit") !== addressPrefix,
      memory,
    ),
  );
}

/** The forms of a row, each with the share of its cases. */
function choices({ row }: DecodeRow): Choice[] {
  const list: Choice[] = [];
  const kinds = row.operands.map(({ kind }) => kind);
  const hasModrm = row.form === "r" || row.form === "digit";
  const memoryForms = [
    ...(hasModrm &&
    !kinds.some((kind) => MEMORY_KINDS.has(kind) && kind !== "E" && kind !== "Q" && kind !== "W")
      ? [false]
      : []),
    ...(hasModrm && kinds.some((kind) => MEMORY_KINDS.has(kind)) ? [true] : []),
  ].filter((memory) => memory || kinds.some((kind) => REGISTER_KINDS.has(kind)) || !hasModrm);
  if (!hasModrm) memoryForms.splice(0, memoryForms.length, false);
  const sized =
    row.operands.some(({ width, text }) => ["v", "z", "p", "a"].includes(width) || text === "eAX") ||
    row.mnemonics[0] !== row.mnemonics[1] ||
    row.operands.some(({ width }) => ["fe", "fs"].includes(width)) ||
    ["call", "ret", "push", "pop", "enter", "leave", "pusha", "popa"].includes(row.mnemonic);
  const addressed =
    memoryForms.includes(true) ||
    kinds.some((kind) => "OXY".includes(kind)) ||
    row.notes.has("asz") ||
    row.mnemonic.startsWith("loop") ||
    row.mnemonic === "xlatb";
  for (const memory of memoryForms.length === 0 ? [true] : memoryForms) {
    for (const mode of ["32-bit", "16-bit"] as const) {
      for (const operandPrefix of sized && row.prefix === "any" ? [false, true] : [false]) {
        list.push({ mode, operandPrefix, addressPrefix: false, memory });
        if (addressed && (memory || !hasModrm))
          list.push({ mode, operandPrefix, addressPrefix: true, memory });
      }
    }
  }
  return list;
}

/** Cases of one form: more of those that compute with more kinds of operands. */
function casesOf({ row }: DecodeRow, choice: Choice): number {
  let count = 10;
  if (row.opcode >= 0xd8 && row.opcode <= 0xdf && row.map === 0) count = 36;
  else if (row.map === 1 && row.prefix !== "any") count = 24;
  else if (
    /^(add|adc|sbb|sub|rol|ror|rcl|rcr|shl|shr|sal|sar|shld|shrd|mul|imul|div|idiv|daa|das|aaa|aas|aam|aad)$/.test(
      row.mnemonic,
    )
  ) {
    count = 24;
  }
  return choice.addressPrefix || choice.mode === "16-bit" ? Math.ceil(count / 3) : count;
}

export function* generateCases(seed: number, scale: number): Generator<CaseBytes> {
  const random = new Random(seed);
  for (const decode of INSTRUCTION_SET.rows) {
    if (!isRecorded(decode)) continue;
    for (const choice of choices(decode)) {
      const count = Math.max(1, Math.round(casesOf(decode, choice) * scale));
      for (let i = 0; i < count; i++) {
        const item = instance(decode, choice, random);
        if (item.bytes.length <= 15) yield { ...item, seed: random.next() };
      }
    }
  }
}
