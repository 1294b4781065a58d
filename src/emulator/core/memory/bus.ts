/**
 * The bus: what an address or a port number reaches. The CPU and the devices meet here and nowhere else.
 *
 * - `Bus.ports`: the 64 KiB I/O port space. A device registers ranges; a port nobody registered belongs to the device
 *   named `unimplemented`, which reads as all ones and writes its accesses to the log.
 * - `Bus.mmio`: memory-mapped device ranges. They win over RAM below them (the VGA window at A0000h); elsewhere an address
 *   without RAM, ROM or device is `unimplemented` too.
 * - `Bus.memory`: RAM and ROM (physical-memory.ts).
 * - `Interrupts`: the lines between the CPU and the interrupt controller.
 *
 * Two ranges of one space must not overlap: `register` throws `BusOverlapError`, which names both.
 */
import { PhysicalMemory } from "./physical-memory.ts";

/** What the CPU asks of the interrupt controller once it has decided to take an external interrupt. */
export interface InterruptController {
  /** The INTA cycle: the vector of the request that is served now (a spurious one when none is left). */
  acknowledge(): number;
}

/** What devices may ask of the CPU. */
export interface CpuLines {
  /** The level of INTR: true while the interrupt controller has a request. */
  raiseInterruptLine(level: boolean): void;
  /** One edge on NMI. */
  raiseNmi(): void;
  /** Ends `run` after the current instruction (power-off, pause, a breakpoint of a device). */
  requestStop(): void;
}

/**
 * Accesses to one range. A width that is left out is made of narrower accesses, low byte first; a missing `read8` reads
 * as FFh and a missing `write8` drops the byte. Addresses are given whole, values unsigned (32-bit ones may be signed).
 */
export interface BusAccess {
  read8?(address: number): number;
  read16?(address: number): number;
  read32?(address: number): number;
  write8?(address: number, value: number): void;
  write16?(address: number, value: number): void;
  write32?(address: number, value: number): void;
}

export interface BusRange extends BusAccess {
  /** The device's name, for the log and for errors. */
  readonly name: string;
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

/** A registered range; `remove` takes it off the bus again (a PCI BAR that moves). */
export interface BusRegistration {
  remove(): void;
}

/** Receives one line for each kind of access to nothing: the first of them, later ones are counted. */
export type BusLog = (device: string, message: string) => void;

export class BusOverlapError extends Error {
  override name = "BusOverlapError";
  constructor(space: string, found: BusRange, present: BusRange) {
    super(
      `${space} range ${found.first.toString(16)}h-${found.last.toString(16)}h of ${found.name} overlaps ` +
        `${present.first.toString(16)}h-${present.last.toString(16)}h of ${present.name}`,
    );
  }
}

/** A sparse space of ranges with width splitting and the `unimplemented` fallback. */
class RangeSpace {
  readonly name: string;
  readonly ranges: BusRange[] = [];
  /** Accesses that met no device: "read8 3f6" → how many. Bounded. */
  readonly unimplemented = new Map<string, number>();
  private readonly highest: number;
  private readonly log: BusLog;
  /** Called when the set of ranges changes. */
  onChange: () => void = () => {};

  constructor(name: string, highest: number, log: BusLog) {
    this.name = name;
    this.highest = highest;
    this.log = log;
  }

  register(range: BusRange): BusRegistration {
    if (!(range.first >= 0 && range.first <= range.last && range.last <= this.highest)) {
      throw new RangeError(
        `${this.name} range of ${range.name}: found ${range.first}..${range.last}, expected 0..${this.highest} ascending`,
      );
    }
    for (const present of this.ranges) {
      if (range.first <= present.last && present.first <= range.last) {
        throw new BusOverlapError(this.name, range, present);
      }
    }
    this.ranges.push(range);
    this.onChange();
    return {
      remove: () => {
        const at = this.ranges.indexOf(range);
        if (at >= 0) {
          this.ranges.splice(at, 1);
          this.onChange();
        }
      },
    };
  }

  find(address: number): BusRange | undefined {
    const ranges = this.ranges;
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i];
      if (address >= range.first && address <= range.last) return range;
    }
    return undefined;
  }

  protected nothing(operation: string, address: number): void {
    const key = `${operation} ${address.toString(16)}`;
    const count = this.unimplemented.get(key);
    if (count !== undefined) this.unimplemented.set(key, count + 1);
    else if (this.unimplemented.size < 4096) {
      this.unimplemented.set(key, 1);
      this.log("unimplemented", `${this.name} ${key}h`);
    }
  }

  protected lookUp(address: number): BusRange | undefined {
    return this.find(address);
  }

  read8(address: number): number {
    const range = this.lookUp(address);
    if (range === undefined) {
      this.nothing("read8", address);
      return 0xff;
    }
    return range.read8 === undefined ? 0xff : range.read8(address) & 0xff;
  }

  read16(address: number): number {
    const range = this.lookUp(address);
    if (range !== undefined && range.read16 !== undefined) return range.read16(address) & 0xffff;
    if (range === undefined && this.lookUp(address + 1) === undefined) {
      this.nothing("read16", address);
      return 0xffff;
    }
    return this.read8(address) | (this.read8(this.next(address, 1)) << 8);
  }

  read32(address: number): number {
    const range = this.lookUp(address);
    if (range !== undefined && range.read32 !== undefined) return range.read32(address) | 0;
    if (range === undefined && this.lookUp(address + 3) === undefined) {
      this.nothing("read32", address);
      return -1;
    }
    return this.read16(address) | (this.read16(this.next(address, 2)) << 16);
  }

  write8(address: number, value: number): void {
    const range = this.lookUp(address);
    if (range === undefined) this.nothing("write8", address);
    else if (range.write8 !== undefined) range.write8(address, value & 0xff);
  }

  write16(address: number, value: number): void {
    const range = this.lookUp(address);
    if (range !== undefined && range.write16 !== undefined) range.write16(address, value & 0xffff);
    else if (range === undefined && this.lookUp(address + 1) === undefined) this.nothing("write16", address);
    else {
      this.write8(address, value & 0xff);
      this.write8(this.next(address, 1), (value >>> 8) & 0xff);
    }
  }

  write32(address: number, value: number): void {
    const range = this.lookUp(address);
    if (range !== undefined && range.write32 !== undefined) range.write32(address, value | 0);
    else if (range === undefined && this.lookUp(address + 3) === undefined) this.nothing("write32", address);
    else {
      this.write16(address, value & 0xffff);
      this.write16(this.next(address, 2), value >>> 16);
    }
  }

  private next(address: number, step: number): number {
    const sum = address + step;
    return sum > this.highest ? sum - this.highest - 1 : sum;
  }
}

/** The I/O port space: every port finds its range by index. */
export class PortSpace extends RangeSpace {
  private readonly index: (BusRange | undefined)[] = Array.from({ length: 0x10000 });

  constructor(log: BusLog) {
    super("port", 0xffff, log);
  }

  override register(range: BusRange): BusRegistration {
    const registration = super.register(range);
    this.index.fill(range, range.first, range.last + 1);
    return {
      remove: () => {
        registration.remove();
        this.index.fill(undefined, range.first, range.last + 1);
      },
    };
  }

  protected override lookUp(port: number): BusRange | undefined {
    return this.index[port & 0xffff];
  }
}

/** Memory-mapped devices. Addresses are unsigned numbers up to 2^32 - 1. */
export class MmioSpace extends RangeSpace {
  constructor(log: BusLog) {
    super("memory", 0xffffffff, log);
  }

  /** Whether any device has a byte of the 4 KiB page that begins at `page` (unsigned). */
  touchesPage(page: number): boolean {
    const last = page + 0xfff;
    for (const range of this.ranges) if (range.first <= last && range.last >= page) return true;
    return false;
  }
}

export class Bus {
  readonly memory: PhysicalMemory;
  readonly ports: PortSpace;
  readonly mmio: MmioSpace;

  constructor(memory: PhysicalMemory, log: BusLog = () => {}) {
    this.memory = memory;
    this.ports = new PortSpace(log);
    this.mmio = new MmioSpace(log);
    this.mmio.onChange = () => memory.mapChanged();
  }

  /** Reads as a device or a test sees physical memory: MMIO first, then RAM or ROM. `address` is unsigned. */
  read8(address: number): number {
    if (this.mmio.touchesPage(address - (address % 4096)) && this.mmio.find(address) !== undefined) {
      return this.mmio.read8(address);
    }
    const at = this.memory.backing(address);
    return at < 0 ? this.mmio.read8(address) : this.memory.bytes[at];
  }

  write8(address: number, value: number): void {
    if (this.mmio.touchesPage(address - (address % 4096)) && this.mmio.find(address) !== undefined) {
      this.mmio.write8(address, value);
    } else if (this.memory.backing(address) < 0) this.mmio.write8(address, value);
    else this.memory.write8(address, value);
  }
}
