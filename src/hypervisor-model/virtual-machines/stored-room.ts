/** What of the store each machine takes: blocks of its disks and of saved memory, those that it shares with others told apart. */
import { unpackIds } from "../storage/block-id.ts";
import { LAYER_MAPS, readChain, type LayerSegment } from "../storage/layer.ts";
import { STATES, type StateDocument } from "../storage/saved-state.ts";
import { readDisk } from "../storage/disk-document.ts";
import { listSnapshots } from "../storage/snapshots.ts";
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId, type Store } from "../storage/store.ts";
import type { MachineDefinition } from "./definition.ts";

export interface StoredRoom {
  id: string;
  name: string;
  snapshots: number;
  /** Bytes of the different blocks that its disks and their snapshots have, before compression. */
  disks: number;
  /** The same of memory and devices that snapshots and a suspended machine have. */
  memory: number;
  /** Of both, what no other machine of the list refers to: what its deletion frees. */
  alone: number;
}

/** Rests after each document, so that the thread is never kept for long. */
export async function storedRoom(
  store: Store,
  machines: readonly MachineDefinition[],
): Promise<StoredRoom[]> {
  const layers = new Map<string, BlockId[]>();
  const found: { room: StoredRoom; blocks: Set<BlockId> }[] = [];
  const owners = new Map<BlockId, number>();
  for (const { id, name, disks } of machines) {
    const snapshots = await listSnapshots(store, id);
    const used = new Set<string>();
    const tops = snapshots.flatMap((snapshot) => snapshot.disks.map(({ layer }) => layer));
    for (const disk of disks) tops.push((await readDisk(store, disk.id)).layer);
    for (const top of tops) for (const layer of await readChain(store, top, true)) used.add(layer.id);
    const onDisk = new Set<BlockId>();
    for (const layer of used) {
      if (!layers.has(layer)) layers.set(layer, await blocksOfLayer(store, layer));
      addAll(onDisk, layers.get(layer)!);
    }
    const inMemory = new Set<BlockId>();
    for (const state of [id, ...snapshots.flatMap((snapshot) => snapshot.state ?? [])]) {
      const document = (await store.get(STATES, state)) as StateDocument | undefined;
      if (document) addAll(inMemory, unpackIds(document.blocks));
      await rest();
    }
    const blocks = new Set([...onDisk, ...inMemory]);
    for (const block of blocks) owners.set(block, (owners.get(block) ?? 0) + 1);
    const bytes = { disks: onDisk.size * BLOCK_SIZE, memory: inMemory.size * BLOCK_SIZE };
    found.push({ room: { id, name, snapshots: snapshots.length, ...bytes, alone: 0 }, blocks });
    await rest();
  }
  return found.map(({ room, blocks }) => {
    let alone = 0;
    for (const block of blocks) if (owners.get(block) === 1) alone++;
    return { ...room, alone: alone * BLOCK_SIZE };
  });
}

async function blocksOfLayer(store: Store, layer: string): Promise<BlockId[]> {
  const segments = await store.list(LAYER_MAPS, `${layer}/`);
  await rest();
  return segments.flatMap(({ value }) => unpackIds((value as LayerSegment).blocks));
}

function addAll(blocks: Set<BlockId>, ids: readonly BlockId[]): void {
  for (const id of ids) if (id !== ZERO_BLOCK) blocks.add(id);
}

const rest = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
