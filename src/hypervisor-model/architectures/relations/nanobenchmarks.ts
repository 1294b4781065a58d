/**
 * Adams & Agesen, ASPLOS 2006: what a nanobenchmark costs under binary translation and under first-generation VT-x with shadow
 * paging, from the events it causes there. The cost of an event is taken from the paper's other rows, never from the row asked.
 */
import type { CellName, FigureBook } from "../figures.ts";
import { perIteration } from "../../monitor/architectures.ts";
import type { Architecture } from "../../monitor/architecture.ts";
import type { EventType } from "../../monitor/events.ts";
import type { Workload } from "../../guest-kernel/workloads.ts";
import { executed, formula, type Estimate } from "../relation.ts";

export const ADAMS = "Adams & Agesen, ASPLOS 2006";
const TABLE = "raw-data appendix / Fig. 4 nanobenchmarks";
const BT = "software VMM (binary translation)";
const VT = "hardware VMM (VT-x gen 1, shadow paging)";

const SYSCALL = "syscall+sysret round trip";
const IN = "in from port 0x80";
const TPR = "write %cr8 (no pending interrupt)";
const CALL = "call/ret pair";
const PAGE_FAULT = "true page fault";
const DIVIDE = "divide-by-zero fault";
const PTE_SAME = "PTE write, value unchanged (traced page)";
const PTE_CLEAR = "PTE write, present to not-present";
const PTE_SET = "PTE write, not-present to present";

const ROWS = [SYSCALL, IN, TPR, CALL, PAGE_FAULT, DIVIDE, PTE_SAME, PTE_CLEAR, PTE_SET];

/**
 * The teaching kernel's workload that does what a row measures, and how often an iteration does it. CR8 is left out: the kernel's
 * task priority is in memory, which exits where CR8 does not. INT 80h stands for SYSCALL.
 */
const WORKLOAD_OF: Readonly<Record<string, [workload: Workload, times: number]>> = {
  [SYSCALL]: ["system-call", 1],
  [IN]: ["port-input", 1],
  [CALL]: ["call-return", 1],
  [PAGE_FAULT]: ["page-fault", 1],
  [DIVIDE]: ["divide-error", 1],
  [PTE_SAME]: ["page-table", 2],
  [PTE_CLEAR]: ["page-table", 2],
  [PTE_SET]: ["page-table", 2],
};

const counted = new Map<string, number>();

/** Events of a type that one operation of a row causes, executed on the core; undefined where no workload does it. */
function countedEvents(metric: string, architecture: Architecture, type: EventType): number | undefined {
  if (WORKLOAD_OF[metric] === undefined) return undefined;
  const [workload, times] = WORKLOAD_OF[metric];
  const key = `${architecture} ${workload} ${type}`;
  let count = counted.get(key);
  if (count === undefined) {
    count = 0;
    for (const [name, each] of Object.entries(perIteration(architecture, workload).counts)) {
      if (name.startsWith(`${type} `)) count += each;
    }
    counted.set(key, count);
  }
  return count / times;
}

/** Rows in which the guest's kernel is entered by a trap, which the translator's monitor delivers. */
const entries = (metric: string) => countedEvents(metric, "binary-translation", "injection") ?? 0;
/** Rows that translated code does by itself, in a few instructions on the monitor's copy of the state. */
const INLINE = [IN, TPR, CALL];
const PTE_WRITES = [PTE_SAME, PTE_CLEAR, PTE_SET];

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Measured rows of a list with their native baselines. */
function measured(book: FigureBook, rows: readonly string[], system: string) {
  return book
    .table(ADAMS, TABLE)
    .filter((figure) => figure.system === system && rows.includes(figure.metric))
    .map(({ metric, value }) => ({ metric, value, native: book.value(ADAMS, metric, "native") }));
}

function hardwareMonitor(metric: string, native: number, book: FigureBook): Estimate | undefined {
  const exits = countedEvents(metric, "svm-shadow", "exit");
  if (exits === undefined) {
    return formula(native, "no exit: the guest runs the instruction directly, at its native cost");
  }
  if (exits === 0) {
    return executed(native, "0 exits counted on the core (SVM with shadow paging): its native cost");
  }
  const exiting = ROWS.filter((row) => (countedEvents(row, "svm-shadow", "exit") ?? 0) > 0);
  const alike = PTE_WRITES.includes(metric) ? PTE_WRITES : exiting;
  const others = measured(book, alike, VT).filter((row) => row.metric !== metric);
  if (others.length === 0) return undefined;
  const exit = geometricMean(others.map((row) => row.value - row.native));
  return executed(
    native + exits * exit,
    `native ${native} + ${exits} exit with its emulation, counted on the core (SVM with shadow paging), × ` +
      `${Math.round(exit)} cycles (what an exit adds in: ${others.map((row) => row.metric).join("; ")})`,
  );
}

function translator(metric: string, native: number, book: FigureBook): Estimate | undefined {
  const others = (rows: readonly string[]) => measured(book, rows, BT).filter((row) => row.metric !== metric);
  const entered = entries(metric);
  if (entered > 0) {
    const alike = others(ROWS.filter((row) => entries(row) > 0));
    if (alike.length === 0) return undefined;
    const entry = alike.reduce((sum, row) => sum + row.value - row.native, 0) / alike.length;
    return executed(
      native + entered * entry,
      `native ${native} + ${entered} entry of the guest's kernel through the monitor, counted on the core ` +
        `(binary translation), × ${Math.round(entry)} cycles (what it adds in: ` +
        `${alike.map((row) => row.metric).join("; ")})`,
    );
  }
  if (metric === CALL) {
    const inline = Math.min(...others(INLINE).map((row) => row.value));
    return formula(
      native + inline,
      `native ${native} + 1 return whose target is looked up in translated code, taken as the cheapest ` +
        `in-line emulation of the table (${inline} cycles)`,
    );
  }
  if (metric === PTE_SET || metric === PTE_CLEAR) {
    const cheapest = others(PTE_WRITES).filter((row) => row.metric !== PTE_SAME)[0];
    if (cheapest === undefined) return undefined;
    return formula(
      native + cheapest.value - cheapest.native,
      `native ${native} + the adapted store of "${cheapest.metric}": the shadow entry is made later, by a hidden fault`,
    );
  }
  return undefined;
}

export function nanobenchmarks(question: CellName, book: FigureBook): Estimate | undefined {
  if (question.paper !== ADAMS || question.table !== TABLE) return undefined;
  const native = book.native(question);
  if (native === undefined) return undefined;
  if (question.system === VT) return hardwareMonitor(question.metric, native, book);
  if (question.system === BT) return translator(question.metric, native, book);
  return undefined;
}

const WORLD = "Table 1 micro-architectural improvements";
const P4 = "P4 672 3.8 GHz";
const CORE = "Core 2 Duo 2.66 GHz";
const CLOCK: Readonly<Record<string, number>> = { [P4]: 3.8, [CORE]: 2.66 };

/** The same two processors in the later textbook's table of VT-x costs, by instruction. */
const TEXTBOOK = "Bugnion, Nieh & Tsafrir";
const SAME_PROCESSOR: Readonly<Record<string, string>> = { [P4]: "Prescott", [CORE]: "Merom" };
const SAME_EVENT: Readonly<Record<string, string>> = {
  "VM entry": "VMRESUME",
  "page-fault VM exit": "vmexit on #PF",
  "VMCB/VMCS field read": "VMREAD",
  "VMCB/VMCS field write": "VMWRITE",
};

export function worldSwitches(question: CellName, book: FigureBook): Estimate | undefined {
  if (question.paper !== ADAMS) return undefined;
  const { metric, system } = question;
  if (metric.endsWith(" time") && CLOCK[system] !== undefined) {
    const event = metric.slice(0, -" time".length);
    const cycles = worldCycles(event, system, book);
    const clock = CLOCK[system];
    return formula(cycles / clock, `${Math.round(cycles)} cycles at ${clock} GHz`);
  }
  if (question.table !== WORLD || SAME_EVENT[metric] === undefined) return undefined;
  const row = SAME_EVENT[metric];
  const column = SAME_PROCESSOR[system];
  return formula(
    book.value(TEXTBOOK, row, column),
    `the same processor in Table 4.3 of the 2017 textbook: ${row} on ${column}`,
  );
}

/** As measured in this paper, or else as the textbook has it. */
function worldCycles(event: string, system: string, book: FigureBook): number {
  const own = book.table(ADAMS, WORLD).find((figure) => figure.metric === event && figure.system === system);
  return own?.value ?? book.value(TEXTBOOK, SAME_EVENT[event] ?? event, SAME_PROCESSOR[system]);
}

const MACRO = "raw-data appendix macrobenchmarks";
const PAIRS: Readonly<Record<string, string>> = {
  "Linux kernel compile, Core": "Linux 2.6.11 kernel compile (make -j8 bzImage), P4",
  "forkwait, Core": "forkwait, 40000 fork/exit/wait, P4",
};

/**
 * The same work on a later processor: what the monitor adds is software, which gets faster as the native run does, and on VT-x
 * world switches too, which get faster as entry and exit do. Their shares are those of a page fault on the earlier processor.
 */
export function laterProcessor(question: CellName, book: FigureBook): Estimate | undefined {
  if (question.paper !== ADAMS || question.table !== MACRO || PAIRS[question.metric] === undefined)
    return undefined;
  const earlier = PAIRS[question.metric];
  const native = book.value(ADAMS, question.metric, "native");
  const before = book.value(ADAMS, earlier, "native");
  const added = book.value(ADAMS, earlier, question.system) - before;
  const software = native / before;
  if (question.system.startsWith("software")) {
    return formula(
      native + added * software,
      `native ${native} s + what the monitor added on the earlier processor (${added.toFixed(1)} s) × ` +
        `${software.toFixed(2)}, as the native run got faster`,
    );
  }
  const switches = (system: string) =>
    (worldCycles("VM entry", system, book) + worldCycles("page-fault VM exit", system, book)) / CLOCK[system];
  const faultAdds = book.value(ADAMS, PAGE_FAULT, VT) - book.value(ADAMS, PAGE_FAULT, "native");
  const hardwareShare = (switches(P4) * CLOCK[P4]) / faultAdds;
  const factor = hardwareShare * (switches(CORE) / switches(P4)) + (1 - hardwareShare) * software;
  return formula(
    native + added * factor,
    `native ${native} s + ${added.toFixed(1)} s added on the earlier processor × ${factor.toFixed(2)}: ` +
      `${Math.round(hardwareShare * 100)} % of an exit is world switch, ${switches(P4).toFixed(0)} → ` +
      `${switches(CORE).toFixed(0)} ns, the rest software`,
  );
}
