/** `ringside compare`: the teaching kernel's workloads on every architecture, counted as they are executed. */
import { WORKLOADS, type Workload } from "../hypervisor-model/guest-kernel/workloads.ts";
import {
  createMonitor,
  INSTRUCTION_LIMIT,
  LARGEST_ITERATIONS,
  perIteration,
  runWorkload,
} from "../hypervisor-model/monitor/architectures.ts";
import { ARCHITECTURES, type Architecture } from "../hypervisor-model/monitor/architecture.ts";
import {
  runSensitiveInstruction,
  SENSITIVE_INSTRUCTIONS,
  type SensitiveResult,
} from "../hypervisor-model/monitor/sensitive-instructions.ts";
import { readOptions, UsageError, wholeNumber } from "./options.ts";

export const COMPARE_HELP = `ringside compare [WORKLOAD…] [--on ARCHITECTURE]… [--iterations N] [--events] [--json]    one guest on every architecture

  --on A          one architecture, or several by repeating it (default: all)
  --iterations N  whole runs of N iterations, boot included, instead of the events of one iteration
  --events        with one workload, --on and --iterations: every event in its order
  --sensitive     the sensitive instructions of x86, in ring 0 and in ring 1 under trap-and-emulate
  --json          the same as JSON

Workloads: ${WORKLOADS.join(", ")}.
Architectures: ${ARCHITECTURES.join(", ")}.
Every count is of events that were executed on the core.
`;

const OPTIONS = {
  on: { type: "string", multiple: true },
  iterations: { type: "string" },
  events: { type: "boolean" },
  sensitive: { type: "boolean" },
  json: { type: "boolean" },
} as const;

function choose<T extends string>(kind: string, known: readonly T[], asked: readonly string[]): T[] {
  for (const name of asked) {
    if (!(known as readonly string[]).includes(name)) {
      throw new UsageError(`no ${kind} "${name}"; there are: ${known.join(", ")}`);
    }
  }
  return asked.length === 0 ? [...known] : (asked as T[]);
}

function countsText(counts: Record<string, number>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return parts.length === 0 ? "no event" : parts.join(", ");
}

interface Row {
  workload: Workload;
  architecture: Architecture;
  instructions: number;
  counts: Record<string, number>;
}

const print = (line: string) => void process.stdout.write(`${line}\n`);

function printRows(rows: readonly Row[]): void {
  let workload = "";
  for (const row of rows) {
    if (row.workload !== workload) {
      workload = row.workload;
      print(workload);
    }
    const name = row.architecture.padEnd(20);
    print(`  ${name} ${String(row.instructions).padStart(8)} instructions  ${countsText(row.counts)}`);
  }
}

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0");

function printEvents(architecture: Architecture, workload: Workload, iterations: number): void {
  const monitor = createMonitor(architecture, workload, iterations);
  const end = monitor.run(INSTRUCTION_LIMIT);
  for (const { at, level, eip, type, reason } of monitor.events.list) {
    print(`${String(at).padStart(9)}  ring ${level}  ${hex(eip, 8)}  ${type.padEnd(13)} ${reason}`);
  }
  print(`ended: ${end.type}`);
}

function sensitive(json: boolean): number {
  const runs = SENSITIVE_INSTRUCTIONS.map(runSensitiveInstruction);
  if (json) {
    print(JSON.stringify(runs));
    return 0;
  }
  const text = ({ value }: SensitiveResult) => (value === undefined ? "-" : `${hex(value, 1)}h`);
  for (const { mnemonic, bare, deprivileged, trapped, shows } of runs) {
    const columns = `${mnemonic.padEnd(6)} ${text(bare).padStart(10)} ${text(deprivileged).padStart(10)}`;
    print(`${columns}  ${(trapped ? "faults" : "no trap").padEnd(8)} ${shows}`);
  }
  return 0;
}

export async function compare(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, OPTIONS);
  if (values.sensitive === true) return sensitive(values.json === true);
  const workloads = choose("workload", WORKLOADS, positionals);
  const architectures = choose("architecture", ARCHITECTURES, values.on ?? []);
  const iterations = wholeNumber("iterations", values.iterations);
  if (iterations !== undefined && (iterations < 1 || iterations > LARGEST_ITERATIONS)) {
    throw new UsageError(`--iterations: expected 1 to ${LARGEST_ITERATIONS}, found ${iterations}`);
  }
  if (values.events === true) {
    if (workloads.length !== 1 || architectures.length !== 1 || iterations === undefined) {
      throw new UsageError("--events needs one workload, one --on and --iterations");
    }
    printEvents(architectures[0], workloads[0], iterations);
    return 0;
  }
  const rows = workloads.flatMap((workload) =>
    architectures.map((architecture) => ({
      workload,
      architecture,
      ...(iterations === undefined
        ? // Booting has no iterations: its run is the difference to nothing.
          workload === "boot"
          ? runWorkload(architecture, workload, 1)
          : perIteration(architecture, workload)
        : runWorkload(architecture, workload, iterations)),
    })),
  );
  if (values.json === true) print(JSON.stringify(rows));
  else printRows(rows);
  return 0;
}
