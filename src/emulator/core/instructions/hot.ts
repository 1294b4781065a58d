/**
 * The forms that make up nearly all of a 32-bit program, each a function of its own: a closure made by a binder shares its
 * code, and what the JavaScript engine has learnt about it, with all others of that binder. The families beside this file
 * say what instructions mean; this one says it again for speed and is held to them by the conformance suites.
 */
import type { Cpu } from "../cpu/cpu.ts";
import { overflowFlag, parityFlag, setResultFlags, signFlag } from "../cpu/flags.ts";
import { EAX, EBP, EIP, ESP, FLAG_CARRY, FLAG_RESULT, SS } from "../cpu/registers.ts";
import {
  add32,
  add8,
  and32,
  and8,
  adc32,
  dec32,
  inc32,
  or32,
  or8,
  sbb32,
  sub16,
  sub32,
  sub8,
  xor32,
  xor8,
} from "./alu.ts";
import { goTo } from "./control-flow.ts";
import type { Binder, Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { address } from "./operands.ts";

/**
 * To the target of a direct branch. In flat code the place in the block cache is remembered in `op.link`, so that the
 * next time nothing is looked up but whether the target's page is still the same one and may be executed.
 */
export function branch(cpu: Cpu, op: Instruction): Instruction | null {
  const r = cpu.r;
  const target = (r[EIP] + op.end + op.immediate) | 0;
  if (!cpu.flatCode) return goTo(cpu, target);
  r[EIP] = target;
  const link = op.link;
  if (
    link !== null &&
    link.execute !== cpu.stale &&
    (cpu.entries[target >>> 12] & (-4096 | cpu.denyExecute)) === op.linkPage
  ) {
    return link;
  }
  cpu.linkFrom = op;
  return null;
}

/** The same for a target that is computed: the place is remembered with the target it was found for. */
function branchTo(cpu: Cpu, op: Instruction, target: number): Instruction | null {
  cpu.r[EIP] = target;
  if (!cpu.flatCode) return null;
  const link = op.link;
  if (
    op.linkTarget === target &&
    link !== null &&
    link.execute !== cpu.stale &&
    (cpu.entries[target >>> 12] & (-4096 | cpu.denyExecute)) === op.linkPage
  ) {
    return link;
  }
  op.linkTarget = target;
  op.link = null;
  cpu.linkFrom = op;
  return null;
}

/** By the number of the condition. */
export const JUMPS: readonly Handler[] = [
  (cpu, op) => (overflowFlag(cpu.r) !== 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (overflowFlag(cpu.r) === 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (cpu.r[FLAG_CARRY] < 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (cpu.r[FLAG_CARRY] >= 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (cpu.r[FLAG_RESULT] === 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (cpu.r[FLAG_RESULT] !== 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (cpu.r[FLAG_CARRY] < 0 || cpu.r[FLAG_RESULT] === 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (cpu.r[FLAG_CARRY] >= 0 && cpu.r[FLAG_RESULT] !== 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (signFlag(cpu.r) !== 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (signFlag(cpu.r) === 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (parityFlag(cpu.r) !== 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (parityFlag(cpu.r) === 0 ? branch(cpu, op) : op.next),
  (cpu, op) => (signFlag(cpu.r) !== overflowFlag(cpu.r) ? branch(cpu, op) : op.next),
  (cpu, op) => (signFlag(cpu.r) === overflowFlag(cpu.r) ? branch(cpu, op) : op.next),
  (cpu, op) =>
    cpu.r[FLAG_RESULT] === 0 || signFlag(cpu.r) !== overflowFlag(cpu.r) ? branch(cpu, op) : op.next,
  (cpu, op) =>
    cpu.r[FLAG_RESULT] !== 0 && signFlag(cpu.r) === overflowFlag(cpu.r) ? branch(cpu, op) : op.next,
];

/** Pushes in flat and other stacks; nothing has changed if it faults. */
function push32(cpu: Cpu, value: number): void {
  const r = cpu.r;
  const mask = cpu.stackMask;
  const old = r[ESP];
  const at = (old - 4) & mask;
  cpu.write32(SS, at, value);
  r[ESP] = (old & ~mask) | at;
}

const pushRegister: Handler = (cpu, op) => {
  push32(cpu, cpu.r[op.rm]);
  return op.next;
};
const pushImmediate: Handler = (cpu, op) => {
  push32(cpu, op.immediate);
  return op.next;
};
const pushMemory: Handler = (cpu, op) => {
  push32(cpu, cpu.read32(op.segment, address(cpu, op)));
  return op.next;
};
const popRegister: Handler = (cpu, op) => {
  const r = cpu.r;
  const mask = cpu.stackMask;
  const old = r[ESP];
  const value = cpu.read32(SS, old & mask);
  r[ESP] = (old & ~mask) | ((old + 4) & mask);
  r[op.rm] = value;
  return op.next;
};
const leave: Handler = (cpu, op) => {
  const r = cpu.r;
  const mask = cpu.stackMask;
  const at = r[EBP] & mask;
  const value = cpu.read32(SS, at);
  r[ESP] = (r[ESP] & ~mask) | ((at + 4) & mask);
  r[EBP] = value;
  return op.next;
};
const callRelative: Handler = (cpu, op) => {
  const r = cpu.r;
  if (!cpu.flatCode) {
    const target = (r[EIP] + op.end + op.immediate) | 0;
    cpu.checkTarget(target);
    push32(cpu, (r[EIP] + op.end) | 0);
    return goTo(cpu, target);
  }
  push32(cpu, (r[EIP] + op.end) | 0);
  return branch(cpu, op);
};
const callRegister: Handler = (cpu, op) => {
  const target = cpu.r[op.rm];
  cpu.checkTarget(target);
  push32(cpu, (cpu.r[EIP] + op.end) | 0);
  return branchTo(cpu, op, target);
};
const callMemory: Handler = (cpu, op) => {
  const target = cpu.read32(op.segment, address(cpu, op));
  cpu.checkTarget(target);
  push32(cpu, (cpu.r[EIP] + op.end) | 0);
  return branchTo(cpu, op, target);
};
const jumpRegister: Handler = (cpu, op) => {
  const target = cpu.r[op.rm];
  cpu.checkTarget(target);
  return branchTo(cpu, op, target);
};
const jumpMemory: Handler = (cpu, op) => {
  const target = cpu.read32(op.segment, address(cpu, op));
  cpu.checkTarget(target);
  return branchTo(cpu, op, target);
};
const returnNear: Handler = (cpu, op) => {
  const r = cpu.r;
  const mask = cpu.stackMask;
  const old = r[ESP];
  const target = cpu.read32(SS, old & mask);
  cpu.checkTarget(target);
  r[ESP] = (old & ~mask) | ((old + 4 + op.immediate) & mask);
  return branchTo(cpu, op, target);
};

/** By mnemonic, operands, width and m (memory) or r (register). */
const FORMS: Record<string, Handler> = {
  "mov Ev,Gv 32 m": (cpu, op) => {
    cpu.write32(op.segment, address(cpu, op), cpu.r[op.reg]);
    return op.next;
  },
  "mov Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = cpu.r[op.reg];
    return op.next;
  },
  "mov Gv,Ev 32 m": (cpu, op) => {
    cpu.r[op.reg] = cpu.read32(op.segment, address(cpu, op));
    return op.next;
  },
  "mov Gv,Ev 32 r": (cpu, op) => {
    cpu.r[op.reg] = cpu.r[op.rm];
    return op.next;
  },
  "mov Eb,Gb 8 m": (cpu, op) => {
    cpu.write8(op.segment, address(cpu, op), cpu.r8[op.reg]);
    return op.next;
  },
  "mov Eb,Gb 8 r": (cpu, op) => {
    cpu.r8[op.rm] = cpu.r8[op.reg];
    return op.next;
  },
  "mov Gb,Eb 8 m": (cpu, op) => {
    cpu.r8[op.reg] = cpu.read8(op.segment, address(cpu, op));
    return op.next;
  },
  "mov Gb,Eb 8 r": (cpu, op) => {
    cpu.r8[op.reg] = cpu.r8[op.rm];
    return op.next;
  },
  "mov Ev,Gv 16 m": (cpu, op) => {
    cpu.write16(op.segment, address(cpu, op), cpu.r16[op.reg << 1]);
    return op.next;
  },
  "mov Gv,Ev 16 m": (cpu, op) => {
    cpu.r16[op.reg << 1] = cpu.read16(op.segment, address(cpu, op));
    return op.next;
  },
  "mov eAX,Ov 32 m": (cpu, op) => {
    cpu.r[EAX] = cpu.read32(op.segment, op.displacement);
    return op.next;
  },
  "mov Ov,eAX 32 m": (cpu, op) => {
    cpu.write32(op.segment, op.displacement, cpu.r[EAX]);
    return op.next;
  },
  "mov Zv,Iz 32 r": (cpu, op) => {
    cpu.r[op.rm] = op.immediate;
    return op.next;
  },
  "mov Zb,Ib 8 r": (cpu, op) => {
    cpu.r8[op.rm] = op.immediate;
    return op.next;
  },
  "mov Ev,Iz 32 m": (cpu, op) => {
    cpu.write32(op.segment, address(cpu, op), op.immediate);
    return op.next;
  },
  "mov Eb,Ib 8 m": (cpu, op) => {
    cpu.write8(op.segment, address(cpu, op), op.immediate);
    return op.next;
  },
  "movzx Gv,Eb 32 m": (cpu, op) => {
    cpu.r[op.reg] = cpu.read8(op.segment, address(cpu, op));
    return op.next;
  },
  "movzx Gv,Eb 32 r": (cpu, op) => {
    cpu.r[op.reg] = cpu.r8[op.rm];
    return op.next;
  },
  "movzx Gv,Ew 32 m": (cpu, op) => {
    cpu.r[op.reg] = cpu.read16(op.segment, address(cpu, op));
    return op.next;
  },
  "movzx Gv,Ew 32 r": (cpu, op) => {
    cpu.r[op.reg] = cpu.r16[op.rm << 1];
    return op.next;
  },
  "movsx Gv,Eb 32 m": (cpu, op) => {
    cpu.r[op.reg] = (cpu.read8(op.segment, address(cpu, op)) << 24) >> 24;
    return op.next;
  },
  "movsx Gv,Eb 32 r": (cpu, op) => {
    cpu.r[op.reg] = (cpu.r8[op.rm] << 24) >> 24;
    return op.next;
  },
  "lea Gv,M 32 m": (cpu, op) => {
    cpu.r[op.reg] = address(cpu, op);
    return op.next;
  },

  "add Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = add32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "add Gv,Ev 32 r": (cpu, op) => {
    cpu.r[op.reg] = add32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return op.next;
  },
  "add Gv,Ev 32 m": (cpu, op) => {
    cpu.r[op.reg] = add32(cpu.r, cpu.r[op.reg], cpu.read32(op.segment, address(cpu, op)));
    return op.next;
  },
  "add Ev,Gv 32 m": (cpu, op) => {
    const left = cpu.update32(op.segment, address(cpu, op));
    cpu.writeBack32(add32(cpu.r, left, cpu.r[op.reg]));
    return op.next;
  },
  "add Ev,Ibs 32 r": (cpu, op) => {
    cpu.r[op.rm] = add32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "add Ev,Ibs 32 m": (cpu, op) => {
    const left = cpu.update32(op.segment, address(cpu, op));
    cpu.writeBack32(add32(cpu.r, left, op.immediate));
    return op.next;
  },
  "add Ev,Iz 32 r": (cpu, op) => {
    cpu.r[op.rm] = add32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "add eAX,Iz 32 r": (cpu, op) => {
    cpu.r[EAX] = add32(cpu.r, cpu.r[EAX], op.immediate);
    return op.next;
  },
  "adc Gv,Ev 32 r": (cpu, op) => {
    cpu.r[op.reg] = adc32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return op.next;
  },
  "adc Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = adc32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "adc Ev,Ibs 32 r": (cpu, op) => {
    cpu.r[op.rm] = adc32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "sbb Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = sbb32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "sbb Ev,Ibs 32 r": (cpu, op) => {
    cpu.r[op.rm] = sbb32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "sub Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = sub32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "sub Gv,Ev 32 r": (cpu, op) => {
    cpu.r[op.reg] = sub32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return op.next;
  },
  "sub Gv,Ev 32 m": (cpu, op) => {
    cpu.r[op.reg] = sub32(cpu.r, cpu.r[op.reg], cpu.read32(op.segment, address(cpu, op)));
    return op.next;
  },
  "sub Ev,Gv 32 m": (cpu, op) => {
    const left = cpu.update32(op.segment, address(cpu, op));
    cpu.writeBack32(sub32(cpu.r, left, cpu.r[op.reg]));
    return op.next;
  },
  "sub Ev,Ibs 32 r": (cpu, op) => {
    cpu.r[op.rm] = sub32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "sub Ev,Ibs 32 m": (cpu, op) => {
    const left = cpu.update32(op.segment, address(cpu, op));
    cpu.writeBack32(sub32(cpu.r, left, op.immediate));
    return op.next;
  },
  "sub Ev,Iz 32 r": (cpu, op) => {
    cpu.r[op.rm] = sub32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "cmp Ev,Gv 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "cmp Ev,Gv 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.read32(op.segment, address(cpu, op)), cpu.r[op.reg]);
    return op.next;
  },
  "cmp Gv,Ev 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return op.next;
  },
  "cmp Gv,Ev 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.reg], cpu.read32(op.segment, address(cpu, op)));
    return op.next;
  },
  "cmp Ev,Ibs 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "cmp Ev,Ibs 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.read32(op.segment, address(cpu, op)), op.immediate);
    return op.next;
  },
  "cmp Ev,Iz 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "cmp Ev,Iz 32 m": (cpu, op) => {
    sub32(cpu.r, cpu.read32(op.segment, address(cpu, op)), op.immediate);
    return op.next;
  },
  "cmp eAX,Iz 32 r": (cpu, op) => {
    sub32(cpu.r, cpu.r[EAX], op.immediate);
    return op.next;
  },
  "cmp Eb,Ib 8 m": (cpu, op) => {
    sub8(cpu.r, cpu.read8(op.segment, address(cpu, op)), op.immediate & 0xff);
    return op.next;
  },
  "cmp Eb,Ib 8 r": (cpu, op) => {
    sub8(cpu.r, cpu.r8[op.rm], op.immediate & 0xff);
    return op.next;
  },
  "cmp AL,Ib 8 r": (cpu, op) => {
    sub8(cpu.r, cpu.r8[0], op.immediate & 0xff);
    return op.next;
  },
  "cmp Eb,Gb 8 r": (cpu, op) => {
    sub8(cpu.r, cpu.r8[op.rm], cpu.r8[op.reg]);
    return op.next;
  },
  "cmp Eb,Gb 8 m": (cpu, op) => {
    sub8(cpu.r, cpu.read8(op.segment, address(cpu, op)), cpu.r8[op.reg]);
    return op.next;
  },
  "cmp Gb,Eb 8 m": (cpu, op) => {
    sub8(cpu.r, cpu.r8[op.reg], cpu.read8(op.segment, address(cpu, op)));
    return op.next;
  },
  "cmp Ev,Gv 16 r": (cpu, op) => {
    sub16(cpu.r, cpu.r16[op.rm << 1], cpu.r16[op.reg << 1]);
    return op.next;
  },
  "add Eb,Gb 8 r": (cpu, op) => {
    cpu.r8[op.rm] = add8(cpu.r, cpu.r8[op.rm], cpu.r8[op.reg]);
    return op.next;
  },
  "test Ev,Gv 32 r": (cpu, op) => {
    and32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "test Eb,Gb 8 r": (cpu, op) => {
    and8(cpu.r, cpu.r8[op.rm], cpu.r8[op.reg]);
    return op.next;
  },
  "test Eb,Ib 8 m": (cpu, op) => {
    and8(cpu.r, cpu.read8(op.segment, address(cpu, op)), op.immediate & 0xff);
    return op.next;
  },
  "test Eb,Ib 8 r": (cpu, op) => {
    and8(cpu.r, cpu.r8[op.rm], op.immediate & 0xff);
    return op.next;
  },
  "test AL,Ib 8 r": (cpu, op) => {
    and8(cpu.r, cpu.r8[0], op.immediate & 0xff);
    return op.next;
  },
  "test Ev,Iz 32 r": (cpu, op) => {
    and32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "and Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = and32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "and Gv,Ev 32 r": (cpu, op) => {
    cpu.r[op.reg] = and32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return op.next;
  },
  "and Gv,Ev 32 m": (cpu, op) => {
    cpu.r[op.reg] = and32(cpu.r, cpu.r[op.reg], cpu.read32(op.segment, address(cpu, op)));
    return op.next;
  },
  "and Ev,Ibs 32 r": (cpu, op) => {
    cpu.r[op.rm] = and32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "and Ev,Iz 32 r": (cpu, op) => {
    cpu.r[op.rm] = and32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "and eAX,Iz 32 r": (cpu, op) => {
    cpu.r[EAX] = and32(cpu.r, cpu.r[EAX], op.immediate);
    return op.next;
  },
  "and Eb,Ib 8 r": (cpu, op) => {
    cpu.r8[op.rm] = and8(cpu.r, cpu.r8[op.rm], op.immediate & 0xff);
    return op.next;
  },
  "or Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = or32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "or Gv,Ev 32 r": (cpu, op) => {
    cpu.r[op.reg] = or32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return op.next;
  },
  "or Gv,Ev 32 m": (cpu, op) => {
    cpu.r[op.reg] = or32(cpu.r, cpu.r[op.reg], cpu.read32(op.segment, address(cpu, op)));
    return op.next;
  },
  "or Ev,Ibs 32 r": (cpu, op) => {
    cpu.r[op.rm] = or32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "or Eb,Gb 8 r": (cpu, op) => {
    cpu.r8[op.rm] = or8(cpu.r, cpu.r8[op.rm], cpu.r8[op.reg]);
    return op.next;
  },
  "xor Ev,Gv 32 r": (cpu, op) => {
    cpu.r[op.rm] = xor32(cpu.r, cpu.r[op.rm], cpu.r[op.reg]);
    return op.next;
  },
  "xor Gv,Ev 32 r": (cpu, op) => {
    cpu.r[op.reg] = xor32(cpu.r, cpu.r[op.reg], cpu.r[op.rm]);
    return op.next;
  },
  "xor Gv,Ev 32 m": (cpu, op) => {
    cpu.r[op.reg] = xor32(cpu.r, cpu.r[op.reg], cpu.read32(op.segment, address(cpu, op)));
    return op.next;
  },
  "xor Ev,Ibs 32 r": (cpu, op) => {
    cpu.r[op.rm] = xor32(cpu.r, cpu.r[op.rm], op.immediate);
    return op.next;
  },
  "xor Eb,Gb 8 r": (cpu, op) => {
    cpu.r8[op.rm] = xor8(cpu.r, cpu.r8[op.rm], cpu.r8[op.reg]);
    return op.next;
  },
  "inc Zv 32 r": (cpu, op) => {
    cpu.r[op.rm] = inc32(cpu.r, cpu.r[op.rm]);
    return op.next;
  },
  "dec Zv 32 r": (cpu, op) => {
    cpu.r[op.rm] = dec32(cpu.r, cpu.r[op.rm]);
    return op.next;
  },
  "inc Ev 32 m": (cpu, op) => {
    const value = cpu.update32(op.segment, address(cpu, op));
    cpu.writeBack32(inc32(cpu.r, value));
    return op.next;
  },
  "dec Ev 32 m": (cpu, op) => {
    const value = cpu.update32(op.segment, address(cpu, op));
    cpu.writeBack32(dec32(cpu.r, value));
    return op.next;
  },
  "not Ev 32 r": (cpu, op) => {
    cpu.r[op.rm] = ~cpu.r[op.rm];
    return op.next;
  },
  "neg Ev 32 r": (cpu, op) => {
    cpu.r[op.rm] = sub32(cpu.r, 0, cpu.r[op.rm]);
    return op.next;
  },

  "shl Ev,Ib 32 r": (cpu, op) => {
    const count = op.immediate & 31;
    if (count !== 0) cpu.r[op.rm] = shl32(cpu.r, cpu.r[op.rm], count);
    return op.next;
  },
  "shr Ev,Ib 32 r": (cpu, op) => {
    const count = op.immediate & 31;
    if (count !== 0) cpu.r[op.rm] = shr32(cpu.r, cpu.r[op.rm], count);
    return op.next;
  },
  "sar Ev,Ib 32 r": (cpu, op) => {
    const count = op.immediate & 31;
    if (count !== 0) cpu.r[op.rm] = sar32(cpu.r, cpu.r[op.rm], count);
    return op.next;
  },
  "rol Ev,Ib 32 r": (cpu, op) => {
    const count = op.immediate & 31;
    if (count !== 0) cpu.r[op.rm] = rol32(cpu.r, cpu.r[op.rm], count);
    return op.next;
  },
  "ror Ev,Ib 32 r": (cpu, op) => {
    const count = op.immediate & 31;
    if (count !== 0) cpu.r[op.rm] = rol32(cpu.r, cpu.r[op.rm], 32 - count, true);
    return op.next;
  },
  "shl Ev,1 32 r": (cpu, op) => {
    cpu.r[op.rm] = shl32(cpu.r, cpu.r[op.rm], 1);
    return op.next;
  },
  "shr Ev,1 32 r": (cpu, op) => {
    cpu.r[op.rm] = shr32(cpu.r, cpu.r[op.rm], 1);
    return op.next;
  },
  "shl Ev,CL 32 r": (cpu, op) => {
    const count = cpu.r[1] & 31;
    if (count !== 0) cpu.r[op.rm] = shl32(cpu.r, cpu.r[op.rm], count);
    return op.next;
  },
  "shr Ev,CL 32 r": (cpu, op) => {
    const count = cpu.r[1] & 31;
    if (count !== 0) cpu.r[op.rm] = shr32(cpu.r, cpu.r[op.rm], count);
    return op.next;
  },
};

/** Counts are 1 to 31. */
function shl32(r: Int32Array, value: number, count: number): number {
  const result = value << count;
  const carry = (value >>> (32 - count)) & 1;
  setResultFlags(r, result, carry, (result >>> 31) ^ carry);
  return result;
}
function shr32(r: Int32Array, value: number, count: number): number {
  const result = (value >>> count) | 0;
  setResultFlags(r, result, (value >>> (count - 1)) & 1, ((result >>> 31) ^ (result >>> 30)) & 1);
  return result;
}
function sar32(r: Int32Array, value: number, count: number): number {
  const result = value >> count;
  setResultFlags(r, result, (value >> (count - 1)) & 1, 0);
  return result;
}
/** A rotation to the left; CF and OF as of one to the right where `right` says so. */
function rol32(r: Int32Array, value: number, count: number, right = false): number {
  const result = (value << count) | (value >>> (32 - count));
  const carry = right ? result >>> 31 : result & 1;
  const overflow = carry ^ (right ? (result >>> 30) & 1 : result >>> 31);
  r[FLAG_CARRY] = (r[FLAG_CARRY] & 0x3fffffff) | (carry << 31) | ((carry ^ overflow) << 30);
  return result;
}

/** Throws for a key that is none: fused.ts has the same. */
export function hotForm(key: string): Handler {
  const handler = FORMS[key];
  if (handler === undefined) throw new Error(`no form "${key}"`);
  return handler;
}

const lookUp: Binder = (form) =>
  FORMS[`${form.row.mnemonic} ${form.operands} ${form.width} ${form.memory ? "m" : "r"}`];

/** Stack and branch forms with 32-bit operands; others stay with their families. */
function wideOnly(bind: (form: Form, kind: string) => Handler | undefined): Binder {
  return (form) => (form.wide ? bind(form, form.row.operands[0]?.kind ?? "") : undefined);
}

const family: Record<string, Binder> = {};
for (const key of Object.keys(FORMS)) family[key.slice(0, key.indexOf(" "))] = lookUp;
family.push = wideOnly((form, kind) => {
  if (kind === "I") return pushImmediate;
  if (kind === "*") return undefined;
  return form.memory ? pushMemory : pushRegister;
});
family.pop = wideOnly((form, kind) => (kind === "*" || form.memory ? undefined : popRegister));
family.leave = wideOnly(() => leave);
family.call = wideOnly((form, kind) => {
  if (kind === "J") return callRelative;
  if (kind !== "E") return undefined;
  return form.memory ? callMemory : callRegister;
});
family.jmp = wideOnly((form, kind) => {
  if (kind === "J") return branch;
  if (kind !== "E") return undefined;
  return form.memory ? jumpMemory : jumpRegister;
});
family.ret = wideOnly(() => returnNear);
const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
CONDITIONS.forEach((name, number) => (family[`j${name}`] = wideOnly(() => JUMPS[number])));

export const hot: Family = family;

/** Keys of FORMS that no line of the opcode table has: a misspelt one would silently do nothing. */
export function unusedForms(forms: readonly Form[]): string[] {
  const used = new Set(
    forms.map((form) => `${form.row.mnemonic} ${form.operands} ${form.width} ${form.memory ? "m" : "r"}`),
  );
  return Object.keys(FORMS).filter((key) => !used.has(key));
}
