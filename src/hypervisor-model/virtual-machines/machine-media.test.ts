import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { bytesSource } from "../storage/formats/image.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { stoppable } from "../storage/stoppable.ts";
import { ImageLoader } from "./images.ts";
import { NoPeers } from "./library-peers.ts";
import { MachineLibrary } from "./library.ts";
import { StoreContents } from "./machine-contents.ts";
import { keepMedium, readMedium } from "./machine-media.ts";
import { MachineStorage } from "./machine-storage.ts";

const ID = "11111111-2222-4333-8444-555555555555";
const MIB = 2 ** 20;

async function laboratory() {
  const store = new MemoryStore();
  const contents = new StoreContents(store, new ImageLoader({ type: "folder", path: "images" }));
  const world = { store, contents, random: new Random(1), now: () => 0 };
  const library = await MachineLibrary.open({ ...world, peers: new NoPeers() });
  const power = { running: () => undefined, powerOff: async () => {}, resume: async () => {} };
  return { store, library, storage: new MachineStorage({ ...world, library, power }) };
}

test("a machine's CD of 48 MiB goes through a bundle, in pieces of at most 256 KiB", async () => {
  const { store, library, storage } = await laboratory();
  const cd = new Random(7).bytes(48 * MIB);
  await keepMedium(store, ID, bytesSource(cd));
  const medium = { type: "stored" as const, id: ID, name: "own.iso", byteLength: cd.length };
  await library.create({ name: "a", image: { type: "iso", medium }, disks: [], nics: [] });
  const parts: Uint8Array[] = [];
  await storage.bundles.export((part) => void parts.push(part.slice()));
  // A piece of 64 blocks that do not deflate, with the header that deflate gives it; documents hold ids of 16 bytes a block.
  const largestPiece = 256 * 1024 + 1024;
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(largestPiece);
  const elsewhere = await laboratory();
  const [machine] = await elsewhere.storage.bundles.import(bytesSource(new Uint8Array(Buffer.concat(parts))));
  expect(machine.image).toMatchObject({ type: "iso", medium: { name: "own.iso" } });
  const id =
    machine.image.type === "iso" && machine.image.medium.type === "stored" ? machine.image.medium.id : "";
  expect(Buffer.compare((await readMedium(elsewhere.store, id))!, cd)).toBe(0);
});

test("a file that is no longer to be kept leaves nothing", async () => {
  const { store } = await laboratory();
  const stop = new AbortController();
  const onProgress = stoppable(stop.signal, () => stop.abort());
  const keeping = keepMedium(store, ID, bytesSource(new Random(1).bytes(9 * MIB)), { onProgress });
  await expect(keeping).rejects.toMatchObject({ name: "CancelledError" });
  await store.collectGarbage();
  expect((await store.usage()).blocks).toBe(0);
  expect(await readMedium(store, ID)).toBeUndefined();
});
