/**
 * Snapshots, clones, templates, disks and bundles for the screen: what is being done with amounts, trees that follow the
 * library, and files that go out and come in. The model is `laboratory.machineStorage()`.
 */
import type { ByteSink } from "../../hypervisor-model/storage/formats/image.ts";
import type { SnapshotTreeView } from "../../hypervisor-model/virtual-machines/machine-snapshots.ts";
import type { MachineStorage, OnProgress } from "../../hypervisor-model/virtual-machines/machine-storage.ts";
import type { Messages } from "../i18n/messages.ts";
import type { Sentence } from "./failure.ts";
import { laboratory } from "./laboratory.ts";
import { notify, tellFailure } from "./notices.ts";
import { sourceOf } from "./own-media.ts";
import { signal } from "./signals.ts";

type Work = keyof Messages["storage"]["progress"];

/** What is being done, and the part of it that is done, 0 to 1; undefined until that is known. */
export const storageWork = signal<{ work: Work; done?: number } | undefined>(undefined);

/** The snapshot that a dialog speaks of; undefined: the one that the present state came from. */
export const chosenSnapshot = signal<string | undefined>(undefined);

const trees = signal<ReadonlyMap<string, SnapshotTreeView>>(new Map());
const followed = new Set<string>();
let isSubscribed = false;

/** The tree as it was last read; asks for it, and follows it from then on. */
export function treeOf(machine: string): SnapshotTreeView | undefined {
  if (!isSubscribed) {
    isSubscribed = true;
    laboratory.library.subscribe(() => {
      for (const id of followed) void read(id);
    });
  }
  if (!followed.has(machine)) {
    followed.add(machine);
    void read(machine);
  }
  return trees.get().get(machine);
}

async function read(machine: string): Promise<void> {
  try {
    const { snapshots } = await laboratory.machineStorage();
    const tree = await snapshots.tree(machine);
    trees.set(new Map(trees.get()).set(machine, tree));
  } catch {
    followed.delete(machine); // deleted meanwhile
  }
}

/** Does one thing in storage; what fails becomes a notice. Gives undefined then. */
export async function work<T>(
  what: Work,
  name: string,
  act: (storage: MachineStorage, onProgress: OnProgress) => Promise<T>,
): Promise<T | undefined> {
  storageWork.set({ work: what });
  try {
    const storage = await laboratory.machineStorage();
    return await act(storage, (done) => storageWork.set({ work: what, done }));
  } catch (error) {
    tellFailure(name, 0, error, laboratory.machines.get().find((machine) => machine.name === name)?.id);
    return undefined;
  } finally {
    storageWork.set(undefined);
  }
}

export function say(title: Sentence, text: Sentence): void {
  notify("info", title, text);
}

interface SavingWindow {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<{
    createWritable(): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void> }>;
  }>;
}

/**
 * Writes a file where the user wants it: as a stream where the browser can, else gathered as a Blob (which the browser keeps
 * on disk when it is large) and downloaded. Gives whether it was saved.
 */
export async function saveFile(name: string, write: (sink: ByteSink) => Promise<void>): Promise<boolean> {
  const { showSaveFilePicker } = globalThis as SavingWindow;
  if (showSaveFilePicker) {
    const file = await showSaveFilePicker({ suggestedName: name }).catch(() => undefined);
    if (!file) return false;
    const stream = await file.createWritable();
    await write((bytes) => stream.write(bytes));
    await stream.close();
    return true;
  }
  let parts: BlobPart[] = [];
  let blob = new Blob();
  let gathered = 0;
  await write((bytes) => {
    parts.push(bytes.slice());
    gathered += bytes.length;
    if (gathered < 16 << 20) return;
    blob = new Blob([blob, ...parts]);
    parts = [];
    gathered = 0;
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([blob, ...parts]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
}

/** Saves machines, or all there are, with their snapshots and disks as one file. */
export async function exportMachines(machines?: readonly string[]): Promise<void> {
  const name = machines ? (laboratory.find(machines[0])?.name ?? "") : "";
  await work("export", name, async ({ bundles }, onProgress) => {
    const ids = machines ?? laboratory.machines.get().map(({ id }) => id);
    await saveFile(machines ? bundles.fileName(ids) : "laboratory.ringside", (sink) =>
      bundles.export(sink, machines, onProgress),
    );
  });
}

export async function importBundle(file: File): Promise<void> {
  const machines = await work("import", file.name, ({ bundles }, onProgress) =>
    bundles.import(sourceOf(file), onProgress),
  );
  if (!machines) return;
  const names = machines.map(({ name }) => name).join(", ");
  say(
    (m) => m.storage.tab,
    (m) => m.storage.room.imported(names),
  );
}
