/**
 * Labs in this page: the one that is open, its journal in the store, and what a student does with it. Views read
 * `activeLab` and call these functions; what fails becomes a notice.
 */
import type { NetworkConfig } from "../../hypervisor-model/network/network-config.ts";
import { loadBot } from "../../labs/bots.ts";
import { loadLabDocument, loadLabText, type LabLanguage } from "../../labs/catalogue.ts";
import { checkStep as lookAtStep } from "../../labs/check-engine.ts";
import {
  addEntry,
  answersOf,
  JournalError,
  progressOf,
  readJournal,
  type JournalEntry,
  type LabEvent,
  type StepProgress,
} from "../../labs/journal.ts";
import { openLab as readLab, type Lab, type LabStep } from "../../labs/lab.ts";
import { parseLabText, type LabText } from "../../labs/lab-text.ts";
import { LabMachines } from "./lab-machines.ts";
import { laboratory } from "./laboratory.ts";
import { machineHost } from "./machine-host.ts";
import { openTab } from "./machines.ts";
import { notify, tellFailure } from "./notices.ts";
import { signal } from "./signals.ts";

const COLLECTION = "labs";
const VERSION = 1;

/** A lab as it is kept between visits. */
interface KeptLab {
  version: typeof VERSION;
  lab: string;
  seed: number;
  /** Of the library; `null` once the lab has been ended. */
  folder: string | null;
  /** The networks as they were before the lab. */
  networks: NetworkConfig[];
  entries: JournalEntry[];
}

/** What takes a while, and the step it is for. */
export interface LabWork {
  type: "starting" | "checking" | "solving" | "removing";
  step?: string;
}

export interface ActiveLab {
  lab: Lab;
  seed: number;
  texts: Readonly<Record<LabLanguage, LabText>>;
  /** Undefined once the lab has been ended: its journal is still there. */
  machines: LabMachines | undefined;
  entries: readonly JournalEntry[];
  progress: ReadonlyMap<string, StepProgress>;
}

export const activeLab = signal<ActiveLab | undefined>(undefined);
export const labWork = signal<LabWork | undefined>(undefined);
/** Passed steps of the labs that were begun, by id. */
export const begunLabs = signal<ReadonlyMap<string, { passed: number; seed: number }>>(new Map());

let kept: KeptLab | undefined;
let onChange: (id: string | undefined) => void = () => undefined;

/** Called with the lab that was opened, or undefined when it was closed. */
export function onLabChange(listener: typeof onChange): void {
  onChange = listener;
}

/** The lab and its texts. Throws `NoSuchLabError`, `LabError`, `LabTextError` or `LabValueError`. */
export async function loadLab(id: string, seed: number): Promise<Pick<ActiveLab, "lab" | "texts">> {
  const [document, chinese, english] = await Promise.all([
    loadLabDocument(id),
    loadLabText(id, "zh-CN"),
    loadLabText(id, "en"),
  ]);
  const texts = { "zh-CN": parseLabText(chinese), en: parseLabText(english) };
  return { lab: readLab(document, seed), texts };
}

async function readKept(id: string): Promise<KeptLab | undefined> {
  const found = (await machineHost.store?.get(COLLECTION, id)) as KeptLab | undefined;
  if (found === undefined) return undefined;
  if (found.version !== VERSION) throw new JournalError(undefined, `version ${String(found.version)}`);
  return { ...found, entries: readJournal(found.entries) };
}

/** Reads which labs were begun. One that cannot be read is left as it is, and not listed. */
export async function listBegun(): Promise<void> {
  const documents = (await machineHost.store?.list(COLLECTION)) ?? [];
  const begun = new Map<string, { passed: number; seed: number }>();
  for (const { key } of documents) {
    try {
      const found = await readKept(key);
      if (!found) continue;
      const { lab } = await loadLab(key, found.seed);
      begun.set(key, { passed: passedOf(progressOf(lab, found.entries)), seed: found.seed });
    } catch {
      // told when it is opened
    }
  }
  begunLabs.set(begun);
}

function passedOf(progress: ReadonlyMap<string, StepProgress>): number {
  return [...progress.values()].filter(({ passedAt }) => passedAt !== undefined).length;
}

function show(loaded: Pick<ActiveLab, "lab" | "texts">, document: KeptLab): void {
  kept = document;
  const { lab, texts } = loaded;
  const { seed, folder, entries } = document;
  const progress = progressOf(lab, entries);
  const machines = folder === null ? undefined : new LabMachines(lab, folder, answered);
  if (activeLab.get()?.lab.id !== lab.id) onChange(lab.id);
  activeLab.set({ lab, seed, texts, machines, entries, progress });
  begunLabs.set(new Map(begunLabs.get()).set(lab.id, { passed: passedOf(progress), seed }));
}

function answered(step: string, choice: string): void {
  void answerQuestion(step, choice);
}

async function keep(document: KeptLab): Promise<void> {
  await machineHost.store?.commit({ put: [{ collection: COLLECTION, key: document.lab, value: document }] });
}

let noting: Promise<unknown> = Promise.resolve();

/** Writes events one after another. Gives whether it was written: another tab may have gone on with the lab. */
function note(event: LabEvent): Promise<boolean> {
  const written = noting.then(() => write(event));
  noting = written.catch(() => undefined);
  return written;
}

async function write(event: LabEvent): Promise<boolean> {
  const active = activeLab.get();
  if (active === undefined || kept === undefined) return false;
  const stored = (await machineHost.store?.get(COLLECTION, kept.lab)) as KeptLab | undefined;
  if (stored !== undefined && stored.entries?.length !== kept.entries.length) {
    show(active, (await readKept(kept.lab)) ?? kept);
    notify(
      "warning",
      (m) => m.labs.otherTabTitle,
      (m) => m.labs.otherTab,
    );
    return false;
  }
  const document: KeptLab = { ...kept, entries: addEntry(kept.entries, event, Date.now()) };
  await keep(document);
  show(active, document);
  return true;
}

/** Does one thing with the lab; a second one waits for nobody: it is not done. Gives whether it was done. */
async function work(what: LabWork, act: () => Promise<void>): Promise<boolean> {
  if (labWork.get() !== undefined) return false;
  labWork.set(what);
  try {
    await act();
    return true;
  } catch (error) {
    tellFailure(activeLab.get()?.lab.id ?? "", 64, error);
    return false;
  } finally {
    labWork.set(undefined);
  }
}

/** Makes the lab's machines and networks, and begins its journal. */
export async function startLab(id: string, seed: number): Promise<void> {
  await work({ type: "starting" }, async () => {
    const loaded = await loadLab(id, seed);
    const { id: folder } = await laboratory.library.createFolder(id);
    const document: KeptLab = {
      version: VERSION,
      lab: id,
      seed,
      folder,
      networks: [...laboratory.networks.configs.get()],
      entries: addEntry([], { type: "start", lab: id, seed }, Date.now()),
    };
    await keep(document);
    show(loaded, document);
    await activeLab.get()?.machines?.prepare();
    openFirstMachine();
  });
}

/** The lab that was begun, as it stands. */
export async function resumeLab(id: string, opensMachine = true): Promise<void> {
  await work({ type: "starting" }, async () => {
    const found = await readKept(id);
    if (found === undefined) return;
    show(await loadLab(id, found.seed), found);
    await activeLab.get()?.machines?.watch();
    if (opensMachine) openFirstMachine();
  });
}

function openFirstMachine(): void {
  const { machines, lab } = activeLab.get() ?? {};
  const first = lab?.scenario.machines[0]?.name;
  const there = machines?.machines().find(({ name }) => name === first) ?? machines?.machines()[0];
  if (there) openTab(there.id);
}

export function leaveLab(): void {
  activeLab.set(undefined);
  onChange(undefined);
}

/** Deletes the lab's machines and puts the networks back. The journal stays. */
export async function endLab(): Promise<void> {
  await work({ type: "removing" }, async () => {
    const active = activeLab.get();
    if (!active?.machines || !kept) return;
    await active.machines.remove();
    await laboratory.networks.setConfigs(kept.networks);
    const document: KeptLab = { ...kept, folder: null };
    await keep(document);
    show(active, document);
  });
}

/** The lab from its beginning: machines, networks and journal. */
export async function resetLab(): Promise<void> {
  const { lab, seed } = activeLab.get() ?? {};
  if (!lab || seed === undefined) return;
  await endLab();
  if (activeLab.get()?.machines === undefined) await startLab(lab.id, seed);
}

function stepOf(id: string): LabStep | undefined {
  return activeLab.get()?.lab.steps.find((step) => step.id === id);
}

async function look(step: LabStep): Promise<Extract<LabEvent, { type: "check" }> | undefined> {
  const active = activeLab.get();
  if (!active?.machines) return undefined;
  const results = await lookAtStep(step, active.machines, answersOf(active.progress));
  const found = results.map(({ check, ok, found }) => ({ check, ok, found }));
  return { type: "check", step: step.id, results: found };
}

export async function checkStep(id: string): Promise<void> {
  const step = stepOf(id);
  if (!step) return;
  await work({ type: "checking", step: id }, async () => {
    const event = await look(step);
    if (event) await note(event);
  });
}

/** Ticks the first open step when it holds, without a word when it does not. */
export async function checkQuietly(): Promise<void> {
  const active = activeLab.get();
  const open = active?.lab.steps.find(({ id }) => active.progress.get(id)?.passedAt === undefined);
  if (!open || open.checks.length === 0 || labWork.get() !== undefined) return;
  const event = await look(open).catch(() => undefined);
  if (event?.results.every(({ ok }) => ok) && labWork.get() === undefined) await note(event);
}

/** Answers are checked at once. */
export async function answerQuestion(id: string, choice: string): Promise<void> {
  const step = stepOf(id);
  if (!step?.choices.includes(choice)) return;
  if (!(await note({ type: "answer", step: id, choice }))) return;
  // A question may have more to check, which takes a machine.
  if (step.checks.length > 0) return;
  const results = [{ check: "answer", ok: choice === step.answer, found: choice }];
  await note({ type: "check", step: id, results });
}

export async function askForHint(id: string): Promise<void> {
  const hints = activeLab.get()?.progress.get(id)?.hints ?? 0;
  await note({ type: "hint", step: id, number: hints + 1 });
}

/** Does the step as the lab's bot would, and marks it as assisted. */
export async function solveStep(id: string): Promise<void> {
  await work({ type: "solving", step: id }, async () => {
    const { lab, machines } = activeLab.get() ?? {};
    const step = stepOf(id);
    if (!lab || !machines || !step) return;
    const bot = await loadBot(lab.id);
    if (!(await note({ type: "assist", step: id }))) return;
    await bot.steps[id]?.(machines);
    const event = step.checks.length > 0 ? await look(step) : undefined;
    if (event) await note(event);
  });
}
