/** The comparison's Worker: a run takes tens of milliseconds, which the page's thread does not have. */
import { expose } from "comlink";
import type { Workload } from "../guest-kernel/workloads.ts";
import { validate, type ValidatedCell } from "../architectures/validation.ts";
import type { Architecture } from "./architecture.ts";
import { compareOn, type ComparedRun } from "./comparison.ts";

export interface ComparisonControl {
  compare(architecture: Architecture, workload: Workload): Promise<ComparedRun>;
  validate(): Promise<ValidatedCell[]>;
}

const control: ComparisonControl = {
  compare: async (architecture, workload) => compareOn(architecture, workload),
  validate: async () => validate(),
};
expose(control);
