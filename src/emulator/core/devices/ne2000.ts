/**
 * NE2000 network card as the PCI chip Realtek RTL8029 (10EC:8029): National Semiconductor DP8390D data sheet for the
 * registers in three pages, RTL8029AS data sheet for page 3 and the ports 10h (data) and 1Fh (reset).
 *
 * 16 KiB of packet memory at 4000h, the station address doubled at 0. There is no link sensing: a link that is down only
 * stops frames.
 */

import { PciFunction } from "./pci-bus.ts";

const CR_STOP = 0x01;
const CR_START = 0x02;
const CR_TRANSMIT = 0x04;
const CR_REMOTE_ABORT = 0x20;
const ISR_RECEIVED = 0x01;
const ISR_TRANSMITTED = 0x02;
const ISR_OVERWRITE = 0x10;
const ISR_REMOTE_DONE = 0x40;
const ISR_RESET = 0x80;
const RCR_BROADCAST = 0x04;
const RCR_MULTICAST = 0x08;
const RCR_PROMISCUOUS = 0x10;
const TCR_LOOPBACK = 0x06;
const RSR_INTACT = 0x01;
const RSR_PHYSICAL = 0x20;

const MEMORY_BYTES = 0x8000;
const RAM_START = 0x4000;
const FIRST_PAGE = RAM_START >> 8;
const LAST_PAGE = MEMORY_BYTES >> 8;
const MIN_FRAME = 60;
const MAX_FRAME = 1518;

export interface Ne2000State {
  version: 1;
  memory: Uint8Array;
  registers: number[];
  physical: number[];
  multicast: number[];
  linkUp: boolean;
}

export class Ne2000 {
  readonly pci: PciFunction;
  readonly #transmit: (frame: Uint8Array) => void;
  readonly #memory = new Uint8Array(MEMORY_BYTES);
  readonly #physical = new Uint8Array(6);
  readonly #multicast = new Uint8Array(8);
  readonly #mac: Uint8Array;
  #command = CR_STOP | CR_REMOTE_ABORT;
  #pageStart = FIRST_PAGE;
  #pageStop = LAST_PAGE;
  #boundary = FIRST_PAGE;
  #current = FIRST_PAGE;
  #transmitPage = FIRST_PAGE;
  #transmitCount = 0;
  #remoteAddress = 0;
  #remoteCount = 0;
  #receiveConfig = 0;
  #transmitConfig = 0;
  #dataConfig = 0;
  #interruptStatus = ISR_RESET;
  #interruptMask = 0;
  #receiveStatus = 0;
  linkUp = true;
  /** Frames that found no room or no taker. */
  dropped = 0;

  constructor(
    mac: Uint8Array,
    transmit: (frame: Uint8Array) => void,
    mapPorts: (base: number | undefined) => void,
  ) {
    this.#mac = mac.slice(0, 6);
    this.#transmit = transmit;
    this.pci = new PciFunction({
      name: "ne2000",
      vendor: 0x10ec,
      device: 0x8029,
      classCode: 0x020000,
      subsystemVendor: 0x10ec,
      subsystem: 0x8029,
      interruptPin: 1,
    });
    this.pci.addBar(0, { type: "io", bytes: 32, map: mapPorts });
    this.reset();
  }

  reset(): void {
    this.#memory.fill(0);
    // The station address PROM, each byte twice as a 16-bit card shows it, and the "WW" that says so.
    for (let i = 0; i < 6; i++) this.#memory[i * 2] = this.#memory[i * 2 + 1] = this.#mac[i];
    for (let i = 28; i < 32; i++) this.#memory[i] = 0x57;
    this.#physical.set(this.#mac);
    this.#multicast.fill(0);
    this.#command = CR_STOP | CR_REMOTE_ABORT;
    this.#interruptStatus = ISR_RESET;
    this.#interruptMask = 0;
    this.#remoteCount = 0;
    this.#update();
  }

  read8(offset: number): number {
    if (offset >= 0x18) {
      this.#interruptStatus |= ISR_RESET;
      this.#command = CR_STOP | CR_REMOTE_ABORT;
      return 0;
    }
    if (offset >= 0x10) return this.#readData(this.#step) & 0xff;
    if (offset === 0) return this.#command;
    switch (this.#command >> 6) {
      case 0:
        return this.#readPage0(offset);
      case 1:
        if (offset <= 6) return this.#physical[offset - 1];
        return offset === 7 ? this.#current : this.#multicast[offset - 8];
      case 2:
        return this.#readPage2(offset);
      default:
        return offset === 3 || offset === 5 || offset === 6 ? 0x40 : 0;
    }
  }

  write8(offset: number, value: number): void {
    if (offset >= 0x18) return;
    if (offset >= 0x10) this.#writeData(value, this.#step);
    else if (offset === 0) this.#writeCommand(value);
    else if (this.#command >> 6 === 0) this.#writePage0(offset, value);
    else if (this.#command >> 6 === 1) {
      if (offset <= 6) this.#physical[offset - 1] = value;
      else if (offset === 7) this.#current = value;
      else this.#multicast[offset - 8] = value;
    }
    this.#update();
  }

  /** The data port, 2 or 4 bytes at once. */
  readWide(bytes: 2 | 4): number {
    const value = this.#readData(bytes);
    this.#update();
    return value;
  }

  writeWide(value: number, bytes: 2 | 4): void {
    this.#writeData(value, bytes);
    this.#update();
  }

  setLink(up: boolean): void {
    this.linkUp = up;
  }

  /** A frame from the wire. */
  receive(frame: Uint8Array): void {
    const stopped = (this.#command & CR_STOP) !== 0 || (this.#command & CR_START) === 0;
    if (!this.linkUp || stopped || (this.#transmitConfig & TCR_LOOPBACK) !== 0 || !this.#accepts(frame))
      return;
    this.#store(frame);
    this.#update();
  }

  #readPage0(offset: number): number {
    switch (offset) {
      case 3:
        return this.#boundary;
      case 4:
        return 0x01; // Transmitted without collision.
      case 7:
        return this.#interruptStatus;
      case 8:
        return this.#remoteAddress & 0xff;
      case 9:
        return this.#remoteAddress >> 8;
      case 10:
        return 0x50; // RTL8029 identification.
      case 11:
        return 0x43;
      case 12:
        return this.#receiveStatus;
      default:
        return 0;
    }
  }

  #readPage2(offset: number): number {
    const registers = [0, this.#pageStart, this.#pageStop, 0, this.#transmitPage];
    if (offset < registers.length) return registers[offset];
    const config = [this.#receiveConfig, this.#transmitConfig, this.#dataConfig, this.#interruptMask];
    return offset >= 12 ? config[offset - 12] : 0;
  }

  #writePage0(offset: number, value: number): void {
    switch (offset) {
      case 1:
        this.#pageStart = value;
        return;
      case 2:
        this.#pageStop = value;
        return;
      case 3:
        this.#boundary = value;
        return;
      case 4:
        this.#transmitPage = value;
        return;
      case 5:
        this.#transmitCount = (this.#transmitCount & 0xff00) | value;
        return;
      case 6:
        this.#transmitCount = (this.#transmitCount & 0x00ff) | (value << 8);
        return;
      case 7:
        this.#interruptStatus &= ~(value & 0x7f);
        return;
      case 8:
        this.#remoteAddress = (this.#remoteAddress & 0xff00) | value;
        return;
      case 9:
        this.#remoteAddress = (this.#remoteAddress & 0x00ff) | (value << 8);
        return;
      case 10:
        this.#remoteCount = (this.#remoteCount & 0xff00) | value;
        return;
      case 11:
        this.#remoteCount = (this.#remoteCount & 0x00ff) | (value << 8);
        return;
      case 12:
        this.#receiveConfig = value;
        return;
      case 13:
        this.#transmitConfig = value;
        return;
      case 14:
        this.#dataConfig = value;
        return;
      case 15:
        this.#interruptMask = value & 0x7f;
        return;
      default:
    }
  }

  #writeCommand(value: number): void {
    this.#command = value & ~CR_TRANSMIT;
    if ((value & CR_STOP) !== 0) {
      this.#interruptStatus |= ISR_RESET;
      return;
    }
    this.#interruptStatus &= ~ISR_RESET;
    const remote = (value >> 3) & 7;
    if ((remote === 1 || remote === 2) && this.#remoteCount === 0) this.#interruptStatus |= ISR_REMOTE_DONE;
    if ((value & CR_TRANSMIT) !== 0) this.#sendFrame();
  }

  #sendFrame(): void {
    const first = this.#transmitPage << 8;
    const length = Math.min(this.#transmitCount, MAX_FRAME);
    if (first >= RAM_START && first + length <= MEMORY_BYTES && length > 0) {
      const frame = this.#memory.slice(first, first + length);
      if ((this.#transmitConfig & TCR_LOOPBACK) !== 0) this.#store(frame);
      else if (this.linkUp) this.#transmit(frame);
      else this.dropped++;
    }
    this.#interruptStatus |= ISR_TRANSMITTED;
  }

  #accepts(frame: Uint8Array): boolean {
    if (frame.length < 14 || frame.length > MAX_FRAME) return false;
    if ((this.#receiveConfig & RCR_PROMISCUOUS) !== 0) return true;
    if ((frame[0] & 1) === 0) return this.#physical.every((byte, i) => byte === frame[i]);
    if (frame.subarray(0, 6).every((byte) => byte === 0xff))
      return (this.#receiveConfig & RCR_BROADCAST) !== 0;
    if ((this.#receiveConfig & RCR_MULTICAST) === 0) return false;
    const hash = multicastHash(frame);
    return (this.#multicast[hash >> 3] & (1 << (hash & 7))) !== 0;
  }

  /** Puts a frame into the receive ring: status, next page, length, then the bytes. */
  #store(frame: Uint8Array): void {
    const { pageStart, pageStop } = this.#ring();
    const length = Math.max(MIN_FRAME, frame.length) + 4;
    const pages = (length + 4 + 255) >> 8;
    let current = this.#current;
    if (current < pageStart || current >= pageStop) current = pageStart;
    const boundary = this.#boundary;
    const free = boundary > current ? boundary - current : pageStop - pageStart - (current - boundary);
    if (pages >= free || pageStop - pageStart < pages) {
      this.#interruptStatus |= ISR_OVERWRITE;
      this.dropped++;
      return;
    }
    let next = current + pages;
    if (next >= pageStop) next -= pageStop - pageStart;
    this.#receiveStatus = RSR_INTACT | ((frame[0] & 1) !== 0 ? RSR_PHYSICAL : 0);
    let at = current << 8;
    const end = pageStop << 8;
    const put = (value: number): void => {
      this.#memory[at++] = value;
      if (at === end) at = pageStart << 8;
    };
    put(this.#receiveStatus);
    put(next);
    put(length & 0xff);
    put(length >> 8);
    for (let i = 0; i < length - 4; i++) put(i < frame.length ? frame[i] : 0);
    this.#current = next;
    this.#interruptStatus |= ISR_RECEIVED;
  }

  #ring(): { pageStart: number; pageStop: number } {
    const pageStart = Math.min(LAST_PAGE, Math.max(FIRST_PAGE, this.#pageStart));
    return { pageStart, pageStop: Math.min(LAST_PAGE, Math.max(pageStart, this.#pageStop)) };
  }

  #readData(bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i++) value |= this.#memory[this.#remoteAddress + i] << (i * 8);
    this.#remoteAdvance(bytes);
    return value;
  }

  /** In word mode (DCR bit 0) each access to the data port moves a word, a byte access too: drivers read the PROM so. */
  get #step(): 1 | 2 {
    return (this.#dataConfig & 1) !== 0 ? 2 : 1;
  }

  #writeData(value: number, bytes: number): void {
    for (let i = 0; i < bytes; i++) {
      const at = this.#remoteAddress + i;
      if (at >= RAM_START && at < MEMORY_BYTES) this.#memory[at] = value >>> (i * 8);
    }
    this.#remoteAdvance(bytes);
  }

  #remoteAdvance(bytes: number): void {
    if (this.#remoteCount === 0) return;
    this.#remoteAddress = (this.#remoteAddress + bytes) & 0xffff;
    if (this.#remoteAddress === this.#pageStop << 8) this.#remoteAddress = this.#pageStart << 8;
    this.#remoteCount = Math.max(0, this.#remoteCount - bytes);
    if (this.#remoteCount === 0) {
      this.#interruptStatus |= ISR_REMOTE_DONE;
      this.#update();
    }
  }

  #update(): void {
    this.pci.setInterrupt((this.#interruptStatus & this.#interruptMask & 0x7f) !== 0);
  }

  save(): Ne2000State {
    return {
      version: 1,
      memory: this.#memory.slice(),
      registers: [
        this.#command,
        this.#pageStart,
        this.#pageStop,
        this.#boundary,
        this.#current,
        this.#transmitPage,
        this.#transmitCount,
        this.#remoteAddress,
        this.#remoteCount,
        this.#receiveConfig,
        this.#transmitConfig,
        this.#dataConfig,
        this.#interruptStatus,
        this.#interruptMask,
        this.#receiveStatus,
      ],
      physical: [...this.#physical],
      multicast: [...this.#multicast],
      linkUp: this.linkUp,
    };
  }

  restore(saved: unknown): void {
    const state = saved as Ne2000State;
    this.#memory.set(state.memory);
    [
      this.#command,
      this.#pageStart,
      this.#pageStop,
      this.#boundary,
      this.#current,
      this.#transmitPage,
      this.#transmitCount,
      this.#remoteAddress,
      this.#remoteCount,
      this.#receiveConfig,
      this.#transmitConfig,
      this.#dataConfig,
      this.#interruptStatus,
      this.#interruptMask,
      this.#receiveStatus,
    ] = state.registers;
    this.#physical.set(state.physical);
    this.#multicast.set(state.multicast);
    this.linkUp = state.linkUp;
  }
}

/** The top six bits of the Ethernet CRC of the destination address pick one of the 64 multicast bits. */
function multicastHash(frame: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < 6; i++) {
    for (let bit = 0, byte = frame[i]; bit < 8; bit++, byte >>= 1) {
      const carry = (crc >>> 31) ^ (byte & 1);
      crc <<= 1;
      if (carry !== 0) crc ^= 0x04c11db7;
    }
  }
  return crc >>> 26;
}
