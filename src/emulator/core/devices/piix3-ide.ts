/**
 * The IDE function of the 82371SB PIIX3 (order number 290550, function 1): two channels at their ISA addresses with two
 * drives each, and the bus-master DMA of "Programming Interface for Bus Master IDE Controller" 1.0.
 */

import type { Clock, Timer } from "../clock.ts";
import { AtaDrive, STATUS_BSY } from "./ata-drive.ts";
import type { AtaDriveState, AtaHost } from "./ata-drive.ts";
import type { DmaMemory } from "./dma-8237.ts";
import { PciFunction } from "./pci-bus.ts";

const CONTROL_NIEN = 0x02;
const CONTROL_SRST = 0x04;
const CONTROL_HOB = 0x80;
const BM_START = 0x01;
const BM_TO_MEMORY = 0x08;
const BM_ACTIVE = 0x01;
const BM_ERROR = 0x02;
const BM_INTERRUPT = 0x04;
const PRD_END = 0x80000000;
/** A drive's answer takes this long: short, but never inside the instruction that asked. */
const COMMAND_NANOSECONDS = 20_000;
const PRD_LIMIT = 8192;

export interface IdeChannelState {
  selected: number;
  control: number;
  interrupt: boolean;
  bmCommand: number;
  bmStatus: number;
  prdTable: number;
  prdIndex: number;
  prdOffset: number;
  drives: (AtaDriveState | null)[];
}

export interface Piix3IdeState {
  version: 1;
  channels: IdeChannelState[];
}

export interface IdeSurroundings {
  clock: Clock;
  memory: DmaMemory;
  setIrq(channel: number, level: boolean): void;
  whenDone<T>(work: Promise<T>, action: (result: T | undefined) => void): void;
  finished(channel: number, drive: number, operation: "read" | "write", bytes: number): void;
}

export class IdeChannel {
  readonly drives: (AtaDrive | undefined)[] = [undefined, undefined];
  readonly #around: IdeSurroundings;
  readonly #number: number;
  readonly #timer: Timer;
  #delayed: (() => void) | undefined;
  #selected = 0;
  #control = 0;
  #interrupt = false;
  #bmCommand = 0;
  #bmStatus = 0;
  #prdTable = 0;
  #prdIndex = 0;
  #prdOffset = 0;

  constructor(number: number, around: IdeSurroundings) {
    this.#number = number;
    this.#around = around;
    this.#timer = around.clock.timer(`ide ${number}`, () => {
      const action = this.#delayed;
      this.#delayed = undefined;
      action?.();
    });
  }

  /** What drive `index` of this channel is built with. */
  hostFor(index: number): AtaHost {
    return {
      interrupt: () => {
        if (this.#selected === index) this.#setInterrupt(true);
      },
      clearInterrupt: () => this.#setInterrupt(false),
      dmaReady: () => this.#runDma(),
      delay: (action) => {
        this.#delayed = action;
        this.#timer.armAfter(COMMAND_NANOSECONDS);
      },
      whenDone: (work, action) => this.#around.whenDone(work, action),
      finished: (operation, bytes) => this.#around.finished(this.#number, index, operation, bytes),
    };
  }

  /** A drive that is in the middle of something cannot be saved; the machine runs on until this is false. */
  get busy(): boolean {
    return this.#delayed !== undefined || this.drives.some((drive) => drive?.waiting === true);
  }

  reset(): void {
    this.#timer.cancel();
    this.#delayed = undefined;
    for (const drive of this.drives) drive?.softReset();
    this.#selected = this.#control = this.#bmCommand = this.#bmStatus = 0;
    this.#setInterrupt(false);
  }

  /** Command block, register 0 to 7 (0 is the data register, read by `readData`). */
  read(register: number): number {
    const drive = this.drives[this.#selected];
    if (drive === undefined) return this.drives[1 - this.#selected] === undefined ? 0xff : 0;
    if (register === 6) return 0xa0 | drive.r.device | (this.#selected << 4);
    if (register === 7) {
      this.#setInterrupt(false);
      return drive.r.status;
    }
    return drive.readRegister(register, (this.#control & CONTROL_HOB) !== 0);
  }

  write(register: number, value: number): void {
    this.#control &= ~CONTROL_HOB;
    if (register === 7) {
      if (value === 0x90) for (const drive of this.drives) drive?.command(value);
      else this.drives[this.#selected]?.command(value);
      return;
    }
    if (register === 6) this.#selected = (value >> 4) & 1;
    for (const drive of this.drives) {
      if (drive === undefined || (drive.r.status & STATUS_BSY) !== 0) continue;
      if (register === 6) drive.r.device = value & 0x4f;
      else drive.writeRegister(register, value);
    }
  }

  readData(): number {
    return this.drives[this.#selected]?.readData() ?? 0xffff;
  }

  writeData(value: number): void {
    this.drives[this.#selected]?.writeData(value);
  }

  /** Control block: 3F6h or 376h. */
  readAlternateStatus(): number {
    const drive = this.drives[this.#selected];
    if (drive === undefined) return this.drives[1 - this.#selected] === undefined ? 0xff : 0;
    return drive.r.status;
  }

  writeControl(value: number): void {
    if ((value & ~this.#control & CONTROL_SRST) !== 0) {
      this.#timer.cancel();
      this.#delayed = undefined;
      for (const drive of this.drives) drive?.softReset();
      this.#selected = 0;
      this.#interrupt = false;
    }
    this.#control = value;
    this.#driveIrq();
  }

  /** Bus master register 0 to 7 of this channel. */
  readBusMaster(register: number): number {
    if (register === 0) return this.#bmCommand;
    if (register === 2) return this.#bmStatus;
    return register >= 4 ? (this.#prdTable >>> ((register - 4) * 8)) & 0xff : 0;
  }

  writeBusMaster(register: number, value: number): void {
    if (register === 0) {
      const starts = (value & ~this.#bmCommand & BM_START) !== 0;
      this.#bmCommand = value & (BM_START | BM_TO_MEMORY);
      if (starts) {
        this.#bmStatus |= BM_ACTIVE;
        this.#prdIndex = this.#prdOffset = 0;
        this.#runDma();
      } else if ((value & BM_START) === 0) this.#bmStatus &= ~BM_ACTIVE;
    } else if (register === 2) {
      this.#bmStatus = (this.#bmStatus & ~(value & (BM_ERROR | BM_INTERRUPT)) & 0x9f) | (value & 0x60);
    } else if (register >= 4) {
      const shift = (register - 4) * 8;
      this.#prdTable = ((this.#prdTable & ~(0xff << shift)) | (value << shift)) & ~3;
    }
  }

  #setInterrupt(level: boolean): void {
    this.#interrupt = level;
    if (level) this.#bmStatus |= BM_INTERRUPT;
    this.#driveIrq();
  }

  #driveIrq(): void {
    this.#around.setIrq(this.#number, this.#interrupt && (this.#control & CONTROL_NIEN) === 0);
  }

  /** Moves what drive and PRD table allow. */
  #runDma(): void {
    const drive = this.drives[this.#selected];
    if (drive === undefined || (this.#bmCommand & BM_START) === 0 || (this.#bmStatus & BM_ACTIVE) === 0)
      return;
    const direction = drive.dmaPhase;
    if (direction === "none" || (drive.r.status & STATUS_BSY) !== 0) return;
    while (drive.dmaRoom() > 0) {
      if (this.#prdIndex >= PRD_LIMIT) {
        this.#bmStatus = (this.#bmStatus | BM_ERROR) & ~BM_ACTIVE;
        return;
      }
      const entry = this.#around.memory.readBytes((this.#prdTable >>> 0) + this.#prdIndex * 8, 8);
      const view = new DataView(entry.buffer, entry.byteOffset, 8);
      const address = (view.getUint32(0, true) & ~1) >>> 0;
      const count = view.getUint32(4, true);
      const length = count & 0xfffe || 0x10000;
      const step = Math.min(length - this.#prdOffset, drive.dmaRoom());
      if (direction === "in") this.#around.memory.writeBytes(address + this.#prdOffset, drive.dmaTake(step));
      else drive.dmaGive(this.#around.memory.readBytes(address + this.#prdOffset, step));
      this.#prdOffset += step;
      if (this.#prdOffset >= length) {
        this.#prdIndex++;
        this.#prdOffset = 0;
        if ((count & PRD_END) !== 0) {
          this.#prdIndex = PRD_LIMIT;
          // The table is used up: the bus master stops whether or not the drive has more.
          if (drive.dmaRoom() === 0) this.#bmStatus &= ~BM_ACTIVE;
        }
      }
    }
    drive.dmaBufferDone();
  }

  save(): IdeChannelState {
    return {
      selected: this.#selected,
      control: this.#control,
      interrupt: this.#interrupt,
      bmCommand: this.#bmCommand,
      bmStatus: this.#bmStatus,
      prdTable: this.#prdTable,
      prdIndex: this.#prdIndex,
      prdOffset: this.#prdOffset,
      drives: this.drives.map((drive) => drive?.save() ?? null),
    };
  }

  restore(state: IdeChannelState): void {
    this.#timer.cancel();
    this.#delayed = undefined;
    this.#selected = state.selected;
    this.#control = state.control;
    this.#interrupt = state.interrupt;
    this.#bmCommand = state.bmCommand;
    this.#bmStatus = state.bmStatus;
    this.#prdTable = state.prdTable;
    this.#prdIndex = state.prdIndex;
    this.#prdOffset = state.prdOffset;
    state.drives.forEach((saved, i) => {
      if (saved !== null) this.drives[i]?.restore(saved);
    });
  }
}

export class Piix3Ide {
  readonly pci: PciFunction;
  readonly channels: readonly [IdeChannel, IdeChannel];

  /** `mapBusMaster` is told where the 16 bus-master ports are. */
  constructor(around: IdeSurroundings, mapBusMaster: (base: number | undefined) => void) {
    this.channels = [new IdeChannel(0, around), new IdeChannel(1, around)];
    this.pci = new PciFunction({ name: "piix3-ide", vendor: 0x8086, device: 0x7010, classCode: 0x010180 });
    this.pci.addBar(4, { type: "io", bytes: 16, map: mapBusMaster });
    // The legacy ports are decoded when I/O space is on; IDETIM enables both channels.
    for (let offset = 0x40; offset <= 0x44; offset++) this.pci.writable[offset] = 0xff;
    this.pci.config[0x41] = this.pci.config[0x43] = 0x80;
  }

  readBusMaster(offset: number): number {
    return this.channels[(offset >> 3) & 1].readBusMaster(offset & 7);
  }

  writeBusMaster(offset: number, value: number): void {
    this.channels[(offset >> 3) & 1].writeBusMaster(offset & 7, value);
  }

  save(): Piix3IdeState {
    return { version: 1, channels: this.channels.map((channel) => channel.save()) };
  }

  restore(state: Piix3IdeState): void {
    state.channels.forEach((saved, i) => this.channels[i].restore(saved));
  }
}
