/** The guest's files on the library's disks: which blocks they are in, and which of them differ between snapshots. */
import { compareFiles, type ContentDifference } from "../storage/compare-files.ts";
import { compareSnapshots } from "../storage/compare-snapshots.ts";
import { openDisk } from "../storage/disk.ts";
import { FileMap } from "../storage/file-systems/file-map.ts";
import { diskSource, openFrozenDisk } from "../storage/frozen-disk.ts";
import { readSnapshot } from "../storage/snapshots.ts";
import type { DiskChain } from "./machine-disks.ts";
import type { StorageWorld } from "./machine-storage.ts";

export interface DiskContentDifference extends ContentDifference {
  disk: { id: string; name: string };
}

export class GuestFiles {
  readonly #world: Pick<StorageWorld, "store">;

  constructor(world: Pick<StorageWorld, "store">) {
    this.#world = world;
  }

  /**
   * What is on a disk as it is in the store now; of a machine that runs, what its guest has written out and the store has
   * saved. `map.find(path)` and `map.blocksOf(file)` lead from a file to its blocks, `map.usesOf(block)` back.
   */
  async on(disk: string): Promise<FileMap> {
    return FileMap.read(diskSource(await openDisk(this.#world.store, disk, { readOnly: true })));
  }

  /** For each disk that both snapshots have and that differs: whose the blocks are. */
  async compare(machine: string, one: string, other: string): Promise<DiskContentDifference[]> {
    const { store } = this.#world;
    const first = await readSnapshot(store, machine, one);
    const second = await readSnapshot(store, machine, other);
    const found: DiskContentDifference[] = [];
    for (const { disk: id, blocks } of (await compareSnapshots(store, first, second)).disks) {
      if (blocks.length === 0) continue;
      const [before, after] = [first, second].map(({ disks }) => disks.find((disk) => disk.id === id)!);
      const [was, is] = [await openFrozenDisk(store, before), await openFrozenDisk(store, after)];
      found.push({ disk: { id, name: after.name }, ...(await compareFiles(was, is, blocks)) });
    }
    return found;
  }
}

/** How many of the blocks each layer of a chain gives, by its index; -1: no layer has it, it reads as zeros. */
export function blocksByLayer(chain: DiskChain, blocks: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const block of blocks) {
    const layer = chain.layerOf(block);
    counts.set(layer, (counts.get(layer) ?? 0) + 1);
  }
  return counts;
}
