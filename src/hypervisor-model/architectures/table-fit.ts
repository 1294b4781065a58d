/**
 * Interpolation within one table: what a system costs on a row, from its costs on the table's other rows.
 *
 * What a system adds to native, as a factor or as an amount, is a Gaussian process over rows (Rasmussen & Williams 2006,
 * chapter 2): rows whose names share words, whose numbers (processes, kilobytes, clients) are near and whose native costs are near
 * have it in common. Of factor and amount the one is taken that foretells the table's own open cells better, each left out in turn;
 * where it misses those by more than `WORST_FACTOR` on average, there is no answer.
 * A row without a native baseline is interpolated over the other systems in the same way, by their names.
 */
import { isNative, type CellName, type FigureBook } from "./figures.ts";
import { fit, type Estimate } from "./relation.ts";

/** The mean error on the cells that are known, as a factor, above which no answer is given. */
export const WORST_FACTOR = 1.3;

interface Row {
  words: ReadonlySet<string>;
  numbers: readonly number[];
  native: number;
}

interface Sample extends Row {
  y: number;
}

export interface FitRefusal {
  why: string;
}

function describe(metric: string, native: number): Row {
  return {
    words: new Set(
      (metric.toLowerCase().match(/[a-z]+/g) ?? []).map((word) => word.replace(/(?<=...)e?s$/, "")),
    ),
    numbers: (metric.match(/\d+(\.\d+)?/g) ?? []).map(Number),
    native,
  };
}

/** Share of common words: 1 for the same words (or none on either side), 0 for no common one. */
function wordSimilarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const all = new Set([...a, ...b]);
  if (all.size === 0) return 1;
  let common = 0;
  for (const word of a) if (b.has(word)) common++;
  return common / all.size;
}

/** Numbers in the same places compare by their logarithms; different counts of numbers say nothing. */
function numberSimilarity(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length === 0) return a.length === b.length ? 1 : 0;
  let distance = 0;
  for (let i = 0; i < a.length; i++) distance += (Math.log(1 + a[i]) - Math.log(1 + b[i])) ** 2;
  return Math.exp(-distance / (2 * NUMBER_SCALE ** 2));
}

/** Lengths of the process, in natural logarithms, and the weights of what makes two rows alike; they sum to 1. */
const NUMBER_SCALE = 2;
const NATIVE_SCALE = 1.5;
const COMMON = 0.35;
const NAMES = 0.4;
const COSTS = 0.25;
/** What two runs of one row differ by, against the spread of the table. */
const NOISE = 0.02;

function likeness(a: Row, b: Row): number {
  const near = Math.exp(-((Math.log(a.native) - Math.log(b.native)) ** 2) / (2 * NATIVE_SCALE ** 2));
  return (
    COMMON + NAMES * wordSimilarity(a.words, b.words) * numberSimilarity(a.numbers, b.numbers) + COSTS * near
  );
}

/** Solves A x = b for a symmetric positive definite A by Cholesky's factorisation. */
function solve(matrix: readonly number[][], right: readonly number[]): number[] {
  const n = right.length;
  const lower = matrix.map((row) => [...row]);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = lower[i][j];
      for (let k = 0; k < j; k++) sum -= lower[i][k] * lower[j][k];
      lower[i][j] = i === j ? Math.sqrt(Math.max(sum, 1e-9)) : sum / lower[j][j];
    }
  }
  const x = [...right];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= lower[i][k] * x[k];
    x[i] /= lower[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= lower[k][i] * x[k];
    x[i] /= lower[i][i];
  }
  return x;
}

/** Mean and standard deviation of `y` on `row`. */
function regress(samples: readonly Sample[], row: Row): { mean: number; deviation: number } {
  const average = samples.reduce((sum, sample) => sum + sample.y, 0) / samples.length;
  // A single row says nothing about the spread: it is taken as far from nothing as that row is.
  const spread =
    samples.length === 1
      ? samples[0].y ** 2
      : samples.reduce((sum, sample) => sum + (sample.y - average) ** 2, 0) / (samples.length - 1);
  const covariance = samples.map((a, i) => samples.map((b, j) => likeness(a, b) + (i === j ? NOISE : 0)));
  const to = samples.map((sample) => likeness(sample, row));
  const weights = solve(covariance, to);
  let mean = average;
  let explained = 0;
  for (let i = 0; i < samples.length; i++) {
    mean += weights[i] * (samples[i].y - average);
    explained += weights[i] * to[i];
  }
  return { mean, deviation: Math.sqrt(Math.max(spread, 1e-6) * Math.max(0, 1 + NOISE - explained)) };
}

/** What is the same on like rows: the factor over native, or the amount added to it. */
interface Link {
  name: string;
  y(value: number, native: number): number;
  value(y: number, native: number): number;
}

const LINKS: readonly Link[] = [
  {
    name: "×",
    y: (value, native) => Math.log(value / native),
    value: (y, native) => native * Math.exp(y),
  },
  { name: "+", y: (value, native) => value - native, value: (y, native) => native + y },
];

interface Cell {
  name: string;
  native: number;
  value: number;
}

interface Interpolation {
  value: number;
  link: Link;
  /** The mean factor by which the other cells are missed when each is left out in turn. */
  factor: number;
}

/** The mean factor by which the cells are missed when each is left out in turn. */
function leaveOneOut(cells: readonly Cell[], samples: readonly Sample[], link: Link): number {
  let error = 0;
  cells.forEach(({ value, native }, i) => {
    const others = samples.filter((_, j) => j !== i);
    const missed = Math.max(link.value(regress(others, samples[i]).mean, native), value * 1e-3);
    error += Math.abs(Math.log(missed / value));
  });
  return Math.exp(error / cells.length);
}

function interpolate(cells: readonly Cell[], target: Omit<Cell, "value">): Interpolation | undefined {
  let best: Interpolation | undefined;
  for (const link of LINKS) {
    const samples = cells.map((cell) => ({
      ...describe(cell.name, cell.native),
      y: link.y(cell.value, cell.native),
    }));
    const at = regress(samples, describe(target.name, target.native));
    const value = link.value(at.mean, target.native);
    const factor =
      cells.length === 1
        ? Math.max(link.value(at.mean + at.deviation, target.native), 1e-9) / value
        : leaveOneOut(cells, samples, link);
    if (value > 0 && (best === undefined || factor < best.factor)) best = { value, link, factor };
  }
  return best;
}

function percent(factor: number): string {
  return `${Math.round((factor - 1) * 100)} %`;
}

function answer(cells: readonly Cell[], target: Omit<Cell, "value">, over: string): Estimate | FitRefusal {
  const found = interpolate(cells, target);
  if (found === undefined) return { why: `nothing fits the ${cells.length} open cells of ${over}` };
  if (!(found.factor <= WORST_FACTOR)) {
    return {
      why:
        `interpolation over ${over} misses its own ${cells.length} open cells by ${percent(found.factor)} on average, ` +
        `more than the ${percent(WORST_FACTOR)} that an answer may`,
    };
  }
  const shared = found.link.name === "×" ? "as a factor over" : "as an amount added to";
  return fit(
    found.value,
    `what the system costs ${shared} native, ${(found.value / target.native).toPrecision(3)} times it here, ` +
      `interpolated over ${over} (${cells.map(({ name }) => name).join("; ")}), which it misses by ` +
      `${percent(found.factor)} on average`,
  );
}

/** More is better: such a figure is turned into the cost of one unit of work, so that all rows of a table can be compared. */
const RATE = /\/s$|^(score|GFLOPS|GUPS|IOPS|ops\/min)$/;

export function fitByRows(question: CellName, book: FigureBook): Estimate | FitRefusal {
  const native = book.native(question);
  if (native === undefined || native <= 0)
    return { why: "the row has no native baseline among the open figures" };
  const cost = (value: number, unit: string) => (RATE.test(unit) ? 1 / value : value);
  const cells: Cell[] = [];
  for (const figure of book.table(question.paper, question.table)) {
    const own = figure.system === question.system ? book.native(figure) : undefined;
    if (own !== undefined && own > 0 && figure.value > 0) {
      cells.push({
        name: figure.metric,
        native: cost(own, figure.unit),
        value: cost(figure.value, figure.unit),
      });
    }
  }
  if (cells.length === 0) return { why: "the table has no other open row of this system" };
  const unit = book.unit(question);
  const target = { name: question.metric, native: cost(native, unit) };
  const found = answer(cells, target, "the system's other rows in the table");
  return "why" in found ? found : { ...found, value: cost(found.value, unit) };
}

/** A row without a baseline: its cells on other systems, by what the systems' names have in common. */
export function fitByColumns(question: CellName, book: FigureBook): Estimate | FitRefusal {
  const cells = book
    .table(question.paper, question.table)
    .filter((figure) => figure.metric === question.metric && !isNative(figure.system) && figure.value > 0)
    .map(({ system, value }) => ({ name: system, native: 1, value }));
  if (cells.length < 2) return { why: "fewer than two open cells stand in the same row" };
  return answer(cells, { name: question.system, native: 1 }, "the row's other systems");
}
