/**
 * Keeps two tabs from running one machine: a Web Lock where the page has them (secure contexts), else a lease in the
 * store, a document that its holder renews and that counts for nothing once it has expired.
 *
 * The store has no compare-and-set, and needs none: each candidate first writes a claim of its own, then reads all
 * claims on the machine and withdraws if another one stands. Two that come at the same moment may both withdraw, and
 * try again after different times; never do both go on.
 */
import { InUseError } from "./errors.ts";
import { newId } from "./layer.ts";
import type { Store } from "./store.ts";

export const LEASES = "leases";
/** Milliseconds a lease lasts without being renewed, and between two renewals. */
const LEASE_TIME = 15_000;
const RENEWAL = 4_000;

export interface MachineLock {
  release(): Promise<void>;
}

export interface LockOptions {
  /** `undefined` uses leases; left out, those of this thread. */
  webLocks?: LockManager | undefined;
  now?: () => number;
}

interface Lease {
  expires: number;
}

/** Throws InUseError if somebody else holds the machine. */
export async function lockMachine(
  store: Store,
  machine: string,
  options: LockOptions = {},
): Promise<MachineLock> {
  // A store in memory is this page's own: two pages may have machines of the same id.
  const webLocks =
    "webLocks" in options ? options.webLocks : store.kind === "indexeddb" ? pageLocks() : undefined;
  return webLocks ? webLock(webLocks, machine) : leaseLock(store, machine, options.now ?? Date.now);
}

function pageLocks(): LockManager | undefined {
  return typeof navigator === "undefined" ? undefined : (navigator as { locks?: LockManager }).locks;
}

function webLock(locks: LockManager, machine: string): Promise<MachineLock> {
  return new Promise((resolve, reject) => {
    locks
      .request(`ringside-machine-${machine}`, { ifAvailable: true }, (lock) => {
        if (!lock) throw inUse(machine);
        return new Promise<void>((free) => resolve({ release: async () => free() }));
      })
      .catch(reject);
  });
}

async function leaseLock(store: Store, machine: string, now: () => number): Promise<MachineLock> {
  for (let attempt = 0; ; attempt++) {
    const lock = await claim(store, machine, now);
    if (lock) return lock;
    if (attempt === 2) throw inUse(machine);
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 100));
  }
}

async function claim(store: Store, machine: string, now: () => number): Promise<MachineLock | undefined> {
  const document = { collection: LEASES, key: `${machine}/${newId()}` };
  const renew = () => {
    const value: Lease = { expires: now() + LEASE_TIME };
    return store.commit({ put: [{ ...document, value }], durability: "relaxed" });
  };
  await renew();
  const claims = (await store.list(LEASES, `${machine}/`)).filter(({ key }) => key !== document.key);
  const standing = claims.filter(({ value }) => (value as Lease).expires > now());
  if (standing.length > 0) {
    await store.commit({ delete: [document] });
    return undefined;
  }
  const expired = claims.map(({ key }) => ({ collection: LEASES, key }));
  if (expired.length > 0) await store.commit({ delete: expired });
  const timer = setInterval(() => void renew().catch(() => {}), RENEWAL);
  return {
    async release() {
      clearInterval(timer);
      await store.commit({ delete: [document] });
    },
  };
}

function inUse(machine: string): InUseError {
  return new InUseError(
    `the machine ${machine} is already open in another window`,
    "in use in another window",
    "a machine that no other window uses",
  );
}
