/**
 * One drive on an IDE channel: ATA/ATAPI-6 (T13/1410D) for the disk, with the packet commands of atapi-cdrom.ts for the CD.
 *
 * The drive holds its task file and data buffer; the channel (piix3-ide.ts) holds what both drives share. A `BlockDevice`
 * may answer later: the drive then stays busy, and the answer enters between two batches of instructions.
 */

import type { BlockDevice } from "../../machine.ts";
import { identifyDisk, identifyCdrom } from "./ata-identify.ts";
import { answerPacket } from "./atapi-cdrom.ts";

export const STATUS_ERR = 0x01;
export const STATUS_DRQ = 0x08;
export const STATUS_DSC = 0x10;
export const STATUS_DRDY = 0x40;
export const STATUS_BSY = 0x80;
const ERROR_ABRT = 0x04;
const ERROR_IDNF = 0x10;
const ERROR_UNC = 0x40;
const SECTOR = 512;
const CHUNK_SECTORS = 256;
const MAX_MULTIPLE = 16;
const REASON_COMMAND = 1;
const REASON_INPUT = 2;

/** What a drive needs of its surroundings. */
export interface AtaHost {
  /** The drive has something to say: INTRQ, unless nIEN. */
  interrupt(): void;
  clearInterrupt(): void;
  /** A DMA command is ready to move data, or has more to move. */
  dmaReady(): void;
  /** Runs `action` after the time a drive takes, as a timer does. */
  delay(action: () => void): void;
  /** Runs `action` when `work` is done, between two batches of instructions. */
  whenDone<T>(work: Promise<T>, action: (result: T | undefined) => void): void;
  finished(operation: "read" | "write", bytes: number): void;
}

export interface AtaRegisters {
  features: number;
  count: number;
  lbaLow: number;
  lbaMid: number;
  lbaHigh: number;
  device: number;
  status: number;
  error: number;
}

type Phase = "idle" | "data-in" | "data-out" | "packet" | "dma-in" | "dma-out";

export interface AtaDriveState {
  registers: AtaRegisters;
  previous: number[];
  multiple: number;
  phase: Phase;
  buffer: Uint8Array;
  position: number;
  blockBytes: number;
  lba: number;
  sectorsLeft: number;
  transferBytes: number;
  sense: number[];
  mediumChanged: boolean;
  packetDma: boolean;
  byteLimit: number;
}

export class AtaDrive {
  readonly isCdrom: boolean;
  medium: BlockDevice | undefined;
  readonly #host: AtaHost;
  r: AtaRegisters = {
    features: 0,
    count: 1,
    lbaLow: 1,
    lbaMid: 0,
    lbaHigh: 0,
    device: 0,
    status: 0,
    error: 1,
  };
  /** The previous contents of features, count and the three LBA registers: the high halves of 48-bit commands. */
  readonly #previous = [0, 0, 0, 0, 0];
  #multiple = MAX_MULTIPLE;
  #phase: Phase = "idle";
  #buffer: Uint8Array = new Uint8Array(0);
  #position = 0;
  #blockBytes = SECTOR;
  #lba = 0;
  #sectorsLeft = 0;
  #transferBytes = 0;
  #packetDma = false;
  #byteLimit = 0;
  /** Sense key, additional sense code and qualifier of the last packet command. */
  sense = [0, 0, 0];
  mediumChanged = false;
  /** Counts commands, so that an answer to one that was reset away is ignored. */
  #generation = 0;

  constructor(isCdrom: boolean, medium: BlockDevice | undefined, host: AtaHost) {
    this.isCdrom = isCdrom;
    this.medium = medium;
    this.#host = host;
    this.softReset();
  }

  /** True while an answer of the block device is awaited: such a drive cannot be saved. */
  waiting = false;

  softReset(): void {
    this.#generation++;
    this.waiting = false;
    this.#phase = "idle";
    this.#signature();
    this.r.error = 1;
    this.r.status = this.isCdrom ? 0 : STATUS_DRDY | STATUS_DSC;
    this.#multiple = MAX_MULTIPLE;
  }

  get dmaPhase(): "in" | "out" | "none" {
    return this.#phase === "dma-in" ? "in" : this.#phase === "dma-out" ? "out" : "none";
  }

  #signature(): void {
    this.r.count = 1;
    this.r.lbaLow = 1;
    this.r.lbaMid = this.isCdrom ? 0x14 : 0;
    this.r.lbaHigh = this.isCdrom ? 0xeb : 0;
    this.r.device &= 0x10;
  }

  /** Task file registers 1 to 5; `register` as its offset from the command block. */
  writeRegister(register: number, value: number): void {
    const names = ["features", "count", "lbaLow", "lbaMid", "lbaHigh"] as const;
    const name = names[register - 1];
    this.#previous[register - 1] = this.r[name];
    this.r[name] = value;
  }

  readRegister(register: number, highOrder: boolean): number {
    if (register === 1) return this.r.error;
    if (highOrder) return this.#previous[register - 1];
    return register === 2
      ? this.r.count
      : register === 3
        ? this.r.lbaLow
        : register === 4
          ? this.r.lbaMid
          : this.r.lbaHigh;
  }

  command(command: number): void {
    if ((this.r.status & STATUS_BSY) !== 0 && command !== 0x08) return;
    this.#generation++;
    this.#host.clearInterrupt();
    this.r.error = 0;
    this.r.status = STATUS_DRDY | STATUS_DSC;
    this.#phase = "idle";
    if (this.isCdrom) this.#cdromCommand(command);
    else this.#diskCommand(command);
  }

  #diskCommand(command: number): void {
    switch (command) {
      case 0x20:
      case 0x21:
        return this.#startTransfer(false, "data-in", 1);
      case 0x24:
        return this.#startTransfer(true, "data-in", 1);
      case 0xc4:
        return this.#startTransfer(false, "data-in", this.#multiple);
      case 0x29:
        return this.#startTransfer(true, "data-in", this.#multiple);
      case 0x30:
      case 0x31:
        return this.#startTransfer(false, "data-out", 1);
      case 0x34:
        return this.#startTransfer(true, "data-out", 1);
      case 0xc5:
        return this.#startTransfer(false, "data-out", this.#multiple);
      case 0x39:
        return this.#startTransfer(true, "data-out", this.#multiple);
      case 0xc8:
      case 0xc9:
        return this.#startTransfer(false, "dma-in", CHUNK_SECTORS);
      case 0x25:
        return this.#startTransfer(true, "dma-in", CHUNK_SECTORS);
      case 0xca:
      case 0xcb:
        return this.#startTransfer(false, "dma-out", CHUNK_SECTORS);
      case 0x35:
        return this.#startTransfer(true, "dma-out", CHUNK_SECTORS);
      case 0x40:
      case 0x41:
      case 0x42:
        if (!this.#locate(command === 0x42)) return;
        return this.#succeed();
      case 0xec:
        return this.#giveData(identifyDisk(this.medium?.byteLength ?? 0, this.#multiple));
      case 0xc6:
        if (this.r.count > MAX_MULTIPLE || (this.r.count & (this.r.count - 1)) !== 0)
          return this.#fail(ERROR_ABRT);
        this.#multiple = this.r.count;
        return this.#succeed();
      case 0xf8:
      case 0x27:
        this.#putLba(Math.max(0, this.#sectors() - 1), command === 0x27);
        return this.#succeed();
      case 0xa1: // IDENTIFY PACKET DEVICE: this is no packet device.
        return this.#fail(ERROR_ABRT);
      default:
        return this.#commonCommand(command);
    }
  }

  #cdromCommand(command: number): void {
    switch (command) {
      case 0xa0:
        this.#packetDma = (this.r.features & 1) !== 0;
        this.#byteLimit = this.r.lbaMid | (this.r.lbaHigh << 8);
        this.#buffer = new Uint8Array(12);
        this.#position = 0;
        this.#blockBytes = 12;
        this.#phase = "packet";
        this.r.count = REASON_COMMAND;
        this.r.status = STATUS_DRDY | STATUS_DRQ;
        return;
      case 0xa1:
        return this.#giveData(identifyCdrom());
      case 0x08:
        this.softReset();
        return;
      case 0xec:
        this.#signature();
        return this.#fail(ERROR_ABRT);
      default:
        return this.#commonCommand(command);
    }
  }

  #commonCommand(command: number): void {
    switch (command) {
      case 0x00:
      case 0x91: // INITIALIZE DEVICE PARAMETERS
      case 0xe0:
      case 0xe1:
      case 0xe2:
      case 0xe3:
      case 0xe7: // FLUSH CACHE: writes are handed on as they come.
      case 0xea:
        return this.#succeed();
      case 0xe5:
        this.r.count = 0xff;
        return this.#succeed();
      case 0x90:
        this.#signature();
        this.r.error = 1;
        return this.#succeed();
      case 0xef: {
        const known = [0x02, 0x03, 0x55, 0x66, 0x82, 0xaa, 0xcc];
        return known.includes(this.r.features) ? this.#succeed() : this.#fail(ERROR_ABRT);
      }
      default:
        if (command >= 0x10 && command <= 0x1f) return this.#succeed();
        return this.#fail(ERROR_ABRT);
    }
  }

  #sectors(): number {
    return Math.floor((this.medium?.byteLength ?? 0) / SECTOR);
  }

  /** Reads address and count from the task file. False, with the error set, if they do not fit the disk. */
  #locate(extended: boolean): boolean {
    const { r } = this;
    const p = this.#previous;
    if (extended) {
      this.#sectorsLeft = (p[1] << 8) | r.count || 0x10000;
      this.#lba =
        r.lbaLow + r.lbaMid * 2 ** 8 + r.lbaHigh * 2 ** 16 + p[2] * 2 ** 24 + p[3] * 2 ** 32 + p[4] * 2 ** 40;
    } else {
      this.#sectorsLeft = r.count || 256;
      if ((r.device & 0x40) !== 0) {
        this.#lba = r.lbaLow | (r.lbaMid << 8) | (r.lbaHigh << 16) | ((r.device & 15) << 24);
      } else if (r.lbaLow === 0) {
        this.#fail(ERROR_IDNF);
        return false;
      } else {
        this.#lba = ((r.lbaMid | (r.lbaHigh << 8)) * 16 + (r.device & 15)) * 63 + r.lbaLow - 1;
      }
    }
    if (this.#lba + this.#sectorsLeft <= this.#sectors()) return true;
    this.#fail(ERROR_IDNF);
    return false;
  }

  #putLba(lba: number, extended: boolean): void {
    const { r } = this;
    r.lbaLow = lba & 0xff;
    r.lbaMid = (lba >>> 8) & 0xff;
    r.lbaHigh = (lba >>> 16) & 0xff;
    if (extended) {
      this.#previous[2] = Math.floor(lba / 2 ** 24) & 0xff;
      this.#previous[3] = Math.floor(lba / 2 ** 32) & 0xff;
      this.#previous[4] = Math.floor(lba / 2 ** 40) & 0xff;
    } else r.device = (r.device & 0xf0) | ((lba >>> 24) & 15);
  }

  #startTransfer(extended: boolean, phase: Phase, block: number): void {
    if (block === 0) return this.#fail(ERROR_ABRT);
    if (!this.#locate(extended)) return;
    const writes = phase === "data-out" || phase === "dma-out";
    if (writes && this.medium?.readOnly === true) return this.#fail(ERROR_ABRT);
    this.#blockBytes = block * SECTOR;
    this.#transferBytes = this.#sectorsLeft * SECTOR;
    this.#phase = phase;
    if (writes) this.#expectChunk(true);
    else this.#readChunk();
  }

  #readChunk(): void {
    const sectors = Math.min(this.#sectorsLeft, CHUNK_SECTORS);
    this.#busy();
    this.#read(this.#lba * SECTOR, sectors * SECTOR, (bytes) => {
      if (bytes === undefined) return this.#fail(ERROR_UNC);
      this.#lba += sectors;
      this.#sectorsLeft -= sectors;
      this.#buffer = bytes;
      this.#position = 0;
      if (this.#phase === "dma-in") {
        this.r.status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
        this.#host.dmaReady();
      } else this.#dataIn();
    });
  }

  #read(offset: number, length: number, done: (bytes: Uint8Array | undefined) => void): void {
    const generation = this.#generation;
    const finish = (bytes: Uint8Array | undefined): void => {
      if (generation !== this.#generation) return;
      this.waiting = false;
      if (bytes !== undefined && bytes.length === length) done(bytes);
      else done(undefined);
    };
    const answer = this.medium === undefined ? undefined : attempt(() => this.medium?.read(offset, length));
    if (answer instanceof Promise) {
      this.waiting = true;
      this.#host.whenDone(answer, finish);
    } else this.#host.delay(() => finish(answer));
  }

  #write(offset: number, bytes: Uint8Array, done: (ok: boolean) => void): void {
    const generation = this.#generation;
    const finish = (ok: boolean): void => {
      if (generation !== this.#generation) return;
      this.waiting = false;
      done(ok);
    };
    let failed = this.medium === undefined;
    const answer = attempt(
      () => this.medium?.write(offset, bytes),
      () => (failed = true),
    );
    if (answer instanceof Promise) {
      this.waiting = true;
      const work = answer.then(() => true);
      this.#host.whenDone(work, (ok) => finish(ok === true));
    } else this.#host.delay(() => finish(!failed));
  }

  #busy(): void {
    this.r.status = STATUS_BSY | STATUS_DRDY | STATUS_DSC;
  }

  /** The next block of the buffer is there for the data register. */
  #dataIn(): void {
    this.r.status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
    this.#host.interrupt();
  }

  #giveData(bytes: Uint8Array): void {
    this.#phase = "data-in";
    this.#buffer = bytes;
    this.#position = 0;
    this.#blockBytes = bytes.length;
    this.#sectorsLeft = 0;
    this.#transferBytes = 0;
    this.#dataIn();
  }

  #expectChunk(first: boolean): void {
    this.#buffer = new Uint8Array(Math.min(this.#sectorsLeft, CHUNK_SECTORS) * SECTOR);
    this.#position = 0;
    this.r.status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
    if (this.#phase === "dma-out") this.#host.dmaReady();
    else if (!first) this.#host.interrupt();
  }

  #writeChunk(): void {
    const bytes = this.#buffer;
    this.#busy();
    this.#write(this.#lba * SECTOR, bytes, (ok) => {
      if (!ok) return this.#fail(ERROR_UNC);
      this.#lba += bytes.length / SECTOR;
      this.#sectorsLeft -= bytes.length / SECTOR;
      if (this.#sectorsLeft > 0) return this.#expectChunk(false);
      this.#host.finished("write", this.#transferBytes);
      this.#succeed();
    });
  }

  /** The data register, 16 bits wide. */
  readData(): number {
    if (this.#phase !== "data-in") return 0xffff;
    const low = this.#buffer[this.#position] ?? 0;
    const high = this.#buffer[this.#position + 1] ?? 0;
    this.#position += 2;
    if (this.#position >= this.#buffer.length) this.#inputDone();
    else if (this.#position % this.#blockBytes === 0) this.#nextInputBlock();
    return low | (high << 8);
  }

  #nextInputBlock(): void {
    if (this.isCdrom) this.#packetBlock();
    else this.#dataIn();
  }

  writeData(value: number): void {
    if (this.#phase !== "data-out" && this.#phase !== "packet") return;
    this.#buffer[this.#position] = value & 0xff;
    this.#buffer[this.#position + 1] = value >> 8;
    this.#position += 2;
    if (this.#position >= this.#buffer.length) {
      if (this.#phase === "packet") this.#runPacket();
      else this.#writeChunk();
    } else if (this.#position % this.#blockBytes === 0) this.#host.interrupt();
  }

  #inputDone(): void {
    if (this.#sectorsLeft > 0) return this.#readChunk();
    if (this.#transferBytes > 0) this.#host.finished("read", this.#transferBytes);
    this.#phase = "idle";
    this.r.status = STATUS_DRDY | STATUS_DSC;
    // A disk has said all with its last block; a packet command ends with a status interrupt.
    if (this.isCdrom && this.#transferBytes >= 0 && this.r.count === REASON_INPUT) {
      this.r.count = REASON_INPUT | REASON_COMMAND;
      this.#host.interrupt();
    }
  }

  /** Bus-master DMA takes bytes that the drive has read. Answers the number moved. */
  dmaTake(limit: number): Uint8Array {
    const bytes = this.#buffer.subarray(this.#position, this.#position + limit);
    this.#position += bytes.length;
    return bytes;
  }

  /** Bus-master DMA gives bytes to be written. Answers how many the drive has room for. */
  dmaRoom(): number {
    return this.#buffer.length - this.#position;
  }

  dmaGive(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  /** The bus master has moved a whole buffer. True if the command wants more. */
  dmaBufferDone(): void {
    if (this.#phase === "dma-out") return this.#writeChunk();
    if (this.#sectorsLeft > 0) return this.#readChunk();
    this.#host.finished("read", this.#transferBytes);
    this.r.count = this.isCdrom ? REASON_INPUT | REASON_COMMAND : this.r.count;
    this.#succeed();
  }

  #succeed(): void {
    this.#phase = "idle";
    this.r.status = STATUS_DRDY | STATUS_DSC;
    this.#host.interrupt();
  }

  #fail(error: number): void {
    this.#phase = "idle";
    this.r.error = error;
    this.r.status = STATUS_DRDY | STATUS_DSC | STATUS_ERR;
    this.#host.interrupt();
  }

  #runPacket(): void {
    const answer = answerPacket(this.#buffer, this);
    switch (answer.type) {
      case "done":
        this.r.count = REASON_INPUT | REASON_COMMAND;
        this.sense = [0, 0, 0];
        return this.#succeed();
      case "error":
        this.sense = [...answer.sense];
        this.r.count = REASON_INPUT | REASON_COMMAND;
        this.#fail((answer.sense[0] << 4) | ERROR_ABRT);
        return;
      case "data":
        return this.#packetData(answer.bytes);
      case "read":
        this.#busy();
        this.#read(answer.offset, answer.length, (bytes) => {
          if (bytes !== undefined) return this.#packetData(bytes, true);
          this.sense = [3, 0x11, 0];
          this.r.count = REASON_INPUT | REASON_COMMAND;
          this.#fail((3 << 4) | ERROR_ABRT);
        });
        return;
    }
  }

  #packetData(bytes: Uint8Array, fromMedium = false): void {
    this.#buffer = bytes;
    this.#position = 0;
    this.#sectorsLeft = 0;
    this.#transferBytes = fromMedium ? bytes.length : 0;
    if (bytes.length === 0) {
      this.r.count = REASON_INPUT | REASON_COMMAND;
      return this.#succeed();
    }
    this.#phase = this.#packetDma ? "dma-in" : "data-in";
    if (this.#packetDma) {
      this.r.status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
      this.#host.dmaReady();
      return;
    }
    this.#blockBytes = Math.max(2, (this.#byteLimit || 0xfffe) & ~1);
    this.#packetBlock();
  }

  #packetBlock(): void {
    const length = Math.min(this.#blockBytes, this.#buffer.length - this.#position);
    this.r.count = REASON_INPUT;
    this.r.lbaMid = length & 0xff;
    this.r.lbaHigh = length >> 8;
    this.#dataIn();
  }

  save(): AtaDriveState {
    return {
      registers: { ...this.r },
      previous: [...this.#previous],
      multiple: this.#multiple,
      phase: this.#phase,
      buffer: this.#buffer.slice(),
      position: this.#position,
      blockBytes: this.#blockBytes,
      lba: this.#lba,
      sectorsLeft: this.#sectorsLeft,
      transferBytes: this.#transferBytes,
      sense: [...this.sense],
      mediumChanged: this.mediumChanged,
      packetDma: this.#packetDma,
      byteLimit: this.#byteLimit,
    };
  }

  restore(state: AtaDriveState): void {
    this.#generation++;
    this.r = { ...state.registers };
    state.previous.forEach((value, i) => (this.#previous[i] = value));
    this.#multiple = state.multiple;
    this.#phase = state.phase;
    this.#buffer = state.buffer.slice();
    this.#position = state.position;
    this.#blockBytes = state.blockBytes;
    this.#lba = state.lba;
    this.#sectorsLeft = state.sectorsLeft;
    this.#transferBytes = state.transferBytes;
    this.sense = [...state.sense];
    this.mediumChanged = state.mediumChanged;
    this.#packetDma = state.packetDma;
    this.#byteLimit = state.byteLimit;
  }
}

/** A block device that throws at once is a medium error like one that rejects. */
function attempt<T>(work: () => T, failed: () => void = () => {}): T | undefined {
  try {
    return work();
  } catch {
    failed();
    return undefined;
  }
}
