/** Captured frames in a ring of fixed size: the oldest make room, and how many did is counted. No allocation per frame. */

export interface CapturedFrame {
  /** Counts from 1 since the capture began. */
  number: number;
  /** Index into the capture's list of interfaces. */
  interface: number;
  /** Milliseconds since 1970. */
  time: number;
  bytes: Uint8Array;
}

export class CaptureRing {
  readonly maxFrames: number;
  readonly #data: Uint8Array;
  readonly #offset: Uint32Array;
  readonly #length: Uint32Array;
  readonly #time: Float64Array;
  readonly #interface: Uint16Array;
  /** Number of the oldest frame held, and of the next to come. */
  #first = 0;
  #next = 0;
  #write = 0;
  #used = 0;

  /** As they are given, all together at most 64 MB. */
  constructor(maxFrames = 100_000, maxBytes = 62_000_000) {
    this.maxFrames = maxFrames;
    this.#data = new Uint8Array(maxBytes);
    this.#offset = new Uint32Array(maxFrames);
    this.#length = new Uint32Array(maxFrames);
    this.#time = new Float64Array(maxFrames);
    this.#interface = new Uint16Array(maxFrames);
  }

  get size(): number {
    return this.#next - this.#first;
  }

  /** Frames that were captured and are gone. */
  get dropped(): number {
    return this.#first;
  }

  get byteLength(): number {
    return this.#data.length + this.maxFrames * 18;
  }

  add(interfaceIndex: number, time: number, frame: Uint8Array): void {
    const { length } = frame;
    if (length > this.#data.length) return;
    // A frame is never split: what is left at the end of the buffer is skipped and counts as used.
    let at = this.#write;
    let needed = length;
    if (at + length > this.#data.length) {
      needed += this.#data.length - at;
      at = 0;
    }
    while (this.size > 0 && (this.size === this.maxFrames || this.#used + needed > this.#data.length))
      this.#forget();
    if (this.size === 0) {
      at = 0;
      needed = length;
      this.#used = 0;
    }
    const slot = this.#next % this.maxFrames;
    this.#data.set(frame, at);
    this.#offset[slot] = at;
    this.#length[slot] = length;
    this.#time[slot] = time;
    this.#interface[slot] = interfaceIndex;
    this.#write = at + length;
    this.#used += needed;
    this.#next++;
  }

  clear(): void {
    this.#first = this.#next;
    this.#used = 0;
    this.#write = 0;
  }

  /** The frame at a place from 0 (oldest held); its bytes are a copy. */
  at(index: number): CapturedFrame | undefined {
    if (index < 0 || index >= this.size) return undefined;
    const slot = (this.#first + index) % this.maxFrames;
    const start = this.#offset[slot];
    return {
      number: this.#first + index + 1,
      interface: this.#interface[slot],
      time: this.#time[slot],
      bytes: this.#data.slice(start, start + this.#length[slot]),
    };
  }

  #forget(): void {
    this.#first++;
    if (this.#first === this.#next) {
      this.#used = 0;
      return;
    }
    const oldest = this.#offset[this.#first % this.maxFrames];
    const used = this.#write - oldest;
    this.#used = used > 0 ? used : used + this.#data.length;
  }
}
