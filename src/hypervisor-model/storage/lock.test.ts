import { expect, test } from "vitest";
import { LEASES, lockMachine } from "./lock.ts";
import { MemoryStore } from "./memory-store.ts";

test("a machine that is held is refused, another one is not, a released one is given", async () => {
  const store = new MemoryStore();
  const lock = await lockMachine(store, "a");
  await expect(lockMachine(store, "a")).rejects.toMatchObject({ name: "InUseError" });
  await (await lockMachine(store, "b")).release();
  await lock.release();
  await (await lockMachine(store, "a")).release();
  expect(await store.list(LEASES)).toEqual([]);
});

test("of several that come at once at most one is given the machine", async () => {
  const store = new MemoryStore();
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => lockMachine(store, "a")));
  const locks = results.filter((result) => result.status === "fulfilled");
  expect(locks.length).toBeLessThanOrEqual(1);
  for (const { value } of locks) await value.release();
});

test("a lease that was not renewed is taken over", async () => {
  const store = new MemoryStore();
  await store.commit({ put: [{ collection: LEASES, key: "a/gone", value: { expires: 1000 } }] });
  const lock = await lockMachine(store, "a", { now: () => 1001 });
  expect(await store.get(LEASES, "a/gone")).toBeUndefined();
  await lock.release();
});

test("where there are Web Locks they are used", async () => {
  let held = false;
  const webLocks = {
    async request(_name: string, _options: unknown, task: (lock: unknown) => Promise<void>) {
      if (held) return task(null);
      held = true;
      await task({});
      held = false;
    },
  } as unknown as LockManager;
  const store = new MemoryStore();
  const lock = await lockMachine(store, "a", { webLocks });
  await expect(lockMachine(store, "a", { webLocks })).rejects.toMatchObject({ name: "InUseError" });
  await lock.release();
  await new Promise((resolve) => setTimeout(resolve));
  await (await lockMachine(store, "a", { webLocks })).release();
  expect(await store.list(LEASES)).toEqual([]);
});
