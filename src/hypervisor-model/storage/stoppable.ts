/** Ending long work in storage early. */
import { CancelledError } from "./errors.ts";

/** Called with the part that is done, 0 to 1, and awaited. What it throws ends the work, and what the work had begun is undone. */
export type OnProgress = (done: number) => unknown;

/** Progress that ends the work with CancelledError once `signal` is aborted; work that is all done stays done. */
export function stoppable(signal: AbortSignal, onProgress: OnProgress = () => undefined): OnProgress {
  return (done) => {
    if (signal.aborted && done < 1)
      throw new CancelledError(
        "cancelled: nothing was changed",
        `${Math.floor(done * 100)} % done`,
        "all of it",
      );
    return onProgress(done);
  };
}
