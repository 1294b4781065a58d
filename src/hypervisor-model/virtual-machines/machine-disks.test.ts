import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { takeSnapshot } from "../storage/snapshots.ts";
import type { NewDiskChoices } from "./machine-disks.ts";
import { ImageLoader } from "./images.ts";
import { NoPeers } from "./library-peers.ts";
import { MachineLibrary } from "./library.ts";
import { StoreContents } from "./machine-contents.ts";
import { MachineStorage } from "./machine-storage.ts";

/** What is shown of the base and of one delta of a disk. */
async function layersOf(choices: Omit<NewDiskChoices, "name">) {
  const store = new MemoryStore();
  const contents = new StoreContents(store, new ImageLoader({ type: "folder", path: "images" }));
  const world = { store, contents, random: new Random(1), now: () => 0 };
  const library = await MachineLibrary.open({ ...world, peers: new NoPeers() });
  const power = { running: () => undefined, powerOff: async () => {}, resume: async () => {} };
  const { disks } = new MachineStorage({ ...world, library, power });
  const { id } = await disks.create({ name: "data", ...choices });
  await takeSnapshot(store, { machine: "m", name: "s", definition: {}, disks: [id], now: 0 });
  const [base, delta] = (await disks.chain(id)).layers;
  const extents = (text: string) => text.split("\n").filter((line) => line.startsWith("RW "));
  const type = (text: string) => /createType="(\w+)"/.exec(text)![1];
  return {
    types: [type(base.descriptor), type(delta.descriptor)],
    extents: [...extents(base.descriptor), ...extents(delta.descriptor)],
    headers: [base.qcow2Header, delta.qcow2Header],
  };
}

test("a thin disk is a sparse one and a sparse delta", async () => {
  const { types, extents, headers } = await layersOf({ sizeMiB: 64 });
  expect(types).toEqual(["monolithicSparse", "monolithicSparse"]);
  expect(extents).toEqual(['RW 131072 SPARSE "data.vmdk"', 'RW 131072 SPARSE "data-000001.vmdk"']);
  expect(headers[0]).toContain("backing_file: \n");
  expect(headers[1]).toContain("backing_file: data.qcow2\n");
  expect(headers[1]).toContain("size: 67108864");
});

test("a pre-allocated disk is a flat one and a sparse delta", async () => {
  const { types, extents } = await layersOf({ sizeMiB: 64, provisioning: "full" });
  expect(types).toEqual(["monolithicFlat", "monolithicSparse"]);
  expect(extents[0]).toBe('RW 131072 FLAT "data-flat.vmdk" 0');
});

test("a split disk of 5 GiB is in three files, its delta too", async () => {
  const thin = await layersOf({ sizeMiB: 5120, split: true });
  expect(thin.types).toEqual(["twoGbMaxExtentSparse", "twoGbMaxExtentSparse"]);
  expect(thin.extents).toEqual([
    'RW 4192256 SPARSE "data-s001.vmdk"',
    'RW 4192256 SPARSE "data-s002.vmdk"',
    'RW 2101248 SPARSE "data-s003.vmdk"',
    'RW 4192256 SPARSE "data-000001-s001.vmdk"',
    'RW 4192256 SPARSE "data-000001-s002.vmdk"',
    'RW 2101248 SPARSE "data-000001-s003.vmdk"',
  ]);
  const full = await layersOf({ sizeMiB: 5120, split: true, provisioning: "full" });
  expect(full.types[0]).toBe("twoGbMaxExtentFlat");
  expect(full.extents[2]).toBe('RW 2101248 FLAT "data-f003.vmdk" 0');
});
