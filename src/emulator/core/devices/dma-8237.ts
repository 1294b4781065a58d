/**
 * The two DMA controllers of an AT: Intel 8237A data sheet (order number 231466) at ports 00h to 0Fh and C0h to DFh, with
 * the page registers at 81h to 8Fh. The floppy controller is the only device here that uses it, on channel 2.
 *
 * A transfer is made at once, when the device asks: `fromDevice` and `toDevice` move as many bytes as the channel allows.
 */

/** What DMA needs of memory. */
export interface DmaMemory {
  readBytes(address: number, length: number): Uint8Array;
  writeBytes(address: number, source: Uint8Array): void;
}

const MODE_AUTO_INITIALIZE = 0x10;
const MODE_DECREMENT = 0x20;
const COMMAND_DISABLE = 0x04;

/** Channel of each page register port 80h…8Fh, -1 for the scratch ones. */
const PAGE_CHANNEL = [-1, 2, 3, 1, -1, -1, -1, 0, -1, 6, 7, 5, -1, -1, -1, 4] as const;

interface DmaChannelState {
  baseAddress: number;
  baseCount: number;
  address: number;
  count: number;
  mode: number;
  page: number;
}

export interface Dma8237State {
  version: 1;
  channels: DmaChannelState[];
  mask: number;
  status: number;
  command: number[];
  highByte: number[];
  scratch: number[];
}

export class Dma8237 {
  readonly #memory: DmaMemory;
  readonly #channels: DmaChannelState[] = [];
  readonly #command = [0, 0];
  /** The byte pointer flip-flop of each controller. */
  readonly #highByte = [0, 0];
  readonly #scratch = new Uint8Array(16);
  #mask = 0xff;
  /** Terminal count reached, one bit a channel. */
  #status = 0;

  constructor(memory: DmaMemory) {
    this.#memory = memory;
    for (let i = 0; i < 8; i++) {
      this.#channels.push({ baseAddress: 0, baseCount: 0, address: 0, count: 0, mode: 0, page: 0 });
    }
  }

  reset(): void {
    this.#masterClear(0);
    this.#masterClear(1);
  }

  /** Ports 00h to 0Fh, 81h to 8Fh and C0h to DFh. */
  readPort(port: number): number {
    if (port >= 0x80 && port < 0x90) {
      const channel = PAGE_CHANNEL[port & 15];
      return channel < 0 ? this.#scratch[port & 15] : this.#channels[channel].page;
    }
    const unit = port >= 0xc0 ? 1 : 0;
    const register = unit === 1 ? (port >> 1) & 15 : port & 15;
    if (register < 8) {
      const channel = this.#channels[unit * 4 + (register >> 1)];
      const value = (register & 1) !== 0 ? channel.count : channel.address;
      const high = this.#highByte[unit];
      this.#highByte[unit] ^= 1;
      return high !== 0 ? value >> 8 : value & 0xff;
    }
    if (register === 8) {
      const status = (this.#status >> (unit * 4)) & 15;
      this.#status &= ~(15 << (unit * 4));
      return status;
    }
    return register === 15 ? (this.#mask >> (unit * 4)) & 15 : 0;
  }

  writePort(port: number, value: number): void {
    if (port >= 0x80 && port < 0x90) {
      const channel = PAGE_CHANNEL[port & 15];
      if (channel < 0) this.#scratch[port & 15] = value;
      else this.#channels[channel].page = value;
      return;
    }
    const unit = port >= 0xc0 ? 1 : 0;
    const register = unit === 1 ? (port >> 1) & 15 : port & 15;
    if (register < 8) {
      this.#writeChannel(this.#channels[unit * 4 + (register >> 1)], unit, (register & 1) !== 0, value);
      return;
    }
    const bit = 1 << (unit * 4 + (value & 3));
    switch (register) {
      case 8:
        this.#command[unit] = value;
        return;
      case 10:
        if ((value & 4) !== 0) this.#mask |= bit;
        else this.#mask &= ~bit;
        return;
      case 11:
        this.#channels[unit * 4 + (value & 3)].mode = value;
        return;
      case 12:
        this.#highByte[unit] = 0;
        return;
      case 13:
        this.#masterClear(unit);
        return;
      case 14:
        this.#mask &= ~(15 << (unit * 4));
        return;
      case 15:
        this.#mask = (this.#mask & ~(15 << (unit * 4))) | ((value & 15) << (unit * 4));
        return;
      default:
      // Software requests: no device of this machine is started by them.
    }
  }

  /** A device gives bytes to memory. Answers how many were taken. */
  fromDevice(channelNumber: number, bytes: Uint8Array): number {
    const channel = this.#channels[channelNumber];
    const length = this.#allowed(channelNumber, bytes.length);
    // Verify transfers (mode 0) count but move nothing.
    if (((channel.mode >> 2) & 3) === 1) {
      this.#memory.writeBytes(this.#address(channel), bytes.subarray(0, length));
    }
    this.#advance(channelNumber, length);
    return length;
  }

  /** A device takes bytes from memory: at most `length`, fewer if the channel's count ends before. */
  toDevice(channelNumber: number, length: number): Uint8Array {
    const channel = this.#channels[channelNumber];
    const allowed = this.#allowed(channelNumber, length);
    const bytes = this.#memory.readBytes(this.#address(channel), allowed);
    this.#advance(channelNumber, allowed);
    return bytes;
  }

  #writeChannel(channel: DmaChannelState, unit: number, isCount: boolean, value: number): void {
    const high = this.#highByte[unit] !== 0;
    this.#highByte[unit] ^= 1;
    const old = isCount ? channel.baseCount : channel.baseAddress;
    const merged = high ? (old & 0x00ff) | (value << 8) : (old & 0xff00) | value;
    if (isCount) channel.baseCount = channel.count = merged;
    else channel.baseAddress = channel.address = merged;
  }

  #masterClear(unit: number): void {
    this.#command[unit] = 0;
    this.#highByte[unit] = 0;
    this.#mask |= 15 << (unit * 4);
    this.#status &= ~(15 << (unit * 4));
  }

  #address(channel: DmaChannelState): number {
    return (channel.page << 16) | channel.address;
  }

  #allowed(channelNumber: number, wanted: number): number {
    const channel = this.#channels[channelNumber];
    const off =
      (this.#mask & (1 << channelNumber)) !== 0 ||
      (this.#command[channelNumber >> 2] & COMMAND_DISABLE) !== 0;
    if (off || (channel.mode & MODE_DECREMENT) !== 0) return 0;
    return Math.min(wanted, channel.count + 1, 0x10000 - channel.address);
  }

  #advance(channelNumber: number, length: number): void {
    if (length === 0) return;
    const channel = this.#channels[channelNumber];
    channel.address = (channel.address + length) & 0xffff;
    const left = channel.count - length;
    channel.count = left & 0xffff;
    if (left >= 0) return;
    this.#status |= 1 << channelNumber;
    if ((channel.mode & MODE_AUTO_INITIALIZE) !== 0) {
      channel.address = channel.baseAddress;
      channel.count = channel.baseCount;
    } else {
      this.#mask |= 1 << channelNumber;
    }
  }

  save(): Dma8237State {
    return {
      version: 1,
      channels: this.#channels.map((channel) => ({ ...channel })),
      mask: this.#mask,
      status: this.#status,
      command: [...this.#command],
      highByte: [...this.#highByte],
      scratch: [...this.#scratch],
    };
  }

  restore(state: Dma8237State): void {
    state.channels.forEach((saved, i) => Object.assign(this.#channels[i], saved));
    this.#mask = state.mask;
    this.#status = state.status;
    for (let i = 0; i < 2; i++) {
      this.#command[i] = state.command[i];
      this.#highByte[i] = state.highByte[i];
    }
    this.#scratch.set(state.scratch);
  }
}
