import { afterEach, expect, test, vi } from "vitest";
import { StorageFullError } from "../storage/errors.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { MEDIA } from "./machine-media.ts";
import { StoredFloppy } from "./stored-floppy.ts";

const BYTES = 1_474_560;
const SECTOR = new Uint8Array(512).fill(7);

async function storeWithFloppy(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.commit({ put: [{ collection: MEDIA, key: "f", value: { bytes: new Uint8Array(BYTES) } }] });
  return store;
}
const kept = async (store: MemoryStore) =>
  ((await store.get(MEDIA, "f")) as { bytes: Uint8Array } | undefined)?.bytes;
const ignore = () => undefined;

/** Locks of one origin: whoever asks second gets none. */
function origin(): LockManager {
  const held = new Set<string>();
  const request = async (name: string, _options: object, use: (lock: unknown) => unknown) => {
    if (held.has(name)) return use(null);
    held.add(name);
    await use({ name });
    held.delete(name);
  };
  return { request } as unknown as LockManager;
}

afterEach(() => vi.useRealTimers());

test("what was written is read back, and is in the store when the floppy leaves the drive", async () => {
  const store = await storeWithFloppy();
  const floppy = await StoredFloppy.open(store, "f", ignore, undefined);
  floppy.write(512, SECTOR);
  expect(await floppy.read(512, 512)).toEqual(SECTOR);
  await floppy.close();
  expect((await kept(store))!.slice(512, 1024)).toEqual(SECTOR);
});

test("half a second after the last write all is in the store by itself", async () => {
  vi.useFakeTimers();
  const store = await storeWithFloppy();
  const floppy = await StoredFloppy.open(store, "f", ignore, undefined);
  floppy.write(0, SECTOR);
  expect((await kept(store))![0]).toBe(0);
  await vi.advanceTimersByTimeAsync(600);
  expect((await kept(store))![0]).toBe(7);
});

test("a floppy that is in another machine's drive is write-protected, until it leaves that one", async () => {
  const store = await storeWithFloppy();
  const locks = origin();
  const first = await StoredFloppy.open(store, "f", ignore, locks);
  expect(first.readOnly).toBe(false);
  expect((await StoredFloppy.open(store, "f", ignore, locks)).readOnly).toBe(true);
  await first.close();
  await vi.waitFor(async () =>
    expect((await StoredFloppy.open(store, "f", ignore, locks)).readOnly).toBe(false),
  );
});

test("a failure is reported, and what was written goes into the store at the next attempt", async () => {
  const store = await storeWithFloppy();
  const errors: string[] = [];
  const floppy = await StoredFloppy.open(store, "f", ({ name }) => errors.push(name), undefined);
  const full = vi.spyOn(store, "commit").mockRejectedValueOnce(new StorageFullError("no room"));
  floppy.write(0, SECTOR);
  await expect(floppy.flush()).rejects.toThrow("no room");
  expect(errors).toEqual(["StorageFullError"]);
  full.mockRestore();
  await floppy.flush();
  expect((await kept(store))![0]).toBe(7);
});

test("a medium that was deleted meanwhile does not come back", async () => {
  const store = await storeWithFloppy();
  const floppy = await StoredFloppy.open(store, "f", ignore, undefined);
  floppy.write(0, SECTOR);
  await store.commit({ delete: [{ collection: MEDIA, key: "f" }] });
  await floppy.close();
  expect(await kept(store)).toBeUndefined();
});

test("a medium that is not there is named", async () => {
  await expect(StoredFloppy.open(new MemoryStore(), "f", ignore, undefined)).rejects.toMatchObject({
    name: "MediumError",
  });
});
