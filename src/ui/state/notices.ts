/**
 * What the page tells beside the task log. There is one notice for a machine: a newer one takes its place, and when the
 * machine starts again it goes. Others go by themselves after a while, unless they are dangers or last.
 */
import { faultChain, type TripleFault } from "../../emulator/triple-fault.ts";
import type { LibraryEntry } from "../../hypervisor-model/virtual-machines/library.ts";
import type { EndReason } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import type { TaskLog } from "../../hypervisor-model/virtual-machines/task-log.ts";
import { sentenceFor, type Sentence } from "./failure.ts";
import { signal } from "./signals.ts";

const MOST = 3;
const EXPIRES_MS = 30_000;

export interface Notice {
  id: number;
  kind: "info" | "warning" | "danger";
  title: Sentence;
  text: Sentence;
  /** The machine it speaks of. */
  machine?: string;
  /** The machine it offers to start. */
  start?: { id: string; name: string };
  /** What it offers to do. */
  act?: { label: Sentence; run: () => void };
  /** Stays until it is dismissed. */
  lasts?: boolean;
}

export const notices = signal<readonly Notice[]>([]);
let number = 0;
/** The last triple fault that was told of a machine. */
const told = new Map<string, string>();

export function notify(
  kind: Notice["kind"],
  title: Sentence,
  text: Sentence,
  more: Pick<Notice, "machine" | "start" | "act" | "lasts"> = {},
): void {
  const notice = { id: ++number, kind, title, text, ...more };
  const others = notices.get().filter(({ machine }) => machine === undefined || machine !== more.machine);
  const lasting = others.filter(({ lasts }) => lasts);
  const passing = others.filter(({ lasts }) => !lasts).slice(-MOST + 1);
  notices.set([...lasting, ...passing, notice]);
  if (kind !== "danger" && !more.lasts && !more.start && !more.act)
    setTimeout(() => dismiss(notice.id), EXPIRES_MS);
}

export function dismiss(id: number): void {
  notices.set(notices.get().filter((notice) => notice.id !== id));
}

/** What was told of a machine that has been started or deleted since. */
export function dismissOf(machine: string): void {
  told.delete(machine);
  if (notices.get().some((notice) => notice.machine === machine))
    notices.set(notices.get().filter((notice) => notice.machine !== machine));
}

/** What was asked of the machine `name` failed; `machine` is its id, if it is in the library. */
export function tellFailure(name: string, memoryMiB: number, error: unknown, machine?: string): void {
  notify("danger", (m) => `${name}: ${m.error.title}`, sentenceFor(error, name, memoryMiB), { machine });
}

/** How a machine ended by itself: a line in the log, and a notice when something went wrong. */
export async function tellEnd(
  reason: EndReason,
  machine: { id: string; name: string },
  tasks: TaskLog,
): Promise<void> {
  const { id, name } = machine;
  switch (reason.type) {
    case "power-off":
    case "suspended":
      return;
    case "halted":
      await tasks.note("guest-shut-down", machine);
      return;
    case "panicked":
      await tasks.note("guest-panicked", machine, { line: reason.line });
      notify(
        "danger",
        (m) => `${name}: ${m.stopped.panicTitle}`,
        (m) => m.stopped.panic(reason.line.slice(0, 200)),
        { machine: id, start: machine },
      );
      return;
    case "no-kernel":
      await tasks.note("no-kernel", machine, { error: reason.error.message });
      notify(
        "danger",
        (m) => `${name}: ${m.stopped.noKernelTitle}`,
        (m) => `${m.stopped.noKernel} ${sentenceFor(reason.error, name, 0)(m)}`,
        { machine: id, start: machine },
      );
      return;
    case "crashed":
      await tasks.note("crash", machine, { error: reason.detail });
      notify(
        "danger",
        (m) => m.stopped.crashedTitle,
        (m) => m.error.workerDied(name),
        { machine: id, start: machine },
      );
      return;
    default:
      reason satisfies never;
  }
}

/**
 * The guest's processor shut down, and the machine began again. A guest that does the same with every start tells it once,
 * until the machine is started anew.
 */
export function tellTripleFault(fault: TripleFault, { id, name }: { id: string; name: string }): void {
  const chain = faultChain(fault);
  if (told.get(id) === chain) return;
  told.set(id, chain);
  notify(
    "danger",
    (m) => `${name}: ${m.stopped.tripleFaultTitle}`,
    (m) => m.stopped.tripleFault(chain, fault.nowhere),
    { machine: id },
  );
}

/** Whether a newer version of Ringside wrote what this one cannot read. */
export function isNewer({ problems }: Extract<LibraryEntry, { type: "unreadable" }>): boolean {
  return problems.some(({ reason }) => reason.key === "newer-version");
}

/** What the library was found with when the page opened. */
export function tellEntries(entries: readonly LibraryEntry[]): void {
  for (const entry of entries) {
    if (entry.type === "unreadable") {
      const { name } = entry;
      const newer = isNewer(entry);
      notify(
        "warning",
        (m) => (newer ? m.notice.newerTitle : m.notice.unreadableTitle),
        (m) => (newer ? m.notice.newer(name) : m.notice.unreadable(name)),
      );
    } else if (entry.power.state === "interrupted") {
      const { id, name } = entry.definition;
      notify(
        "info",
        (m) => m.notice.interruptedTitle,
        (m) => m.notice.interrupted(name),
        { machine: id, start: { id, name } },
      );
    }
  }
}
