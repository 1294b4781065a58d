/** MMX and SSE2 integer instructions, and the shuffles of both (Intel SDM volume 2). Operations: ../vector/packed-integer.ts. */
import type { Cpu } from "../cpu/cpu.ts";
import { FEATURE_MMX, FEATURE_SSE2 } from "../cpu/cpuid.ts";
import { EDI } from "../cpu/registers.ts";
import {
  PACKED,
  PACKED_SHIFTS,
  type PackedOperation,
  type PackedShift,
  shiftCount,
  shuffleDoublewords,
  shuffleWords,
  signMask,
} from "../vector/packed-integer.ts";
import { DESTINATION, SOURCE, type VectorRegisters } from "../vector/vector-registers.ts";
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
} from "./vector-access.ts";

const isMmx = (form: Form) => form.row.operands.some(({ kind }) => "PQN".includes(kind));

/** An operation to = f(to, from, immediate) on either register file, by the row's operands. */
function onVectors(
  operation: (v: VectorRegisters, to: number, from: number, bytes: 8 | 16, immediate: number) => void,
): Binder {
  return (form): Handler => {
    const width = form.row.operands[1].width;
    if (!isMmx(form)) {
      return (cpu, op) => {
        enterVector(cpu, FEATURE_SSE2);
        operation(cpu.vectors, op.reg, sourceSlot(cpu, op, form, 16), 16, op.immediate);
        return op.next;
      };
    }
    const feature = mmxFeature(form.row.mnemonic);
    return (cpu, op) => {
      enterMmx(cpu, feature);
      if (form.memory) readMemory(cpu, op, memoryBytes(width));
      else loadMmx(cpu, SOURCE, op.rm);
      startMmx(cpu);
      loadMmx(cpu, DESTINATION, op.reg);
      operation(cpu.vectors, DESTINATION, SOURCE, 8, op.immediate);
      storeMmx(cpu, op.reg, DESTINATION);
      return op.next;
    };
  };
}

const packed = (operation: PackedOperation): Binder =>
  onVectors((v, to, from, bytes) => operation(v, to, from, bytes));

function shift(operation: PackedShift): Binder {
  const byOperand = onVectors((v, to, from, bytes) => operation(v, to, shiftCount(v, from), bytes));
  return (form): Handler | undefined => {
    if (form.row.operands[1].text !== "Ib") return byOperand(form);
    if (form.memory) return undefined;
    if (!isMmx(form)) {
      return (cpu, op) => {
        enterVector(cpu, FEATURE_SSE2);
        operation(cpu.vectors, op.rm, op.immediate, 16);
        return op.next;
      };
    }
    return (cpu, op) => {
      enterMmx(cpu, FEATURE_MMX);
      startMmx(cpu);
      loadMmx(cpu, DESTINATION, op.rm);
      operation(cpu.vectors, DESTINATION, op.immediate, 8);
      storeMmx(cpu, op.rm, DESTINATION);
      return op.next;
    };
  };
}

const copyQuadword = (v: VectorRegisters, to: number, from: number, half: number) => {
  v.quadwords[to * 2 + half] = v.quadwords[from * 2 + half];
};

/** PEXTRW, PMOVMSKB: a general register from a vector register. */
function toGeneral(
  read: (v: VectorRegisters, from: number, bytes: 8 | 16, immediate: number) => number,
): Binder {
  return (form): Handler | undefined => {
    if (form.memory) return undefined;
    if (!isMmx(form)) {
      return (cpu, op) => {
        enterVector(cpu, FEATURE_SSE2);
        cpu.r[op.reg] = read(cpu.vectors, op.rm, 16, op.immediate);
        return op.next;
      };
    }
    const feature = mmxFeature(form.row.mnemonic);
    return (cpu, op) => {
      enterMmx(cpu, feature);
      startMmx(cpu);
      loadMmx(cpu, SOURCE, op.rm);
      cpu.r[op.reg] = read(cpu.vectors, SOURCE, 8, op.immediate);
      return op.next;
    };
  };
}

const insertWord: Binder = (form) => {
  const word = (cpu: Cpu, op: Instruction) =>
    form.memory ? cpu.read16(op.segment, address(cpu, op)) : cpu.r16[op.rm * 2];
  if (!isMmx(form)) {
    return (cpu, op) => {
      enterVector(cpu, FEATURE_SSE2);
      cpu.vectors.words[op.reg * 8 + (op.immediate & 7)] = word(cpu, op);
      return op.next;
    };
  }
  const feature = mmxFeature(form.row.mnemonic);
  return (cpu, op) => {
    enterMmx(cpu, feature);
    const value = word(cpu, op);
    startMmx(cpu);
    loadMmx(cpu, DESTINATION, op.reg);
    cpu.vectors.words[DESTINATION * 8 + (op.immediate & 3)] = value;
    storeMmx(cpu, op.reg, DESTINATION);
    return op.next;
  };
};

/** MASKMOVQ, MASKMOVDQU: bytes of `from` whose byte in `mask` has its top bit set go to [(E)DI]. */
function writeMasked(cpu: Cpu, op: Instruction, from: number, mask: number, bytes: number): void {
  const at = cpu.r[EDI] & op.addressMask;
  const segment = op.segment;
  const { bytes: array } = cpu.vectors;
  // Bytes that are not selected must be writable too.
  cpu.checkWrite(segment, at, bytes);
  const isSelected = (i: number) => (array[mask * 16 + i] & 0x80) !== 0;
  for (let i = 0; i < bytes; i++) {
    if (isSelected(i)) cpu.write8(segment, (at + i) & op.addressMask, array[from * 16 + i]);
  }
}

const notInMemory =
  (handler: Handler): Binder =>
  (form) =>
    form.memory ? undefined : handler;

export const vectorInteger: Family = {
  ...Object.fromEntries(Object.entries(PACKED).map(([name, operation]) => [name, packed(operation)])),
  ...Object.fromEntries(Object.entries(PACKED_SHIFTS).map(([name, operation]) => [name, shift(operation)])),
  pshufw: onVectors((v, to, from, _, order) => shuffleWords(v, to, from, 0, order)),
  pshufd: onVectors((v, to, from, _, order) => shuffleDoublewords(v, to, from, from, order)),
  pshuflw: onVectors((v, to, from, _, order) => {
    shuffleWords(v, to, from, 0, order);
    copyQuadword(v, to, from, 1);
  }),
  pshufhw: onVectors((v, to, from, _, order) => {
    shuffleWords(v, to, from, 4, order);
    copyQuadword(v, to, from, 0);
  }),
  pinsrw: insertWord,
  pextrw: toGeneral((v, from, bytes, immediate) => v.words[from * 8 + (immediate & (bytes / 2 - 1))]),
  pmovmskb: toGeneral((v, from, bytes) => signMask(v, from, 1, bytes)),
  maskmovq: notInMemory((cpu, op) => {
    enterMmx(cpu, mmxFeature("maskmovq"));
    loadMmx(cpu, DESTINATION, op.reg);
    loadMmx(cpu, SOURCE, op.rm);
    startMmx(cpu);
    writeMasked(cpu, op, DESTINATION, SOURCE, 8);
    return op.next;
  }),
  maskmovdqu: notInMemory((cpu, op) => {
    enterVector(cpu, FEATURE_SSE2);
    writeMasked(cpu, op, op.reg, op.rm, 16);
    return op.next;
  }),
  emms: () => (cpu, op) => {
    enterMmx(cpu, FEATURE_MMX);
    cpu.x87.empty = 0xff;
    cpu.x87.top = 0;
    return op.next;
  },
};
