/**
 * Live migration by pre-copy (Clark et al., NSDI 2005, §5.3): round by round what was dirtied meanwhile is sent, at a rate that
 * follows the dirty rate; the machine stops for the last round.
 *
 * A workload is `scale` and `exponent` of the memory it dirties in an interval: dirtied(t) = scale × t^exponent MB. An exponent
 * below 1 is a writable working set that is written again and again.
 */

export interface Dirtying {
  scale: number;
  exponent: number;
  /** MB that can be dirty at all: the writable working set or the machine's memory. */
  limit: number;
}

/** Rates in Mbit/s, sizes in MB. */
export interface PrecopyRule {
  lowestRate: number;
  highestRate: number;
  /** Added to the dirty rate of the round before. */
  step: number;
  /** Stop and copy when less than this is left. */
  stopBelow: number;
  /** Rounds at most (KVM 2007: 30). */
  rounds: number;
}

/** §5.3 and §6 of the paper. */
export const CLARK_RULE: PrecopyRule = {
  lowestRate: 100,
  highestRate: 500,
  step: 50,
  stopBelow: 0.256,
  rounds: 30,
};

export interface Round {
  megabytes: number;
  /** Mbit/s. */
  rate: number;
  seconds: number;
}

/** All rounds; in the last one the machine stands still. `first` is the MB of round 1. */
export function precopyRounds(first: number, dirtying: Dirtying, rule: PrecopyRule = CLARK_RULE): Round[] {
  const rounds: Round[] = [];
  let megabytes = first;
  let rate = rule.lowestRate;
  while (rounds.length < rule.rounds) {
    const seconds = (megabytes * 8) / rate;
    rounds.push({ megabytes, rate, seconds });
    const dirtied = Math.min(dirtying.limit, dirtying.scale * seconds ** dirtying.exponent);
    const dirtyRate = (dirtied * 8) / seconds;
    const next = Math.max(rule.lowestRate, dirtyRate + rule.step);
    megabytes = dirtied;
    if (next > rule.highestRate || dirtied < rule.stopBelow || rounds.length === rule.rounds - 1) {
      rounds.push({ megabytes, rate: rule.highestRate, seconds: (megabytes * 8) / rule.highestRate });
      return rounds;
    }
    rate = next;
  }
  return rounds;
}

/** Stop and copy: the machine stands still for all of its memory. */
export function stopAndCopySeconds(megabytes: number, rate: number): number {
  return (megabytes * 8) / rate;
}

/**
 * The workload whose rounds come nearest to the observed ones (MB by round number, round 1 among them), by search over the
 * exponent; each scale follows from round 2 where that is known. Errors are compared as ratios.
 */
export function fitDirtying(
  observed: ReadonlyMap<number, number>,
  limit: number,
  exponents?: number[],
): Dirtying {
  const first = observed.get(1);
  if (first === undefined) throw new RangeError("the data of round 1 is needed");
  const firstSeconds = (first * 8) / CLARK_RULE.lowestRate;
  let best: Dirtying = { scale: 0, exponent: 0, limit };
  let least = Infinity;
  const tried = exponents ?? Array.from({ length: 96 }, (_, i) => 0.04 + i * 0.01);
  for (const exponent of tried) {
    for (const scale of scalesFor(observed, firstSeconds, exponent)) {
      const dirtying = { scale, exponent, limit };
      const rounds = precopyRounds(first, dirtying, {
        ...CLARK_RULE,
        highestRate: Infinity,
        stopBelow: 0,
        rounds: 12,
      });
      let error = 0;
      for (const [round, megabytes] of observed) {
        error += Math.log(rounds[round - 1].megabytes / megabytes) ** 2;
      }
      if (error < least) {
        least = error;
        best = dirtying;
      }
    }
  }
  return best;
}

function scalesFor(observed: ReadonlyMap<number, number>, firstSeconds: number, exponent: number): number[] {
  const second = observed.get(2);
  if (second !== undefined) return [second / firstSeconds ** exponent];
  return Array.from({ length: 120 }, (_, i) => 0.1 * 1.08 ** i);
}
