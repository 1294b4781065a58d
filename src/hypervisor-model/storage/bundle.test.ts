import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { exportBundle, importBundle } from "./bundle.ts";
import { dropInterruptedImports } from "./import-hold.ts";
import { createDisk } from "./disk-document.ts";
import { openDisk } from "./disk.ts";
import { bytesSource } from "./formats/image.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Change } from "./store.ts";

const COLLECTIONS = ["disks", "layers", "layer-maps"];
const MIB = 1 << 20;
const SEED = 20261126;
const ROUNDS = 10_000;
const NAMED = new Set(["FormatError", "DamagedError", "NewerVersionError", "RefusedError"]);

async function bundle(bytes = 600_064) {
  const store = new MemoryStore();
  const { id } = await createDisk(store, { sizeMiB: 1 });
  const disk = await openDisk(store, id);
  void disk.write(0, new Random(1).bytes(bytes));
  await disk.close();
  const keys: { collection: string; key: string }[] = [];
  for (const collection of COLLECTIONS)
    for (const { key } of await store.list(collection)) keys.push({ collection, key });
  const parts: Uint8Array[] = [];
  await exportBundle(store, keys, (bytes) => void parts.push(bytes.slice()));
  return { id, file: new Uint8Array(Buffer.concat(parts)), contents: await disk.read(0, MIB) };
}

test("what a bundle holds is the same in another store", async () => {
  const { id, file, contents } = await bundle();
  const store = new MemoryStore();
  await importBundle(store, bytesSource(file), { collections: COLLECTIONS });
  expect(Buffer.compare(await (await openDisk(store, id)).read(0, MIB), contents)).toBe(0);
  expect(await store.list("imports")).toEqual([]);
});

test("a bundle of what is here already is refused and changes nothing", async () => {
  const { id, file, contents } = await bundle();
  const store = new MemoryStore();
  await importBundle(store, bytesSource(file), { collections: COLLECTIONS });
  const before = await store.usage();
  await expect(importBundle(store, bytesSource(file), { collections: COLLECTIONS })).rejects.toMatchObject({
    name: "RefusedError",
  });
  expect(await store.usage()).toEqual(before);
  expect(Buffer.compare(await (await openDisk(store, id)).read(0, MIB), contents)).toBe(0);
});

test("what an import that was cut off has left is dropped", async () => {
  const { file } = await bundle();
  const store = new MemoryStore();
  // The page is gone before the import can tidy up: its last commits never happen.
  const cutOff = new Proxy(store, {
    get(store, name) {
      if (name === "collectGarbage") return () => Promise.reject(new Error("gone"));
      const commit = (change: Change) =>
        change.delete ? Promise.reject(new Error("gone")) : store.commit(change);
      return name === "commit" ? commit : Reflect.get(store, name, store);
    },
  });
  await expect(importBundle(cutOff, bytesSource(file), { collections: COLLECTIONS })).rejects.toThrow("gone");
  expect((await store.usage()).blocks).toBeGreaterThan(0);
  expect(await dropInterruptedImports(store, async () => true)).toBe(false);
  expect(await dropInterruptedImports(store)).toBe(true);
  await store.collectGarbage();
  expect((await store.usage()).blocks).toBe(0);
});

test("a document of another collection is refused", async () => {
  const { file } = await bundle();
  await expect(
    importBundle(new MemoryStore(), bytesSource(file), { collections: ["disks"] }),
  ).rejects.toMatchObject({
    name: "FormatError",
  });
});

test("a bundle of a newer version is refused by name", async () => {
  const { file } = await bundle();
  file[8] = 2;
  await expect(
    importBundle(new MemoryStore(), bytesSource(file), { collections: COLLECTIONS }),
  ).rejects.toMatchObject({
    name: "NewerVersionError",
    found: "version 2",
  });
});

test(`${ROUNDS} mutations of a bundle are refused by name and leave nothing, or change nothing (seed ${SEED})`, async () => {
  const { id, file, contents } = await bundle(4096);
  let refused = 0;
  const random = new Random(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const at = random.below(random.below(2) === 0 ? file.length : 60);
    const kept = file[at];
    file[at] ^= 1 + random.below(255);
    const length = random.below(8) === 0 ? random.below(file.length) : file.length;
    const store = new MemoryStore();
    const name = await importBundle(store, bytesSource(file.subarray(0, length)), {
      collections: COLLECTIONS,
    }).then(
      () => "no error",
      (error: Error) => error.name,
    );
    file[at] = kept;
    if (name === "no error") {
      // A bit that deflate does not look at.
      expect(Buffer.compare(await (await openDisk(store, id)).read(0, MIB), contents)).toBe(0);
      continue;
    }
    refused++;
    if (!NAMED.has(name)) throw new Error(`seed ${SEED}, round ${round}, byte ${at}: ${name}`);
    expect((await store.usage()).blocks).toBe(0);
  }
  expect(refused).toBeGreaterThan(ROUNDS * 0.9);
});
