/**
 * Delivery of exceptions and interrupts (Intel SDM volume 3 §6). So far real-address mode (§20.1.4): the interrupt vector
 * table at IDTR, FLAGS, CS and IP pushed as words. In protected mode nothing is delivered yet and the CPU shuts down.
 */
import type { Cpu } from "./cpu.ts";
import { readFlags } from "./flags.ts";
import {
  CR0_PE,
  CS,
  EIP,
  ESP,
  FLAG_AC,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  SS,
  VECTOR_DF,
  VECTOR_GP,
} from "./registers.ts";
import { setRealSegment } from "./segmentation.ts";
import { GuestFault } from "./guest-fault.ts";

export function deliverReal(cpu: Cpu, vector: number): void {
  const entry = vector * 4;
  if (entry + 3 > cpu.idtrLimit) cpu.raise(VECTOR_GP, 0);
  const sp = cpu.r[ESP];
  const mask = cpu.stackMask;
  cpu.write16(SS, (sp - 2) & mask, readFlags(cpu));
  cpu.write16(SS, (sp - 4) & mask, cpu.selector[CS]);
  cpu.write16(SS, (sp - 6) & mask, cpu.r[EIP]);
  const offset = cpu.readSystem(cpu.idtrBase + entry, 2);
  const selector = cpu.readSystem(cpu.idtrBase + entry + 2, 2);
  cpu.r[ESP] = (sp & ~mask) | ((sp - 6) & mask);
  cpu.systemFlags &= ~(FLAG_IF | FLAG_TF | FLAG_RF | FLAG_AC);
  setRealSegment(cpu, CS, selector);
  cpu.r[EIP] = offset;
}

/** An external interrupt or NMI. May raise what the delivery itself finds wrong. */
export function deliverInterrupt(cpu: Cpu, vector: number): void {
  if ((cpu.cr0 & CR0_PE) !== 0) cpu.raise(VECTOR_DF, 0);
  deliverReal(cpu, vector);
}

/** Delivers an exception, a double fault if that fails; false is a triple fault: the CPU shuts down. */
export function deliverException(cpu: Cpu, vector: number, _error: number): boolean {
  if ((cpu.cr0 & CR0_PE) !== 0) return false;
  for (const attempt of [vector, VECTOR_DF]) {
    try {
      deliverReal(cpu, attempt);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof GuestFault)) throw thrown;
    }
  }
  return false;
}
