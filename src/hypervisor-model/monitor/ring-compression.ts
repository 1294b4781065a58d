/**
 * A guest kernel moved from ring 0 to ring 1, with the monitor in ring 0: what trap-and-emulate, binary translation and
 * paravirtualization have in common. The monitor lies in the last 4 MiB of every address space, out of reach of the guest's
 * truncated segments; its descriptor tables, its task state segment and its entry code are real ones that the processor uses.
 * Each exception, interrupt and INT n arrives at an entry stub in ring 0, which gives itself up to this file by a write to a port;
 * what the monitor decides stands here, and the stub's IRET goes back to the guest.
 */
import { assemble } from "../../emulator/core/assembler/assemble.ts";
import { Cpu } from "../../emulator/core/cpu/cpu.ts";
import { DEFAULT_CPU_MODEL } from "../../emulator/core/cpu/cpuid.ts";
import { hasErrorCode } from "../../emulator/core/cpu/guest-fault.ts";
import * as reg from "../../emulator/core/cpu/registers.ts";
import { setSegment } from "../../emulator/core/cpu/segmentation.ts";
import { INSTRUCTION_SET } from "../../emulator/core/instructions/instruction-set.ts";
import { Bus } from "../../emulator/core/memory/bus.ts";
import { PhysicalMemory } from "../../emulator/core/memory/physical-memory.ts";
import { GUEST_MEMORY_BYTES, KERNEL_ORIGIN } from "../guest-kernel/guest-kernel.ts";
import { EventLog } from "./events.ts";
import { GuestBoard } from "./guest-board.ts";
import { GuestMemory, type GuestPaging } from "./guest-memory.ts";
import type { Monitor, MonitorEnd } from "./monitor.ts";

export const GUEST_BASE = 0x100000;
/** The monitor's memory, and where it is in every address space. */
export const MONITOR = 0x400000;
export const MONITOR_BYTES = 0x400000;
export const MONITOR_LINEAR = 0xffc00000;
const IDT = MONITOR;
const GDT = MONITOR + 0x1000;
const TSS = MONITOR + 0x2000;
const STACK = MONITOR + 0x4000;
const ENTRY = MONITOR + 0x4000;
const MONITOR_TABLE = MONITOR + 0x8000;
/** Pages for the tables the processor walks. */
export const TABLES = MONITOR + 0x100000;
export const TABLES_PAGES = 256;
/** For translated code. */
export const TRANSLATED = MONITOR + 0x200000;

const HOST_MEMORY = MONITOR + MONITOR_BYTES;
const MONITOR_PORT = 0xe0;
/** The vector of the host's own interrupt. */
const HOST_INTERRUPT = 0x20;

export const MONITOR_CODE = 0x400;
const MONITOR_DATA = 0x408;
const MONITOR_TASK = 0x410;
/** Ring 1 segments without the guest's limit: code that was translated, and the data it shares with the monitor. */
export const TRANSLATED_CODE = 0x419;
export const TRANSLATED_DATA = 0x421;
const LARGEST_GUEST_TABLE = 0x3ff;
/** Last address a guest's segment may reach. */
const GUEST_LIMIT = MONITOR_LINEAR - 1;

/** The frame on the monitor's stack: vector, error code, EIP, CS, EFLAGS, ESP, SS. */
const FRAME_BYTES = 28;

export const linearOf = (physical: number) => (physical - MONITOR + MONITOR_LINEAR) >>> 0;

function entryCode() {
  const stubs = Array.from({ length: 256 }, (_, vector) => {
    const error = hasErrorCode(vector) ? "" : "push 0\n";
    return `align 16\n${error}push ${vector}\njmp common`;
  });
  return assemble(`
        bits 32
        org ${linearOf(ENTRY)}
${stubs.join("\n")}
        align 16
common: out ${MONITOR_PORT}, al
resume: add esp, 8
        iretd
`);
}

const ENTRY_CODE = entryCode();
const RESUME = ENTRY_CODE.labels.get("resume")!;
/** ADD and IRETD on the way to the guest. */
const STUB_RESUME = 2;
/** PUSH, JMP and OUT on the way from it, and another PUSH where there is no error code. */
const STUB_ENTRY = 3;

const FLAT = 0xc00000;

export interface VirtualTable {
  base: number;
  limit: number;
}

export abstract class RingCompression implements Monitor {
  readonly cpu: Cpu;
  readonly events = new EventLog();
  readonly board: GuestBoard;
  readonly guestBase: number = GUEST_BASE;
  guest: GuestMemory;
  guestInstructions = 0;
  protected readonly memory = new PhysicalMemory(HOST_MEMORY);

  /** The guest's processor, as it believes it to be. */
  protected readonly paging: GuestPaging = { on: false, writeProtect: false, cr3: 0 };
  protected cr0 = 0x11;
  protected cr2 = 0;
  protected cr4 = 0;
  protected gdtr: VirtualTable = { base: 0, limit: 0 };
  protected idtr: VirtualTable = { base: 0, limit: 0x3ff };
  protected taskBase = 0;
  protected interruptsOn = false;
  protected level = 0;
  /** EIP and EFLAGS of the guest at the event that is handled, and where it goes on. */
  protected eip = KERNEL_ORIGIN;
  protected flags = 2;
  protected esp = 0;
  /** Stack segment, with the guest's own ring in it. */
  protected stackSelector = 0x10;
  protected codeSelector = 0x08;

  /** The board's interrupt controller has a request. */
  protected interrupt = false;
  /** The instruction after STI is not interrupted. */
  protected shadowed = false;

  /** `portsToBoard`: the processor's ports lead to the board, for who may use them. */
  constructor(portsToBoard = false) {
    const bus = new Bus(this.memory);
    const cpu = (this.cpu = new Cpu(bus, INSTRUCTION_SET, DEFAULT_CPU_MODEL));
    bus.ports.register({
      name: "monitor",
      first: MONITOR_PORT,
      last: MONITOR_PORT,
      write8: () => cpu.requestStop(),
    });
    const request = (level: boolean) => {
      this.interrupt = level;
      cpu.raiseInterruptLine(level);
    };
    const board = (this.board = new GuestBoard(this.events, request, portsToBoard ? bus.ports : undefined));
    cpu.interruptController = {
      acknowledge: () => {
        cpu.raiseInterruptLine(false);
        return HOST_INTERRUPT;
      },
    };
    board.clock.instructionCount = () => cpu.instructions;
    board.clock.onEarlierDeadline = () => cpu.shorten(board.clock.instructionsUntilDeadline(2 ** 31));
    this.guest = new GuestMemory(this.memory, GUEST_BASE, GUEST_MEMORY_BYTES);
    this.buildMonitor();
  }

  /** The directory entry that puts the monitor into an address space. Supervisor pages: ring 1 is kept out by its segments. */
  protected get monitorEntry(): number {
    return MONITOR_TABLE | 0x63;
  }

  private buildMonitor(): void {
    const { memory } = this;
    memory.load(ENTRY, ENTRY_CODE.bytes);
    for (let page = 0; page < MONITOR_BYTES >>> 12; page++) {
      memory.write32(MONITOR_TABLE + page * 4, (MONITOR + page * 4096) | 0x63);
    }
    for (let vector = 0; vector < 256; vector++) {
      // Exceptions cannot be imitated by INT n, but for those that are made by an instruction.
      const ring = vector >= 0x30 || vector === 3 || vector === 4 ? 3 : 0;
      this.setGate(vector, MONITOR_CODE, this.entryOf(vector), ring);
    }
    this.setDescriptor(MONITOR_CODE, 0, 0xffffffff, 0x9b);
    this.setDescriptor(MONITOR_DATA, 0, 0xffffffff, 0x93);
    this.setDescriptor(TRANSLATED_CODE, 0, 0xffffffff, 0xbb);
    this.setDescriptor(TRANSLATED_DATA, 0, 0xffffffff, 0xb3);
    memory.write32(GDT + MONITOR_TASK, 0x67 | (linearOf(TSS) << 16));
    memory.write32(
      GDT + MONITOR_TASK + 4,
      (linearOf(TSS) & 0xff000000) | ((linearOf(TSS) >>> 16) & 0xff) | 0x8b00,
    );
    memory.write32(TSS + 4, linearOf(STACK));
    memory.write32(TSS + 8, MONITOR_DATA);
    memory.write32(TSS + 0x64, 0x680000);
    this.setDescriptor(0x08, 0, GUEST_LIMIT, 0xbb);
    this.setDescriptor(0x10, 0, GUEST_LIMIT, 0xb3);
  }

  /** The stub for a vector. */
  protected entryOf(vector: number): number {
    return linearOf(ENTRY) + vector * 16;
  }

  protected setGate(vector: number, selector: number, address: number, ring: number): void {
    this.memory.write32(IDT + vector * 8, (selector << 16) | (address & 0xffff));
    this.memory.write32(IDT + vector * 8 + 4, (address & 0xffff0000) | 0x8e00 | (ring << 13));
  }

  /** A trap gate from ring 3 to the guest's kernel in ring 1, which leaves the host's interrupts on. */
  protected setDirectGate(vector: number, selector: number, address: number): void {
    this.setGate(vector, selector, address, 3);
    const at = IDT + vector * 8 + 4;
    this.memory.write32(at, this.memory.read32(at) | 0x100);
  }

  /** The stack of ring 1 for what comes from ring 3 by a direct gate. */
  protected setInnerStack(esp: number): void {
    this.memory.write32(TSS + 12, esp);
    this.memory.write32(TSS + 16, 0x11);
  }

  /** A flat-model segment; the limit goes by whole pages. */
  protected setDescriptor(selector: number, base: number, limit: number, access: number): void {
    const at = GDT + (selector & ~7);
    const pages = limit >>> 12;
    this.memory.write32(at, (pages & 0xffff) | (base << 16));
    this.memory.write32(
      at + 4,
      ((base >>> 16) & 0xff) | (access << 8) | FLAT | (pages & 0xf0000) | (base & 0xff000000),
    );
  }

  /** Puts the processor in ring 0 in front of the stub's way back, as after an event. */
  protected start(): void {
    const { cpu } = this;
    cpu.gdtrBase = linearOf(GDT) | 0;
    cpu.gdtrLimit = 0xfff;
    cpu.idtrBase = linearOf(IDT) | 0;
    cpu.idtrLimit = 0x7ff;
    cpu.cr0 = reg.CR0_PG | 0x10000 | 0x11;
    cpu.loadCr3(this.directory());
    setSegment(cpu, reg.CS, MONITOR_CODE, 0, 0xffffffff, 0xc09b00);
    setSegment(cpu, reg.SS, MONITOR_DATA, 0, 0xffffffff, 0xc09300);
    for (const segment of [reg.DS, reg.ES]) setSegment(cpu, segment, 0x10, 0, GUEST_LIMIT, 0xc0b300);
    setSegment(cpu, reg.GS, TRANSLATED_DATA, 0, 0xffffffff, 0xc0b300);
    setSegment(cpu, reg.TR, MONITOR_TASK, linearOf(TSS) | 0, 0x67, 0x8b00);
    cpu.setPrivilege(0);
    cpu.r[reg.EIP] = RESUME;
    cpu.r[reg.ESP] = linearOf(STACK) - FRAME_BYTES;
    this.storeFrame();
  }

  /** What is to be in CR3 for the guest. */
  protected abstract directory(): number;
  /** A page fault that came from the guest. */
  protected abstract pageFault(linear: number, error: number): MonitorEnd | undefined;
  /** A general protection fault of the guest's kernel. */
  protected abstract protectionFault(error: number): MonitorEnd | undefined;
  /** INT n: "guest" where it is the guest's business alone. */
  protected interruptInstruction(_vector: number): MonitorEnd | "guest" | undefined {
    return "guest";
  }

  protected frameWord(index: number): number {
    return this.memory.read32(STACK - FRAME_BYTES + index * 4);
  }

  protected setFrameWord(index: number, value: number): void {
    this.memory.write32(STACK - FRAME_BYTES + index * 4, value);
  }

  /** From the frame of the event to the guest's view. */
  protected loadFrame(): void {
    const selector = this.frameWord(3) & 0xffff;
    this.level = (selector & 3) === 3 ? 3 : 0;
    this.eip = this.frameWord(2);
    this.codeSelector = this.level === 3 ? selector : selector & ~3;
    this.flags = (this.frameWord(4) & ~(reg.FLAG_IF | reg.FLAG_IOPL)) | (this.interruptsOn ? reg.FLAG_IF : 0);
    this.esp = this.frameWord(5);
    const stack = this.frameWord(6) & 0xffff;
    this.stackSelector = this.level === 3 ? stack : stack & ~3;
  }

  /** The guest's view into the frame that IRETD takes: kernels run in ring 1, with the host's interrupts on. */
  protected storeFrame(): void {
    const ring = this.level === 3 ? 0 : 1;
    this.setFrameWord(2, this.eip);
    this.setFrameWord(3, this.codeSelector | ring);
    this.setFrameWord(4, (this.flags & ~(reg.FLAG_IOPL | reg.FLAG_NT | reg.FLAG_VM)) | reg.FLAG_IF | 2);
    this.setFrameWord(5, this.esp);
    this.setFrameWord(6, this.stackSelector | ring);
  }

  protected note(type: "trap" | "hypercall" | "callout" | "injection" | "translation", reason: string): void {
    this.events.add(type, reason, this.eip, this.level, this.cpu.instructions);
  }

  run(maximum: number): MonitorEnd {
    const { cpu, board } = this;
    const last = cpu.instructions + maximum;
    while (cpu.instructions < last) {
      const before = cpu.instructions;
      const slice = this.shadowed ? STUB_RESUME + 1 : last - before;
      const stop = cpu.run(board.clock.instructionsUntilDeadline(slice));
      board.clock.fireDue();
      if (stop === "limit") {
        this.guestInstructions += cpu.instructions - before;
        this.endShadow();
        continue;
      }
      if (stop !== "stopped") return { type: "refused", why: `the monitor ended: ${stop}` };
      if (cpu.r[reg.ESP] >>> 0 !== linearOf(STACK) - FRAME_BYTES) {
        return { type: "refused", why: "the guest's segments cannot be loaded" };
      }
      const vector = this.frameWord(0);
      const entry = STUB_ENTRY + (hasErrorCode(vector) ? 0 : 1);
      this.guestInstructions += cpu.instructions - before - entry - STUB_RESUME;
      this.shadowed = false;
      this.loadFrame();
      const end = this.event(vector, this.frameWord(1));
      if (end !== undefined) return end;
      if (board.ended) return { type: "finished" };
      const failed = this.offerInterrupt() ?? this.beforeReturn();
      if (failed !== undefined) return failed;
      this.storeFrame();
    }
    return { type: "limit" };
  }

  /** The last thing before the guest goes on. */
  protected beforeReturn(): MonitorEnd | undefined {
    return undefined;
  }

  /** The host was interrupted while the guest ran; whether that means anything for the guest is asked afterwards. */
  protected hostInterrupt(): void {}

  private endShadow(): void {
    if (!this.shadowed) return;
    this.shadowed = false;
    if (this.interrupt && this.interruptsOn) this.cpu.raiseInterruptLine(true);
  }

  private event(vector: number, error: number): MonitorEnd | undefined {
    if (vector === HOST_INTERRUPT) {
      this.note("trap", "host interrupt");
      this.guestInstructions--;
      this.hostInterrupt();
      return undefined;
    }
    if (vector === reg.VECTOR_PF) return this.pageFault(this.cpu.cr2, error);
    if (vector === reg.VECTOR_GP) {
      // INT n through a gate of a lower ring: the guest is told as a processor would tell it.
      if (this.level === 3) {
        this.note("trap", "#GP");
        return this.inject(vector, error);
      }
      return this.protectionFault(error);
    }
    if (vector >= 0x30 || vector === 3 || vector === 4) {
      const handled = this.interruptInstruction(vector);
      if (handled !== "guest") return handled;
      const start = this.eip - (vector === 3 || vector === 4 ? 1 : 2);
      this.events.add("trap", `INT ${vector.toString(16)}h`, start, this.level, this.cpu.instructions);
      return this.softwareInterrupt(vector);
    }
    this.note("trap", vector === 0 ? "#DE" : vector === 6 ? "#UD" : `exception ${vector}`);
    return this.inject(vector, hasErrorCode(vector) ? error : undefined);
  }

  /** INT n: the guest's gate has to allow it. */
  protected softwareInterrupt(vector: number): MonitorEnd | undefined {
    const gate = this.guest.readLinear32(this.paging, this.idtr.base + vector * 8 + 4);
    if (gate === undefined || ((gate >>> 13) & 3) < this.level) {
      // The faulting instruction is the INT, two bytes long.
      this.eip -= vector === 3 || vector === 4 ? 1 : 2;
      return this.inject(reg.VECTOR_GP, vector * 8 + 2);
    }
    return this.inject(vector);
  }

  /** A request of the guest's interrupt controller, when the guest takes interrupts. */
  private offerInterrupt(): MonitorEnd | undefined {
    if (!this.interrupt) return undefined;
    this.cpu.raiseInterruptLine(false);
    if (!this.interruptsOn || this.shadowed) return undefined;
    return this.externalInterrupt();
  }

  protected externalInterrupt(): MonitorEnd | undefined {
    this.guestInstructions++;
    return this.inject(this.board.pic.acknowledge());
  }

  /** Delivers an exception or interrupt through the guest's own table, as the processor would in ring 0. */
  protected inject(vector: number, error?: number): MonitorEnd | undefined {
    this.note("injection", `vector ${vector.toString(16)}h`);
    const fatal: MonitorEnd = { type: "triple-fault", eip: this.eip };
    if (vector * 8 + 7 > this.idtr.limit) return fatal;
    const low = this.guest.readLinear32(this.paging, this.idtr.base + vector * 8);
    const high = this.guest.readLinear32(this.paging, this.idtr.base + vector * 8 + 4);
    if (low === undefined || high === undefined || (high & 0x8000) === 0) return fatal;
    const { flags, esp, stackSelector } = this;
    if (this.level === 3) {
      const stack = this.guest.readLinear32(this.paging, this.taskBase + 4);
      const selector = this.guest.readLinear32(this.paging, this.taskBase + 8);
      if (stack === undefined || selector === undefined) return fatal;
      this.esp = stack;
      this.stackSelector = selector & 0xfffc;
      if (!this.push(stackSelector) || !this.push(esp)) return fatal;
    }
    if (!this.push(flags) || !this.push(this.codeSelector) || !this.push(this.eip)) return fatal;
    if (error !== undefined && !this.push(error)) return fatal;
    this.level = 0;
    this.codeSelector = (low >>> 16) & 0xfffc;
    this.eip = (low & 0xffff) | (high & 0xffff0000);
    if ((high & 0x100) === 0) this.interruptsOn = false;
    this.flags = flags & ~(reg.FLAG_TF | reg.FLAG_NT | reg.FLAG_RF | reg.FLAG_VM);
    return undefined;
  }

  protected push(value: number): boolean {
    this.esp = (this.esp - 4) | 0;
    const at = this.guest.writeLinear32(this.paging, this.esp, value);
    if (at >= 0) this.guestWritten(at);
    return at >= 0;
  }

  /** The monitor has written the guest's memory. */
  protected guestWritten(_physical: number): void {}

  protected pop(): number | undefined {
    const value = this.guest.readLinear32(this.paging, this.esp);
    this.esp = (this.esp + 4) | 0;
    return value;
  }

  /** IRET of the guest's kernel, as in ring 0. */
  protected virtualReturn(): MonitorEnd | undefined {
    const eip = this.pop();
    const selector = this.pop();
    const flags = this.pop();
    if (eip === undefined || selector === undefined || flags === undefined) {
      return { type: "refused", why: "IRET from a stack that is not mapped" };
    }
    if ((selector & 3) === 3) {
      const esp = this.pop();
      const stack = this.pop();
      if (esp === undefined || stack === undefined) {
        return { type: "refused", why: "IRET from a stack that is not mapped" };
      }
      this.esp = esp;
      this.stackSelector = stack & 0xffff;
      this.level = 3;
    }
    this.eip = eip;
    this.codeSelector = selector & 0xffff;
    this.interruptsOn = (flags & reg.FLAG_IF) !== 0;
    this.flags = flags;
    return undefined;
  }

  /** HLT: until the guest's next interrupt. */
  protected halt(): MonitorEnd | undefined {
    const { clock } = this.board;
    if (this.interrupt) return undefined;
    if (!this.interruptsOn || clock.nextDeadline() === Infinity) return { type: "halted" };
    clock.skipTo(clock.nextDeadline());
    clock.fireDue();
    return undefined;
  }

  /** LGDT: the guest's segments with ring 0 made ring 1 and limits that leave the monitor out. */
  protected loadSegments(base: number, limit: number): MonitorEnd | undefined {
    if (limit > LARGEST_GUEST_TABLE) return { type: "refused", why: "a descriptor table beyond 128 entries" };
    this.gdtr = { base, limit };
    for (let selector = 8; selector + 7 <= limit; selector += 8) {
      const low = this.guest.readLinear32(this.paging, base + selector);
      const high = this.guest.readLinear32(this.paging, base + selector + 4);
      if (low === undefined || high === undefined)
        return { type: "refused", why: "LGDT of what is not mapped" };
      this.memory.write32(GDT + selector, 0);
      this.memory.write32(GDT + selector + 4, 0);
      const access = (high >>> 8) & 0xff;
      // Task state segments and gates are the monitor's own business.
      if ((access & 0x90) !== 0x90) continue;
      const segmentBase = (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
      const units = (low & 0xffff) | (high & 0xf0000);
      const bytes = (high & 0x800000) !== 0 ? units * 4096 + 4095 : units;
      const allowed = Math.max(0, Math.min(bytes, GUEST_LIMIT - (segmentBase >>> 0)));
      const ring = (access & 0x60) === 0 ? 0x20 : 0;
      this.setDescriptor(selector, segmentBase, allowed, access | ring);
      if ((high & 0x400000) === 0) {
        const at = GDT + selector + 4;
        this.memory.write32(at, this.memory.read32(at) & ~0x400000);
      }
    }
    return undefined;
  }

  /** LTR: the stack the guest's kernel wants for traps from ring 3. */
  protected loadTask(selector: number): MonitorEnd | undefined {
    const at = this.gdtr.base + (selector & ~7);
    const low = this.guest.readLinear32(this.paging, at);
    const high = this.guest.readLinear32(this.paging, at + 4);
    if (low === undefined || high === undefined || (high & 0x9f00) !== 0x8900) {
      return { type: "refused", why: "LTR of what is no available task state segment" };
    }
    this.taskBase = (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
    this.guest.writeLinear32(this.paging, at + 4, high | 0x200);
    return undefined;
  }
}
