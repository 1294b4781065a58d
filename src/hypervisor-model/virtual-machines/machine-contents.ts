/** The disks and saved states behind the library's definitions, in a store. */
import type { MachineState } from "../../emulator/machine.ts";
import { deletionOfMachine, fullCloneChange } from "../storage/clones.ts";
import { createDisk, deleteDisk, DISKS, readDisk } from "../storage/disk-document.ts";
import { consolidateLayers, type IdleDisks } from "../storage/layer-references.ts";
import { deleteState, loadState, saveState, STATES } from "../storage/saved-state.ts";
import type { Change, Store } from "../storage/store.ts";
import type { DiskDefinition } from "./definition.ts";
import type { ImageLoader } from "./images.ts";
import type { MachineContents } from "./library.ts";

/** The image whose empty file system a system disk is made with. */
const SYSTEM_DISK_IMAGE = "tiny";

export class StoreContents implements MachineContents {
  readonly #store: Store;
  readonly #images: ImageLoader;

  constructor(store: Store, images: ImageLoader) {
    this.#store = store;
    this.#images = images;
  }

  /** A disk that is there already (imported for this machine) stays as it is. */
  async createDisk({ id, name, role, sizeMiB, provisioning, split }: DiskDefinition): Promise<void> {
    if ((await this.#store.get(DISKS, id)) !== undefined) return;
    const file =
      role === "system" ? await this.#images.fileOfRole(SYSTEM_DISK_IMAGE, "system-disk") : undefined;
    const template = file && (await this.#images.read(SYSTEM_DISK_IMAGE, file));
    // The machine's definition is committed after it.
    const durability = "relaxed";
    await createDisk(this.#store, {
      id,
      name,
      sizeMiB,
      ...(provisioning === undefined ? {} : { provisioning }),
      ...(split === undefined ? {} : { split }),
      durability,
      ...(template === undefined ? {} : { template }),
    });
  }

  async copyOfDisks(from: readonly string[], to: readonly string[]): Promise<Change> {
    const originals = await Promise.all(from.map((id) => readDisk(this.#store, id)));
    return (await fullCloneChange(this.#store, originals, to)).change;
  }

  deletionOf(machine: string, disks: readonly string[]): Promise<Change> {
    return deletionOfMachine(this.#store, machine, disks);
  }

  #upkeep: Promise<unknown> = Promise.resolve();

  /** Does `act` while no layer is merged: whoever reads several documents finds what they say of each other. */
  undisturbed<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#upkeep.then(act);
    this.#upkeep = done.catch(() => undefined);
    return done;
  }

  tidy(idle: IdleDisks): Promise<void> {
    return this.undisturbed(async () => {
      await consolidateLayers(this.#store, idle);
      await this.#store.collectGarbage();
    });
  }

  async deleteDisk(id: string): Promise<void> {
    await deleteDisk(this.#store, id);
  }

  async deleteSavedState(machine: string): Promise<void> {
    if ((await this.#store.get(STATES, machine)) !== undefined) await deleteState(this.#store, machine);
  }

  async keepState(machine: string, state: MachineState): Promise<void> {
    await this.deleteSavedState(machine);
    await saveState(this.#store, machine, state);
  }

  async savedState(machine: string): Promise<MachineState> {
    return loadState(this.#store, machine);
  }
}
