/** Clark et al., NSDI 2005: rounds and downtime of pre-copy, by running its rule on a workload fitted to the open rounds. */
import { MissingFigureError, type CellName, type FigureBook } from "../figures.ts";
import { CLARK_RULE, fitDirtying, precopyRounds, stopAndCopySeconds, type Dirtying } from "../precopy.ts";
import { formula, type Estimate } from "../relation.ts";

const CLARK = "Clark et al., NSDI 2005";
const SPECWEB = "SPECweb99, 350 clients";
const QUAKE = "Quake 3 server, 6 players";
const WRITER = "MMuncher writer";

const ROUND = /^data sent in round (\d+)$/;

function observedRounds(system: string, book: FigureBook): Map<number, number> {
  const rounds = new Map<number, number>();
  for (const figure of book.figures) {
    const round = ROUND.exec(figure.metric);
    if (figure.paper === CLARK && figure.system === system && round !== null) {
      rounds.set(Number(round[1]), figure.value);
    }
  }
  return rounds;
}

/** A workload with too few open rounds takes the exponent of the one whose rounds are nearly all open. */
function workload(system: string, book: FigureBook): { rounds: Map<number, number>; dirtying: Dirtying } {
  const rounds = observedRounds(system, book);
  if (!rounds.has(1)) throw new MissingFigureError(`the data of round 1 of ${system} is not open`);
  const limit = book.value(CLARK, "VM memory", system);
  if (rounds.size >= 4) return { rounds, dirtying: fitDirtying(rounds, limit) };
  if (rounds.size < 2) throw new MissingFigureError(`of the rounds of ${system} only the first is open`);
  const exponent = workload(SPECWEB, book).dirtying.exponent;
  return { rounds, dirtying: fitDirtying(rounds, limit, [exponent]) };
}

function roundData(round: number, system: string, book: FigureBook): Estimate | undefined {
  const { rounds, dirtying } = workload(system, book);
  const first = rounds.get(1);
  if (first === undefined || round === 1) return undefined;
  const model = precopyRounds(first, dirtying, {
    ...CLARK_RULE,
    highestRate: Infinity,
    stopBelow: 0,
    rounds: 14,
  });
  const neighbours = [round - 1, round + 1].filter((n) => n > 1 && rounds.has(n));
  const correction = neighbours.map((n) => Math.log((rounds.get(n) ?? 1) / model[n - 1].megabytes));
  const shift =
    correction.length === 0 ? 1 : Math.exp(correction.reduce((a, b) => a + b) / correction.length);
  return formula(
    model[round - 1].megabytes * shift,
    `the rule of §5.3 on a workload that dirties ${dirtying.scale.toFixed(1)} × t^${dirtying.exponent.toFixed(2)} MB in t ` +
      `seconds, × ${shift.toFixed(2)} as the neighbouring rounds differ from it`,
  );
}

function totalSent(system: string, book: FigureBook): number {
  const { rounds, dirtying } = workload(system, book);
  const model = precopyRounds(rounds.get(1) ?? 0, dirtying);
  return model.reduce((sum, { megabytes }, i) => sum + (rounds.get(i + 1) ?? megabytes), 0);
}

function quake(metric: string, book: FigureBook): Estimate | undefined {
  const gap = () => book.value(CLARK, "extra packet gap seen by clients (about)", QUAKE);
  const restart = () => book.value(CLARK, "start-up overhead", QUAKE);
  switch (metric) {
    case "downtime":
      return formula(
        gap(),
        "the gap in the packets that the clients saw is the time the machine stood still",
      );
    case "last-round copy":
      return formula(gap() - restart(), "the gap the clients saw less the start-up overhead");
    case "total data sent":
      return formula(totalSent(QUAKE, book), "the sum of the rounds of the rule of §5.3");
    case "total data / VM size":
      return formula(
        totalSent(QUAKE, book) / book.value(CLARK, "VM memory", QUAKE),
        "the sum of the rounds ÷ memory",
      );
    default:
      return undefined;
  }
}

function writer(metric: string, book: FigureBook): Estimate | undefined {
  const region = () => book.value(CLARK, "region written constantly", WRITER);
  if (metric === "downtime") {
    const rate = book.value(CLARK, "bandwidth reached in last rounds", "adaptive pre-copy");
    return formula(
      stopAndCopySeconds(region(), rate),
      `the whole region is dirty again: ${region()} MB at ${rate} Mbit/s`,
    );
  }
  if (metric.startsWith("last round data")) {
    return formula(region(), "the region that is written constantly is dirty again in full");
  }
  if (metric === "total data sent") {
    return formula(
      book.value(CLARK, "VM memory", WRITER) + region(),
      "all of memory in the first pass, the written region once more in the last round",
    );
  }
  return undefined;
}

export function migration({ paper, metric, system }: CellName, book: FigureBook): Estimate | undefined {
  if (paper !== CLARK) return undefined;
  const naive = /^naive stop-and-copy downtime, (\d+) MB VM$/.exec(metric);
  const link = /^(\d+) Mbit\/s link$/.exec(system);
  if (naive !== null && link !== null) {
    return formula(stopAndCopySeconds(Number(naive[1]), Number(link[1])), "memory ÷ bandwidth");
  }
  const round = ROUND.exec(metric);
  if (round !== null) return roundData(Number(round[1]), system, book);
  if (system === QUAKE) return quake(metric, book);
  if (system === WRITER) return writer(metric, book);
  if (system !== SPECWEB) return undefined;
  const at = (name: string) => book.value(CLARK, name, SPECWEB);
  switch (metric) {
    case "downtime":
      return formula(at("last-round copy") + at("resume overhead"), "last-round copy + resume overhead");
    case "total data / VM size":
      return formula(at("total data sent") / at("VM memory"), "data sent ÷ memory");
    case "first round time":
      return formula(
        (at("data sent in round 1") * 8) / CLARK_RULE.lowestRate,
        `data of the round at ${CLARK_RULE.lowestRate} Mbit/s`,
      );
    default:
      return undefined;
  }
}
