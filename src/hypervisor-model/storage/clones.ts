/**
 * Clones and templates. A linked clone's disks are new layers on a snapshot's, a full clone's have one layer with the
 * whole map; neither copies blocks, which are stored once anyway. A template is a machine that is not started or changed
 * while it is one.
 */
import { RefusedError } from "./errors.ts";
import { checkChain, DISKS, LAYERS, newLayer, putLayer, putSegment, readChain, readLayer } from "./layer.ts";
import { mergedMapOf } from "./merged-map.ts";
import type { DiskDocument } from "./disk-document.ts";
import {
  CLONES,
  deletionOfSnapshot,
  linkedClones,
  listSnapshots,
  putTree,
  readSnapshot,
  readTree,
  SNAPSHOT_TREES,
  SNAPSHOTS,
} from "./snapshots.ts";
import { STATES } from "./saved-state.ts";
import type { OnProgress } from "./stoppable.ts";
import type { Change, Store } from "./store.ts";

export interface CloneChange {
  /** In the order of the originals. */
  disks: DiskDocument[];
  change: Change;
}

/**
 * What makes the disks of a linked clone, under `ids` in the order of the snapshot's. The caller makes the machine `clone`
 * in the same commit: new id, MAC, host name.
 */
export async function linkedCloneChange(
  store: Store,
  source: { machine: string; snapshot: string },
  clone: string,
  ids: readonly string[],
): Promise<CloneChange> {
  const { machine, snapshot } = source;
  const disks: DiskDocument[] = [];
  const put: NonNullable<Change["put"]> = [{ collection: CLONES, key: clone, value: { machine, snapshot } }];
  for (const [i, disk] of (await readSnapshot(store, machine, snapshot)).disks.entries()) {
    const layer = newLayer(await readLayer(store, disk.layer), disk.sizeBytes);
    disks.push({ ...disk, id: ids[i], layer: layer.id });
    put.push(putLayer(layer), { collection: DISKS, key: ids[i], value: disks[i] });
  }
  return { disks, change: { put, require: [{ collection: SNAPSHOTS, key: `${machine}/${snapshot}` }] } };
}

/** What copies disks (of a snapshot, or of a machine that is off) under `ids` so that they stand on nothing. */
export async function fullCloneChange(
  store: Store,
  originals: readonly DiskDocument[],
  ids: readonly string[],
  onProgress?: OnProgress,
): Promise<CloneChange> {
  const disks: DiskDocument[] = [];
  const put: NonNullable<Change["put"]> = [];
  for (const [i, disk] of originals.entries()) {
    await onProgress?.(i / originals.length);
    const chain = await readChain(store, disk.layer);
    checkChain(chain);
    const map = await mergedMapOf(store, chain);
    const layer = newLayer(undefined, disk.sizeBytes);
    disks.push({ ...disk, id: ids[i], layer: layer.id });
    put.push(putLayer(layer), { collection: DISKS, key: ids[i], value: disks[i] });
    for (const [segment, entries] of map.bySegment()) put.push(putSegment(layer.id, segment, entries));
  }
  // While the originals' layers are there their blocks are.
  const require = originals.map(({ layer }) => ({ collection: LAYERS, key: layer }));
  return { disks, change: { put, require } };
}

/** What makes a machine a template or an ordinary machine again. A template needs a snapshot, which its clones stand on. */
export async function templateChange(store: Store, machine: string, isTemplate: boolean): Promise<Change> {
  const tree = await readTree(store, machine);
  const snapshots = await listSnapshots(store, machine);
  if (isTemplate && snapshots.length === 0) {
    throw new RefusedError("a template needs a snapshot to make clones from", "no snapshot", "a snapshot", {
      key: "template-needs-snapshot",
    });
  }
  const require = snapshots.slice(0, 1).map(({ id }) => ({ collection: SNAPSHOTS, key: `${machine}/${id}` }));
  return { put: [putTree(machine, { ...tree, isTemplate })], require: isTemplate ? require : [] };
}

/** Throws RefusedError that names the linked clones of a machine, by `nameOf` their ids. */
export async function refuseIfCloned(
  store: Store,
  machine: string,
  nameOf: (id: string) => string = (id) => id,
): Promise<void> {
  const clones = (await linkedClones(store)).filter((clone) => clone.machine === machine);
  if (clones.length === 0) return;
  const names = clones.map(({ clone }) => nameOf(clone)).join(", ");
  throw new RefusedError(`linked clones stand on this machine: ${names}`, names, "no linked clones", {
    key: "linked-clones",
    clones: names,
  });
}

/** What deletes all that a machine has in storage but the layers: disks, snapshots, saved states. */
export async function deletionOfMachine(
  store: Store,
  machine: string,
  disks: readonly string[],
): Promise<Change> {
  const snapshots = await listSnapshots(store, machine);
  return {
    delete: [
      ...disks.map((key) => ({ collection: DISKS, key })),
      ...snapshots.flatMap(deletionOfSnapshot),
      { collection: STATES, key: machine },
      { collection: SNAPSHOT_TREES, key: machine },
      { collection: CLONES, key: machine },
    ],
  };
}
