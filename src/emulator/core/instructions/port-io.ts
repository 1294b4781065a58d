/** IN and OUT, and the I/O permission check (Intel SDM volume 1 §19.5). */
import type { Cpu } from "../cpu/cpu.ts";
import { CR0_PE, EAX, EDX, EIP, FLAG_IOPL, FLAG_VM, TR, VECTOR_GP } from "../cpu/registers.ts";
import type { Svm } from "../cpu/svm/svm.ts";
import { EXIT_IOIO } from "../cpu/svm/vmcb.ts";
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
  const value = width === 8 ? ports.read8(port) : width === 16 ? ports.read16(port) : ports.read32(port);
  if (cpu.watch !== null) cpu.watch.port(port, width >> 3, false, value);
  return value;
}

export function writePort(cpu: Cpu, port: number, width: Form["width"], value: number): void {
  const { ports } = cpu.bus;
  if (cpu.watch !== null) cpu.watch.port(port, width >> 3, true, value);
  if (width === 8) ports.write8(port, value);
  else if (width === 16) ports.write16(port, value);
  else ports.write32(port, value);
}

/** EXITINFO2 is where the guest goes on after the access. */
function exitForPort(
  guest: Svm,
  cpu: Cpu,
  op: Instruction,
  port: number,
  size: number,
  input: boolean,
): null {
  const next = (cpu.r[EIP] + op.end) | 0;
  return guest.exitBefore(op, EXIT_IOIO, guest.portInfo(port, size, input, op, false), 0, next);
}

/** The same for one step of INS and OUTS. */
export function interceptStringPort(
  cpu: Cpu,
  op: Instruction,
  port: number,
  size: number,
  input: boolean,
): void {
  const { guest } = cpu;
  if (guest === null || !guest.interceptsPort(port, size)) return;
  const next = (cpu.r[EIP] + op.end) | 0;
  guest.exitThrow(EXIT_IOIO, guest.portInfo(port, size, input, op, true), 0, next);
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
    if (cpu.guest !== null && cpu.guest.interceptsPort(port, form.width >> 3)) {
      return exitForPort(cpu.guest, cpu, op, port, form.width >> 3, true);
    }
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
    if (cpu.guest !== null && cpu.guest.interceptsPort(port, width >> 3)) {
      return exitForPort(cpu.guest, cpu, op, port, width >> 3, false);
    }
    writePort(cpu, port, width, a.get(cpu, EAX));
    return op.next;
  };
}

export const portIo: Family = { in: bindIn, out: bindOut };
