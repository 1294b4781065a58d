/** Media as block devices, inside a machine's Worker. */
import type { BlockDevice } from "../../emulator/machine.ts";
import { openDisk, type Disk } from "../storage/disk.ts";
import type { Store } from "../storage/store.ts";
import type { WorkerMedium } from "./machine-worker-protocol.ts";

export class MediumError extends Error {
  override name = "MediumError";
}

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

export function memoryDevice(bytes: Uint8Array, readOnly: boolean): BlockDevice {
  return {
    byteLength: Math.ceil(bytes.length / 512) * 512,
    readOnly,
    read(offset, length) {
      const part = bytes.slice(offset, offset + length);
      if (part.length === length) return part;
      const padded = new Uint8Array(length);
      padded.set(part);
      return padded;
    },
    write(offset, data) {
      bytes.set(data.subarray(0, Math.max(0, bytes.length - offset)), offset);
    },
  };
}

const CHUNK = 65536;

/** Zeros until written. */
export function sparseDevice(byteLength: number): BlockDevice {
  const chunks = new Map<number, Uint8Array>();
  return {
    byteLength,
    readOnly: false,
    read(offset, length) {
      const result = new Uint8Array(length);
      eachChunk(offset, length, (chunk, from, at, count) => {
        const bytes = chunks.get(chunk);
        if (bytes !== undefined) result.set(bytes.subarray(from, from + count), at);
      });
      return result;
    },
    write(offset, data) {
      eachChunk(offset, data.length, (chunk, from, at, count) => {
        let bytes = chunks.get(chunk);
        if (bytes === undefined) chunks.set(chunk, (bytes = new Uint8Array(CHUNK)));
        bytes.set(data.subarray(at, at + count), from);
      });
    },
  };
}

function eachChunk(
  offset: number,
  length: number,
  visit: (chunk: number, from: number, at: number, count: number) => void,
): void {
  for (let at = 0; at < length;) {
    const chunk = Math.floor((offset + at) / CHUNK);
    const from = offset + at - chunk * CHUNK;
    const count = Math.min(CHUNK - from, length - at);
    visit(chunk, from, at, count);
    at += count;
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
