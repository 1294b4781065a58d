/**
 * Direct paging (Barham et al., SOSP 2003, §3.2): a domain's page tables are used by the processor as they are. So each page is
 * either a page table, which the domain may read but not write, or a page it may write: that is checked when a table is pinned and
 * at each update. Addresses are machine addresses; everything answers whether it was allowed.
 */
import type { PhysicalMemory } from "../../emulator/core/memory/physical-memory.ts";
import { PTE_PRESENT, PTE_WRITABLE } from "./guest-memory.ts";

export const ENTRIES = 1024;

export class DirectPaging {
  /** Machine frames in use as page directories and page tables. */
  readonly directories = new Set<number>();
  readonly tables = new Set<number>();
  private readonly memory: PhysicalMemory;
  /** The domain's memory. */
  private readonly base: number;
  private readonly bytes: number;
  /** The hypervisor's own entry, the last of each directory. */
  private readonly hypervisorEntry: number;

  constructor(memory: PhysicalMemory, base: number, bytes: number, hypervisorEntry: number) {
    this.memory = memory;
    this.base = base;
    this.bytes = bytes;
    this.hypervisorEntry = hypervisorEntry;
  }

  private owns(frame: number): boolean {
    return frame >= this.base && frame < this.base + this.bytes;
  }

  private isTable(frame: number): boolean {
    return this.tables.has(frame) || this.directories.has(frame);
  }

  /** No table in use may map the frame writable. */
  private isMappedWritable(frame: number): boolean {
    for (const table of this.tables) {
      for (let i = 0; i < ENTRIES; i++) {
        const entry = this.memory.read32(table + i * 4);
        if ((entry & -4096) >>> 0 === frame && (entry & 3) === (PTE_PRESENT | PTE_WRITABLE)) return true;
      }
    }
    return false;
  }

  /** Whether an entry of a page table may be: memory of the domain, and no way to write page tables. */
  private entryAllowed(entry: number): boolean {
    if ((entry & PTE_PRESENT) === 0) return true;
    const frame = (entry & -4096) >>> 0;
    return this.owns(frame) && !((entry & PTE_WRITABLE) !== 0 && this.isTable(frame));
  }

  /** Makes a page a page table if all its entries may be. */
  private promote(table: number): boolean {
    if (this.tables.has(table)) return true;
    if (!this.owns(table) || this.directories.has(table) || this.isMappedWritable(table)) return false;
    this.tables.add(table);
    for (let i = 0; i < ENTRIES; i++) {
      if (this.entryAllowed(this.memory.read32(table + i * 4))) continue;
      this.tables.delete(table);
      return false;
    }
    return true;
  }

  pin(directory: number): boolean {
    if (this.directories.has(directory)) return true;
    if ((directory & 4095) !== 0 || !this.owns(directory) || this.tables.has(directory)) return false;
    if (this.isMappedWritable(directory)) return false;
    this.directories.add(directory);
    for (let i = 0; i < ENTRIES - 1; i++) {
      const entry = this.memory.read32(directory + i * 4);
      if ((entry & PTE_PRESENT) === 0 || this.promote((entry & -4096) >>> 0)) continue;
      this.directories.delete(directory);
      return false;
    }
    this.memory.write32(directory + (ENTRIES - 1) * 4, this.hypervisorEntry);
    return true;
  }

  /** The directory is a page like any other again, and so are tables that no other directory has. */
  unpin(directory: number, inUse: number): boolean {
    if (directory === inUse || !this.directories.delete(directory)) return false;
    for (let i = 0; i < ENTRIES - 1; i++) {
      const entry = this.memory.read32(directory + i * 4);
      if ((entry & PTE_PRESENT) === 0) continue;
      const table = (entry & -4096) >>> 0;
      const used = [...this.directories].some((other) => {
        for (let j = 0; j < ENTRIES - 1; j++) {
          const there = this.memory.read32(other + j * 4);
          if ((there & PTE_PRESENT) !== 0 && (there & -4096) >>> 0 === table) return true;
        }
        return false;
      });
      if (!used) this.tables.delete(table);
    }
    this.memory.write32(directory + (ENTRIES - 1) * 4, 0);
    return true;
  }

  update(at: number, value: number): boolean {
    const frame = (at & -4096) >>> 0;
    if ((at & 3) !== 0) return false;
    if (this.directories.has(frame)) {
      if ((at & 0xffc) === 0xffc) return false;
      if ((value & PTE_PRESENT) !== 0 && !this.promote((value & -4096) >>> 0)) return false;
    } else if (!this.tables.has(frame) || !this.entryAllowed(value)) return false;
    this.memory.write32(at, value);
    return true;
  }

  updateMapping(cr3: number, linear: number, value: number): boolean {
    const directory = this.memory.read32(cr3 + ((linear >>> 20) & 0xffc));
    if ((directory & PTE_PRESENT) === 0 || linear >>> 22 === ENTRIES - 1) return false;
    return this.update((directory & -4096) | ((linear >>> 10) & 0xffc), value);
  }
}
