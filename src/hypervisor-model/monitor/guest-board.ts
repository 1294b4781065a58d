/**
 * The hardware a guest believes to have: interrupt controllers, timer, console, a disk and a network card that are read a
 * doubleword at a time, a task priority register. On a bare PC the processor's ports lead here; under a monitor the monitor does.
 */
import { Clock } from "../../emulator/core/clock.ts";
import { InterruptControllers } from "../../emulator/core/devices/pic-8259.ts";
import { Pit8254 } from "../../emulator/core/devices/pit-8254.ts";
import { PortSpace, type BusAccess } from "../../emulator/core/memory/bus.ts";
import type { EventLog } from "./events.ts";

/** Guest-physical page of the local APIC; its task priority register is the only one there. */
export const APIC_PAGE = 0xfee00000;
export const TASK_PRIORITY = 0xfee00080;

/** Ports of the teaching board's disk and network card. */
export const DISK_SECTOR = 0x300;
export const DISK_DATA = 0x304;
export const NET_STATUS = 0x310;
export const NET_DATA = 0x314;
export const EXIT_PORT = 0xf4;
export const CONSOLE_PORT = 0xe9;

const SECTOR_WORDS = 128;
const FRAME_WORDS = 16;
const LARGEST_OUTPUT = 1 << 16;

export class GuestBoard {
  readonly clock = new Clock({ nanosecondsPerInstruction: 10 });
  readonly ports: PortSpace;
  readonly pic: InterruptControllers;
  readonly pit: Pit8254;
  taskPriority = 0;
  output = "";
  /** The guest has written to the exit port. */
  ended = false;
  onEnd: () => void = () => {};
  /** Frames that came back. */
  readonly echoed: Int32Array[] = [];
  private readonly events: EventLog;
  private sector = 0;
  private sectorWord = 0;
  private frame = 0;
  private frameWord = 0;
  private outgoing: number[] = [];

  /** `ports` of the processor where the guest has them to itself. */
  constructor(events: EventLog, onInterrupt: (level: boolean) => void, ports = new PortSpace(() => {})) {
    this.events = events;
    this.ports = ports;
    this.pic = new InterruptControllers(onInterrupt);
    this.pit = new Pit8254(this.clock, (level) => this.pic.setIrq(0, level));
    const part = (device: { readPort(port: number): number; writePort(port: number, v: number): void }) => ({
      read8: (port: number) => device.readPort(port),
      write8: (port: number, value: number) => device.writePort(port, value),
    });
    this.port("interrupt controller", 0x20, 0x21, part(this.pic));
    this.port("timer", 0x40, 0x43, part(this.pit));
    this.port("delay", 0x80, 0x80, { read8: () => 0xff });
    this.port("interrupt controller", 0xa0, 0xa1, part(this.pic));
    this.port("console", CONSOLE_PORT, CONSOLE_PORT, {
      write8: (_, value) => {
        if (this.output.length < LARGEST_OUTPUT) this.output += String.fromCharCode(value);
      },
    });
    this.port("exit", EXIT_PORT, EXIT_PORT, {
      write8: () => {
        this.ended = true;
        this.onEnd();
      },
    });
    this.port("disk", DISK_SECTOR, DISK_DATA + 3, {
      write32: (port, value) => {
        if (port === DISK_SECTOR) [this.sector, this.sectorWord] = [value, 0];
      },
      read32: (port) => (port === DISK_DATA ? this.readDisk() : -1),
    });
    this.port("network", NET_STATUS, NET_DATA + 3, {
      read32: (port) => (port === NET_DATA ? this.receive() : FRAME_WORDS * 4),
      write32: (port, value) => {
        if (port === NET_DATA) this.transmit(value);
      },
    });
  }

  private port(name: string, first: number, last: number, access: BusAccess): void {
    const count = () => this.events.count("device", name);
    const { read8, read32, write8, write32 } = access;
    this.ports.register({
      name,
      first,
      last,
      ...(read8 && { read8: (at: number) => (count(), read8(at)) }),
      ...(read32 && { read32: (at: number) => (count(), read32(at)) }),
      ...(write8 && { write8: (at: number, value: number) => (count(), write8(at, value)) }),
      ...(write32 && { write32: (at: number, value: number) => (count(), write32(at, value)) }),
    });
  }

  /** The disk's contents: each word is its own number, scrambled. */
  diskWord(sector: number, word: number): number {
    return Math.imul((sector * SECTOR_WORDS + word) ^ 0x5bd1e995, 0x01000193) | 0;
  }

  private readDisk(): number {
    return this.diskWord(this.sector, this.sectorWord++ % SECTOR_WORDS);
  }

  /** Frames that come in: as many as are asked for. */
  frameWordAt(frame: number, word: number): number {
    return ((frame + 1) << 16) | word;
  }

  private receive(): number {
    const value = this.frameWordAt(this.frame, this.frameWord++);
    if (this.frameWord === FRAME_WORDS) [this.frame, this.frameWord] = [this.frame + 1, 0];
    return value;
  }

  private transmit(value: number): void {
    this.outgoing.push(value);
    if (this.outgoing.length < FRAME_WORDS) return;
    if (this.echoed.length < 4096) this.echoed.push(Int32Array.from(this.outgoing));
    this.outgoing = [];
  }

  readPort(port: number, size: number): number {
    return size === 1
      ? this.ports.read8(port)
      : size === 2
        ? this.ports.read16(port)
        : this.ports.read32(port);
  }

  writePort(port: number, size: number, value: number): void {
    if (size === 1) this.ports.write8(port, value);
    else if (size === 2) this.ports.write16(port, value);
    else this.ports.write32(port, value);
  }

  /** Device memory: guest-physical addresses outside RAM. */
  readMemory(address: number): number {
    this.events.count("device", "task priority");
    return address >>> 0 === TASK_PRIORITY ? this.taskPriority : -1;
  }

  writeMemory(address: number, value: number): void {
    this.events.count("device", "task priority");
    if (address >>> 0 === TASK_PRIORITY) this.taskPriority = value & 0xff;
  }
}
