/** Seeded random numbers (xoshiro128**, Blackman and Vigna 2018, seeded by SplitMix32): the same seed gives the same run. */

export class Random {
  readonly #state = new Uint32Array(4);

  /** Any integer; its low 32 bits count. */
  constructor(seed: number) {
    let x = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#state[i] = z ^ (z >>> 15);
    }
  }

  /** Where the sequence stands: four 32-bit words. */
  save(): number[] {
    return [...this.#state];
  }

  restore(state: readonly number[]): void {
    this.#state.set(state);
  }

  /** 0 to 2^32 - 1. */
  uint32(): number {
    const s = this.#state;
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** 0 (included) to 1 (not included). */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  bytes(length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let i = 0; i < length; i++) result[i] = this.uint32() >>> 24;
    return result;
  }

  /** A version 4 UUID (RFC 9562) in lower case. */
  uuid(): string {
    const b = this.bytes(16);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    const hex = Array.from(b, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }
}

/** A seed that differs each time, for machines that need not be repeatable. */
export function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
