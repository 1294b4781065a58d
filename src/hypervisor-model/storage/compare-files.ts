/** Which of the guest's files the blocks belong to that differ between two states of a disk. */
import type { Disk } from "./disk.ts";
import { FileMap, type GuestFile, type Metadata } from "./file-systems/file-map.ts";
import { diskSource } from "./frozen-disk.ts";

export interface FileDifference {
  path: string;
  partition: number;
  type: GuestFile["type"];
  /** `added` and `gone`: its path is in one of the two alone. */
  change: "changed" | "added" | "gone";
  /** Blocks of 4 KiB that differ and are the file's in one of the two; of one that is gone there may be none. */
  blocks: number;
}

export interface ContentDifference {
  /** By path. */
  files: FileDifference[];
  /** Blocks of the file system itself. */
  metadata: { what: Metadata; blocks: number }[];
  /** Blocks that are nobody's in both, as those of files that were deleted and written in between. */
  unused: number;
  /** Whether both have a file system that is known. */
  isKnown: boolean;
  /** Whether there is more in it than is looked at. */
  isCut: boolean;
}

/** `blocks`: those that differ (see `compareSnapshots`). */
export async function compareFiles(
  before: Disk,
  after: Disk,
  blocks: readonly number[],
): Promise<ContentDifference> {
  const [old, now] = [await FileMap.read(diskSource(before)), await FileMap.read(diskSource(after))];
  const files = new Map<string, FileDifference>();
  const metadata = new Map<Metadata, number>();
  const keyOf = ({ partition, path }: GuestFile) => `${partition}${path}`;
  const paths = (map: FileMap) => new Set(map.files.map(keyOf));
  const [oldPaths, nowPaths] = [paths(old), paths(now)];
  const oneSided = [
    ...now.files
      .filter((file) => !oldPaths.has(keyOf(file)))
      .map((file) => ({ file, change: "added" as const })),
    ...old.files
      .filter((file) => !nowPaths.has(keyOf(file)))
      .map((file) => ({ file, change: "gone" as const })),
  ];
  for (const { file, change } of oneSided) {
    const { path, partition, type } = file;
    files.set(keyOf(file), { path, partition, type, change, blocks: 0 });
  }
  let unused = 0;
  for (const block of blocks) {
    const uses = [...now.usesOf(block), ...old.usesOf(block)];
    const counted = new Set<string>();
    for (const use of uses) {
      const key = use.type === "file" ? keyOf(use.file) : use.what;
      if (counted.has(key)) continue;
      counted.add(key);
      if (use.type === "metadata") {
        metadata.set(use.what, (metadata.get(use.what) ?? 0) + 1);
        continue;
      }
      const { path, partition, type } = use.file;
      const found = files.get(key);
      if (found) found.blocks++;
      else files.set(key, { path, partition, type, change: "changed", blocks: 1 });
    }
    if (uses.length === 0) unused++;
  }
  return {
    files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    metadata: Array.from(metadata, ([what, count]) => ({ what, blocks: count })),
    unused,
    isKnown: old.fileSystems.length > 0 && now.fileSystems.length > 0,
    isCut: old.isCut || now.isCut,
  };
}
