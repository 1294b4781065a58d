/** System instructions: descriptor tables, control, debug and model-specific registers, CPUID, SYSENTER (Intel SDM volume 2). */
import { cpuid, EXTRA_FEATURE_RDRAND } from "../cpu/cpuid.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { setStatusFlags, statusFlags } from "../cpu/flags.ts";
import {
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  readMsr,
  readTsc,
  writeCr0,
  writeCr4,
  writeMsr,
} from "../cpu/model-registers.ts";
import {
  CR0_PE,
  CR0_TS,
  CR4_DE,
  CR4_PCE,
  CR4_TSD,
  CS,
  EAX,
  ECX,
  EDX,
  EIP,
  ESP,
  FLAG_CF,
  FLAG_IF,
  FLAG_RF,
  FLAG_VM,
  FLAG_ZF,
  LDTR,
  SS,
  TR,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_UD,
} from "../cpu/registers.ts";
import {
  descriptorAddress,
  descriptorBase,
  descriptorLimit,
  isProtected,
  privilegeOf,
  setSegment,
} from "../cpu/segmentation.ts";
import { ATTENTION_BLOCK } from "../cpu/attention.ts";
import { DR6_GENERAL_DETECT, DR7_GENERAL_DETECT } from "../cpu/watch.ts";
import { EXIT_MSR } from "../cpu/svm/vmcb.ts";
import type { Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";

function privileged(cpu: Cpu): void {
  if (cpu.cpl !== 0) cpu.raise(VECTOR_GP, 0);
}

const setZero = (cpu: Cpu, on: boolean) =>
  setStatusFlags(cpu.r, (statusFlags(cpu.r) & ~FLAG_ZF) | (on ? FLAG_ZF : 0));

/** A word operand: memory is 16 bits, a register by operand size. */
function bindStoreWord(read: (cpu: Cpu) => number): Family[string] {
  return (form) => {
    const a = accessOf(form.wide ? 32 : 16);
    return (cpu, op) => {
      const value = read(cpu);
      if (form.memory) cpu.write16(op.segment, address(cpu, op), value);
      else a.set(cpu, op.rm, value);
      return op.next;
    };
  };
}

const wordOf = (cpu: Cpu, op: Instruction, form: Form) =>
  form.memory ? cpu.read16(op.segment, address(cpu, op)) : cpu.r16[op.rm * 2];

function bindTableStore(which: "gdtr" | "idtr"): Family[string] {
  return () => (cpu, op) => {
    const at = address(cpu, op);
    cpu.write16(op.segment, at, which === "gdtr" ? cpu.gdtrLimit : cpu.idtrLimit);
    cpu.write32(op.segment, (at + 2) & op.addressMask, which === "gdtr" ? cpu.gdtrBase : cpu.idtrBase);
    return op.next;
  };
}

function bindTableLoad(which: "gdtr" | "idtr"): Family[string] {
  return (form) => (cpu, op) => {
    privileged(cpu);
    const at = address(cpu, op);
    const limit = cpu.read16(op.segment, at);
    const base = cpu.read32(op.segment, (at + 2) & op.addressMask) & (form.wide ? -1 : 0xffffff);
    if (which === "gdtr") {
      cpu.gdtrBase = base;
      cpu.gdtrLimit = limit;
    } else {
      cpu.idtrBase = base;
      cpu.idtrLimit = limit;
    }
    return op.next;
  };
}

function needsProtection(cpu: Cpu): void {
  if (!isProtected(cpu)) cpu.raise(VECTOR_UD);
}

function loadSystemSegment(cpu: Cpu, segment: number, selector: number): void {
  const error = selector & 0xfffc;
  if (error === 0 && segment === LDTR) {
    setSegment(cpu, LDTR, selector, 0, 0, 0);
    return;
  }
  if (error === 0 || (selector & 4) !== 0) cpu.raise(VECTOR_GP, error);
  const at = descriptorAddress(cpu, selector, VECTOR_GP);
  const low = cpu.readSystem(at, 4);
  let high = cpu.readSystem(at + 4, 4);
  const type = (high >>> 8) & 0x1f;
  if (segment === LDTR ? type !== 2 : type !== 1 && type !== 9) cpu.raise(VECTOR_GP, error);
  if ((high & 0x8000) === 0) cpu.raise(VECTOR_NP, error);
  if (segment === TR) {
    high |= 0x200;
    cpu.writeSystem(at + 4, 4, high);
  }
  setSegment(cpu, segment, selector, descriptorBase(low, high), descriptorLimit(low, high), high & 0xf0ff00);
}

/** The descriptor a program asks about, or undefined where it may not see it. System types by `visible`. */
function visibleDescriptor(
  cpu: Cpu,
  selector: number,
  visible: (type: number) => boolean,
): { low: number; high: number } | undefined {
  if ((selector & 0xfffc) === 0) return undefined;
  const local = (selector & 4) !== 0;
  if (local && (cpu.selector[LDTR] & 0xfffc) === 0) return undefined;
  if ((selector | 7) > (local ? cpu.limit[LDTR] : cpu.gdtrLimit)) return undefined;
  const at = descriptorAddress(cpu, selector, VECTOR_GP);
  const low = cpu.readSystem(at, 4);
  const high = cpu.readSystem(at + 4, 4);
  const type = (high >>> 8) & 0x1f;
  if ((type & 0x10) === 0 && !visible(type)) return undefined;
  const conforming = (type & 0x1c) === 0x1c;
  if (!conforming && Math.max(cpu.cpl, selector & 3) > privilegeOf(high)) return undefined;
  return { low, high };
}

function bindVerify(write: boolean): Family[string] {
  return (form) => (cpu, op) => {
    needsProtection(cpu);
    const found = visibleDescriptor(cpu, wordOf(cpu, op, form), () => false);
    const type = found === undefined ? 0 : (found.high >>> 8) & 0x1f;
    const code = (type & 8) !== 0;
    setZero(cpu, found !== undefined && (write ? !code && (type & 2) !== 0 : !code || (type & 2) !== 0));
    return op.next;
  };
}

const LAR_TYPES = new Set([1, 2, 3, 4, 5, 9, 11, 12]);
const LSL_TYPES = new Set([1, 2, 3, 9, 11]);

function bindQuery(
  types: ReadonlySet<number>,
  answer: (low: number, high: number) => number,
): Family[string] {
  return (form) => {
    const a = accessOf(form.width);
    return (cpu, op) => {
      needsProtection(cpu);
      const found = visibleDescriptor(cpu, wordOf(cpu, op, form), (type) => types.has(type));
      setZero(cpu, found !== undefined);
      if (found !== undefined) a.set(cpu, op.reg, answer(found.low, found.high));
      return op.next;
    };
  };
}

/** That a register does not exist counts more than that it may not be used. */
function checkControlRegister(cpu: Cpu, number: number): void {
  if (number === 1 || number > 4) cpu.raise(VECTOR_UD);
  privileged(cpu);
}

/** The register's number, or an exception: DR4 and DR5 stand for DR6 and DR7, and DR7.GD guards them all. */
function debugNumber(cpu: Cpu, number: number): number {
  if ((cpu.dr[7] & DR7_GENERAL_DETECT) !== 0) {
    cpu.dr[7] &= ~DR7_GENERAL_DETECT;
    cpu.dr[6] |= DR6_GENERAL_DETECT;
    cpu.debugFault = true;
    cpu.raise(VECTOR_DB);
  }
  if (number !== 4 && number !== 5) return number;
  if ((cpu.cr4 & CR4_DE) !== 0) cpu.raise(VECTOR_UD);
  return number + 2;
}

function bindMov(form: Form): Handler | undefined {
  switch (form.operands) {
    case "Rd,Cd":
      return (cpu, op) => {
        checkControlRegister(cpu, op.reg);
        if (op.reg === 0) cpu.r[op.rm] = cpu.cr0;
        else if (op.reg === 2) cpu.r[op.rm] = cpu.cr2;
        else if (op.reg === 3) cpu.r[op.rm] = cpu.cr3;
        else cpu.r[op.rm] = cpu.cr4;
        return op.next;
      };
    case "Cd,Rd":
      return (cpu, op) => {
        checkControlRegister(cpu, op.reg);
        const value = cpu.r[op.rm];
        if (op.reg === 0) writeCr0(cpu, value);
        else if (op.reg === 2) cpu.cr2 = value;
        else if (op.reg === 3) cpu.loadCr3(value);
        else writeCr4(cpu, value);
        return op.next;
      };
    case "Rd,Dd":
      return (cpu, op) => {
        privileged(cpu);
        cpu.r[op.rm] = cpu.dr[debugNumber(cpu, op.reg)];
        return op.next;
      };
    case "Dd,Rd":
      return (cpu, op) => {
        privileged(cpu);
        const number = debugNumber(cpu, op.reg);
        let value = cpu.r[op.rm];
        if (number === 6) value = (value & 0xe00f) | 0xffff0ff0;
        else if (number === 7) value = (value & 0xffff23ff) | 0x400;
        cpu.dr[number] = value;
        if (number !== 6) cpu.watcher.refresh();
        return op.next;
      };
    default:
      return undefined;
  }
}

function setPair(cpu: Cpu, value: bigint): void {
  cpu.r[EAX] = Number(BigInt.asIntN(32, value));
  cpu.r[EDX] = Number(BigInt.asIntN(32, value >> 32n));
}

const FLAT_CODE = 0xc09b00;
const FLAT_DATA = 0xc09300;

/** CS and SS of SYSENTER and SYSEXIT: flat, next to each other in the table, their descriptors not read. */
function setFlat(cpu: Cpu, code: number, stack: number, level: number): void {
  cpu.setPrivilege(level);
  setSegment(cpu, CS, code, 0, 0xffffffff, FLAT_CODE | (level << 13));
  setSegment(cpu, SS, stack, 0, 0xffffffff, FLAT_DATA | (level << 13));
}

const privilegedNothing: Family[string] = () => (cpu, op) => {
  privileged(cpu);
  return op.next;
};
const hint: Family[string] = () => (_, op) => op.next;

export const system: Family = {
  mov: bindMov,
  sgdt: bindTableStore("gdtr"),
  sidt: bindTableStore("idtr"),
  lgdt: bindTableLoad("gdtr"),
  lidt: bindTableLoad("idtr"),
  smsw: bindStoreWord((cpu) => cpu.cr0),
  sldt: bindStoreWord((cpu) => {
    needsProtection(cpu);
    return cpu.selector[LDTR];
  }),
  str: bindStoreWord((cpu) => {
    needsProtection(cpu);
    return cpu.selector[TR];
  }),
  lldt: (form) => (cpu, op) => {
    needsProtection(cpu);
    privileged(cpu);
    loadSystemSegment(cpu, LDTR, wordOf(cpu, op, form));
    return op.next;
  },
  ltr: (form) => (cpu, op) => {
    needsProtection(cpu);
    privileged(cpu);
    loadSystemSegment(cpu, TR, wordOf(cpu, op, form));
    return op.next;
  },
  lmsw: (form) => (cpu, op) => {
    privileged(cpu);
    // PE can be set, not cleared.
    const value = wordOf(cpu, op, form) & 15;
    writeCr0(cpu, (cpu.cr0 & ~14) | value | (cpu.cr0 & CR0_PE));
    return op.next;
  },
  clts: () => (cpu, op) => {
    privileged(cpu);
    cpu.cr0 &= ~CR0_TS;
    return op.next;
  },
  verr: bindVerify(false),
  verw: bindVerify(true),
  lar: bindQuery(LAR_TYPES, (_, high) => high & 0xf0ff00),
  lsl: bindQuery(LSL_TYPES, descriptorLimit),
  arpl: (form) => (cpu, op) => {
    needsProtection(cpu);
    const value = wordOf(cpu, op, form);
    const level = cpu.r16[op.reg * 2] & 3;
    const raised = (value & 3) < level;
    const result = (value & ~3) | level;
    // What need not change is not written.
    if (raised && form.memory) cpu.write16(op.segment, address(cpu, op), result);
    else if (raised) cpu.r16[op.rm * 2] = result;
    setZero(cpu, raised);
    return op.next;
  },
  invlpg: () => (cpu, op) => {
    privileged(cpu);
    cpu.tlb.flushPage((cpu.base[op.segment] + address(cpu, op)) >>> 12);
    cpu.attend(ATTENTION_BLOCK);
    return op.next;
  },
  invd: privilegedNothing,
  wbinvd: privilegedNothing,
  rdrand: (form) => {
    const a = accessOf(form.width);
    return (cpu, op) => {
      if ((cpu.model.extraFeatures & EXTRA_FEATURE_RDRAND) === 0) cpu.raise(VECTOR_UD);
      a.set(cpu, op.rm, cpu.random.uint32());
      setStatusFlags(cpu.r, FLAG_CF);
      return op.next;
    };
  },
  cpuid: () => (cpu, op) => {
    cpuid(cpu.model, cpu.r);
    return op.next;
  },
  rdtsc: () => (cpu, op) => {
    if ((cpu.cr4 & CR4_TSD) !== 0) privileged(cpu);
    setPair(cpu, readTsc(cpu));
    return op.next;
  },
  rdpmc: () => (cpu) => {
    if ((cpu.cr4 & CR4_PCE) === 0) privileged(cpu);
    // No performance counters: every number is out of range.
    return cpu.raise(VECTOR_GP, 0);
  },
  rdmsr: () => (cpu, op) => {
    privileged(cpu);
    if (cpu.guest !== null && cpu.guest.interceptsMsr(cpu.r[ECX], false))
      return cpu.guest.exitBefore(op, EXIT_MSR, 0);
    setPair(cpu, readMsr(cpu, cpu.r[ECX]));
    return op.next;
  },
  wrmsr: () => (cpu, op) => {
    privileged(cpu);
    if (cpu.guest !== null && cpu.guest.interceptsMsr(cpu.r[ECX], true))
      return cpu.guest.exitBefore(op, EXIT_MSR, 1);
    const value = (BigInt(cpu.r[EDX] >>> 0) << 32n) | BigInt(cpu.r[EAX] >>> 0);
    writeMsr(cpu, cpu.r[ECX], value);
    return op.next;
  },
  sysenter: () => (cpu) => {
    const code = Number(readMsr(cpu, MSR_SYSENTER_CS)) & 0xfffc;
    if ((cpu.cr0 & CR0_PE) === 0 || code === 0) cpu.raise(VECTOR_GP, 0);
    const pointer = Number(BigInt.asIntN(32, readMsr(cpu, MSR_SYSENTER_ESP)));
    const target = Number(BigInt.asIntN(32, readMsr(cpu, MSR_SYSENTER_EIP)));
    cpu.systemFlags &= ~(FLAG_VM | FLAG_IF | FLAG_RF);
    setFlat(cpu, code, code + 8, 0);
    cpu.r[ESP] = pointer;
    cpu.r[EIP] = target;
    return null;
  },
  sysexit: () => (cpu) => {
    const code = Number(readMsr(cpu, MSR_SYSENTER_CS)) & 0xfffc;
    if ((cpu.cr0 & CR0_PE) === 0 || code === 0 || cpu.cpl !== 0) cpu.raise(VECTOR_GP, 0);
    setFlat(cpu, (code + 16) | 3, (code + 24) | 3, 3);
    cpu.r[ESP] = cpu.r[ECX];
    cpu.r[EIP] = cpu.r[EDX];
    return null;
  },
  prefetchw: hint,
  prefetchnta: hint,
  prefetcht0: hint,
  prefetcht1: hint,
  prefetcht2: hint,
};
