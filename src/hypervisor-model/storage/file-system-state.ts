/**
 * Whether the ext2, ext3 or ext4 file system of a frozen disk was put away cleanly, from its superblock (Linux kernel,
 * Documentation/filesystems/ext4/super.rst).
 */
import { readChain, readLayerMap } from "./layer.ts";
import { MergedMap } from "./merged-map.ts";
import { ZERO_BLOCK, type Store } from "./store.ts";

/** `needs-recovery`: as after a power failure, its journal has to be replayed before it can be used. */
export type FileSystemState = "clean" | "needs-recovery";

const SUPERBLOCK = 1024;
const MAGIC = 0xef53;
const STATE_CLEAN = 1;
const INCOMPAT_RECOVER = 4;

/** `start` is the first 4 KiB of the file system; undefined: it is none of these. */
export function fileSystemState(start: Uint8Array): FileSystemState | undefined {
  if (start.length < SUPERBLOCK + 256) return undefined;
  const view = new DataView(start.buffer, start.byteOffset + SUPERBLOCK, 256);
  if (view.getUint16(0x38, true) !== MAGIC) return undefined;
  const isClean = (view.getUint16(0x3a, true) & STATE_CLEAN) !== 0;
  const isInUse = (view.getUint32(0x60, true) & INCOMPAT_RECOVER) !== 0;
  return isClean && !isInUse ? "clean" : "needs-recovery";
}

/** Of a disk without partitions whose topmost layer is `top`. */
export async function fileSystemStateOf(store: Store, top: string): Promise<FileSystemState | undefined> {
  const map = new MergedMap();
  for (const [owner, { id }] of (await readChain(store, top)).entries())
    map.lay(await readLayerMap(store, id), owner);
  const [start] = await store.readBlocks([map.idOf(0) ?? ZERO_BLOCK]);
  return start && fileSystemState(start);
}
