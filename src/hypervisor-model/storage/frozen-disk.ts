/** A disk as a snapshot has it, to be read. */
import type { DiskDocument } from "./disk-document.ts";
import { Disk } from "./disk.ts";
import type { ByteSource } from "./formats/image.ts";
import { checkChain, readChain } from "./layer.ts";
import { mergedMapOf } from "./merged-map.ts";
import { BLOCK_SIZE, type Store } from "./store.ts";

export async function openFrozenDisk(store: Store, document: DiskDocument): Promise<Disk> {
  const layers = await readChain(store, document.layer);
  checkChain(layers);
  return new Disk(store, document, layers, await mergedMapOf(store, layers), { readOnly: true });
}

/** Any bytes of a disk, not only whole sectors. */
export function diskSource(disk: Disk): ByteSource {
  return {
    byteLength: disk.byteLength,
    async read(offset, length) {
      const start = Math.floor(offset / BLOCK_SIZE) * BLOCK_SIZE;
      const end = Math.min(disk.byteLength, Math.ceil((offset + length) / BLOCK_SIZE) * BLOCK_SIZE);
      const bytes = await disk.read(start, end - start);
      return bytes.subarray(offset - start, offset - start + length);
    },
  };
}
