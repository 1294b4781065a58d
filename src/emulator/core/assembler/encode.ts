/**
 * One instruction to bytes: every row of the opcode table with the mnemonic is tried, and of those that take the operands
 * the shortest is chosen (the first of equals).
 */
import type { Operand, OpcodeRow } from "../instructions/opcode-table.ts";
import { encodeAddress, type AddressBytes, type ResolvedMemory } from "./address.ts";
import { rowsOf, tableName, WAITING, type MnemonicRow } from "./mnemonics.ts";
import {
  goesByOperandSize,
  immediateBits,
  isBranch,
  isImplicit,
  memoryBits,
  namedRegister,
  registerClass,
  type RegisterClass,
  type Width,
} from "./notation.ts";
import { SourceError } from "./problem.ts";

export type ResolvedOperand =
  | { type: "register"; class: RegisterClass; number: number }
  | {
      type: "immediate";
      value: bigint;
      relative: boolean;
      bits: number;
      distance?: "short" | "near";
      strict: boolean;
    }
  | ResolvedMemory
  | { type: "far"; selector: bigint; offset: bigint; bits: number };

export interface ResolvedInstruction {
  mnemonic: string;
  prefixes: readonly string[];
  operands: readonly ResolvedOperand[];
  /** Where it begins. */
  address: bigint;
  /** Choose no encoding shorter than this, so that sizes settle. */
  minimumLength: number;
  column: number;
  length: number;
}

const LEGACY_PREFIXES: Readonly<Record<string, number>> = {
  lock: 0xf0,
  rep: 0xf3,
  repe: 0xf3,
  repz: 0xf3,
  repne: 0xf2,
  repnz: 0xf2,
};
const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const SEGMENT_NAMES = ["es", "cs", "ss", "ds", "fs", "gs"];

interface Candidate {
  bytes: number[];
  /** Bits of the memory operand when its size was left open, else -1. */
  openBits: number;
  /** The jump does not reach: the distance. */
  distance?: bigint;
  /** An immediate that does not fit: value and bits. */
  misfit?: [bigint, number];
  undocumented: boolean;
  shortImmediate: boolean;
}

/** Operands as the table has them, for what may be written shorter. */
function spelledOut(name: string, operands: readonly ResolvedOperand[]): ResolvedOperand[] {
  const st = (number: number): ResolvedOperand => ({ type: "register", class: "x87", number });
  const only = operands[0];
  if (/^(fadd|fmul|fsubr?|fdivr?)p?$/.test(name) && operands.length === 0) return [st(1), st(0)];
  if (/^(fxch|fu?comp?|fu?comip?)$/.test(name) && operands.length === 0) return [st(0), st(1)];
  if (operands.length === 1 && only.type === "register" && only.class === "x87") {
    if (/^(fadd|fmul|fsubr?|fdivr?)p$/.test(name)) return [only, st(0)];
    if (/^(fadd|fmul|fsubr?|fdivr?|fxch|fu?comp?|fu?comip?|fcmov\w+)$/.test(name)) return [st(0), only];
  }
  if (name === "imul" && operands.length === 2 && operands[1].type === "immediate")
    return [only, only, operands[1]];
  if ((name === "aam" || name === "aad") && operands.length === 0) {
    return [{ type: "immediate", value: 10n, relative: false, bits: 0, strict: false }];
  }
  return [...operands];
}

/** FADD without operands pops, as in NASM. */
const POPPING = /^(fadd|fmul|fsubr?|fdivr?)$/;

/** Throws `SourceError` where nothing fits. */
export function encodeInstruction(instruction: ResolvedInstruction, bits: Width): number[] {
  let name = tableName(instruction.mnemonic);
  const lead: number[] = [];
  if (WAITING.has(name)) {
    lead.push(0x9b);
    name = `fn${name.slice(1)}`;
  }
  if (POPPING.test(name) && instruction.operands.length === 0) name += "p";
  const operands = spelledOut(name, instruction.operands);
  const orders = [operands];
  // Their two operands may change places.
  if (name === "xchg" && operands.length === 2) orders.unshift([operands[1], operands[0]]);
  if (name === "test" && operands.length === 2) orders.push([operands[1], operands[0]]);
  const counted =
    /^(loop|loope|loopne)$/.test(name) && operands.length === 2 ? countRegister(operands[1]) : 0;
  if (counted !== 0) orders[0] = [operands[0]];
  const candidates: Candidate[] = [];
  for (const entry of rowsOf(name)) {
    for (const order of orders) {
      for (const size of [bits, bits === 16 ? 32 : 16] as const) {
        const candidate = new RowEncoder(instruction, entry, order, size, bits, counted, lead).encode();
        if (candidate !== undefined) candidates.push(candidate);
      }
    }
  }
  return choose(instruction, candidates);
}

function countRegister(operand: ResolvedOperand): 0 | 16 | 32 {
  if (operand.type !== "register" || operand.number !== 1) return 0;
  return operand.class === "r16" ? 16 : operand.class === "r32" ? 32 : 0;
}

function choose(instruction: ResolvedInstruction, found: Candidate[]): number[] {
  const { mnemonic, column, length, minimumLength } = instruction;
  let candidates = found;
  if (candidates.some((one) => !one.undocumented)) candidates = candidates.filter((one) => !one.undocumented);
  const open = new Set(candidates.map((one) => one.openBits));
  if (open.has(0) || (open.size > 1 && !open.has(-1))) throw new SourceError("size-unknown", column, length);
  // Of two equally long forms the one with the shorter immediate, as NASM has it.
  candidates.sort((a, b) => Number(b.shortImmediate) - Number(a.shortImmediate));
  const fitting = candidates.filter((one) => one.misfit === undefined && one.distance === undefined);
  if (fitting.length === 0) {
    const far = candidates.find((one) => one.distance !== undefined);
    if (far !== undefined) throw new SourceError("jump-too-far", column, length, String(far.distance));
    const misfit = candidates.find((one) => one.misfit !== undefined)?.misfit;
    if (misfit !== undefined) {
      throw new SourceError("out-of-range", column, length, String(misfit[0]), String(misfit[1]));
    }
    throw new SourceError("no-such-form", column, length, mnemonic);
  }
  let best: number[] | undefined;
  let longest = fitting[0].bytes;
  for (const { bytes } of fitting) {
    if (bytes.length > longest.length) longest = bytes;
    if (bytes.length >= minimumLength && (best === undefined || bytes.length < best.length)) best = bytes;
  }
  return best ?? longest;
}

/** One row, one order of operands, one operand size. */
class RowEncoder {
  private readonly instruction: ResolvedInstruction;
  private readonly entry: MnemonicRow;
  private readonly row: OpcodeRow;
  private readonly operands: readonly ResolvedOperand[];
  private readonly size: Width;
  private readonly bits: Width;
  private readonly counted: 0 | 16 | 32;
  private readonly lead: readonly number[];

  private reg = 0;
  private rm = -1;
  private inOpcode = 0;
  private memory: ResolvedMemory | undefined;
  private address: AddressBytes | undefined;
  private readonly immediate: number[] = [];
  private branch: { bytes: number; target: bigint } | undefined;
  /** An operand (or the mnemonic) tells the operand size. */
  private sizeTold = false;
  private openBits = -1;
  private openGoesBySize = false;
  /** A register tells how large the memory operand is. */
  private registerTold = false;
  private misfit: [bigint, number] | undefined;

  constructor(
    instruction: ResolvedInstruction,
    entry: MnemonicRow,
    operands: readonly ResolvedOperand[],
    size: Width,
    bits: Width,
    counted: 0 | 16 | 32,
    lead: readonly number[],
  ) {
    this.instruction = instruction;
    this.entry = entry;
    this.row = entry.row;
    this.operands = operands;
    this.size = size;
    this.bits = bits;
    this.counted = counted;
    this.lead = lead;
  }

  encode(): Candidate | undefined {
    const { row, entry, size, bits, operands, instruction } = this;
    const wanted = isImplicit(row) ? [] : row.operands;
    if (wanted.length !== operands.length) return undefined;
    if (entry.operandSize !== undefined) {
      if (entry.operandSize !== size) return undefined;
      this.sizeTold = true;
    }
    for (let i = 0; i < wanted.length; i++) if (!this.match(wanted[i], operands[i])) return undefined;
    const bySize = goesByOperandSize(row) || isBranch(row);
    const { prefixes } = instruction;
    const told = prefixes.includes("o16") ? 16 : prefixes.includes("o32") ? 32 : 0;
    if (size !== bits && (!bySize || (!this.sizeTold && told !== size))) {
      if (told !== size) return undefined;
    }
    if (told !== 0 && told !== size) return undefined;
    if (this.memory !== undefined && this.openBits > 0) {
      // A register beside it tells the size, but where the row's memory size is one of several (MOVZX).
      if (!this.sizeTold && this.openGoesBySize && !/^(jmp|call)$/.test(row.mnemonic)) this.openBits = 0;
      else if (this.registerTold && this.openGoesBySize) this.openBits = -1;
      else if (this.registerTold && row.operands.every(({ width }) => width === "b" || width.length !== 1))
        this.openBits = -1;
    }
    return this.emit();
  }

  private emit(): Candidate | undefined {
    const { row, entry, instruction, bits, size } = this;
    let addressSize: Width = bits;
    if (this.memory !== undefined) addressSize = this.memory.addressBits;
    else if (entry.addressSize !== undefined) addressSize = entry.addressSize;
    else if (this.counted !== 0) addressSize = this.counted;
    if (instruction.prefixes.includes("a16")) addressSize = 16;
    if (instruction.prefixes.includes("a32")) addressSize = 32;

    const bytes: number[] = [...this.lead];
    for (const prefix of instruction.prefixes) {
      const byte = LEGACY_PREFIXES[prefix] ?? SEGMENT_PREFIXES[SEGMENT_NAMES.indexOf(prefix)];
      if (byte !== undefined) bytes.push(byte);
    }
    if (this.memory !== undefined && this.memory.segment >= 0)
      bytes.push(SEGMENT_PREFIXES[this.memory.segment]);
    if (row.prefix === "66" || size !== bits) bytes.push(0x66);
    if (addressSize !== bits) bytes.push(0x67);
    if (row.prefix === "f3") bytes.push(0xf3);
    if (row.prefix === "f2") bytes.push(0xf2);
    if (row.map === 1) bytes.push(0x0f);
    bytes.push(row.opcode | this.inOpcode);
    if (row.form === "exact") bytes.push(row.extension);
    else if (row.form === "exact-register") bytes.push(row.extension | Math.max(this.rm, 0));
    else if (row.form === "r" || row.form === "digit") {
      const reg = row.form === "digit" ? row.extension : this.reg;
      if (this.address === undefined) bytes.push(0xc0 | (reg << 3) | Math.max(this.rm, 0));
      else bytes.push(this.address.modrm | (reg << 3), ...this.address.following);
    }
    bytes.push(...this.immediate);
    const candidate: Candidate = {
      bytes,
      openBits: this.memory === undefined ? -1 : this.openBits,
      undocumented: row.notes.has("undocumented"),
      shortImmediate: row.operands.some(({ width }) => width === "bs"),
    };
    if (this.misfit !== undefined) candidate.misfit = this.misfit;
    if (this.branch !== undefined) this.finishBranch(candidate, this.branch);
    return candidate;
  }

  private finishBranch(candidate: Candidate, branch: { bytes: number; target: bigint }): void {
    const { bytes } = candidate;
    const end = this.instruction.address + BigInt(bytes.length + branch.bytes);
    const distance = BigInt.asIntN(this.size, branch.target - end);
    if (branch.bytes === 1 && (distance < -128n || distance > 127n)) candidate.distance = distance;
    pushNumber(bytes, distance, branch.bytes);
  }

  private match(operand: Operand, given: ResolvedOperand): boolean {
    switch (operand.kind) {
      case "I":
        return given.type === "immediate" && this.matchImmediate(operand, given);
      case "J":
        return given.type === "immediate" && this.matchBranch(operand, given);
      case "A":
        return given.type === "far" && this.matchFar(given);
      case "O":
        return given.type === "memory" && this.matchOffset(operand, given);
      case "*":
        if (operand.text === "1") return given.type === "immediate" && given.value === 1n && !given.relative;
        return given.type === "register" && this.matchNamed(operand, given);
      case "M":
        return given.type === "memory" && this.matchMemory(operand, given);
      case "E":
      case "Q":
      case "W":
        if (given.type === "memory") return this.matchMemory(operand, given);
        return given.type === "register" && this.matchRegister(operand, given);
      default:
        return given.type === "register" && this.matchRegister(operand, given);
    }
  }

  private matchNamed(operand: Operand, given: { class: RegisterClass; number: number }): boolean {
    const named = namedRegister(operand, this.size);
    if (named?.class !== given.class || named.number !== given.number) return false;
    if (operand.text === "eAX") this.sizeTold = true;
    if (operand.text !== "CL" && operand.text !== "DX") this.registerTold = true;
    return true;
  }

  /** Rows whose word operand may be named by the whole register. */
  private takesWholeRegister(operand: Operand): boolean {
    const { mnemonic, operands } = this.row;
    if (operand.text !== "Ew") return false;
    return mnemonic === "lar" || mnemonic === "lsl" || mnemonic === "pinsrw" || operands[0].kind === "S";
  }

  private matchRegister(operand: Operand, given: { class: RegisterClass; number: number }): boolean {
    const { row } = this;
    const kind = registerClass(operand, this.size);
    if (kind !== given.class && !(given.class === "r32" && this.takesWholeRegister(operand))) return false;
    if (operand.kind === "S" && operand === row.operands[0] && given.number === 1) return false;
    if (operand.width === "v") this.sizeTold = true;
    switch (operand.kind) {
      case "G":
      case "S":
      case "C":
      case "D":
      case "P":
      case "V":
        this.reg = given.number;
        this.registerTold = true;
        break;
      case "Z":
        if (row.form === "plus") this.inOpcode = given.number;
        else if ((row.opcode & 7) !== given.number) return false;
        this.registerTold = true;
        break;
      default:
        this.rm = given.number;
    }
    return true;
  }

  private matchMemory(operand: Operand, given: ResolvedMemory): boolean {
    const { row, size } = this;
    const jump = row.mnemonic === "jmp" || row.mnemonic === "call";
    const far = jump && operand.width === "p";
    if (given.far !== far) return false;
    if (far) {
      if (given.bits !== 0) {
        if (given.bits !== size) return false;
        this.sizeTold = true;
      }
    } else {
      const wanted = memoryBits(row, operand, size);
      const changes = memoryBits(row, operand, 16) !== memoryBits(row, operand, 32);
      if (operand.kind !== "M" || "bwdq".includes(operand.width) || operand.width.startsWith("f")) {
        if (given.bits !== 0 && wanted !== 0 && given.bits !== wanted) return false;
      }
      if (given.bits === 0 && wanted !== 0) {
        this.openBits = wanted;
        this.openGoesBySize = changes;
      } else if (changes && given.bits !== 0) this.sizeTold = true;
    }
    this.memory = given;
    this.address = encodeAddress(given);
    return true;
  }

  private matchOffset(operand: Operand, given: ResolvedMemory): boolean {
    if (given.base >= 0 || given.index >= 0 || given.far) return false;
    const wanted = memoryBits(this.row, operand, this.size);
    if (given.bits !== 0 && given.bits !== wanted) return false;
    this.memory = given;
    pushNumber(this.immediate, given.displacement, given.addressBits / 8);
    return true;
  }

  private matchImmediate(operand: Operand, given: ResolvedOperand & { type: "immediate" }): boolean {
    if (given.distance !== undefined) return false;
    const { size } = this;
    const { value, bits, relative, strict } = given;
    if (operand.width === "bs") {
      if (relative || (strict && bits !== 8)) return false;
      if (bits !== 0 && bits !== 8 && bits !== size) return false;
      if (bits === size && this.row.mnemonic === "push") this.sizeTold = true;
      const cut = BigInt.asIntN(size, value);
      if (!fits(value, size) || cut < -128n || cut > 127n) return false;
      pushNumber(this.immediate, cut, 1);
      return true;
    }
    const width = immediateBits(operand, size);
    if (bits !== 0 && bits !== width) return false;
    if (bits !== 0 && operand.width === "z" && this.row.mnemonic === "push") this.sizeTold = true;
    if (!fits(value, width)) this.misfit = [value, width];
    pushNumber(this.immediate, value, width / 8);
    return true;
  }

  private matchBranch(operand: Operand, given: ResolvedOperand & { type: "immediate" }): boolean {
    const short = operand.width === "b";
    const shortOnly = /^(loop|jcxz|jecxz)/.test(this.row.mnemonic);
    if (given.distance === "short" && !short) return false;
    if (given.distance === "near" && short && !shortOnly) return false;
    if (given.bits !== 0) {
      if (given.bits !== this.size) return false;
      if (short && !shortOnly) return false;
      this.sizeTold = true;
    }
    this.branch = { bytes: short ? 1 : this.size / 8, target: given.value };
    return true;
  }

  private matchFar(given: ResolvedOperand & { type: "far" }): boolean {
    if (given.bits !== 0) {
      if (given.bits !== this.size) return false;
      this.sizeTold = true;
    }
    if (!fits(given.offset, this.size)) this.misfit = [given.offset, this.size];
    if (!fits(given.selector, 16)) this.misfit = [given.selector, 16];
    pushNumber(this.immediate, given.offset, this.size / 8);
    pushNumber(this.immediate, given.selector, 2);
    return true;
  }
}

/** As a signed or an unsigned number. */
export function fits(value: bigint, bits: number): boolean {
  return value >= -(1n << BigInt(bits - 1)) && value < 1n << BigInt(bits);
}

/** Low byte first. */
export function pushNumber(bytes: number[], value: bigint, count: number): void {
  for (let i = 0; i < count; i++) bytes.push(Number((value >> BigInt(8 * i)) & 0xffn));
}
