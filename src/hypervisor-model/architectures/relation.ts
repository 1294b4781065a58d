/** What answers a question: a relation between cited figures, with the words that say how. */
import type { CellName, FigureBook } from "./figures.ts";

/**
 * - `executed`: events counted on the core × cited costs × the native baseline;
 * - `formula`: a published relation;
 * - `fit`: interpolation over open cells.
 */
export type PredictionKind = "executed" | "formula" | "fit";

export interface Estimate {
  value: number;
  kind: PredictionKind;
  how: string;
}

/**
 * Answers undefined when the question is not one of its own. A figure that is not open throws `MissingFigureError`.
 */
export type Relation = (question: CellName, book: FigureBook) => Estimate | undefined;

export function formula(value: number, how: string): Estimate {
  return { value, kind: "formula", how };
}

export function executed(value: number, how: string): Estimate {
  return { value, kind: "executed", how };
}

export function fit(value: number, how: string): Estimate {
  return { value, kind: "fit", how };
}
