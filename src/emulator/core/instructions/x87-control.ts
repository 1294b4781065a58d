/**
 * x87 control instructions, FXSAVE, FXRSTOR, LDMXCSR and STMXCSR (Intel SDM volume 2). The images they move are laid out
 * in ../float/x87-image.ts.
 */
import type { Cpu } from "../cpu/cpu.ts";
import { FEATURE_FPU, FEATURE_FXSR } from "../cpu/cpuid.ts";
import {
  CR0_EM,
  CR0_MP,
  CR0_PE,
  CR0_TS,
  CR4_OSFXSR,
  EAX,
  FLAG_VM,
  VECTOR_GP,
  VECTOR_NM,
  VECTOR_UD,
} from "../cpu/registers.ts";
import { C1 } from "../float/extended.ts";
import * as image from "../float/x87-image.ts";
import { clearExceptions } from "../float/x87-operations.ts";
import { MXCSR_VALID } from "../vector/vector-registers.ts";
import type { Binder, Family } from "./family.ts";
import type { Instruction } from "./instruction.ts";
import { address } from "./operands.ts";
import { enter, reportError } from "./x87.ts";

/** No-wait instructions look at CR0 alone, not at an exception that waits. */
function enterNoWait(cpu: Cpu): void {
  if ((cpu.cr0 & (CR0_EM | CR0_TS)) !== 0) cpu.raise(VECTOR_NM);
}

const noWait =
  (execute: (cpu: Cpu, op: Instruction) => void): Binder =>
  () =>
  (cpu, op) => {
    enterNoWait(cpu);
    execute(cpu, op);
    return op.next;
  };
const waiting =
  (execute: (cpu: Cpu, op: Instruction) => void): Binder =>
  () =>
  (cpu, op) => {
    enter(cpu);
    execute(cpu, op);
    return op.next;
  };

const BUFFER = new Uint8Array(512);
const VIEW = new DataView(BUFFER.buffer);

/** Memory operands of several doublewords: the access is checked as a whole before anything is written. */
function readBytes(cpu: Cpu, segment: number, at: number, length: number): void {
  cpu.checkLimit(segment, at, length, false);
  let i = 0;
  for (; i + 4 <= length; i += 4) VIEW.setInt32(i, cpu.read32(segment, at + i), true);
  if (i < length) VIEW.setUint16(i, cpu.read16(segment, at + i), true);
}

function writeBytes(cpu: Cpu, segment: number, at: number, length: number): void {
  cpu.checkWrite(segment, at, length);
  let i = 0;
  for (; i + 4 <= length; i += 4) cpu.write32(segment, at + i, VIEW.getInt32(i, true));
  if (i < length) cpu.write16(segment, at + i, VIEW.getUint16(i, true));
}

const isReal = (cpu: Cpu) => (cpu.cr0 & CR0_PE) === 0 || (cpu.systemFlags & FLAG_VM) !== 0;

const storeEnvironment: Binder = (form) => (cpu, op) => {
  enterNoWait(cpu);
  image.writeEnvironment(cpu.x87, VIEW, form.wide, isReal(cpu));
  writeBytes(cpu, op.segment, address(cpu, op), image.environmentLength(form.wide));
  // FNSTENV masks all exceptions.
  cpu.x87.control |= 0x3f;
  return op.next;
};

const loadEnvironment: Binder = (form) => (cpu, op) => {
  enter(cpu);
  readBytes(cpu, op.segment, address(cpu, op), image.environmentLength(form.wide));
  image.readEnvironment(cpu.x87, VIEW, form.wide, isReal(cpu));
  return op.next;
};

const saveState: Binder = (form) => (cpu, op) => {
  enterNoWait(cpu);
  const length = image.environmentLength(form.wide);
  image.writeEnvironment(cpu.x87, VIEW, form.wide, isReal(cpu));
  image.writeStack(cpu.x87, VIEW, length, 10);
  writeBytes(cpu, op.segment, address(cpu, op), length + 80);
  cpu.x87.initialize();
  return op.next;
};

const restoreState: Binder = (form) => (cpu, op) => {
  enter(cpu);
  const length = image.environmentLength(form.wide);
  readBytes(cpu, op.segment, address(cpu, op), length + 80);
  image.readEnvironment(cpu.x87, VIEW, form.wide, isReal(cpu));
  image.readStack(cpu.x87, VIEW, length, 10);
  return op.next;
};

/** 128-bit operands and FXSAVE's image lie on 16-byte boundaries. */
export function checkAlignment(cpu: Cpu, segment: number, at: number): void {
  if (((cpu.base[segment] + at) & 15) !== 0) cpu.raise(VECTOR_GP, 0);
}

const XMM_OFFSET = 160;
const XMM_BYTES = 128;
const IMAGE_BYTES = XMM_OFFSET + XMM_BYTES;
/** What must be accessible, though its end is never touched. */
const RESERVED_BYTES = 512;

function enterExtended(cpu: Cpu, op: Instruction): number {
  if ((cpu.model.features & FEATURE_FXSR) === 0) cpu.raise(VECTOR_UD);
  enterNoWait(cpu);
  return address(cpu, op);
}

const saveExtended: Binder = () => (cpu, op) => {
  const at = enterExtended(cpu, op);
  checkAlignment(cpu, op.segment, at);
  cpu.checkWrite(op.segment, at, RESERVED_BYTES);
  image.writeExtendedImage(cpu.x87, VIEW);
  VIEW.setUint32(24, cpu.vectors.mxcsr, true);
  VIEW.setUint32(28, MXCSR_VALID, true);
  BUFFER.set(cpu.vectors.bytes.subarray(0, XMM_BYTES), XMM_OFFSET);
  writeBytes(cpu, op.segment, at, (cpu.cr4 & CR4_OSFXSR) !== 0 ? IMAGE_BYTES : XMM_OFFSET);
  return op.next;
};

const restoreExtended: Binder = () => (cpu, op) => {
  const at = enterExtended(cpu, op);
  checkAlignment(cpu, op.segment, at);
  readBytes(cpu, op.segment, at, RESERVED_BYTES);
  const mxcsr = VIEW.getUint32(24, true);
  const vectors = (cpu.cr4 & CR4_OSFXSR) !== 0;
  if (vectors && (mxcsr & ~MXCSR_VALID) !== 0) cpu.raise(VECTOR_GP, 0);
  image.readExtendedImage(cpu.x87, VIEW);
  if (vectors) {
    cpu.vectors.mxcsr = mxcsr;
    cpu.vectors.bytes.set(BUFFER.subarray(XMM_OFFSET, IMAGE_BYTES));
  }
  return op.next;
};

/** `#UD` unless the system has said that it saves XMM registers, #NM when it has not done so yet. */
export function enterVector(cpu: Cpu, feature: number): void {
  if ((cpu.cr0 & (CR0_EM | CR0_TS)) === 0 && (cpu.cr4 & CR4_OSFXSR) !== 0) {
    if ((cpu.model.features & feature) !== 0) return;
  }
  if ((cpu.cr0 & CR0_EM) !== 0 || (cpu.cr4 & CR4_OSFXSR) === 0 || (cpu.model.features & feature) === 0) {
    cpu.raise(VECTOR_UD);
  }
  cpu.raise(VECTOR_NM);
}

export const x87Control: Family = {
  /** An x87 opcode that is no instruction; without an x87 unit all of them do nothing, but for reading an operand's first word. */
  esc: (form) => (cpu, op) => {
    if ((cpu.model.features & FEATURE_FPU) !== 0) cpu.raise(VECTOR_UD);
    enterNoWait(cpu);
    if (form.memory) cpu.read16(op.segment, address(cpu, op));
    return op.next;
  },
  wait: () => (cpu, op) => {
    if ((cpu.cr0 & (CR0_MP | CR0_TS)) === (CR0_MP | CR0_TS)) cpu.raise(VECTOR_NM);
    if (cpu.x87.errorPending) reportError(cpu);
    return op.next;
  },
  fninit: noWait((cpu) => cpu.x87.initialize()),
  fnclex: noWait((cpu) => clearExceptions(cpu.x87)),
  fneni: noWait(() => {}),
  fndisi: noWait(() => {}),
  fnsetpm: noWait(() => {}),
  fnstcw: noWait((cpu, op) => cpu.write16(op.segment, address(cpu, op), cpu.x87.control)),
  fnstsw: (form) =>
    noWait((cpu, op) => {
      if (form.memory) cpu.write16(op.segment, address(cpu, op), cpu.x87.statusWord);
      else cpu.r16[EAX] = cpu.x87.statusWord;
    })(form),
  fldcw: waiting((cpu, op) => {
    cpu.x87.control = cpu.read16(op.segment, address(cpu, op));
  }),
  fnstenv: storeEnvironment,
  fldenv: loadEnvironment,
  fnsave: saveState,
  frstor: restoreState,
  fxsave: saveExtended,
  fxrstor: restoreExtended,
  fnop: waiting(() => {}),
  ffree: waiting((cpu, op) => {
    cpu.x87.status &= ~C1;
    cpu.x87.empty |= 1 << cpu.x87.slot(op.rm);
  }),
  ffreep: waiting((cpu, op) => {
    cpu.x87.status &= ~C1;
    cpu.x87.empty |= 1 << cpu.x87.slot(op.rm);
    cpu.x87.pop();
  }),
  fincstp: waiting(({ x87 }) => {
    x87.top = (x87.top + 1) & 7;
    x87.status &= ~C1;
  }),
  fdecstp: waiting(({ x87 }) => {
    x87.top = (x87.top - 1) & 7;
    x87.status &= ~C1;
  }),
};
