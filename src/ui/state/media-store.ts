/** The user's own media (ISO images, floppies, disk images, kernels), kept in the page's store by id. */
import { Random, freshSeed } from "../../common/random.ts";
import type { Store } from "../../hypervisor-model/storage/store.ts";
import type {
  MachineDefinition,
  MediumReference,
} from "../../hypervisor-model/virtual-machines/definition.ts";
import { MEDIA, mediaOf } from "../../hypervisor-model/virtual-machines/machine-media.ts";
import { MediumMissingError } from "./failure.ts";

export class MediaStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async keep(file: File): Promise<MediumReference> {
    const id = new Random(freshSeed()).uuid();
    const bytes = new Uint8Array(await file.arrayBuffer());
    await this.#store.commit({ put: [{ collection: MEDIA, key: id, value: { bytes } }] });
    return { type: "stored", id, name: file.name, byteLength: file.size };
  }

  /** The caller's own copy. */
  async read(medium: MediumReference): Promise<Uint8Array> {
    if (medium.type !== "stored") throw new MediumMissingError(medium.path);
    const kept = (await this.#store.get(MEDIA, medium.id)) as { bytes: Uint8Array } | undefined;
    if (!kept) throw new MediumMissingError(medium.name);
    return kept.bytes;
  }

  /** Deletes what `before` used and none of the machines uses any more. */
  async deleteUnused(before: MachineDefinition, machines: readonly MachineDefinition[]): Promise<void> {
    const used = new Set(machines.flatMap(mediaOf));
    const gone = [...new Set(mediaOf(before))].filter((id) => !used.has(id));
    if (gone.length > 0) {
      await this.#store.commit({ delete: gone.map((key) => ({ collection: MEDIA, key })) });
    }
  }
}
