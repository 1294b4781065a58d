/**
 * A virtio device behind PCI: Virtual I/O Device 1.2, sections 2.7 (split virtqueues), 4.1 (PCI transport, non-legacy).
 * All four structures lie in one memory BAR: common configuration, ISR, device configuration, notifications.
 *
 * Everything in the rings is the guest's and may be wrong: chains are bounded, lengths are cut, and an address outside of
 * RAM reads as FFh and drops writes, as the memory's DMA does.
 */
import type { DmaMemory } from "./dma-8237.ts";
import { PciFunction } from "./pci-bus.ts";

const CAPABILITY_VENDOR = 0x09;
const COMMON = 0x0000;
const ISR = 0x1000;
const DEVICE = 0x2000;
const NOTIFY = 0x3000;
const BAR = 4;
const BAR_BYTES = 0x4000;
const VENDOR = 0x1af4;

const STATUS_DRIVER_OK = 4;
const STATUS_NEEDS_RESET = 0x40;
const ISR_QUEUE = 1;
const ISR_CONFIGURATION = 2;
const DESCRIPTOR_NEXT = 1;
const DESCRIPTOR_WRITE = 2;
const NO_INTERRUPT = 1;
const NO_VECTOR = 0xffff;
const MAXIMUM_CHAIN = 256;
/** VERSION_1 is bit 0 of the second feature word. */
const FEATURE_VERSION_1_HIGH = 1;

interface Segment {
  address: number;
  bytes: number;
}

/** What the driver has put up for the device: buffers to read, then buffers to write. */
export interface Chain {
  head: number;
  readable: Segment[];
  writable: Segment[];
}

export interface QueueState {
  size: number;
  enabled: boolean;
  descriptors: number;
  available: number;
  used: number;
  lastAvailable: number;
}

export interface VirtioState {
  version: 1;
  status: number;
  isr: number;
  generation: number;
  selects: number[];
  driverFeatures: number[];
  queues: QueueState[];
}

export class VirtQueue {
  readonly #memory: DmaMemory;
  readonly maximum: number;
  s: QueueState;

  constructor(memory: DmaMemory, maximum: number) {
    this.#memory = memory;
    this.maximum = maximum;
    this.s = this.#fresh();
  }

  #fresh(): QueueState {
    return { size: this.maximum, enabled: false, descriptors: 0, available: 0, used: 0, lastAvailable: 0 };
  }

  reset(): void {
    this.s = this.#fresh();
  }

  #read16(address: number): number {
    const bytes = this.#memory.readBytes(address, 2);
    return bytes[0] | (bytes[1] << 8);
  }

  #write(address: number, value: number, length: 2 | 4): void {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = value >>> (8 * i);
    this.#memory.writeBytes(address, bytes);
  }

  get ready(): boolean {
    return this.s.enabled && this.s.size > 0 && this.#read16(this.s.available + 2) !== this.s.lastAvailable;
  }

  /** The next chain, or undefined when there is none or the ring makes no sense. */
  pop(): Chain | undefined {
    if (!this.ready) return undefined;
    const { s } = this;
    const head = this.#read16(s.available + 4 + (s.lastAvailable % s.size) * 2);
    s.lastAvailable = (s.lastAvailable + 1) & 0xffff;
    const chain: Chain = { head, readable: [], writable: [] };
    let index = head;
    for (let i = 0; i < MAXIMUM_CHAIN && index < s.size; i++) {
      const view = new DataView(this.#memory.readBytes(s.descriptors + index * 16, 16).buffer);
      const address = view.getUint32(0, true) + (view.getUint32(4, true) & 0xf) * 2 ** 32;
      const flags = view.getUint16(12, true);
      const segment = { address, bytes: view.getUint32(8, true) };
      ((flags & DESCRIPTOR_WRITE) !== 0 ? chain.writable : chain.readable).push(segment);
      if ((flags & DESCRIPTOR_NEXT) === 0) break;
      index = view.getUint16(14, true);
    }
    return chain;
  }

  /** Everything readable of a chain, at most `limit` bytes. */
  read(chain: Chain, limit: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let total = 0;
    for (const { address, bytes } of chain.readable) {
      const length = Math.min(bytes, limit - total);
      if (length <= 0) break;
      parts.push(this.#memory.readBytes(address, length));
      total += length;
    }
    const out = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  room(chain: Chain): number {
    return chain.writable.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Fills a chain from its start and gives it back. Answers whether the driver wants to be interrupted. */
  push(chain: Chain, data: Uint8Array): boolean {
    let done = 0;
    for (const { address, bytes } of chain.writable) {
      const length = Math.min(bytes, data.length - done);
      if (length <= 0) break;
      this.#memory.writeBytes(address, data.subarray(done, done + length));
      done += length;
    }
    const { s } = this;
    const index = this.#read16(s.used + 2);
    const at = s.used + 4 + (index % s.size) * 8;
    this.#write(at, chain.head, 4);
    this.#write(at + 4, done, 4);
    this.#write(s.used + 2, (index + 1) & 0xffff, 2);
    return (this.#read16(s.available) & NO_INTERRUPT) === 0;
  }
}

export interface VirtioIdentity {
  name: string;
  /** Virtio's device number: 1 is a network card. */
  type: number;
  classCode: number;
  /** The low feature word; VERSION_1 is added. */
  features: number;
  queueSizes: readonly number[];
  /** A byte of the device's own configuration. */
  readConfiguration(offset: number): number;
  notified(queue: number): void;
}

const nothing = () => new Uint8Array(0);

export class VirtioPci {
  readonly pci: PciFunction;
  readonly queues: VirtQueue[];
  readonly #identity: VirtioIdentity;
  #status = 0;
  #isr = 0;
  #generation = 0;
  #featureSelect = 0;
  #driverFeatureSelect = 0;
  #queueSelect = 0;
  readonly #driverFeatures = [0, 0];

  constructor(memory: DmaMemory, identity: VirtioIdentity, mapMemory: (base: number | undefined) => void) {
    this.#identity = identity;
    this.queues = identity.queueSizes.map((size) => new VirtQueue(memory, size));
    this.pci = new PciFunction({
      name: identity.name,
      vendor: VENDOR,
      device: 0x1040 + identity.type,
      classCode: identity.classCode,
      revision: 1,
      subsystemVendor: VENDOR,
      subsystem: identity.type,
      interruptPin: 1,
    });
    this.pci.addBar(BAR, { type: "memory", bytes: BAR_BYTES, map: mapMemory });
    const structure = (type: number, offset: number, bytes: number, extra: readonly number[] = []) =>
      this.pci.addCapability(CAPABILITY_VENDOR, [
        16 + extra.length,
        type,
        BAR,
        0,
        0,
        0,
        ...word(offset),
        ...word(bytes),
        ...extra,
      ]);
    structure(1, COMMON, 0x38);
    structure(3, ISR, 4);
    structure(4, DEVICE, 0x100);
    structure(2, NOTIFY, 0x1000, word(4));
  }

  get driverReady(): boolean {
    return (this.#status & STATUS_DRIVER_OK) !== 0;
  }

  reset(): void {
    this.pci.reset();
    this.#resetDevice();
  }

  #resetDevice(): void {
    this.#status = this.#isr = this.#featureSelect = this.#driverFeatureSelect = this.#queueSelect = 0;
    this.#driverFeatures.fill(0);
    for (const queue of this.queues) queue.reset();
    this.pci.setInterrupt(false);
  }

  /**
   * Serves what the driver has offered in a queue: `take` gets what is readable of each chain, at most `limit` bytes, once the
   * chain is given back with what `reply` makes of it. No more chains than the ring holds: a guest that goes on giving the
   * same one ends with it.
   */
  serve(
    index: number,
    limit: number,
    {
      reply = nothing,
      take,
    }: { reply?: (bytes: Uint8Array) => Uint8Array; take?: (bytes: Uint8Array) => void },
  ): void {
    const queue = this.queues[index];
    let wanted = false;
    for (let i = 0; i < queue.s.size; i++) {
      const chain = queue.pop();
      if (chain === undefined) break;
      const bytes = queue.read(chain, limit);
      if (queue.push(chain, reply(bytes))) wanted = true;
      take?.(bytes);
    }
    if (wanted) this.interrupt();
  }

  /** After chains were given back to a driver that wants to hear of it. */
  interrupt(): void {
    this.#raise(ISR_QUEUE);
  }

  /** The device's configuration has changed by itself. */
  configurationChanged(): void {
    this.#generation = (this.#generation + 1) & 0xff;
    if (this.driverReady) this.#raise(ISR_CONFIGURATION);
  }

  #raise(bits: number): void {
    this.#isr |= bits;
    this.pci.setInterrupt(true);
  }

  /** `offset` within the BAR. */
  read8(offset: number): number {
    if (offset >= NOTIFY) return 0xff;
    if (offset >= DEVICE) return this.#identity.readConfiguration(offset - DEVICE);
    if (offset >= ISR) {
      const value = this.#isr;
      this.#isr = 0;
      this.pci.setInterrupt(false);
      return value;
    }
    return (this.#readCommon(offset & ~3) >>> ((offset & 3) * 8)) & 0xff;
  }

  /** The common configuration by doublewords. */
  #readCommon(offset: number): number {
    const queue = this.queues[this.#queueSelect]?.s;
    switch (offset) {
      case 0:
        return this.#featureSelect;
      case 4:
        if (this.#featureSelect > 1) return 0;
        return this.#featureSelect === 0 ? this.#identity.features : FEATURE_VERSION_1_HIGH;
      case 8:
        return this.#driverFeatureSelect;
      case 12:
        return this.#driverFeatures[this.#driverFeatureSelect] ?? 0;
      case 16:
        return NO_VECTOR | (this.queues.length << 16);
      case 20:
        return this.#status | (this.#generation << 8) | (this.#queueSelect << 16);
      case 24:
        return (queue?.size ?? 0) | (NO_VECTOR << 16);
      case 28:
        return (queue?.enabled === true ? 1 : 0) | (this.#queueSelect << 16);
      case 32:
        return queue?.descriptors ?? 0;
      case 40:
        return queue?.available ?? 0;
      case 48:
        return queue?.used ?? 0;
      default:
        return 0;
    }
  }

  /** A write of 1, 2 or 4 bytes. */
  write(offset: number, value: number): void {
    if (offset >= NOTIFY) {
      const queue = (offset - NOTIFY) >> 2;
      if (queue < this.queues.length && this.driverReady) this.#identity.notified(queue);
      return;
    }
    if (offset >= ISR) return;
    const queue = this.queues[this.#queueSelect]?.s;
    switch (offset) {
      case 0:
        this.#featureSelect = value >>> 0;
        return;
      case 8:
        this.#driverFeatureSelect = value >>> 0;
        return;
      case 12:
        if (this.#driverFeatureSelect < 2) this.#driverFeatures[this.#driverFeatureSelect] = value;
        return;
      case 20:
        if ((value & 0xff) === 0) this.#resetDevice();
        else this.#status = (value & 0xff) | (this.#status & STATUS_NEEDS_RESET);
        return;
      case 22:
        this.#queueSelect = value & 0xffff;
        return;
      case 24: {
        const size = value & 0xffff;
        const fits = size > 0 && size <= (this.queues[this.#queueSelect]?.maximum ?? 0);
        if (queue !== undefined && fits && (size & (size - 1)) === 0) queue.size = size;
        return;
      }
      case 28:
        if (queue !== undefined) queue.enabled = (value & 1) !== 0;
        return;
      case 32:
        if (queue !== undefined) queue.descriptors = value >>> 0;
        return;
      case 40:
        if (queue !== undefined) queue.available = value >>> 0;
        return;
      case 48:
        if (queue !== undefined) queue.used = value >>> 0;
        return;
      default:
    }
  }

  save(): VirtioState {
    return {
      version: 1,
      status: this.#status,
      isr: this.#isr,
      generation: this.#generation,
      selects: [this.#featureSelect, this.#driverFeatureSelect, this.#queueSelect],
      driverFeatures: [...this.#driverFeatures],
      queues: this.queues.map((queue) => ({ ...queue.s })),
    };
  }

  restore(state: VirtioState): void {
    this.#status = state.status;
    this.#isr = state.isr;
    this.#generation = state.generation;
    [this.#featureSelect, this.#driverFeatureSelect, this.#queueSelect] = state.selects;
    state.driverFeatures.forEach((bits, i) => (this.#driverFeatures[i] = bits));
    state.queues.forEach((saved, i) => (this.queues[i].s = { ...saved }));
  }
}

const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
