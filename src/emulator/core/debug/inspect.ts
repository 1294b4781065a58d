/**
 * Reading a processor without touching it: memory by linear address, page walks level by level, descriptors. No accessed
 * bit is set, no device is read, no fault is raised.
 */
import type { Cpu } from "../cpu/cpu.ts";
import { CR0_PG, CR4_PAE, CR4_PSE, LDTR } from "../cpu/registers.ts";
import { descriptorBase, descriptorLimit } from "../cpu/segmentation.ts";

export interface PageLevel {
  name: "directory pointer" | "directory" | "table";
  /** Physical address of the entry. */
  at: number;
  /** Low and high doublewords, unsigned; `high` is 0 without PAE. */
  low: number;
  high: number;
  present: boolean;
  writable: boolean;
  user: boolean;
  accessed: boolean;
  dirty: boolean;
  global: boolean;
  /** The entry maps a large page. */
  large: boolean;
  noExecute: boolean;
}

export interface PageWalk {
  linear: number;
  paging: "off" | "32-bit" | "PAE";
  cr3: number;
  levels: PageLevel[];
  /** Undefined where the walk ends at an entry that is not present. */
  physical?: number;
  pageBytes?: number;
}

const PRESENT = 1;
const LARGE = 0x80;

function level(cpu: Cpu, name: PageLevel["name"], at: number, wide: boolean, canBeLarge: boolean): PageLevel {
  const low = cpu.memory.read32(at) >>> 0;
  const high = wide ? cpu.memory.read32(at + 4) >>> 0 : 0;
  const pointer = name === "directory pointer";
  return {
    name,
    at,
    low,
    high,
    present: (low & PRESENT) !== 0,
    writable: pointer || (low & 2) !== 0,
    user: pointer || (low & 4) !== 0,
    accessed: (low & 0x20) !== 0,
    dirty: (low & 0x40) !== 0,
    global: (low & 0x100) !== 0,
    large: canBeLarge && (low & LARGE) !== 0,
    noExecute: high >>> 31 === 1,
  };
}

export function pageWalk(cpu: Cpu, address: number): PageWalk {
  const linear = address >>> 0;
  const cr3 = cpu.cr3 >>> 0;
  if ((cpu.cr0 & CR0_PG) === 0) {
    return { linear, paging: "off", cr3, levels: [], physical: linear, pageBytes: 0 };
  }
  return (cpu.cr4 & CR4_PAE) !== 0 ? walkPae(cpu, linear, cr3) : walk32(cpu, linear, cr3);
}

function walk32(cpu: Cpu, linear: number, cr3: number): PageWalk {
  const walk: PageWalk = { linear, paging: "32-bit", cr3, levels: [] };
  const directoryAt = ((cr3 & -4096) >>> 0) + ((linear >>> 20) & 0xffc);
  const directory = level(cpu, "directory", directoryAt, false, (cpu.cr4 & CR4_PSE) !== 0);
  walk.levels.push(directory);
  if (!directory.present) return walk;
  if (directory.large) {
    return {
      ...walk,
      physical: ((directory.low & 0xffc00000) | (linear & 0x3fffff)) >>> 0,
      pageBytes: 1 << 22,
    };
  }
  const table = level(
    cpu,
    "table",
    ((directory.low & -4096) >>> 0) + ((linear >>> 10) & 0xffc),
    false,
    false,
  );
  walk.levels.push(table);
  if (!table.present) return walk;
  return { ...walk, physical: ((table.low & -4096) | (linear & 4095)) >>> 0, pageBytes: 4096 };
}

function walkPae(cpu: Cpu, linear: number, cr3: number): PageWalk {
  const walk: PageWalk = { linear, paging: "PAE", cr3, levels: [] };
  const pointer = level(cpu, "directory pointer", ((cr3 & -32) >>> 0) + (linear >>> 30) * 8, true, false);
  walk.levels.push(pointer);
  if (!pointer.present) return walk;
  const address = ({ low, high }: PageLevel) => (high & 15) * 0x1_0000_0000 + ((low & -4096) >>> 0);
  const directory = level(cpu, "directory", address(pointer) + ((linear >>> 18) & 0xff8), true, true);
  walk.levels.push(directory);
  if (!directory.present) return walk;
  if (directory.large) {
    const physical = address(directory) - (address(directory) % (1 << 21)) + (linear & 0x1fffff);
    return { ...walk, physical, pageBytes: 1 << 21 };
  }
  const table = level(cpu, "table", address(directory) + ((linear >>> 9) & 0xff8), true, false);
  walk.levels.push(table);
  if (!table.present) return walk;
  return { ...walk, physical: address(table) + (linear & 4095), pageBytes: 4096 };
}

/** A byte by linear address; undefined where no memory is mapped (a device, or nothing). */
export function readLinear(cpu: Cpu, linear: number): number | undefined {
  const { physical } = pageWalk(cpu, linear);
  if (physical === undefined) return undefined;
  const at = physical < 0x1_0000_0000 ? cpu.memory.backing(physical) : -1;
  return at < 0 ? undefined : cpu.memory.bytes[at];
}

/** Bytes by linear address, and which of them are there (1) or not (0). One walk a page. */
export function readLinearBytes(
  cpu: Cpu,
  linear: number,
  length: number,
): { bytes: Uint8Array; present: Uint8Array } {
  const bytes = new Uint8Array(length);
  const present = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const from = (linear + done) >>> 0;
    const count = Math.min(4096 - (from & 4095), length - done);
    const { physical } = pageWalk(cpu, from);
    for (let i = 0; i < count; i++) {
      const inside = physical !== undefined && physical + i < 0x1_0000_0000;
      const at = inside ? cpu.memory.backing(physical + i) : -1;
      if (at < 0) continue;
      bytes[done + i] = cpu.memory.bytes[at];
      present[done + i] = 1;
    }
    done += count;
  }
  return { bytes, present };
}

export interface TableEntry {
  /** Selector (GDT, LDT) or vector (IDT). */
  index: number;
  low: number;
  high: number;
  base: number;
  limit: number;
  type: number;
  system: boolean;
  privilege: number;
  present: boolean;
  /** 32-bit code, data or gate. */
  big: boolean;
  /** A gate's target. */
  selector: number;
  offset: number;
}

/** Entries of a descriptor table that are not all zero; at most `maximum`. */
export function descriptorTable(cpu: Cpu, table: "gdt" | "ldt" | "idt", maximum = 256): TableEntry[] {
  const base = table === "gdt" ? cpu.gdtrBase : table === "idt" ? cpu.idtrBase : cpu.base[LDTR];
  const limit = table === "gdt" ? cpu.gdtrLimit : table === "idt" ? cpu.idtrLimit : cpu.limit[LDTR];
  if (table === "ldt" && (cpu.selector[LDTR] & 0xfffc) === 0) return [];
  const count = Math.min(8192, Math.floor((limit + 1) / 8));
  const { bytes, present } = readLinearBytes(cpu, base >>> 0, count * 8);
  const view = new DataView(bytes.buffer);
  const entries: TableEntry[] = [];
  for (let i = 0; i < count && entries.length < maximum; i++) {
    const low = view.getUint32(i * 8, true);
    const high = view.getUint32(i * 8 + 4, true);
    if (present[i * 8] === 0 || (low === 0 && high === 0)) continue;
    const type = (high >>> 8) & 15;
    entries.push({
      index: table === "idt" ? i : i * 8 + (table === "ldt" ? 4 : 0),
      low,
      high,
      base: descriptorBase(low, high) >>> 0,
      limit: descriptorLimit(low, high) >>> 0,
      type,
      system: (high & 0x1000) === 0,
      privilege: (high >>> 13) & 3,
      present: (high & 0x8000) !== 0,
      big: (high & 0x1000) === 0 ? type >= 9 : (high & 0x400000) !== 0,
      selector: low >>> 16,
      offset: ((low & 0xffff) | (high & 0xffff0000)) >>> 0,
    });
  }
  return entries;
}

/**
 * `bytes` for a linear address as the pieces they are in physical memory; undefined where one of them has no RAM. The
 * pages' protection does not count, their accessed and dirty bits stay.
 */
export function physicalPieces(
  cpu: Cpu,
  linear: number,
  bytes: Uint8Array,
): { address: number; bytes: Uint8Array }[] | undefined {
  const pieces: { address: number; bytes: Uint8Array }[] = [];
  for (let done = 0; done < bytes.length;) {
    const from = (linear + done) >>> 0;
    const count = Math.min(4096 - (from & 4095), bytes.length - done);
    const { physical } = pageWalk(cpu, from);
    if (physical === undefined || physical + count > cpu.memory.ramBytes) return undefined;
    pieces.push({ address: physical, bytes: bytes.slice(done, done + count) });
    done += count;
  }
  return pieces;
}
