/** Near jumps, calls, returns and loops, HLT and the flag instructions (Intel SDM volume 2). */
import { ATTENTION_HALT, ATTENTION_SHADOW } from "../cpu/attention.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { carryFlag, condition, setCarryFlag, setStatusFlags, statusFlags } from "../cpu/flags.ts";
import {
  CS,
  ECX,
  EIP,
  ESP,
  FLAG_DF,
  FLAG_IF,
  FLAG_RESULT,
  SS,
  VECTOR_GP,
  VECTOR_UD,
} from "../cpu/registers.ts";
import type { Family, Form } from "./family.ts";
import { ADDRESS_32, type Handler, type Instruction } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";

/** Goes on at `target`, which must lie within the code segment. */
export function goTo(cpu: Cpu, target: number): null {
  if (target >>> 0 > cpu.limit[CS]) cpu.raise(VECTOR_GP, 0);
  cpu.r[EIP] = target;
  return null;
}

function relative(cpu: Cpu, op: Instruction, wide: boolean): number {
  const target = (cpu.r[EIP] + op.end + op.immediate) | 0;
  return wide ? target : target & 0xffff;
}

export function push(cpu: Cpu, value: number, wide: boolean): void {
  const old = cpu.r[ESP];
  const at = (old - (wide ? 4 : 2)) & cpu.stackMask;
  if (wide) cpu.write32(SS, at, value);
  else cpu.write16(SS, at, value);
  cpu.r[ESP] = (old & ~cpu.stackMask) | at;
}

const bindJump = (form: Form): Handler | undefined => {
  const a = accessOf(form.wide ? 32 : 16);
  if (form.row.operands[0].kind === "J") return (cpu, op) => goTo(cpu, relative(cpu, op, form.wide));
  if (form.row.operands[0].kind !== "E") return undefined;
  return (cpu, op) => goTo(cpu, form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm));
};

const bindCall = (form: Form): Handler | undefined => {
  const a = accessOf(form.wide ? 32 : 16);
  const kind = form.row.operands[0].kind;
  if (kind !== "J" && kind !== "E") return undefined;
  return (cpu, op) => {
    let target: number;
    if (kind === "J") target = relative(cpu, op, form.wide);
    else target = form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
    if (target >>> 0 > cpu.limit[CS]) cpu.raise(VECTOR_GP, 0);
    push(cpu, (cpu.r[EIP] + op.end) | 0, form.wide);
    return goTo(cpu, target);
  };
};

const bindReturn = (form: Form): Handler => {
  const a = accessOf(form.wide ? 32 : 16);
  return (cpu, op) => {
    const mask = cpu.stackMask;
    const old = cpu.r[ESP];
    const target = a.load(cpu, SS, old & mask);
    goTo(cpu, target);
    cpu.r[ESP] = (old & ~mask) | ((old + (form.wide ? 4 : 2) + op.immediate) & mask);
    return null;
  };
};

function bindLoop(taken: (cpu: Cpu, count: number) => boolean, counts: boolean): Family[string] {
  return (form) => (cpu, op) => {
    const wideCount = (op.flags & ADDRESS_32) !== 0;
    const step = counts ? 1 : 0;
    const count = wideCount ? (cpu.r[ECX] - step) | 0 : (cpu.r[ECX] - step) & 0xffff;
    const go = taken(cpu, count);
    const target = relative(cpu, op, form.wide);
    if (go && target >>> 0 > cpu.limit[CS]) cpu.raise(VECTOR_GP, 0);
    if (wideCount) cpu.r[ECX] = count;
    else cpu.r16[ECX * 2] = count;
    return go ? goTo(cpu, target) : op.next;
  };
}

const family: Record<string, Family[string]> = {
  jmp: bindJump,
  call: bindCall,
  ret: bindReturn,
  loop: bindLoop((_, count) => count !== 0, true),
  loope: bindLoop((cpu, count) => count !== 0 && cpu.r[FLAG_RESULT] === 0, true),
  loopne: bindLoop((cpu, count) => count !== 0 && cpu.r[FLAG_RESULT] !== 0, true),
  jcxz: bindLoop((_, count) => count === 0, false),
  ud2: () => (cpu) => cpu.raise(VECTOR_UD),
  ud0: () => (cpu) => cpu.raise(VECTOR_UD),
  ud1: () => (cpu) => cpu.raise(VECTOR_UD),
  hlt: () => (cpu, op) => {
    if (cpu.cpl !== 0) cpu.raise(VECTOR_GP, 0);
    cpu.halted = true;
    cpu.attend(ATTENTION_HALT);
    return op.next;
  },
  clc: () => (cpu, op) => {
    setCarryFlag(cpu.r, 0);
    return op.next;
  },
  stc: () => (cpu, op) => {
    setCarryFlag(cpu.r, 1);
    return op.next;
  },
  cmc: () => (cpu, op) => {
    setCarryFlag(cpu.r, carryFlag(cpu.r) ^ 1);
    return op.next;
  },
  cld: () => (cpu, op) => {
    cpu.systemFlags &= ~FLAG_DF;
    return op.next;
  },
  std: () => (cpu, op) => {
    cpu.systemFlags |= FLAG_DF;
    return op.next;
  },
  cli: () => (cpu, op) => {
    if (cpu.cpl > ((cpu.systemFlags >>> 12) & 3)) cpu.raise(VECTOR_GP, 0);
    cpu.systemFlags &= ~FLAG_IF;
    return op.next;
  },
  sti: () => (cpu, op) => {
    if (cpu.cpl > ((cpu.systemFlags >>> 12) & 3)) cpu.raise(VECTOR_GP, 0);
    if ((cpu.systemFlags & FLAG_IF) === 0) {
      cpu.systemFlags |= FLAG_IF;
      cpu.attend(ATTENTION_SHADOW);
    }
    return op.next;
  },
  lahf: () => (cpu, op) => {
    cpu.r8[1] = statusFlags(cpu.r) | 2;
    return op.next;
  },
  sahf: () => (cpu, op) => {
    setStatusFlags(cpu.r, (statusFlags(cpu.r) & ~0xff) | cpu.r8[1]);
    return op.next;
  },
  salc: () => (cpu, op) => {
    cpu.r8[0] = carryFlag(cpu.r) !== 0 ? 0xff : 0;
    return op.next;
  },
};

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
CONDITIONS.forEach((name, number) => {
  family[`j${name}`] = (form) => (cpu, op) =>
    condition(cpu.r, number) ? goTo(cpu, relative(cpu, op, form.wide)) : op.next;
});

export const controlFlow: Family = family;
