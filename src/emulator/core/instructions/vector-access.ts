/** How MMX and XMM operands reach the slots of the register file, and what such instructions check first. */
import type { Cpu } from "../cpu/cpu.ts";
import { FEATURE_MMX, FEATURE_SSE, FEATURE_SSE2 } from "../cpu/cpuid.ts";
import { CR0_EM, CR0_TS, CR4_OSXMMEXCPT, VECTOR_NM, VECTOR_UD, VECTOR_XM } from "../cpu/registers.ts";
import { MXCSR_MASKS_SHIFT, RESULT, SOURCE, type VectorRegisters } from "../vector/vector-registers.ts";
import type { Form } from "./family.ts";
import type { Instruction } from "./instruction.ts";
import { address } from "./operands.ts";
import { reportError } from "./x87.ts";
import { checkAlignment } from "./x87-control.ts";

export { enterVector } from "./x87-control.ts";

/** #UD, #NM or #MF: MMX registers are the x87's. */
export function enterMmx(cpu: Cpu, feature: number): void {
  if ((cpu.cr0 & CR0_EM) !== 0 || (cpu.model.features & feature) === 0) cpu.raise(VECTOR_UD);
  if ((cpu.cr0 & CR0_TS) !== 0) cpu.raise(VECTOR_NM);
  if (cpu.x87.errorPending) reportError(cpu);
}

/** Every MMX instruction but EMMS leaves TOP 0 and all registers in use. */
export function startMmx(cpu: Cpu): void {
  cpu.x87.top = 0;
  cpu.x87.empty = 0;
}

export function loadMmx(cpu: Cpu, slot: number, register: number): void {
  const { unit } = cpu.x87;
  cpu.vectors.doublewords[slot * 4] = unit.low[register];
  cpu.vectors.doublewords[slot * 4 + 1] = unit.high[register];
}

export function storeMmx(cpu: Cpu, register: number, slot: number): void {
  const { doublewords } = cpu.vectors;
  cpu.x87.unit.set(register, 0xffff, doublewords[slot * 4 + 1], doublewords[slot * 4]);
}

/** Reads a memory operand of 4, 8 or 16 bytes (the last one on its boundary unless `unaligned`) into SOURCE. */
export function readMemory(cpu: Cpu, op: Instruction, bytes: number, unaligned = false): void {
  const at = address(cpu, op);
  if (bytes === 16 && !unaligned) checkAlignment(cpu, op.segment, at);
  if (bytes > 4) cpu.checkLimit(op.segment, at, bytes, false);
  const { doublewords } = cpu.vectors;
  for (let i = 0; i < bytes; i += 4) doublewords[SOURCE * 4 + i / 4] = cpu.read32(op.segment, at + i);
}

export function writeMemory(cpu: Cpu, op: Instruction, slot: number, bytes: number, unaligned = false): void {
  const at = address(cpu, op);
  if (bytes === 16 && !unaligned) checkAlignment(cpu, op.segment, at);
  if (bytes > 4) cpu.checkWrite(op.segment, at, bytes);
  const { doublewords } = cpu.vectors;
  for (let i = 0; i < bytes; i += 4) cpu.write32(op.segment, at + i, doublewords[slot * 4 + i / 4]);
}

/** The slot of an XMM rm operand: the register's own, or SOURCE after reading memory. */
export function sourceSlot(cpu: Cpu, op: Instruction, form: Form, bytes: number, unaligned = false): number {
  if (!form.memory) return op.rm;
  readMemory(cpu, op, bytes, unaligned);
  return SOURCE;
}

/** Bytes that an operand has in memory, by the width letters of the table. */
export function memoryBytes(width: string): number {
  if (width === "q" || width === "sd") return 8;
  return width === "d" || width === "ss" ? 4 : 16;
}

/**
 * Ends a floating-point operation: its flags go to MXCSR; an unmasked one is #XM (or #UD where the system has not said
 * that it handles that) and the result in RESULT is dropped. An operand's fault comes before and hides a result's.
 */
export function settleExceptions(cpu: Cpu): void {
  const v = cpu.vectors;
  if (v.flags === 0) return;
  const masks = (v.mxcsr >>> MXCSR_MASKS_SHIFT) & 0x3f;
  let { flags } = v;
  if ((flags & OPERAND_FLAGS & ~masks) !== 0) flags &= OPERAND_FLAGS;
  v.mxcsr |= flags;
  if ((flags & ~masks) !== 0) cpu.raise((cpu.cr4 & CR4_OSXMMEXCPT) !== 0 ? VECTOR_XM : VECTOR_UD);
}

/** Invalid, denormal, zero divide: known before the result is. */
const OPERAND_FLAGS = 7;

/** Copies the first `doublewords` of RESULT. */
export function takeResult(v: VectorRegisters, to: number, doublewords: number): void {
  for (let i = 0; i < doublewords; i++) v.doublewords[to * 4 + i] = v.doublewords[RESULT * 4 + i];
}

const SSE2_ON_MMX = new Set(["paddq", "psubq", "pmuludq"]);
const SSE_ON_MMX = new Set([
  "pshufw",
  "pinsrw",
  "pextrw",
  "pmovmskb",
  "pminub",
  "pmaxub",
  "pavgb",
  "pavgw",
  "pmulhuw",
  "pminsw",
  "pmaxsw",
  "psadbw",
  "movntq",
  "maskmovq",
]);

/** The CPUID feature that an instruction on MMX registers came with. */
export function mmxFeature(mnemonic: string): number {
  if (SSE2_ON_MMX.has(mnemonic)) return FEATURE_SSE2;
  return SSE_ON_MMX.has(mnemonic) ? FEATURE_SSE : FEATURE_MMX;
}
