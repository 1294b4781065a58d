/** Moves of MMX and SSE registers, MXCSR, fences and cache hints (Intel SDM volume 2). */
import type { Cpu } from "../cpu/cpu.ts";
import { EXTRA_FEATURE_SSE3, FEATURE_CLFLUSH, FEATURE_MMX, FEATURE_SSE, FEATURE_SSE2 } from "../cpu/cpuid.ts";
import { VECTOR_GP, VECTOR_UD } from "../cpu/registers.ts";
import { DESTINATION, MXCSR_VALID, SOURCE, type VectorRegisters } from "../vector/vector-registers.ts";
import { signMask } from "../vector/packed-integer.ts";
import type { Binder, Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { address } from "./operands.ts";
import {
  enterMmx,
  enterVector,
  loadMmx,
  memoryBytes,
  mmxFeature,
  readMemory,
  sourceSlot,
  startMmx,
  storeMmx,
  writeMemory,
} from "./vector-access.ts";

export function requireSse3(cpu: Cpu): void {
  if ((cpu.model.extraFeatures & EXTRA_FEATURE_SSE3) === 0) cpu.raise(VECTOR_UD);
}

function copy(v: VectorRegisters, to: number, from: number): void {
  v.bytes.copyWithin(to * 16, from * 16, from * 16 + 16);
}

/** 128-bit moves: MOVAPS, MOVUPS, MOVDQA and kin, MOVNTPS and kin. */
function whole(feature: number, unaligned: boolean): Binder {
  return (form): Handler => {
    const loads = form.row.operands[0].kind === "V";
    return (cpu, op) => {
      enterVector(cpu, feature);
      if (loads) copy(cpu.vectors, op.reg, sourceSlot(cpu, op, form, 16, unaligned));
      else if (form.memory) writeMemory(cpu, op, op.reg, 16, unaligned);
      else copy(cpu.vectors, op.rm, op.reg);
      return op.next;
    };
  };
}

/** MOVSS, MOVSD: one element; a load from memory clears the rest, a move between registers keeps it. */
function scalar(feature: number, words: 1 | 2): Binder {
  return (form): Handler => {
    const loads = form.row.operands[0].kind === "V";
    return (cpu, op) => {
      enterVector(cpu, feature);
      const d = cpu.vectors.doublewords;
      if (!loads && form.memory) writeMemory(cpu, op, op.reg, words * 4);
      else {
        const from = loads ? sourceSlot(cpu, op, form, words * 4) : op.reg;
        const to = loads ? op.reg : op.rm;
        for (let i = 0; i < words; i++) d[to * 4 + i] = d[from * 4 + i];
        if (form.memory) d.fill(0, to * 4 + words, to * 4 + 4);
      }
      return op.next;
    };
  };
}

/** MOVLPS, MOVHPS and kin: half a register from or to memory. */
function half(feature: number, upper: 0 | 1): Binder {
  return (form): Handler => {
    const loads = form.row.operands[0].kind === "V";
    return (cpu, op) => {
      enterVector(cpu, feature);
      const q = cpu.vectors.quadwords;
      if (loads) {
        readMemory(cpu, op, 8);
        q[op.reg * 2 + upper] = q[SOURCE * 2];
      } else {
        q[DESTINATION * 2] = q[op.reg * 2 + upper];
        writeMemory(cpu, op, DESTINATION, 8);
      }
      return op.next;
    };
  };
}

/** MOVD: a doubleword between a general register or memory and either register file. */
const moveDoubleword: Binder = (form): Handler => {
  const [first, second] = form.row.operands;
  const mmx = first.kind === "P" || second.kind === "P";
  const loads = first.kind !== "E";
  const enter = mmx ? (cpu: Cpu) => enterMmx(cpu, FEATURE_MMX) : (cpu: Cpu) => enterVector(cpu, FEATURE_SSE2);
  return (cpu, op) => {
    enter(cpu);
    const d = cpu.vectors.doublewords;
    if (loads) {
      const value = form.memory ? cpu.read32(op.segment, address(cpu, op)) : cpu.r[op.rm];
      if (mmx) {
        startMmx(cpu);
        cpu.x87.unit.set(op.reg, 0xffff, 0, value);
      } else {
        d[op.reg * 4] = value;
        d.fill(0, op.reg * 4 + 1, op.reg * 4 + 4);
      }
      return op.next;
    }
    const value = mmx ? cpu.x87.unit.low[op.reg] : d[op.reg * 4];
    if (form.memory) cpu.write32(op.segment, address(cpu, op), value);
    else cpu.r[op.rm] = value;
    if (mmx) startMmx(cpu);
    return op.next;
  };
};

/** MOVQ of both register files. */
function moveQuadword(form: Form): Handler {
  const loads = "PV".includes(form.row.operands[0].kind);
  if (form.row.operands.some(({ kind }) => kind === "P")) {
    return (cpu, op) => {
      enterMmx(cpu, FEATURE_MMX);
      if (form.memory && loads) readMemory(cpu, op, 8);
      else loadMmx(cpu, SOURCE, loads ? op.rm : op.reg);
      if (form.memory && !loads) writeMemory(cpu, op, SOURCE, 8);
      startMmx(cpu);
      if (loads || !form.memory) storeMmx(cpu, loads ? op.reg : op.rm, SOURCE);
      return op.next;
    };
  }
  return (cpu, op) => {
    enterVector(cpu, FEATURE_SSE2);
    const q = cpu.vectors.quadwords;
    if (!loads && form.memory) writeMemory(cpu, op, op.reg, 8);
    else {
      const from = loads ? sourceSlot(cpu, op, form, 8) : op.reg;
      const to = loads ? op.reg : op.rm;
      q[to * 2] = q[from * 2];
      q[to * 2 + 1] = 0n;
    }
    return op.next;
  };
}

/** Moves within and between registers that choose doublewords. */
function duplicate(order: readonly [number, number, number, number]): Binder {
  return (form): Handler => {
    const bytes = memoryBytes(form.row.operands[1].width);
    return (cpu, op) => {
      requireSse3(cpu);
      enterVector(cpu, FEATURE_SSE2);
      const d = cpu.vectors.doublewords;
      const from = sourceSlot(cpu, op, form, bytes) * 4;
      const [a, b, c, e] = order;
      const chosen = [d[from + a], d[from + b], d[from + c], d[from + e]];
      d.set(chosen, op.reg * 4);
      return op.next;
    };
  };
}

const betweenHalves =
  (to: 0 | 1, from: 0 | 1): Binder =>
  () =>
  (cpu, op) => {
    enterVector(cpu, FEATURE_SSE);
    const q = cpu.vectors.quadwords;
    q[op.reg * 2 + to] = q[op.rm * 2 + from];
    return op.next;
  };

const mask =
  (feature: number, size: number): Binder =>
  () =>
  (cpu, op) => {
    enterVector(cpu, feature);
    cpu.r[op.reg] = signMask(cpu.vectors, op.rm, size, 16 / size);
    return op.next;
  };

/** Instructions that do nothing here but exist only with their feature. */
const featured =
  (feature: number, execute?: (cpu: Cpu, op: Instruction) => void): Binder =>
  () =>
  (cpu, op) => {
    if ((cpu.model.features & feature) === 0) cpu.raise(VECTOR_UD);
    execute?.(cpu, op);
    return op.next;
  };

export const vectorMove: Family = {
  movups: whole(FEATURE_SSE, true),
  movaps: whole(FEATURE_SSE, false),
  movupd: whole(FEATURE_SSE2, true),
  movapd: whole(FEATURE_SSE2, false),
  movdqu: whole(FEATURE_SSE2, true),
  movdqa: whole(FEATURE_SSE2, false),
  movntps: whole(FEATURE_SSE, false),
  movntpd: whole(FEATURE_SSE2, false),
  movntdq: whole(FEATURE_SSE2, false),
  lddqu: (form) => {
    const load = whole(FEATURE_SSE2, true)(form)!;
    return (cpu, op) => {
      requireSse3(cpu);
      return load(cpu, op);
    };
  },
  movss: scalar(FEATURE_SSE, 1),
  movsd: scalar(FEATURE_SSE2, 2),
  movlps: half(FEATURE_SSE, 0),
  movhps: half(FEATURE_SSE, 1),
  movlpd: half(FEATURE_SSE2, 0),
  movhpd: half(FEATURE_SSE2, 1),
  movhlps: betweenHalves(0, 1),
  movlhps: betweenHalves(1, 0),
  movsldup: duplicate([0, 0, 2, 2]),
  movshdup: duplicate([1, 1, 3, 3]),
  movddup: duplicate([0, 1, 0, 1]),
  movd: moveDoubleword,
  movq: moveQuadword,
  movq2dq: () => (cpu, op) => {
    enterVector(cpu, FEATURE_SSE2);
    enterMmx(cpu, FEATURE_SSE2);
    startMmx(cpu);
    loadMmx(cpu, op.reg, op.rm);
    cpu.vectors.quadwords[op.reg * 2 + 1] = 0n;
    return op.next;
  },
  movdq2q: () => (cpu, op) => {
    enterVector(cpu, FEATURE_SSE2);
    enterMmx(cpu, FEATURE_SSE2);
    startMmx(cpu);
    storeMmx(cpu, op.reg, op.rm);
    return op.next;
  },
  movntq: () => (cpu, op) => {
    enterMmx(cpu, mmxFeature("movntq"));
    loadMmx(cpu, SOURCE, op.reg);
    writeMemory(cpu, op, SOURCE, 8);
    startMmx(cpu);
    return op.next;
  },
  movnti: featured(FEATURE_SSE2, (cpu, op) => cpu.write32(op.segment, address(cpu, op), cpu.r[op.reg])),
  movmskps: mask(FEATURE_SSE, 4),
  movmskpd: mask(FEATURE_SSE2, 8),
  ldmxcsr: () => (cpu, op) => {
    enterVector(cpu, FEATURE_SSE);
    const value = cpu.read32(op.segment, address(cpu, op));
    if ((value & ~MXCSR_VALID) !== 0) cpu.raise(VECTOR_GP, 0);
    cpu.vectors.mxcsr = value;
    return op.next;
  },
  stmxcsr: () => (cpu, op) => {
    enterVector(cpu, FEATURE_SSE);
    cpu.write32(op.segment, address(cpu, op), cpu.vectors.mxcsr);
    return op.next;
  },
  sfence: featured(FEATURE_SSE),
  lfence: featured(FEATURE_SSE2),
  mfence: featured(FEATURE_SSE2),
  clflush: featured(FEATURE_CLFLUSH, (cpu, op) => void cpu.read8(op.segment, address(cpu, op))),
};
