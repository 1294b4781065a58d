/**
 * Clones and templates. A linked clone's disks are new layers on a snapshot's, a full clone's have one layer with the
 * whole map; neither copies blocks, which are stored once anyway. A template is a machine that is not started or changed
 * while it is one.
 */
import { RefusedError } from "./errors.ts";
import { consolidateLayers } from "./layer-references.ts";
import {
  checkChain,
  DISKS,
  newId,
  newLayer,
  putLayer,
  putSegment,
  readChain,
  readLayer,
  readLayerMap,
  SEGMENT_BLOCKS,
  segmentOf,
  type SegmentMap,
} from "./layer.ts";
import { MergedMap } from "./merged-map.ts";
import type { DiskDocument } from "./disk-document.ts";
import {
  CLONES,
  linkedClones,
  listSnapshots,
  putTree,
  readSnapshot,
  readTree,
  SNAPSHOT_TREES,
  SNAPSHOTS,
} from "./snapshots.ts";
import { STATES } from "./saved-state.ts";
import type { Change, Store } from "./store.ts";

/** Gives the clone's disks, in the order of the snapshot's. The caller makes the machine: new id, MAC, host name. */
export async function makeLinkedClone(
  store: Store,
  source: { machine: string; snapshot: string },
  clone: string,
): Promise<DiskDocument[]> {
  const snapshot = await readSnapshot(store, source.machine, source.snapshot);
  const disks: DiskDocument[] = [];
  const put: NonNullable<Change["put"]> = [
    { collection: CLONES, key: clone, value: { machine: source.machine, snapshot: source.snapshot } },
  ];
  for (const disk of snapshot.disks) {
    const layer = newLayer(await readLayer(store, disk.layer), disk.sizeBytes);
    const document = { ...disk, id: newId(), layer: layer.id };
    disks.push(document);
    put.push(putLayer(layer), { collection: DISKS, key: document.id, value: document });
  }
  const require = [{ collection: SNAPSHOTS, key: `${source.machine}/${source.snapshot}` }];
  await store.commit({ put, require });
  return disks;
}

/** Copies disks (of a snapshot, or of a machine that is off) so that they stand on nothing. */
export async function makeFullClone(store: Store, disks: readonly DiskDocument[]): Promise<DiskDocument[]> {
  const copies: DiskDocument[] = [];
  const put: NonNullable<Change["put"]> = [];
  for (const disk of disks) {
    const chain = await readChain(store, disk.layer);
    checkChain(chain);
    const map = new MergedMap();
    for (const [owner, { id }] of chain.entries()) map.lay(await readLayerMap(store, id), owner);
    const layer = newLayer(undefined, disk.sizeBytes);
    const segments = new Map<number, SegmentMap>();
    for (const { block, id } of map.entries()) {
      const segment = segmentOf(block);
      let entries = segments.get(segment);
      if (!entries) segments.set(segment, (entries = new Map()));
      entries.set(block % SEGMENT_BLOCKS, id);
    }
    const document = { ...disk, id: newId(), layer: layer.id };
    copies.push(document);
    put.push(putLayer(layer), { collection: DISKS, key: document.id, value: document });
    for (const [segment, entries] of segments) put.push(putSegment(layer.id, segment, entries));
  }
  // While the sources' layers are there their blocks are.
  const require = disks.map(({ layer }) => ({ collection: "layers", key: layer }));
  await store.commit({ put, require });
  return copies;
}

/** Makes a machine a template or an ordinary machine again. A template needs a snapshot, which its clones stand on. */
export async function setTemplate(store: Store, machine: string, isTemplate: boolean): Promise<void> {
  const tree = await readTree(store, machine);
  if (isTemplate && (await listSnapshots(store, machine)).length === 0) {
    throw new RefusedError("a template needs a snapshot to make clones from", "no snapshot", "a snapshot");
  }
  if (!isTemplate) await refuseIfCloned(store, machine);
  await store.commit({ put: [putTree(machine, { ...tree, isTemplate })] });
}

/** To be asked before a machine is started. */
export async function refusePowerOnOfTemplate(store: Store, machine: string): Promise<void> {
  const { isTemplate } = await readTree(store, machine);
  if (isTemplate) throw new RefusedError("a template cannot be powered on", "a template", "a machine");
}

/** Throws RefusedError that names the linked clones of a machine. */
export async function refuseIfCloned(store: Store, machine: string): Promise<void> {
  const clones = (await linkedClones(store)).filter((clone) => clone.machine === machine);
  if (clones.length === 0) return;
  const names = clones.map(({ clone }) => clone).join(", ");
  throw new RefusedError(`linked clones stand on this machine: ${names}`, names, "no linked clones");
}

/** Deletes all that a machine has in storage: disks, snapshots, saved states. Refused while linked clones stand on it. */
export async function deleteMachineStorage(
  store: Store,
  machine: string,
  disks: readonly string[],
): Promise<void> {
  await refuseIfCloned(store, machine);
  const snapshots = await listSnapshots(store, machine);
  await store.commit({
    delete: [
      ...disks.map((key) => ({ collection: DISKS, key })),
      ...snapshots.map(({ id }) => ({ collection: SNAPSHOTS, key: `${machine}/${id}` })),
      ...snapshots.flatMap(({ state }) => (state === null ? [] : [{ collection: STATES, key: state }])),
      { collection: SNAPSHOT_TREES, key: machine },
      { collection: CLONES, key: machine },
    ],
  });
  await consolidateLayers(store);
  await store.collectGarbage();
}
