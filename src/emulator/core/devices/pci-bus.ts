/**
 * PCI bus 0 behind configuration mechanism 1: PCI Local Bus Specification 2.1, sections 3.7.4.1 (ports CF8h and CFCh),
 * 6.1 (configuration header) and 6.2.5 (base address registers).
 *
 * A function is a `PciFunction`: 256 bytes of configuration space, a mask of the bits that software may write, and base
 * address registers whose owner is told where they are decoded.
 */

export const PCI_COMMAND = 0x04;
export const PCI_BAR0 = 0x10;
export const PCI_INTERRUPT_LINE = 0x3c;
export const PCI_INTERRUPT_PIN = 0x3d;
export const COMMAND_IO = 0x01;
export const COMMAND_MEMORY = 0x02;
export const COMMAND_MASTER = 0x04;
const COMMAND_INTERRUPT_DISABLE = 0x400;
const STATUS_INTERRUPT = 0x08;
const STATUS_CAPABILITIES = 0x10;
const CONFIG_ENABLE = 0x80000000;

export interface PciBar {
  type: "io" | "memory";
  /** A power of two, at least 4 (io) or 16 (memory). */
  bytes: number;
  prefetchable?: boolean;
  /** The range is decoded from `base` on now, or nowhere (`undefined`). */
  map(base: number | undefined): void;
}

export interface PciIdentity {
  name: string;
  vendor: number;
  device: number;
  /** Class, subclass and programming interface, as 0xCCSSPP. */
  classCode: number;
  revision?: number;
  subsystemVendor?: number;
  subsystem?: number;
  /** 0 for none, 1 for INTA#. */
  interruptPin?: number;
  multifunction?: boolean;
}

export interface PciFunctionState {
  config: number[];
  interrupt: boolean;
}

export interface PciBusState {
  version: 1;
  address: number;
  functions: PciFunctionState[];
}

export class PciFunction {
  readonly name: string;
  readonly config = new Uint8Array(256);
  /** Bits of `config` that a configuration write may change. */
  readonly writable = new Uint8Array(256);
  readonly #bars: (PciBar | undefined)[] = [];
  readonly #mapped: (number | undefined)[] = [];
  /** Set by the bus: the INTx# line of this function. */
  setInterruptLine: (level: boolean) => void = () => {};
  /** Told after bytes of the device's own configuration registers were written. */
  onConfigWrite: (offset: number) => void = () => {};
  #interrupt = false;
  #nextCapability = 0x40;
  #lastCapability = 0x34;

  constructor(identity: PciIdentity) {
    this.name = identity.name;
    this.#put16(0x00, identity.vendor);
    this.#put16(0x02, identity.device);
    this.config[0x08] = identity.revision ?? 0;
    this.config[0x09] = identity.classCode & 0xff;
    this.config[0x0a] = (identity.classCode >> 8) & 0xff;
    this.config[0x0b] = identity.classCode >> 16;
    this.config[0x0e] = identity.multifunction === true ? 0x80 : 0;
    this.#put16(0x2c, identity.subsystemVendor ?? 0);
    this.#put16(0x2e, identity.subsystem ?? 0);
    this.config[PCI_INTERRUPT_PIN] = identity.interruptPin ?? 0;
    this.writable[PCI_COMMAND] = COMMAND_MASTER;
    this.writable[PCI_COMMAND + 1] = COMMAND_INTERRUPT_DISABLE >> 8;
    this.writable[0x0c] = 0xff;
    this.writable[0x0d] = 0xff;
    this.writable[PCI_INTERRUPT_LINE] = 0xff;
  }

  addBar(index: number, bar: PciBar): void {
    this.#bars[index] = bar;
    const at = PCI_BAR0 + index * 4;
    // All 32 bits of an I/O register too: SeaBIOS takes the size from the whole register.
    const mask = (~(bar.bytes - 1) & (bar.type === "io" ? ~3 : -1)) >>> 0;
    for (let i = 0; i < 4; i++) this.writable[at + i] = (mask >>> (i * 8)) & 0xff;
    this.config[at] = bar.type === "io" ? 1 : bar.prefetchable === true ? 8 : 0;
    this.writable[PCI_COMMAND] |= bar.type === "io" ? COMMAND_IO : COMMAND_MEMORY;
  }

  /** Appends a capability; `body` follows the two header bytes. Answers its offset. */
  addCapability(id: number, body: readonly number[]): number {
    const at = this.#nextCapability;
    this.config[at] = id;
    this.config[at + 1] = 0;
    this.config.set(body, at + 2);
    this.config[this.#lastCapability] = at;
    this.#lastCapability = at + 1;
    this.#nextCapability = (at + 2 + body.length + 3) & ~3;
    this.config[0x06] |= STATUS_CAPABILITIES;
    return at;
  }

  get command(): number {
    return this.config[PCI_COMMAND] | (this.config[PCI_COMMAND + 1] << 8);
  }

  get isMaster(): boolean {
    return (this.config[PCI_COMMAND] & COMMAND_MASTER) !== 0;
  }

  get interruptPin(): number {
    return this.config[PCI_INTERRUPT_PIN];
  }

  /** The device asserts or releases its interrupt. */
  setInterrupt(level: boolean): void {
    this.#interrupt = level;
    this.#driveInterrupt();
  }

  reset(): void {
    this.config[PCI_COMMAND] = 0;
    this.config[PCI_COMMAND + 1] = 0;
    for (let i = 0; i < 6; i++) {
      const at = PCI_BAR0 + i * 4;
      if (this.#bars[i] !== undefined)
        for (let j = 0; j < 4; j++) this.config[at + j] &= ~this.writable[at + j];
    }
    this.config[PCI_INTERRUPT_LINE] = 0;
    this.#interrupt = false;
    this.#driveInterrupt();
    this.#updateBars();
  }

  readConfig(offset: number): number {
    return this.config[offset & 0xff];
  }

  writeConfig(offset: number, value: number): void {
    const at = offset & 0xff;
    this.config[at] = (this.config[at] & ~this.writable[at]) | (value & this.writable[at]);
    if (at === PCI_COMMAND + 1) this.#driveInterrupt();
    if (at === PCI_COMMAND || (at >= PCI_BAR0 && at < PCI_BAR0 + 24)) this.#updateBars();
    this.onConfigWrite(at);
  }

  /** Where BAR `index` is decoded now. */
  barBase(index: number): number | undefined {
    return this.#mapped[index];
  }

  bar(index: number): PciBar | undefined {
    return this.#bars[index];
  }

  #driveInterrupt(): void {
    if (this.#interrupt) this.config[0x06] |= STATUS_INTERRUPT;
    else this.config[0x06] &= ~STATUS_INTERRUPT;
    this.setInterruptLine(this.#interrupt && (this.command & COMMAND_INTERRUPT_DISABLE) === 0);
  }

  #updateBars(): void {
    for (let i = 0; i < 6; i++) {
      const bar = this.#bars[i];
      if (bar === undefined) continue;
      const base = this.#decodedBase(i, bar);
      if (base === this.#mapped[i]) continue;
      this.#mapped[i] = base;
      bar.map(base);
    }
  }

  #decodedBase(index: number, bar: PciBar): number | undefined {
    const enable = bar.type === "io" ? COMMAND_IO : COMMAND_MEMORY;
    if ((this.command & enable) === 0) return undefined;
    const at = PCI_BAR0 + index * 4;
    const raw =
      this.config[at] |
      (this.config[at + 1] << 8) |
      (this.config[at + 2] << 16) |
      (this.config[at + 3] << 24);
    const base = (raw & ~(bar.type === "io" ? 3 : 15)) >>> 0;
    // An address of zero, and all ones while software sizes the register, decode nothing.
    if (base === 0 || base + bar.bytes >= (bar.type === "io" ? 0x10000 : 0x1_0000_0000)) return undefined;
    return base;
  }

  #put16(offset: number, value: number): void {
    this.config[offset] = value & 0xff;
    this.config[offset + 1] = value >> 8;
  }

  save(): PciFunctionState {
    return { config: [...this.config], interrupt: this.#interrupt };
  }

  restore(state: PciFunctionState): void {
    this.config.set(state.config);
    this.#interrupt = state.interrupt;
    this.#updateBars();
  }
}

export interface PciSlot {
  slot: number;
  functionNumber: number;
  pci: PciFunction;
}

export class PciBus {
  readonly slots: PciSlot[] = [];
  readonly #byAddress = new Map<number, PciFunction>();
  #address = 0;

  /** Plugs a function in. The interrupt router sets `pci.setInterruptLine`. */
  add(slot: number, functionNumber: number, pci: PciFunction): void {
    const key = (slot << 3) | functionNumber;
    const present = this.#byAddress.get(key);
    if (present !== undefined) {
      throw new Error(
        `PCI slot ${slot}.${functionNumber} of ${pci.name}: found ${present.name} there, expected it empty`,
      );
    }
    this.slots.push({ slot, functionNumber, pci });
    this.#byAddress.set(key, pci);
  }

  find(slot: number, functionNumber = 0): PciFunction | undefined {
    return this.#byAddress.get((slot << 3) | functionNumber);
  }

  reset(): void {
    this.#address = 0;
    for (const { pci } of this.slots) pci.reset();
  }

  /** CONFIG_ADDRESS, port CF8h, as a double word. */
  readAddress(): number {
    return this.#address | 0;
  }

  writeAddress(value: number): void {
    this.#address = (value & 0x80fffffc) >>> 0;
  }

  /** CONFIG_DATA, one byte of ports CFCh to CFFh. */
  readData(port: number): number {
    const pci = this.#selected();
    return pci === undefined ? 0xff : pci.readConfig((this.#address & 0xfc) | (port & 3));
  }

  writeData(port: number, value: number): void {
    this.#selected()?.writeConfig((this.#address & 0xfc) | (port & 3), value);
  }

  #selected(): PciFunction | undefined {
    if ((this.#address & CONFIG_ENABLE) === 0 || ((this.#address >> 16) & 0xff) !== 0) return undefined;
    return this.#byAddress.get((this.#address >> 8) & 0xff);
  }

  save(): PciBusState {
    return { version: 1, address: this.#address, functions: this.slots.map(({ pci }) => pci.save()) };
  }

  restore(state: PciBusState): void {
    this.#address = state.address;
    // First everything off the bus, so that no restored range meets one that is about to leave.
    for (const { pci } of this.slots) pci.reset();
    state.functions.forEach((saved, i) => this.slots[i].pci.restore(saved));
  }
}
