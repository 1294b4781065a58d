/** Media as block devices, inside a machine's Worker. */
import type { BlockDevice } from "../../emulator/machine.ts";
import { openDisk, type Disk } from "../storage/disk.ts";
import type { Store } from "../storage/store.ts";
import type { WorkerMedium } from "./machine-worker-protocol.ts";
import { MediumError, memoryDevice, sparseDevice } from "./memory-media.ts";
import { StoredFloppy } from "./stored-floppy.ts";

export async function openMedium(
  medium: WorkerMedium,
  store: Store | undefined,
  onSaveError: (error: Error) => void,
): Promise<BlockDevice> {
  switch (medium.type) {
    case "bytes":
      return memoryDevice(medium.bytes, medium.readOnly);
    case "blank":
      return sparseDevice(medium.byteLength);
    case "blob":
      return blobDevice(medium.blob);
    case "disk":
      if (store === undefined)
        throw new MediumError(`disk ${medium.disk}: this machine was started without a store`);
      return StoredDisk.open(store, medium.disk, onSaveError);
    case "floppy":
      if (store === undefined)
        throw new MediumError(`floppy ${medium.medium}: this machine was started without a store`);
      return StoredFloppy.open(store, medium.medium, onSaveError);
    default:
      return medium satisfies never;
  }
}

/** A disk of the store in its drive: what is in there is another one after a revert. */
export class StoredDisk implements BlockDevice {
  readonly byteLength: number;
  readonly readOnly = false;
  disk: Disk;
  readonly #store: Store;
  readonly #onSaveError: (error: Error) => void;

  static async open(store: Store, id: string, onSaveError: (error: Error) => void): Promise<StoredDisk> {
    return new StoredDisk(store, await openDisk(store, id, { onSaveError }), onSaveError);
  }

  private constructor(store: Store, disk: Disk, onSaveError: (error: Error) => void) {
    this.#store = store;
    this.#onSaveError = onSaveError;
    this.disk = disk;
    this.byteLength = disk.byteLength;
  }

  read(offset: number, length: number) {
    return this.disk.read(offset, length);
  }

  write(offset: number, bytes: Uint8Array) {
    return this.disk.write(offset, bytes);
  }

  flush() {
    return this.disk.flush();
  }

  /** The disk as the store has it now. Nothing is unsaved. */
  async reopen(): Promise<void> {
    this.disk = await openDisk(this.#store, this.disk.id, { onSaveError: this.#onSaveError });
  }
}

function blobDevice(blob: Blob): BlockDevice {
  return {
    byteLength: Math.ceil(blob.size / 512) * 512,
    readOnly: true,
    async read(offset, length) {
      const result = new Uint8Array(length);
      result.set(new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()));
      return result;
    },
    write() {
      throw new MediumError("a file that was picked is read only");
    },
  };
}
