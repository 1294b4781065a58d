/**
 * What the computer under the page can carry: asked before each start. The browser tells the computer's memory only
 * roughly (Device Memory API: 0.25 to 8 GiB) or not at all, and never how much is free, so guests get a fixed share.
 */

export interface HostResources {
  /** `navigator.deviceMemory` in the page, total memory in Node. */
  memoryGiB?: number;
  cores?: number;
}

/** What a guest costs beside its own memory: the engine's code and buffers, its Worker, its part of the page. */
export const OVERHEAD_MIB = 48;
/** The share of the computer's memory that guests may take: 2 GiB carry two guests of 64 MiB, 8 GiB nine. */
const GUEST_SHARE = 1 / 8;
/** Firefox and Safari do not tell; a classroom computer seldom has less. */
const UNKNOWN_MEMORY_GIB = 4;
export const MACHINE_LIMIT = 16;

export interface Budget {
  budgetMiB: number;
  usedMiB: number;
  running: number;
  /** The most machines at a time, whatever their size. */
  limit: number;
}

export type BudgetRefusal =
  | { key: "memory-budget"; neededMiB: number; freeMiB: number; budgetMiB: number }
  | { key: "too-many-machines"; running: number; limit: number };

/** `running` has the memory of each machine that is on, in MiB. `budgetMiB` overrides the computer's share. */
export function hostBudget(host: HostResources, running: readonly number[], budgetMiB?: number): Budget {
  const memoryGiB = host.memoryGiB !== undefined && host.memoryGiB > 0 ? host.memoryGiB : UNKNOWN_MEMORY_GIB;
  return {
    budgetMiB: budgetMiB ?? Math.floor(memoryGiB * 1024 * GUEST_SHARE),
    usedMiB: running.reduce((sum, memoryMiB) => sum + memoryMiB + OVERHEAD_MIB, 0),
    running: running.length,
    limit: MACHINE_LIMIT,
  };
}

/** Why a machine of this size cannot start now; `undefined` when it can. */
export function startRefusal(budget: Budget, memoryMiB: number): BudgetRefusal | undefined {
  if (budget.running >= budget.limit) {
    return { key: "too-many-machines", running: budget.running, limit: budget.limit };
  }
  const neededMiB = memoryMiB + OVERHEAD_MIB;
  const freeMiB = Math.max(0, budget.budgetMiB - budget.usedMiB);
  if (neededMiB > freeMiB) return { key: "memory-budget", neededMiB, freeMiB, budgetMiB: budget.budgetMiB };
  return undefined;
}
