/** Clones of the library's machines, and machines that are templates for them. */
import { fullCloneChange, linkedCloneChange, refuseIfCloned, templateChange } from "../storage/clones.ts";
import { readDisk } from "../storage/disk-document.ts";
import { RefusedError } from "../storage/errors.ts";
import { readSnapshot } from "../storage/snapshots.ts";
import type { MachineDefinition } from "./definition.ts";
import { NoSuchMachineError } from "./library.ts";
import { RefusedActionError } from "./lifecycle.ts";
import { revertedSettings, type MachineSnapshots } from "./machine-snapshots.ts";
import type { OnProgress, StorageWorld } from "./machine-storage.ts";

export interface CloneChoices {
  /** The clone's name, and its host name where the guest has none of its own. */
  name: string;
  kind: "linked" | "full";
  /** Left out: the present state, of which a linked clone takes a snapshot first. The machine is then off. */
  snapshot?: string;
  /** Of its network cards, in their order; those left out are drawn. */
  macs?: readonly string[];
  folder?: string | null;
  onProgress?: OnProgress;
}

export class MachineClones {
  readonly #world: StorageWorld;
  readonly #snapshots: MachineSnapshots;

  constructor(world: StorageWorld, snapshots: MachineSnapshots) {
    this.#world = world;
    this.#snapshots = snapshots;
  }

  /**
   * Makes a machine of another one: own id, own addresses, own disks. It is off, whatever the snapshot was. A template is
   * cloned from its snapshots only.
   */
  async clone(machine: string, choices: CloneChoices): Promise<MachineDefinition> {
    const { library, store } = this.#world;
    const present = this.#find(machine);
    const { name, kind, macs = [], folder = present.folder } = choices;
    const parameters = { as: name, kind };
    return library.tasks.during("clone", { id: machine, name: present.name }, parameters, async () => {
      const id = choices.snapshot ?? (await this.#presentState(present, choices));
      const snapshot = id === undefined ? undefined : await readSnapshot(store, machine, id);
      const original = snapshot === undefined ? present : { ...present, ...revertedSettings(snapshot) };
      const originals =
        snapshot?.disks ?? (await Promise.all(present.disks.map((disk) => readDisk(store, disk.id))));
      return library.addMade(
        {
          ...original,
          name,
          folder,
          nics: original.nics.map((nic, i) => ({ ...nic, mac: macs[i] })),
          disks: original.disks.map((disk) => ({ ...disk, id: undefined })),
        },
        async (clone) => {
          const ids = originals.map(
            ({ id }) => clone.disks[original.disks.findIndex((disk) => disk.id === id)].id,
          );
          if (kind === "full")
            return (await fullCloneChange(store, originals, ids, choices.onProgress)).change;
          return (await linkedCloneChange(store, { machine, snapshot: snapshot!.id }, clone.id, ids)).change;
        },
      );
    });
  }

  /** The snapshot to clone the present state from; a full clone needs none. */
  async #presentState(present: MachineDefinition, { kind, name }: CloneChoices): Promise<string | undefined> {
    const { library } = this.#world;
    const { id } = present;
    if (library.isTemplate(id)) {
      throw new RefusedError(
        `${present.name} is a template: clones are made from its snapshots`,
        "the present state",
        "a snapshot",
        { key: "template-snapshots-only", machine: present.name },
      );
    }
    const { state } = library.power(id);
    if (state === "running") throw new RefusedActionError(present.name, "duplicate", { key: "running" });
    if (state === "suspended") throw new RefusedActionError(present.name, "duplicate", { key: "suspended" });
    return kind === "full" ? undefined : (await this.#snapshots.take(id, { name })).id;
  }

  /**
   * Makes a machine a template, which is off and has a snapshot, or an ordinary machine again. Throws RefusedError that
   * names the linked clones.
   */
  async setTemplate(machine: string, isTemplate: boolean): Promise<void> {
    const { library, store } = this.#world;
    const { name } = this.#find(machine);
    if (library.isElsewhere(machine))
      throw new RefusedActionError(name, "edit-hardware", { key: "elsewhere" });
    const { state } = library.power(machine);
    if (isTemplate && (state === "running" || state === "suspended"))
      throw new RefusedActionError(name, "edit-hardware", { key: state });
    if (!isTemplate) await refuseIfCloned(store, machine, (id) => library.nameOf(id));
    const mark = library.changeOf(machine, {}, library.power(machine));
    await library.commit(await templateChange(store, machine, isTemplate), mark);
    await library.tasks.note("edit", { id: machine, name }, { template: isTemplate ? "yes" : "no" });
  }

  #find(machine: string): MachineDefinition {
    const definition = this.#world.library.find(machine);
    if (definition === undefined) throw new NoSuchMachineError(machine);
    return definition;
  }
}
