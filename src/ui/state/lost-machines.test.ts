import { beforeEach, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { LOSSES } from "../../hypervisor-model/storage/losses.ts";
import { MemoryStore } from "../../hypervisor-model/storage/memory-store.ts";
import { ImageLoader } from "../../hypervisor-model/virtual-machines/images.ts";
import { NoPeers } from "../../hypervisor-model/virtual-machines/library-peers.ts";
import { MachineLibrary } from "../../hypervisor-model/virtual-machines/library.ts";
import { StoreContents } from "../../hypervisor-model/virtual-machines/machine-contents.ts";
import { catalogues } from "../i18n/messages.ts";
import { tellLosses } from "./lost-machines.ts";
import { notices } from "./notices.ts";

beforeEach(() => {
  const kept = new Map<string, string>();
  Object.assign(globalThis, {
    localStorage: {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    },
  });
  notices.set([]);
});

/** The laboratory is opened with this store; gives its library and what is told of losses. */
async function open(store: MemoryStore) {
  const contents = new StoreContents(store, new ImageLoader({ type: "folder", path: "images" }));
  const library = await MachineLibrary.open({
    store,
    contents,
    peers: new NoPeers(),
    random: new Random(1),
    now: () => 0,
  });
  notices.set([]);
  await tellLosses(store, library);
  return { library, told: notices.get().map(({ text }) => text(catalogues.en)) };
}

const machine = (name: string) => ({ name, disks: [], nics: [] });

test("a laboratory that is as it was left tells nothing", async () => {
  const store = new MemoryStore();
  const { library, told } = await open(store);
  await library.create(machine("web"));
  expect([...told, ...(await open(store)).told]).toEqual([]);
});

test("machines that the user has deleted are not lost", async () => {
  const store = new MemoryStore();
  const { library } = await open(store);
  const { id } = await library.create(machine("web"));
  await library.delete(id);
  expect((await open(store)).told).toEqual([]);
});

test("an empty store where machines were names them, again and again until the user has taken note", async () => {
  const { library } = await open(new MemoryStore());
  await library.create(machine("web"));
  await library.create(machine("db"));
  const cleared = new MemoryStore();
  const first = await open(cleared);
  expect(first.told).toEqual([expect.stringMatching(/^Gone: (web, db|db, web)\. The browser has cleared/)]);
  await first.library.create(machine("new"));
  expect((await open(cleared)).told).toEqual(first.told);
  notices.get()[0].act!.run();
  expect((await open(cleared)).told).toEqual([]);
});

test("what the browser says of its database is told, and forgotten with the notice", async () => {
  const store = new MemoryStore();
  const value = { noticedAt: 1, message: "checksum mismatch" };
  await store.commit({ put: [{ collection: LOSSES, key: "1", value }] });
  expect((await open(store)).told).toEqual([expect.stringMatching(/deleted it \(checksum mismatch\)/)]);
  notices.get()[0].act!.run();
  await expect.poll(() => store.list(LOSSES)).toEqual([]);
  expect((await open(store)).told).toEqual([]);
});
