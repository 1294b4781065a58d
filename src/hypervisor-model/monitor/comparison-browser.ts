/** The comparison's thread in the page. */
import { wrap } from "comlink";
import type { ComparisonControl } from "./comparison-worker.ts";

export interface Comparison {
  control: ComparisonControl;
  close(): void;
}

export function startComparison(): Comparison {
  const worker = new Worker(new URL("./comparison-worker.ts", import.meta.url), { type: "module" });
  const remote = wrap<ComparisonControl>(worker);
  return {
    control: {
      compare: (architecture, workload) => remote.compare(architecture, workload),
      validate: () => remote.validate(),
    },
    close: () => worker.terminate(),
  };
}
