/** The task log: a timestamped line for each action on a machine, kept in the store, the oldest dropped. */
import type { Store } from "../storage/store.ts";
import type { MachineAction } from "./lifecycle.ts";
import type { LibraryPeers } from "./library-peers.ts";

export const TASK_LOG_COLLECTION = "task-log";
export const TASK_LOG_LIMIT = 500;

export type TaskName =
  | MachineAction
  | "create"
  | "edit"
  | "clone"
  | "snapshot-delete"
  /** What happened without being asked for. */
  | "guest-shut-down"
  | "guest-panicked"
  | "no-kernel"
  | "crash"
  | "interrupted";

export type TaskOutcome = "running" | "done" | "failed" | "interrupted";

export interface TaskEntry {
  /** Grows with each entry; entries of two pages may share one. */
  number: number;
  /** Milliseconds since 1970. */
  time: number;
  machine: { id: string; name: string } | null;
  task: TaskName;
  outcome: TaskOutcome;
  /** How long it took, when it has ended. */
  seconds: number | null;
  /** What the page's text for this task needs, such as the new name or the error's message. */
  parameters: Record<string, string | number>;
  /** The page that does it. */
  owner: string;
}

export interface RunningTask {
  done(parameters?: TaskEntry["parameters"]): Promise<void>;
  failed(parameters?: TaskEntry["parameters"]): Promise<void>;
}

/** What an error says: in words for a log in English, and in parts for a text in any language. */
export function failureParameters(error: unknown): TaskEntry["parameters"] {
  if (!(error instanceof Error)) return { error: String(error) };
  const { name, message, found, expected, problem, refusal, reason } = error as Error &
    Record<string, unknown>;
  const parts = JSON.stringify({ found, expected, problem, refusal, reason });
  return { error: message, errorName: name, ...(parts === "{}" ? {} : { parts }) };
}

/** The error that these parameters are of, as far as they tell. */
export function errorOfParameters({
  error,
  errorName = "Error",
  parts = "{}",
}: TaskEntry["parameters"]): Error {
  const again = new Error(String(error));
  again.name = String(errorName);
  return Object.assign(again, JSON.parse(String(parts)) as object);
}

const keyOf = ({ number, owner }: TaskEntry) => `${String(number).padStart(12, "0")}/${owner}`;
const deletion = (entry: TaskEntry) => ({ collection: TASK_LOG_COLLECTION, key: keyOf(entry) });

export class TaskLog {
  readonly #store: Store;
  readonly #peers: LibraryPeers;
  readonly #now: () => number;
  readonly #changed: () => void;
  #entries: TaskEntry[] = [];
  /** By key: what is being written, and so may be missing from what is read meanwhile. */
  readonly #pending = new Map<string, TaskEntry>();
  readonly #gone = new Set<string>();

  constructor(store: Store, peers: LibraryPeers, now: () => number, changed: () => void) {
    this.#store = store;
    this.#peers = peers;
    this.#now = now;
    this.#changed = changed;
  }

  /** Oldest first. */
  get entries(): readonly TaskEntry[] {
    return this.#entries;
  }

  /** Reads the log from the store; what a page that is gone had begun is marked interrupted. */
  async read(): Promise<void> {
    const stored = await this.#store.list(TASK_LOG_COLLECTION);
    const entries = new Map(stored.map(({ key, value }) => [key, value as TaskEntry]));
    const running = [...entries.values()].filter((entry) => entry.outcome === "running");
    const owners = new Set(running.map((entry) => entry.owner));
    await Promise.all(
      [...owners].map(async (owner) => {
        if (!this.#gone.has(owner) && !(await this.#peers.isAlive(owner))) this.#gone.add(owner);
      }),
    );
    for (const entry of running) if (this.#gone.has(entry.owner)) entry.outcome = "interrupted";
    for (const [key, entry] of this.#pending) entries.set(key, entry);
    this.#entries = [...entries.values()].sort((a, b) => a.number - b.number);
  }

  async begin(
    task: TaskName,
    machine: TaskEntry["machine"],
    parameters: TaskEntry["parameters"] = {},
  ): Promise<RunningTask> {
    const entry = this.#add(task, machine, "running", parameters);
    const end = async (outcome: TaskOutcome, added: TaskEntry["parameters"] = {}) => {
      const seconds = (this.#now() - entry.time) / 1000;
      await this.#write({ ...entry, outcome, seconds, parameters: { ...entry.parameters, ...added } });
    };
    await this.#write(entry);
    return { done: (added) => end("done", added), failed: (added) => end("failed", added) };
  }

  /** An entry for what `act` does. */
  async during<T>(
    task: TaskName,
    machine: TaskEntry["machine"],
    parameters: TaskEntry["parameters"],
    act: () => Promise<T>,
  ): Promise<T> {
    const entry = await this.begin(task, machine, parameters);
    try {
      const result = await act();
      await entry.done();
      return result;
    } catch (error) {
      await entry.failed(failureParameters(error));
      throw error;
    }
  }

  /** An entry for what has already happened. */
  async note(
    task: TaskName,
    machine: TaskEntry["machine"],
    parameters: TaskEntry["parameters"] = {},
  ): Promise<void> {
    await this.#write(this.#add(task, machine, "done", parameters));
  }

  #add(
    task: TaskName,
    machine: TaskEntry["machine"],
    outcome: TaskOutcome,
    parameters: TaskEntry["parameters"],
  ): TaskEntry {
    const entry: TaskEntry = {
      number: (this.#entries.at(-1)?.number ?? 0) + 1,
      time: this.#now(),
      machine,
      task,
      outcome,
      seconds: outcome === "running" ? null : 0,
      parameters,
      owner: this.#peers.self,
    };
    this.#entries = [...this.#entries, entry];
    return entry;
  }

  async clear(): Promise<void> {
    const ended = this.#entries.filter((entry) => entry.outcome !== "running");
    this.#entries = this.#entries.filter((entry) => entry.outcome === "running");
    await this.#store.commit({ delete: ended.map(deletion), durability: "relaxed" });
    this.#changed();
  }

  async #write(entry: TaskEntry): Promise<void> {
    const key = keyOf(entry);
    const kept = this.#entries.map((old) => (keyOf(old) === key ? entry : old));
    const dropped = kept.slice(0, Math.max(0, kept.length - TASK_LOG_LIMIT));
    this.#entries = kept.slice(dropped.length);
    this.#pending.set(key, entry);
    this.#changed();
    try {
      await this.#store.commit({
        put: [{ collection: TASK_LOG_COLLECTION, key, value: entry }],
        delete: dropped.map(deletion),
        durability: "relaxed",
      });
    } finally {
      if (this.#pending.get(key) === entry) this.#pending.delete(key);
    }
  }
}
