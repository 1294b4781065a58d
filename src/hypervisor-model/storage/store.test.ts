import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { blockIdOf, packIds } from "./block-id.ts";
import { openFolderStore } from "./folder-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { storeContract, type StoreFactory } from "./store-contract.ts";
import { connectStore, serveStore } from "./store-port.ts";
import { BLOCK_SIZE, type Store } from "./store.ts";

const put = (value: number) => ({ put: [{ collection: "x", key: String(value), value }] });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringside-store-"));
});
afterEach(() => rm(folder, { recursive: true }));

function port(inner: Store): Promise<Store> {
  const { port1, port2 } = new MessageChannel();
  serveStore(inner, port1);
  return connectStore(port2).then((store) => ({
    ...store,
    close: async () => {
      await store.close();
      port1.close();
      port2.close();
    },
  }));
}

const memory = new WeakMap<object, Store>();
const kinds: Record<string, (test: object) => StoreFactory> = {
  memory: () => ({ open: async () => new MemoryStore(), persistent: false, shared: false }),
  folder: () => ({ open: () => openFolderStore(folder), persistent: true, shared: false }),
  port: (test) => ({
    open() {
      if (!memory.has(test)) memory.set(test, new MemoryStore());
      return port(memory.get(test)!);
    },
    persistent: true,
    shared: true,
  }),
};

for (const [kind, factory] of Object.entries(kinds)) {
  describe(`${kind} store`, () => {
    for (const contract of storeContract(factory({})))
      test(contract.name, () => contract.run(factory(contract)));
  });
}

test("an error keeps its name and fields across a port", async () => {
  const store = await port(new MemoryStore());
  const commit = store.commit({ require: [{ collection: "x", key: "k" }] });
  await expect(commit).rejects.toMatchObject({ name: "ConflictError", expected: "x/k" });
  await store.close();
});

describe("folder store", () => {
  test("a second opening of an open folder is refused by name", async () => {
    const store = await openFolderStore(folder);
    await expect(openFolderStore(folder)).rejects.toMatchObject({ name: "InUseError" });
    await store.close();
    await (await openFolderStore(folder)).close();
  });

  test("the lock of a process that has ended is taken over", async () => {
    await writeFile(join(folder, "lock"), JSON.stringify({ pid: 4_000_000, started: 0 }));
    await (await openFolderStore(folder)).close();
  });

  test("a journal cut anywhere in its last record opens with every change before that", async () => {
    const store = await openFolderStore(folder);
    await store.commit(put(1));
    const whole = (await readFile(join(folder, "journal"))).length;
    await store.commit(put(2));
    await store.close();
    const journal = await readFile(join(folder, "journal"));
    for (let length = whole; length < journal.length; length++) {
      await writeFile(join(folder, "journal"), journal.subarray(0, length));
      const again = await openFolderStore(folder);
      expect((await again.list("x")).map(({ key }) => key)).toEqual(["1"]);
      await again.close();
    }
  });

  test("a changed byte before the last record is refused and named", async () => {
    const store = await openFolderStore(folder);
    await store.commit(put(1));
    await store.commit(put(2));
    await store.close();
    const journal = await readFile(join(folder, "journal"));
    journal[50] ^= 1;
    await writeFile(join(folder, "journal"), journal);
    await expect(openFolderStore(folder)).rejects.toMatchObject({ name: "DamagedError" });
  });

  test("a folder of a newer version is refused by name", async () => {
    await writeFile(join(folder, "store.json"), JSON.stringify({ version: 2 }));
    await expect(openFolderStore(folder)).rejects.toMatchObject({ name: "NewerVersionError" });
  });

  test("missing block bytes are reported, not made up", async () => {
    const store = await openFolderStore(folder);
    const bytes = new Uint8Array(BLOCK_SIZE).fill(9);
    const id = blockIdOf(bytes, store.fingerprintKey);
    await store.commit({
      put: [{ collection: "x", key: "k", value: { blocks: packIds([id]) } }],
      blocks: new Map([[id, bytes]]),
    });
    await store.close();
    await truncate(join(folder, "blocks-1"), 5);
    const again = await openFolderStore(folder);
    await expect(again.readBlocks([id])).rejects.toMatchObject({ name: "DamagedError" });
    await again.close();
  });

  test("the journal is rewritten when overwritten documents have filled it", async () => {
    const store = await openFolderStore(folder);
    const value = { bytes: new Uint8Array(1 << 20) };
    for (let count = 0; count < 12; count++) {
      await store.commit({ put: [{ collection: "x", key: "k", value }], durability: "relaxed" });
    }
    await store.close();
    expect((await readFile(join(folder, "journal"))).length).toBeLessThan(6 << 20);
    const again = await openFolderStore(folder);
    const { bytes } = (await again.get("x", "k")) as typeof value;
    expect(Buffer.compare(bytes, value.bytes)).toBe(0);
    await again.close();
  });
});

test.each(["store.json", "journal"])(
  "a folder store that has lost its %s is refused and kept",
  async (name) => {
    const store = await openFolderStore(folder);
    const bytes = new Uint8Array(BLOCK_SIZE).fill(7);
    const id = blockIdOf(bytes, store.fingerprintKey);
    const value = { blocks: packIds([id]) };
    await store.commit({ put: [{ collection: "x", key: "k", value }], blocks: new Map([[id, bytes]]) });
    await store.close();
    const kept = await readFile(join(folder, name));
    await rm(join(folder, name));
    await expect(openFolderStore(folder)).rejects.toMatchObject({ name: "DamagedError", expected: name });
    await writeFile(join(folder, name), kept);
    const again = await openFolderStore(folder);
    expect((await again.readBlocks([id]))[0]).toEqual(bytes);
    await again.close();
  },
);
