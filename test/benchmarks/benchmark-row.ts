/** What a benchmark gives: rows of one run, ours beside a peer. */
export interface BenchmarkRow {
  work: string;
  /** Both in the same unit, seconds unless `work` says otherwise. */
  ours: number;
  peer: number;
  /** ours / peer. */
  ratio: number;
  /** The ratio that must not be exceeded, where there is one. */
  limit?: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
