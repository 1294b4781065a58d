/** What changed between two snapshots: blocks of each disk and pages of memory, by their ids, without reading them. */
import { idAt } from "./block-id.ts";
import { readChain } from "./layer.ts";
import { mergedMapOf } from "./merged-map.ts";
import type { SnapshotDocument } from "./snapshots.ts";
import { STATES, type StateDocument } from "./saved-state.ts";
import { ZERO_BLOCK, type BlockId, type Store } from "./store.ts";

export interface DiskDifference {
  disk: string;
  /** Numbers of the 4 KiB blocks whose bytes differ, ascending. */
  blocks: number[];
}

export interface SnapshotDifference {
  disks: DiskDifference[];
  /** Numbers of the pages that differ; undefined unless both have a saved state. */
  pages?: number[];
}

export async function compareSnapshots(
  store: Store,
  one: SnapshotDocument,
  other: SnapshotDocument,
): Promise<SnapshotDifference> {
  const disks: DiskDifference[] = [];
  for (const { id, layer } of one.disks) {
    const counterpart = other.disks.find((disk) => disk.id === id);
    if (!counterpart) continue;
    const blocks = differences(await idsOfDisk(store, layer), await idsOfDisk(store, counterpart.layer));
    disks.push({ disk: id, blocks });
  }
  if (one.state === null || other.state === null) return { disks };
  const pages = differences(await idsOfState(store, one.state), await idsOfState(store, other.state));
  return { disks, pages };
}

function differences(one: ReadonlyMap<number, BlockId>, other: ReadonlyMap<number, BlockId>): number[] {
  const different = new Set<number>();
  for (const [number, id] of one) if (id !== (other.get(number) ?? ZERO_BLOCK)) different.add(number);
  for (const [number, id] of other) if (id !== (one.get(number) ?? ZERO_BLOCK)) different.add(number);
  return [...different].sort((a, b) => a - b);
}

async function idsOfDisk(store: Store, top: string): Promise<Map<number, BlockId>> {
  const map = await mergedMapOf(store, await readChain(store, top));
  return new Map(Array.from(map.entries(), ({ block, id }) => [block, id]));
}

async function idsOfState(store: Store, id: string): Promise<Map<number, BlockId>> {
  const { pageNumbers, blocks } = (await store.get(STATES, id)) as StateDocument;
  return new Map(Array.from(pageNumbers, (page, at) => [page, idAt(blocks, at)]));
}
