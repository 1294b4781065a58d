/**
 * Hardware-assisted virtualization as KVM does it on AMD: the guest runs as it is, in all its rings, until the processor leaves it
 * (#VMEXIT). The world switch is executed by the processor: VMLOAD, VMRUN and VMSAVE in a host program of this file; what the host
 * then does about the exit stands here in TypeScript, and the guest goes on with the next VMRUN.
 *
 * With nested paging the processor walks the guest's tables and the host's; without it the monitor keeps shadow tables and has to
 * intercept page faults, CR3 and INVLPG.
 */
import { assemble } from "../../emulator/core/assembler/assemble.ts";
import { Cpu } from "../../emulator/core/cpu/cpu.ts";
import { DEFAULT_CPU_MODEL } from "../../emulator/core/cpu/cpuid.ts";
import { CR0_PG, CR4_PGE, EFER_SVME, ESP, FLAG_IF } from "../../emulator/core/cpu/registers.ts";
import { SVM_NESTED_PAGING, SVM_OFFER } from "../../emulator/core/cpu/svm/features.ts";
import * as vmcb from "../../emulator/core/cpu/svm/vmcb.ts";
import { INSTRUCTION_SET } from "../../emulator/core/instructions/instruction-set.ts";
import { Bus } from "../../emulator/core/memory/bus.ts";
import { PhysicalMemory } from "../../emulator/core/memory/physical-memory.ts";
import { GUEST_MEMORY_BYTES, KERNEL_ORIGIN, type GuestProgram } from "../guest-kernel/guest-kernel.ts";
import { startFlat } from "./emulation.ts";
import { EventLog, type FieldChange } from "./events.ts";
import { GuestBoard } from "./guest-board.ts";
import { emulateMove, guestInstruction, type SpecialMemory } from "./guest-instruction.ts";
import { GuestMemory, PTE_PRESENT, PTE_USER, PTE_WRITABLE, type GuestPaging } from "./guest-memory.ts";
import { loadProgram, type Monitor, type MonitorEnd } from "./monitor.ts";
import { ShadowPaging } from "./shadow-paging.ts";
import { deviceMemory, tracedPage } from "./special-memory.ts";

const GUEST_BASE = 0x100000;
const HOST_CODE = 0x1000;
const VMCB = 0x4000;
const HOST_SAVE = 0x5000;
const IO_MAP = 0x6000;
const MSR_MAP = 0x9000;
const NESTED_DIRECTORY = 0xb000;
const NESTED_TABLE = 0xc000;
const SHADOW = 0x200000;
const SHADOW_PAGES = 256;
const HOST_MEMORY = 0x300000;
/** The host program gives itself up to this file with a write to this port. */
const MONITOR_PORT = 0xe0;

const HOST_PROGRAM = assemble(`
        bits 32
        org 0x1000
        mov eax, 0x4000
        clgi
enter:  vmload
        vmrun
        vmsave
        out 0xe0, al
        jmp enter
`);
/** Instructions of the host program for one round: JMP, VMLOAD, VMRUN before the guest; VMSAVE and OUT after it. */
const HOST_BEFORE = 3;
const HOST_AFTER = 2;
/** The first round begins with MOV and CLGI in place of JMP. */
const HOST_FIRST = 4;

const INTERCEPTS = [
  vmcb.EXIT_INTR,
  vmcb.EXIT_NMI,
  vmcb.EXIT_CPUID,
  vmcb.EXIT_HLT,
  vmcb.EXIT_IOIO,
  vmcb.EXIT_MSR,
  vmcb.EXIT_SHUTDOWN,
  vmcb.EXIT_VMRUN,
  vmcb.EXIT_VMMCALL,
  vmcb.EXIT_VMLOAD,
  vmcb.EXIT_VMSAVE,
  vmcb.EXIT_STGI,
  vmcb.EXIT_CLGI,
  vmcb.EXIT_SKINIT,
  vmcb.EXIT_INVLPGA,
];
const SHADOW_INTERCEPTS = [
  vmcb.EXIT_CR_READ + 0,
  vmcb.EXIT_CR_READ + 3,
  vmcb.EXIT_CR_WRITE + 0,
  vmcb.EXIT_CR_WRITE + 3,
  vmcb.EXIT_CR_WRITE + 4,
  vmcb.EXIT_EXCEPTION + 14,
  vmcb.EXIT_INVLPG,
];

/** Fields whose changes are kept with each exit, by the manual's names. */
const WATCHED_FIELDS: readonly (readonly [string, number])[] = [
  ["EXITCODE", vmcb.VMCB_EXITCODE],
  ["EXITINFO1", vmcb.VMCB_EXITINFO1],
  ["EXITINFO2", vmcb.VMCB_EXITINFO2],
  ["EXITINTINFO", vmcb.VMCB_EXITINTINFO],
  ["EVENTINJ", vmcb.VMCB_EVENTINJ],
  ["V_INTR", vmcb.VMCB_VINTR],
  ["INTERRUPT_SHADOW", vmcb.VMCB_INTERRUPT_SHADOW],
  ["RIP", vmcb.VMCB_RIP],
  ["RSP", vmcb.VMCB_RSP],
  ["RAX", vmcb.VMCB_RAX],
  ["RFLAGS", vmcb.VMCB_RFLAGS],
  ["CS", vmcb.VMCB_SEGMENTS + 0x10],
  ["SS", vmcb.VMCB_SEGMENTS + 0x20],
  ["GDTR.base", vmcb.VMCB_GDTR + 8],
  ["IDTR.base", vmcb.VMCB_IDTR + 8],
  ["CR0", vmcb.VMCB_CR0],
  ["CR2", vmcb.VMCB_CR2],
  ["CR3", vmcb.VMCB_CR3],
];

export type SecondLevel = "shadow" | "nested";

export class HardwareAssisted implements Monitor {
  readonly cpu: Cpu;
  readonly events = new EventLog();
  readonly board: GuestBoard;
  readonly guestBase = GUEST_BASE;
  readonly guest: GuestMemory;
  readonly secondLevel: SecondLevel;
  /** An exit counts the instruction it stopped: taken off again where that is tried once more. */
  guestInstructions = 0;
  private readonly memory = new PhysicalMemory(HOST_MEMORY);
  private readonly shadow: ShadowPaging;
  private readonly paging: GuestPaging = { on: false, writeProtect: false, cr3: 0 };
  private virtualCr0 = 0;
  private started = false;
  /** The watched fields at VMRUN. */
  private readonly atEntry = new Int32Array(WATCHED_FIELDS.length);
  private interrupt = false;

  constructor(program: GuestProgram, secondLevel: SecondLevel) {
    this.secondLevel = secondLevel;
    const { memory } = this;
    const bus = new Bus(memory);
    const features = secondLevel === "nested" ? SVM_NESTED_PAGING : 0;
    const model = { ...DEFAULT_CPU_MODEL, svm: { ...SVM_OFFER, features } };
    const cpu = (this.cpu = new Cpu(bus, INSTRUCTION_SET, model));
    bus.ports.register({
      name: "monitor",
      first: MONITOR_PORT,
      last: MONITOR_PORT,
      write8: () => cpu.requestStop(),
    });
    const board = (this.board = new GuestBoard(this.events, (level) => {
      this.interrupt = level;
      cpu.raiseInterruptLine(level);
    }));
    board.clock.instructionCount = () => cpu.instructions;
    board.clock.onEarlierDeadline = () => cpu.shorten(board.clock.instructionsUntilDeadline(2 ** 31));
    this.guest = new GuestMemory(memory, GUEST_BASE, GUEST_MEMORY_BYTES);
    this.shadow = new ShadowPaging(
      this.guest,
      { first: SHADOW, pages: SHADOW_PAGES, monitorEntry: 0 },
      this.events,
    );
    loadProgram(memory, GUEST_BASE, program);
    memory.load(HOST_CODE, HOST_PROGRAM.bytes);
    startFlat(cpu, HOST_CODE);
    cpu.systemFlags |= FLAG_IF;
    cpu.r[ESP] = HOST_CODE;
    cpu.efer = EFER_SVME;
    cpu.svm.hostSave = HOST_SAVE;
    this.fillVmcb();
    this.fillNestedTables();
    this.rememberFields();
  }

  private field(offset: number): number {
    return this.memory.read32(VMCB + offset);
  }

  private set(offset: number, value: number): void {
    this.memory.write32(VMCB + offset, value);
  }

  private intercept(code: number, on: boolean): void {
    const at = vmcb.VMCB_INTERCEPTS + 4 * (code >> 5);
    const bit = 1 << (code & 31);
    this.set(at, on ? this.field(at) | bit : this.field(at) & ~bit);
  }

  private fillVmcb(): void {
    for (const code of INTERCEPTS) this.intercept(code, true);
    if (this.secondLevel === "shadow") for (const code of SHADOW_INTERCEPTS) this.intercept(code, true);
    for (let at = IO_MAP; at < IO_MAP + 0x3000; at++) this.memory.write8(at, 0xff);
    for (let at = MSR_MAP; at < MSR_MAP + 0x2000; at++) this.memory.write8(at, 0xff);
    const segment = (at: number, selector: number, attributes: number) => {
      this.set(at, selector | (attributes << 16));
      this.set(at + 4, -1);
    };
    this.set(vmcb.VMCB_IOPM_BASE, IO_MAP);
    this.set(vmcb.VMCB_MSRPM_BASE, MSR_MAP);
    this.set(vmcb.VMCB_ASID, 1);
    this.set(vmcb.VMCB_VINTR, vmcb.V_INTR_MASKING);
    this.set(vmcb.VMCB_EFER, EFER_SVME);
    this.set(vmcb.VMCB_CR0, 0x11);
    this.virtualCr0 = 0x11;
    this.set(vmcb.VMCB_DR6, 0xffff0ff0);
    this.set(vmcb.VMCB_DR7, 0x400);
    this.set(vmcb.VMCB_RFLAGS, 2);
    this.set(vmcb.VMCB_RIP, KERNEL_ORIGIN);
    segment(vmcb.VMCB_SEGMENTS, 0x10, 0xc93);
    segment(vmcb.VMCB_SEGMENTS + 0x10, 0x08, 0xc9b);
    segment(vmcb.VMCB_SEGMENTS + 0x20, 0x10, 0xc93);
    segment(vmcb.VMCB_SEGMENTS + 0x30, 0x10, 0xc93);
    if (this.secondLevel === "nested") {
      this.set(vmcb.VMCB_NP_ENABLE, 1);
      this.set(vmcb.VMCB_NCR3, NESTED_DIRECTORY);
    } else this.useShadow();
  }

  /** Guest-physical 0 up is the host's GUEST_BASE up; nothing else is there. */
  private fillNestedTables(): void {
    const rights = PTE_PRESENT | PTE_WRITABLE | PTE_USER;
    this.memory.write32(NESTED_DIRECTORY, NESTED_TABLE | rights);
    for (let at = 0; at < GUEST_MEMORY_BYTES; at += 4096) {
      this.memory.write32(NESTED_TABLE + (at >>> 10), (GUEST_BASE + at) | rights);
    }
  }

  /** Without nested paging the processor's CR0 and CR3 are the monitor's: paging is always on. */
  private useShadow(): void {
    this.set(vmcb.VMCB_CR0, this.virtualCr0 | CR0_PG | 0x10000);
    this.set(vmcb.VMCB_CR3, this.shadow.root(this.paging));
    this.set(vmcb.VMCB_TLB_CONTROL, vmcb.TLB_FLUSH_ALL);
  }

  run(maximum: number): MonitorEnd {
    const { cpu, board } = this;
    const last = cpu.instructions + maximum;
    while (cpu.instructions < last) {
      const before = cpu.instructions;
      const stop = cpu.run(board.clock.instructionsUntilDeadline(last - before));
      board.clock.fireDue();
      if (stop === "limit") {
        this.guestInstructions += cpu.instructions - before;
        continue;
      }
      if (stop !== "stopped") return { type: "refused", why: `the host program ended: ${stop}` };
      this.guestInstructions +=
        cpu.instructions - before - HOST_AFTER - (this.started ? HOST_BEFORE : HOST_FIRST);
      this.started = true;
      const end = this.exit();
      if (end !== undefined) return end;
      if (board.ended) return { type: "finished" };
    }
    return { type: "limit" };
  }

  private rememberFields(): void {
    WATCHED_FIELDS.forEach(([, offset], i) => (this.atEntry[i] = this.field(offset)));
  }

  private changedFields(): FieldChange[] {
    return WATCHED_FIELDS.flatMap(([field, offset], i) => {
      const [before, after] = [this.atEntry[i] >>> 0, this.field(offset) >>> 0];
      return before === after ? [] : [{ field, before, after }];
    });
  }

  private exit(): MonitorEnd | undefined {
    const code = this.field(vmcb.VMCB_EXITCODE);
    const eip = this.field(vmcb.VMCB_RIP);
    this.events.add(
      "exit",
      vmcb.exitName(code).svm,
      eip,
      this.memory.read8(VMCB + vmcb.VMCB_CPL),
      this.cpu.instructions,
      this.changedFields(),
    );
    this.set(vmcb.VMCB_TLB_CONTROL, 0);
    const end = this.handle(code, eip);
    if (this.shadow.flushNeeded) {
      this.shadow.flushNeeded = false;
      this.set(vmcb.VMCB_TLB_CONTROL, vmcb.TLB_FLUSH_ALL);
    }
    this.offerInterrupt();
    this.rememberFields();
    return end;
  }

  private handle(code: number, eip: number): MonitorEnd | undefined {
    // An event whose delivery the exit interrupted is delivered again.
    const interrupted = this.field(vmcb.VMCB_EXITINTINFO);
    if ((interrupted & vmcb.EVENT_VALID) !== 0) {
      this.set(vmcb.VMCB_EVENTINJ, interrupted);
      this.set(vmcb.VMCB_EVENTINJ + 4, this.field(vmcb.VMCB_EXITINTINFO + 4));
      this.guestInstructions--;
    }
    switch (code) {
      case vmcb.EXIT_INTR:
      case vmcb.EXIT_VINTR:
        this.guestInstructions--;
        return undefined;
      case vmcb.EXIT_IOIO:
        return this.port();
      case vmcb.EXIT_HLT:
        return this.halt(eip);
      case vmcb.EXIT_SHUTDOWN:
        return { type: "triple-fault", eip };
      case vmcb.EXIT_NPF:
        return this.nestedFault(eip);
      case vmcb.EXIT_EXCEPTION + 14:
        return this.pageFault(eip);
      case vmcb.EXIT_INVALID:
        return { type: "refused", why: "VMRUN found the VMCB invalid" };
      default:
        return this.emulate(eip, vmcb.exitName(code).svm);
    }
  }

  /** IN and OUT. */
  private port(): MonitorEnd | undefined {
    const info = this.field(vmcb.VMCB_EXITINFO1);
    const port = info >>> 16;
    const size = (info >>> 4) & 7;
    if ((info & 12) !== 0) return { type: "refused", why: "string I/O is not emulated" };
    const rax = this.field(vmcb.VMCB_RAX);
    if ((info & 1) !== 0) {
      const mask = size === 4 ? -1 : (1 << (size * 8)) - 1;
      this.set(vmcb.VMCB_RAX, (rax & ~mask) | (this.board.readPort(port, size) & mask));
    } else this.board.writePort(port, size, rax);
    this.next(this.field(vmcb.VMCB_EXITINFO2));
    return undefined;
  }

  private next(eip: number): void {
    this.set(vmcb.VMCB_RIP, eip);
    this.set(vmcb.VMCB_INTERRUPT_SHADOW, 0);
  }

  private halt(eip: number): MonitorEnd | undefined {
    const { clock } = this.board;
    this.next(eip + 1);
    if (this.interrupt) return undefined;
    if ((this.field(vmcb.VMCB_RFLAGS) & FLAG_IF) === 0 || clock.nextDeadline() === Infinity) {
      return { type: "halted" };
    }
    clock.skipTo(clock.nextDeadline());
    clock.fireDue();
    return undefined;
  }

  /** A request of the guest's interrupt controller: injected, or asked for when the guest can take it. */
  private offerInterrupt(): void {
    this.set(vmcb.VMCB_VINTR, this.field(vmcb.VMCB_VINTR) & ~vmcb.V_IRQ);
    this.intercept(vmcb.EXIT_VINTR, false);
    if (!this.interrupt) return;
    // The host has seen the request; the line would only end VMRUN again.
    this.cpu.raiseInterruptLine(false);
    const busy = (this.field(vmcb.VMCB_EVENTINJ) & vmcb.EVENT_VALID) !== 0;
    const open =
      (this.field(vmcb.VMCB_RFLAGS) & FLAG_IF) !== 0 && (this.field(vmcb.VMCB_INTERRUPT_SHADOW) & 1) === 0;
    if (open && !busy) {
      this.inject(vmcb.EVENT_INTERRUPT, this.board.pic.acknowledge());
      return;
    }
    this.set(vmcb.VMCB_VINTR, this.field(vmcb.VMCB_VINTR) | vmcb.V_IRQ | vmcb.V_IGN_TPR);
    this.intercept(vmcb.EXIT_VINTR, true);
  }

  private inject(type: number, vector: number, error?: number): void {
    this.set(
      vmcb.VMCB_EVENTINJ,
      vmcb.EVENT_VALID | (type << 8) | vector | (error === undefined ? 0 : vmcb.EVENT_ERROR_CODE),
    );
    this.set(vmcb.VMCB_EVENTINJ + 4, error ?? 0);
    const level = this.memory.read8(VMCB + vmcb.VMCB_CPL);
    const reason = `vector ${vector.toString(16)}h`;
    this.events.add("injection", reason, this.field(vmcb.VMCB_RIP), level, this.cpu.instructions);
  }

  private pageFault(eip: number): MonitorEnd | undefined {
    const linear = this.field(vmcb.VMCB_EXITINFO2);
    const error = this.field(vmcb.VMCB_EXITINFO1);
    const fault = this.shadow.fault(this.paging, linear, error);
    switch (fault.type) {
      case "hidden":
        this.events.count("page-table", "hidden fault");
        this.guestInstructions--;
        return undefined;
      case "guest":
        this.set(vmcb.VMCB_CR2, linear);
        this.inject(vmcb.EVENT_EXCEPTION, 14, fault.error);
        this.guestInstructions--;
        return undefined;
      case "traced":
        this.events.count("page-table", "traced write");
        return this.move(eip, tracedPage(this.guest, this.shadow, fault.physical));
      case "device":
        return this.move(eip, deviceMemory(this.board, fault.physical));
      default:
        return fault satisfies never;
    }
  }

  private nestedFault(eip: number): MonitorEnd | undefined {
    return this.move(eip, deviceMemory(this.board, this.field(vmcb.VMCB_EXITINFO2)));
  }

  /** The guest's paging as its own registers have it. */
  private guestPaging(): GuestPaging {
    if (this.secondLevel === "shadow") return this.paging;
    const cr0 = this.field(vmcb.VMCB_CR0);
    return {
      on: (cr0 & CR0_PG) !== 0,
      writeProtect: (cr0 & 0x10000) !== 0,
      cr3: this.field(vmcb.VMCB_CR3),
    };
  }

  /** General registers by number: EAX and ESP are in the VMCB, the rest in the processor. */
  private registers(): Int32Array {
    const registers = this.cpu.r.slice(0, 8);
    registers[0] = this.field(vmcb.VMCB_RAX);
    registers[ESP] = this.field(vmcb.VMCB_RSP);
    return registers;
  }

  private setRegisters(registers: Int32Array): void {
    this.set(vmcb.VMCB_RAX, registers[0]);
    this.set(vmcb.VMCB_RSP, registers[ESP]);
    for (let i = 1; i < 8; i++) if (i !== ESP) this.cpu.r[i] = registers[i];
  }

  /** Carries out the instruction at `eip`, whose memory operand is that place. */
  private move(eip: number, place: SpecialMemory): MonitorEnd | undefined {
    const instruction = guestInstruction(this.guest, this.guestPaging(), eip);
    const registers = this.registers();
    const done = instruction && emulateMove(instruction, registers, place);
    if (instruction === undefined || done === undefined) {
      return { type: "refused", why: `the instruction at ${eip.toString(16)}h is not emulated` };
    }
    this.setRegisters(registers);
    if (done === "done") this.next(eip + instruction.length);
    else this.guestInstructions--;
    return undefined;
  }

  /** Moves to and from control registers, and INVLPG. */
  private emulate(eip: number, name: string): MonitorEnd | undefined {
    const instruction = guestInstruction(this.guest, this.guestPaging(), eip);
    if (instruction === undefined) return { type: "refused", why: `no instruction at ${eip.toString(16)}h` };
    const { op, bytes, mnemonic, length } = instruction;
    if (mnemonic === "invlpg") this.set(vmcb.VMCB_TLB_CONTROL, vmcb.TLB_FLUSH_ALL);
    else if (bytes[0] === 0x0f && bytes[1] === 0x20) {
      const registers = this.registers();
      registers[op.rm] = op.reg === 3 ? this.paging.cr3 : this.virtualCr0;
      this.setRegisters(registers);
    } else if (bytes[0] === 0x0f && bytes[1] === 0x22) {
      const value = this.registers()[op.rm];
      if (op.reg === 0) {
        this.virtualCr0 = value | 0x10;
        this.paging.on = (value & CR0_PG) !== 0;
        this.paging.writeProtect = (value & 0x10000) !== 0;
      } else if (op.reg === 3) this.paging.cr3 = value;
      else if ((value & ~CR4_PGE) !== 0) return { type: "refused", why: "CR4: only PGE is emulated" };
      this.useShadow();
    } else return { type: "refused", why: `${name} at ${eip.toString(16)}h is not emulated` };
    this.next(eip + length);
    return undefined;
  }
}
