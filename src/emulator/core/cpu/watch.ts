/**
 * What wants to see single instructions and accesses: the debug registers (Intel SDM volume 3 §17.2) and an observer from
 * outside (../debug). `cpu.watch` is null while neither does, and then none of this costs anything: instructions are
 * wrapped when they are decoded, watched pages take the slow path to memory.
 */
import type { Instruction, Handler } from "../instructions/instruction.ts";
import { ATTENTION_DEBUG } from "./attention.ts";
import type { Cpu } from "./cpu.ts";
import { CR4_DE, CS, EIP, FLAG_RF, VECTOR_DB } from "./registers.ts";
import { DENY_READ_SUPERVISOR, DENY_READ_USER, DENY_WRITE } from "./tlb.ts";

export interface CpuObserver {
  /** Whether instructions with this linear address modulo 4096 are to be reported. */
  seesInstruction(pageOffset: number, op: Instruction): boolean;
  /** About to be executed. True stops the CPU in front of it; asked again when it goes on. */
  instruction(linear: number, op: Instruction): boolean;
  /** Whether data accesses to this linear page are to be reported. */
  seesPage(page: number): boolean;
  /** `value` is what is written; reads are reported before the value is known. */
  memory(linear: number, size: number, write: boolean, value: number): void;
  /** `value` is what was read or is about to be written. */
  port(port: number, size: number, write: boolean, value: number): void;
  /** An exception, interrupt or INT n is about to be delivered. `source` is a SOURCE_ of exceptions.ts. */
  event(vector: number, source: number, error: number): void;
}

/** DR7's R/W field. */
const BREAK_EXECUTE = 0;
const BREAK_WRITE = 1;
const BREAK_PORT = 2;
const LENGTHS = [1, 2, 8, 4];
export const DR6_GENERAL_DETECT = 0x2000;
export const DR7_GENERAL_DETECT = 0x2000;
const DENY_ACCESS = DENY_READ_SUPERVISOR | DENY_READ_USER | DENY_WRITE;

interface DebugRegister {
  /** Bit in DR6. */
  bit: number;
  first: number;
  last: number;
  kind: number;
}

interface WrappedInstruction extends Instruction {
  original: Handler;
}

function wrapped(cpu: Cpu, op: Instruction): Instruction | null {
  cpu.watch?.beforeInstruction(op);
  return (op as WrappedInstruction).original(cpu, op);
}

export class Watch {
  private readonly cpu: Cpu;
  private registers: DebugRegister[] = [];
  private observer: CpuObserver | null = null;

  constructor(cpu: Cpu) {
    this.cpu = cpu;
  }

  get current(): CpuObserver | null {
    return this.observer;
  }

  /** Sets or takes away the observer, or tells that what it sees has changed. Only between two runs. */
  observe(observer: CpuObserver | null): void {
    const wasActive = this.cpu.watch !== null;
    this.observer = observer;
    this.apply(wasActive);
  }

  /** DR0 to DR3 or DR7 may have changed. */
  refresh(): void {
    const { cpu } = this;
    if ((cpu.dr[7] & 0xff) === 0 && this.registers.length === 0) return;
    const before = JSON.stringify(this.registers);
    const wasActive = cpu.watch !== null;
    this.registers = [];
    for (let i = 0; i < 4; i++) {
      if (((cpu.dr[7] >>> (i * 2)) & 3) === 0) continue;
      const control = (cpu.dr[7] >>> (16 + i * 4)) & 15;
      const kind = control & 3;
      const length = kind === BREAK_EXECUTE ? 1 : LENGTHS[control >>> 2];
      const first = (cpu.dr[i] & -length) >>> 0;
      this.registers.push({ bit: 1 << i, first, last: first + length - 1, kind });
    }
    if (JSON.stringify(this.registers) !== before) this.apply(wasActive);
  }

  private apply(wasActive: boolean): void {
    const { cpu } = this;
    const active = this.observer !== null || this.registers.length > 0;
    cpu.watch = active ? this : null;
    if (active || wasActive) {
      cpu.blocks.clear();
      cpu.svm.flushAll();
    }
  }

  /** Called for each instruction that is decoded. */
  wrap(op: Instruction, linear: number): void {
    const offset = linear & 4095;
    const sees =
      this.observer?.seesInstruction(offset, op) === true ||
      this.registers.some(({ kind, first }) => kind === BREAK_EXECUTE && (first & 4095) === offset);
    if (!sees) return;
    (op as WrappedInstruction).original = op.execute;
    op.execute = wrapped;
  }

  beforeInstruction(op: Instruction): void {
    const { cpu } = this;
    const linear = (cpu.base[CS] + cpu.r[EIP] + op.offset) >>> 0;
    if (this.observer?.instruction(linear, op) === true) cpu.stopBefore();
    let hits = 0;
    for (const { kind, first, bit } of this.registers) {
      if (kind === BREAK_EXECUTE && first === linear) hits |= bit;
    }
    if (hits === 0) return;
    if ((cpu.systemFlags & FLAG_RF) !== 0) return;
    cpu.dr[6] |= hits;
    cpu.debugFault = true;
    cpu.raise(VECTOR_DB);
  }

  /** Bits that keep a page's accesses off the fast path. */
  denyBits(page: number): number {
    if (this.observer?.seesPage(page) === true) return DENY_ACCESS;
    for (const { kind, first, last } of this.registers) {
      const isData = kind !== BREAK_EXECUTE && kind !== BREAK_PORT;
      if (isData && first >>> 12 <= page && last >>> 12 >= page) return DENY_ACCESS;
    }
    return 0;
  }

  access(linear: number, size: number, write: boolean, value: number): void {
    const first = linear >>> 0;
    for (const register of this.registers) {
      if (register.kind === BREAK_EXECUTE || register.kind === BREAK_PORT) continue;
      if (register.kind === BREAK_WRITE && !write) continue;
      if (first <= register.last && first + size > register.first) this.hit(register.bit);
    }
    this.observer?.memory(first, size, write, value);
  }

  port(port: number, size: number, write: boolean, value: number): void {
    if ((this.cpu.cr4 & CR4_DE) !== 0) {
      for (const { kind, first, last, bit } of this.registers) {
        if (kind === BREAK_PORT && port <= last && port + size > first) this.hit(bit);
      }
    }
    this.observer?.port(port, size, write, value);
  }

  event(vector: number, source: number, error: number): void {
    this.observer?.event(vector, source, error);
  }

  /** A data or port breakpoint traps when the instruction has been executed. */
  private hit(bit: number): void {
    this.cpu.pendingDebug |= bit;
    this.cpu.attend(ATTENTION_DEBUG);
  }
}
