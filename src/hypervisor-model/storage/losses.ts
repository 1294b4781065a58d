/**
 * What the browser has lost of the store, to be told until the user has taken note. A browser that finds its database
 * damaged deletes it and says so once, to whoever opens it next: that is written down in the new database.
 */
import type { Store } from "./store.ts";

export const LOSSES = "losses";

export interface Loss {
  /** Milliseconds since 1970. */
  noticedAt: number;
  /** The browser's own words. */
  message: string;
}

/** What Chromium adds to the event that opens an empty database in the place of a damaged one. */
interface LossEvent {
  dataLoss?: unknown;
  dataLossMessage?: unknown;
}

export function lossOf(event: object, now: number): Loss | undefined {
  const { dataLoss, dataLossMessage } = event as LossEvent;
  if (dataLoss !== "total") return undefined;
  return {
    noticedAt: now,
    message: typeof dataLossMessage === "string" ? dataLossMessage : "the database was damaged",
  };
}

export async function readLosses(store: Store): Promise<Loss[]> {
  return (await store.list(LOSSES)).map(({ value }) => value as Loss);
}

export async function forgetLosses(store: Store): Promise<void> {
  const losses = await store.list(LOSSES);
  await store.commit({ delete: losses.map(({ key }) => ({ collection: LOSSES, key })) });
}
