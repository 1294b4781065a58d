/**
 * Snapshots of a machine: its definition, for each disk the layer that was frozen, and the saved state if it was running
 * or suspended. They form a tree; `current` is the one that the present state ("you are here") came from.
 *
 * Whoever reverts or deletes holds the machine. While it runs, its open disks are given to `takeSnapshot`.
 */
import type { MachineState } from "../../emulator/machine.ts";
import { NotFoundError, RefusedError } from "./errors.ts";
import { consolidateLayers, type IdleDisks } from "./layer-references.ts";
import { joinChanges } from "./join-changes.ts";
import { DISKS, newId, newLayer, putLayer, readLayer, SNAPSHOTS } from "./layer.ts";
import type { Disk } from "./disk.ts";
import { readDisk, type DiskDocument } from "./disk-document.ts";
import { STATES, stateChange, stateCopy } from "./saved-state.ts";
import type { BlockId, Change, Store } from "./store.ts";
import type { OnProgress } from "./stoppable.ts";

export { SNAPSHOTS };
export const SNAPSHOT_TREES = "snapshot-trees";
/** Which snapshot each linked clone stands on, by the clone's machine id. */
export const CLONES = "linked-clones";

type Put = NonNullable<Change["put"]>;

/** What the machine did at that moment, and does again after a revert. A snapshot without memory is of one that is off. */
export type SnapshotPower = "off" | "running" | "suspended";

export interface SnapshotDocument {
  version: 1;
  id: string;
  machine: string;
  parent: string | null;
  name: string;
  description: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** A picture of the screen (PNG). */
  thumbnail?: Uint8Array;
  /** The machine's definition as it was; who takes the snapshot knows its form. */
  definition: unknown;
  /** Each disk as it was; `layer` is the frozen one. */
  disks: DiskDocument[];
  power: SnapshotPower;
  /** Id of the saved state (see saved-state.ts); null: it was powered off. */
  state: string | null;
}

export interface SnapshotTree {
  version: 1;
  /** Null: the present state came from no snapshot. */
  current: string | null;
  isTemplate: boolean;
}

export interface NewSnapshot {
  machine: string;
  name: string;
  description?: string;
  definition: unknown;
  /** Open disks of a running machine, ids of the others. */
  disks: readonly (Disk | string)[];
  /** The state of a running machine, or the id of the one that a suspended machine has in the store. */
  state?: MachineState | { kept: string };
  thumbnail?: Uint8Array;
  now: number;
  /** Called with the part of the work that is done, 0 to 1. */
  onProgress?: OnProgress;
  /** Called with the blocks of the state once it is stored; `loadState` can take them from there. */
  onStored?: (blocks: ReadonlyMap<BlockId, Uint8Array>) => void;
}

export async function readTree(store: Store, machine: string): Promise<SnapshotTree> {
  const tree = (await store.get(SNAPSHOT_TREES, machine)) as SnapshotTree | undefined;
  return tree ?? { version: 1, current: null, isTemplate: false };
}

export function putTree(machine: string, tree: SnapshotTree): Put[number] {
  return { collection: SNAPSHOT_TREES, key: machine, value: tree };
}

/** A machine's snapshots, oldest first. */
export async function listSnapshots(store: Store, machine: string): Promise<SnapshotDocument[]> {
  const documents = await store.list(SNAPSHOTS, `${machine}/`);
  return documents
    .map(({ value }) => value as SnapshotDocument)
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

export async function readSnapshot(store: Store, machine: string, id: string): Promise<SnapshotDocument> {
  const document = (await store.get(SNAPSHOTS, `${machine}/${id}`)) as SnapshotDocument | undefined;
  if (!document) throw new NotFoundError(`the snapshot ${id} is missing`, "nothing", `snapshot ${id}`);
  return document;
}

function putSnapshot(document: SnapshotDocument): Put[number] {
  return { collection: SNAPSHOTS, key: `${document.machine}/${document.id}`, value: document };
}

/**
 * All of it in one commit: the snapshot is there with every disk and the state, or nothing has changed. The open disks are
 * frozen before this first waits, so that the caller may let the guest go on as soon as it has called.
 */
export async function takeSnapshot(store: Store, snapshot: NewSnapshot): Promise<SnapshotDocument> {
  try {
    return await freezeAll(store, snapshot);
  } catch (error) {
    // What was written before the disks were to be frozen is not waited for by anybody else.
    for (const disk of snapshot.disks) if (typeof disk !== "string") disk.flush().catch(() => {});
    throw error;
  }
}

async function freezeAll(store: Store, snapshot: NewSnapshot): Promise<SnapshotDocument> {
  const { machine, name, description = "", definition, thumbnail, state, now, onProgress } = snapshot;
  const disks = snapshot.disks.map((disk) =>
    typeof disk === "string" ? disk : { id: disk.id, freeze: disk.freeze() },
  );
  const tree = await readTree(store, machine);
  refuseTemplate(tree, "snapshot");
  const id = newId();
  let saved: Change | undefined;
  if (state !== undefined) {
    saved =
      "kept" in state
        ? await stateCopy(store, state.kept, id)
        : await stateChange(store, id, state, onProgress);
    // The last moment to end it early.
    await onProgress?.(0.5);
  }
  const frozen: DiskDocument[] = [];
  let document: SnapshotDocument | undefined;
  const takeFrom = async (at: number, put: Put): Promise<void> => {
    const disk = disks[at];
    if (disk === undefined) {
      document = {
        version: 1,
        id,
        machine,
        parent: tree.current,
        name,
        description,
        createdAt: now,
        ...(thumbnail === undefined ? {} : { thumbnail }),
        definition,
        disks: frozen,
        power: state === undefined ? "off" : "kept" in state ? "suspended" : "running",
        state: state === undefined ? null : id,
      };
      const require = frozen.map((disk) => ({ collection: DISKS, key: disk.id }));
      const own = {
        put: [...put, putSnapshot(document), putTree(machine, { ...tree, current: id })],
        require,
      };
      await store.commit(joinChanges(own, saved));
      return;
    }
    if (typeof disk !== "string") {
      await disk.freeze(async (moved, layer) => {
        frozen.push({ ...(await readDisk(store, disk.id)), layer });
        await takeFrom(at + 1, [...put, ...moved]);
      });
      return;
    }
    const stored = await readDisk(store, disk);
    const layer = newLayer(await readLayer(store, stored.layer), stored.sizeBytes);
    frozen.push(stored);
    const moved = { collection: DISKS, key: disk, value: { ...stored, layer: layer.id } };
    await takeFrom(at + 1, [...put, putLayer(layer), moved]);
  };
  await takeFrom(0, []);
  if (saved?.blocks) snapshot.onStored?.(saved.blocks);
  await onProgress?.(1);
  return document!;
}

/**
 * What puts the disks, and the state of a machine that is not running, back to what they were: to be committed with what
 * the caller changes besides. What was written since the last snapshot is lost: whoever wants to keep it takes a snapshot
 * first. The layers that nobody needs any more are for `consolidateLayers`. A disk that `others` has comes back under the id
 * that is there, and the one of its own id stays as it is.
 */
export async function revertChange(
  store: Store,
  machine: string,
  id: string,
  others: ReadonlyMap<string, string> = new Map(),
): Promise<{ snapshot: SnapshotDocument; change: Change }> {
  const tree = await readTree(store, machine);
  refuseTemplate(tree, "revert");
  const snapshot = await readSnapshot(store, machine, id);
  const put: Put = [putTree(machine, { ...tree, current: id })];
  for (const disk of snapshot.disks) {
    const layer = newLayer(await readLayer(store, disk.layer), disk.sizeBytes);
    const value: DiskDocument = { ...disk, id: others.get(disk.id) ?? disk.id, layer: layer.id };
    put.push(putLayer(layer), { collection: DISKS, key: value.id, value });
  }
  return { snapshot, change: { put, require: [{ collection: SNAPSHOTS, key: `${machine}/${id}` }] } };
}

/** Of a machine that is off. */
export async function revertToSnapshot(store: Store, machine: string, id: string): Promise<SnapshotDocument> {
  const { snapshot, change } = await revertChange(store, machine, id);
  await store.commit(change);
  await consolidateLayers(store);
  await store.collectGarbage();
  return snapshot;
}

/** Another name or description. */
export async function relabelSnapshot(
  store: Store,
  machine: string,
  id: string,
  label: Partial<Pick<SnapshotDocument, "name" | "description">>,
): Promise<void> {
  const put = [putSnapshot({ ...(await readSnapshot(store, machine, id)), ...label })];
  await store.commit({ put, require: [{ collection: SNAPSHOTS, key: `${machine}/${id}` }] });
}

export interface SnapshotDeletion {
  /** Its descendants too. */
  withChildren?: boolean;
  /** Disks whose live layer may be merged into (see `consolidateLayers`). */
  idle?: IdleDisks;
}

/** The present state and all other snapshots keep their bytes. Throws RefusedError if linked clones stand on it. */
export async function deleteSnapshot(
  store: Store,
  machine: string,
  id: string,
  { withChildren = false, idle }: SnapshotDeletion = {},
): Promise<void> {
  const tree = await readTree(store, machine);
  const snapshot = await readSnapshot(store, machine, id);
  const all = await listSnapshots(store, machine);
  const gone = withChildren ? withDescendants(all, id) : new Set([id]);
  const clones = (await linkedClones(store)).filter(({ snapshot }) => gone.has(snapshot));
  if (clones.length > 0) {
    const names = clones.map(({ clone }) => clone).join(", ");
    throw new RefusedError(
      `the snapshot ${snapshot.name} cannot be deleted: linked clones stand on it (${names})`,
      names,
      "no linked clones",
      { key: "linked-clones", clones: names },
    );
  }
  const put: Put = all
    .filter(({ id, parent }) => !gone.has(id) && parent !== null && gone.has(parent))
    .map((child) => putSnapshot({ ...child, parent: snapshot.parent }));
  if (tree.current !== null && gone.has(tree.current)) {
    put.push(putTree(machine, { ...tree, current: snapshot.parent }));
  }
  const deleted = all.filter(({ id }) => gone.has(id));
  await store.commit({ put, delete: deleted.flatMap(deletionOfSnapshot) });
  await consolidateLayers(store, idle);
  await store.collectGarbage();
}

export function deletionOfSnapshot({ machine, id, state }: SnapshotDocument): NonNullable<Change["delete"]> {
  const deletion = [{ collection: SNAPSHOTS, key: `${machine}/${id}` }];
  return state === null ? deletion : [...deletion, { collection: STATES, key: state }];
}

/** The snapshot and all that came after it. */
export function withDescendants(all: readonly SnapshotDocument[], id: string): Set<string> {
  const found = new Set([id]);
  // A set gives what is added while it is gone through.
  for (const ancestor of found) for (const { id, parent } of all) if (parent === ancestor) found.add(id);
  return found;
}

export interface LinkedClone {
  /** Machine id of the clone. */
  clone: string;
  machine: string;
  snapshot: string;
}

export async function linkedClones(store: Store): Promise<LinkedClone[]> {
  return (await store.list(CLONES)).map(({ key, value }) => ({
    ...(value as { machine: string; snapshot: string }),
    clone: key,
  }));
}

function refuseTemplate(tree: SnapshotTree, action: string): void {
  if (tree.isTemplate)
    throw new RefusedError(`a template is not changed: ${action} refused`, "a template", "a machine", {
      key: "template-unchanged",
    });
}
