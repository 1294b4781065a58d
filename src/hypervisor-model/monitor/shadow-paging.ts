/**
 * Shadow paging: the processor walks tables of the monitor's, made from the guest's one entry at a time when the guest touches a
 * page (a hidden fault). The guest's tables are traced: they are mapped read only, so that the monitor sees each write and drops
 * what was made from the entry. Tables are kept by the guest's page, so that a guest that changes CR3 finds them again.
 * (Adams & Agesen, ASPLOS 2006, §3.4; the accessed and dirty bits of the guest's entries are kept exact.)
 */
import type { EventLog } from "./events.ts";
import {
  PTE_DIRTY,
  PTE_ACCESSED,
  PTE_PRESENT,
  PTE_USER,
  PTE_WRITABLE,
  type GuestMemory,
  type GuestPaging,
} from "./guest-memory.ts";

const ENTRIES = 1024;
/** Keys of the tables in use while the guest has paging off. */
const NO_PAGING = -1;

export type ShadowFault =
  /** The entry was missing; the instruction can be tried again. */
  | { type: "hidden" }
  /** The guest's own tables say no: it is to be told. */
  | { type: "guest"; error: number }
  /** A write to one of the guest's page tables. */
  | { type: "traced"; physical: number }
  /** No memory is there. */
  | { type: "device"; physical: number };

export interface ShadowPlace {
  /** Pages in the host's memory for the tables, by physical address. */
  first: number;
  pages: number;
  /** The monitor's own directory entry for the last 4 MiB, 0 where it is not in the guest's address space. */
  monitorEntry: number;
}

export class ShadowPaging {
  private readonly guest: GuestMemory;
  private readonly place: ShadowPlace;
  private readonly events: EventLog;
  private used = 0;
  private readonly directories = new Map<number, number>();
  private readonly tables = new Map<number, number>();
  /** Guest pages that are page tables of the guest, by number. */
  private readonly traced = new Set<number>();
  /** Called after each write to a traced page. */
  onWrite: (physical: number) => void = () => {};
  /** Something the processor may remember was taken away. */
  flushNeeded = false;

  constructor(guest: GuestMemory, place: ShadowPlace, events: EventLog) {
    this.guest = guest;
    this.place = place;
    this.events = events;
  }

  /** The physical address of the directory to be in CR3 for the guest. */
  root(paging: GuestPaging): number {
    const key = paging.on ? (paging.cr3 & -4096) >>> 0 : NO_PAGING;
    let root = this.directories.get(key);
    if (root === undefined) {
      root = this.page();
      this.directories.set(key, root);
      this.guest.memory.write32(root + (ENTRIES - 1) * 4, this.place.monitorEntry);
      if (key !== NO_PAGING) this.trace(key);
    }
    return root;
  }

  /** A page fault at `linear`, with the processor's error code. */
  fault(paging: GuestPaging, linear: number, error: number): ShadowFault {
    const write = (error & 2) !== 0;
    const user = (error & 4) !== 0;
    if (this.place.monitorEntry !== 0 && linear >>> 22 === ENTRIES - 1) return { type: "guest", error };
    const found = this.guest.walk(paging, linear, write, user);
    if (found.type === "fault") return { type: "guest", error: found.error };
    const physical = found.page + (linear & 4095);
    if (!this.guest.contains(found.page)) return { type: "device", physical };
    const traced = this.traced.has(found.page);
    if (write && traced) return { type: "traced", physical };
    const table = this.table(paging, found.table, linear);
    const writable = (found.writable || (write && !user)) && found.dirty && !traced;
    const entry =
      (this.guest.base + found.page) |
      PTE_PRESENT |
      PTE_ACCESSED |
      PTE_DIRTY |
      (writable ? PTE_WRITABLE : 0) |
      (found.user ? PTE_USER : 0);
    this.guest.memory.write32(table + ((linear >>> 10) & 0xffc), entry);
    // Making the table may have traced the very page.
    if (this.traced.has(found.page)) this.protect(found.page);
    this.events.count("page-table", "entry made");
    return { type: "hidden" };
  }

  /** The guest has written the doubleword at `physical`: whatever was made from it is dropped. */
  written(physical: number): void {
    const page = (physical & -4096) >>> 0;
    if (!this.traced.has(page)) return;
    this.onWrite(physical);
    for (const shadow of [this.tables.get(page), this.directories.get(page)]) {
      if (shadow === undefined) continue;
      // The guest's own last entry means nothing where the monitor is.
      if (
        this.place.monitorEntry !== 0 &&
        shadow === this.directories.get(page) &&
        (physical & 0xffc) === 0xffc
      ) {
        continue;
      }
      const at = shadow + (physical & 0xffc);
      if (this.guest.memory.read32(at) === 0) continue;
      this.guest.memory.write32(at, 0);
      this.events.count("page-table", "entry dropped");
      this.flushNeeded = true;
    }
  }

  isTraced(physical: number): boolean {
    return this.traced.has((physical & -4096) >>> 0);
  }

  /** The shadow table for the guest's page table, hung into the directory in use. */
  private table(paging: GuestPaging, guestTable: number, linear: number): number {
    const key = guestTable >= 0 ? guestTable : NO_PAGING - 1 - (linear >>> 22);
    let table = this.tables.get(key);
    if (table === undefined) {
      table = this.page();
      this.tables.set(key, table);
      if (guestTable >= 0) this.trace(guestTable);
    }
    const root = this.root(paging);
    // The rights of both levels are in the entries below.
    this.guest.memory.write32(
      root + ((linear >>> 20) & 0xffc),
      table | PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_ACCESSED,
    );
    return table;
  }

  /** From now on writes to the page come to the monitor. */
  trace(page: number): void {
    if (this.traced.has(page)) return;
    this.traced.add(page);
    this.events.count("page-table", "page traced");
    this.protect(page);
  }

  /** Takes the right to write a guest page out of all entries. */
  private protect(page: number): void {
    const { memory, base } = this.guest;
    for (const table of this.tables.values()) {
      for (let i = 0; i < ENTRIES; i++) {
        const entry = memory.read32(table + i * 4);
        if ((entry & -4096) >>> 0 !== base + page || (entry & PTE_WRITABLE) === 0) continue;
        memory.write32(table + i * 4, entry & ~PTE_WRITABLE);
        this.flushNeeded = true;
      }
    }
  }

  private page(): number {
    if (this.used === this.place.pages) this.forget();
    const page = this.place.first + this.used++ * 4096;
    for (let at = page; at < page + 4096; at += 4) this.guest.memory.write32(at, 0);
    return page;
  }

  /** No room is left: everything is made anew as it is touched. */
  private forget(): void {
    this.directories.clear();
    this.tables.clear();
    this.traced.clear();
    this.used = 0;
    this.flushNeeded = true;
    this.events.count("page-table", "all forgotten");
  }
}
