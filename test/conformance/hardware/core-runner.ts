/** Runs a recorded case on the core: ring 3, paging, the memory map of the recording; says what differs. */
import { Cpu } from "../../../src/emulator/core/cpu/cpu.ts";
import { readFlags, setStatusFlags } from "../../../src/emulator/core/cpu/flags.ts";
import {
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  EIP,
  ESP,
  FLAG_DF,
  STATUS_FLAGS,
  TR,
} from "../../../src/emulator/core/cpu/registers.ts";
import { setSegment } from "../../../src/emulator/core/cpu/segmentation.ts";
import { readExtendedImage, writeExtendedImage } from "../../../src/emulator/core/float/x87-image.ts";
import { decode, type DecodeRow } from "../../../src/emulator/core/instructions/decode.ts";
import { Instruction } from "../../../src/emulator/core/instructions/instruction.ts";
import { INSTRUCTION_SET } from "../../../src/emulator/core/instructions/instruction-set.ts";
import { Bus } from "../../../src/emulator/core/memory/bus.ts";
import { PhysicalMemory } from "../../../src/emulator/core/memory/physical-memory.ts";
import { type CaseBytes, type CaseState, caseState } from "./case-state.ts";
import { CODE, DATA, type MemoryImage, PAGE, READ_ONLY, REGION, SEGMENTS, STACK } from "./memory-map.ts";
import type { CaseResult } from "./native-format.ts";
import { undefinedFlags } from "./undefined-flags.ts";

const DIRECTORY = 0x1000;
const TABLES = 0x2000;
const IDT = 0x8000;
const GDT = 0x9000;
const TSS = 0xa000;
const HANDLERS = 0xb000;
const KERNEL_STACK = 0xd000;
const CODE_AT = 0x10000;
const DATA_AT = 0x12000;
const READ_ONLY_AT = 0x14000;
const STACK_AT = 0x15000;
const KERNEL_CODE = 8;
const KERNEL_DATA = 16;
const MEMORY_BYTES = 0x20000;
/** Where all that lies in linear addresses: somewhere no case looks. */
const KERNEL = 0x7a000000;

const USER = 4;
const WRITABLE = 2;
const PRESENT = 1;
const STACK_REGISTER = 4;

export class HardwareRunner {
  private readonly memory = new PhysicalMemory(MEMORY_BYTES);
  private readonly cpu = new Cpu(new Bus(this.memory), INSTRUCTION_SET);
  private readonly image: MemoryImage;
  private nextTable = TABLES;

  constructor(image: MemoryImage) {
    this.image = image;
    const { memory } = this;
    for (let page = 0; page < 0x10; page++) this.map(KERNEL + page * PAGE, page * PAGE, WRITABLE);
    for (let page = 0; page < 2; page++) {
      this.map(CODE + page * PAGE, CODE_AT + page * PAGE, USER);
      this.map(DATA + page * PAGE, DATA_AT + page * PAGE, USER | WRITABLE);
      this.map(STACK + page * PAGE, STACK_AT + page * PAGE, USER | WRITABLE);
    }
    this.map(READ_ONLY, READ_ONLY_AT, USER);
    memory.load(READ_ONLY_AT, image.readOnly);
    memory.load(DATA_AT, image.data);
    memory.load(STACK_AT, image.stack);
    for (let vector = 0; vector < 32; vector++) {
      memory.write32(IDT + vector * 8, (KERNEL_CODE << 16) | (HANDLERS + vector));
      const gate = vector === 3 || vector === 4 ? 0xee00 : 0x8e00;
      memory.write32(IDT + vector * 8 + 4, KERNEL | gate);
      memory.write8(HANDLERS + vector, 0xf4);
    }
    memory.write32(GDT + KERNEL_CODE, 0xffff);
    memory.write32(GDT + KERNEL_CODE + 4, 0xcf9b00);
    memory.write32(GDT + KERNEL_DATA, 0xffff);
    memory.write32(GDT + KERNEL_DATA + 4, 0xcf9300);
    memory.write32(TSS + 4, KERNEL + KERNEL_STACK);
    memory.write32(TSS + 8, KERNEL_DATA);
    // No port may be used.
    memory.write16(TSS + 0x66, 0x68);
    for (let i = 0; i < REGION; i++) memory.write8(CODE_AT + i, 0xcc);
  }

  private map(linear: number, physical: number, bits: number): void {
    const entry = DIRECTORY + (linear >>> 22) * 4;
    if (this.memory.read32(entry) === 0) {
      this.memory.write32(entry, this.nextTable | USER | WRITABLE | PRESENT);
      this.nextTable += PAGE;
    }
    const table = this.memory.read32(entry) & -PAGE;
    this.memory.write32(table + ((linear >>> 12) & 0x3ff) * 4, physical | bits | PRESENT);
  }

  private start(item: CaseBytes, state: CaseState): void {
    const { cpu } = this;
    cpu.reset();
    cpu.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_MP | 0x10;
    cpu.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    cpu.cr3 = DIRECTORY;
    cpu.gdtrBase = KERNEL + GDT;
    cpu.gdtrLimit = 0x17;
    cpu.idtrBase = KERNEL + IDT;
    cpu.idtrLimit = 0xff;
    SEGMENTS[item.mode].forEach(({ selector, base, limit, attributes }, segment) => {
      setSegment(cpu, segment, selector, base, limit, attributes);
    });
    setSegment(cpu, TR, 0x28, KERNEL + TSS, 0x67, 0x8b00);
    cpu.setPrivilege(3);
    for (let n = 0; n < 8; n++) cpu.r[n] = state.registers[n];
    cpu.r[EIP] = state.eip;
    cpu.systemFlags = state.eflags & ~STATUS_FLAGS & ~2;
    setStatusFlags(cpu.r, state.eflags);
    const view = new DataView(state.fx.buffer);
    readExtendedImage(cpu.x87, view);
    cpu.vectors.mxcsr = view.getUint32(24, true);
    cpu.vectors.bytes.set(state.fx.subarray(160, 288));
  }

  /** What differs from the recording, in words; empty where nothing does. */
  differences(item: CaseBytes, expected: CaseResult): string[] {
    const { cpu, memory } = this;
    const state = caseState(item);
    const codeAt = CODE_AT + (item.mode === "32-bit" ? state.eip - CODE : state.eip);
    item.bytes.forEach((byte, i) => memory.write8(codeAt + i, byte));
    this.start(item, state);
    // A repeated instruction may take several rounds.
    for (let round = 0; round < 200 && cpu.cpl === 3; round++) {
      cpu.run(1);
      if (cpu.r[EIP] >>> 0 !== state.eip) break;
    }
    const found = this.collect(state);
    item.bytes.forEach((_, i) => memory.write8(codeAt + i, 0xcc));
    return this.compare(item, state, found, expected);
  }

  private collect(state: CaseState): CaseResult {
    const { cpu, memory } = this;
    const registers = cpu.r.slice(0, 8);
    let vector = -1;
    let error = 0;
    let eip = cpu.r[EIP] >>> 0;
    let eflags = readFlags(cpu);
    if (cpu.cpl === 0) {
      vector = eip - KERNEL - HANDLERS;
      let frame = cpu.r[ESP] - KERNEL;
      if ([8, 10, 11, 12, 13, 14, 17].includes(vector)) {
        error = memory.read32(frame) >>> 0;
        frame += 4;
      }
      eip = memory.read32(frame) >>> 0;
      eflags = memory.read32(frame + 8);
      registers[STACK_REGISTER] = memory.read32(frame + 12);
    }
    const fx = state.fx.slice();
    const view = new DataView(fx.buffer);
    writeExtendedImage(cpu.x87, view);
    view.setUint32(24, cpu.vectors.mxcsr, true);
    fx.set(cpu.vectors.bytes.subarray(0, 128), 160);
    return { vector, error, cr2: cpu.cr2 >>> 0, eip, registers, eflags, fx, memory: this.changes() };
  }

  private changes(): { address: number; value: number }[] {
    const list: { address: number; value: number }[] = [];
    for (const [address, at, was] of [
      [DATA, DATA_AT, this.image.data],
      [STACK, STACK_AT, this.image.stack],
    ] as const) {
      const words = this.memory.words;
      const original = new Int32Array(was.buffer, was.byteOffset, was.length / 4);
      for (let i = 0; i < original.length; i++) {
        if (words[at / 4 + i] === original[i]) continue;
        for (let k = i * 4; k < i * 4 + 4; k++) {
          const value = this.memory.bytes[at + k];
          if (value !== was[k]) list.push({ address: address + k, value });
        }
        words[at / 4 + i] = original[i];
      }
    }
    return list;
  }

  private compare(item: CaseBytes, state: CaseState, found: CaseResult, expected: CaseResult): string[] {
    const problems: string[] = [];
    const differ = (name: string, a: number, b: number) => {
      if (a !== b) problems.push(`${name} ${(a >>> 0).toString(16)}, recorded ${(b >>> 0).toString(16)}`);
    };
    const op = new Instruction(INSTRUCTION_SET.invalid);
    const wide = item.mode === "32-bit";
    decode(INSTRUCTION_SET, item.bytes, 0, item.bytes.length, wide, op);
    const row: DecodeRow | undefined = INSTRUCTION_SET.rows[op.row];
    const mnemonic = row?.row.mnemonic ?? "";
    // A branch to where nothing can be executed: its target's fault is the next instruction's.
    const either = ANY_FAULT.has(mnemonic) && FAULTS.has(found.vector) && FAULTS.has(expected.vector);
    const fetched = found.vector === -1 && expected.vector === 14 && expected.eip === expected.cr2;
    if (!fetched && !either) differ("vector", found.vector, expected.vector);
    if (found.vector === expected.vector) {
      // Whether a fetch fault says so depends on no-execute paging, which the core's case has not.
      const mask = expected.vector === 14 ? 0xf : -1;
      differ("error", found.error & mask, expected.error & mask);
      if (expected.vector === 14 && !ANY_FAULT.has(mnemonic)) {
        const page = ANY_ORDER.has(mnemonic) ? -PAGE : -1;
        differ("CR2", found.cr2 & page, expected.cr2 & page);
      }
    }
    differ("EIP", found.eip, expected.eip);
    const count = shiftCount(op, state, row);
    const byte = row?.row.operands[0]?.width === "b";
    const width = byte ? 8 : (op.flags & 16) !== 0 ? 32 : 16;
    const undefinedResult = (mnemonic === "shld" || mnemonic === "shrd") && count > width;
    // POPA that faults has loaded what the processor likes.
    if (!undefinedResult && !(mnemonic === "popa" && expected.vector >= 0)) {
      for (let n = 0; n < 8; n++) differ(NAMES[n], found.registers[n], expected.registers[n]);
      const image = mnemonic === "fxsave" ? expected.memory[0]?.address & -16 : undefined;
      compareMemory(found.memory, expected.memory, image, problems);
    }
    const ignored = expected.vector === -1 ? undefinedFlags(mnemonic, count, width) : 0;
    const compared = (STATUS_FLAGS | FLAG_DF) & ~ignored;
    differ("flags", found.eflags & compared, expected.eflags & compared);
    compareImages(found.fx, expected.fx, TRANSCENDENTAL.has(mnemonic), problems);
    return problems;
  }
}

/** Instructions that reach their operand's parts in an order of the processor's own. */
const ANY_ORDER = new Set([
  "fldenv",
  "fnstenv",
  "frstor",
  "fnsave",
  "fxsave",
  "fxrstor",
  "maskmovq",
  "maskmovdqu",
  "popa",
]);

/** Two memory operands, or one of 512 bytes with a boundary: which of two faults comes first is the processor's own. */
const ANY_FAULT = new Set(["cmpsb", "cmpsw", "fxsave", "fxrstor"]);
const FAULTS = new Set([12, 13, 14]);

/** Results may be one unit in the last place apart, and then C1 may tell another rounding. */
const TRANSCENDENTAL = new Set(["f2xm1", "fyl2x", "fyl2xp1", "fpatan", "fsin", "fcos", "fsincos", "fptan"]);

const NAMES = ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"];

function shiftCount(op: Instruction, state: CaseState, row: DecodeRow | undefined): number {
  const operands = row?.row.operands ?? [];
  const by = operands.at(-1)?.text;
  if (by === "CL") return state.registers[1] & 31;
  return by === "1" ? 1 : op.immediate & 31;
}

/** `image` is where FXSAVE stored: its pointers and MXCSR_MASK are the processor's own. */
function compareMemory(
  found: CaseResult["memory"],
  expected: CaseResult["memory"],
  image: number | undefined,
  problems: string[],
): void {
  const own = (address: number) => {
    const at = image === undefined ? -1 : address - image;
    return (at >= 6 && at < 24) || (at >= 28 && at < 32);
  };
  const text = (list: CaseResult["memory"]) =>
    list
      .filter(({ address }) => !own(address))
      .map(({ address, value }) => `${address.toString(16)}=${value.toString(16)}`)
      .join(" ");
  if (text(found) !== text(expected)) problems.push(`memory ${text(found)}, recorded ${text(expected)}`);
}

/** Parts of FXSAVE's image that hold state: first byte, length. Selectors are left out: processors have given them up. */
const IMAGE_PARTS: readonly (readonly [string, number, number])[] = [
  ["FCW", 0, 2],
  ["FSW", 2, 2],
  ["FTW", 4, 1],
  ["FOP", 6, 2],
  ["FIP", 8, 4],
  ["FDP", 16, 4],
  ["MXCSR", 24, 4],
  ...Array.from({ length: 8 }, (_, i) => [`ST${i}`, 32 + 16 * i, 10] as const),
  ...Array.from({ length: 8 }, (_, i) => [`XMM${i}`, 160 + 16 * i, 16] as const),
];

/** AMD's FXSAVE writes the x87's pointers only while an exception waits, zeros otherwise; the core writes them always. */
const POINTERS = new Set(["FOP", "FIP", "FDP"]);
const ERROR_SUMMARY = 0x80;

function isNear(found: Uint8Array, expected: Uint8Array, name: string, at: number): boolean {
  const word = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);
  if (name === "FSW") return ((found[at + 1] ^ expected[at + 1]) & ~2) === 0 && found[at] === expected[at];
  if (!name.startsWith("ST")) return false;
  const distance = word(found) - word(expected);
  const sameExponent = found[at + 8] === expected[at + 8] && found[at + 9] === expected[at + 9];
  return sameExponent && distance >= -1n && distance <= 1n;
}

function compareImages(found: Uint8Array, expected: Uint8Array, near: boolean, problems: string[]): void {
  const waiting = (expected[2] & ERROR_SUMMARY) !== 0;
  for (const [name, at, length] of IMAGE_PARTS) {
    if (POINTERS.has(name) && !waiting) continue;
    let same = true;
    for (let i = at; i < at + length; i++) if (found[i] !== expected[i]) same = false;
    if (same || (near && isNear(found, expected, name, at))) continue;
    const hex = (bytes: Uint8Array) =>
      [...bytes.subarray(at, at + length)]
        .toReversed()
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");
    problems.push(`${name} ${hex(found)}, recorded ${hex(expected)}`);
  }
}
