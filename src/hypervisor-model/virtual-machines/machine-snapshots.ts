/** Snapshots of the library's machines, whatever they do at that moment: off, suspended or running here. */
import { compareSnapshots, type SnapshotDifference } from "../storage/compare-snapshots.ts";
import { DISKS } from "../storage/layer.ts";
import { RefusedError } from "../storage/errors.ts";
import { fileSystemStateOf, type FileSystemState } from "../storage/file-system-state.ts";
import { stateCopy, STATES } from "../storage/saved-state.ts";
import {
  deleteSnapshot,
  linkedClones,
  listSnapshots,
  readSnapshot,
  readTree,
  relabelSnapshot,
  revertChange,
  takeSnapshot,
  withDescendants,
  type SnapshotDocument,
  type SnapshotPower,
} from "../storage/snapshots.ts";
import { parseDefinition, type MachineDefinition } from "./definition.ts";
import { NoSuchMachineError } from "./library.ts";
import { RefusedActionError, type MachineAction } from "./lifecycle.ts";
import type { OnProgress, StorageWorld } from "./machine-storage.ts";
import type { PowerState } from "./power-record.ts";
import { describeProblem } from "./reasons.ts";

export interface SnapshotChoices {
  name: string;
  description?: string;
  /** A picture of the screen (PNG). */
  thumbnail?: Uint8Array;
  /** Whether the memory of a running or suspended machine is kept, so that a revert goes on from there. Left out, it is. */
  memory?: boolean;
  onProgress?: OnProgress;
}

export interface SnapshotNode {
  id: string;
  name: string;
  description: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  thumbnail?: Uint8Array;
  /** What the machine does after a revert. */
  power: SnapshotPower;
  /** Machines that are linked clones of it. */
  clones: { id: string; name: string }[];
  /** Oldest first. */
  children: SnapshotNode[];
}

export interface SnapshotTreeView {
  roots: SnapshotNode[];
  /** The snapshot that the present state came from ("You are here" is below it); null: none. */
  current: string | null;
  isTemplate: boolean;
}

/** Settings that a revert brings back; name, description and folder are the machine's present ones. */
const REVERTED = [
  "image",
  "engine",
  "memoryMiB",
  "nics",
  "disks",
  "cdrom",
  "floppy",
  "bootOrder",
  "console",
  "seed",
] as const satisfies (keyof MachineDefinition)[];

export class MachineSnapshots {
  readonly #world: StorageWorld;

  constructor(world: StorageWorld) {
    this.#world = world;
  }

  /** Throws RefusedActionError, StorageFullError…; the former state is then intact. */
  async take(machine: string, choices: SnapshotChoices): Promise<SnapshotDocument> {
    const definition = this.#changeable(machine, "snapshot");
    const { library, store, power, now } = this.#world;
    const { name, description, thumbnail, memory = true, onProgress } = choices;
    const common = {
      machine,
      name,
      ...(description === undefined ? {} : { description }),
      ...(thumbnail === undefined ? {} : { thumbnail }),
      definition,
      now: now(),
    };
    return this.#task("snapshot", definition, { snapshot: name }, async () => {
      const running = power.running(machine);
      const taken = await (running === undefined
        ? takeSnapshot(store, {
            ...common,
            disks: definition.disks.map((disk) => disk.id),
            ...(memory && library.power(machine).state === "suspended" ? { state: { kept: machine } } : {}),
            ...(onProgress === undefined ? {} : { onProgress }),
          })
        : running.takeSnapshot({ ...common, memory }, onProgress).then(({ snapshot }) => snapshot));
      await library.changed();
      return taken;
    });
  }

  async tree(machine: string): Promise<SnapshotTreeView> {
    const { store, library } = this.#world;
    const { current, isTemplate } = await readTree(store, machine);
    const clones = library.clonesOf(machine);
    const nodes = new Map<string, SnapshotNode>();
    const roots: SnapshotNode[] = [];
    const documents = await listSnapshots(store, machine);
    for (const { id, name, description, createdAt, thumbnail, power } of documents) {
      const standing = clones.filter(({ snapshot }) => snapshot === id);
      nodes.set(id, {
        id,
        name,
        description,
        createdAt,
        ...(thumbnail === undefined ? {} : { thumbnail }),
        power,
        clones: standing.map(({ id, name }) => ({ id, name })),
        children: [],
      });
    }
    for (const { id, parent } of documents) {
      const siblings = nodes.get(parent ?? "")?.children ?? roots;
      siblings.push(nodes.get(id)!);
    }
    return { roots, current, isTemplate };
  }

  /**
   * Puts the machine back. A snapshot without memory leaves it off, one of a running machine leaves it running, one of a
   * suspended machine suspended. `keepPresent` takes a snapshot of the present state first. A running machine whose
   * hardware is the same goes on in its thread; else it is powered off. A disk that was taken out of it since then, and is
   * free or in another machine, keeps what it has: the machine gets one of its own with the snapshot's contents.
   */
  async revert(machine: string, id: string, keepPresent?: SnapshotChoices): Promise<void> {
    const present = this.#changeable(machine, "revert");
    const { library, store, power, now } = this.#world;
    const snapshot = await readSnapshot(store, machine, id);
    if (keepPresent !== undefined) await this.take(machine, keepPresent);
    await this.#task("revert", present, { snapshot: snapshot.name }, async () => {
      const taken = await this.#takenElsewhere(snapshot, present);
      const reverted = revertedSettings(snapshot);
      const disks = reverted.disks?.map((disk) => ({ ...disk, id: taken.get(disk.id) ?? disk.id }));
      const settings = { ...reverted, disks };
      const running = power.running(machine);
      if (running?.status.type === "running" && snapshot.power === "running" && isSame(settings, present)) {
        await running.revert(id);
        await library.changed();
      } else {
        if (running !== undefined) await power.powerOff(machine);
        const { change } = await revertChange(store, machine, id, taken);
        const mark: PowerState =
          snapshot.state === null ? { state: "off" } : { state: "suspended", since: now() };
        const state =
          snapshot.state === null
            ? { delete: [{ collection: STATES, key: machine }] }
            : await stateCopy(store, snapshot.state, machine);
        await library.commit(change, state, library.changeOf(machine, settings, mark));
        if (snapshot.power === "running") await power.resume(machine);
      }
      await this.#tidy();
    });
  }

  /**
   * Deletes one, whose delta then belongs to what came after it, or it and all that came after. Throws RefusedError that
   * names the linked clones that stand on them.
   */
  async delete(machine: string, id: string, withChildren = false): Promise<void> {
    const definition = this.#changeable(machine, "revert");
    const { library, store } = this.#world;
    const all = await listSnapshots(store, machine);
    const { name } = await readSnapshot(store, machine, id);
    const gone = withChildren ? withDescendants(all, id) : new Set([id]);
    const clones = library.clonesOf(machine).filter(({ snapshot }) => gone.has(snapshot));
    if (clones.length > 0) {
      const names = clones.map((clone) => clone.name).join(", ");
      const message = `the snapshot ${name} cannot be deleted: linked clones stand on it (${names})`;
      throw new RefusedError(message, names, "no linked clones", { key: "linked-clones", clones: names });
    }
    await this.#task("snapshot-delete", definition, { snapshot: name }, async () => {
      await deleteSnapshot(store, machine, id, { withChildren, idle: library.idleDisks() });
      await library.changed();
    });
  }

  async relabel(machine: string, id: string, label: { name?: string; description?: string }): Promise<void> {
    this.#changeable(machine, "revert");
    await relabelSnapshot(this.#world.store, machine, id, label);
    await this.#world.library.changed();
  }

  /** Which blocks of each disk and which pages of memory differ. */
  async compare(machine: string, one: string, other: string): Promise<SnapshotDifference> {
    const { store } = this.#world;
    const [first, second] = await Promise.all([one, other].map((id) => readSnapshot(store, machine, id)));
    return compareSnapshots(store, first, second);
  }

  /** How the file system of each of its disks was put away; disks without one are left out. */
  async fileSystems(machine: string, id: string): Promise<{ disk: string; state: FileSystemState }[]> {
    const { store } = this.#world;
    const { disks } = await readSnapshot(store, machine, id);
    const found: { disk: string; state: FileSystemState }[] = [];
    for (const { name, layer } of disks) {
      const state = await fileSystemStateOf(store, layer);
      if (state) found.push({ disk: name, state });
    }
    return found;
  }

  /** All linked clones, by the machine and snapshot they stand on. */
  linkedClones() {
    return linkedClones(this.#world.store);
  }

  /** The snapshot's disks that are there and not the machine's any more, each with the id for one of its own. */
  async #takenElsewhere(
    snapshot: SnapshotDocument,
    present: MachineDefinition,
  ): Promise<Map<string, string>> {
    const { store, random } = this.#world;
    const taken = new Map<string, string>();
    for (const { id } of snapshot.disks) {
      if (present.disks.some((disk) => disk.id === id)) continue;
      if ((await store.get(DISKS, id)) !== undefined) taken.set(id, random.uuid());
    }
    return taken;
  }

  /** A later start does what is left when this fails. */
  async #tidy(): Promise<void> {
    const { contents, library } = this.#world;
    await contents.tidy(library.idleDisks()).catch(() => undefined);
  }

  #changeable(machine: string, action: MachineAction): MachineDefinition {
    const { library } = this.#world;
    const definition = library.find(machine);
    if (definition === undefined) throw new NoSuchMachineError(machine);
    const key = library.isElsewhere(machine)
      ? "elsewhere"
      : library.isTemplate(machine)
        ? "template"
        : undefined;
    if (key !== undefined) throw new RefusedActionError(definition.name, action, { key });
    return definition;
  }

  #task<T>(
    name: "snapshot" | "revert" | "snapshot-delete",
    { id, name: machine }: MachineDefinition,
    parameters: Record<string, string>,
    act: () => Promise<T>,
  ): Promise<T> {
    return this.#world.library.tasks.during(name, { id, name: machine }, parameters, act);
  }
}

/** What the snapshot's machine was, as far as a revert brings it back. Throws RefusedError when it cannot be read. */
export function revertedSettings({ definition, name }: SnapshotDocument): Partial<MachineDefinition> {
  const checked = parseDefinition(definition);
  if (checked.type === "refused") {
    const found = checked.problems.map(describeProblem).join("; ");
    throw new RefusedError(
      `the machine of the snapshot ${name} cannot be read: ${found}`,
      found,
      "a machine",
      { key: "snapshot-unreadable", snapshot: name },
    );
  }
  const settings = REVERTED.map((field) => [field, checked.value[field]]);
  return Object.fromEntries(settings) as Partial<MachineDefinition>;
}

function isSame(settings: Partial<MachineDefinition>, present: MachineDefinition): boolean {
  return REVERTED.every((field) => JSON.stringify(settings[field]) === JSON.stringify(present[field]));
}
