import { describe, expect, test } from "vitest";
import type { MachineState } from "../../emulator/machine.ts";
import { MemoryStore } from "./memory-store.ts";
import { deleteState, loadState, saveState, STATES, type StateDocument } from "./saved-state.ts";

function exampleState(pages: number[]): MachineState {
  const contents = new Uint8Array(pages.length * 4096);
  pages.forEach((value, at) => contents.fill(value, at * 4096, (at + 1) * 4096));
  return {
    version: 1,
    engine: "v86",
    engineVersion: "0.5.462",
    hardware: {
      memoryMiB: 64,
      nics: [{ model: "ne2000", mac: "00:0c:29:00:00:01" }],
      diskBytes: [1 << 26],
      hasCdrom: false,
      hasFloppy: false,
      bootOrder: ["disk"],
    },
    devices: Uint8Array.from({ length: 5000 }, (_, at) => at & 255),
    pageNumbers: Uint32Array.from(pages, (_, at) => at * 3),
    pages: contents,
  };
}

describe("saved state", () => {
  test("a state comes back as it was saved", async () => {
    const store = new MemoryStore();
    await saveState(store, "m", exampleState([1, 2, 3]));
    expect(await loadState(store, "m")).toEqual(exampleState([1, 2, 3]));
  });

  test("a second state stores only the pages that differ", async () => {
    const store = new MemoryStore();
    await saveState(store, "one", exampleState([1, 2, 3]));
    const before = (await store.usage()).blocks;
    await saveState(store, "two", exampleState([1, 2, 4]));
    expect((await store.usage()).blocks).toBe(before + 1);
  });

  test("a deleted state is gone with its pages", async () => {
    const store = new MemoryStore();
    await saveState(store, "m", exampleState([1]));
    await deleteState(store, "m");
    await store.collectGarbage();
    expect((await store.usage()).blocks).toBe(0);
    await expect(loadState(store, "m")).rejects.toMatchObject({ name: "NotFoundError" });
  });

  test.each([
    ["another engine version", { engineVersion: "0.5.463" }],
    ["fewer device bytes", { deviceBytes: 4999 }],
    ["another page number", { pageNumbers: new Uint32Array([0, 3, 7]) }],
    ["fewer blocks", { blocks: new Uint8Array(32) }],
  ])("a document with %s than was saved is refused as damaged", async (_, change) => {
    const store = new MemoryStore();
    await saveState(store, "m", exampleState([1, 2, 3]));
    const value = { ...((await store.get(STATES, "m")) as StateDocument), ...change };
    await store.commit({ put: [{ collection: STATES, key: "m", value }] });
    await expect(loadState(store, "m")).rejects.toMatchObject({ name: "DamagedError" });
  });

  test("a state of a newer version is refused by name", async () => {
    const store = new MemoryStore();
    await store.commit({ put: [{ collection: STATES, key: "m", value: { version: 2 } }] });
    await expect(loadState(store, "m")).rejects.toMatchObject({ name: "NewerVersionError" });
  });
});
