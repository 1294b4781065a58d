/**
 * The chip set: Intel 82441FX (i440FX, order number 290549) host bridge in slot 0 with its programmable attribute map
 * (PAM) for shadow RAM, and the ISA bridge of the 82371SB (PIIX3, order number 290550) in slot 1 with the routing of the
 * four PCI interrupts (PIRQRC) to the 8259s and the reset control register (port CF9h).
 */

import { PciFunction } from "./pci-bus.ts";
import type { PciBus } from "./pci-bus.ts";

const PAM0 = 0x59;
const PAM6 = 0x5f;
const PIRQRC = 0x60;
const PIRQRC_DISABLED = 0x80;
const RC_RESET_CPU = 0x04;

/** A 16 or 32 KiB piece of the adapter segment and what its PAM bits say: reads, writes go to RAM. */
export type PamHandler = (first: number, last: number, readRam: boolean, writeRam: boolean) => void;

export function createHostBridge(setShadow: PamHandler): PciFunction {
  const pci = new PciFunction({
    name: "i440fx",
    vendor: 0x8086,
    device: 0x1237,
    classCode: 0x060000,
    revision: 2,
    // The subsystem that QEMU's machines have: SeaBIOS looks for it before it trusts fw_cfg.
    subsystemVendor: 0x1af4,
    subsystem: 0x1100,
  });
  for (let offset = PAM0; offset <= PAM6; offset++) pci.writable[offset] = 0x33;
  pci.writable[0x72] = 0x7f; // SMRAM control: kept, there is no system management mode.
  pci.onConfigWrite = (offset) => {
    if (offset >= PAM0 && offset <= PAM6) applyPam(pci, offset, setShadow);
  };
  return pci;
}

/** After a reset or a restore: tells `setShadow` about all of C0000h to FFFFFh. */
export function applyAllPam(pci: PciFunction, setShadow: PamHandler): void {
  for (let offset = PAM0; offset <= PAM6; offset++) applyPam(pci, offset, setShadow);
}

export function resetHostBridge(pci: PciFunction, setShadow: PamHandler): void {
  for (let offset = PAM0; offset <= PAM6; offset++) pci.config[offset] = 0;
  applyAllPam(pci, setShadow);
}

function applyPam(pci: PciFunction, offset: number, setShadow: PamHandler): void {
  const value = pci.config[offset];
  if (offset === PAM0) {
    setShadow(0xf0000, 0xfffff, (value & 0x10) !== 0, (value & 0x20) !== 0);
    return;
  }
  const first = 0xc0000 + (offset - PAM0 - 1) * 0x8000;
  setShadow(first, first + 0x3fff, (value & 0x01) !== 0, (value & 0x02) !== 0);
  setShadow(first + 0x4000, first + 0x7fff, (value & 0x10) !== 0, (value & 0x20) !== 0);
}

/** The ISA bridge: PCI function and interrupt router in one. */
export class Piix3 {
  readonly pci: PciFunction;
  readonly #setIrq: (irq: number, level: boolean) => void;
  readonly #requestReset: () => void;
  /** For each of PIRQA…D, which slots hold the line. */
  readonly #pirqSlots = [0, 0, 0, 0];
  #routedIrqs = 0;
  #resetControl = 0;

  constructor(setIrq: (irq: number, level: boolean) => void, requestReset: () => void) {
    this.#setIrq = setIrq;
    this.#requestReset = requestReset;
    this.pci = new PciFunction({
      name: "piix3",
      vendor: 0x8086,
      device: 0x7000,
      classCode: 0x060100,
      multifunction: true,
    });
    for (let i = 0; i < 4; i++) {
      this.pci.config[PIRQRC + i] = PIRQRC_DISABLED;
      this.pci.writable[PIRQRC + i] = 0x8f;
    }
    this.pci.onConfigWrite = (offset) => {
      if (offset >= PIRQRC && offset < PIRQRC + 4) this.#route();
    };
  }

  /** Wires the interrupt pins of all functions on the bus. */
  connect(bus: PciBus): void {
    for (const { slot, pci } of bus.slots) {
      if (pci.interruptPin === 0) continue;
      const pirq = (slot - 1 + pci.interruptPin - 1) & 3;
      const bit = 1 << slot;
      pci.setInterruptLine = (level) => {
        this.#pirqSlots[pirq] = level ? this.#pirqSlots[pirq] | bit : this.#pirqSlots[pirq] & ~bit;
        this.#route();
      };
    }
  }

  /** The interrupt that pin INTA# of `slot` arrives at with the routing of now, 0 if none. */
  routedIrq(slot: number): number {
    const value = this.pci.config[PIRQRC + ((slot - 1) & 3)];
    return (value & PIRQRC_DISABLED) !== 0 ? 0 : value & 15;
  }

  reset(): void {
    for (let i = 0; i < 4; i++) this.pci.config[PIRQRC + i] = PIRQRC_DISABLED;
    this.#resetControl = 0;
    this.#route();
  }

  /** Port CF9h. */
  readResetControl(): number {
    return this.#resetControl;
  }

  writeResetControl(value: number): void {
    const rises = (value & ~this.#resetControl & RC_RESET_CPU) !== 0;
    this.#resetControl = value & 0x02;
    if (rises) this.#requestReset();
  }

  #route(): void {
    let routed = 0;
    for (let i = 0; i < 4; i++) {
      const value = this.pci.config[PIRQRC + i];
      if (this.#pirqSlots[i] !== 0 && (value & PIRQRC_DISABLED) === 0) routed |= 1 << (value & 15);
    }
    const changed = routed ^ this.#routedIrqs;
    this.#routedIrqs = routed;
    for (let irq = 3; irq < 16; irq++) {
      if ((changed & (1 << irq)) !== 0) this.#setIrq(irq, (routed & (1 << irq)) !== 0);
    }
  }

  /** After the functions' interrupt lines and registers were restored. */
  restored(bus: PciBus): void {
    this.#pirqSlots.fill(0);
    for (const { slot, pci } of bus.slots) {
      const pending = (pci.config[0x06] & 0x08) !== 0 && (pci.command & 0x400) === 0;
      if (pending && pci.interruptPin !== 0)
        this.#pirqSlots[(slot - 1 + pci.interruptPin - 1) & 3] |= 1 << slot;
    }
    this.#routedIrqs = 0;
    for (let i = 0; i < 4; i++) {
      const value = this.pci.config[PIRQRC + i];
      if (this.#pirqSlots[i] !== 0 && (value & PIRQRC_DISABLED) === 0) this.#routedIrqs |= 1 << (value & 15);
    }
  }
}
