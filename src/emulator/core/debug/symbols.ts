/**
 * Names of addresses: the assembler's labels, or a kernel's System.map (lines `c0100000 T name`, as `nm` writes them). What
 * lies between two names belongs to the lower one.
 */

/** A name is not taken for an address further behind it than this. */
const FARTHEST = 0x10000;
const MOST = 500_000;

export class Symbols {
  static readonly none = new Symbols([]);
  private readonly addresses: Uint32Array;
  private readonly names: string[];

  /** Of two names for one address the first counts. */
  constructor(entries: Iterable<readonly [address: number, name: string]>) {
    const sorted = [...entries].sort(([a], [b]) => a - b);
    const unique = sorted.filter(([address], i) => i === 0 || sorted[i - 1][0] !== address);
    this.addresses = Uint32Array.from(unique, ([address]) => address);
    this.names = unique.map(([, name]) => name);
  }

  get size(): number {
    return this.names.length;
  }

  /** Index of the last name at or below an address, or -1. */
  private below(linear: number): number {
    let low = 0;
    let high = this.addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.addresses[middle] <= linear) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The name of exactly this address. */
  get(linear: number): string | undefined {
    const at = this.below(linear);
    return at >= 0 && this.addresses[at] === linear ? this.names[at] : undefined;
  }

  /** `name+1c` for an address in the middle of something that has a name. */
  near(linear: number): string | undefined {
    const at = this.below(linear);
    if (at < 0) return undefined;
    const distance = linear - this.addresses[at];
    if (distance === 0) return this.names[at];
    return distance < FARTHEST ? `${this.names[at]}+${distance.toString(16)}` : undefined;
  }

  /** The address of a name. */
  find(name: string): number | undefined {
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : this.addresses[at];
  }
}

/** Lines that are no symbol are left out. Absolute symbols are too: they are numbers, not places. */
export function parseSystemMap(text: string): Symbols {
  const entries: [number, string][] = [];
  for (const line of text.split("\n")) {
    const match = /^([0-9a-f]{8}) (?:([a-zA-Z]) )?([\w.$]{1,128})$/.exec(line);
    if (match === null || match[2] === "A" || match[2] === "a") continue;
    entries.push([Number.parseInt(match[1], 16), match[3]]);
    if (entries.length === MOST) break;
  }
  return new Symbols(entries);
}
