/**
 * What happens between a guest and its monitor, counted and listed as it is executed. Nothing in here is ever computed from what
 * a workload is supposed to do.
 */

/**
 * - `trap`: an exception or interrupt was delivered to a monitor in ring 0;
 * - `exit`: #VMEXIT;
 * - `hypercall`: a paravirtual kernel asked its hypervisor;
 * - `callout`: translated code asked the monitor for what it could not do in line;
 * - `injection`: the monitor delivered an exception or interrupt to the guest;
 * - `domain-switch`: a hypervisor went from one domain to another;
 * - `device`: an access reached a virtual device;
 * - `page-table`: the monitor wrote, dropped or traced entries of page tables, its own or a domain's;
 * - `translation`: a block of code was translated, found again or dropped, or an address had to be looked up in page tables;
 * - `kernel-entry`: a process entered the one kernel there is, by a system call or a fault.
 */
export type EventType =
  | "trap"
  | "exit"
  | "hypercall"
  | "callout"
  | "injection"
  | "domain-switch"
  | "device"
  | "page-table"
  | "translation"
  | "kernel-entry";

export interface MonitorEvent {
  type: EventType;
  /** What it was, in the words of the processor's manual: "#GP CLI", "IOIO", "mmu_update". */
  reason: string;
  /** Where the guest was: its own EIP and privilege level. */
  eip: number;
  level: number;
  /** Instructions the processor had executed, the monitor's entry code included. */
  at: number;
  /** Fields of the VMCB that are not as they were at VMRUN. */
  vmcb?: readonly FieldChange[];
}

export interface FieldChange {
  /** The manual's name. */
  field: string;
  before: number;
  after: number;
}

/** Events that are kept one by one; counting goes on. */
const KEPT = 20_000;

export class EventLog {
  readonly list: MonitorEvent[] = [];
  /** By type and reason. */
  private readonly counters = new Map<string, number>();

  add(
    type: EventType,
    reason: string,
    eip: number,
    level: number,
    at: number,
    vmcb?: readonly FieldChange[],
  ): void {
    this.count(type, reason);
    if (this.list.length >= KEPT) return;
    this.list.push({ type, reason, eip: eip >>> 0, level, at, ...(vmcb !== undefined && { vmcb }) });
  }

  /** For what happens too often to be listed. */
  count(type: EventType, reason: string, times = 1): void {
    const key = `${type} ${reason}`;
    this.counters.set(key, (this.counters.get(key) ?? 0) + times);
  }

  /** For what is counted elsewhere. */
  set(type: EventType, reason: string, count: number): void {
    if (count > 0) this.counters.set(`${type} ${reason}`, count);
  }

  /** `{"exit IOIO": 5}`, in alphabetical order. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.counters].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** How often it was, by its name in `counts`. */
  of(key: string): number {
    return this.counters.get(key) ?? 0;
  }
}
