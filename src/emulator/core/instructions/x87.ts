/**
 * x87 instructions that compute, compare and move (Intel SDM volume 2). What they do to the register stack stands in
 * ../float; here operands are fetched and stored. Control instructions: x87-control.ts.
 */
import type { Cpu } from "../cpu/cpu.ts";
import { carryFlag, parityFlag, setStatusFlags, zeroFlag } from "../cpu/flags.ts";
import { CR0_EM, CR0_NE, CR0_TS, CS, EIP, FLAG_CF, FLAG_PF, FLAG_ZF } from "../cpu/registers.ts";
import { VECTOR_MF, VECTOR_NM } from "../cpu/registers.ts";
import { add, subtract } from "../float/add.ts";
import {
  loadFloat32,
  loadFloat64,
  operandFloat32,
  operandFloat64,
  toFloat32,
  toFloat64,
} from "../float/binary.ts";
import { CONSTANTS, setConstant, setOne, setZero } from "../float/constants.ts";
import { divide, squareRoot } from "../float/divide.ts";
import { absolute, C0, C1, C2, C3, changeSign, type ExtendedUnit } from "../float/extended.ts";
import { fromDecimal, fromInteger, roundToInteger, toDecimal, toInteger } from "../float/integer.ts";
import { multiply } from "../float/multiply.ts";
import { remainderNearest, remainderTruncated } from "../float/remainder.ts";
import { scale } from "../float/scale.ts";
import * as x87 from "../float/x87-operations.ts";
import { MEMORY_OPERAND } from "../float/x87-state.ts";
import type { Binder, Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { address } from "./operands.ts";

/** What every x87 instruction but the no-wait ones does first: #NM, then #MF for an exception that an earlier one left. */
export function enter(cpu: Cpu): void {
  if ((cpu.cr0 & (CR0_EM | CR0_TS)) !== 0) cpu.raise(VECTOR_NM);
  if (cpu.x87.errorPending) reportError(cpu);
}

/** An unmasked exception: #MF, or with CR0.NE clear the PC's way (SDM volume 1, 8.7): FERR# and waiting for its interrupt. */
export function reportError(cpu: Cpu): void {
  if ((cpu.cr0 & CR0_NE) !== 0) cpu.raise(VECTOR_MF);
  if (cpu.ignoreFloatError) return;
  cpu.onFloatError();
  cpu.freeze();
}

/** Keeps where the instruction stands and, in front of its memory operand, where that is: for FNSTENV and FNSAVE. */
function remember(cpu: Cpu, op: Instruction, escape: number): void {
  const state = cpu.x87;
  state.opcode = ((escape & 7) << 8) | op.modrm;
  state.instructionOffset = (cpu.r[EIP] + op.offset) | 0;
  state.instructionSelector = cpu.selector[CS];
}

function rememberOperand(cpu: Cpu, op: Instruction, at: number): void {
  cpu.x87.operandOffset = at;
  cpu.x87.operandSelector = cpu.selector[op.segment];
}

/** A handler around what an instruction without memory operand does. */
export function onStack(execute: (cpu: Cpu, op: Instruction) => void): Binder {
  return ({ row }) =>
    (cpu, op) => {
      enter(cpu);
      remember(cpu, op, row.opcode);
      execute(cpu, op);
      return op.next;
    };
}

/** Fetches a memory operand into `slot`, by its notation. Integers are exact; a denormal is noted for the operation. */
const OPERAND: Readonly<Record<string, (cpu: Cpu, op: Instruction, at: number, slot: number) => void>> = {
  Mfd: (cpu, op, at, slot) => operandFloat32(cpu.x87.unit, slot, cpu.read32(op.segment, at)),
  Mfq: (cpu, op, at, slot) => {
    cpu.checkLimit(op.segment, at, 8, false);
    const low = cpu.read32(op.segment, at);
    operandFloat64(cpu.x87.unit, slot, cpu.read32(op.segment, at + 4), low);
  },
  Mw: (cpu, op, at, slot) => {
    const value = (cpu.read16(op.segment, at) << 16) >> 16;
    fromInteger(cpu.x87.unit, slot, value >> 31, value);
  },
  Md: (cpu, op, at, slot) => {
    const value = cpu.read32(op.segment, at);
    fromInteger(cpu.x87.unit, slot, value >> 31, value);
  },
};

type Use = (cpu: Cpu, to: number, a: number, b: number) => boolean;

/** `ST0,F`, `F,ST0` or a memory operand: use(destination, destination, source), then as many pops as the mnemonic says. */
function twoOperands(use: Use, pops: number): Binder {
  return (form): Handler | undefined => {
    const { row } = form;
    if (form.memory) {
      const fetch = OPERAND[row.operands[0].text];
      return (cpu, op) => {
        enter(cpu);
        const at = address(cpu, op);
        fetch(cpu, op, at, MEMORY_OPERAND);
        remember(cpu, op, row.opcode);
        rememberOperand(cpu, op, at);
        const { top } = cpu.x87;
        if (use(cpu, top, top, MEMORY_OPERAND)) for (let i = 0; i < pops; i++) cpu.x87.pop();
        return op.next;
      };
    }
    const toRegister = row.operands[0]?.text === "F";
    return (cpu, op) => {
      enter(cpu);
      remember(cpu, op, row.opcode);
      const { top } = cpu.x87;
      // FCOMPP and FUCOMPP name no register: ST(1).
      const other = cpu.x87.slot(row.operands.length === 0 ? 1 : op.rm);
      const done = toRegister ? use(cpu, other, other, top) : use(cpu, top, top, other);
      if (done) for (let i = 0; i < pops; i++) cpu.x87.pop();
      return op.next;
    };
  };
}

const computes =
  (operation: x87.TwoOperands): Use =>
  (cpu, to, a, b) =>
    x87.arithmetic(cpu.x87, operation, to, a, b);
const computesReversed =
  (operation: x87.TwoOperands): Use =>
  (cpu, to, a, b) =>
    x87.arithmetic(cpu.x87, operation, to, b, a);
const compares =
  (quiet: boolean): Use =>
  (cpu, _, a, b) =>
    x87.compareStack(cpu.x87, a, b, quiet);
const comparesToFlags =
  (quiet: boolean): Use =>
  (cpu, _, a, b) => {
    const masked = x87.compareToFlags(cpu.x87, a, b, quiet);
    const { status } = cpu.x87.unit;
    const flags =
      ((status & C3) !== 0 ? FLAG_ZF : 0) |
      ((status & C2) !== 0 ? FLAG_PF : 0) |
      ((status & C0) !== 0 ? FLAG_CF : 0);
    setStatusFlags(cpu.r, flags);
    return masked;
  };

function arithmeticFamily(): Record<string, Binder> {
  const uses: Record<string, Use> = {
    add: computes(add),
    mul: computes(multiply),
    sub: computes(subtract),
    subr: computesReversed(subtract),
    div: computes(divide),
    divr: computesReversed(divide),
  };
  const family: Record<string, Binder> = {};
  for (const [name, use] of Object.entries(uses)) {
    family[`f${name}`] = family[`fi${name}`] = twoOperands(use, 0);
    family[`f${name}p`] = twoOperands(use, 1);
  }
  for (const [name, pops] of [
    ["com", 0],
    ["comp", 1],
    ["compp", 2],
  ] as const) {
    family[`f${name}`] = family[`fi${name}`] = twoOperands(compares(false), pops);
    family[`fu${name}`] = twoOperands(compares(true), pops);
  }
  family.fcomi = twoOperands(comparesToFlags(false), 0);
  family.fcomip = twoOperands(comparesToFlags(false), 1);
  family.fucomi = twoOperands(comparesToFlags(true), 0);
  family.fucomip = twoOperands(comparesToFlags(true), 1);
  return family;
}

/** Operations of ST0 with ST1 and of ST0 alone. */
const remainderOf = (operation: x87.TwoOperands) =>
  onStack((cpu) => x87.remainder(cpu.x87, operation, cpu.x87.top, cpu.x87.top, cpu.x87.slot(1)));
const unaryOf = (operation: x87.OneOperand) =>
  onStack((cpu) => void x87.unary(cpu.x87, operation, cpu.x87.top));
const inPlace = (operation: (unit: ExtendedUnit, slot: number) => void) =>
  unaryOf((unit, to) => {
    operation(unit, to);
    return true;
  });

const moveIf = (condition: (r: Int32Array) => boolean) =>
  onStack((cpu, op) => x87.moveIf(cpu.x87, cpu.x87.slot(op.rm), condition(cpu.r)));
const below = (r: Int32Array) => carryFlag(r) !== 0;
const equal = (r: Int32Array) => zeroFlag(r) !== 0;
const belowOrEqual = (r: Int32Array) => carryFlag(r) !== 0 || zeroFlag(r) !== 0;
const unordered = (r: Int32Array) => parityFlag(r) !== 0;
const not = (condition: (r: Int32Array) => boolean) => (r: Int32Array) => !condition(r);

const pushes = (make: (unit: ExtendedUnit, to: number) => boolean) =>
  onStack((cpu) => x87.push(cpu.x87, make));

/** Reads a memory operand and answers how it is pushed. */
type Load = (cpu: Cpu, segment: number, at: number) => (unit: ExtendedUnit, to: number) => boolean;
const LOADS: Readonly<Record<string, Load>> = {
  "fld Mfd": (cpu, segment, at) => {
    const bits = cpu.read32(segment, at);
    return (unit, to) => loadFloat32(unit, to, bits);
  },
  "fld Mfq": (cpu, segment, at) => {
    cpu.checkLimit(segment, at, 8, false);
    const low = cpu.read32(segment, at);
    const high = cpu.read32(segment, at + 4);
    return (unit, to) => loadFloat64(unit, to, high, low);
  },
  "fld Mft": (cpu, segment, at) => {
    cpu.checkLimit(segment, at, 10, false);
    const low = cpu.read32(segment, at);
    const high = cpu.read32(segment, at + 4);
    const signExponent = cpu.read16(segment, at + 8);
    return (unit, to) => {
      unit.status = 0;
      unit.set(to, signExponent, high, low);
      return true;
    };
  },
  "fild Mw": (cpu, segment, at) => {
    const value = (cpu.read16(segment, at) << 16) >> 16;
    return (unit, to) => fromInteger(unit, to, value >> 31, value);
  },
  "fild Md": (cpu, segment, at) => {
    const value = cpu.read32(segment, at);
    return (unit, to) => fromInteger(unit, to, value >> 31, value);
  },
  "fild Mq": (cpu, segment, at) => {
    cpu.checkLimit(segment, at, 8, false);
    const low = cpu.read32(segment, at);
    const high = cpu.read32(segment, at + 4);
    return (unit, to) => fromInteger(unit, to, high, low);
  },
  "fbld Mft": (cpu, segment, at) => {
    cpu.checkLimit(segment, at, 10, false);
    const word0 = cpu.read32(segment, at);
    const word1 = cpu.read32(segment, at + 4);
    const word2 = cpu.read16(segment, at + 8);
    return (unit, to) => fromDecimal(unit, to, word0, word1, word2);
  },
};

function load(form: Form): Handler | undefined {
  const { row } = form;
  if (row.operands[0].text === "F") {
    return form.memory
      ? undefined
      : onStack((cpu, op) => x87.pushRegister(cpu.x87, cpu.x87.slot(op.rm)))(form);
  }
  const read = LOADS[`${row.mnemonic} ${form.operands}`];
  return (cpu, op) => {
    enter(cpu);
    const at = address(cpu, op);
    const make = read(cpu, op.segment, at);
    remember(cpu, op, row.opcode);
    rememberOperand(cpu, op, at);
    x87.push(cpu.x87, make);
    return op.next;
  };
}

interface Store {
  readonly bytes: number;
  /** Makes the memory image in `unit.words`; answers whether it is to be stored. */
  convert(unit: ExtendedUnit, slot: number): boolean;
  /** The image stored for an empty register. */
  readonly indefinite: readonly [number, number, number];
}

const INTEGER_64: Store["indefinite"] = [0, 0x80000000, 0];
const STORES: Readonly<Record<string, Store>> = {
  Mfd: { bytes: 4, convert: toFloat32, indefinite: [0xffc00000, 0, 0] },
  Mfq: { bytes: 8, convert: toFloat64, indefinite: [0, 0xfff80000, 0] },
  Mft: { bytes: 10, convert: storeExtended, indefinite: [0, 0xc0000000, 0xffff] },
  "fist Mw": { bytes: 2, convert: (u, s) => toInteger(u, s, 16, false), indefinite: [0x8000, 0, 0] },
  "fist Md": { bytes: 4, convert: (u, s) => toInteger(u, s, 32, false), indefinite: [0x80000000, 0, 0] },
  "fist Mq": { bytes: 8, convert: (u, s) => toInteger(u, s, 64, false), indefinite: INTEGER_64 },
  "fisttp Mw": { bytes: 2, convert: (u, s) => toInteger(u, s, 16, true), indefinite: [0x8000, 0, 0] },
  "fisttp Md": { bytes: 4, convert: (u, s) => toInteger(u, s, 32, true), indefinite: [0x80000000, 0, 0] },
  "fisttp Mq": { bytes: 8, convert: (u, s) => toInteger(u, s, 64, true), indefinite: INTEGER_64 },
  "fbstp Mft": { bytes: 10, convert: toDecimal, indefinite: [0, 0xc0000000, 0xffff] },
};

function storeExtended(unit: ExtendedUnit, slot: number): boolean {
  unit.status = 0;
  unit.words[0] = unit.low[slot];
  unit.words[1] = unit.high[slot];
  unit.words[2] = unit.signExponent[slot];
  return true;
}

function storeWords(cpu: Cpu, segment: number, at: number, words: ArrayLike<number>, bytes: number): void {
  if (bytes === 2) cpu.write16(segment, at, words[0]);
  else if (bytes === 4) cpu.write32(segment, at, words[0]);
  else {
    cpu.checkWrite(segment, at, bytes);
    cpu.write32(segment, at, words[0]);
    cpu.write32(segment, at + 4, words[1]);
    if (bytes === 10) cpu.write16(segment, at + 8, words[2]);
  }
}

function storeTo(form: Form, pops: boolean, name: string): Handler | undefined {
  const { row } = form;
  const operand = row.operands[0].text;
  if (operand === "F") {
    return onStack((cpu, op) => {
      if (x87.storeRegister(cpu.x87, cpu.x87.slot(op.rm)) && pops) cpu.x87.pop();
    })(form);
  }
  const store = STORES[`${name} ${operand}`] ?? STORES[operand];
  return (cpu, op) => {
    enter(cpu);
    const at = address(cpu, op);
    const state = cpu.x87;
    const { unit, top } = state;
    const empty = state.isEmpty(top);
    let stored: boolean;
    if (empty) {
      stored = (state.control & 1) !== 0;
      if (stored) storeWords(cpu, op.segment, at, store.indefinite, store.bytes);
      else cpu.checkWrite(op.segment, at, store.bytes);
      state.stackFault(false);
    } else {
      stored = store.convert(unit, top);
      if (stored) storeWords(cpu, op.segment, at, unit.words, store.bytes);
      else cpu.checkWrite(op.segment, at, store.bytes);
      state.commit(C1);
    }
    remember(cpu, op, row.opcode);
    rememberOperand(cpu, op, at);
    if (stored && pops) state.pop();
    return op.next;
  };
}

const store =
  (pops: boolean, name = ""): Binder =>
  (form) =>
    storeTo(form, pops, name);

export const x87Instructions: Family = {
  ...arithmeticFamily(),
  fsqrt: unaryOf(squareRoot),
  frndint: unaryOf(roundToInteger),
  fchs: inPlace(changeSign),
  fabs: inPlace(absolute),
  fprem: remainderOf(remainderTruncated),
  fprem1: remainderOf(remainderNearest),
  fscale: onStack((cpu) => {
    const { top } = cpu.x87;
    x87.arithmetic(cpu.x87, scale, top, top, cpu.x87.slot(1));
  }),
  fxtract: onStack((cpu) => x87.extractTop(cpu.x87)),
  fxam: onStack((cpu) => x87.examineTop(cpu.x87)),
  ftst: onStack((cpu) => {
    setZero(cpu.x87.unit, MEMORY_OPERAND);
    x87.compareStack(cpu.x87, cpu.x87.top, MEMORY_OPERAND, false);
  }),
  fxch: onStack((cpu, op) => x87.exchange(cpu.x87, cpu.x87.slot(op.rm))),
  fcmovb: moveIf(below),
  fcmove: moveIf(equal),
  fcmovbe: moveIf(belowOrEqual),
  fcmovu: moveIf(unordered),
  fcmovnb: moveIf(not(below)),
  fcmovne: moveIf(not(equal)),
  fcmovnbe: moveIf(not(belowOrEqual)),
  fcmovnu: moveIf(not(unordered)),
  fld1: pushes(setOne),
  fldz: pushes(setZero),
  ...Object.fromEntries(
    Object.entries(CONSTANTS).map(([name, constant]) => [
      name,
      pushes((unit, to) => setConstant(unit, to, constant)),
    ]),
  ),
  fld: load,
  fild: load,
  fbld: load,
  fst: store(false),
  fstp: store(true),
  fstpnce: onStack((cpu, op) => {
    const { x87: state } = cpu;
    const to = state.slot(op.rm);
    // An empty top is no stack fault here: nothing is copied.
    if (!state.isEmpty(state.top)) {
      state.unit.copy(to, state.top);
      state.fill(to);
    }
    state.status &= ~C1;
    state.pop();
  }),
  fist: store(false, "fist"),
  fistp: store(true, "fist"),
  fisttp: store(true, "fisttp"),
  fbstp: store(true, "fbstp"),
};
