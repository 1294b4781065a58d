/**
 * Far jumps, calls and returns, and IRET (Intel SDM volume 2 under JMP, CALL, RET, IRET; volume 3 §5.8).
 *
 * Everything that can fault is read and checked before the first register changes. Real-address and virtual-8086 mode load
 * CS without checks. Call gates and returns to an outer privilege level switch stacks; task gates and task segments are in
 * task-switch.ts.
 */
import { ATTENTION_RESUME } from "./attention.ts";
import type { Cpu } from "./cpu.ts";
import { writeFlags } from "./flags.ts";
import {
  CS,
  DS,
  EIP,
  ES,
  ESP,
  FLAG_AC,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_DF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FS,
  GS,
  SS,
  STATUS_FLAGS,
  TR,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
  VECTOR_TS,
} from "./registers.ts";
import {
  ATTRIBUTE_ACCESSED,
  ATTRIBUTE_BIG,
  ATTRIBUTE_CODE,
  ATTRIBUTE_CONFORMING,
  ATTRIBUTE_PRESENT,
  ATTRIBUTE_READ_WRITE,
  ATTRIBUTE_SEGMENT,
  descriptorAddress,
  descriptorBase,
  descriptorLimit,
  isProtected,
  privilegeOf,
  setRealSegment,
  setSegment,
} from "./segmentation.ts";
import { readTaskLink, switchTask, TASK_CALL, TASK_JUMP, TASK_RETURN } from "./task-switch.ts";

const CALL_GATE_16 = 4;
const TASK_GATE = 5;
const CALL_GATE_32 = 12;

/** A descriptor as read from its table. */
export interface Descriptor {
  readonly selector: number;
  readonly at: number;
  readonly low: number;
  readonly high: number;
}

export function readDescriptor(cpu: Cpu, selector: number, vector: number): Descriptor {
  if ((selector & 0xfffc) === 0) cpu.raise(vector, 0);
  const at = descriptorAddress(cpu, selector, vector);
  return { selector, at, low: cpu.readSystem(at, 4), high: cpu.readSystem(at + 4, 4) };
}

/** The four type bits of a system descriptor. */
export function systemType(high: number): number {
  return (high >>> 8) & 15;
}

export function loadChecked(cpu: Cpu, segment: number, selector: number, descriptor: Descriptor): void {
  let { high } = descriptor;
  if ((high & ATTRIBUTE_ACCESSED) === 0) {
    high |= ATTRIBUTE_ACCESSED;
    cpu.writeSystem(descriptor.at + 4, 4, high);
  }
  const base = descriptorBase(descriptor.low, high);
  setSegment(cpu, segment, selector, base, descriptorLimit(descriptor.low, high), high & 0xf0ff00);
}

/** A place on a stack that is not in use yet, filled from the top down. */
export class NewStack {
  pointer: number;
  private readonly cpu: Cpu;
  private readonly base: number;
  private readonly limit: number;
  private readonly mask: number;
  private readonly down: boolean;
  private readonly error: number;
  private readonly user: boolean;

  constructor(cpu: Cpu, descriptor: Descriptor, pointer: number, level: number) {
    this.cpu = cpu;
    this.base = descriptorBase(descriptor.low, descriptor.high);
    this.limit = descriptorLimit(descriptor.low, descriptor.high);
    this.mask = (descriptor.high & ATTRIBUTE_BIG) !== 0 ? -1 : 0xffff;
    this.down = (descriptor.high & ATTRIBUTE_CONFORMING) !== 0;
    this.error = descriptor.selector & 0xfffc;
    this.pointer = pointer;
    this.user = level === 3;
  }

  push(value: number, wide: boolean): void {
    const size = wide ? 4 : 2;
    const at = ((this.pointer - size) & this.mask) >>> 0;
    const last = at + size - 1;
    const legal = this.down ? at > this.limit && last <= this.mask >>> 0 : last <= this.limit;
    if (!legal) this.cpu.raise(VECTOR_SS, this.error);
    this.cpu.writeSlow((this.base + at) | 0, size, value, this.user);
    this.pointer = (this.pointer & ~this.mask) | at;
  }
}

/** Stack segment and pointer for an inner level, from the task segment, checked. */
export function innerStack(cpu: Cpu, level: number): { descriptor: Descriptor; pointer: number } {
  const wide = ((cpu.attributes[TR] >>> 8) & 8) !== 0;
  const at = wide ? level * 8 + 4 : level * 4 + 2;
  if (at + (wide ? 5 : 3) > cpu.limit[TR]) cpu.raise(VECTOR_TS, cpu.selector[TR] & 0xfffc);
  const pointer = cpu.readSystem(cpu.base[TR] + at, wide ? 4 : 2);
  const selector = cpu.readSystem(cpu.base[TR] + at + (wide ? 4 : 2), 2);
  const descriptor = readDescriptor(cpu, selector, VECTOR_TS);
  const { high } = descriptor;
  const error = selector & 0xfffc;
  const writable = (high & ATTRIBUTE_SEGMENT) !== 0 && (high & ATTRIBUTE_CODE) === 0;
  if ((selector & 3) !== level || privilegeOf(high) !== level || !writable) cpu.raise(VECTOR_TS, error);
  if ((high & ATTRIBUTE_READ_WRITE) === 0) cpu.raise(VECTOR_TS, error);
  if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_SS, error);
  return { descriptor, pointer };
}

function checkOffset(cpu: Cpu, offset: number, descriptor: Descriptor): void {
  if (offset >>> 0 > descriptorLimit(descriptor.low, descriptor.high)) cpu.raise(VECTOR_GP, 0);
}

/** Code segment of a direct jump or call: it runs at the current level. */
function checkDirectCode(cpu: Cpu, selector: number, high: number): void {
  const error = selector & 0xfffc;
  const level = privilegeOf(high);
  if ((high & ATTRIBUTE_CONFORMING) !== 0) {
    if (level > cpu.cpl) cpu.raise(VECTOR_GP, error);
  } else if ((selector & 3) > cpu.cpl || level !== cpu.cpl) cpu.raise(VECTOR_GP, error);
  if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_NP, error);
}

/** Reads through the current stack, `bytes` above its top. */
function peek(cpu: Cpu, bytes: number, wide: boolean): number {
  const at = (cpu.r[ESP] + bytes) & cpu.stackMask;
  return wide ? cpu.read32(SS, at) : cpu.read16(SS, at);
}

function setStackPointer(cpu: Cpu, value: number): void {
  cpu.r[ESP] = (cpu.r[ESP] & ~cpu.stackMask) | (value & cpu.stackMask);
}

/** Pushes return CS and EIP on the current stack; ESP moves only when both fit. */
function pushReturn(cpu: Cpu, returnEip: number, wide: boolean): void {
  const size = wide ? 4 : 2;
  const sp = cpu.r[ESP];
  const first = (sp - size) & cpu.stackMask;
  const second = (sp - 2 * size) & cpu.stackMask;
  if (wide) {
    cpu.write32(SS, first, cpu.selector[CS]);
    cpu.write32(SS, second, returnEip);
  } else {
    cpu.write16(SS, first, cpu.selector[CS]);
    cpu.write16(SS, second, returnEip & 0xffff);
  }
  setStackPointer(cpu, second);
}

/** JMP or CALL to selector:offset; `returnEip` is undefined for a jump. Sets EIP. */
export function farTransfer(
  cpu: Cpu,
  selector: number,
  offset: number,
  wide: boolean,
  next: number,
  call: boolean,
): void {
  if (!isProtected(cpu)) {
    if (!wide) offset &= 0xffff;
    if (offset >>> 0 > 0xffff) cpu.raise(VECTOR_GP, 0);
    if (call) pushReturn(cpu, next, wide);
    setRealSegment(cpu, CS, selector);
    cpu.r[EIP] = offset;
    return;
  }
  const descriptor = readDescriptor(cpu, selector, VECTOR_GP);
  const { high } = descriptor;
  const error = selector & 0xfffc;
  if ((high & ATTRIBUTE_SEGMENT) !== 0) {
    if ((high & ATTRIBUTE_CODE) === 0) cpu.raise(VECTOR_GP, error);
    checkDirectCode(cpu, selector, high);
    checkOffset(cpu, offset, descriptor);
    if (call) pushReturn(cpu, next, wide);
    loadChecked(cpu, CS, (selector & 0xfffc) | cpu.cpl, descriptor);
    cpu.r[EIP] = offset;
    return;
  }
  const level = privilegeOf(high);
  if (level < cpu.cpl || level < (selector & 3)) cpu.raise(VECTOR_GP, error);
  const present = (high & ATTRIBUTE_PRESENT) !== 0;
  switch (systemType(high)) {
    case 1:
    case 9:
      if (!present) cpu.raise(VECTOR_NP, error);
      switchTask(cpu, selector, call ? TASK_CALL : TASK_JUMP, next);
      return;
    case TASK_GATE:
      if (!present) cpu.raise(VECTOR_NP, error);
      switchTask(cpu, descriptor.low >>> 16, call ? TASK_CALL : TASK_JUMP, next);
      return;
    case CALL_GATE_16:
    case CALL_GATE_32:
      if (!present) cpu.raise(VECTOR_NP, error);
      throughCallGate(cpu, descriptor, next, call);
      return;
    default:
      cpu.raise(VECTOR_GP, error);
  }
}

function throughCallGate(cpu: Cpu, gate: Descriptor, next: number, call: boolean): void {
  const wide = systemType(gate.high) === CALL_GATE_32;
  const selector = gate.low >>> 16;
  const offset = (gate.low & 0xffff) | (wide ? gate.high & 0xffff0000 : 0);
  const code = readDescriptor(cpu, selector, VECTOR_GP);
  const error = selector & 0xfffc;
  const level = privilegeOf(code.high);
  if ((code.high & ATTRIBUTE_SEGMENT) === 0 || (code.high & ATTRIBUTE_CODE) === 0)
    cpu.raise(VECTOR_GP, error);
  const conforming = (code.high & ATTRIBUTE_CONFORMING) !== 0;
  if (level > cpu.cpl || (!call && !conforming && level !== cpu.cpl)) cpu.raise(VECTOR_GP, error);
  if ((code.high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_NP, error);
  checkOffset(cpu, offset, code);
  if (!call || conforming || level === cpu.cpl) {
    if (call) pushReturn(cpu, next, wide);
    loadChecked(cpu, CS, (selector & 0xfffc) | cpu.cpl, code);
    cpu.r[EIP] = offset;
    return;
  }
  const inner = innerStack(cpu, level);
  const stack = new NewStack(cpu, inner.descriptor, inner.pointer, level);
  const size = wide ? 4 : 2;
  stack.push(cpu.selector[SS], wide);
  stack.push(cpu.r[ESP], wide);
  for (let i = (gate.high & 31) - 1; i >= 0; i--) stack.push(peek(cpu, i * size, wide), wide);
  stack.push(cpu.selector[CS], wide);
  stack.push(next, wide);
  cpu.setPrivilege(level);
  loadChecked(cpu, SS, inner.descriptor.selector, inner.descriptor);
  setStackPointer(cpu, stack.pointer);
  loadChecked(cpu, CS, (selector & 0xfffc) | level, code);
  cpu.r[EIP] = offset;
}

/** Code segment of a return: not more privileged than the code that returns. */
function returnCode(cpu: Cpu, selector: number): Descriptor {
  const error = selector & 0xfffc;
  const code = readDescriptor(cpu, selector, VECTOR_GP);
  const { high } = code;
  const rpl = selector & 3;
  const level = privilegeOf(high);
  if ((high & ATTRIBUTE_SEGMENT) === 0 || (high & ATTRIBUTE_CODE) === 0) cpu.raise(VECTOR_GP, error);
  if (rpl < cpu.cpl) cpu.raise(VECTOR_GP, error);
  if ((high & ATTRIBUTE_CONFORMING) !== 0 ? level > rpl : level !== rpl) cpu.raise(VECTOR_GP, error);
  if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_NP, error);
  return code;
}

/** Stack segment of a return to an outer level. */
function returnStack(cpu: Cpu, selector: number, level: number): Descriptor {
  const error = selector & 0xfffc;
  const stack = readDescriptor(cpu, selector, VECTOR_GP);
  const { high } = stack;
  const writable = ATTRIBUTE_SEGMENT | ATTRIBUTE_READ_WRITE;
  if ((selector & 3) !== level || privilegeOf(high) !== level) cpu.raise(VECTOR_GP, error);
  if ((high & writable) !== writable || (high & ATTRIBUTE_CODE) !== 0) cpu.raise(VECTOR_GP, error);
  if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_SS, error);
  return stack;
}

/** Data segments that the outer level may not use become null. */
function dropInnerSegments(cpu: Cpu): void {
  for (const segment of [ES, DS, FS, GS]) {
    const attributes = cpu.attributes[segment];
    const conforming = (attributes & ATTRIBUTE_CODE) !== 0 && (attributes & ATTRIBUTE_CONFORMING) !== 0;
    if (attributes !== 0 && !conforming && privilegeOf(attributes) < cpu.cpl) {
      setSegment(cpu, segment, 0, 0, 0, 0);
    }
  }
}

function leaveToOuter(
  cpu: Cpu,
  code: Descriptor,
  offset: number,
  stackSelector: number,
  pointer: number,
): void {
  const level = code.selector & 3;
  const stack = returnStack(cpu, stackSelector, level);
  checkOffset(cpu, offset, code);
  cpu.setPrivilege(level);
  loadChecked(cpu, CS, code.selector, code);
  loadChecked(cpu, SS, stackSelector, stack);
  setStackPointer(cpu, pointer);
  cpu.r[EIP] = offset;
  dropInnerSegments(cpu);
}

/** RETF, releasing `bytes` of parameters. */
export function farReturn(cpu: Cpu, wide: boolean, bytes: number): void {
  const size = wide ? 4 : 2;
  const offset = peek(cpu, 0, wide);
  const selector = peek(cpu, size, wide) & 0xffff;
  const release = 2 * size + bytes;
  if (!isProtected(cpu)) {
    if (offset >>> 0 > 0xffff) cpu.raise(VECTOR_GP, 0);
    setStackPointer(cpu, cpu.r[ESP] + release);
    setRealSegment(cpu, CS, selector);
    cpu.r[EIP] = offset;
    return;
  }
  const code = returnCode(cpu, selector);
  if ((selector & 3) === cpu.cpl) {
    checkOffset(cpu, offset, code);
    loadChecked(cpu, CS, selector, code);
    setStackPointer(cpu, cpu.r[ESP] + release);
    cpu.r[EIP] = offset;
    return;
  }
  const pointer = peek(cpu, release, wide);
  const stackSelector = peek(cpu, release + size, wide) & 0xffff;
  leaveToOuter(cpu, code, offset, stackSelector, pointer + bytes);
}

const RETURNED_FLAGS = STATUS_FLAGS | FLAG_TF | FLAG_DF | FLAG_NT;
const WIDE_FLAGS = FLAG_RF | FLAG_AC | FLAG_ID;

/** EFLAGS bits that IRET may change, at the level it returns from. */
function returnedFlags(cpu: Cpu, wide: boolean): number {
  let mask = RETURNED_FLAGS | (wide ? WIDE_FLAGS : 0);
  if (cpu.cpl <= (cpu.systemFlags & FLAG_IOPL) >>> 12) mask |= FLAG_IF;
  if (cpu.cpl === 0) mask |= FLAG_IOPL | (wide ? FLAG_VIF | FLAG_VIP : 0);
  return mask;
}

export function interruptReturn(cpu: Cpu, wide: boolean, next: number): void {
  const size = wide ? 4 : 2;
  if (isProtected(cpu) && (cpu.systemFlags & FLAG_NT) !== 0) {
    cpu.nmiBlocked = false;
    switchTask(cpu, readTaskLink(cpu), TASK_RETURN, next);
    return;
  }
  if ((cpu.systemFlags & FLAG_VM) !== 0 && (cpu.systemFlags & FLAG_IOPL) !== FLAG_IOPL)
    cpu.raise(VECTOR_GP, 0);
  const offset = peek(cpu, 0, wide);
  const selector = peek(cpu, size, wide) & 0xffff;
  const flags = peek(cpu, 2 * size, wide);
  if (!isProtected(cpu)) {
    if (offset >>> 0 > 0xffff) cpu.raise(VECTOR_GP, 0);
    const virtual = (cpu.systemFlags & FLAG_VM) !== 0;
    setStackPointer(cpu, cpu.r[ESP] + 3 * size);
    setRealSegment(cpu, CS, selector);
    cpu.r[EIP] = offset;
    const mask = RETURNED_FLAGS | FLAG_IF | (virtual ? 0 : FLAG_IOPL) | (wide ? WIDE_FLAGS : 0);
    writeFlags(cpu, flags, mask);
    resumeOnce(cpu);
    cpu.nmiBlocked = false;
    return;
  }
  if (wide && (flags & FLAG_VM) !== 0 && cpu.cpl === 0) {
    returnToVirtual(cpu, selector, offset, flags);
    resumeOnce(cpu);
    cpu.nmiBlocked = false;
    return;
  }
  const code = returnCode(cpu, selector);
  const mask = returnedFlags(cpu, wide);
  if ((selector & 3) === cpu.cpl) {
    checkOffset(cpu, offset, code);
    loadChecked(cpu, CS, selector, code);
    setStackPointer(cpu, cpu.r[ESP] + 3 * size);
    cpu.r[EIP] = offset;
  } else {
    const pointer = peek(cpu, 3 * size, wide);
    leaveToOuter(cpu, code, offset, peek(cpu, 4 * size, wide) & 0xffff, pointer);
  }
  writeFlags(cpu, flags, mask);
  resumeOnce(cpu);
  cpu.nmiBlocked = false;
}

/** RF that has just been loaded lasts for one instruction. */
function resumeOnce(cpu: Cpu): void {
  if ((cpu.systemFlags & FLAG_RF) !== 0) cpu.attend(ATTENTION_RESUME);
}

/** The frame above EFLAGS holds ESP, SS, ES, DS, FS and GS. */
function returnToVirtual(cpu: Cpu, selector: number, offset: number, flags: number): void {
  const pointer = peek(cpu, 12, true);
  const values = [16, 20, 24, 28, 32].map((at) => peek(cpu, at, true) & 0xffff);
  writeFlags(cpu, flags, RETURNED_FLAGS | WIDE_FLAGS | FLAG_IF | FLAG_IOPL | FLAG_VM | FLAG_VIF | FLAG_VIP);
  cpu.setPrivilege(3);
  setRealSegment(cpu, CS, selector);
  [SS, ES, DS, FS, GS].forEach((segment, i) => setRealSegment(cpu, segment, values[i]));
  cpu.r[ESP] = pointer;
  cpu.r[EIP] = offset & 0xffff;
}
