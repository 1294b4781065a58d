/** A workload run on an architecture, and what one iteration of it costs there. */
import { guestKernel, kernelProgram } from "../guest-kernel/guest-kernel.ts";
import type { Workload } from "../guest-kernel/workloads.ts";
import type { Architecture } from "./architecture.ts";
import { BinaryTranslation } from "./binary-translation.ts";
import { Container } from "./container.ts";
import { Emulation } from "./emulation.ts";
import { HardwareAssisted } from "./hardware-assisted.ts";
import { memoryDigest, type Monitor, type MonitorEnd } from "./monitor.ts";
import { Paravirtual } from "./paravirtual.ts";
import { TrapAndEmulate } from "./trap-and-emulate.ts";

/** A run ends here at the latest. */
export const INSTRUCTION_LIMIT = 20_000_000;
export const LARGEST_ITERATIONS = 200;

export function createMonitor(architecture: Architecture, workload: Workload, iterations: number): Monitor {
  const program = kernelProgram(workload, iterations);
  switch (architecture) {
    case "emulation":
      return new Emulation(program);
    case "trap-and-emulate":
      return new TrapAndEmulate(program);
    case "binary-translation":
      return new BinaryTranslation(program);
    case "paravirtual":
      return new Paravirtual(
        kernelProgram(workload, iterations, "paravirtual"),
        guestKernel("paravirtual").labels.get("machine_offset")!,
      );
    case "svm-shadow":
      return new HardwareAssisted(program, "shadow");
    case "svm-nested":
      return new HardwareAssisted(program, "nested");
    case "container":
      return new Container(program);
    default:
      return architecture satisfies never;
  }
}

export interface WorkloadRun {
  architecture: Architecture;
  workload: Workload;
  iterations: number;
  end: MonitorEnd;
  /** Executed for the guest: its own, or what they were translated to. */
  instructions: number;
  /** By type and reason, boot included. */
  counts: Record<string, number>;
  /** FNV-1a of the guest's memory at the end. */
  digest: string;
}

/** `iterations` from 1 to LARGEST_ITERATIONS. */
export function runWorkload(architecture: Architecture, workload: Workload, iterations: number): WorkloadRun {
  const monitor = createMonitor(architecture, workload, iterations);
  const end = monitor.run(INSTRUCTION_LIMIT);
  return {
    architecture,
    workload,
    iterations,
    end,
    instructions: monitor.guestInstructions,
    counts: monitor.events.counts(),
    digest: memoryDigest(monitor),
  };
}

export interface IterationCounts {
  instructions: number;
  counts: Record<string, number>;
}

/**
 * What one iteration costs once everything is warm: the difference of two runs, so that boot and first touches fall out. Both are
 * executed; a count that is no whole number says that iterations differ.
 */
export function perIteration(
  architecture: Architecture,
  workload: Workload,
  iterations = 10,
): IterationCounts {
  const short = runWorkload(architecture, workload, iterations);
  const long = runWorkload(architecture, workload, iterations * 2);
  for (const { end } of [short, long]) {
    if (end.type !== "finished") throw new Error(`${workload} on ${architecture} ended as ${end.type}`);
  }
  const counts: Record<string, number> = {};
  for (const [name, count] of Object.entries(long.counts)) {
    const each = (count - (short.counts[name] ?? 0)) / iterations;
    if (each !== 0) counts[name] = each;
  }
  return { instructions: (long.instructions - short.instructions) / iterations, counts };
}
