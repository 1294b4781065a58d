/** Which layers are in use by name, and what is done with those that are not: they are merged into their only child. */
import { ConflictError } from "./errors.ts";
import { heldLayers } from "./import-hold.ts";
import {
  deletionOfLayer,
  DISKS,
  LAYERS,
  putLayer,
  putSegment,
  readLayerMap,
  SNAPSHOTS,
  type LayerDocument,
} from "./layer.ts";
import type { Change, Store } from "./store.ts";

/** Layers that a snapshot, an import or a disk other than `exceptDisk` names. */
export async function referencedLayers(store: Store, exceptDisk?: string): Promise<Set<string>> {
  const referenced = new Set(await heldLayers(store));
  for (const { key, value } of await store.list(DISKS)) {
    if (key !== exceptDisk) referenced.add((value as { layer: string }).layer);
  }
  for (const { value } of await store.list(SNAPSHOTS)) {
    for (const { layer } of (value as { disks: { layer: string }[] }).disks) referenced.add(layer);
  }
  return referenced;
}

/**
 * The disks that no running machine has open: for each a document that is another one once its machine is started (see
 * power-record.ts), or null where there is none. It is required by the commit that changes the disk's live layer, so that
 * a machine that is started meanwhile, by this page or another, keeps its own.
 */
export type IdleDisks = ReadonlyMap<string, { collection: string; key: string } | null>;

/**
 * Deletes layers that nothing stands on and merges those that only one other layer stands on into that one. Each step
 * is a commit of its own that changes no disk's bytes: a crash leaves the rest for the next time. The live layers of disks
 * that are not in `idle` are left as they are; without `idle` no disk is open. Gives the number of steps.
 */
export async function consolidateLayers(store: Store, idle?: IdleDisks): Promise<number> {
  const live = new Map<string, string>();
  for (const { key, value } of await store.list(DISKS)) live.set((value as { layer: string }).layer, key);
  const isBusy = ({ id }: LayerDocument) => {
    const disk = live.get(id);
    return idle !== undefined && disk !== undefined && !idle.has(disk);
  };
  for (let steps = 0; ; steps++) {
    const layers = (await store.list(LAYERS)).map(({ value }) => value as LayerDocument);
    const referenced = await referencedLayers(store);
    const children = new Map<string, LayerDocument[]>();
    for (const layer of layers) {
      if (layer.parent === null) continue;
      const siblings = children.get(layer.parent);
      if (siblings) siblings.push(layer);
      else children.set(layer.parent, [layer]);
    }
    const free = layers.filter(({ id }) => !referenced.has(id));
    const unused = free.find(({ id }) => !children.has(id));
    if (unused) {
      await store.commit({ delete: await deletionOfLayer(store, unused.id) });
      continue;
    }
    const merged = free.find(({ id, cid, movedAway }) => {
      const above = children.get(id)!;
      // A template's layer is kept as it is: the next disk made from the same template shares it. A layer that was moved
      // away, or whose CID its child does not know, is kept too: that is for the user to repair.
      if (movedAway || id.startsWith("template-")) return false;
      return above.length === 1 && !isBusy(above[0]) && above[0].parentCid === cid;
    });
    if (!merged) return steps;
    const child = children.get(merged.id)![0];
    const mark = idle?.get(live.get(child.id) ?? "");
    try {
      await mergeIntoChild(store, merged, child, mark ? [mark] : []);
    } catch (error) {
      // Its machine has been started, or another page does the same work: the next time.
      if (error instanceof ConflictError) return steps;
      throw error;
    }
  }
}

async function mergeIntoChild(
  store: Store,
  layer: LayerDocument,
  child: LayerDocument,
  require: NonNullable<Change["require"]>,
): Promise<void> {
  const below = await readLayerMap(store, layer.id);
  const above = await readLayerMap(store, child.id);
  const put: { collection: string; key: string; value: unknown }[] = [
    putLayer({ ...child, parent: layer.parent, parentCid: layer.parentCid }),
  ];
  for (const [segment, entries] of below) {
    const merged = new Map(entries);
    for (const [place, id] of above.get(segment) ?? []) merged.set(place, id);
    put.push(putSegment(child.id, segment, merged));
  }
  await store.commit({
    put,
    delete: await deletionOfLayer(store, layer.id),
    require: [...require, { collection: LAYERS, key: child.id }, { collection: LAYERS, key: layer.id }],
  });
}
