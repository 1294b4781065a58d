/**
 * A floppy of the user that is kept in the store, in a machine's drive: what the guest writes is put there as a whole, at
 * most 2.88 MB, shortly after the last write and when the floppy leaves the drive. One machine writes to it at a time; in
 * another's drive it is write-protected meanwhile.
 */
import type { BlockDevice } from "../../emulator/machine.ts";
import type { Store } from "../storage/store.ts";
import { MEDIA, readMedium } from "./machine-media.ts";
import { memoryDevice, MediumError } from "./memory-media.ts";

const QUIET_MS = 500;

export class StoredFloppy implements BlockDevice {
  readonly readOnly: boolean;
  readonly #store: Store;
  readonly #id: string;
  readonly #bytes: Uint8Array;
  readonly #device: BlockDevice;
  readonly #release: () => void;
  readonly #onSaveError: (error: Error) => void;
  #unsaved = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();

  /** Throws `MediumError` when the store has no such medium. */
  static async open(
    store: Store,
    id: string,
    onSaveError: (error: Error) => void,
    locks: LockManager | undefined = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks,
  ): Promise<StoredFloppy> {
    const release = await takeLock(`ringside-floppy-${id}`, locks);
    const bytes = (await readMedium(store, id))?.slice();
    if (bytes === undefined) {
      release?.();
      throw new MediumError(`floppy ${id}: it is not in the store any more`);
    }
    return new StoredFloppy(store, id, bytes, release, onSaveError);
  }

  private constructor(
    store: Store,
    id: string,
    bytes: Uint8Array,
    release: (() => void) | undefined,
    onSaveError: (error: Error) => void,
  ) {
    this.#store = store;
    this.#id = id;
    this.#bytes = bytes;
    this.readOnly = release === undefined;
    this.#device = memoryDevice(bytes, this.readOnly);
    this.#release = release ?? (() => undefined);
    this.#onSaveError = onSaveError;
  }

  get byteLength(): number {
    return this.#device.byteLength;
  }

  read(offset: number, length: number) {
    return this.#device.read(offset, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    void this.#device.write(offset, bytes);
    this.#unsaved = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush().catch(() => undefined), QUIET_MS);
  }

  /** Resolves when all that was written is in the store. A failure is reported as well, and the next flush tries again. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#save());
    return this.#saving;
  }

  async #save(): Promise<void> {
    if (!this.#unsaved) return;
    this.#unsaved = false;
    const document = { collection: MEDIA, key: this.#id };
    try {
      await this.#store.commit({
        put: [{ ...document, value: { bytes: this.#bytes.slice() } }],
        // A medium that was deleted meanwhile does not come back.
        require: [document],
      });
    } catch (error) {
      if ((error as Error).name === "ConflictError") return;
      this.#unsaved = true;
      this.#onSaveError(error as Error);
      throw error;
    }
  }

  /** The floppy leaves the drive. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#release();
    }
  }
}

/** What gives the lock back, or `undefined` when another has it. Where there are no locks it is anybody's. */
function takeLock(name: string, locks: LockManager | undefined): Promise<(() => void) | undefined> {
  if (locks === undefined) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(undefined);
          return undefined;
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}
