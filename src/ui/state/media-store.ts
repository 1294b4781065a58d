/** The user's own media (ISO images, floppies, disk images, kernels), kept in the page's store by id. */
import { Random, freshSeed } from "../../common/random.ts";
import { blobSource } from "../../hypervisor-model/storage/formats/image.ts";
import type { Store } from "../../hypervisor-model/storage/store.ts";
import type {
  MachineDefinition,
  MediumReference,
} from "../../hypervisor-model/virtual-machines/definition.ts";
import {
  keepMedium,
  MEDIA,
  mediaOf,
  mediaOfSnapshots,
  readMedium,
} from "../../hypervisor-model/virtual-machines/machine-media.ts";
import { MediumMissingError } from "./failure.ts";

export class MediaStore {
  readonly #store: Store;
  readonly #owner: string;

  /** `owner` names this page in the marks it leaves in the store. */
  constructor(store: Store, owner = "") {
    this.#store = store;
    this.#owner = owner;
  }

  async keep(file: File): Promise<MediumReference> {
    const id = new Random(freshSeed()).uuid();
    await keepMedium(this.#store, id, blobSource(file), { owner: this.#owner });
    return { type: "stored", id, name: file.name, byteLength: file.size };
  }

  /** The caller's own copy. */
  async read(medium: MediumReference): Promise<Uint8Array> {
    if (medium.type !== "stored") throw new MediumMissingError(medium.path);
    const bytes = await readMedium(this.#store, medium.id);
    if (bytes === undefined) throw new MediumMissingError(medium.name);
    return bytes;
  }

  /** Deletes what `before` used and none of the machines uses any more, nor any snapshot, which a revert brings back. */
  async deleteUnused(before: MachineDefinition, machines: readonly MachineDefinition[]): Promise<void> {
    const used = new Set([...machines.flatMap(mediaOf), ...(await mediaOfSnapshots(this.#store))]);
    const gone = [...new Set(mediaOf(before))].filter((id) => !used.has(id));
    if (gone.length > 0) {
      await this.#store.commit({ delete: gone.map((key) => ({ collection: MEDIA, key })) });
    }
  }
}
