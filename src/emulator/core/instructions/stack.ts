/** PUSH POP PUSHA POPA PUSHF POPF ENTER LEAVE (Intel SDM volume 2). */
import type { Cpu } from "../cpu/cpu.ts";
import { readFlags, writeFlags } from "../cpu/flags.ts";
import {
  EAX,
  EBP,
  EDI,
  ESP,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  SS,
  STATUS_FLAGS,
  VECTOR_GP,
} from "../cpu/registers.ts";
import { push } from "./control-flow.ts";
import type { Family, Form } from "./family.ts";
import { accessOf, address } from "./operands.ts";

/** ESP after `bytes` were added to the stack pointer. */
export function movedStack(cpu: Cpu, bytes: number): number {
  const old = cpu.r[ESP];
  return (old & ~cpu.stackMask) | ((old + bytes) & cpu.stackMask);
}

function bindPush(form: Form): ReturnType<Family[string]> {
  const a = accessOf(form.wide ? 32 : 16);
  const { kind } = form.row.operands[0];
  if (kind === "I") {
    return (cpu, op) => {
      push(cpu, op.immediate, form.wide);
      return op.next;
    };
  }
  if (kind === "*") return undefined;
  return (cpu, op) => {
    push(cpu, form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm), form.wide);
    return op.next;
  };
}

function bindPop(form: Form): ReturnType<Family[string]> {
  const size = form.wide ? 4 : 2;
  const a = accessOf(form.wide ? 32 : 16);
  if (form.row.operands[0].kind === "*") return undefined;
  if (!form.memory) {
    return (cpu, op) => {
      const value = a.load(cpu, SS, cpu.r[ESP] & cpu.stackMask);
      cpu.r[ESP] = movedStack(cpu, size);
      a.set(cpu, op.rm, value);
      return op.next;
    };
  }
  return (cpu, op) => {
    // An address with ESP as base is formed after the pop.
    const old = cpu.r[ESP];
    const value = a.load(cpu, SS, old & cpu.stackMask);
    const moved = movedStack(cpu, size);
    cpu.r[ESP] = moved;
    const at = address(cpu, op);
    // An 80286 whose store faults keeps the moved pointer.
    if (cpu.model.is80286 !== true) cpu.r[ESP] = old;
    a.store(cpu, op.segment, at, value);
    cpu.r[ESP] = moved;
    return op.next;
  };
}

/** In virtual-8086 mode PUSHF, POPF, INT n and IRET need IOPL 3. */
export function needsIopl3(cpu: Cpu): void {
  if ((cpu.systemFlags & FLAG_VM) !== 0 && (cpu.systemFlags & FLAG_IOPL) !== FLAG_IOPL) {
    cpu.raise(VECTOR_GP, 0);
  }
}

/** The EFLAGS bits that POPF and IRET may change at the current privilege; what they may not, they leave silently. */
export function changeableFlags(cpu: Cpu, wide: boolean): number {
  let mask = STATUS_FLAGS | FLAG_TF | FLAG_DF | FLAG_NT;
  if (wide) mask |= FLAG_AC | FLAG_ID | FLAG_RF;
  if (cpu.cpl === 0) mask |= FLAG_IOPL;
  if (cpu.cpl <= (cpu.systemFlags & FLAG_IOPL) >>> 12) mask |= FLAG_IF;
  return mask;
}

export const stack: Family = {
  push: bindPush,
  pop: bindPop,
  pusha: (form) => {
    const a = accessOf(form.wide ? 32 : 16);
    const size = form.wide ? 4 : 2;
    return (cpu, op) => {
      const old = cpu.r[ESP];
      // The lowest address first: if that can be written and the highest too, all can, but for wrapped stacks.
      for (let register = EAX; register <= EDI; register++) {
        a.store(cpu, SS, (old - size * (register + 1)) & cpu.stackMask, a.get(cpu, register));
      }
      cpu.r[ESP] = movedStack(cpu, -8 * size);
      return op.next;
    };
  },
  popa: (form) => {
    const a = accessOf(form.wide ? 32 : 16);
    const size = form.wide ? 4 : 2;
    return (cpu, op) => {
      const old = cpu.r[ESP];
      const at = (register: number) => (old + size * (EDI - register)) & cpu.stackMask;
      // All that may fault is read once before the first register changes.
      for (let register = EAX; register <= EDI; register++) a.load(cpu, SS, at(register));
      for (let register = EAX; register <= EDI; register++) {
        if (register !== ESP) a.set(cpu, register, a.load(cpu, SS, at(register)));
      }
      cpu.r[ESP] = movedStack(cpu, 8 * size);
      return op.next;
    };
  },
  pushf: (form) => (cpu, op) => {
    needsIopl3(cpu);
    push(cpu, readFlags(cpu) & ~(FLAG_VM | FLAG_RF), form.wide);
    return op.next;
  },
  popf: (form) => (cpu, op) => {
    needsIopl3(cpu);
    const at = cpu.r[ESP] & cpu.stackMask;
    const value = form.wide ? cpu.read32(SS, at) : cpu.read16(SS, at);
    cpu.r[ESP] = movedStack(cpu, form.wide ? 4 : 2);
    writeFlags(cpu, value & ~FLAG_RF, changeableFlags(cpu, form.wide));
    return op.next;
  },
  enter: (form) => {
    const a = accessOf(form.wide ? 32 : 16);
    const size = form.wide ? 4 : 2;
    return (cpu, op) => {
      const level = op.immediate2 & 31;
      const old = cpu.r[ESP];
      const mask = cpu.stackMask;
      const frame = (old - size) & mask;
      a.store(cpu, SS, frame, a.get(cpu, EBP));
      let at = frame;
      for (let i = 1; i < level; i++) {
        at = (at - size) & mask;
        a.store(cpu, SS, at, a.load(cpu, SS, (cpu.r[EBP] - i * size) & mask));
      }
      if (level > 0) {
        at = (at - size) & mask;
        a.store(cpu, SS, at, (old & ~mask) | frame);
      }
      at = (at - op.immediate) & mask;
      // The new top of the stack must be writable.
      a.update(cpu, SS, at);
      a.set(cpu, EBP, (old & ~mask) | frame);
      cpu.r[ESP] = (old & ~mask) | at;
      return op.next;
    };
  },
  leave: (form) => {
    const a = accessOf(form.wide ? 32 : 16);
    return (cpu, op) => {
      const mask = cpu.stackMask;
      const at = cpu.r[EBP] & mask;
      const value = a.load(cpu, SS, at);
      cpu.r[ESP] = (cpu.r[ESP] & ~mask) | ((at + (form.wide ? 4 : 2)) & mask);
      a.set(cpu, EBP, value);
      return op.next;
    };
  },
};
