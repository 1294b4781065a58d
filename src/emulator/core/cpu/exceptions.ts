/**
 * Delivery of exceptions and interrupts (Intel SDM volume 3 §6): through the vector table in real-address mode (§20.1.4),
 * through interrupt, trap and task gates in protected and virtual-8086 mode, with the switch to an inner stack. A fault
 * while an exception is delivered becomes a double fault where the two do not fit together, a third shuts the CPU down.
 */
import type { Cpu } from "./cpu.ts";
import {
  innerStack,
  loadChecked,
  NewStack,
  readDescriptor,
  systemType,
  type Descriptor,
} from "./far-transfer.ts";
import { readFlags } from "./flags.ts";
import type { FaultRecord } from "../../triple-fault.ts";
import { GuestFault, hasErrorCode } from "./guest-fault.ts";
import {
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_INTERRUPT,
  EVENT_NMI,
  EVENT_SOFTWARE,
  EVENT_VALID,
} from "./svm/vmcb.ts";
import {
  CR0_PE,
  CS,
  DS,
  EIP,
  ES,
  ESP,
  FLAG_AC,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  FS,
  GS,
  SS,
  VECTOR_DB,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_PF,
} from "./registers.ts";
import {
  ATTRIBUTE_BIG,
  ATTRIBUTE_CODE,
  ATTRIBUTE_CONFORMING,
  ATTRIBUTE_PRESENT,
  ATTRIBUTE_SEGMENT,
  descriptorLimit,
  privilegeOf,
  setRealSegment,
  setSegment,
} from "./segmentation.ts";
import { switchTask, TASK_CALL } from "./task-switch.ts";

/** Where the interrupt comes from. */
export const SOURCE_EXTERNAL = 0;
export const SOURCE_EXCEPTION = 1;
/** INT n, INT3, INTO: the gate's privilege level is checked. */
export const SOURCE_SOFTWARE = 2;

const TASK_GATE = 5;
const INTERRUPT_GATE_16 = 6;
const TRAP_GATE_16 = 7;
const INTERRUPT_GATE_32 = 14;
const TRAP_GATE_32 = 15;

function deliverReal(cpu: Cpu, vector: number, returnEip: number): void {
  const entry = vector * 4;
  if (entry + 3 > cpu.idtrLimit) cpu.raise(VECTOR_GP, 0);
  const sp = cpu.r[ESP];
  const mask = cpu.stackMask;
  cpu.write16(SS, (sp - 2) & mask, readFlags(cpu));
  cpu.write16(SS, (sp - 4) & mask, cpu.selector[CS]);
  cpu.write16(SS, (sp - 6) & mask, returnEip);
  const offset = cpu.readSystem(cpu.idtrBase + entry, 2);
  const selector = cpu.readSystem(cpu.idtrBase + entry + 2, 2);
  cpu.r[ESP] = (sp & ~mask) | ((sp - 6) & mask);
  cpu.systemFlags &= ~(FLAG_IF | FLAG_TF | FLAG_RF | FLAG_AC);
  setRealSegment(cpu, CS, selector);
  cpu.r[EIP] = offset;
}

/** The event in the layout of EXITINTINFO (svm/vmcb.ts). */
function eventOf(vector: number, source: number, error: number): number {
  let type = EVENT_EXCEPTION;
  if (source === SOURCE_EXTERNAL) type = vector === 2 ? EVENT_NMI : EVENT_INTERRUPT;
  else if (source === SOURCE_SOFTWARE && vector !== 3 && vector !== 4) type = EVENT_SOFTWARE;
  return EVENT_VALID | (type << 8) | (error >= 0 ? EVENT_ERROR_CODE : 0) | vector;
}

/** The saved flags of a fault have RF set, so that the instruction is not stopped again when it is tried again. */
function isFault(cpu: Cpu, vector: number): boolean {
  return vector === VECTOR_DB ? cpu.debugFault : vector !== 3 && vector !== 4 && vector !== VECTOR_DF;
}

/** Delivers one vector; raises what the delivery itself finds wrong, and then nothing has changed but memory. */
export function deliver(cpu: Cpu, vector: number, source: number, error: number, returnEip: number): void {
  cpu.vectoring = eventOf(vector, source, error);
  cpu.vectoringError = Math.max(error, 0);
  if (source === SOURCE_EXCEPTION && isFault(cpu, vector)) cpu.systemFlags |= FLAG_RF;
  cpu.debugFault = false;
  if (cpu.watch !== null) cpu.watch.event(vector, source, error);
  if ((cpu.cr0 & CR0_PE) === 0) deliverReal(cpu, vector, returnEip);
  else deliverProtected(cpu, vector, source, error, returnEip);
  cpu.vectoring = cpu.vectoringError = 0;
}

function deliverProtected(cpu: Cpu, vector: number, source: number, error: number, returnEip: number): void {
  const external = source === SOURCE_SOFTWARE ? 0 : 1;
  const gateError = vector * 8 + 2 + external;
  if (vector * 8 + 7 > cpu.idtrLimit) cpu.raise(VECTOR_GP, gateError);
  const low = cpu.readSystem(cpu.idtrBase + vector * 8, 4);
  const high = cpu.readSystem(cpu.idtrBase + vector * 8 + 4, 4);
  const type = (high >>> 8) & 0x1f;
  const known =
    type === TASK_GATE ||
    type === INTERRUPT_GATE_16 ||
    type === TRAP_GATE_16 ||
    type === INTERRUPT_GATE_32 ||
    type === TRAP_GATE_32;
  if (!known) cpu.raise(VECTOR_GP, gateError);
  if (source === SOURCE_SOFTWARE && privilegeOf(high) < cpu.cpl) cpu.raise(VECTOR_GP, gateError);
  if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_NP, gateError);
  if (type === TASK_GATE) {
    switchTask(cpu, low >>> 16, TASK_CALL, returnEip, error);
    return;
  }
  throughGate(cpu, low, high, external, error, returnEip);
}

function throughGate(
  cpu: Cpu,
  low: number,
  high: number,
  external: number,
  error: number,
  returnEip: number,
): void {
  const type = systemType(high);
  const wide = type === INTERRUPT_GATE_32 || type === TRAP_GATE_32;
  const selector = low >>> 16;
  const offset = (low & 0xffff) | (wide ? high & 0xffff0000 : 0);
  if ((selector & 0xfffc) === 0) cpu.raise(VECTOR_GP, external);
  const code = readDescriptor(cpu, selector, VECTOR_GP);
  const codeError = (selector & 0xfffc) | external;
  const level = privilegeOf(code.high);
  const isCode = (code.high & ATTRIBUTE_SEGMENT) !== 0 && (code.high & ATTRIBUTE_CODE) !== 0;
  if (!isCode || level > cpu.cpl) cpu.raise(VECTOR_GP, codeError);
  if ((code.high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_NP, codeError);
  if (offset >>> 0 > descriptorLimit(code.low, code.high)) cpu.raise(VECTOR_GP, external);
  const conforming = (code.high & ATTRIBUTE_CONFORMING) !== 0;
  const virtual = (cpu.systemFlags & FLAG_VM) !== 0;
  const flags = readFlags(cpu);
  if (!conforming && level < cpu.cpl) {
    if (virtual && level !== 0) cpu.raise(VECTOR_GP, codeError);
    toInnerLevel(cpu, code, level, wide, flags, error, returnEip);
  } else {
    if (virtual) cpu.raise(VECTOR_GP, codeError);
    const stack = new NewStack(cpu, currentStack(cpu), cpu.r[ESP], cpu.cpl);
    pushFrame(cpu, stack, wide, flags, error, returnEip);
    cpu.r[ESP] = (cpu.r[ESP] & ~cpu.stackMask) | (stack.pointer & cpu.stackMask);
    loadChecked(cpu, CS, (selector & 0xfffc) | cpu.cpl, code);
  }
  cpu.r[EIP] = offset;
  const interruptGate = type === INTERRUPT_GATE_16 || type === INTERRUPT_GATE_32;
  cpu.systemFlags &= ~(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (interruptGate ? FLAG_IF : 0));
}

/** The stack in use, in the form of a descriptor. */
function currentStack(cpu: Cpu): Descriptor {
  const base = cpu.base[SS];
  const limit = cpu.limit[SS];
  const granular = limit > 0xfffff;
  const field = granular ? limit >>> 12 : limit;
  const attributes = (cpu.attributes[SS] & ~0x800000) | (granular ? 0x800000 : 0);
  return {
    selector: 0,
    at: 0,
    low: (field & 0xffff) | (base << 16),
    high: ((base >>> 16) & 0xff) | (base & 0xff000000) | (attributes & 0xf0ff00) | (field & 0xf0000),
  };
}

function pushFrame(
  cpu: Cpu,
  stack: NewStack,
  wide: boolean,
  flags: number,
  error: number,
  returnEip: number,
): void {
  stack.push(flags, wide);
  stack.push(cpu.selector[CS], wide);
  stack.push(returnEip, wide);
  if (error >= 0) stack.push(error, wide);
}

function toInnerLevel(
  cpu: Cpu,
  code: Descriptor,
  level: number,
  wide: boolean,
  flags: number,
  error: number,
  returnEip: number,
): void {
  const inner = innerStack(cpu, level);
  const stack = new NewStack(cpu, inner.descriptor, inner.pointer, level);
  const virtual = (cpu.systemFlags & FLAG_VM) !== 0;
  if (virtual) for (const segment of [GS, FS, DS, ES]) stack.push(cpu.selector[segment], wide);
  stack.push(cpu.selector[SS], wide);
  stack.push(cpu.r[ESP], wide);
  pushFrame(cpu, stack, wide, flags, error, returnEip);
  cpu.systemFlags &= ~FLAG_VM;
  cpu.setPrivilege(level);
  if (virtual) for (const segment of [GS, FS, DS, ES]) setSegment(cpu, segment, 0, 0, 0, 0);
  loadChecked(cpu, SS, inner.descriptor.selector, inner.descriptor);
  const mask = (inner.descriptor.high & ATTRIBUTE_BIG) !== 0 ? -1 : 0xffff;
  cpu.r[ESP] = (cpu.r[ESP] & ~mask) | (stack.pointer & mask);
  loadChecked(cpu, CS, (code.selector & 0xfffc) | level, code);
}

/** INT n, INT3 and INTO. */
export function softwareInterrupt(cpu: Cpu, vector: number, returnEip: number): void {
  deliver(cpu, vector, SOURCE_SOFTWARE, -1, returnEip);
}

/** INT n in virtual-8086 mode is privileged. */
export function checkInterruptPrivilege(cpu: Cpu): void {
  if ((cpu.systemFlags & FLAG_VM) !== 0 && (cpu.systemFlags & FLAG_IOPL) !== FLAG_IOPL) {
    cpu.raise(VECTOR_GP, 0);
  }
}

/** An external interrupt or NMI. May raise what the delivery itself finds wrong. */
export function deliverInterrupt(cpu: Cpu, vector: number): void {
  deliver(cpu, vector, SOURCE_EXTERNAL, -1, cpu.r[EIP]);
}

/** Divide error, #TS, #NP, #SS, #GP: two of these in a row are a double fault (table 6-5). */
function isContributory(vector: number): boolean {
  return vector === 0 || (vector >= 10 && vector <= 13);
}

/**
 * Delivers an exception, a double fault if that fails; false is a triple fault: the CPU shuts down. An exception that a guest's
 * monitor intercepts leaves the guest instead.
 */
export function deliverException(cpu: Cpu, vector: number, error: number): boolean {
  let current = vector;
  let code = error;
  let faults: FaultRecord[] | undefined;
  if (cpu.guest?.takesException(current, code) === true) return true;
  if (current === VECTOR_PF) cpu.cr2 = cpu.faultAddress;
  // A fault can follow a fault that does not combine with it only a few times over.
  for (let attempt = 0; attempt < 8; attempt++) {
    try {
      const withCode = (cpu.cr0 & CR0_PE) !== 0 && hasErrorCode(current);
      deliver(cpu, current, SOURCE_EXCEPTION, withCode ? Math.max(code, 0) : -1, cpu.r[EIP]);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof GuestFault)) throw thrown;
      cpu.inNewTask = false;
      const second = thrown.vector;
      const coded = (cpu.cr0 & CR0_PE) !== 0;
      faults ??= [{ vector, error: coded ? error : -1 }];
      faults.push({ vector: second, error: coded ? thrown.error : -1 });
      if (cpu.guest?.takesException(second, thrown.error) === true) return true;
      if (second === VECTOR_PF) cpu.cr2 = cpu.faultAddress;
      if (current === VECTOR_DF) return shutDown(cpu, faults);
      const combine =
        (isContributory(current) && isContributory(second)) ||
        (current === VECTOR_PF && (isContributory(second) || second === VECTOR_PF));
      current = combine || (cpu.cr0 & CR0_PE) === 0 ? VECTOR_DF : second;
      code = combine ? 0 : thrown.error;
      if (current === VECTOR_DF) faults.push({ vector: VECTOR_DF, error: coded ? 0 : -1 });
      if (current === VECTOR_DF && cpu.guest?.takesException(VECTOR_DF, 0) === true) return true;
    }
  }
  return shutDown(cpu, faults ?? []);
}

/** Keeps for `Pc` what the processor shuts down over. */
function shutDown(cpu: Cpu, faults: FaultRecord[]): false {
  const { r, selector } = cpu;
  cpu.tripleFault = {
    cs: selector[CS],
    eip: r[EIP] >>> 0,
    faults,
    address: faults.some(({ vector }) => vector === VECTOR_PF) ? cpu.cr2 >>> 0 : -1,
    nowhere: cpu.fetchedFromNowhere,
  };
  return false;
}
