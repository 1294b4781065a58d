/**
 * Tracked connections of a NAT in typed columns: 34 bytes a connection and two hash heads. An entry is found by its inside
 * triple with the remote end, or by its outside port with the remote end. When full, the one expiring first among a few
 * looked at makes room.
 */

const PROBE = 16;

export class NatTable {
  readonly capacity: number;
  size = 0;
  readonly protocol: Uint8Array;
  readonly insideAddress: Uint32Array;
  readonly insidePort: Uint16Array;
  readonly remoteAddress: Uint32Array;
  readonly remotePort: Uint16Array;
  readonly outsidePort: Uint16Array;
  /** Milliseconds of virtual time. */
  readonly expires: Float64Array;
  /** Owner's own: what has been seen of a TCP connection. */
  readonly state: Uint8Array;
  readonly #nextInside: Int32Array;
  readonly #nextOutside: Int32Array;
  readonly #insideHeads: Int32Array;
  readonly #outsideHeads: Int32Array;
  readonly #mask: number;
  #free = 0;
  #cursor = 0;

  /** `capacity` is a power of two. */
  constructor(capacity = 65_536) {
    this.capacity = capacity;
    this.protocol = new Uint8Array(capacity);
    this.insideAddress = new Uint32Array(capacity);
    this.insidePort = new Uint16Array(capacity);
    this.remoteAddress = new Uint32Array(capacity);
    this.remotePort = new Uint16Array(capacity);
    this.outsidePort = new Uint16Array(capacity);
    this.expires = new Float64Array(capacity);
    this.state = new Uint8Array(capacity);
    this.#nextInside = new Int32Array(capacity);
    this.#nextOutside = new Int32Array(capacity);
    this.#insideHeads = new Int32Array(capacity).fill(-1);
    this.#outsideHeads = new Int32Array(capacity).fill(-1);
    this.#mask = capacity - 1;
    for (let i = 0; i < capacity; i++) this.#nextInside[i] = i + 1 < capacity ? i + 1 : -1;
  }

  get byteLength(): number {
    return this.capacity * (1 + 4 + 2 + 4 + 2 + 2 + 8 + 1 + 4 * 4);
  }

  findInside(protocol: number, address: number, port: number, remote: number, remotePort: number): number {
    let i = this.#insideHeads[this.#hash(address ^ protocol, port, remote, remotePort)];
    for (; i >= 0; i = this.#nextInside[i]) {
      if (
        this.insidePort[i] === port &&
        this.remotePort[i] === remotePort &&
        this.insideAddress[i] === address &&
        this.remoteAddress[i] === remote &&
        this.protocol[i] === protocol
      ) {
        return i;
      }
    }
    return -1;
  }

  findOutside(protocol: number, port: number, remote: number, remotePort: number): number {
    let i = this.#outsideHeads[this.#hash(protocol, port, remote, remotePort)];
    for (; i >= 0; i = this.#nextOutside[i]) {
      if (
        this.outsidePort[i] === port &&
        this.remotePort[i] === remotePort &&
        this.remoteAddress[i] === remote &&
        this.protocol[i] === protocol
      ) {
        return i;
      }
    }
    return -1;
  }

  add(
    protocol: number,
    address: number,
    port: number,
    remote: number,
    remotePort: number,
    outside: number,
  ): number {
    if (this.#free < 0) this.remove(this.#soonest());
    const i = this.#free;
    this.#free = this.#nextInside[i];
    this.size++;
    this.protocol[i] = protocol;
    this.insideAddress[i] = address;
    this.insidePort[i] = port;
    this.remoteAddress[i] = remote;
    this.remotePort[i] = remotePort;
    this.outsidePort[i] = outside;
    this.state[i] = 0;
    const inside = this.#hash(address ^ protocol, port, remote, remotePort);
    this.#nextInside[i] = this.#insideHeads[inside];
    this.#insideHeads[inside] = i;
    const out = this.#hash(protocol, outside, remote, remotePort);
    this.#nextOutside[i] = this.#outsideHeads[out];
    this.#outsideHeads[out] = i;
    return i;
  }

  remove(i: number): void {
    const { protocol, remoteAddress: remote, remotePort } = this;
    const inside = this.#hash(
      this.insideAddress[i] ^ protocol[i],
      this.insidePort[i],
      remote[i],
      remotePort[i],
    );
    unlink(this.#insideHeads, this.#nextInside, inside, i);
    const out = this.#hash(protocol[i], this.outsidePort[i], remote[i], remotePort[i]);
    unlink(this.#outsideHeads, this.#nextOutside, out, i);
    protocol[i] = 0;
    this.#nextInside[i] = this.#free;
    this.#free = i;
    this.size--;
  }

  /** Looks at the next `count` places and removes what has expired: the caller spreads the work over its packets. */
  sweep(now: number, count: number, removed?: (entry: number) => void): void {
    for (let n = 0; n < count; n++) {
      const i = this.#cursor;
      this.#cursor = (this.#cursor + 1) & this.#mask;
      if (this.protocol[i] !== 0 && this.expires[i] <= now) {
        removed?.(i);
        this.remove(i);
      }
    }
  }

  *entries(): Generator<number> {
    for (let i = 0; i < this.capacity; i++) if (this.protocol[i] !== 0) yield i;
  }

  #soonest(): number {
    let best = this.#cursor;
    for (let n = 1; n < PROBE; n++) {
      const i = (this.#cursor + n) & this.#mask;
      if (this.expires[i] < this.expires[best]) best = i;
    }
    this.#cursor = (this.#cursor + PROBE) & this.#mask;
    return best;
  }

  #hash(a: number, b: number, c: number, d: number): number {
    let h = Math.imul(a ^ Math.imul(c, 0x85ebca6b), 0x9e3779b1) ^ Math.imul((b << 16) | d, 0xc2b2ae35);
    h ^= h >>> 15;
    h = Math.imul(h, 0x27d4eb2f);
    return (h ^ (h >>> 13)) & this.#mask;
  }
}

function unlink(heads: Int32Array, next: Int32Array, bucket: number, entry: number): void {
  if (heads[bucket] === entry) {
    heads[bucket] = next[entry];
    return;
  }
  let i = heads[bucket];
  while (next[i] !== entry) i = next[i];
  next[i] = next[entry];
}
