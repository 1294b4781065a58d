/** Long work in storage that the user ends early: afterwards everything is as it was before. */
import { beforeEach, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import type { MachineState } from "../../emulator/machine.ts";
import { openDisk } from "../storage/disk.ts";
import { bytesSource } from "../storage/formats/image.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { listSnapshots, takeSnapshot } from "../storage/snapshots.ts";
import { stoppable } from "../storage/stoppable.ts";
import type { MachineDefinition } from "./definition.ts";
import { ImageLoader } from "./images.ts";
import { NoPeers } from "./library-peers.ts";
import { MachineLibrary } from "./library.ts";
import { StoreContents } from "./machine-contents.ts";
import { MachineStorage } from "./machine-storage.ts";

const MIB = 2 ** 20;
let store: MemoryStore;
let library: MachineLibrary;
let storage: MachineStorage;
let machine: MachineDefinition;

async function open(): Promise<void> {
  const contents = new StoreContents(store, new ImageLoader({ type: "folder", path: "images" }));
  const common = { store, contents, random: new Random(1), now: () => 1000 };
  library = await MachineLibrary.open({ ...common, peers: new NoPeers() });
  const power = {
    running: () => undefined,
    powerOff: async () => undefined,
    resume: async () => undefined,
  };
  storage = new MachineStorage({ ...common, library, power });
}

beforeEach(async () => {
  store = new MemoryStore();
  await open();
  machine = await library.create({ name: "a", disks: [{ name: "data", sizeMiB: 4 }], nics: [] });
  const disk = await openDisk(store, machine.disks[0].id);
  await disk.write(0, new Random(2).bytes(3 * MIB));
  await disk.close();
});

/** Cancels when half of it is done; gives the name of the error. */
async function cancelHalfway(
  work: (onProgress: (done: number) => unknown) => Promise<unknown>,
): Promise<string> {
  const stop = new AbortController();
  const onProgress = stoppable(stop.signal, (done) => {
    if (done >= 0.2) stop.abort();
  });
  return work(onProgress).then(
    () => "not cancelled",
    (error: Error) => error.name,
  );
}

/** Everything but the task log. */
async function contents() {
  const collections = [
    "machines",
    "disks",
    "layers",
    "layer-maps",
    "snapshots",
    "states",
    "imports",
    "snapshot-trees",
  ];
  const documents = await Promise.all(collections.map((collection) => store.list(collection)));
  return { documents, usage: await store.usage() };
}

async function exported(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await storage.bundles.export((part) => void parts.push(part.slice()));
  return new Uint8Array(Buffer.concat(parts));
}

test("an export of a machine", async () => {
  const before = await contents();
  expect(
    await cancelHalfway((onProgress) => storage.bundles.export(() => undefined, undefined, onProgress)),
  ).toBe("CancelledError");
  expect(await contents()).toEqual(before);
});

test("an import of a machine", async () => {
  const file = await exported();
  const before = await contents();
  expect(await cancelHalfway((onProgress) => storage.bundles.import(bytesSource(file), onProgress))).toBe(
    "CancelledError",
  );
  expect(await contents()).toEqual(before);
});

test("an import of a machine into a laboratory that has nothing", async () => {
  const file = await exported();
  store = new MemoryStore();
  await open();
  expect(await cancelHalfway((onProgress) => storage.bundles.import(bytesSource(file), onProgress))).toBe(
    "CancelledError",
  );
  expect((await store.usage()).blocks).toBe(0);
  expect(library.entries).toEqual([]);
});

test("an import and an export of a disk", async () => {
  const parts: Uint8Array[] = [];
  const [file] = await storage.disks.export(machine.disks[0].id, "qcow2");
  await file.write((part) => void parts.push(part.slice()));
  const image = bytesSource(new Uint8Array(Buffer.concat(parts)));
  const before = await contents();
  const find = (name: string) => (name === "d.qcow2" ? image : undefined);
  expect(await cancelHalfway((onProgress) => storage.disks.import("d.qcow2", find, onProgress))).toBe(
    "CancelledError",
  );
  expect(
    await cancelHalfway(async (onProgress) => {
      const [file] = await storage.disks.export(machine.disks[0].id, "raw", onProgress);
      await file.write(() => undefined);
    }),
  ).toBe("CancelledError");
  expect(await contents()).toEqual(before);
});

test("a full clone", async () => {
  const before = await contents();
  const stop = new AbortController();
  stop.abort();
  const clone = storage.clones.clone(machine.id, {
    name: "b",
    kind: "full",
    onProgress: stoppable(stop.signal),
  });
  await expect(clone).rejects.toMatchObject({ name: "CancelledError" });
  expect(await contents()).toEqual(before);
});

test("a snapshot with memory; what the guest had written meanwhile is saved all the same", async () => {
  const disk = await openDisk(store, machine.disks[0].id, { saveDelay: 1_000_000 });
  const state: MachineState = {
    version: 1,
    engine: "v86",
    engineVersion: "1",
    hardware: { memoryMiB: 8, nics: [], diskBytes: [], hasCdrom: false, hasFloppy: false, bootOrder: [] },
    devices: new Uint8Array(1),
    pageNumbers: Uint32Array.from({ length: 2048 }, (_, page) => page),
    pages: new Random(3).bytes(8 * MIB),
  };
  await disk.write(3 * MIB, new Uint8Array(512).fill(7));
  const taking = (onProgress: (done: number) => unknown) =>
    takeSnapshot(store, {
      machine: machine.id,
      name: "s",
      definition: {},
      disks: [disk],
      state,
      now: 0,
      onProgress,
    });
  const { usage } = await contents();
  expect(await cancelHalfway(taking)).toBe("CancelledError");
  expect(await listSnapshots(store, machine.id)).toEqual([]);
  await expect.poll(() => disk.hasUnsavedWrites).toBe(false);
  expect((await store.usage()).blocks).toBe(usage.blocks + 1);
  const again = await openDisk(store, machine.disks[0].id);
  expect(again.chain).toHaveLength(1);
  expect((await again.read(3 * MIB, 512))[0]).toBe(7);
});
