/** Instructions of the guest that a monitor carries out in its stead: decoded by the processor's own table. */
import { decode } from "../../emulator/core/instructions/decode.ts";
import { ECX, EAX, EDI } from "../../emulator/core/cpu/registers.ts";
import { Instruction } from "../../emulator/core/instructions/instruction.ts";
import { HAS_MEMORY, OPERAND_32, PREFIX_REP } from "../../emulator/core/instructions/instruction.ts";
import { INSTRUCTION_SET } from "../../emulator/core/instructions/instruction-set.ts";
import type { GuestMemory, GuestPaging } from "./guest-memory.ts";

const LONGEST = 15;

export interface GuestInstruction {
  /** In lower case, as the opcode table has it. */
  mnemonic: string;
  op: Instruction;
  length: number;
  bytes: Uint8Array;
}

/** The instruction at a linear address of the guest's 32-bit code; undefined where there is none. */
export function guestInstruction(
  guest: GuestMemory,
  paging: GuestPaging,
  linear: number,
): GuestInstruction | undefined {
  const bytes = new Uint8Array(LONGEST);
  let available = 0;
  for (; available < LONGEST; available++) {
    // The next page is looked at only where the instruction goes on there.
    if (available > 0 && ((linear + available) & 4095) === 0) {
      const op = new Instruction(INSTRUCTION_SET.invalid);
      if (decode(INSTRUCTION_SET, bytes, 0, available, true, op) > 0) break;
    }
    const byte = guest.readLinear8(paging, (linear + available) | 0);
    if (byte < 0) break;
    bytes[available] = byte;
  }
  const op = new Instruction(INSTRUCTION_SET.invalid);
  const length = decode(INSTRUCTION_SET, bytes, 0, available, true, op);
  if (length <= 0 || op.row < 0) return undefined;
  const { row } = INSTRUCTION_SET.rows[op.row];
  const wide = (op.flags & OPERAND_32) !== 0 ? 1 : 0;
  return {
    mnemonic: row.mnemonics[wide].toLowerCase(),
    op,
    length,
    bytes: bytes.subarray(0, length),
  };
}

/** "MOV CR3", "IN": for the list of events. */
export function instructionName({ mnemonic, op, bytes }: GuestInstruction): string {
  const name = mnemonic.toUpperCase();
  if (bytes[0] === 0x0f && (bytes[1] & 0xfd) === 0x20) return `${name} CR${op.reg}`;
  if (bytes[0] === 0x8e || bytes[0] === 0x8c)
    return `${name} ${["ES", "CS", "SS", "DS", "FS", "GS"][op.reg]}`;
  return name;
}

/** Effective address of the memory operand. Registers are by number, ESP the guest's. */
export function effectiveAddress(op: Instruction, registers: Int32Array): number {
  const base = op.base < 8 ? registers[op.base] : 0;
  const index = op.index < 8 ? registers[op.index] : 0;
  return (base + (index << op.scale) + op.displacement) & op.addressMask;
}

/** A place that is not plain memory to the guest: a device's register, or a page table that is traced. */
export interface SpecialMemory {
  /** `offset` in bytes from the address that faulted. */
  load(offset: number): number;
  store(offset: number, value: number): void;
  /** Bytes from the address that faulted to the end of the place. */
  bytes: number;
}

/**
 * Carries out a 32-bit move or STOSD whose memory operand faulted. `registers` are changed in place. "again": a repeated
 * instruction has left the place and has to go on by itself. Undefined for any other instruction: nothing was done.
 */
export function emulateMove(
  { mnemonic, op, bytes }: GuestInstruction,
  registers: Int32Array,
  place: SpecialMemory,
): "done" | "again" | undefined {
  if ((op.flags & OPERAND_32) === 0) return undefined;
  if (mnemonic === "stosd") {
    const repeated = (op.flags & PREFIX_REP) !== 0;
    for (let offset = 0; ; offset += 4) {
      if (repeated && registers[ECX] === 0) return "done";
      if (offset + 4 > place.bytes) return "again";
      place.store(offset, registers[EAX]);
      registers[EDI] += 4;
      if (!repeated) return "done";
      registers[ECX]--;
    }
  }
  if (mnemonic !== "mov" || (op.flags & HAS_MEMORY) === 0) return undefined;
  switch (bytes[0]) {
    case 0x89:
      place.store(0, registers[op.reg]);
      return "done";
    case 0x8b:
      registers[op.reg] = place.load(0);
      return "done";
    case 0xa1:
      registers[EAX] = place.load(0);
      return "done";
    case 0xa3:
      place.store(0, registers[EAX]);
      return "done";
    case 0xc7:
      place.store(0, op.immediate);
      return "done";
    default:
      return undefined;
  }
}
