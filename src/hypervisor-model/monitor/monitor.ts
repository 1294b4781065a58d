/** What all monitors have in common: a processor that runs a guest, the guest's board, what was counted. */
import type { Cpu } from "../../emulator/core/cpu/cpu.ts";
import type { PhysicalMemory } from "../../emulator/core/memory/physical-memory.ts";
import {
  GUEST_MEMORY_BYTES,
  KERNEL_ORIGIN,
  PARAMETERS,
  type GuestProgram,
} from "../guest-kernel/guest-kernel.ts";
import type { EventLog } from "./events.ts";
import type { GuestBoard } from "./guest-board.ts";

export type MonitorEnd =
  /** The kernel has written to its exit port. */
  | { type: "finished" }
  /** So many instructions were executed without an end. */
  | { type: "limit" }
  /** A fault of the guest could not be delivered to it. */
  | { type: "triple-fault"; eip: number }
  /** HLT, and nothing will ever wake it. */
  | { type: "halted" }
  /** The guest asked for what this monitor does not do. */
  | { type: "refused"; why: string };

export interface Monitor {
  readonly cpu: Cpu;
  readonly events: EventLog;
  readonly board: GuestBoard;
  /** Where guest-physical 0 is in `cpu.memory`. */
  readonly guestBase: number;
  /** Instructions of the guest itself. */
  readonly guestInstructions: number;
  run(maximum: number): MonitorEnd;
}

export function loadProgram(memory: PhysicalMemory, guestBase: number, program: GuestProgram): void {
  memory.load(guestBase + KERNEL_ORIGIN, program.image);
  memory.write32(guestBase + PARAMETERS, program.workload);
  memory.write32(guestBase + PARAMETERS + 4, program.iterations);
}

/** FNV-1a of the guest's memory, 32 bits, as hexadecimal digits. */
export function memoryDigest({ cpu, guestBase }: Monitor): string {
  let hash = 0x811c9dc5;
  for (let at = guestBase; at < guestBase + GUEST_MEMORY_BYTES; at++) {
    hash = Math.imul(hash ^ cpu.memory.bytes[at], 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

export function resultWord({ cpu, guestBase }: Monitor, address: number): number {
  return cpu.memory.read32(guestBase + address);
}
