/** One cell of the comparison: a workload on an architecture, executed, with the events behind the numbers. */
import { sourceLine, type SourceLine } from "../guest-kernel/guest-kernel.ts";
import type { Workload } from "../guest-kernel/workloads.ts";
import { FigureBook } from "../architectures/figures.ts";
import { SHOWN_ITERATIONS } from "./architecture.ts";
import { createMonitor, INSTRUCTION_LIMIT, perIteration } from "./architectures.ts";
import type { Architecture } from "./architecture.ts";
import type { EventType, MonitorEvent } from "./events.ts";

/** Ways from the guest to who is above it: what a workload is compared by. */
export const TRANSITIONS: readonly EventType[] = [
  "trap",
  "exit",
  "hypercall",
  "callout",
  "domain-switch",
  "kernel-entry",
];

export interface ComparedEvent extends MonitorEvent {
  source: SourceLine | undefined;
}

export interface ComparedRun {
  architecture: Architecture;
  workload: Workload;
  /** Of one iteration. */
  instructions: number;
  counts: Record<string, number>;
  transitions: number;
  /** What the world switches of an iteration cost by generation of processor: modelled. Empty where none was counted. */
  switchCosts: SwitchCost[];
  /** Every event of a run of SHOWN_ITERATIONS, boot included. */
  events: ComparedEvent[];
}

export interface SwitchCost {
  processor: string;
  /** For exit, an empty handler and entry; the monitor's own work is not in it. */
  cycles: number;
}

const ROUND_TRIPS = { paper: "Agesen et al., USENIX ATC 2012", table: "Table 1 hardware round-trip latency" };

/** Counted exits × the published round trip of each generation. */
function switchCosts(counts: Record<string, number>): SwitchCost[] {
  let exits = 0;
  for (const [name, count] of Object.entries(counts)) if (name.startsWith("exit ")) exits += count;
  if (exits === 0) return [];
  return new FigureBook()
    .table(ROUND_TRIPS.paper, ROUND_TRIPS.table)
    .map(({ system, value }) => ({ processor: system, cycles: exits * value }));
}

export function transitionsOf(counts: Record<string, number>): number {
  let sum = 0;
  for (const [name, count] of Object.entries(counts)) {
    if (TRANSITIONS.some((type) => name.startsWith(`${type} `))) sum += count;
  }
  return sum;
}

export function compareOn(architecture: Architecture, workload: Workload): ComparedRun {
  const { instructions, counts } = perIteration(architecture, workload);
  const monitor = createMonitor(architecture, workload, SHOWN_ITERATIONS);
  monitor.run(INSTRUCTION_LIMIT);
  const own = architecture === "paravirtual" ? "paravirtual" : "native";
  const events = monitor.events.list.map((event) => ({
    ...event,
    source: sourceLine(event.reason.startsWith("dom0 ") ? "dom0" : own, event.eip),
  }));
  return {
    architecture,
    workload,
    instructions,
    counts,
    transitions: transitionsOf(counts),
    switchCosts: switchCosts(counts),
    events,
  };
}
