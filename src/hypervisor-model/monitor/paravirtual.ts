/**
 * Paravirtualization as Xen did it on 32-bit x86 (Barham et al., SOSP 2003): a hypervisor in ring 0, domains in ring 1 that ask it
 * by hypercalls. Page tables are the domain's own and used as they are (direct paging): they hold machine addresses, are validated
 * when they are pinned, and change by mmu_update. System calls go from ring 3 to the domain's kernel without the hypervisor.
 * Interrupts are events in a shared page. Disk and network belong to domain 0; others reach them through a shared ring.
 */
import * as reg from "../../emulator/core/cpu/registers.ts";
import { setSegment } from "../../emulator/core/cpu/segmentation.ts";
import { guestKernel, KERNEL_ORIGIN, type GuestProgram } from "../guest-kernel/guest-kernel.ts";
import { guestInstruction, instructionName } from "./guest-instruction.ts";
import { DirectPaging, ENTRIES } from "./direct-paging.ts";
import { GuestMemory } from "./guest-memory.ts";
import { loadProgram, type MonitorEnd } from "./monitor.ts";
import { GUEST_BASE, MONITOR, MONITOR_LINEAR, RingCompression } from "./ring-compression.ts";

/** Machine memory of domain 0. */
const DOM0_BASE = 0x200000;
const DOM0_BYTES = 0x40000;
const DOMU_BYTES = 0x100000;
/** Pages of the domains, by their own addresses (paravirtual.asm, dom0.asm). */
const FIRST_DIRECTORY = 0xf0000;
const FIRST_TABLE = 0xf1000;
const RING = 0x1c000;
const SHARED = 0x1d000;
const RING_DATA = 0x1e000;
const DOM0_SHARED = 0x3d000;
const DOM0_DIRECTORY = 0x3e000;
const DOM0_TABLE = 0x3f000;
const DOM0_RING = 0x30000;

const S_PENDING = 0;
const S_MASK = 4;
const S_CHANNELS = 8;
const S_CR2 = 12;
const CHANNEL_TIMER = 1;
const CHANNEL_RING = 2;

const HYPERCALL = 0x82;
const NAMES = [
  "set_trap_table",
  "mmu_update",
  "stack_switch",
  "console_io",
  "sched_block",
  "new_baseptr",
  "pin_table",
  "unpin_table",
  "update_va_mapping",
  "event_send",
  "set_timer",
  "shutdown",
  "set_callbacks",
] as const;
const REFUSED = -1;
const TIMER_NS = 10_000_000;
const SYSTEM_CALL = 0x80;
const DELAY_PORT = 0x80;

interface Domain {
  name: string;
  base: number;
  bytes: number;
  /** Machine address of the page shared with the hypervisor. */
  shared: number;
  registers: Int32Array;
  segments: { selector: number; base: number; limit: number; attributes: number }[];
  eip: number;
  esp: number;
  flags: number;
  level: number;
  codeSelector: number;
  stackSelector: number;
  cr3: number;
  /** Ring 1's stack for what comes from ring 3. */
  stack: number;
  traps: Map<number, { ring: number; handler: number }>;
  callback: number;
  paging: DirectPaging;
  blocked: boolean;
  /** May use ports. */
  privileged: boolean;
}

export class Paravirtual extends RingCompression {
  private readonly user: Domain;
  private readonly zero: Domain;
  private current: Domain;
  private readonly timer = this.board.clock.timer("event channel", () => this.tick());
  private timerOn = false;

  /** `program` is of the paravirtual platform; `offsetAt`: where it wants to be told its machine address. */
  constructor(program: GuestProgram, offsetAt: number) {
    super(true);
    this.guest = new GuestMemory(this.memory, 0, MONITOR);
    loadProgram(this.memory, GUEST_BASE, program);
    this.memory.write32(GUEST_BASE + offsetAt, GUEST_BASE);
    this.memory.load(DOM0_BASE + KERNEL_ORIGIN, guestKernel("dom0").bytes);
    this.user = this.domain("domU", GUEST_BASE, DOMU_BYTES, SHARED, FIRST_DIRECTORY, FIRST_TABLE);
    this.zero = this.domain("dom0", DOM0_BASE, DOM0_BYTES, DOM0_SHARED, DOM0_DIRECTORY, DOM0_TABLE);
    this.zero.privileged = true;
    this.zero.blocked = true;
    // The grant of the two pages of the ring.
    const at = DOM0_BASE + DOM0_TABLE + (DOM0_RING >>> 10);
    this.memory.write32(at, (GUEST_BASE + RING) | 3);
    this.memory.write32(at + 4, (GUEST_BASE + RING_DATA) | 3);
    this.current = this.user;
    this.setDescriptor(0x18, 0, MONITOR_LINEAR - 1, 0xfb);
    this.setDescriptor(0x20, 0, MONITOR_LINEAR - 1, 0xf3);
    this.paging.on = this.paging.writeProtect = true;
    this.resume(this.user);
    this.start();
    this.resume(this.user);
    this.storeFrame();
  }

  /** The builder: first page tables, which map the domain's memory where it is, themselves read only. */
  private domain(
    name: string,
    base: number,
    bytes: number,
    shared: number,
    directory: number,
    table: number,
  ): Domain {
    const { memory } = this;
    for (let page = 0; page < bytes; page += 4096) {
      const rights = page === directory || page === table ? 1 : 3;
      memory.write32(base + table + (page >>> 10), (base + page) | rights);
    }
    memory.write32(base + directory, (base + table) | 3);
    memory.write32(base + directory + (ENTRIES - 1) * 4, this.monitorEntry);
    memory.write32(base + shared + S_MASK, 1);
    const paging = new DirectPaging(memory, base, bytes, this.monitorEntry);
    paging.directories.add(base + directory);
    paging.tables.add(base + table);
    const flat = { selector: 0x11, base: 0, limit: MONITOR_LINEAR - 1, attributes: 0xc0b300 };
    return {
      name,
      base,
      bytes,
      shared: base + shared,
      registers: new Int32Array(8),
      segments: [flat, flat],
      eip: KERNEL_ORIGIN,
      esp: 0,
      flags: 2,
      level: 0,
      codeSelector: 0x09,
      stackSelector: 0x11,
      cr3: base + directory,
      stack: 0,
      traps: new Map(),
      callback: 0,
      paging,
      blocked: false,
      privileged: false,
    };
  }

  protected directory(): number {
    return this.current.cr3;
  }

  private get masked(): boolean {
    return this.memory.read32(this.current.shared + S_MASK) !== 0;
  }

  private share(domain: Domain, offset: number, value: number): void {
    this.memory.write32(domain.shared + offset, value);
  }

  /** Domains know their ring. */
  protected override loadFrame(): void {
    super.loadFrame();
    this.codeSelector = this.frameWord(3) & 0xffff;
    this.stackSelector = this.frameWord(6) & 0xffff;
    this.interruptsOn = !this.masked;
    this.flags = (this.flags & ~reg.FLAG_IF) | (this.interruptsOn ? reg.FLAG_IF : 0);
  }

  protected override storeFrame(): void {
    super.storeFrame();
    this.setFrameWord(3, this.codeSelector);
    this.setFrameWord(6, this.stackSelector);
    if (this.current.privileged && this.level === 0) {
      this.setFrameWord(4, this.frameWord(4) | 0x1000);
    }
  }

  /** No board of the domain's own: events come through the shared page. */
  protected override externalInterrupt(): MonitorEnd | undefined {
    return undefined;
  }

  protected override hostInterrupt(): void {}

  private tick(): void {
    if (!this.timerOn) return;
    this.timer.armAfter(TIMER_NS);
    this.raise(this.user, CHANNEL_TIMER);
    // The host's timer interrupt, if a domain runs.
    this.interrupt = false;
    this.cpu.raiseInterruptLine(true);
  }

  private raise(domain: Domain, channel: number): void {
    const channels = this.memory.read32(domain.shared + S_CHANNELS);
    this.share(domain, S_CHANNELS, channels | channel);
    this.share(domain, S_PENDING, 1);
    domain.blocked = false;
  }

  /** After each event: a domain that runs takes its events if it lets them in. */
  protected override beforeReturn(): MonitorEnd | undefined {
    this.cpu.raiseInterruptLine(false);
    const { current } = this;
    if (current.callback === 0 || this.masked) return undefined;
    if (this.memory.read32(current.shared + S_PENDING) === 0) return undefined;
    this.note("injection", "event");
    this.share(current, S_MASK, 1);
    return this.enterKernel(current.callback, this.flags | reg.FLAG_IF);
  }

  /** A frame on the kernel's stack, and on to `handler`. */
  private enterKernel(handler: number, flags: number, error?: number): MonitorEnd | undefined {
    const fatal: MonitorEnd = { type: "triple-fault", eip: this.eip };
    const { esp, stackSelector } = this;
    if (this.level === 3) {
      this.esp = this.current.stack;
      this.stackSelector = 0x11;
      if (!this.push(stackSelector) || !this.push(esp)) return fatal;
    }
    if (!this.push(flags) || !this.push(this.codeSelector) || !this.push(this.eip)) return fatal;
    if (error !== undefined && !this.push(error)) return fatal;
    this.level = 0;
    this.codeSelector = 0x09;
    this.eip = handler;
    this.flags = flags & ~(reg.FLAG_TF | reg.FLAG_NT | reg.FLAG_RF | reg.FLAG_VM);
    return undefined;
  }

  protected override inject(vector: number, error?: number): MonitorEnd | undefined {
    this.note("injection", `vector ${vector.toString(16)}h`);
    const trap = this.current.traps.get(vector);
    if (trap === undefined) return { type: "triple-fault", eip: this.eip };
    const { flags } = this;
    const end = this.enterKernel(trap.handler, flags, error);
    this.share(this.current, S_MASK, 1);
    return end;
  }

  protected override softwareInterrupt(vector: number): MonitorEnd | undefined {
    const trap = this.current.traps.get(vector);
    if (trap !== undefined && trap.ring >= this.level) return this.inject(vector);
    this.eip -= 2;
    return this.inject(reg.VECTOR_GP, vector * 8 + 2);
  }

  protected pageFault(linear: number, error: number): MonitorEnd | undefined {
    this.note("trap", "#PF true");
    this.share(this.current, S_CR2, linear);
    // To the processor ring 1 is a supervisor, as it is to the domain.
    return this.inject(reg.VECTOR_PF, error);
  }

  /** Of privileged instructions only the delay port is carried out. */
  protected protectionFault(error: number): MonitorEnd | undefined {
    const instruction = guestInstruction(this.guest, this.paging, this.eip);
    const name = instruction === undefined ? "" : instructionName(instruction);
    this.note("trap", `#GP ${name}`);
    if (instruction?.bytes[0] === 0xe4 && instruction.bytes[1] === DELAY_PORT) {
      this.cpu.r[0] = (this.cpu.r[0] & ~0xff) | this.board.readPort(DELAY_PORT, 1);
      this.eip += instruction.length;
      this.flags &= ~reg.FLAG_RF;
      return undefined;
    }
    return this.inject(reg.VECTOR_GP, error);
  }

  protected override interruptInstruction(vector: number): MonitorEnd | "guest" | undefined {
    if (vector !== HYPERCALL || this.level !== 0) return "guest";
    const number = this.cpu.r[0];
    const name = NAMES[number];
    this.events.add(
      "hypercall",
      `${this.current.name} ${name ?? "unknown"}`,
      this.eip - 2,
      this.level,
      this.cpu.instructions,
    );
    if (name === undefined) {
      this.cpu.r[0] = REFUSED;
      return undefined;
    }
    return this.hypercall(name, this.cpu.r[reg.EBX], this.cpu.r[reg.ECX]);
  }

  private answer(allowed: boolean): undefined {
    this.cpu.r[0] = allowed ? 0 : REFUSED;
    return undefined;
  }

  private hypercall(name: (typeof NAMES)[number], first: number, second: number): MonitorEnd | undefined {
    const { current } = this;
    switch (name) {
      case "set_trap_table":
        return this.answer(this.setTraps(first, second));
      case "mmu_update":
        return this.tablesWritten(current.paging.update(first, second));
      case "stack_switch":
        current.stack = first;
        if (current === this.user) this.setInnerStack(first);
        return this.answer(true);
      case "console_io":
        this.board.writePort(0xe9, 1, first & 0xff);
        return this.answer(true);
      case "sched_block":
        return this.block();
      case "new_baseptr":
        if (!current.paging.directories.has(first)) return this.answer(false);
        this.useDirectory(first);
        return this.answer(true);
      case "pin_table":
        return this.answer(current.paging.pin(first));
      case "unpin_table":
        return this.answer(current.paging.unpin(first, current.cr3));
      case "update_va_mapping":
        return this.tablesWritten(current.paging.updateMapping(current.cr3, first, second));
      case "event_send":
        this.raise(current === this.user ? this.zero : this.user, CHANNEL_RING);
        return this.answer(true);
      case "set_timer":
        this.timerOn = first !== 0;
        if (this.timerOn) this.timer.armAfter(TIMER_NS);
        else this.timer.cancel();
        return this.answer(true);
      case "shutdown":
        this.board.writePort(0xf4, 1, 0);
        return undefined;
      case "set_callbacks":
        current.callback = first;
        return this.answer(true);
      default:
        return name satisfies never;
    }
  }

  private setTraps(from: number, to: number): boolean {
    const { current } = this;
    for (let at = from; at + 12 <= to && current.traps.size < 256; at += 12) {
      const vector = this.guest.readLinear32(this.paging, at);
      const ring = this.guest.readLinear32(this.paging, at + 4);
      const handler = this.guest.readLinear32(this.paging, at + 8);
      if (vector === undefined || ring === undefined || handler === undefined) return false;
      current.traps.set(vector & 0xff, { ring, handler });
    }
    const call = current.traps.get(SYSTEM_CALL);
    // A gate straight into ring 1: the hypervisor sees nothing of system calls.
    if (call !== undefined) this.setDirectGate(SYSTEM_CALL, 0x08, call.handler);
    return true;
  }

  private tablesWritten(allowed: boolean): undefined {
    if (allowed) {
      this.events.count("page-table", "entry written");
      this.cpu.loadCr3(this.current.cr3);
    }
    return this.answer(allowed);
  }

  private useDirectory(directory: number): void {
    this.current.cr3 = directory;
    this.paging.cr3 = directory;
    this.cpu.loadCr3(directory);
  }

  /** Nothing to do until an event: another domain runs, or time passes. */
  private block(): MonitorEnd | undefined {
    const { current } = this;
    this.answer(true);
    if (current.callback !== 0) this.share(current, S_MASK, 0);
    if (this.memory.read32(current.shared + S_PENDING) !== 0) {
      if (current.callback === 0) this.share(current, S_PENDING, 0);
      return undefined;
    }
    current.blocked = true;
    const other = current === this.user ? this.zero : this.user;
    if (other.blocked) {
      const { clock } = this.board;
      if (clock.nextDeadline() === Infinity) return { type: "halted" };
      clock.skipTo(clock.nextDeadline());
      clock.fireDue();
    }
    if (!current.blocked) return undefined;
    if (other.blocked) return { type: "halted" };
    this.suspend(current);
    this.events.add(
      "domain-switch",
      `${current.name} to ${other.name}`,
      this.eip,
      this.level,
      this.cpu.instructions,
    );
    this.resume(other);
    if (other.callback === 0) this.share(other, S_PENDING, 0);
    return undefined;
  }

  private suspend(domain: Domain): void {
    const { cpu } = this;
    domain.registers.set(cpu.r.subarray(0, 8));
    domain.segments = [reg.DS, reg.ES].map((segment) => ({
      selector: cpu.selector[segment],
      base: cpu.base[segment],
      limit: cpu.limit[segment],
      attributes: cpu.attributes[segment],
    }));
    const { eip, esp, flags, level, codeSelector, stackSelector } = this;
    Object.assign(domain, { eip, esp, flags, level, codeSelector, stackSelector });
  }

  private resume(domain: Domain): void {
    const { cpu } = this;
    this.current = domain;
    for (let i = 0; i < 8; i++) if (i !== reg.ESP) cpu.r[i] = domain.registers[i];
    [reg.DS, reg.ES].forEach((segment, i) => {
      const { selector, base, limit, attributes } = domain.segments[i];
      setSegment(cpu, segment, selector, base, limit, attributes);
    });
    this.eip = domain.eip;
    this.esp = domain.esp;
    this.flags = domain.flags;
    this.level = domain.level;
    this.codeSelector = domain.codeSelector;
    this.stackSelector = domain.stackSelector;
    this.paging.cr3 = domain.cr3;
    if (cpu.cr3 !== domain.cr3 && cpu.cr0 < 0) cpu.loadCr3(domain.cr3);
  }
}
