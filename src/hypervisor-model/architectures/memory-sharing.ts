/** Memory arithmetic of Waldspurger, OSDI 2002. Shares and rates are fractions of 1. */

/** Of identical pages in groups of `copies`, all but one a group are given back. */
export function reclaimedShare(sharedShare: number, copies: number): number {
  return sharedShare * (1 - 1 / copies);
}

/** Adjusted shares-per-page ratio (§5.2): an idle page costs 1 / (1 - tax) times an active one. */
export function sharesPerPage(
  shares: number,
  pages: number,
  activeFraction: number,
  taxRate: number,
): number {
  const idleCost = 1 / (1 - taxRate);
  return shares / (pages * (activeFraction + idleCost * (1 - activeFraction)));
}

/**
 * Memory in MiB of two machines with equal shares that both want `wantedMiB`, one wholly active, one wholly idle, when
 * `availableMiB` are there: pages are taken from the machine with the smaller shares-per-page until both are equal.
 */
export function taxedAllocation(
  availableMiB: number,
  wantedMiB: number,
  taxRate: number,
): { active: number; idle: number } {
  const active = Math.min(wantedMiB, availableMiB / (2 - taxRate));
  return { active, idle: Math.min(wantedMiB, availableMiB - active) };
}
