/** Breaking a disk's chain on purpose, seeing where it is broken, and mending it. */
import { checkChain, NO_PARENT_CID, newCid, putLayer, readChain, readLayer } from "./layer.ts";
import { readDisk } from "./disk-document.ts";
import type { Store } from "./store.ts";

/** What writing to a parent behind its child's back does: the parent's CID is another one. */
export async function modifyParent(store: Store, layer: string): Promise<void> {
  await store.commit({ put: [putLayer({ ...(await readLayer(store, layer)), cid: newCid() })] });
}

/** What moving or renaming a parent's file does: those that stand on it do not find it. */
export async function moveParent(store: Store, layer: string): Promise<void> {
  await store.commit({ put: [putLayer({ ...(await readLayer(store, layer)), movedAway: true })] });
}

/** Undefined if the chain is whole, else the ParentModifiedError or NotFoundError that opening the disk gives. */
export async function findBreak(store: Store, disk: string): Promise<Error | undefined> {
  const { layer } = await readDisk(store, disk);
  try {
    checkChain(await readChain(store, layer));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/**
 * Puts back what was moved away, and writes into each child the CID that its parent has, as one edits the descriptor files
 * by hand. That does not undo what was changed in the parent. Gives the number of layers that were changed.
 */
export async function repairChain(store: Store, disk: string): Promise<number> {
  const { layer } = await readDisk(store, disk);
  const chain = await readChain(store, layer, true);
  const put = chain.flatMap(({ movedAway, ...layer }, at) => {
    const parentCid = at === 0 ? NO_PARENT_CID : chain[at - 1].cid;
    return movedAway || layer.parentCid !== parentCid ? [putLayer({ ...layer, parentCid })] : [];
  });
  if (put.length > 0) await store.commit({ put });
  return put.length;
}
