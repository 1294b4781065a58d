/**
 * Address translation: linear to physical, by the tables that CR3 names (Intel SDM volume 3 §4.3 32-bit paging, §4.4 PAE).
 *
 * `walk` sets accessed and dirty bits as the processor does and answers the physical address of the page (unsigned); a
 * missing or forbidden page raises #PF with the precise error code. What the page allows is left in `cpu.walked*`.
 * Under nested paging (SVM) addresses are the guest's physical ones: `readTable` and `writeTable` are the only accesses here.
 */
import type { Cpu } from "./cpu.ts";
import { CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE, EFER_NXE, VECTOR_PF } from "./registers.ts";

const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const ACCESSED = 0x20;
const DIRTY = 0x40;
const LARGE = 0x80;
const GLOBAL = 0x100;

const ERROR_PRESENT = 1;
const ERROR_WRITE = 2;
const ERROR_USER = 4;
const ERROR_RESERVED = 8;
const ERROR_FETCH = 16;

/** Physical addresses have 36 bits: bits 36 to 62 of a PAE entry are reserved. */
const HIGH_RESERVED = 0x7ffffff0;

export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXECUTE = 2;

function pageFault(cpu: Cpu, linear: number, access: number, user: boolean, reason: number): never {
  let error = reason;
  if (access === ACCESS_WRITE) error |= ERROR_WRITE;
  if (user) error |= ERROR_USER;
  if (access === ACCESS_EXECUTE && (cpu.efer & EFER_NXE) !== 0 && (cpu.cr4 & CR4_PAE) !== 0)
    error |= ERROR_FETCH;
  cpu.faultAddress = linear | 0;
  return cpu.raise(VECTOR_PF, error);
}

export function walk(cpu: Cpu, linear: number, access: number, user: boolean): number {
  if ((cpu.cr0 & CR0_PG) === 0) {
    cpu.walkedWritable = true;
    cpu.walkedUser = true;
    cpu.walkedExecutable = true;
    cpu.walkedGlobal = false;
    cpu.walkedDirty = true;
    return (linear & -4096) >>> 0;
  }
  return (cpu.cr4 & CR4_PAE) !== 0 ? walkPae(cpu, linear, access, user) : walk32(cpu, linear, access, user);
}

function check(
  cpu: Cpu,
  linear: number,
  access: number,
  user: boolean,
  rights: number,
  executable: boolean,
): boolean {
  const writable = (rights & WRITABLE) !== 0 || (!user && (cpu.cr0 & CR0_WP) === 0);
  if (
    (user && (rights & USER) === 0) ||
    (access === ACCESS_WRITE && !writable) ||
    (access === ACCESS_EXECUTE && !executable)
  ) {
    pageFault(cpu, linear, access, user, ERROR_PRESENT);
  }
  cpu.walkedWritable = (rights & WRITABLE) !== 0;
  cpu.walkedUser = (rights & USER) !== 0;
  cpu.walkedExecutable = executable;
  return true;
}

/** Sets A, and D for a write, in the entry that maps the page; leaves what the TLB needs to know. */
function finish(cpu: Cpu, at: number, entry: number, access: number): void {
  const updated = entry | ACCESSED | (access === ACCESS_WRITE ? DIRTY : 0);
  if (updated !== entry) cpu.writeTable(at, updated);
  cpu.walkedDirty = (updated & DIRTY) !== 0;
  cpu.walkedGlobal = (entry & GLOBAL) !== 0 && (cpu.cr4 & CR4_PGE) !== 0;
}

function walk32(cpu: Cpu, linear: number, access: number, user: boolean): number {
  const directoryAt = ((cpu.cr3 & -4096) | ((linear >>> 20) & 0xffc)) >>> 0;
  const directory = cpu.readTable(directoryAt);
  if ((directory & PRESENT) === 0) pageFault(cpu, linear, access, user, 0);
  if ((directory & LARGE) !== 0 && (cpu.cr4 & CR4_PSE) !== 0) {
    if ((directory & 0x3e0000) !== 0) pageFault(cpu, linear, access, user, ERROR_PRESENT | ERROR_RESERVED);
    check(cpu, linear, access, user, directory, true);
    finish(cpu, directoryAt, directory, access);
    // PSE-36: bits 13 to 16 are bits 32 to 35 of the address.
    const high = (directory >>> 13) & 15;
    return high * 0x1_0000_0000 + (((directory & 0xffc00000) | (linear & 0x3ff000)) >>> 0);
  }
  const tableAt = ((directory & -4096) | ((linear >>> 10) & 0xffc)) >>> 0;
  const entry = cpu.readTable(tableAt);
  if ((entry & PRESENT) === 0) pageFault(cpu, linear, access, user, 0);
  check(cpu, linear, access, user, directory & entry, true);
  if ((directory & ACCESSED) === 0) cpu.writeTable(directoryAt, directory | ACCESSED);
  finish(cpu, tableAt, entry, access);
  return (entry & -4096) >>> 0;
}

function walkPae(cpu: Cpu, linear: number, access: number, user: boolean): number {
  const noExecute = (cpu.efer & EFER_NXE) !== 0;
  const pointer = (linear >>> 30) * 2;
  const pointerLow = cpu.directoryPointer(pointer);
  if ((pointerLow & PRESENT) === 0) pageFault(cpu, linear, access, user, 0);
  const reserved = HIGH_RESERVED | (noExecute ? 0 : 0x80000000);
  const directoryAt =
    (cpu.directoryPointer(pointer + 1) & 15) * 0x1_0000_0000 +
    (((pointerLow & -4096) | ((linear >>> 18) & 0xff8)) >>> 0);
  const directory = cpu.readTable(directoryAt);
  const directoryHigh = cpu.readTable(directoryAt + 4);
  if ((directory & PRESENT) === 0) pageFault(cpu, linear, access, user, 0);
  if ((directoryHigh & reserved) !== 0) pageFault(cpu, linear, access, user, ERROR_PRESENT | ERROR_RESERVED);
  if ((directory & LARGE) !== 0) {
    if ((directory & 0x1fe000) !== 0) pageFault(cpu, linear, access, user, ERROR_PRESENT | ERROR_RESERVED);
    check(cpu, linear, access, user, directory, directoryHigh >= 0);
    finish(cpu, directoryAt, directory, access);
    return (directoryHigh & 15) * 0x1_0000_0000 + (((directory & 0xffe00000) | (linear & 0x1ff000)) >>> 0);
  }
  const tableAt =
    (directoryHigh & 15) * 0x1_0000_0000 + (((directory & -4096) | ((linear >>> 9) & 0xff8)) >>> 0);
  const entry = cpu.readTable(tableAt);
  const entryHigh = cpu.readTable(tableAt + 4);
  if ((entry & PRESENT) === 0) pageFault(cpu, linear, access, user, 0);
  if ((entryHigh & reserved) !== 0) pageFault(cpu, linear, access, user, ERROR_PRESENT | ERROR_RESERVED);
  check(cpu, linear, access, user, directory & entry, directoryHigh >= 0 && entryHigh >= 0);
  if ((directory & ACCESSED) === 0) cpu.writeTable(directoryAt, directory | ACCESSED);
  finish(cpu, tableAt, entry, access);
  return (entryHigh & 15) * 0x1_0000_0000 + ((entry & -4096) >>> 0);
}
