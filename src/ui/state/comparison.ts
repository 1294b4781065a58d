/** The state of the architectures' comparison: what is chosen, what was predicted, what was executed. */
import type { Workload } from "../../hypervisor-model/guest-kernel/workloads.ts";
import { ARCHITECTURES, type Architecture } from "../../hypervisor-model/monitor/architecture.ts";
import type { ComparedRun } from "../../hypervisor-model/monitor/comparison.ts";
import { startComparison, type Comparison } from "../../hypervisor-model/monitor/comparison-browser.ts";
import type { ValidatedCell } from "../../hypervisor-model/architectures/validation.ts";
import { signal } from "./signals.ts";

export const chosenWorkloads = signal<readonly Workload[]>([
  "system-call",
  "page-fault",
  "page-table",
  "file-read",
]);
export const chosenArchitectures = signal<readonly Architecture[]>(ARCHITECTURES);
/** Which architecture is expected to have most transitions, by workload. */
export const predictions = signal<ReadonlyMap<Workload, Architecture>>(new Map());
export const runs = signal<ReadonlyMap<string, ComparedRun>>(new Map());
/** Cells that are still to be executed; 0 when nothing runs. */
export const remaining = signal(0);
export const comparisonProblem = signal("");

export const cellKey = (workload: Workload, architecture: Architecture) => `${workload} ${architecture}`;

export function predict(workload: Workload, architecture: Architecture): void {
  predictions.set(new Map(predictions.get()).set(workload, architecture));
}

let thread: Comparison | undefined;

/** Executes what is chosen, cell by cell; what has been executed already is not again: it would be the same. */
export async function runComparison(): Promise<void> {
  if (remaining.get() > 0) return;
  const wanted = chosenWorkloads
    .get()
    .flatMap((workload) => chosenArchitectures.get().map((architecture) => ({ workload, architecture })))
    .filter(({ workload, architecture }) => !runs.get().has(cellKey(workload, architecture)));
  remaining.set(wanted.length);
  comparisonProblem.set("");
  thread ??= startComparison();
  try {
    for (const { workload, architecture } of wanted) {
      const run = await thread.control.compare(architecture, workload);
      runs.set(new Map(runs.get()).set(cellKey(workload, architecture), run));
      remaining.set(remaining.get() - 1);
    }
  } catch (error) {
    comparisonProblem.set((error as Error).message);
  }
  remaining.set(0);
}

/** Predicted against published; empty until it was asked for. */
export const validation = signal<readonly ValidatedCell[]>([]);

export async function loadValidation(): Promise<void> {
  if (validation.get().length > 0) return;
  comparisonProblem.set("");
  thread ??= startComparison();
  try {
    validation.set(await thread.control.validate());
  } catch (error) {
    comparisonProblem.set((error as Error).message);
  }
}

/** The architectures that have most transitions of those executed; empty before any was. */
export function most(workload: Workload): Architecture[] {
  const done = chosenArchitectures.get().flatMap((architecture) => {
    const run = runs.get().get(cellKey(workload, architecture));
    return run === undefined ? [] : [run];
  });
  const highest = Math.max(0, ...done.map(({ transitions }) => transitions));
  return done.filter(({ transitions }) => transitions === highest).map(({ architecture }) => architecture);
}
