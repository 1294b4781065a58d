import { expect, test } from "vitest";
import { linkedCloneChange } from "../storage/clones.ts";
import { createDisk } from "../storage/disk-document.ts";
import { openDisk } from "../storage/disk.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { saveState } from "../storage/saved-state.ts";
import { takeSnapshot } from "../storage/snapshots.ts";
import type { MachineDefinition } from "./definition.ts";
import { storedRoom } from "./stored-room.ts";

const machine = (id: string, disk: string) =>
  ({ id, name: id.toUpperCase(), disks: [{ id: disk, name: "d", sizeMiB: 1 }] }) as MachineDefinition;

async function write(store: MemoryStore, id: string, block: number, value: number): Promise<void> {
  const disk = await openDisk(store, id);
  await disk.write(block * 4096, new Uint8Array(4096).fill(value));
  await disk.close();
}

test("Blocks that a linked clone shares with its original are nobody's alone, those it wrote are its own", async () => {
  const store = new MemoryStore();
  await createDisk(store, { id: "d", sizeMiB: 1 });
  await write(store, "d", 0, 1);
  await write(store, "d", 1, 2);
  const common = { machine: "a", name: "s", definition: {}, now: 0 };
  const snapshot = await takeSnapshot(store, { ...common, disks: ["d"] });
  const { change } = await linkedCloneChange(store, { machine: "a", snapshot: snapshot.id }, "b", ["e"]);
  await store.commit(change);
  await write(store, "e", 1, 3);
  expect(await storedRoom(store, [machine("a", "d"), machine("b", "e")])).toEqual([
    { id: "a", name: "A", snapshots: 1, disks: 2 * 4096, memory: 0, alone: 0 },
    { id: "b", name: "B", snapshots: 0, disks: 3 * 4096, memory: 0, alone: 4096 },
  ]);
});

test("Equal pages of a suspended machine's memory count once, and zero pages not at all", async () => {
  const store = new MemoryStore();
  await createDisk(store, { id: "d", sizeMiB: 1 });
  const pages = new Uint8Array(3 * 4096).fill(7, 0, 2 * 4096);
  await saveState(store, "a", {
    version: 1,
    engine: "v86",
    engineVersion: "1",
    hardware: { memoryMiB: 64, nics: [], diskBytes: [], hasCdrom: false, hasFloppy: false, bootOrder: [] },
    devices: new Uint8Array(1),
    pageNumbers: Uint32Array.of(0, 1, 2),
    pages,
  });
  const [room] = await storedRoom(store, [machine("a", "d")]);
  expect(room).toMatchObject({ disks: 0, memory: 4096, alone: 4096 });
});
