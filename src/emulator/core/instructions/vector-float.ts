/**
 * SSE and SSE2 floating-point instructions (Intel SDM volume 2). Operations on elements: ../vector/binary-arithmetic.ts
 * and binary-convert.ts. Results are made in RESULT and taken over when no exception is unmasked.
 */
import type { Cpu } from "../cpu/cpu.ts";
import { FEATURE_SSE, FEATURE_SSE2 } from "../cpu/cpuid.ts";
import { setStatusFlags } from "../cpu/flags.ts";
import { FLAG_CF, FLAG_PF, FLAG_ZF } from "../cpu/registers.ts";
import {
  compareElements,
  ELEMENTS,
  type ElementOperation,
  EQUAL,
  LESS,
  satisfies,
  UNORDERED,
} from "../vector/binary-arithmetic.ts";
import * as convert from "../vector/binary-convert.ts";
import { DOUBLE, SINGLE } from "../vector/binary-format.ts";
import { PACKED, shuffleDoublewords } from "../vector/packed-integer.ts";
import { RESULT, SOURCE, type VectorRegisters } from "../vector/vector-registers.ts";
import type { Binder, Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import {
  enterMmx,
  enterVector,
  loadMmx,
  memoryBytes,
  readMemory,
  settleExceptions,
  sourceSlot,
  startMmx,
  storeMmx,
  takeResult,
} from "./vector-access.ts";
import { requireSse3 } from "./vector-move.ts";

/** What is computed, and into how many doublewords of the destination. */
type Compute = (v: VectorRegisters, to: number, from: number, immediate: number) => void;

/** An operation with exceptions on XMM registers: `doublewords` of RESULT replace those of the destination. */
function floating(feature: number, doublewords: number, compute: Compute, sse3 = false): Binder {
  return (form): Handler => {
    const bytes = memoryBytes(form.row.operands[1].width);
    return (cpu, op) => {
      if (sse3) requireSse3(cpu);
      enterVector(cpu, feature);
      const from = sourceSlot(cpu, op, form, bytes);
      const v = cpu.vectors;
      v.flags = 0;
      compute(v, op.reg, from, op.immediate);
      settleExceptions(cpu);
      takeResult(v, op.reg, doublewords);
      return op.next;
    };
  };
}

const single = (elements: number, operation: ElementOperation): Compute => {
  return (v, to, from) => {
    for (let i = 0; i < elements; i++) operation(v, RESULT * 4 + i, to * 4 + i, from * 4 + i);
  };
};
const double = (elements: number, operation: ElementOperation): Compute => {
  return (v, to, from) => {
    for (let i = 0; i < elements; i++) operation(v, RESULT * 2 + i, to * 2 + i, from * 2 + i);
  };
};

/** The four widths of an operation: …PS, …SS, …PD, …SD. */
function fourWidths(name: string, onSingle: ElementOperation, onDouble: ElementOperation): Family {
  return {
    [`${name}ps`]: floating(FEATURE_SSE, 4, single(4, onSingle)),
    [`${name}ss`]: floating(FEATURE_SSE, 1, single(1, onSingle)),
    [`${name}pd`]: floating(FEATURE_SSE2, 4, double(2, onDouble)),
    [`${name}sd`]: floating(FEATURE_SSE2, 2, double(1, onDouble)),
  };
}

/** SQRT and the approximations have one operand. */
const ofSource =
  (operation: ElementOperation): ElementOperation =>
  (v, result, _, from) =>
    operation(v, result, from, from);

const predicateSingle =
  (elements: number): Compute =>
  (v, to, from, predicate) => {
    for (let i = 0; i < elements; i++) {
      v.doublewords[RESULT * 4 + i] = satisfies(v, SINGLE, to * 4 + i, from * 4 + i, predicate) ? -1 : 0;
    }
  };
const predicateDouble =
  (elements: number): Compute =>
  (v, to, from, predicate) => {
    for (let i = 0; i < elements; i++) {
      const holds = satisfies(v, DOUBLE, to * 2 + i, from * 2 + i, predicate);
      v.doublewords.fill(holds ? -1 : 0, RESULT * 4 + i * 2, RESULT * 4 + i * 2 + 2);
    }
  };

/** COMIS and UCOMIS: the order in ZF, PF and CF. */
function compareToFlags(feature: number, format: typeof SINGLE, quietIsInvalid: boolean): Binder {
  return (form): Handler => {
    const perSlot = 128 / format.bits;
    return (cpu, op) => {
      enterVector(cpu, feature);
      const from = sourceSlot(cpu, op, form, format.bits / 8);
      cpu.vectors.flags = 0;
      const order = compareElements(cpu.vectors, format, op.reg * perSlot, from * perSlot, quietIsInvalid);
      settleExceptions(cpu);
      let flags = 0;
      if (order === UNORDERED) flags = FLAG_ZF | FLAG_PF | FLAG_CF;
      else if (order === EQUAL) flags = FLAG_ZF;
      else if (order === LESS) flags = FLAG_CF;
      setStatusFlags(cpu.r, flags);
      return op.next;
    };
  };
}

/** CVTSS2SI and kin: a general register. */
function toGeneral(
  feature: number,
  bytes: number,
  read: (v: VectorRegisters, slot: number) => number,
): Binder {
  return (form): Handler =>
    (cpu, op) => {
      enterVector(cpu, feature);
      const from = sourceSlot(cpu, op, form, bytes);
      cpu.vectors.flags = 0;
      const value = read(cpu.vectors, from);
      settleExceptions(cpu);
      cpu.r[op.reg] = value;
      return op.next;
    };
}

/** CVTSI2SS, CVTSI2SD. */
function fromGeneral(
  feature: number,
  doublewords: number,
  put: (v: VectorRegisters, value: number) => void,
): Binder {
  return (form): Handler =>
    (cpu, op) => {
      enterVector(cpu, feature);
      if (form.memory) readMemory(cpu, op, 4);
      const value = form.memory ? cpu.vectors.doublewords[SOURCE * 4] : cpu.r[op.rm];
      cpu.vectors.flags = 0;
      put(cpu.vectors, value);
      settleExceptions(cpu);
      takeResult(cpu.vectors, op.reg, doublewords);
      return op.next;
    };
}

/** CVTPS2PI and kin: two doublewords to an MMX register. */
function toMmx(feature: number, compute: Compute): Binder {
  return (form): Handler => {
    const bytes = memoryBytes(form.row.operands[1].width);
    return (cpu, op) => {
      enterVector(cpu, feature);
      enterMmx(cpu, feature);
      const from = sourceSlot(cpu, op, form, bytes);
      cpu.vectors.flags = 0;
      compute(cpu.vectors, RESULT, from, 0);
      startMmx(cpu);
      settleExceptions(cpu);
      storeMmx(cpu, op.reg, RESULT);
      return op.next;
    };
  };
}

/** CVTPI2PS, CVTPI2PD. */
function fromMmx(feature: number, doublewords: number, compute: Compute): Binder {
  return (form): Handler => {
    const touchesMmx = (cpu: Cpu, op: Instruction) => {
      enterMmx(cpu, feature);
      startMmx(cpu);
      loadMmx(cpu, SOURCE, op.rm);
    };
    return (cpu, op) => {
      enterVector(cpu, feature);
      if (form.memory) readMemory(cpu, op, 8);
      else touchesMmx(cpu, op);
      cpu.vectors.flags = 0;
      compute(cpu.vectors, op.reg, SOURCE, 0);
      settleExceptions(cpu);
      takeResult(cpu.vectors, op.reg, doublewords);
      return op.next;
    };
  };
}

const singlesToIntegers =
  (elements: number, truncate: boolean): Compute =>
  (v, _, from) => {
    for (let i = 0; i < elements; i++) {
      v.doublewords[RESULT * 4 + i] = convert.singleToInteger(v, from * 4 + i, truncate);
    }
  };
const doublesToIntegers =
  (truncate: boolean): Compute =>
  (v, _, from) => {
    for (let i = 0; i < 2; i++) {
      v.doublewords[RESULT * 4 + i] = convert.doubleToInteger(v, from * 2 + i, truncate);
    }
    v.doublewords.fill(0, RESULT * 4 + 2, RESULT * 4 + 4);
  };
const integersToSingles =
  (elements: number): Compute =>
  (v, _, from) => {
    for (let i = 0; i < elements; i++)
      convert.integerToSingle(v, RESULT * 4 + i, v.doublewords[from * 4 + i]);
  };
const integersToDoubles: Compute = (v, _, from) => {
  for (let i = 0; i < 2; i++) v.doubles[RESULT * 2 + i] = v.doublewords[from * 4 + i];
};

/** Operations without exceptions that are those of integers, under their floating-point names. */
function bitwise(feature: number, operation: Compute): Binder {
  return (form: Form): Handler =>
    (cpu, op) => {
      enterVector(cpu, feature);
      operation(cpu.vectors, op.reg, sourceSlot(cpu, op, form, 16), op.immediate);
      return op.next;
    };
}

const packed =
  (name: string): Compute =>
  (v, to, from) =>
    PACKED[name](v, to, from, 16);

/** HADD, HSUB: pairs within `to` give the lower half, pairs within `from` the upper. */
const horizontalSingle =
  (operation: ElementOperation): Compute =>
  (v, to, from) => {
    for (let i = 0; i < 4; i++) {
      const pair = (i < 2 ? to : from) * 4 + (i & 1) * 2;
      operation(v, RESULT * 4 + i, pair, pair + 1);
    }
  };
const horizontalDouble =
  (operation: ElementOperation): Compute =>
  (v, to, from) => {
    operation(v, RESULT * 2, to * 2, to * 2 + 1);
    operation(v, RESULT * 2 + 1, from * 2, from * 2 + 1);
  };
const { add, sub, sqrt } = ELEMENTS;
const alternating =
  (elements: number, even: ElementOperation, odd: ElementOperation): Compute =>
  (v, to, from) => {
    for (let i = 0; i < elements; i++) {
      const operation = (i & 1) === 0 ? even : odd;
      operation(v, RESULT * elements + i, to * elements + i, from * elements + i);
    }
  };

export const vectorFloat: Family = {
  ...Object.assign(
    {},
    ...["add", "sub", "mul", "div", "min", "max"].map((name) =>
      fourWidths(name, ELEMENTS[name].single, ELEMENTS[name].double),
    ),
  ),
  ...fourWidths("sqrt", ofSource(sqrt.single), ofSource(sqrt.double)),
  rcpps: floating(FEATURE_SSE, 4, single(4, ofSource(convert.approximateReciprocal))),
  rcpss: floating(FEATURE_SSE, 1, single(1, ofSource(convert.approximateReciprocal))),
  rsqrtps: floating(FEATURE_SSE, 4, single(4, ofSource(convert.approximateReciprocalRoot))),
  rsqrtss: floating(FEATURE_SSE, 1, single(1, ofSource(convert.approximateReciprocalRoot))),
  cmpps: floating(FEATURE_SSE, 4, predicateSingle(4)),
  cmpss: floating(FEATURE_SSE, 1, predicateSingle(1)),
  cmppd: floating(FEATURE_SSE2, 4, predicateDouble(2)),
  cmpsd: floating(FEATURE_SSE2, 2, predicateDouble(1)),
  comiss: compareToFlags(FEATURE_SSE, SINGLE, true),
  ucomiss: compareToFlags(FEATURE_SSE, SINGLE, false),
  comisd: compareToFlags(FEATURE_SSE2, DOUBLE, true),
  ucomisd: compareToFlags(FEATURE_SSE2, DOUBLE, false),
  haddps: floating(FEATURE_SSE, 4, horizontalSingle(add.single), true),
  hsubps: floating(FEATURE_SSE, 4, horizontalSingle(sub.single), true),
  haddpd: floating(FEATURE_SSE2, 4, horizontalDouble(add.double), true),
  hsubpd: floating(FEATURE_SSE2, 4, horizontalDouble(sub.double), true),
  addsubps: floating(FEATURE_SSE, 4, alternating(4, sub.single, add.single), true),
  addsubpd: floating(FEATURE_SSE2, 4, alternating(2, sub.double, add.double), true),
  cvtsi2ss: fromGeneral(FEATURE_SSE, 1, (v, value) => convert.integerToSingle(v, RESULT * 4, value)),
  cvtsi2sd: fromGeneral(FEATURE_SSE2, 2, (v, value) => {
    v.doubles[RESULT * 2] = value;
  }),
  cvtss2si: toGeneral(FEATURE_SSE, 4, (v, slot) => convert.singleToInteger(v, slot * 4, false)),
  cvttss2si: toGeneral(FEATURE_SSE, 4, (v, slot) => convert.singleToInteger(v, slot * 4, true)),
  cvtsd2si: toGeneral(FEATURE_SSE2, 8, (v, slot) => convert.doubleToInteger(v, slot * 2, false)),
  cvttsd2si: toGeneral(FEATURE_SSE2, 8, (v, slot) => convert.doubleToInteger(v, slot * 2, true)),
  cvtpi2ps: fromMmx(FEATURE_SSE, 2, integersToSingles(2)),
  cvtpi2pd: fromMmx(FEATURE_SSE2, 4, integersToDoubles),
  cvtps2pi: toMmx(FEATURE_SSE, singlesToIntegers(2, false)),
  cvttps2pi: toMmx(FEATURE_SSE, singlesToIntegers(2, true)),
  cvtpd2pi: toMmx(FEATURE_SSE2, doublesToIntegers(false)),
  cvttpd2pi: toMmx(FEATURE_SSE2, doublesToIntegers(true)),
  cvtdq2ps: floating(FEATURE_SSE2, 4, integersToSingles(4)),
  cvtdq2pd: floating(FEATURE_SSE2, 4, integersToDoubles),
  cvtps2dq: floating(FEATURE_SSE2, 4, singlesToIntegers(4, false)),
  cvttps2dq: floating(FEATURE_SSE2, 4, singlesToIntegers(4, true)),
  cvtpd2dq: floating(FEATURE_SSE2, 4, doublesToIntegers(false)),
  cvttpd2dq: floating(FEATURE_SSE2, 4, doublesToIntegers(true)),
  cvtps2pd: floating(FEATURE_SSE2, 4, (v, _, from) => {
    for (let i = 0; i < 2; i++) convert.singleToDouble(v, RESULT * 2 + i, from * 4 + i);
  }),
  cvtss2sd: floating(FEATURE_SSE2, 2, (v, _, from) => convert.singleToDouble(v, RESULT * 2, from * 4)),
  cvtpd2ps: floating(FEATURE_SSE2, 4, (v, _, from) => {
    for (let i = 0; i < 2; i++) convert.doubleToSingle(v, RESULT * 4 + i, from * 2 + i);
    v.doublewords.fill(0, RESULT * 4 + 2, RESULT * 4 + 4);
  }),
  cvtsd2ss: floating(FEATURE_SSE2, 1, (v, _, from) => convert.doubleToSingle(v, RESULT * 4, from * 2)),
  andps: bitwise(FEATURE_SSE, packed("pand")),
  andpd: bitwise(FEATURE_SSE2, packed("pand")),
  andnps: bitwise(FEATURE_SSE, packed("pandn")),
  andnpd: bitwise(FEATURE_SSE2, packed("pandn")),
  orps: bitwise(FEATURE_SSE, packed("por")),
  orpd: bitwise(FEATURE_SSE2, packed("por")),
  xorps: bitwise(FEATURE_SSE, packed("pxor")),
  xorpd: bitwise(FEATURE_SSE2, packed("pxor")),
  unpcklps: bitwise(FEATURE_SSE, packed("punpckldq")),
  unpckhps: bitwise(FEATURE_SSE, packed("punpckhdq")),
  unpcklpd: bitwise(FEATURE_SSE2, packed("punpcklqdq")),
  unpckhpd: bitwise(FEATURE_SSE2, packed("punpckhqdq")),
  shufps: bitwise(FEATURE_SSE, (v, to, from, order) => shuffleDoublewords(v, to, to, from, order)),
  shufpd: bitwise(FEATURE_SSE2, (v, to, from, order) => {
    const low = v.quadwords[to * 2 + (order & 1)];
    const high = v.quadwords[from * 2 + ((order >>> 1) & 1)];
    v.quadwords[to * 2] = low;
    v.quadwords[to * 2 + 1] = high;
  }),
};
