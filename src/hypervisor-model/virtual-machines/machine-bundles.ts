/** Machines with their whole trees, or everything there is, as one file, and back. */
import { exportBundle, importBundle, type DocumentKey } from "../storage/bundle.ts";
import { fileStem } from "../storage/disk-files.ts";
import type { ByteSink, ByteSource } from "../storage/formats/image.ts";
import { DISKS, LAYER_MAPS, LAYERS, newId, readChain, SNAPSHOTS } from "../storage/layer.ts";
import { sealed, STATES, type StateDocument } from "../storage/saved-state.ts";
import { CLONES, linkedClones, listSnapshots, SNAPSHOT_TREES } from "../storage/snapshots.ts";
import type { Change, Store } from "../storage/store.ts";
import { BUNDLED, BundledDocuments } from "./bundle-documents.ts";
import { freeName, newMac, type MachineDefinition } from "./definition.ts";
import { FOLDER_COLLECTION, MACHINE_COLLECTION, NoSuchMachineError } from "./library.ts";
import { RefusedActionError } from "./lifecycle.ts";
import { MEDIA, mediaOf, mediaOfSnapshots } from "./machine-media.ts";
import type { OnProgress, StorageWorld } from "./machine-storage.ts";
import { newPowerRecord, powerDocument } from "./power-record.ts";

export const BUNDLE_SUFFIX = ".ringside";

export class MachineBundles {
  readonly #world: StorageWorld;

  constructor(world: StorageWorld) {
    this.#world = world;
  }

  fileName(machines: readonly string[]): string {
    const name = machines.length === 1 ? this.#world.library.nameOf(machines[0]) : "laboratory";
    return `${fileStem(name)}${BUNDLE_SUFFIX}`;
  }

  /** Writes machines that are off or suspended, with snapshots, saved states, disks and media. Left out: every machine. */
  export(sink: ByteSink, machines?: readonly string[], onProgress?: OnProgress): Promise<void> {
    return this.#world.contents.undisturbed(() => this.#export(sink, machines, onProgress));
  }

  async #export(sink: ByteSink, machines?: readonly string[], onProgress?: OnProgress): Promise<void> {
    const { library, store } = this.#world;
    const ids =
      machines ?? library.entries.flatMap((entry) => (entry.type === "machine" ? [entry.definition.id] : []));
    const definitions = ids.map((id) => this.#still(id));
    const keys: DocumentKey[] = [];
    for (const definition of definitions) keys.push(...(await documentsOf(store, definition)));
    for (const { clone, machine } of await linkedClones(store)) {
      if (ids.includes(clone) && ids.includes(machine)) keys.push({ collection: CLONES, key: clone });
    }
    if (machines === undefined) {
      for (const { id } of library.folders) keys.push({ collection: FOLDER_COLLECTION, key: id });
    }
    const different = new Map(keys.map((key) => [`${key.collection}/${key.key}`, key]));
    await exportBundle(store, [...different.values()], sink, onProgress);
    await onProgress?.(1);
  }

  /**
   * Takes the machines of a bundle in, all or none, and gives them. Machines that are here already come in as copies, with
   * new ids; a name or an address that is taken is changed. Throws FormatError, DamagedError, NewerVersionError,
   * StorageFullError.
   */
  async import(source: ByteSource, onProgress?: OnProgress): Promise<MachineDefinition[]> {
    const { store, library } = this.#world;
    let imported: MachineDefinition[] = [];
    await importBundle(store, source, {
      collections: BUNDLED,
      owner: library.owner,
      ...(onProgress && { onProgress }),
      accept: async (documents) => {
        const accepted = await this.#accept(new BundledDocuments(documents));
        imported = accepted.machines;
        return accepted.change;
      },
    });
    await library.changed();
    await onProgress?.(1);
    for (const { id, name } of imported) await library.tasks.note("create", { id, name });
    return imported;
  }

  async #accept(bundled: BundledDocuments): Promise<{ machines: MachineDefinition[]; change: Change }> {
    const { library, random } = this.#world;
    const { kept, isNew } = await this.#alreadyHere(bundled);
    // Every id, every key and every address that has to be another one here, by what it is in the bundle.
    const renamed = new Map<string, string>();
    if (!isNew) {
      for (const { collection, key } of bundled.all()) {
        const fresh = [MACHINE_COLLECTION, DISKS, FOLDER_COLLECTION, MEDIA].includes(collection);
        if (fresh) renamed.set(key, random.uuid());
        else if (collection === LAYERS) renamed.set(key, newId());
        else if (collection === SNAPSHOTS) renamed.set(key.split("/")[1], newId());
      }
    }
    const { names, macs } = library.taken();
    const takenNames = [...names];
    const takenMacs = new Set(macs);
    for (const { nics } of bundled.of<MachineDefinition>(MACHINE_COLLECTION).values()) {
      for (const { mac } of nics) {
        if (takenMacs.has(mac) && !renamed.has(mac)) renamed.set(mac, newMac(random, takenMacs));
        takenMacs.add(mac);
      }
    }
    const folders = new Set(library.folders.map(({ id }) => id));
    const machines: MachineDefinition[] = [];
    const put: NonNullable<Change["put"]> = [];
    for (const document of bundled.all()) {
      if (isNew && kept.has(`${document.collection}/${document.key}`)) continue;
      const { collection } = document;
      const key = document.key
        .split("/")
        .map((part) => renamed.get(part) ?? part)
        .join("/");
      let value = withRenamed(document.value, renamed);
      if (collection === STATES) value = sealed(value as StateDocument);
      if (collection === MACHINE_COLLECTION) {
        const definition = value as MachineDefinition;
        const name = freeName(definition.name, takenNames);
        takenNames.push(name);
        const bundledFolders = bundled.of(FOLDER_COLLECTION);
        const folder =
          folders.has(definition.folder ?? "") || bundledFolders.has(folderInBundle(document.value))
            ? definition.folder
            : null;
        const machine = { ...definition, name, folder };
        machines.push(machine);
        value = machine;
        const isSuspended = bundled.of(STATES).has(document.key);
        put.push(
          isSuspended
            ? {
                ...powerDocument(key, { number: 0, power: { state: "off" } }),
                value: { state: "suspended", since: this.#world.now() },
              }
            : newPowerRecord(key),
        );
      }
      put.push({ collection, key, value });
    }
    return { machines, change: { put } };
  }

  /**
   * Layers and folders that this store has just so already are not stored again (the contents of system disks, for one).
   * When anything else is here, nothing of the bundle is new.
   */
  async #alreadyHere(bundled: BundledDocuments): Promise<{ kept: Set<string>; isNew: boolean }> {
    const kept = new Set<string>();
    let isNew = true;
    for (const { collection, key, value } of bundled.all()) {
      const here = await this.#world.store.get(collection, key);
      if (here === undefined) continue;
      const isShared = [LAYERS, LAYER_MAPS, FOLDER_COLLECTION, MEDIA].includes(collection);
      if (isShared && isEqual(here, value)) kept.add(`${collection}/${key}`);
      else isNew = false;
    }
    return { kept, isNew };
  }

  #still(machine: string): MachineDefinition {
    const { library } = this.#world;
    const definition = library.find(machine);
    if (definition === undefined) throw new NoSuchMachineError(machine);
    if (library.power(machine).state === "running")
      throw new RefusedActionError(definition.name, "duplicate", {
        key: library.isElsewhere(machine) ? "elsewhere" : "running",
      });
    return definition;
  }
}

async function documentsOf(store: Store, definition: MachineDefinition): Promise<DocumentKey[]> {
  const { id, disks } = definition;
  const keys: DocumentKey[] = [{ collection: MACHINE_COLLECTION, key: id }];
  const layers = new Set<string>();
  const chainOf = async (top: string) => {
    for (const layer of await readChain(store, top)) layers.add(layer.id);
  };
  for (const disk of disks) {
    keys.push({ collection: DISKS, key: disk.id });
    await chainOf(((await store.get(DISKS, disk.id)) as { layer: string }).layer);
  }
  const optional: DocumentKey[] = [
    { collection: SNAPSHOT_TREES, key: id },
    { collection: STATES, key: id },
  ];
  for (const snapshot of await listSnapshots(store, id)) {
    keys.push({ collection: SNAPSHOTS, key: `${id}/${snapshot.id}` });
    if (snapshot.state !== null) keys.push({ collection: STATES, key: snapshot.state });
    for (const { layer } of snapshot.disks) await chainOf(layer);
  }
  const media = new Set([...mediaOf(definition), ...(await mediaOfSnapshots(store, id))]);
  for (const key of media) optional.push({ collection: MEDIA, key });
  for (const key of optional) if ((await store.get(key.collection, key.key)) !== undefined) keys.push(key);
  for (const layer of layers) {
    keys.push({ collection: LAYERS, key: layer });
    for (const { key } of await store.list(LAYER_MAPS, `${layer}/`))
      keys.push({ collection: LAYER_MAPS, key });
  }
  return keys;
}

/** The value with every string that is in `renamed` replaced; arrays of bytes stay as they are. */
function withRenamed(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") return renamed.get(value) ?? value;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map((part) => withRenamed(part, renamed));
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withRenamed(part, renamed)]));
}

const folderInBundle = (value: unknown) => (value as MachineDefinition).folder ?? "";

function isEqual(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null)
    return one === other;
  if (ArrayBuffer.isView(one) && ArrayBuffer.isView(other)) {
    const [a, b] = [one as Uint8Array, other as Uint8Array];
    return a.length === b.length && a.every((number, at) => number === b[at]);
  }
  const [fields, others] = [Object.entries(one), Object.entries(other)];
  return (
    fields.length === others.length &&
    fields.every(([name, value]) => isEqual(value, (other as Record<string, unknown>)[name]))
  );
}
