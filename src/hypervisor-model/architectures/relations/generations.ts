/** VT-x costs by processor generation (Bugnion, Nieh & Tsafrir 2017, Table 4.3; Agesen et al., USENIX ATC 2012, Table 1). */
import { MissingFigureError, type CellName, type FigureBook } from "../figures.ts";
import { fit, formula, type Estimate } from "../relation.ts";

export const TEXTBOOK = "Bugnion, Nieh & Tsafrir, Hardware and Software Support for Virtualization, 2017";
const TABLE = "Table 4.3 cost of VT-x instructions and #vmexit";
const AGESEN = "Agesen et al., USENIX ATC 2012";
const ROUND_TRIP = "VM exit + null handler + resume";

/** The year in which a generation's first processors were sold. */
const YEAR: Readonly<Record<string, number>> = {
  Prescott: 2005.5,
  Merom: 2006.3,
  Penryn: 2008,
  Nehalem: 2009,
  Westmere: 2010,
  "Sandy Bridge": 2011,
  "Ivy Bridge": 2012.3,
  Haswell: 2013.4,
  Broadwell: 2014.9,
};

/** "sandybridge (1Q2011)" → "Sandy Bridge". */
function generationOf(system: string): string | undefined {
  const name = system
    .replace(/\s*\(.*\)$/, "")
    .replace(/\s/g, "")
    .toLowerCase();
  return Object.keys(YEAR).find((generation) => generation.replace(/\s/g, "").toLowerCase() === name);
}

/** Between the neighbouring generations that were measured, by year, on a logarithmic scale; the latest one after the last. */
function between(points: readonly { year: number; value: number }[], year: number): number | undefined {
  const before = points.filter((point) => point.year <= year).sort((a, b) => b.year - a.year)[0];
  const after = points.filter((point) => point.year >= year).sort((a, b) => a.year - b.year)[0];
  if (before === undefined || after === undefined) return (before ?? after)?.value;
  if (before.year === after.year) return before.value;
  const share = (year - before.year) / (after.year - before.year);
  return before.value ** (1 - share) * after.value ** share;
}

function rowFit(metric: string, generation: string, book: FigureBook): number | undefined {
  const points = book
    .table(TEXTBOOK, TABLE)
    .filter((figure) => figure.metric === metric && YEAR[figure.system] !== undefined)
    .map(({ system, value }) => ({ year: YEAR[system], value }));
  return between(points, YEAR[generation]);
}

/** The round trip a processor was measured with, in terms of the table's one-way costs. */
function roundTripOf(generation: string, book: FigureBook): number | undefined {
  return book
    .table(AGESEN, "Table 1 hardware round-trip latency")
    .find((figure) => generationOf(figure.system) === generation)?.value;
}

export function transitionCosts(question: CellName, book: FigureBook): Estimate | undefined {
  if (question.paper !== TEXTBOOK || question.table !== TABLE) return undefined;
  const { metric, system } = question;
  if (YEAR[system] === undefined) return undefined;
  const plain = rowFit(metric, system, book);
  if (plain === undefined) return undefined;
  const trip = roundTripOf(system, book);
  const isTransition = metric.startsWith("vmexit") || metric === "VMRESUME" || metric === "VMLAUNCH";
  const [exit, resume] = [rowFit("vmexit on vmcall", system, book), rowFit("VMRESUME", system, book)];
  if (isTransition && trip !== undefined && exit !== undefined && resume !== undefined) {
    const scale = trip / (exit + resume);
    return fit(
      plain * scale,
      `between the neighbouring generations (${Math.round(plain)}), scaled so that exit + VMRESUME is the ` +
        `measured round trip of ${trip} cycles`,
    );
  }
  return fit(plain, "between the neighbouring generations by year, on a logarithmic scale");
}

export function roundTrips(question: CellName, book: FigureBook): Estimate | undefined {
  if (!question.paper.startsWith("Agesen") || question.metric !== ROUND_TRIP) return undefined;
  const generation = generationOf(question.system);
  if (generation === undefined) return undefined;
  try {
    const exit = book.value(TEXTBOOK, "vmexit on vmcall", generation);
    const resume = book.value(TEXTBOOK, "VMRESUME", generation);
    return formula(
      exit + resume,
      `vmexit ${exit} + VMRESUME ${resume} of the same generation (2017 textbook, Table 4.3)`,
    );
  } catch (error) {
    if (!(error instanceof MissingFigureError)) throw error;
    const points = book.table(question.paper, question.table).flatMap(({ system, value }) => {
      const other = generationOf(system);
      return other === undefined ? [] : [{ year: YEAR[other], value }];
    });
    const value = between(points, YEAR[generation]);
    return value === undefined
      ? undefined
      : fit(value, "between the neighbouring generations by year, on a logarithmic scale");
  }
}
