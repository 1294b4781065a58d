/** Which layers are in use by name, and what is done with those that are not: they are merged into their only child. */
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
import type { Store } from "./store.ts";

/** Layers that a snapshot or a disk other than `exceptDisk` names. */
export async function referencedLayers(store: Store, exceptDisk?: string): Promise<Set<string>> {
  const referenced = new Set<string>();
  for (const { key, value } of await store.list(DISKS)) {
    if (key !== exceptDisk) referenced.add((value as { layer: string }).layer);
  }
  for (const { value } of await store.list(SNAPSHOTS)) {
    for (const { layer } of (value as { disks: { layer: string }[] }).disks) referenced.add(layer);
  }
  return referenced;
}

/**
 * Deletes layers that nothing stands on and merges those that only one other layer stands on into that one. Each step
 * is a commit of its own that changes no disk's bytes: a crash leaves the rest for the next time. The live layers of
 * `openDisks` (ids of disks that machines are writing to) are left as they are. Gives the number of steps.
 */
export async function consolidateLayers(
  store: Store,
  openDisks: ReadonlySet<string> = new Set(),
): Promise<number> {
  const busy = new Set<string>();
  for (const { key, value } of await store.list(DISKS))
    if (openDisks.has(key)) busy.add((value as { layer: string }).layer);
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
    const merged = free.find(({ id }) => {
      const above = children.get(id)!;
      // A template's layer is kept as it is: the next disk made from the same template shares it. A layer whose CID its
      // child does not know is kept too: that is for the user to repair.
      return (
        above.length === 1 &&
        !busy.has(above[0].id) &&
        !id.startsWith("template-") &&
        above[0].parentCid === layers.find((layer) => layer.id === id)!.cid
      );
    });
    if (!merged) return steps;
    await mergeIntoChild(store, merged, children.get(merged.id)![0]);
  }
}

async function mergeIntoChild(store: Store, layer: LayerDocument, child: LayerDocument): Promise<void> {
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
    require: [
      { collection: LAYERS, key: child.id },
      { collection: LAYERS, key: layer.id },
    ],
  });
}
