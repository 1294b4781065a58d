/** The processor as plain data. Decoded blocks and translations are not part of it: both are dropped on either side. */
import {
  ATTENTION_HALT,
  ATTENTION_INJECT,
  ATTENTION_NMI,
  ATTENTION_RESUME,
  ATTENTION_SHADOW,
  ATTENTION_TRAP,
  ATTENTION_VIRTUAL,
} from "./attention.ts";
import type { X87Snapshot } from "../float/x87-state.ts";
import type { VectorSnapshot } from "../vector/vector-registers.ts";
import type { Cpu } from "./cpu.ts";
import type { SvmState } from "./svm/svm.ts";
import { setSegment } from "./segmentation.ts";

/** What has asked for attention and is part of the processor, not of a line into it. */
const KEPT_ATTENTION =
  ATTENTION_HALT |
  ATTENTION_NMI |
  ATTENTION_SHADOW |
  ATTENTION_TRAP |
  ATTENTION_VIRTUAL |
  ATTENTION_INJECT |
  ATTENTION_RESUME;

export interface CpuState {
  version: 1;
  registers: Int32Array;
  systemFlags: number;
  selectors: number[];
  bases: number[];
  limits: number[];
  attributes: number[];
  spans: Uint32Array;
  cpl: number;
  tables: number[];
  control: number[];
  directoryPointers: Int32Array;
  modelRegisters: [number, string][];
  timeStampOffset: string;
  debug: Int32Array;
  attention: number;
  nmiBlocked: boolean;
  halted: boolean;
  pendingDebug: number;
  instructions: number;
  x87: X87Snapshot;
  ignoreFloatError: boolean;
  vectors: VectorSnapshot;
  svm: SvmState;
  random: number[];
}

/**
 * Forgets translations too: a restored processor has none, and whether a page is walked again shows in its accessed bit.
 * Only so does a machine that was saved go on exactly as the one that is restored from it.
 */
export function saveCpu(cpu: Cpu): CpuState {
  cpu.svm.flushAll();
  return {
    version: 1,
    registers: cpu.r.slice(),
    systemFlags: cpu.systemFlags,
    selectors: [...cpu.selector],
    bases: [...cpu.base],
    limits: [...cpu.limit],
    attributes: [...cpu.attributes],
    spans: cpu.span.slice(),
    cpl: cpu.cpl,
    tables: [cpu.gdtrBase, cpu.gdtrLimit, cpu.idtrBase, cpu.idtrLimit],
    control: [cpu.cr0, cpu.cr2, cpu.cr3, cpu.cr4, cpu.efer],
    directoryPointers: cpu.pdpte.slice(),
    modelRegisters: [...cpu.msr].map(([number, value]) => [number, value.toString()]),
    timeStampOffset: cpu.tscOffset.toString(),
    debug: cpu.dr.slice(),
    attention: cpu.attention & KEPT_ATTENTION,
    nmiBlocked: cpu.nmiBlocked,
    halted: cpu.halted,
    pendingDebug: cpu.pendingDebug,
    instructions: cpu.instructions,
    x87: cpu.x87.save(),
    ignoreFloatError: cpu.ignoreFloatError,
    vectors: cpu.vectors.save(),
    svm: cpu.svm.save(),
    random: cpu.random.save(),
  };
}

/** Memory must be in place already. The interrupt line is the interrupt controller's to restore. */
export function restoreCpu(cpu: Cpu, state: CpuState): void {
  cpu.r.set(state.registers);
  cpu.systemFlags = state.systemFlags;
  for (let segment = 0; segment < 8; segment++) {
    setSegment(
      cpu,
      segment,
      state.selectors[segment],
      state.bases[segment],
      state.limits[segment],
      state.attributes[segment],
    );
  }
  cpu.span.set(state.spans);
  cpu.setPrivilege(state.cpl);
  [cpu.gdtrBase, cpu.gdtrLimit, cpu.idtrBase, cpu.idtrLimit] = state.tables;
  [cpu.cr0, cpu.cr2, cpu.cr3, cpu.cr4, cpu.efer] = state.control;
  cpu.pdpte.set(state.directoryPointers);
  cpu.msr.clear();
  for (const [number, value] of state.modelRegisters) cpu.msr.set(number, BigInt(value));
  cpu.tscOffset = BigInt(state.timeStampOffset);
  cpu.dr.set(state.debug);
  cpu.nmiBlocked = state.nmiBlocked;
  cpu.halted = state.halted;
  cpu.pendingDebug = state.pendingDebug;
  cpu.instructions = state.instructions;
  cpu.x87.restore(state.x87);
  cpu.ignoreFloatError = state.ignoreFloatError;
  cpu.vectors.restore(state.vectors);
  cpu.attention = state.attention;
  cpu.svm.restore(state.svm);
  cpu.random.restore(state.random);
  cpu.blocks.clear();
  cpu.watcher.refresh();
}
