/**
 * Answers questions about published measurements from counted events, cited costs and open figures. A question names a cell by
 * paper, table, system and metric; the cell itself, should it be open, is hidden from the answer. Where neither a relation nor an
 * interpolation is good enough the answer is null with the reason.
 */
import * as v from "valibot";
import { FigureBook, MissingFigureError, type CellName } from "./figures.ts";
import type { PredictionKind, Relation } from "./relation.ts";
import {
  addedLatency,
  cacheSweep,
  clustering,
  clusterTables,
  exitlessGain,
  hostedPath,
  memoryArithmetic,
  overheads,
  pageWalks,
  segmentSize,
} from "./relations/arithmetic.ts";
import { roundTrips, transitionCosts } from "./relations/generations.ts";
import { migration } from "./relations/migration.ts";
import { laterProcessor, nanobenchmarks, worldSwitches } from "./relations/nanobenchmarks.ts";
import { fitByColumns, fitByRows } from "./table-fit.ts";

const RELATIONS: readonly Relation[] = [
  nanobenchmarks,
  worldSwitches,
  laterProcessor,
  transitionCosts,
  roundTrips,
  pageWalks,
  migration,
  memoryArithmetic,
  hostedPath,
  segmentSize,
  clusterTables,
  cacheSweep,
  exitlessGain,
  clustering,
  overheads,
  addedLatency,
];

const text = v.optional(v.nullable(v.string()), "");

export const questionSchema = v.looseObject({
  id: v.string(),
  paper: v.string(),
  table: text,
  hw: text,
  system: v.string(),
  metric: v.string(),
  unit: text,
});

export type Question = v.InferOutput<typeof questionSchema>;

export type Prediction =
  | { id: string; value: number; unit: string; kind: PredictionKind; how: string }
  | { id: string; value: null; why: string };

export function predict(question: Question, figures: FigureBook = new FigureBook()): Prediction {
  const cell: CellName = {
    paper: question.paper,
    table: question.table ?? "",
    metric: question.metric,
    system: question.system,
  };
  const book = figures.without(cell);
  const unit = question.unit ?? "";
  let why = "";
  for (const relation of RELATIONS) {
    try {
      const answer = relation(cell, book);
      if (answer === undefined) continue;
      if (Number.isFinite(answer.value)) return { id: question.id, ...rounded(answer), unit };
    } catch (error) {
      if (!(error instanceof MissingFigureError)) throw error;
      why = `${error.message}; `;
    }
  }
  if (book.table(cell.paper, cell.table).length === 0) {
    return { id: question.id, value: null, why: `${why}no open figure of this paper and table is known` };
  }
  const byRows = fitByRows(cell, book);
  if (!("why" in byRows)) return { id: question.id, ...rounded(byRows), unit };
  const byColumns = book.native(cell) === undefined ? fitByColumns(cell, book) : byRows;
  if (!("why" in byColumns)) return { id: question.id, ...rounded(byColumns), unit };
  return {
    id: question.id,
    value: null,
    why: why + byRows.why + (byRows === byColumns ? "" : `; ${byColumns.why}`),
  };
}

/** Five digits: more would pretend to a precision no figure has. */
function rounded<T extends { value: number }>(estimate: T): T {
  return { ...estimate, value: Number(estimate.value.toPrecision(5)) };
}
