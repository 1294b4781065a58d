/** Linux names the course's adapters ens33, ens34, … in the order of the machine's NICs. */
export function nicName(index: number): string {
  return `ens${33 + index}`;
}
