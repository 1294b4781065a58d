/**
 * The two cascaded interrupt controllers of an AT: Intel 8259A data sheet (order number 231468), with the edge/level
 * control registers (ELCR, ports 4D0h and 4D1h) of the 82371SB PIIX3.
 *
 * Registers by their data sheet names: IRR (requests), IMR (mask), ISR (in service), ICW1…4, OCW1…3.
 */

const ICW1_IC4 = 0x01;
const ICW1_SNGL = 0x02;
const ICW1_LTIM = 0x08;
const ICW1_SELECT = 0x10;
const ICW4_AEOI = 0x02;
const ICW4_SFNM = 0x10;
const OCW3_SELECT = 0x08;
const OCW3_RR = 0x02;
const OCW3_RIS = 0x01;
const OCW3_POLL = 0x04;
const OCW3_ESMM = 0x40;
const OCW3_SMM = 0x20;
const OCW2_EOI = 0x20;
const OCW2_SPECIFIC = 0x40;
const OCW2_ROTATE = 0x80;

/** Lines that a PIIX3 keeps edge triggered: IRQ 0, 1, 2, 8 and 13. */
const ELCR_MASK = [0xf8, 0xde] as const;

export interface Pic8259State {
  irr: number;
  imr: number;
  isr: number;
  lines: number;
  elcr: number;
  vectorBase: number;
  lowestPriority: number;
  initStep: number;
  icw1: number;
  icw4: number;
  readIsr: boolean;
  poll: boolean;
  specialMask: boolean;
  rotateOnAutoEoi: boolean;
}

export interface InterruptControllersState {
  version: 1;
  master: Pic8259State;
  slave: Pic8259State;
}

function initialState(): Pic8259State {
  return {
    irr: 0,
    imr: 0xff,
    isr: 0,
    lines: 0,
    elcr: 0,
    vectorBase: 0,
    lowestPriority: 7,
    initStep: 0,
    icw1: 0,
    icw4: 0,
    readIsr: false,
    poll: false,
    specialMask: false,
    rotateOnAutoEoi: false,
  };
}

/** One 8259A. */
export class Pic8259 {
  readonly #isMaster: boolean;
  readonly #changed: () => void;
  #s: Pic8259State = initialState();

  constructor(isMaster: boolean, changed: () => void) {
    this.#isMaster = isMaster;
    this.#changed = changed;
  }

  reset(): void {
    const { lines } = this.#s;
    this.#s = initialState();
    this.#s.lines = lines;
  }

  setLine(line: number, level: boolean): void {
    const s = this.#s;
    const bit = 1 << line;
    const levelTriggered = (s.elcr & bit) !== 0 || (s.icw1 & ICW1_LTIM) !== 0;
    if (level) {
      if (levelTriggered || (s.lines & bit) === 0) s.irr |= bit;
      s.lines |= bit;
    } else {
      s.lines &= ~bit;
      // A request that goes away before it is acknowledged leaves a spurious interrupt behind.
      s.irr &= ~bit;
    }
    this.#changed();
  }

  /** The request that INT stands for, or -1. */
  pendingLine(): number {
    const s = this.#s;
    const requests = s.irr & ~s.imr;
    if (requests === 0) return -1;
    const first = (s.lowestPriority + 1) & 7;
    for (let i = 0; i < 8; i++) {
      const line = (first + i) & 7;
      const bit = 1 << line;
      if ((s.isr & bit) !== 0 && !(s.specialMask && (s.imr & bit) !== 0)) {
        // In special fully nested mode a further request of the slave that is being served still gets through.
        const nestedSlave = this.#isMaster && line === 2 && (s.icw4 & ICW4_SFNM) !== 0;
        if (!(nestedSlave && (requests & bit) !== 0)) return -1;
      }
      if ((requests & bit) !== 0) return line;
    }
    return -1;
  }

  /** INTA cycle: the line that is now in service, or -1 for a spurious interrupt (the controller answers 7). */
  acknowledge(): number {
    const s = this.#s;
    const line = this.pendingLine();
    if (line < 0) return -1;
    const bit = 1 << line;
    const levelTriggered = (s.elcr & bit) !== 0 || (s.icw1 & ICW1_LTIM) !== 0;
    if (!levelTriggered || (s.lines & bit) === 0) s.irr &= ~bit;
    if ((s.icw4 & ICW4_AEOI) !== 0) {
      if (s.rotateOnAutoEoi) s.lowestPriority = line;
    } else {
      s.isr |= bit;
    }
    this.#changed();
    return line;
  }

  get vectorBase(): number {
    return this.#s.vectorBase;
  }

  read(offset: number): number {
    const s = this.#s;
    if (s.poll) {
      s.poll = false;
      const line = this.acknowledge();
      return line < 0 ? 0x07 : 0x80 | line;
    }
    if (offset === 1) return s.imr;
    return s.readIsr ? s.isr : s.irr;
  }

  write(offset: number, value: number): void {
    if (offset === 0) this.#writeCommand(value);
    else this.#writeData(value);
    this.#changed();
  }

  readElcr(): number {
    return this.#s.elcr;
  }

  writeElcr(value: number): void {
    const s = this.#s;
    s.elcr = value & ELCR_MASK[this.#isMaster ? 0 : 1];
    // A level-triggered request follows its line at once.
    s.irr = (s.irr & ~s.elcr) | (s.lines & s.elcr);
    this.#changed();
  }

  #writeCommand(value: number): void {
    const s = this.#s;
    if ((value & ICW1_SELECT) !== 0) {
      s.icw1 = value;
      s.icw4 = 0;
      s.imr = 0;
      s.isr = 0;
      s.irr = s.lines & s.elcr;
      s.lowestPriority = 7;
      s.specialMask = false;
      s.readIsr = false;
      s.rotateOnAutoEoi = false;
      s.poll = false;
      s.initStep = 2;
      return;
    }
    if ((value & OCW3_SELECT) !== 0) {
      if ((value & OCW3_POLL) !== 0) s.poll = true;
      if ((value & OCW3_RR) !== 0) s.readIsr = (value & OCW3_RIS) !== 0;
      if ((value & OCW3_ESMM) !== 0) s.specialMask = (value & OCW3_SMM) !== 0;
      return;
    }
    this.#endOfInterrupt(value);
  }

  #endOfInterrupt(value: number): void {
    const s = this.#s;
    const line = value & 7;
    switch (value & (OCW2_EOI | OCW2_SPECIFIC | OCW2_ROTATE)) {
      case OCW2_EOI:
      case OCW2_EOI | OCW2_ROTATE: {
        const served = this.#highestInService();
        if (served < 0) return;
        s.isr &= ~(1 << served);
        if ((value & OCW2_ROTATE) !== 0) s.lowestPriority = served;
        return;
      }
      case OCW2_EOI | OCW2_SPECIFIC:
        s.isr &= ~(1 << line);
        return;
      case OCW2_EOI | OCW2_SPECIFIC | OCW2_ROTATE:
        s.isr &= ~(1 << line);
        s.lowestPriority = line;
        return;
      case OCW2_SPECIFIC | OCW2_ROTATE:
        s.lowestPriority = line;
        return;
      case OCW2_ROTATE:
        s.rotateOnAutoEoi = true;
        return;
      case 0:
        s.rotateOnAutoEoi = false;
        return;
      default:
      // 010: no operation.
    }
  }

  #highestInService(): number {
    const s = this.#s;
    for (let i = 1; i <= 8; i++) {
      const line = (s.lowestPriority + i) & 7;
      const bit = 1 << line;
      if ((s.isr & bit) !== 0 && !(s.specialMask && (s.imr & bit) !== 0)) return line;
    }
    return -1;
  }

  #writeData(value: number): void {
    const s = this.#s;
    switch (s.initStep) {
      case 2:
        s.vectorBase = value & 0xf8;
        if ((s.icw1 & ICW1_SNGL) === 0) s.initStep = 3;
        else s.initStep = (s.icw1 & ICW1_IC4) !== 0 ? 4 : 0;
        return;
      case 3: // ICW3: the cascade wiring of a PC is fixed.
        s.initStep = (s.icw1 & ICW1_IC4) !== 0 ? 4 : 0;
        return;
      case 4:
        s.icw4 = value;
        s.initStep = 0;
        return;
      default:
        s.imr = value;
    }
  }

  save(): Pic8259State {
    return { ...this.#s };
  }

  restore(state: Pic8259State): void {
    this.#s = { ...state };
  }
}

/** Master and slave with the slave on IRQ 2: what the processor sees as INTR and INTA. */
export class InterruptControllers {
  readonly master: Pic8259;
  readonly slave: Pic8259;
  readonly #onIntr: (level: boolean) => void;
  #intr = false;
  #updating = false;

  /** `onIntr` is called whenever the INTR output changes. */
  constructor(onIntr: (level: boolean) => void = () => {}) {
    this.#onIntr = onIntr;
    this.master = new Pic8259(true, () => this.#update());
    this.slave = new Pic8259(false, () => this.#update());
  }

  /** Level of the INTR pin. */
  get intr(): boolean {
    return this.#intr;
  }

  /** Interrupt line 0 to 15 changes its level. */
  setIrq(irq: number, level: boolean): void {
    if (irq >= 8) this.slave.setLine(irq - 8, level);
    else if (irq !== 2) this.master.setLine(irq, level);
  }

  /** The processor's INTA cycle: the vector to deliver. Spurious requests answer line 7 of their controller. */
  acknowledge(): number {
    const line = this.master.acknowledge();
    if (line < 0) return this.master.vectorBase + 7;
    if (line !== 2) return this.master.vectorBase + line;
    const slaveLine = this.slave.acknowledge();
    return this.slave.vectorBase + (slaveLine < 0 ? 7 : slaveLine);
  }

  /** Ports 20h, 21h, A0h, A1h, 4D0h and 4D1h. */
  readPort(port: number): number {
    if (port === 0x4d0) return this.master.readElcr();
    if (port === 0x4d1) return this.slave.readElcr();
    return port >= 0xa0 ? this.slave.read(port & 1) : this.master.read(port & 1);
  }

  writePort(port: number, value: number): void {
    if (port === 0x4d0) this.master.writeElcr(value);
    else if (port === 0x4d1) this.slave.writeElcr(value);
    else if (port >= 0xa0) this.slave.write(port & 1, value);
    else this.master.write(port & 1, value);
  }

  reset(): void {
    this.master.reset();
    this.slave.reset();
    this.#update();
  }

  #update(): void {
    if (this.#updating) return;
    this.#updating = true;
    const cascade = this.slave.pendingLine() >= 0;
    if (cascade) {
      // The slave's INT is an edge for the master each time it has something new to say.
      this.master.setLine(2, false);
      this.master.setLine(2, true);
    } else {
      this.master.setLine(2, false);
    }
    this.#updating = false;
    const intr = this.master.pendingLine() >= 0;
    if (intr !== this.#intr) {
      this.#intr = intr;
      this.#onIntr(intr);
    }
  }

  save(): InterruptControllersState {
    return { version: 1, master: this.master.save(), slave: this.slave.save() };
  }

  restore(state: InterruptControllersState): void {
    this.master.restore(state.master);
    this.slave.restore(state.slave);
    this.#update();
  }
}
