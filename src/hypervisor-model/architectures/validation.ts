/** The model against what was measured: every open virtualized cell, predicted as if nothing of its row were known. */
import { FigureBook, isNative, type Figure } from "./figures.ts";
import { predict, type Prediction } from "./predict.ts";

export interface ValidatedCell {
  figure: Figure;
  answer: Prediction;
  /** How far off, as a factor of at least 1; undefined where there is no answer. */
  error: number | undefined;
}

/** In the order of the figures. Takes a few hundred milliseconds: executed answers run the teaching kernel. */
export function validate(book: FigureBook = new FigureBook()): ValidatedCell[] {
  return book.figures
    .filter((figure) => !isNative(figure.system))
    .map((figure) => {
      const { paper, table, metric, system, unit, hardware } = figure;
      const question = { id: `${metric} on ${system}`, paper, table, metric, system, unit, hw: hardware };
      const answer = predict(question, book.withoutRow(figure));
      if (answer.value === null) return { figure, answer, error: undefined };
      return { figure, answer, error: Math.exp(Math.abs(Math.log(answer.value / figure.value))) };
    });
}
