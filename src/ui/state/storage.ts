/**
 * Snapshots, clones, templates, disks and bundles for the screen: what is being done with amounts, trees that follow the
 * library, and files that go out and come in. The model is `laboratory.machineStorage()`.
 */
import type { ByteSink } from "../../hypervisor-model/storage/formats/image.ts";
import { stoppable } from "../../hypervisor-model/storage/stoppable.ts";
import type { SnapshotTreeView } from "../../hypervisor-model/virtual-machines/machine-snapshots.ts";
import type { MachineStorage, OnProgress } from "../../hypervisor-model/virtual-machines/machine-storage.ts";
import type { Messages } from "../i18n/messages.ts";
import type { Sentence } from "./failure.ts";
import { laboratory } from "./laboratory.ts";
import { notify, tellFailure } from "./notices.ts";
import { sourceOf } from "./own-media.ts";
import { signal } from "./signals.ts";

type Work = keyof Messages["storage"]["progress"];

export interface StorageWork {
  id: number;
  work: Work;
  /** The machine, disk or file that it is done to. */
  name: string;
  /** The part that is done, 0 to 1; undefined until that is known. */
  done?: number;
  /** Ends it early, with everything as it was before. */
  cancel: () => void;
  /** It was asked to end. */
  isEnding?: boolean;
}

/** What is being done now, oldest first. */
export const storageWork = signal<readonly StorageWork[]>([]);
let workNumber = 0;

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
  const id = ++workNumber;
  const stop = new AbortController();
  const others = () => storageWork.get().filter((other) => other.id !== id);
  const own = () => storageWork.get().find((work) => work.id === id);
  const show = (more: Partial<StorageWork>) =>
    storageWork.set([...others(), { id, work: what, name, cancel, ...own(), ...more }]);
  const cancel = () => {
    stop.abort();
    show({ isEnding: true });
  };
  show({});
  let shown = 0;
  const onProgress = stoppable(stop.signal, (done) => {
    // A bar of a hundred steps is drawn a hundred times.
    if (done < 1 && done - shown < 0.01) return;
    shown = done;
    show({ done });
  });
  try {
    return await act(await laboratory.machineStorage(), onProgress);
  } catch (error) {
    if ((error as Error).name === "CancelledError") {
      say(
        (m) => m.storage.progress[what],
        (m) => m.storage.error.cancelled,
      );
      return undefined;
    }
    tellFailure(name, 0, error, laboratory.machines.get().find((machine) => machine.name === name)?.id);
    return undefined;
  } finally {
    storageWork.set(others());
  }
}

export function say(title: Sentence, text: Sentence): void {
  notify("info", title, text);
}

export function sayNotSaved(): void {
  say(
    (m) => m.storage.tab,
    (m) => m.storage.room.notSaved,
  );
}

interface SavingWindow {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<{
    createWritable(): Promise<{
      write(bytes: Uint8Array): Promise<void>;
      close(): Promise<void>;
      abort(): Promise<void>;
    }>;
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
    try {
      await write((bytes) => stream.write(bytes));
    } catch (error) {
      // What was there under this name stays.
      await stream.abort();
      throw error;
    }
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
    const file = machines ? bundles.fileName(ids) : bundles.fileName([]);
    if (!(await saveFile(file, (sink) => bundles.export(sink, machines, onProgress)))) sayNotSaved();
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

/** Makes a disk, in no machine yet, of a disk image that may be in several files or stand on others. */
export async function importImages(files: readonly [File, ...File[]]): Promise<void> {
  const find = (name: string) => {
    const file = files.find((file) => file.name === name);
    return file && sourceOf(file);
  };
  const names = files.map(({ name }) => name);
  const disk = await work("import", names[0], ({ disks }, onProgress) =>
    disks.import(names, find, onProgress),
  );
  if (!disk) return;
  say(
    (m) => m.storage.tab,
    (m) => m.storage.disk.imported(disk.name, m.common.mib(String(disk.sizeMiB))),
  );
}
