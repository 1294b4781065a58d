/** Task switches (Intel SDM volume 3 §7): JMP, CALL, interrupts through task gates, and IRET with NT set. */
import { ATTENTION_RESUME } from "./attention.ts";
import type { Cpu } from "./cpu.ts";
import { readFlags, writeFlags } from "./flags.ts";
import { EXIT_TASK_SWITCH } from "./svm/vmcb.ts";
import {
  CR0_PG,
  CR0_TS,
  CS,
  DS,
  EIP,
  ES,
  FLAG_NT,
  FLAG_RF,
  FLAG_VM,
  FS,
  GS,
  LDTR,
  SS,
  TR,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
  VECTOR_TS,
} from "./registers.ts";
import {
  ATTRIBUTE_CODE,
  ATTRIBUTE_CONFORMING,
  ATTRIBUTE_PRESENT,
  ATTRIBUTE_READ_WRITE,
  ATTRIBUTE_SEGMENT,
  descriptorAddress,
  descriptorBase,
  descriptorLimit,
  privilegeOf,
  setRealSegment,
  setSegment,
} from "./segmentation.ts";

export const TASK_JUMP = 0;
/** CALL, interrupt or exception: the new task is nested. */
export const TASK_CALL = 1;
export const TASK_RETURN = 2;

const BUSY = 0x200;
const ALL_FLAGS = 0x3f7fd5;
/** Segment registers in the order of the task segment. */
const SEGMENTS = [ES, CS, SS, DS, FS, GS];

/** Selector of the task that the current one is nested in. */
export function readTaskLink(cpu: Cpu): number {
  return cpu.readSystem(cpu.base[TR], 2);
}

function save(cpu: Cpu, next: number, flags: number): void {
  const wide = ((cpu.attributes[TR] >>> 8) & 8) !== 0;
  const base = cpu.base[TR];
  if (wide) {
    cpu.writeSystem(base + 0x20, 4, next);
    cpu.writeSystem(base + 0x24, 4, flags);
    for (let i = 0; i < 8; i++) cpu.writeSystem(base + 0x28 + i * 4, 4, cpu.r[i]);
    SEGMENTS.forEach((segment, i) => cpu.writeSystem(base + 0x48 + i * 4, 2, cpu.selector[segment]));
  } else {
    cpu.writeSystem(base + 0x0e, 2, next);
    cpu.writeSystem(base + 0x10, 2, flags);
    for (let i = 0; i < 8; i++) cpu.writeSystem(base + 0x12 + i * 2, 2, cpu.r[i]);
    for (let i = 0; i < 4; i++) cpu.writeSystem(base + 0x22 + i * 2, 2, cpu.selector[SEGMENTS[i]]);
  }
}

/** Loads a segment register of the new task; every fault is #TS, #NP or #SS with the selector. */
function loadTaskSegment(cpu: Cpu, segment: number, selector: number): void {
  const error = selector & 0xfffc;
  if (error === 0) {
    if (segment === CS || segment === SS) cpu.raise(VECTOR_TS, 0);
    setSegment(cpu, segment, selector, 0, 0, 0);
    return;
  }
  const at = descriptorAddress(cpu, selector, VECTOR_TS);
  const low = cpu.readSystem(at, 4);
  const high = cpu.readSystem(at + 4, 4);
  const level = privilegeOf(high);
  const rpl = selector & 3;
  const code = (high & ATTRIBUTE_CODE) !== 0;
  const second = (high & ATTRIBUTE_READ_WRITE) !== 0;
  const conforming = code && (high & ATTRIBUTE_CONFORMING) !== 0;
  let legal = (high & ATTRIBUTE_SEGMENT) !== 0;
  if (segment === CS) legal &&= code && (conforming ? level <= rpl : level === rpl);
  else if (segment === SS) legal &&= !code && second && level === cpu.cpl && rpl === cpu.cpl;
  else legal &&= (!code || second) && (conforming || (rpl <= level && cpu.cpl <= level));
  if (!legal) cpu.raise(VECTOR_TS, error);
  if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(segment === SS ? VECTOR_SS : VECTOR_NP, error);
  if ((high & 0x100) === 0) cpu.writeSystem(at + 4, 4, high | 0x100);
  const attributes = (high | 0x100) & 0xf0ff00;
  setSegment(cpu, segment, selector, descriptorBase(low, high), descriptorLimit(low, high), attributes);
}

/** `next` is the EIP the old task goes on at. `errorCode` is pushed on the new task's stack, -1 for none. */
export function switchTask(cpu: Cpu, selector: number, kind: number, next: number, errorCode = -1): void {
  if (cpu.guest?.intercepts(EXIT_TASK_SWITCH) === true) {
    // EXITINFO2: bit 36 an IRET, 38 a far jump, 44 an error code in the low doubleword, 48 RF.
    const reason = kind === TASK_RETURN ? 1 << 4 : kind === TASK_CALL ? 0 : 1 << 6;
    const flags = (errorCode >= 0 ? 1 << 12 : 0) | ((readFlags(cpu) & FLAG_RF) !== 0 ? 1 << 16 : 0);
    cpu.guest.exitThrow(EXIT_TASK_SWITCH, selector, 0, Math.max(errorCode, 0), reason | flags);
  }
  const vector = kind === TASK_RETURN ? VECTOR_TS : VECTOR_GP;
  const error = selector & 0xfffc;
  if ((selector & 4) !== 0 || error === 0) cpu.raise(vector, error);
  const at = descriptorAddress(cpu, selector, vector);
  const low = cpu.readSystem(at, 4);
  const high = cpu.readSystem(at + 4, 4);
  const type = (high >>> 8) & 0x1f;
  const available = type === 1 || type === 9;
  const busy = type === 3 || type === 11;
  if (kind === TASK_RETURN ? !busy : !available) cpu.raise(vector, error);
  if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_NP, error);
  const wide = (type & 8) !== 0;
  const limit = descriptorLimit(low, high);
  if (limit < (wide ? 0x67 : 0x2b)) cpu.raise(VECTOR_TS, error);
  const base = descriptorBase(low, high);

  // Read the whole new state first: a page fault here still belongs to the old task.
  const size = wide ? 4 : 2;
  const at0 = wide ? 0x20 : 0x0e;
  const eip = cpu.readSystem(base + at0, size);
  let flags = cpu.readSystem(base + at0 + size, size);
  const general = Array.from({ length: 8 }, (_, i) => cpu.readSystem(base + at0 + (2 + i) * size, size));
  const count = wide ? 6 : 4;
  const selectors = Array.from({ length: 6 }, (_, i) =>
    i < count ? cpu.readSystem(base + (wide ? 0x48 : 0x22) + i * size, 2) : 0,
  );
  const table = cpu.readSystem(base + (wide ? 0x60 : 0x2a), 2);
  const cr3 = wide ? cpu.readSystem(base + 0x1c, 4) : 0;
  const trap = wide && (cpu.readSystem(base + 0x64, 2) & 1) !== 0;

  const oldFlags = readFlags(cpu) & (kind === TASK_RETURN ? ~FLAG_NT : -1);
  save(cpu, next, oldFlags);
  if (kind !== TASK_CALL) {
    const oldAt = descriptorAddress(cpu, cpu.selector[TR], VECTOR_TS);
    cpu.writeSystem(oldAt + 4, 4, cpu.readSystem(oldAt + 4, 4) & ~BUSY);
  } else {
    cpu.writeSystem(base, 2, cpu.selector[TR]);
    flags |= FLAG_NT;
  }
  if (kind !== TASK_RETURN) cpu.writeSystem(at + 4, 4, high | BUSY);

  // From here on everything belongs to the new task.
  cpu.inNewTask = true;
  setSegment(cpu, TR, selector, base, limit, (high | BUSY) & 0xf0ff00);
  cpu.cr0 |= CR0_TS;
  if (wide && (cpu.cr0 & CR0_PG) !== 0) cpu.loadCr3(cr3);
  for (let i = 0; i < 8; i++) cpu.r[i] = wide ? general[i] : (cpu.r[i] & ~0xffff) | general[i];
  cpu.r[EIP] = eip;
  cpu.dr[7] &= ~0x155;
  cpu.watcher.refresh();
  writeFlags(cpu, flags, wide ? ALL_FLAGS : 0x7fd5);
  if ((cpu.systemFlags & FLAG_RF) !== 0) cpu.attend(ATTENTION_RESUME);
  loadLdt(cpu, table);
  if ((flags & FLAG_VM) !== 0 && wide) {
    cpu.setPrivilege(3);
    SEGMENTS.forEach((segment, i) => setRealSegment(cpu, segment, selectors[i]));
  } else {
    // Until they are loaded the registers hold selectors without descriptors.
    SEGMENTS.forEach((segment, i) => setSegment(cpu, segment, selectors[i], 0, 0, 0));
    cpu.setPrivilege(selectors[1] & 3);
    for (const i of [1, 2, 0, 3, 4, 5]) loadTaskSegment(cpu, SEGMENTS[i], selectors[i]);
  }
  if (errorCode >= 0) cpu.pushErrorCode(errorCode, wide);
  if (eip >>> 0 > cpu.limit[CS]) cpu.raise(VECTOR_GP, 0);
  if (trap) {
    cpu.dr[6] |= 0x8000;
    cpu.raise(VECTOR_DB);
  }
  cpu.inNewTask = false;
}

function loadLdt(cpu: Cpu, selector: number): void {
  if ((selector & 0xfffc) === 0) {
    setSegment(cpu, LDTR, selector, 0, 0, 0);
    return;
  }
  const error = selector & 0xfffc;
  if ((selector & 4) !== 0) cpu.raise(VECTOR_TS, error);
  const at = descriptorAddress(cpu, selector, VECTOR_TS);
  const low = cpu.readSystem(at, 4);
  const high = cpu.readSystem(at + 4, 4);
  if (((high >>> 8) & 0x1f) !== 2 || (high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_TS, error);
  setSegment(cpu, LDTR, selector, descriptorBase(low, high), descriptorLimit(low, high), high & 0xf0ff00);
}
