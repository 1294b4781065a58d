/** Operand access by width, for the general forms of all families. Hot forms have handlers of their own. */
import type { Cpu } from "../cpu/cpu.ts";
import type { Instruction } from "./instruction.ts";

/** The effective address of the memory operand. */
export function address(cpu: Cpu, op: Instruction): number {
  const r = cpu.r;
  return (r[op.base] + (r[op.index] << op.scale) + op.displacement) & op.addressMask;
}

export interface Access {
  /** By register number as the decoder gives it. */
  get(cpu: Cpu, register: number): number;
  set(cpu: Cpu, register: number, value: number): void;
  load(cpu: Cpu, segment: number, offset: number): number;
  store(cpu: Cpu, segment: number, offset: number, value: number): void;
  update(cpu: Cpu, segment: number, offset: number): number;
  writeBack(cpu: Cpu, value: number): void;
  /** An immediate as an operand of this width. */
  mask(value: number): number;
}

const access8: Access = {
  get: (cpu, n) => cpu.r8[n],
  set: (cpu, n, value) => void (cpu.r8[n] = value),
  load: (cpu, segment, offset) => cpu.read8(segment, offset),
  store: (cpu, segment, offset, value) => cpu.write8(segment, offset, value),
  update: (cpu, segment, offset) => cpu.update8(segment, offset),
  writeBack: (cpu, value) => cpu.writeBack8(value),
  mask: (value) => value & 0xff,
};
const access16: Access = {
  get: (cpu, n) => cpu.r16[n << 1],
  set: (cpu, n, value) => void (cpu.r16[n << 1] = value),
  load: (cpu, segment, offset) => cpu.read16(segment, offset),
  store: (cpu, segment, offset, value) => cpu.write16(segment, offset, value),
  update: (cpu, segment, offset) => cpu.update16(segment, offset),
  writeBack: (cpu, value) => cpu.writeBack16(value),
  mask: (value) => value & 0xffff,
};
const access32: Access = {
  get: (cpu, n) => cpu.r[n],
  set: (cpu, n, value) => void (cpu.r[n] = value),
  load: (cpu, segment, offset) => cpu.read32(segment, offset),
  store: (cpu, segment, offset, value) => cpu.write32(segment, offset, value),
  update: (cpu, segment, offset) => cpu.update32(segment, offset),
  writeBack: (cpu, value) => cpu.writeBack32(value),
  mask: (value) => value | 0,
};

export function accessOf(width: 0 | 8 | 16 | 32): Access {
  return width === 8 ? access8 : width === 16 ? access16 : access32;
}

/** 0, 1, 2 for 8, 16, 32: the place in a table by width. */
export function widthIndex(width: 0 | 8 | 16 | 32): 0 | 1 | 2 {
  return width === 8 ? 0 : width === 16 ? 1 : 2;
}
