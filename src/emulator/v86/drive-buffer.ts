/**
 * A `BlockDevice` in the form v86 wants its disk images in. Undocumented there; what 0.5.462 calls was found by reading
 * and running it: `load`, `get`, `set` (with an answer that may come later), `get_and_cache` and `get_from_cache` for the
 * first sector before the machine starts (its geometry is in the partition table), `get_state` and `set_state`.
 */
import type { BlockDevice, DriveName } from "../machine.ts";
import type { DiskImage } from "./internals.ts";

export interface DriveBufferEvents {
  done(drive: DriveName, operation: "read" | "write", bytes: number): void;
  /** The request can only be answered with a medium error. */
  failed(drive: DriveName, operation: "read" | "write", reason: unknown): void;
}

/** Sizes that a floppy controller knows; a smaller medium reads as zeros up to the next one. */
const FLOPPY_BYTES = [160, 180, 320, 360, 720, 1200, 1440, 2880].map((kib) => kib * 1024);

export class DriveBuffer implements DiskImage {
  readonly drive: DriveName;
  readonly device: BlockDevice;
  readonly byteLength: number;
  onload: ((event: unknown) => void) | undefined;
  /** Requests that have not been answered. */
  pending = 0;
  readonly #events: DriveBufferEvents;
  #firstSector: Uint8Array | undefined;
  #detached = false;
  #idle: (() => void)[] = [];

  constructor(drive: DriveName, device: BlockDevice, events: DriveBufferEvents) {
    this.drive = drive;
    this.device = device;
    this.#events = events;
    this.byteLength =
      drive === "floppy"
        ? (FLOPPY_BYTES.find((size) => size >= device.byteLength) ?? device.byteLength)
        : device.byteLength;
  }

  load(): void {
    this.onload?.({});
  }

  get(start: number, length: number, done: (data: Uint8Array) => void): void {
    const inside = Math.max(0, Math.min(length, this.device.byteLength - start));
    let answer: Uint8Array | Promise<Uint8Array>;
    try {
      answer = inside === 0 ? new Uint8Array(0) : this.device.read(start, inside);
    } catch (reason) {
      this.#events.failed(this.drive, "read", reason);
      return;
    }
    if (answer instanceof Uint8Array) {
      this.#deliver(answer, length, done);
      return;
    }
    void this.#later("read", answer, (bytes) => this.#deliver(bytes, length, done));
  }

  /** Only where the device can be flushed. */
  flush(done: () => void): void {
    void this.#later("write", this.device.flush?.() ?? Promise.resolve(), done);
  }

  async #later<T>(
    operation: "read" | "write",
    answer: Promise<T>,
    succeed: (result: T) => void,
  ): Promise<void> {
    this.pending++;
    try {
      const result = await answer;
      if (!this.#detached) succeed(result);
    } catch (reason) {
      if (!this.#detached) this.#events.failed(this.drive, operation, reason);
    } finally {
      this.pending--;
      if (this.pending === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #deliver(bytes: Uint8Array, length: number, done: (data: Uint8Array) => void): void {
    if (bytes.length < length) {
      const padded = new Uint8Array(length);
      padded.set(bytes);
      bytes = padded;
    }
    this.#events.done(this.drive, "read", length);
    done(bytes);
  }

  set(start: number, data: Uint8Array, done: () => void): void {
    let answer: void | Promise<void>;
    try {
      if (this.device.readOnly) throw new Error("the medium is write-protected");
      // v86 reuses the buffer of a PIO transfer as soon as this returns.
      answer = this.device.write(start, data.slice(0, Math.max(0, this.device.byteLength - start)));
    } catch (reason) {
      this.#events.failed(this.drive, "write", reason);
      return;
    }
    if (answer === undefined) {
      this.#events.done(this.drive, "write", data.length);
      done();
      return;
    }
    const bytes = data.length;
    void this.#later("write", answer, () => {
      this.#events.done(this.drive, "write", bytes);
      done();
    });
  }

  /** Resolves when every request has been answered. */
  async idle(): Promise<void> {
    while (this.pending > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  get_and_cache(start: number, length: number, done: (data: Uint8Array) => void): void {
    void (async () => {
      let bytes = new Uint8Array(length);
      try {
        bytes = Uint8Array.from(await this.device.read(start, length));
      } catch {
        // Without it v86 guesses the geometry from the size; the guest will meet the error when it reads.
      }
      if (start === 0) this.#firstSector = bytes.slice(0, 512);
      done(bytes);
    })();
  }

  get_from_cache(start: number, length: number): Uint8Array | undefined {
    return start === 0 && length <= 512 ? this.#firstSector?.slice(0, length) : undefined;
  }

  get_buffer(done: (buffer: ArrayBuffer | undefined) => void): void {
    done(undefined);
  }

  /** Contents stay with whoever owns the disk: nothing of them goes into a saved state. */
  get_state(): unknown[] | null {
    return this.drive === "floppy" ? null : [];
  }

  set_state(): void {
    // Nothing was saved.
  }

  /** Answers that are still to come are dropped. */
  detach(): void {
    this.#detached = true;
  }
}
