/** Segment registers: their hidden parts and how they are loaded (Intel SDM volume 3 §3.4, §5). */
import type { Cpu } from "./cpu.ts";
import { CR0_PE, CS, FLAG_VM, LDTR, SS, TR, VECTOR_GP, VECTOR_NP, VECTOR_SS } from "./registers.ts";

export const ATTRIBUTE_ACCESSED = 0x100;
/** Readable code, writable data. */
export const ATTRIBUTE_READ_WRITE = 0x200;
/** Conforming code, expand-down data. */
export const ATTRIBUTE_CONFORMING = 0x400;
export const ATTRIBUTE_CODE = 0x800;
/** Code or data, not a system segment. */
export const ATTRIBUTE_SEGMENT = 0x1000;
export const ATTRIBUTE_PRESENT = 0x8000;
export const ATTRIBUTE_BIG = 0x400000;
export const ATTRIBUTE_GRANULAR = 0x800000;
const REAL_MODE_DATA = ATTRIBUTE_PRESENT | ATTRIBUTE_SEGMENT | ATTRIBUTE_READ_WRITE | ATTRIBUTE_ACCESSED;

export function isProtected(cpu: Cpu): boolean {
  return (cpu.cr0 & CR0_PE) !== 0 && (cpu.systemFlags & FLAG_VM) === 0;
}

export function privilegeOf(attributes: number): number {
  return (attributes >>> 13) & 3;
}

/** Fills the hidden part and what follows from it. `attributes` 0 is a null selector: every access faults. */
export function setSegment(
  cpu: Cpu,
  segment: number,
  selector: number,
  base: number,
  limit: number,
  attributes: number,
): void {
  cpu.selector[segment] = selector;
  cpu.base[segment] = base;
  cpu.limit[segment] = limit;
  cpu.attributes[segment] = attributes;
  const code = (attributes & ATTRIBUTE_CODE) !== 0;
  const second = (attributes & ATTRIBUTE_READ_WRITE) !== 0;
  const fast = (attributes & ATTRIBUTE_PRESENT) !== 0 && (code || (attributes & ATTRIBUTE_CONFORMING) === 0);
  const top = limit >>> 0;
  for (let width = 0; width < 3; width++) {
    const span = Math.max(0, Math.min(top - (1 << width) + 2, 0xffffffff));
    cpu.span[segment * 8 + width] = fast && (!code || second) ? span : 0;
    cpu.span[segment * 8 + 3 + width] = fast && !code && second ? span : 0;
  }
  if (segment === SS) cpu.stackMask = (attributes & ATTRIBUTE_BIG) !== 0 ? -1 : 0xffff;
  else if (segment === CS) {
    cpu.wideCode = (attributes & ATTRIBUTE_BIG) !== 0;
    cpu.flatCode = cpu.wideCode && base === 0 && top === 0xffffffff;
  }
}

export function resetSegments(cpu: Cpu): void {
  for (let segment = 0; segment < 6; segment++) setSegment(cpu, segment, 0, 0, 0xffff, REAL_MODE_DATA);
  setSegment(cpu, CS, 0xf000, 0xffff0000 | 0, 0xffff, REAL_MODE_DATA | ATTRIBUTE_CODE);
  setSegment(cpu, LDTR, 0, 0, 0xffff, ATTRIBUTE_PRESENT | 0x200);
  setSegment(cpu, TR, 0, 0, 0xffff, ATTRIBUTE_PRESENT | 0xb00);
  // In real mode the stack and the code can be written through CS overrides: CS acts as data.
  cpu.span[CS * 8 + 3] = cpu.span[CS * 8];
  cpu.span[CS * 8 + 4] = cpu.span[CS * 8 + 1];
  cpu.span[CS * 8 + 5] = cpu.span[CS * 8 + 2];
}

/** Real mode keeps limit and attributes; virtual-8086 mode sets them. */
export function setRealSegment(cpu: Cpu, segment: number, selector: number): void {
  if ((cpu.systemFlags & FLAG_VM) !== 0) {
    setSegment(cpu, segment, selector, selector << 4, 0xffff, REAL_MODE_DATA | 0x6000);
    return;
  }
  const attributes = segment === CS ? REAL_MODE_DATA : cpu.attributes[segment] | REAL_MODE_DATA;
  setSegment(cpu, segment, selector, selector << 4, segment === CS ? 0xffff : cpu.limit[segment], attributes);
}

/** Linear address of a descriptor; raises `vector` with the selector where it lies beyond its table. */
export function descriptorAddress(cpu: Cpu, selector: number, vector: number): number {
  const local = (selector & 4) !== 0;
  const limit = local ? cpu.limit[LDTR] : cpu.gdtrLimit;
  if ((selector | 7) > limit || (local && (cpu.selector[LDTR] & 0xfffc) === 0))
    cpu.raise(vector, selector & 0xfffc);
  return ((local ? cpu.base[LDTR] : cpu.gdtrBase) + (selector & 0xfff8)) | 0;
}

export function descriptorBase(low: number, high: number): number {
  return (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
}

export function descriptorLimit(low: number, high: number): number {
  const limit = (low & 0xffff) | (high & 0xf0000);
  return (high & ATTRIBUTE_GRANULAR) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit;
}

/** Loads a data or stack segment register, with all checks of MOV to a segment register. */
export function loadSegment(cpu: Cpu, segment: number, selector: number): void {
  if (!isProtected(cpu)) {
    setRealSegment(cpu, segment, selector);
    return;
  }
  if ((selector & 0xfffc) === 0) {
    if (segment === SS) cpu.raise(VECTOR_GP, 0);
    setSegment(cpu, segment, selector, 0, 0, 0);
    return;
  }
  const error = selector & 0xfffc;
  const at = descriptorAddress(cpu, selector, VECTOR_GP);
  const low = cpu.readSystem(at, 4);
  let high = cpu.readSystem(at + 4, 4);
  const privilege = privilegeOf(high);
  const rpl = selector & 3;
  const code = (high & ATTRIBUTE_CODE) !== 0;
  const second = (high & ATTRIBUTE_READ_WRITE) !== 0;
  if ((high & ATTRIBUTE_SEGMENT) === 0) cpu.raise(VECTOR_GP, error);
  if (segment === SS) {
    if (rpl !== cpu.cpl || privilege !== cpu.cpl || code || !second) cpu.raise(VECTOR_GP, error);
    if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_SS, error);
  } else {
    if (code && !second) cpu.raise(VECTOR_GP, error);
    const conforming = code && (high & ATTRIBUTE_CONFORMING) !== 0;
    if (!conforming && (rpl > privilege || cpu.cpl > privilege)) cpu.raise(VECTOR_GP, error);
    if ((high & ATTRIBUTE_PRESENT) === 0) cpu.raise(VECTOR_NP, error);
  }
  if ((high & ATTRIBUTE_ACCESSED) === 0) {
    high |= ATTRIBUTE_ACCESSED;
    cpu.writeSystem(at + 4, 4, high);
  }
  setSegment(cpu, segment, selector, descriptorBase(low, high), descriptorLimit(low, high), high & 0xf0ff00);
}
