import { expect, test } from "vitest";
import type { HardwareConfig, MachineState } from "../../emulator/machine.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { ImageLoader } from "./images.ts";
import { decodeStateFile, encodeStateFile, gunzip, gzip } from "./warm-start-file.ts";
import { warmStartKey, WarmStates } from "./warm-start.ts";

const hardware: HardwareConfig = {
  memoryMiB: 64,
  nics: [{ model: "ne2000", mac: "00:0c:29:00:00:01" }],
  diskBytes: [64 * 2 ** 20],
  hasCdrom: true,
  hasFloppy: false,
  bootOrder: ["disk"],
};
const state: MachineState = {
  version: 1,
  engine: "v86",
  engineVersion: "1",
  hardware,
  devices: Uint8Array.of(1, 2, 3),
  pageNumbers: Uint32Array.of(0, 7),
  pages: Uint8Array.from({ length: 8192 }, (_, i) => i * 7),
};
const shape = { engine: "v86" as const, engineVersion: "1", digests: ["aa"], commandLine: "quiet", hardware };

test("a state comes back from its file", async () => {
  const file = encodeStateFile("key", state);
  expect(decodeStateFile("key", await gunzip(await gzip(file)))).toEqual(state);
});

test("a file for another key, a shortened one and one that is no state are no state", () => {
  const file = encodeStateFile("key", state);
  expect(decodeStateFile("other", file)).toBeUndefined();
  expect(decodeStateFile("key", file.subarray(0, file.length - 1))).toBeUndefined();
  expect(decodeStateFile("key", new Uint8Array(100))).toBeUndefined();
});

test("the key is the same for another address, medium or boot order", () => {
  const other: HardwareConfig = {
    ...hardware,
    nics: [{ model: "ne2000", mac: "00:0c:29:ff:ff:ff" }],
    hasCdrom: false,
    bootOrder: ["cdrom"],
  };
  expect(warmStartKey({ ...shape, hardware: other })).toBe(warmStartKey(shape));
});

test.each([
  ["engine version", { engineVersion: "2" }],
  ["image", { digests: ["bb"] }],
  ["command line", { commandLine: "" }],
  ["memory", { hardware: { ...hardware, memoryMiB: 65 } }],
  [
    "network cards",
    { hardware: { ...hardware, nics: [{ model: "virtio" as const, mac: "00:0c:29:00:00:01" }] } },
  ],
  ["disks", { hardware: { ...hardware, diskBytes: [] } }],
])("the key differs with another %s", (_, change) => {
  expect(warmStartKey({ ...shape, ...change })).not.toBe(warmStartKey(shape));
});

/** Images of which none has a warm state. */
const images = () => {
  const loader = new ImageLoader({ type: "folder", path: "/nowhere" });
  loader.manifest = () =>
    Promise.resolve({ files: [], boot: { append: "" }, memoryMiB: { minimum: 0 }, agent: true });
  return loader;
};

test("a state that was kept is found in the store by a later program; an unknown image means none", async () => {
  const store = new MemoryStore();
  await new WarmStates({ images: images(), store }).keep("k", state);
  expect(await new WarmStates({ images: images(), store }).find("tiny", "k")).toEqual(state);
  expect(await new WarmStates({ images: images(), store }).find("tiny", "other")).toBeUndefined();
  const broken = new ImageLoader({ type: "folder", path: "/nowhere" });
  expect(await new WarmStates({ images: broken }).find("tiny", "k")).toBeUndefined();
});

test("a state is lent to one machine at a time; the next gets it when it comes back, or another when it does not", async () => {
  const states = new WarmStates({ images: images(), store: new MemoryStore() });
  await states.keep("k", state);
  const first = await states.borrow("tiny", "k");
  let second = false;
  const waiting = states.borrow("tiny", "k").then((lent) => {
    second = true;
    return lent;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(second).toBe(false);
  first!.giveBack(structuredClone(state));
  expect((await waiting)!.state).toEqual(state);
  // Its thread died: the state is read from the store again.
  (await waiting)!.giveBack(undefined);
  expect((await states.borrow("tiny", "k"))!.state).toEqual(state);
});

test("a state that came back stays when its machine ends later", async () => {
  const states = new WarmStates({ images: images() });
  await states.keep("k", state);
  const lent = await states.borrow("tiny", "k");
  const returned = structuredClone(state);
  lent!.giveBack(returned);
  lent!.giveBack(undefined);
  expect((await states.borrow("tiny", "k"))!.state).toBe(returned);
});
