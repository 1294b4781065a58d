/**
 * Software full virtualization: every instruction of the guest is interpreted (QEMU without an accelerator does the same by
 * translation). No event of the guest reaches a monitor by a trap; what there is to see is inside the emulator: blocks that were
 * decoded, blocks dropped because their code was written, translations of addresses that had to be made.
 */
import { Cpu } from "../../emulator/core/cpu/cpu.ts";
import { DEFAULT_CPU_MODEL } from "../../emulator/core/cpu/cpuid.ts";
import { CR0_PE, CS, DS, EIP, ES, FLAG_IF, SS } from "../../emulator/core/cpu/registers.ts";
import { setSegment } from "../../emulator/core/cpu/segmentation.ts";
import { INSTRUCTION_SET } from "../../emulator/core/instructions/instruction-set.ts";
import { Bus } from "../../emulator/core/memory/bus.ts";
import { PhysicalMemory } from "../../emulator/core/memory/physical-memory.ts";
import { GUEST_MEMORY_BYTES, KERNEL_ORIGIN, type GuestProgram } from "../guest-kernel/guest-kernel.ts";
import { EventLog } from "./events.ts";
import { APIC_PAGE, GuestBoard } from "./guest-board.ts";
import { loadProgram, type Monitor, type MonitorEnd } from "./monitor.ts";

const FLAT_CODE = 0xc09b00;
const FLAT_DATA = 0xc09300;

/** The state in which a kernel is started: 32-bit protected mode, flat segments, paging off. */
export function startFlat(cpu: Cpu, entry: number): void {
  cpu.cr0 |= CR0_PE;
  setSegment(cpu, CS, 0x08, 0, 0xffffffff, FLAT_CODE);
  for (const segment of [SS, DS, ES]) setSegment(cpu, segment, 0x10, 0, 0xffffffff, FLAT_DATA);
  cpu.r[EIP] = entry;
}

export class Emulation implements Monitor {
  readonly cpu: Cpu;
  readonly events = new EventLog();
  readonly board: GuestBoard;
  readonly guestBase = 0;

  constructor(program: GuestProgram) {
    const memory = new PhysicalMemory(GUEST_MEMORY_BYTES);
    const bus = new Bus(memory);
    const cpu = (this.cpu = new Cpu(bus, INSTRUCTION_SET, DEFAULT_CPU_MODEL));
    const board = (this.board = new GuestBoard(
      this.events,
      (level) => cpu.raiseInterruptLine(level),
      bus.ports,
    ));
    cpu.interruptController = board.pic;
    board.clock.instructionCount = () => cpu.instructions;
    board.clock.onEarlierDeadline = () => cpu.shorten(board.clock.instructionsUntilDeadline(2 ** 31));
    bus.mmio.register({
      name: "local APIC",
      first: APIC_PAGE,
      last: APIC_PAGE + 0xfff,
      read32: (address) => board.readMemory(address),
      write32: (address, value) => board.writeMemory(address, value),
    });
    board.onEnd = () => cpu.requestStop();
    this.countTranslation();
    loadProgram(memory, 0, program);
    startFlat(cpu, KERNEL_ORIGIN);
  }

  /** The emulator's own work: blocks decoded and found again, and address translations it did not have (soft-MMU misses). */
  protected countTranslation(): void {
    const { blocks, tlb } = this.cpu;
    const { events } = this;
    const find = blocks.find.bind(blocks);
    const add = blocks.add.bind(blocks);
    const set = tlb.set.bind(tlb);
    blocks.find = (at, wide) => {
      const block = find(at, wide);
      if (block !== null) events.count("translation", "block found");
      return block;
    };
    blocks.add = (block, count) => {
      events.count("translation", "block made");
      add(block, count);
    };
    tlb.set = (page, entry) => {
      events.count("translation", "soft-MMU miss");
      set(page, entry);
    };
  }

  get guestInstructions(): number {
    return this.cpu.instructions;
  }

  run(maximum: number): MonitorEnd {
    const { cpu, board } = this;
    const last = cpu.instructions + maximum;
    while (cpu.instructions < last) {
      const stop = cpu.run(board.clock.instructionsUntilDeadline(last - cpu.instructions));
      if (cpu.watch === null) this.events.set("translation", "block dropped", cpu.blocks.invalidations);
      if (board.ended) return { type: "finished" };
      if (stop === "shutdown") return { type: "triple-fault", eip: cpu.r[EIP] };
      if (stop === "halted") {
        const deadline = board.clock.nextDeadline();
        if (deadline === Infinity || (cpu.systemFlags & FLAG_IF) === 0) return { type: "halted" };
        board.clock.skipTo(deadline);
      }
      board.clock.fireDue();
    }
    return { type: "limit" };
  }
}
