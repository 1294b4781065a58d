/** Geometric mean of error factors; cells without one do not count. NaN for none. */
export function meanError(cells: readonly { error: number | undefined }[]): number {
  const errors = cells.flatMap(({ error }) => (error === undefined ? [] : [Math.log(error)]));
  return Math.exp(errors.reduce((sum, error) => sum + error, 0) / errors.length);
}
