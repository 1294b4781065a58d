/**
 * The guest's memory as its monitor sees it: guest-physical addresses, and linear ones through the guest's own page tables, with
 * accessed and dirty bits set as a processor would set them (Intel SDM volume 3 §4.3, 32-bit paging with 4 KiB pages).
 */
import type { PhysicalMemory } from "../../emulator/core/memory/physical-memory.ts";

export const PTE_PRESENT = 1;
export const PTE_WRITABLE = 2;
export const PTE_USER = 4;
export const PTE_ACCESSED = 0x20;
export const PTE_DIRTY = 0x40;

/** What the guest's control registers say about address translation. */
export interface GuestPaging {
  on: boolean;
  writeProtect: boolean;
  cr3: number;
}

/** A page the guest's tables map, with the rights of both levels; or the error code of its page fault. */
export type Walk =
  | { type: "page"; page: number; writable: boolean; user: boolean; dirty: boolean; table: number }
  | { type: "fault"; error: number };

export class GuestMemory {
  readonly memory: PhysicalMemory;
  readonly base: number;
  readonly bytes: number;
  /** Reads of the guest's page tables so far. */
  references = 0;

  constructor(memory: PhysicalMemory, base: number, bytes: number) {
    this.memory = memory;
    this.base = base;
    this.bytes = bytes;
  }

  contains(physical: number): boolean {
    return physical >>> 0 < this.bytes;
  }

  /** Outside the guest's memory a read is all ones and a write is dropped. */
  read32(physical: number): number {
    return physical >>> 0 <= this.bytes - 4 ? this.memory.read32(this.base + (physical >>> 0)) : -1;
  }

  write32(physical: number, value: number): void {
    if (physical >>> 0 <= this.bytes - 4) this.memory.write32(this.base + (physical >>> 0), value);
  }

  read8(physical: number): number {
    return this.contains(physical) ? this.memory.read8(this.base + (physical >>> 0)) : 0xff;
  }

  walk(paging: GuestPaging, linear: number, write: boolean, user: boolean): Walk {
    if (!paging.on) {
      return {
        type: "page",
        page: (linear & -4096) >>> 0,
        writable: true,
        user: true,
        dirty: true,
        table: -1,
      };
    }
    const access = (write ? 2 : 0) | (user ? 4 : 0);
    this.references += 2;
    const directoryAt = (paging.cr3 & -4096) | ((linear >>> 20) & 0xffc);
    const directory = this.read32(directoryAt);
    if (!this.contains(directoryAt) || (directory & PTE_PRESENT) === 0)
      return { type: "fault", error: access };
    const tableAt = (directory & -4096) | ((linear >>> 10) & 0xffc);
    const entry = this.read32(tableAt);
    if (!this.contains(tableAt) || (entry & PTE_PRESENT) === 0) return { type: "fault", error: access };
    const rights = directory & entry;
    const writable = (rights & PTE_WRITABLE) !== 0;
    if ((user && (rights & PTE_USER) === 0) || (write && !writable && (user || paging.writeProtect))) {
      return { type: "fault", error: access | 1 };
    }
    if ((directory & PTE_ACCESSED) === 0) this.write32(directoryAt, directory | PTE_ACCESSED);
    const updated = entry | PTE_ACCESSED | (write ? PTE_DIRTY : 0);
    if (updated !== entry) this.write32(tableAt, updated);
    return {
      type: "page",
      page: (entry & -4096) >>> 0,
      writable,
      user: (rights & PTE_USER) !== 0,
      dirty: (updated & PTE_DIRTY) !== 0,
      table: (directory & -4096) >>> 0,
    };
  }

  /** A byte by linear address with supervisor rights, or -1 where the guest maps none. */
  readLinear8(paging: GuestPaging, linear: number): number {
    const found = this.walk(paging, linear, false, false);
    if (found.type === "fault") return -1;
    return this.read8(found.page + (linear & 4095));
  }

  /** A doubleword; undefined where the guest maps none. */
  readLinear32(paging: GuestPaging, linear: number): number | undefined {
    if ((linear & 4095) <= 4092) {
      const found = this.walk(paging, linear, false, false);
      return found.type === "fault" ? undefined : this.read32(found.page + (linear & 4095));
    }
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.readLinear8(paging, (linear + i) | 0);
      if (byte < 0) return undefined;
      value |= byte << (8 * i);
    }
    return value;
  }

  /** The guest-physical address written, or -1 where the guest does not allow it (or the doubleword crosses pages). */
  writeLinear32(paging: GuestPaging, linear: number, value: number): number {
    if ((linear & 4095) > 4092) return -1;
    const found = this.walk(paging, linear, true, false);
    if (found.type === "fault") return -1;
    const at = found.page + (linear & 4095);
    this.write32(at, value);
    return at;
  }
}
