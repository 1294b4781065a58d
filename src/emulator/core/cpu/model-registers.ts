/** Control registers and model-specific registers as instructions write them (Intel SDM volume 3 §2.5, volume 4). */
import { ATTENTION_BLOCK } from "./attention.ts";
import type { Cpu } from "./cpu.ts";
import {
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_DE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_TSD,
  EFER_NXE,
  EFER_SVME,
  VECTOR_GP,
} from "./registers.ts";
import { FEATURE_FXSR, FEATURE_NX, FEATURE_SSE } from "./cpuid.ts";
import { VM_CR_LOCK, VM_CR_SVMDIS } from "./svm/svm.ts";

const CR0_BITS = 0xe005003f | 0;
/** Without the virtual-8086 mode extensions, which CPUID does not offer. */
const CR4_BITS = CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE;

/** Everything that was decoded or translated may have become wrong. */
function forgetTranslations(cpu: Cpu): void {
  cpu.tlb.flush(true);
  cpu.attend(ATTENTION_BLOCK);
}

export function writeCr0(cpu: Cpu, value: number): void {
  const next = (value & CR0_BITS) | CR0_ET;
  if ((next & CR0_PG) !== 0 && (next & CR0_PE) === 0) cpu.raise(VECTOR_GP, 0);
  if ((next & CR0_NW) !== 0 && (next & CR0_CD) === 0) cpu.raise(VECTOR_GP, 0);
  const changed = next ^ cpu.cr0;
  if ((changed & CR0_PG) !== 0 && (next & CR0_PG) !== 0 && (cpu.cr4 & CR4_PAE) !== 0) {
    cpu.loadDirectoryPointers(cpu.cr3);
  }
  cpu.cr0 = next;
  if ((changed & (CR0_PG | CR0_PE | CR0_WP)) !== 0) forgetTranslations(cpu);
}

export function writeCr4(cpu: Cpu, value: number): void {
  let valid = CR4_BITS;
  if ((cpu.model.features & FEATURE_FXSR) !== 0) valid |= CR4_OSFXSR;
  if ((cpu.model.features & FEATURE_SSE) !== 0) valid |= CR4_OSXMMEXCPT;
  if ((value & ~valid) !== 0) cpu.raise(VECTOR_GP, 0);
  const changed = value ^ cpu.cr4;
  const pages = CR4_PAE | CR4_PSE | CR4_PGE;
  if ((cpu.cr0 & CR0_PG) !== 0 && (value & CR4_PAE) !== 0 && (changed & pages) !== 0) {
    cpu.loadDirectoryPointers(cpu.cr3);
  }
  cpu.cr4 = value;
  if ((changed & pages) !== 0) forgetTranslations(cpu);
}

export const MSR_TSC = 0x10;
export const MSR_SYSENTER_CS = 0x174;
export const MSR_SYSENTER_ESP = 0x175;
export const MSR_SYSENTER_EIP = 0x176;
export const MSR_PAT = 0x277;
/** Write-back, write-through, uncached-, uncached, twice (SDM volume 3 §11.12.4). */
export const PAT_AT_RESET = 0x0007040600070406n;
/** Bit n: memory type n exists; 2, 3 and from 8 on are reserved. */
const PAT_TYPES = 0b1111_0011;
const MSR_EFER = 0xc0000080;
const MTRR_CAP = 0xfe;
const MSR_VM_CR = 0xc0010114;
const MSR_VM_HSAVE_PA = 0xc0010117;

/** Registers that hold what is written: MTRRs, PAT, SYSENTER, machine check of the P6 family. */
const PLAIN = new Set([0x1b, 0x1d9, 0x174, 0x175, 0x176, 0x250, 0x258, 0x259, 0x277, 0x2ff, 0x8b, 0x79]);
for (let msr = 0x200; msr < 0x210; msr++) PLAIN.add(msr);
for (let msr = 0x268; msr < 0x270; msr++) PLAIN.add(msr);

/** The bits of EFER that this processor has, and that the firmware has not taken away. */
function eferBits({ model, svm }: Cpu): number {
  const noExecute = (model.extendedFeatures & FEATURE_NX) !== 0 ? EFER_NXE : 0;
  const virtualization = model.svm !== undefined && (svm.vmCr & VM_CR_SVMDIS) === 0 ? EFER_SVME : 0;
  return noExecute | virtualization;
}

/** Whether each of the eight entries names a memory type. */
function isPat(value: bigint): boolean {
  for (let shift = 0n; shift < 64n; shift += 8n) {
    const type = Number((value >> shift) & 0xffn);
    if (type > 7 || ((PAT_TYPES >> type) & 1) === 0) return false;
  }
  return true;
}

/** The time-stamp counter. */
export function readTsc(cpu: Cpu): bigint {
  return BigInt.asUintN(64, BigInt(cpu.timeStamp()) + cpu.tscOffset + cpu.svm.tscOffset);
}

export function readMsr(cpu: Cpu, number: number): bigint {
  const msr = number >>> 0;
  if (msr === MSR_TSC) return readTsc(cpu);
  if (msr === MSR_EFER && eferBits(cpu) !== 0) return BigInt(cpu.efer);
  if (cpu.model.svm !== undefined) {
    if (msr === MSR_VM_CR) return BigInt(cpu.svm.vmCr);
    if (msr === MSR_VM_HSAVE_PA) return BigInt(cpu.svm.hostSave);
  }
  // Eight variable ranges, fixed ranges, write-combining.
  if (msr === MTRR_CAP) return 0x508n;
  if (!PLAIN.has(msr)) cpu.raise(VECTOR_GP, 0);
  return cpu.msr.get(msr) ?? 0n;
}

export function writeMsr(cpu: Cpu, number: number, value: bigint): void {
  const msr = number >>> 0;
  if (msr === MSR_TSC) {
    cpu.tscOffset = value - BigInt(cpu.timeStamp());
  } else if (msr === MSR_EFER && eferBits(cpu) !== 0) {
    if ((value & ~BigInt(eferBits(cpu))) !== 0n) cpu.raise(VECTOR_GP, 0);
    cpu.efer = Number(value);
    forgetTranslations(cpu);
  } else if (msr === MSR_VM_CR && cpu.model.svm !== undefined) {
    // SVMDIS can be changed only while neither the lock nor SVM itself is on.
    if ((value & ~0x1fn) !== 0n) cpu.raise(VECTOR_GP, 0);
    if ((cpu.svm.vmCr & VM_CR_LOCK) !== 0) return;
    if ((Number(value) & VM_CR_SVMDIS) !== 0 && (cpu.efer & EFER_SVME) !== 0) cpu.raise(VECTOR_GP, 0);
    cpu.svm.vmCr = Number(value);
  } else if (msr === MSR_VM_HSAVE_PA && cpu.model.svm !== undefined) {
    const address = Number(BigInt.asUintN(52, value));
    if (value !== BigInt(address) || !cpu.svm.isVmcbAddress(address)) cpu.raise(VECTOR_GP, 0);
    cpu.svm.hostSave = address;
  } else if (PLAIN.has(msr)) {
    if (msr === MSR_PAT && !isPat(value)) cpu.raise(VECTOR_GP, 0);
    cpu.msr.set(msr, value);
  } else cpu.raise(VECTOR_GP, 0);
}
