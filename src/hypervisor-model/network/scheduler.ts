/**
 * The virtual time of one network: what shall happen when. Times are milliseconds. Things due at the same time happen in
 * the order they were asked for, so a run repeats exactly. A frame on its way is marked as such, for the step mode.
 */

/** A way that frames take: one direction of a cable, or a road of the Internet. */
export interface Way {
  /** What is at its ends, as the step mode shows it. */
  readonly from: string;
  readonly to: string;
  /** Ethernet frames, or bare IPv4 packets. */
  readonly carries: "frames" | "packets";
  arrive(bytes: Uint8Array): void;
}

/** What went one hop in a step. */
export interface Hop {
  way: Way;
  bytes: Uint8Array;
}

/** With `way` a frame in flight, else a timer. */
interface Entry {
  time: number;
  order: number;
  way: Way | undefined;
  bytes: Uint8Array;
  action: (() => void) | undefined;
}

const NO_BYTES = new Uint8Array(0);

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
    const entry: Entry = {
      time: this.now + delay,
      order: this.#order++,
      way: undefined,
      bytes: NO_BYTES,
      action,
    };
    this.#push(entry);
    return () => {
      entry.action = undefined;
    };
  }

  deliverAfter(delay: number, way: Way, bytes: Uint8Array): void {
    this.#frames++;
    this.#push({ time: this.now + delay, order: this.#order++, way, bytes, action: undefined });
  }

  /** When the next thing is due, if anything is. */
  nextTime(): number | undefined {
    return this.#next()?.time;
  }

  /** Does everything due up to `now`, which becomes the time. */
  advance(now: number): void {
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.time > now) break;
      this.#run();
    }
    if (now > this.now) this.now = now;
  }

  /** The next thing to happen is the arrival of a frame, and its time has come. */
  get frameDue(): boolean {
    const next = this.#next();
    return next?.way !== undefined && next.time <= this.now;
  }

  /** As `advance`, but time stops when a frame is due: true, and it waits for `step`. */
  advanceToFrame(now: number): boolean {
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.time > now) break;
      if (next.way !== undefined) {
        if (next.time > this.now) this.now = next.time;
        return true;
      }
      this.#run();
    }
    if (now > this.now) this.now = now;
    return false;
  }

  /** Delivers the frame that is due; undefined when none is. */
  step(): Hop | undefined {
    if (!this.frameDue) return undefined;
    const { way, bytes } = this.#next()!;
    this.#run();
    return { way: way!, bytes };
  }

  #run(): void {
    const entry = this.#pop();
    if (entry.time > this.now) this.now = entry.time;
    if (entry.way === undefined) entry.action?.();
    else {
      this.#frames--;
      entry.way.arrive(entry.bytes);
    }
  }

  /** Drops cancelled timers on the way. */
  #next(): Entry | undefined {
    const heap = this.#heap;
    while (heap.length > 0 && heap[0].way === undefined && heap[0].action === undefined) this.#pop();
    return heap[0];
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
