/** Setting a register from a debugger, between two instructions. */
import { REGISTER_NAMES } from "../assembler/notation.ts";
import { ATTENTION_HALT } from "../cpu/attention.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { writeFlags } from "../cpu/flags.ts";
import { EIP } from "../cpu/registers.ts";

/** The flags that POPF in ring 0 can change: CF PF AF ZF SF TF IF DF OF IOPL NT AC ID. */
const CHANGEABLE_FLAGS = 0x247fd5;

/** Registers that can be set: a segment register or CR0 would need the checks of the instruction that loads it. */
export const WRITABLE_REGISTERS: readonly string[] = [...REGISTER_NAMES.r32, "eip", "eflags"];

export interface RegisterWrite {
  type: "register";
  name: string;
  /** 32 bits. */
  value: number;
}

/** An unknown name changes nothing. A new EIP ends a HLT. */
export function writeRegister(cpu: Cpu, { name, value }: RegisterWrite): void {
  const index = REGISTER_NAMES.r32.indexOf(name);
  if (index >= 0) cpu.r[index] = value;
  else if (name === "eflags") writeFlags(cpu, value, CHANGEABLE_FLAGS);
  else if (name === "eip") {
    cpu.r[EIP] = value;
    cpu.halted = false;
    cpu.attention &= ~ATTENTION_HALT;
  }
}
