import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { MemoryStore } from "../../hypervisor-model/storage/memory-store.ts";
import { takeSnapshot } from "../../hypervisor-model/storage/snapshots.ts";
import {
  newDefinition,
  type MachineDefinition,
  type MediumReference,
} from "../../hypervisor-model/virtual-machines/definition.ts";
import { MediumMissingError } from "./failure.ts";
import { MediaStore } from "./media-store.ts";

function machine(medium: MediumReference): MachineDefinition {
  const empty = newDefinition({ name: "m" }, new Random(1), 0, { names: [], macs: [] });
  return { ...empty, cdrom: { medium } };
}

async function kept() {
  const store = new MemoryStore();
  const media = new MediaStore(store);
  const medium = await media.keep(new File(["CD"], "own.iso"));
  return { store, media, medium };
}

test("A medium is read back as it was given", async () => {
  const { media, medium } = await kept();
  expect(new TextDecoder().decode(await media.read(medium))).toBe("CD");
});

test("A medium that no machine uses any more is deleted", async () => {
  const { media, medium } = await kept();
  await media.deleteUnused(machine(medium), []);
  await expect(media.read(medium)).rejects.toThrow(MediumMissingError);
});

test("A medium that another machine uses stays", async () => {
  const { media, medium } = await kept();
  await media.deleteUnused(machine(medium), [machine(medium)]);
  expect(await media.read(medium)).toHaveLength(2);
});

test("A medium that a snapshot's machine has stays, as a revert brings it back", async () => {
  const { store, media, medium } = await kept();
  const definition = machine(medium);
  await takeSnapshot(store, { machine: definition.id, name: "s", definition, disks: [], now: 0 });
  await media.deleteUnused(definition, [{ ...definition, cdrom: null }]);
  expect(await media.read(medium)).toHaveLength(2);
});

test("A medium that an earlier version has kept in one piece is read", async () => {
  const store = new MemoryStore();
  const id = "11111111-2222-4333-8444-555555555555";
  await store.commit({ put: [{ collection: "media", key: id, value: { bytes: new Uint8Array([1, 2]) } }] });
  const read = new MediaStore(store).read({ type: "stored", id, name: "old.iso", byteLength: 2 });
  expect(await read).toEqual(new Uint8Array([1, 2]));
});

test("A medium of many blocks is read back, and what is the same in it is stored once", async () => {
  const store = new MemoryStore();
  const media = new MediaStore(store);
  const bytes = new Uint8Array(9_000_001).fill(7);
  bytes.set(new Random(1).bytes(5000), 8_000_000);
  const medium = await media.keep(new File([bytes], "large.iso"));
  expect(Buffer.compare(await media.read(medium), bytes)).toBe(0);
  expect((await store.usage()).blocks).toBeLessThan(10);
  expect(await store.list("imports")).toEqual([]);
});
