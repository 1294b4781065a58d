/** Disks from and to image files: import of a chain of images as one disk, export in any of the formats. */
import { FormatError } from "./errors.ts";
import { Disk } from "./disk.ts";
import { DISKS, LARGEST_DISK_MIB, type DiskDocument } from "./disk-document.ts";
import type { ByteSink, DiskContents, FileFinder } from "./formats/image.ts";
import { openImageChain } from "./formats/open-image.ts";
import { serialiseQcow2 } from "./formats/qcow2.ts";
import { serialiseRaw } from "./formats/raw.ts";
import { serialiseVmdk, splitVmdk } from "./formats/vmdk.ts";
import { ImportHold } from "./import-hold.ts";
import { joinChanges } from "./join-changes.ts";
import { deletionOfLayer, newId, newLayer } from "./layer.ts";
import { MergedMap } from "./merged-map.ts";
import { BLOCK_SIZE, type Store } from "./store.ts";
import type { OnProgress } from "./stoppable.ts";

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

export const DISK_FORMATS = ["raw", "qcow2", "vmdk", "vmdk-split"] as const;
export type DiskFormat = (typeof DISK_FORMATS)[number];

export interface OutputFile {
  /** Without folder. */
  name: string;
  write(sink: ByteSink): Promise<void>;
}

/** The files of an image of the disk. `onProgress` gets the part of the disk that has been read, 0 to 1. */
export function diskFiles(
  disk: Disk,
  name: string,
  format: DiskFormat,
  onProgress?: OnProgress,
): OutputFile[] {
  const plain = contentsOfDisk(disk);
  const contents: DiskContents = {
    ...plain,
    async read(offset, length) {
      await onProgress?.((offset + length) / plain.sizeBytes);
      return plain.read(offset, length);
    },
  };
  const stem = fileStem(name);
  const { cid } = disk.chain[disk.chain.length - 1];
  switch (format) {
    case "raw":
      return [{ name: `${stem}.img`, write: (sink) => serialiseRaw(contents, sink) }];
    case "qcow2":
      return [{ name: `${stem}.qcow2`, write: (sink) => serialiseQcow2(contents, sink) }];
    case "vmdk": {
      const file = `${stem}.vmdk`;
      return [{ name: file, write: (sink) => serialiseVmdk(contents, file, cid, sink) }];
    }
    case "vmdk-split":
      return splitVmdk(contents, `${stem}.vmdk`, cid);
    default:
      return format satisfies never;
  }
}

/** A disk's or machine's name as that of a file, on any system. */
export function fileStem(name: string): string {
  // oxlint-disable-next-line no-control-regex
  const stem = name.replace(/[\u0000-\u001f\u007f<>:"/\\|?*]+/g, "_").replace(/^[. ]+|[. ]+$/g, "");
  return stem === "" ? "disk" : stem.slice(0, 100);
}

export interface ImportOptions {
  id?: string;
  /** Who imports (see import-hold.ts). */
  owner?: string;
  onProgress?: OnProgress;
}

/**
 * Makes a disk of the image `name` and those below it, which `find` gives. The disk is there when all of it is stored;
 * if that fails nothing is left. Throws FormatError, UnsupportedFormatError, StorageFullError.
 */
export async function importDisk(
  store: Store,
  name: string,
  find: FileFinder,
  { id = newId(), owner = "", onProgress }: ImportOptions = {},
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
  const hold = new ImportHold(store, owner);
  await hold.keepLayer(layer);
  const disk = new Disk(store, document, [layer], new MergedMap(), {});
  try {
    for (const [at, { clusters }] of chain.entries()) {
      for await (const { offset, bytes } of clusters()) {
        if (offset >= image.sizeBytes) break;
        await onProgress?.((at + offset / image.sizeBytes) / chain.length);
        await disk.write(offset, bytes.subarray(0, image.sizeBytes - offset));
      }
    }
    await disk.close();
    const made = { put: [{ collection: DISKS, key: document.id, value: document }] };
    await store.commit(joinChanges(made, hold.release()));
  } catch (error) {
    await disk.abandon();
    // Where even that fails the next start finds it.
    await deletionOfLayer(store, layer.id)
      .then((layer) => store.commit({ delete: [...layer, ...(hold.release().delete ?? [])] }))
      .then(() => store.collectGarbage())
      .catch(() => {});
    throw error;
  }
  return document;
}
