/**
 * The virtual time of one network: what shall happen when. Times are milliseconds. Things due at the same time happen in
 * the order they were asked for, so a run repeats exactly. A frame on its way is marked as such, for the step mode.
 */

interface Entry {
  time: number;
  order: number;
  /** A frame in flight, not a timer. */
  frame: boolean;
  action: (() => void) | undefined;
}

/** Cancels a timer; harmless when it has fired. */
export type Cancel = () => void;

export class Scheduler {
  now: number;
  #order = 0;
  #frames = 0;
  readonly #heap: Entry[] = [];

  constructor(now = 0) {
    this.now = now;
  }

  get framesInFlight(): number {
    return this.#frames;
  }

  after(delay: number, action: () => void): Cancel {
    const entry: Entry = { time: this.now + delay, order: this.#order++, frame: false, action };
    this.#push(entry);
    return () => {
      entry.action = undefined;
    };
  }

  deliverAfter(delay: number, action: () => void): void {
    this.#frames++;
    this.#push({ time: this.now + delay, order: this.#order++, frame: true, action });
  }

  /** When the next thing is due, if anything is. */
  nextTime(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.time;
  }

  /** Does everything due up to `now`, which becomes the time. */
  advance(now: number): void {
    for (;;) {
      this.#dropCancelled();
      const next = this.#heap[0];
      if (next === undefined || next.time > now) break;
      this.#run();
    }
    if (now > this.now) this.now = now;
  }

  /** Goes on until one frame has been delivered; false when none is on its way. */
  step(): boolean {
    if (this.#frames === 0) return false;
    for (;;) {
      this.#dropCancelled();
      const wasFrame = this.#heap[0].frame;
      this.#run();
      if (wasFrame) return true;
    }
  }

  #run(): void {
    const entry = this.#pop();
    if (entry.time > this.now) this.now = entry.time;
    if (entry.frame) this.#frames--;
    entry.action?.();
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0].action === undefined) this.#pop();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!earlier(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1], heap[child])) child++;
      if (!earlier(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function earlier(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
