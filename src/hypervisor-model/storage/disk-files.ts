/** Disks from and to image files: import of a chain of images as one disk, export in any of the formats. */
import { FormatError } from "./errors.ts";
import { Disk } from "./disk.ts";
import { DISKS, LARGEST_DISK_MIB, type DiskDocument } from "./disk-document.ts";
import type { DiskContents, FileFinder } from "./formats/image.ts";
import { openImageChain } from "./formats/open-image.ts";
import { consolidateLayers } from "./layer-references.ts";
import { LAYERS, newId, newLayer, putLayer } from "./layer.ts";
import { MergedMap } from "./merged-map.ts";
import { BLOCK_SIZE, type Store } from "./store.ts";

const MIB = 1 << 20;

/** What the formats' writers read. The disk is not written to meanwhile. */
export function contentsOfDisk(disk: Disk): DiskContents {
  return {
    sizeBytes: disk.byteLength,
    hasData(offset, length) {
      const end = Math.ceil((offset + length) / BLOCK_SIZE);
      for (let block = Math.floor(offset / BLOCK_SIZE); block < end; block++)
        if (disk.layerOf(block) >= 0) return true;
      return false;
    },
    read: (offset, length) => disk.read(offset, length),
  };
}

/**
 * Makes a disk of the image `name` and those below it, which `find` gives. The disk is there when all of it is stored;
 * if that fails nothing is left. Throws FormatError, UnsupportedFormatError, StorageFullError.
 */
export async function importDisk(
  store: Store,
  name: string,
  find: FileFinder,
  id = newId(),
): Promise<DiskDocument> {
  const chain = await openImageChain(name, find);
  const image = chain[chain.length - 1];
  const sizeBytes = Math.ceil(image.sizeBytes / MIB) * MIB;
  if (sizeBytes > LARGEST_DISK_MIB * MIB) {
    throw new FormatError(
      `the disk image has ${image.sizeBytes} bytes, more than the largest disk`,
      `${image.sizeBytes} bytes`,
      `at most ${LARGEST_DISK_MIB} MiB`,
    );
  }
  const layer = newLayer(undefined, sizeBytes);
  const document: DiskDocument = {
    version: 1,
    id,
    name: name.replace(/\.[^.]*$/, ""),
    sizeBytes,
    layer: layer.id,
    provisioning: "thin",
    split: false,
  };
  await store.commit({ put: [putLayer(layer)] });
  // Until the end no document names the layer: what an interrupted import leaves is found as unused.
  const disk = new Disk(store, document, [layer], new MergedMap(), {});
  try {
    for (const { clusters } of chain) {
      for await (const { offset, bytes } of clusters()) {
        if (offset >= image.sizeBytes) break;
        await disk.write(offset, bytes.subarray(0, image.sizeBytes - offset));
      }
    }
    await disk.close();
    await store.commit({
      put: [{ collection: DISKS, key: document.id, value: document }],
      require: [{ collection: LAYERS, key: layer.id }],
    });
  } catch (error) {
    await disk.abandon();
    // Where even that fails the next consolidation finds it.
    await consolidateLayers(store)
      .then(() => store.collectGarbage())
      .catch(() => {});
    throw error;
  }
  return document;
}
