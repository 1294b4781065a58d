/** IN and OUT, and the I/O permission check (Intel SDM volume 1 §19.5). */
import type { Cpu } from "../cpu/cpu.ts";
import { CR0_PE, EAX, EDX, FLAG_IOPL, FLAG_VM, TR, VECTOR_GP } from "../cpu/registers.ts";
import type { Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { accessOf } from "./operands.ts";

/** Raises #GP(0) where neither IOPL nor the task's bitmap allows `size` ports from `port` on. */
export function checkPort(cpu: Cpu, port: number, size: number): void {
  if ((cpu.cr0 & CR0_PE) === 0) return;
  const virtual = (cpu.systemFlags & FLAG_VM) !== 0;
  if (!virtual && cpu.cpl <= (cpu.systemFlags & FLAG_IOPL) >>> 12) return;
  // A 32-bit TSS, available (9) or busy (11); its map base at 66h.
  const type = (cpu.attributes[TR] >>> 8) & 0xf;
  if ((type !== 9 && type !== 11) || cpu.limit[TR] < 0x67) cpu.raise(VECTOR_GP, 0);
  const at = cpu.readSystem(cpu.base[TR] + 0x66, 2) + (port >>> 3);
  // Two bytes are always read, so that an unaligned port is covered.
  if (at + 1 > cpu.limit[TR]) cpu.raise(VECTOR_GP, 0);
  const bits = cpu.readSystem(cpu.base[TR] + at, 2) >>> (port & 7);
  if ((bits & ((1 << size) - 1)) !== 0) cpu.raise(VECTOR_GP, 0);
}

export function readPort(cpu: Cpu, port: number, width: Form["width"]): number {
  const { ports } = cpu.bus;
  return width === 8 ? ports.read8(port) : width === 16 ? ports.read16(port) : ports.read32(port);
}

export function writePort(cpu: Cpu, port: number, width: Form["width"], value: number): void {
  const { ports } = cpu.bus;
  if (width === 8) ports.write8(port, value);
  else if (width === 16) ports.write16(port, value);
  else ports.write32(port, value);
}

function portOf(cpu: Cpu, op: Instruction, byDx: boolean): number {
  return byDx ? cpu.r16[EDX * 2] : op.immediate & 0xff;
}

function bindIn(form: Form): Handler {
  const a = accessOf(form.width);
  const byDx = form.row.operands[1].text === "DX";
  return (cpu, op) => {
    const port = portOf(cpu, op, byDx);
    checkPort(cpu, port, form.width >> 3);
    a.set(cpu, EAX, readPort(cpu, port, form.width));
    return op.next;
  };
}

function bindOut(form: Form): Handler {
  const [target, source] = form.row.operands;
  const width = source.text === "AL" ? 8 : form.wide ? 32 : 16;
  const a = accessOf(width);
  const byDx = target.text === "DX";
  return (cpu, op) => {
    const port = portOf(cpu, op, byDx);
    checkPort(cpu, port, width >> 3);
    writePort(cpu, port, width, a.get(cpu, EAX));
    return op.next;
  };
}

export const portIo: Family = { in: bindIn, out: bindOut };
