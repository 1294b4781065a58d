/** The disks and saved states behind the library's definitions, in a store. */
import type { MachineState } from "../../emulator/machine.ts";
import { createDisk, deleteDisk, DISKS } from "../storage/disk-document.ts";
import { openDisk } from "../storage/disk.ts";
import { deleteState, loadState, saveState, STATES } from "../storage/saved-state.ts";
import type { Store } from "../storage/store.ts";
import type { DiskDefinition } from "./definition.ts";
import type { ImageLoader } from "./images.ts";
import type { MachineContents } from "./library.ts";

/** The image whose empty file system a system disk is made with. */
const SYSTEM_DISK_IMAGE = "tiny";
const COPY_BYTES = 1 << 20;

export class StoreContents implements MachineContents {
  readonly #store: Store;
  readonly #images: ImageLoader;

  constructor(store: Store, images: ImageLoader) {
    this.#store = store;
    this.#images = images;
  }

  /** A disk that is there already (imported for this machine) stays as it is. */
  async createDisk({ id, name, role, sizeMiB }: DiskDefinition): Promise<void> {
    if ((await this.#store.get(DISKS, id)) !== undefined) return;
    const file =
      role === "system" ? await this.#images.fileOfRole(SYSTEM_DISK_IMAGE, "system-disk") : undefined;
    const template = file && (await this.#images.read(SYSTEM_DISK_IMAGE, file));
    await createDisk(this.#store, { id, name, sizeMiB, ...(template === undefined ? {} : { template }) });
  }

  async copyDisk(from: string, to: string): Promise<void> {
    const source = await openDisk(this.#store, from);
    await createDisk(this.#store, { id: to, name: "disk", sizeMiB: source.byteLength / 2 ** 20 });
    const target = await openDisk(this.#store, to);
    for (let offset = 0; offset < source.byteLength; offset += COPY_BYTES) {
      const bytes = await source.read(offset, Math.min(COPY_BYTES, source.byteLength - offset));
      if (bytes.some((byte) => byte !== 0)) await target.write(offset, bytes);
    }
    await target.close();
    await source.close();
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
