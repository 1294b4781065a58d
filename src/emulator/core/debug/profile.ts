/** Counts what is executed: instructions by row of the opcode table, and the addresses executed most. */
import { INSTRUCTION_SET } from "../instructions/instruction-set.ts";

export interface Profile {
  total: number;
  /** Mnemonics with their counts, most first. */
  mix: { mnemonic: string; count: number }[];
  /** Linear addresses with their counts, most first. */
  hottest: { linear: number; count: number }[];
}

/** Addresses share slots; the one that is executed more keeps its slot. */
const SLOTS = 1 << 16;

export class Profiler {
  private readonly rows = new Float64Array(INSTRUCTION_SET.rows.length + 1);
  private readonly addresses = new Uint32Array(SLOTS);
  private readonly counts = new Float64Array(SLOTS);
  private total = 0;

  /** `row` is -1 for what is no instruction. */
  count(linear: number, row: number): void {
    this.total++;
    this.rows[row < 0 ? this.rows.length - 1 : row]++;
    const slot = (linear ^ (linear >>> 16)) & (SLOTS - 1);
    if (this.addresses[slot] === linear) this.counts[slot]++;
    else if (--this.counts[slot] <= 0) {
      this.addresses[slot] = linear;
      this.counts[slot] = 1;
    }
  }

  reset(): void {
    this.rows.fill(0);
    this.counts.fill(0);
    this.total = 0;
  }

  report(longest = 20): Profile {
    const mix = new Map<string, number>();
    this.rows.forEach((count, row) => {
      if (count === 0) return;
      const mnemonic = INSTRUCTION_SET.rows[row]?.row.mnemonic ?? "(bad)";
      mix.set(mnemonic, (mix.get(mnemonic) ?? 0) + count);
    });
    const hottest: Profile["hottest"] = [];
    this.counts.forEach((count, slot) => {
      if (count > 0) hottest.push({ linear: this.addresses[slot], count });
    });
    hottest.sort((a, b) => b.count - a.count);
    return {
      total: this.total,
      mix: [...mix]
        .map(([mnemonic, count]) => ({ mnemonic, count }))
        .sort((a, b) => b.count - a.count)
        .slice(0, longest),
      hottest: hottest.slice(0, longest),
    };
  }
}
