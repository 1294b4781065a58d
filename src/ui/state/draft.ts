/**
 * What an editor changes before it is applied. While nothing is changed it follows what is stored, which another tab may
 * change; once something is, it stays, and says when others have changed meanwhile what it began from.
 */
import type { ReadableSignal } from "./signals.ts";

export class Draft<T> {
  value: T;
  /** The reason of the last `save` that failed. */
  failure: unknown;
  saving = false;
  readonly #stored: ReadableSignal<unknown>;
  readonly #read: () => T;
  #from: unknown;
  #base: string;

  /** `read` makes a draft of what the signal has now. */
  constructor(stored: ReadableSignal<unknown>, read: () => T) {
    this.#stored = stored;
    this.#read = read;
    this.value = read();
    this.#from = stored.get();
    this.#base = JSON.stringify(this.value);
  }

  get changed(): boolean {
    return JSON.stringify(this.value) !== this.#base;
  }

  /** Others have changed what is stored since this draft began, and it has changes of its own. */
  get overtaken(): boolean {
    return this.#stored.get() !== this.#from && this.changed;
  }

  /** To be called before the draft is looked at: takes over what others have stored, unless something is changed here. */
  follow(): void {
    if (this.#stored.get() !== this.#from && !this.changed) this.reset();
  }

  set(value: T): void {
    this.value = value;
    this.failure = undefined;
  }

  /** Throws the changes away. */
  reset(): void {
    this.#from = this.#stored.get();
    this.set(this.#read());
    this.#base = JSON.stringify(this.value);
  }

  /** False when `put` failed: `failure` then says why, and the draft stays. */
  async save(put: (value: T) => Promise<void>): Promise<boolean> {
    if (this.saving) return false;
    this.saving = true;
    try {
      await put(this.value);
      this.#from = this.#stored.get();
      this.#base = JSON.stringify(this.value);
      this.failure = undefined;
      return true;
    } catch (error) {
      this.failure = error;
      return false;
    } finally {
      this.saving = false;
    }
  }
}
