/**
 * Published measurements of virtualized systems, as data with their sources (published-figures.json): what the cost model is
 * fitted on and judged by. Each cell was read in the work that is named; `basis` says how (a table, a figure's label, the text,
 * measured off a figure, or reported by another work). Papers never share a hardware profile: cells of two papers are combined
 * only where a relation says so and why.
 */
import published from "./published-figures.json" with { type: "json" };

export interface Figure {
  /** Author, title or venue, and year, as one text: "Adams & Agesen, ASPLOS 2006". */
  paper: string;
  year: number;
  /** Table or figure of the paper. */
  table: string;
  hardware: string;
  basis: string;
  note: string;
  /** What was measured: a table's row. */
  metric: string;
  /** What it was measured on: a table's column. */
  system: string;
  unit: string;
  value: number;
}

interface PublishedTable {
  paper: string;
  year: number;
  table: string;
  hardware?: string;
  basis: string;
  note?: string;
  cells: [metric: string, system: string, unit: string, value: number][];
}

const FIGURES: readonly Figure[] = (published as PublishedTable[]).flatMap(
  ({ paper, year, table, hardware = "", basis, note = "", cells }) =>
    cells.map(([metric, system, unit, value]) => ({
      paper,
      year,
      table,
      hardware,
      basis,
      note,
      metric,
      system,
      unit,
      value,
    })),
);

/** The cell of a table that a question asks for. */
export interface CellName {
  paper: string;
  table: string;
  metric: string;
  system: string;
}

/** Which cells were hidden or are not known: a relation that needs one has no answer. */
export class MissingFigureError extends Error {
  override name = "MissingFigureError";
}

const NATIVE = /^(native|bare metal)\b/i;

/** Cells by paper and table, without those that are hidden. */
export class FigureBook {
  readonly figures: readonly Figure[];

  constructor(figures: readonly Figure[] = FIGURES) {
    this.figures = figures;
  }

  /** The same book without one cell, so that its prediction cannot rest on itself. */
  without(hidden: CellName): FigureBook {
    return new FigureBook(this.figures.filter((figure) => !isCell(figure, hidden)));
  }

  /** The same book without a row's measurements, its native baseline left. */
  withoutRow({ paper, table, metric }: Omit<CellName, "system">): FigureBook {
    return new FigureBook(
      this.figures.filter(
        (figure) =>
          figure.paper !== paper ||
          figure.table !== table ||
          figure.metric !== metric ||
          NATIVE.test(figure.system),
      ),
    );
  }

  table(paper: string, table: string): readonly Figure[] {
    return this.figures.filter((figure) => figure.paper === paper && figure.table === table);
  }

  /** The one cell of `paper` (its beginning is enough) with this metric and system. Throws `MissingFigureError`. */
  value(paper: string, metric: string, system: string): number {
    const found = this.figures.find(
      (figure) => figure.paper.startsWith(paper) && figure.metric === metric && figure.system === system,
    );
    if (found === undefined) throw new MissingFigureError(`no open figure: ${paper}: ${metric}: ${system}`);
    return found.value;
  }

  /** The row's native baseline; of several kernels the uniprocessor's, which the guests ran too. */
  native({ paper, table, metric }: Omit<CellName, "system">): number | undefined {
    const baselines = this.table(paper, table).filter(
      (figure) => figure.metric === metric && NATIVE.test(figure.system),
    );
    return (baselines.find(({ system }) => system.includes("UP")) ?? baselines[0])?.value;
  }

  /** The unit of a row's figures; empty when none of them is open. */
  unit({ paper, table, metric }: Omit<CellName, "system">): string {
    return this.table(paper, table).find((figure) => figure.metric === metric)?.unit ?? "";
  }
}

export function isNative(system: string): boolean {
  return NATIVE.test(system);
}

function isCell(figure: Figure, cell: CellName): boolean {
  return (
    figure.metric === cell.metric &&
    figure.system === cell.system &&
    figure.table === cell.table &&
    figure.paper === cell.paper
  );
}
