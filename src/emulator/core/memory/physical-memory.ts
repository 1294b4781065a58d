/**
 * Physical memory: RAM from address 0 and ROMs anywhere, in one typed array.
 *
 * The array holds RAM first and the ROMs behind it, so an address is turned into an index (`backing`) once, when the CPU
 * fills its TLB, and every access after that is one typed-array access. Two kinds of bookkeeping ride on 4 KiB pages of
 * that array, both free while a page is not watched: `watch` bits make the CPU's writes to a page take the slow path,
 * where decoded code is dropped (WATCH_CODE) and a clean page is marked dirty (WATCH_CLEAN).
 *
 * Devices that write RAM (DMA) use `write8/16/32` and `writeBytes`, which keep both exact.
 */

export const PAGE_SHIFT = 12;

/** The page holds instructions that are in the decoded-block cache. */
export const WATCH_CODE = 1;
/** Dirty-page tracking is on and the page has not been written since. */
export const WATCH_CLEAN = 2;
/** Writes are dropped (ROM, write-protected shadow RAM). */
export const WATCH_READ_ONLY = 4;
/** The page's contents have to be kept before they change (../debug/history.ts). */
export const WATCH_HISTORY = 8;

export class PhysicalMemory {
  readonly ramBytes: number;
  /** RAM, then ROMs. */
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Int32Array;
  readonly view: DataView;
  /** WATCH_ bits of each page of `bytes`. */
  readonly watch: Uint8Array;
  /** Pages written since `trackDirtyPages`, one byte each; all ones before the first call. */
  readonly dirty: Uint8Array;
  private readonly roms: { first: number; last: number; at: number }[] = [];
  private used: number;
  private gateA20 = true;

  /** The CPU's: address translations have become wrong (A20, new ROM, device ranges). */
  onMapChange: () => void = () => {};
  /** The CPU's: the fast write path must look at `watch` of this page again. */
  onWatchChange: (page: number) => void = () => {};
  /** The CPU's: bytes of a page with WATCH_CODE are about to change. Indexes into `bytes`. */
  onCodeWrite: (first: number, last: number) => void = () => {};
  /** The history's: a page with WATCH_HISTORY is about to be written for the first time since that was set. */
  onHistoryWrite: (page: number) => void = () => {};

  /** `ramBytes` is a multiple of 4096; `romBytes` is the room for all ROMs above RAM. */
  constructor(ramBytes: number, romBytes = 1 << 20) {
    if (ramBytes % 4096 !== 0 || ramBytes <= 0 || ramBytes > 0x7f000000) {
      throw new RangeError(
        `memory size: found ${ramBytes} bytes, expected a multiple of 4096 up to 2032 MiB`,
      );
    }
    this.ramBytes = ramBytes;
    const buffer = new ArrayBuffer(ramBytes + romBytes);
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
    this.view = new DataView(buffer);
    this.watch = new Uint8Array((ramBytes + romBytes) >>> PAGE_SHIFT);
    this.dirty = new Uint8Array(this.watch.length).fill(1);
    this.used = ramBytes;
  }

  get a20(): boolean {
    return this.gateA20;
  }

  /** The A20 gate: while closed, address bit 20 reads as 0. */
  setA20(open: boolean): void {
    if (open === this.gateA20) return;
    this.gateA20 = open;
    this.mapChanged();
  }

  /** Puts a ROM at `first` (page aligned, above RAM). Throws when the room given to the constructor is used up. */
  addRom(first: number, contents: Uint8Array): void {
    const length = (contents.length + 4095) & ~4095;
    if (first % 4096 !== 0 || first < this.ramBytes || first + length > 0x1_0000_0000) {
      throw new RangeError(`ROM at ${first.toString(16)}h: expected a page boundary above RAM, below 4 GiB`);
    }
    if (this.used + length > this.bytes.length) {
      throw new RangeError(`ROM of ${length} bytes: ${this.bytes.length - this.used} bytes of room are left`);
    }
    this.bytes.set(contents, this.used);
    this.roms.push({ first, last: first + length - 1, at: this.used });
    for (let page = this.used >>> 12; page < (this.used + length) >>> 12; page++) {
      this.watch[page] |= WATCH_READ_ONLY;
    }
    this.used += length;
    this.mapChanged();
  }

  /** Makes pages of RAM drop writes (a BIOS in shadow RAM) or take them again. Addresses are page aligned, `last` inclusive. */
  setReadOnly(first: number, last: number, on: boolean): void {
    for (let page = first >>> 12; page <= last >>> 12 && page < this.ramBytes >>> 12; page++) {
      if (on) this.watch[page] |= WATCH_READ_ONLY;
      else this.watch[page] &= ~WATCH_READ_ONLY;
      this.onWatchChange(page);
    }
  }

  /** Index into `bytes` of a physical address (unsigned, A20 applied), or -1 where there is no memory. */
  backing(address: number): number {
    if (!this.gateA20 && (address & 0x100000) !== 0) address = (address & ~0x100000) >>> 0;
    if (address < this.ramBytes) return address;
    for (const rom of this.roms) {
      if (address >= rom.first && address <= rom.last) return rom.at + (address - rom.first);
    }
    return -1;
  }

  mapChanged(): void {
    this.onMapChange();
  }

  /** From now on a page's first write sets its `dirty` byte. */
  trackDirtyPages(): void {
    this.dirty.fill(0);
    for (let page = 0; page < this.watch.length; page++) this.watch[page] |= WATCH_CLEAN;
    this.mapChanged();
  }

  setWatch(page: number, bits: number): void {
    if ((this.watch[page] & bits) === bits) return;
    this.watch[page] |= bits;
    this.onWatchChange(page);
  }

  clearWatch(page: number, bits: number): void {
    if ((this.watch[page] & bits) === 0) return;
    this.watch[page] &= ~bits;
    this.onWatchChange(page);
  }

  /**
   * To be called before a write to indexes first..last (one page) whose page is watched. Answers whether the write may
   * happen: false for read-only pages.
   */
  beforeWrite(first: number, last: number): boolean {
    const page = first >>> 12;
    const watch = this.watch[page];
    if ((watch & WATCH_READ_ONLY) !== 0) return false;
    if ((watch & WATCH_CLEAN) !== 0) {
      this.dirty[page] = 1;
      this.clearWatch(page, WATCH_CLEAN);
    }
    if ((watch & WATCH_HISTORY) !== 0) this.leaveHistory(page);
    if ((watch & WATCH_CODE) !== 0) this.onCodeWrite(first, last);
    return true;
  }

  private leaveHistory(page: number): void {
    this.onHistoryWrite(page);
    this.clearWatch(page, WATCH_HISTORY);
  }

  /** From now on each page's first write is told to `onHistoryWrite`. */
  watchHistory(on: boolean): void {
    for (let page = 0; page < this.watch.length; page++) {
      if (on) this.watch[page] |= WATCH_HISTORY;
      else this.watch[page] &= ~WATCH_HISTORY;
    }
    this.mapChanged();
  }

  /** Zeroes RAM. */
  clearRam(): void {
    for (let page = 0; page < this.ramBytes >>> PAGE_SHIFT; page++) {
      if ((this.watch[page] & WATCH_HISTORY) !== 0) this.leaveHistory(page);
    }
    this.bytes.fill(0, 0, this.ramBytes);
    this.dirty.fill(1);
  }

  read8(address: number): number {
    const at = this.backing(address);
    return at < 0 ? 0xff : this.bytes[at];
  }

  read16(address: number): number {
    return this.read8(address) | (this.read8(address + 1) << 8);
  }

  /** Signed. */
  read32(address: number): number {
    const at = this.backing(address);
    if ((address & 3) === 0) return at < 0 ? -1 : this.words[at >>> 2];
    return this.read16(address) | (this.read16(address + 2) << 16);
  }

  write8(address: number, value: number): void {
    const at = this.backing(address);
    if (at < 0) return;
    if (this.watch[at >>> 12] !== 0 && !this.beforeWrite(at, at)) return;
    this.bytes[at] = value;
  }

  write16(address: number, value: number): void {
    this.write8(address, value & 0xff);
    this.write8(address + 1, (value >>> 8) & 0xff);
  }

  write32(address: number, value: number): void {
    const at = this.backing(address);
    if ((address & 3) !== 0) {
      this.write16(address, value & 0xffff);
      this.write16(address + 2, value >>> 16);
      return;
    }
    if (at < 0) return;
    if (this.watch[at >>> 12] !== 0 && !this.beforeWrite(at, at + 3)) return;
    this.words[at >>> 2] = value;
  }

  /** Copies out what memory is there; bytes without memory read as FFh. */
  readBytes(address: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    if (this.gateA20 && address + length <= this.ramBytes) {
      out.set(this.bytes.subarray(address, address + length));
    } else for (let i = 0; i < length; i++) out[i] = this.read8(address + i);
    return out;
  }

  /** What DMA does: read-only pages keep their contents. */
  writeBytes(address: number, source: Uint8Array): void {
    let done = 0;
    while (done < source.length) {
      const here = address + done;
      const count = Math.min(4096 - (here & 0xfff), source.length - done);
      const at = this.backing(here);
      if (at >= 0 && (this.watch[at >>> 12] === 0 || this.beforeWrite(at, at + count - 1))) {
        this.bytes.set(source.subarray(done, done + count), at);
      }
      done += count;
    }
  }

  /** Writes where the guest may not: firmware and kernels are put in place with this. */
  load(address: number, source: Uint8Array): void {
    const at = this.backing(address);
    if (at < 0 || this.backing(address + source.length - 1) !== at + source.length - 1) {
      throw new RangeError(
        `loading ${source.length} bytes at ${address.toString(16)}h: there is no memory for all of them`,
      );
    }
    for (let first = at; first < at + source.length; first = (first | 0xfff) + 1) {
      const last = Math.min(first | 0xfff, at + source.length - 1);
      const page = first >>> 12;
      if ((this.watch[page] & WATCH_HISTORY) !== 0) this.leaveHistory(page);
      if ((this.watch[page] & WATCH_CODE) !== 0) this.onCodeWrite(first, last);
      this.dirty[page] = 1;
    }
    this.bytes.set(source, at);
  }
}
