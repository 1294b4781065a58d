/**
 * Who runs a machine: a mark in the store that outlives its page. A mark is changed only by who has seen the present one
 * (its number is part of its key and required by the change), so of two pages that power a machine on at once one wins.
 */
import { ConflictError } from "../storage/errors.ts";
import type { Change, Store } from "../storage/store.ts";

export const POWER_COLLECTION = "machine-power";

export type PowerState =
  | { state: "off" }
  /** `owner` is the page or program that runs it. */
  | { state: "running"; owner: string; since: number }
  | { state: "suspended"; since: number }
  /** Its page was closed, or its program ended, without powering it off. */
  | { state: "interrupted"; since: number };

export interface PowerRecord {
  number: number;
  power: PowerState;
}

export const FIRST_POWER_RECORD: PowerRecord = { number: 0, power: { state: "off" } };

const keyOf = (machine: string, number: number) => `${machine}/${String(number).padStart(10, "0")}`;

export function newPowerRecord(machine: string): NonNullable<Change["put"]>[number] {
  return { collection: POWER_COLLECTION, key: keyOf(machine, 0), value: FIRST_POWER_RECORD.power };
}

/** The document of a mark; it is another one as soon as the machine's state changes. */
export function powerDocument(machine: string, { number }: PowerRecord) {
  return { collection: POWER_COLLECTION, key: keyOf(machine, number) };
}

/** What replaces the mark that was seen. Committing it throws ConflictError when somebody else has done so. */
export function powerChange(machine: string, seen: PowerRecord, power: PowerState): Change {
  const old = powerDocument(machine, seen);
  const put = [{ ...powerDocument(machine, { number: seen.number + 1, power }), value: power }];
  return { require: [old], delete: [old], put };
}

export async function readPowerRecords(store: Store, machine = ""): Promise<Map<string, PowerRecord>> {
  const records = new Map<string, PowerRecord>();
  for (const { key, value } of await store.list(POWER_COLLECTION, machine)) {
    const [id, number] = key.split("/");
    records.set(id, { number: Number(number), power: value as PowerState });
  }
  return records;
}

/** The new record; `undefined` when somebody else has changed it since `seen` was read. `put` is changed with it. */
export async function changePower(
  store: Store,
  machine: string,
  seen: PowerRecord,
  power: PowerState,
  put: NonNullable<Change["put"]> = [],
): Promise<PowerRecord | undefined> {
  try {
    const change = powerChange(machine, seen, power);
    await store.commit({ ...change, put: [...(change.put ?? []), ...put] });
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
  return { number: seen.number + 1, power };
}
