/**
 * The full virtualization of a kernel in ring 1: shadow paging, and the privileged instructions that the monitor carries out on
 * the guest's virtual processor.
 */
import * as reg from "../../emulator/core/cpu/registers.ts";
import type { GuestProgram } from "../guest-kernel/guest-kernel.ts";
import {
  effectiveAddress,
  emulateMove,
  guestInstruction,
  type GuestInstruction,
  type SpecialMemory,
} from "./guest-instruction.ts";
import { loadProgram, type MonitorEnd } from "./monitor.ts";
import { GUEST_BASE, RingCompression, TABLES, TABLES_PAGES } from "./ring-compression.ts";
import { ShadowPaging } from "./shadow-paging.ts";
import { deviceMemory, tracedPage } from "./special-memory.ts";

export abstract class DeprivilegedKernel extends RingCompression {
  protected readonly shadow: ShadowPaging;

  constructor(program: GuestProgram) {
    super();
    this.shadow = new ShadowPaging(
      this.guest,
      { first: TABLES, pages: TABLES_PAGES, monitorEntry: this.monitorEntry },
      this.events,
    );
    loadProgram(this.memory, GUEST_BASE, program);
    this.start();
  }

  protected directory(): number {
    return this.shadow.root(this.paging);
  }

  protected override guestWritten(physical: number): void {
    this.shadow.written(physical);
  }

  protected override storeFrame(): void {
    if (this.shadow.flushNeeded) {
      this.shadow.flushNeeded = false;
      this.cpu.loadCr3(this.directory());
    }
    super.storeFrame();
  }

  protected pageFault(linear: number, error: number): MonitorEnd | undefined {
    // Ring 1 is no user to the processor; ring 3 is.
    const fault = this.shadow.fault(this.paging, linear, error);
    switch (fault.type) {
      case "hidden":
        this.note("trap", "#PF hidden");
        this.guestInstructions--;
        return undefined;
      case "guest":
        this.note("trap", "#PF true");
        this.cr2 = linear;
        return this.inject(reg.VECTOR_PF, fault.error);
      case "traced":
        this.note("trap", "#PF traced write");
        return this.move(tracedPage(this.guest, this.shadow, fault.physical));
      case "device":
        this.note("trap", "#PF device");
        return this.move(deviceMemory(this.board, fault.physical));
      default:
        return fault satisfies never;
    }
  }

  /** General registers by number, with the guest's ESP. */
  protected registers(): Int32Array {
    const registers = this.cpu.r.slice(0, 8);
    registers[reg.ESP] = this.esp;
    return registers;
  }

  protected setRegisters(registers: Int32Array): void {
    this.esp = registers[reg.ESP];
    for (let i = 0; i < 8; i++) if (i !== reg.ESP) this.cpu.r[i] = registers[i];
  }

  protected move(place: SpecialMemory): MonitorEnd | undefined {
    const instruction = guestInstruction(this.guest, this.paging, this.eip);
    const registers = this.registers();
    const done = instruction && emulateMove(instruction, registers, place);
    if (instruction === undefined || done === undefined) return this.notEmulated();
    this.setRegisters(registers);
    if (done === "done") this.next(instruction.length);
    else this.guestInstructions--;
    return undefined;
  }

  /** Carries out the store at EIP wherever it goes, without a fault. */
  protected store(): MonitorEnd | undefined {
    const instruction = guestInstruction(this.guest, this.paging, this.eip);
    if (instruction === undefined) return this.notEmulated();
    const registers = this.registers();
    const address =
      instruction.mnemonic === "stosd" ? registers[reg.EDI] : effectiveAddress(instruction.op, registers);
    const fault = this.shadow.fault(this.paging, address, 2);
    switch (fault.type) {
      case "traced":
        return this.move(tracedPage(this.guest, this.shadow, fault.physical));
      case "device":
        return this.move(deviceMemory(this.board, fault.physical));
      case "guest":
        this.cr2 = address;
        return this.inject(reg.VECTOR_PF, fault.error);
      case "hidden": {
        const found = this.guest.walk(this.paging, address, true, false);
        return found.type === "page"
          ? this.move(tracedPage(this.guest, this.shadow, found.page + (address & 4095)))
          : this.notEmulated();
      }
      default:
        return fault satisfies never;
    }
  }

  protected notEmulated(): MonitorEnd {
    return { type: "refused", why: `the instruction at ${(this.eip >>> 0).toString(16)}h is not emulated` };
  }

  protected next(length: number): void {
    this.eip = (this.eip + length) | 0;
    this.flags &= ~reg.FLAG_RF;
  }

  /** Carries out a privileged or sensitive instruction at EIP. Undefined: it is done; an end otherwise. */
  protected emulatePrivileged(instruction: GuestInstruction): MonitorEnd | undefined {
    const { mnemonic, op, bytes, length } = instruction;
    const registers = this.registers();
    const address = () => effectiveAddress(op, registers);
    switch (mnemonic) {
      case "cli":
        this.interruptsOn = false;
        break;
      case "sti":
        this.shadowed = !this.interruptsOn;
        this.interruptsOn = true;
        break;
      case "hlt":
        this.next(length);
        return this.halt();
      case "in":
      case "out":
        this.port(bytes, registers);
        break;
      case "iretd":
        return this.virtualReturn();
      case "lgdt":
      case "lidt": {
        const limit = this.guest.readLinear32(this.paging, address());
        const base = this.guest.readLinear32(this.paging, address() + 2);
        if (limit === undefined || base === undefined) return this.notEmulated();
        if (mnemonic === "lidt") this.idtr = { base, limit: limit & 0xffff };
        else {
          const end = this.loadSegments(base, limit & 0xffff);
          if (end !== undefined) return end;
        }
        break;
      }
      case "ltr": {
        const end = this.loadTask(registers[op.rm] & 0xffff);
        if (end !== undefined) return end;
        break;
      }
      case "lldt":
        break;
      case "invlpg":
        this.shadow.flushNeeded = true;
        break;
      case "clts":
        this.cr0 &= ~reg.CR0_TS;
        break;
      case "mov":
        if (bytes[0] === 0x8e && op.reg === reg.SS && op.modrm >= 0xc0) {
          this.stackSelector = registers[op.rm] & 0xfffc;
          break;
        }
        if (bytes[0] !== 0x0f || !this.controlRegister(bytes[1] === 0x22, op.reg, op.rm, registers)) {
          return this.notEmulated();
        }
        break;
      default:
        return this.notEmulated();
    }
    this.setRegisters(registers);
    this.next(length);
    return undefined;
  }

  /** IN and OUT with an immediate or DX as port. */
  private port(bytes: Uint8Array, registers: Int32Array): void {
    const at = bytes[0] === 0x66 ? 1 : 0;
    const opcode = bytes[at];
    const size = (opcode & 1) === 0 ? 1 : at === 1 ? 2 : 4;
    const port = (opcode & 8) === 0 ? bytes[at + 1] : registers[reg.EDX] & 0xffff;
    const mask = size === 4 ? -1 : (1 << (size * 8)) - 1;
    if ((opcode & 2) !== 0) this.board.writePort(port, size, registers[reg.EAX]);
    else {
      const value = this.board.readPort(port, size) & mask;
      registers[reg.EAX] = (registers[reg.EAX] & ~mask) | value;
    }
  }

  private controlRegister(write: boolean, control: number, general: number, registers: Int32Array): boolean {
    if (!write) {
      const value = { 0: this.cr0, 2: this.cr2, 3: this.paging.cr3, 4: this.cr4 }[control];
      if (value === undefined) return false;
      registers[general] = value;
      return true;
    }
    const value = registers[general];
    if (control === 0) {
      this.cr0 = value | 0x10;
      this.paging.on = (value & reg.CR0_PG) !== 0;
      this.paging.writeProtect = (value & 0x10000) !== 0;
    } else if (control === 2) this.cr2 = value;
    else if (control === 3) this.paging.cr3 = value;
    else return false;
    this.cpu.loadCr3(this.directory());
    return true;
  }
}
