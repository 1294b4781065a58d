/** The disks and saved states behind the library's definitions, in the page's store. */
import type { MachineState } from "../../emulator/machine.ts";
import { createDisk, deleteDisk } from "../../hypervisor-model/storage/disk-document.ts";
import { openDisk } from "../../hypervisor-model/storage/disk.ts";
import type { Store } from "../../hypervisor-model/storage/store.ts";
import type { ImageLoader } from "../../hypervisor-model/virtual-machines/images.ts";
import type { MachineContents } from "../../hypervisor-model/virtual-machines/library.ts";

const SUSPENDED_STATES = "suspended-states";
export const MEDIA = "media";
const COPY_BYTES = 1 << 20;

export class PageContents implements MachineContents {
  readonly #store: Store;
  readonly #images: ImageLoader;

  constructor(store: Store, images: ImageLoader) {
    this.#store = store;
    this.#images = images;
  }

  async createDisk(disk: Parameters<MachineContents["createDisk"]>[0]): Promise<void> {
    const { id, name, sizeMiB } = disk;
    const template = disk.role === "system" ? await this.#systemDisk() : undefined;
    await createDisk(this.#store, { id, name, sizeMiB, template });
  }

  async #systemDisk(): Promise<Uint8Array | undefined> {
    const file = await this.#images.fileOfRole("tiny", "system-disk");
    return file && this.#images.read("tiny", file);
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
    await this.#store.commit({ delete: [{ collection: SUSPENDED_STATES, key: machine }] });
  }

  async keepSavedState(machine: string, state: MachineState): Promise<void> {
    await this.#store.commit({ put: [{ collection: SUSPENDED_STATES, key: machine, value: state }] });
  }

  async savedState(machine: string): Promise<MachineState | undefined> {
    return (await this.#store.get(SUSPENDED_STATES, machine)) as MachineState | undefined;
  }

  async keepMedium(id: string, bytes: Uint8Array): Promise<void> {
    await this.#store.commit({ put: [{ collection: MEDIA, key: id, value: { bytes } }] });
  }

  async medium(id: string): Promise<Uint8Array | undefined> {
    return ((await this.#store.get(MEDIA, id)) as { bytes: Uint8Array } | undefined)?.bytes;
  }
}
