/** Saving and restoring: guest memory beside v86's own state, and the mend for three CPU fields v86 loses. */
import { PAGE_SIZE } from "../machine.ts";
import type { Cpu } from "./internals.ts";

/** What `MachineState.devices` holds. */
export interface DeviceState {
  /** v86's own state without guest memory. */
  v86: Uint8Array;
  virtualMilliseconds: number;
  halted: boolean;
  /** Bytes on their way into COM1 and COM2. */
  serialInput: number[][];
  nics: unknown[];
  links: boolean[];
}

/** The pages that are not all zero. */
export function readPages(cpu: Cpu, memory: Uint8Array): { pageNumbers: Uint32Array; pages: Uint8Array } {
  const used: number[] = [];
  for (let address = 0; address < memory.length; address += PAGE_SIZE) {
    if (!cpu.is_memory_zeroed(address, PAGE_SIZE)) used.push(address / PAGE_SIZE);
  }
  const pages = new Uint8Array(used.length * PAGE_SIZE);
  used.forEach((page, i) => {
    pages.set(memory.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE), i * PAGE_SIZE);
  });
  return { pageNumbers: Uint32Array.from(used), pages };
}

/**
 * v86's `set_state` puts arrays in place of its views of these three registers: the CPU keeps its old values, and the
 * next save takes the dead copies. The values are written through the views and the views put back.
 */
export function restoreCpuFields(cpu: Cpu, restore: () => void): void {
  const { last_result, fpu_status_word, mxcsr } = cpu;
  restore();
  const mend = <K extends "last_result" | "fpu_status_word" | "mxcsr">(name: K, view: Cpu[K]) => {
    if (cpu[name] === view) return;
    view[0] = cpu[name][0];
    cpu[name] = view;
  };
  mend("last_result", last_result);
  mend("fpu_status_word", fpu_status_word);
  mend("mxcsr", mxcsr);
}

/**
 * v86 moves the I/O ports of every BAR with bit 0 set, those included that a device does not have: it fails on the IDE
 * controller's as long as the firmware has not cleared them. For the time of a restore they are bars of no length.
 */
export function withWholeBars(cpu: Cpu, restore: () => void): void {
  const added: { bars: unknown[]; index: number }[] = [];
  for (const device of cpu.devices.pci.devices) {
    const bars = device?.pci_bars ?? [];
    for (let index = 0; index < bars.length; index++) {
      if (bars[index] !== undefined) continue;
      bars[index] = { size: 0, original_bar: 0, entries: [] };
      added.push({ bars, index });
    }
  }
  try {
    restore();
  } finally {
    for (const { bars, index } of added) bars[index] = undefined;
  }
}

/** Calls v86 with its memory packing switched off: pages are ours. */
export function withoutMemory<T>(cpu: Cpu, call: () => T): T {
  const { pack_memory: pack, unpack_memory: unpack } = cpu;
  cpu.pack_memory = () => ({
    bitmap: { get_buffer: () => new ArrayBuffer(PAGE_SIZE) },
    packed_memory: new Uint8Array(0),
  });
  cpu.unpack_memory = () => undefined;
  try {
    return call();
  } finally {
    cpu.pack_memory = pack;
    cpu.unpack_memory = unpack;
  }
}
