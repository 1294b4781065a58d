/**
 * The machine's clock. v86 reads `performance.now` (time stamp counter, PIT, length of a slice) and `Date.now` (RTC), so
 * the machine's thread gives it these two: they run only while the machine runs. There is one machine a thread, hence one
 * clock. Timers (`setTimeout`) are not touched.
 */

export class VirtualClock {
  readonly #realNow: () => number;
  readonly #realDate: () => number;
  /** Virtual milliseconds that had passed when the clock last stood still. */
  #passed = 0;
  #startedAt = 0;
  #running = false;
  /** Wall-clock time at virtual time 0. */
  #epoch: number;

  constructor(realNow: () => number, realDate: () => number) {
    this.#realNow = realNow;
    this.#realDate = realDate;
    this.#epoch = realDate();
  }

  /** Virtual milliseconds since power-on. */
  now(): number {
    return this.#running ? this.#passed + (this.#realNow() - this.#startedAt) : this.#passed;
  }

  /** The time of day as the machine's RTC sees it, milliseconds since 1970. */
  date(): number {
    return Math.floor(this.#epoch + this.now());
  }

  realNow(): number {
    return this.#realNow();
  }

  realDate(): number {
    return this.#realDate();
  }

  start(): void {
    if (this.#running) return;
    this.#startedAt = this.#realNow();
    this.#running = true;
  }

  stop(): void {
    this.#passed = this.now();
    this.#running = false;
  }

  /** Sets both times, for a restored machine: its timers go on from where they were, its RTC shows `date`. */
  set(virtualMilliseconds: number, date: number): void {
    this.#passed = virtualMilliseconds;
    this.#startedAt = this.#realNow();
    this.#epoch = date - virtualMilliseconds;
  }
}

let installed: VirtualClock | undefined;

/** Replaces the two global clocks of this thread, once. To be called before v86 is imported. */
export function installVirtualClock(): VirtualClock {
  if (installed !== undefined) return installed;
  const clock = new VirtualClock(performance.now.bind(performance), Date.now.bind(Date));
  Object.defineProperty(performance, "now", { value: () => clock.now(), configurable: true, writable: true });
  Date.now = () => clock.date();
  installed = clock;
  return clock;
}
