/** What a user does with storage, on machines that are off or suspended. Running ones: test/integration/snapshots.test.ts. */
import { beforeEach, describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import type { MachineState } from "../../emulator/machine.ts";
import { openDisk } from "../storage/disk.ts";
import { bytesSource } from "../storage/formats/image.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { loadState, saveState } from "../storage/saved-state.ts";
import type { Change } from "../storage/store.ts";
import { exportBundle } from "../storage/bundle.ts";
import type { MachineChoices } from "./definition.ts";
import { ImageLoader } from "./images.ts";
import { NoPeers } from "./library-peers.ts";
import { MachineLibrary } from "./library.ts";
import { StoreContents } from "./machine-contents.ts";
import { keepMedium, readMedium } from "./machine-media.ts";
import { MachineStorage } from "./machine-storage.ts";

const MIB = 2 ** 20;
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

class Laboratory {
  readonly resumed: string[] = [];
  readonly store: MemoryStore;
  readonly library: MachineLibrary;
  readonly storage: MachineStorage;

  static async open(store = new MemoryStore(), seed = 1): Promise<Laboratory> {
    const contents = new StoreContents(store, new ImageLoader({ type: "folder", path: "images" }));
    const random = new Random(seed);
    const world = { store, contents, random, peers: new NoPeers(), now: () => 1000 };
    return new Laboratory(store, await MachineLibrary.open(world), contents, random);
  }

  private constructor(store: MemoryStore, library: MachineLibrary, contents: StoreContents, random: Random) {
    this.store = store;
    this.library = library;
    const power = {
      running: () => undefined,
      powerOff: async () => undefined,
      resume: async (id: string) => void this.resumed.push(id),
    };
    let now = 1000;
    this.storage = new MachineStorage({ store, library, contents, power, random, now: () => now++ });
  }

  async machine(choices: MachineChoices = {}) {
    return this.library.create({
      name: "a",
      disks: [{ name: "data", sizeMiB: 1 }],
      nics: [{ network: "vmnet8" }],
      ...choices,
    });
  }

  async write(disk: string, value: number, offset = 0): Promise<void> {
    const open = await openDisk(this.store, disk);
    await open.write(offset, bytes(4096, value));
    await open.close();
  }

  async read(disk: string, offset = 0): Promise<number> {
    return (await (await openDisk(this.store, disk)).read(offset, 512))[0];
  }

  async suspend(id: string, state: MachineState): Promise<void> {
    await this.library.claim(id);
    await saveState(this.store, id, state);
    await this.library.release(id, "suspended");
  }

  async exported(machines?: string[]): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    await this.storage.bundles.export((part) => void parts.push(part.slice()), machines);
    return new Uint8Array(Buffer.concat(parts));
  }

  names(): string[] {
    return this.library.entries.map((entry) => (entry.type === "machine" ? entry.definition.name : "?"));
  }
}

const state = (value: number): MachineState => ({
  version: 1,
  engine: "v86",
  engineVersion: "1",
  hardware: { memoryMiB: 1, nics: [], diskBytes: [], hasCdrom: false, hasFloppy: false, bootOrder: [] },
  devices: bytes(100, value),
  pageNumbers: Uint32Array.of(7),
  pages: bytes(4096, value),
});

let lab: Laboratory;
beforeEach(async () => {
  lab = await Laboratory.open();
});

describe("snapshots", () => {
  test("form a tree that says where the present state comes from", async () => {
    const { id } = await lab.machine();
    const one = await lab.storage.snapshots.take(id, { name: "one", description: "first" });
    await lab.storage.snapshots.take(id, { name: "two" });
    await lab.storage.snapshots.revert(id, one.id);
    await lab.storage.snapshots.take(id, { name: "three" });
    const { roots, current } = await lab.storage.snapshots.tree(id);
    expect(roots).toMatchObject([
      { name: "one", description: "first", power: "off", children: [{ name: "two" }, { name: "three" }] },
    ]);
    expect(current).toBe(roots[0].children[1].id);
  });

  test("bring back disks and settings, and leave name and description as they are", async () => {
    const { id, disks } = await lab.machine({ memoryMiB: 32 });
    await lab.write(disks[0].id, 1);
    const { id: snapshot } = await lab.storage.snapshots.take(id, { name: "s" });
    await lab.write(disks[0].id, 2);
    await lab.library.update(id, { memoryMiB: 64, description: "new" });
    await lab.library.rename(id, "b");
    await lab.storage.snapshots.revert(id, snapshot);
    expect(await lab.read(disks[0].id)).toBe(1);
    expect(lab.library.find(id)).toMatchObject({ name: "b", description: "new", memoryMiB: 32 });
  });

  test("keep the present state first when asked to", async () => {
    const { id, disks } = await lab.machine();
    const { id: snapshot } = await lab.storage.snapshots.take(id, { name: "s" });
    await lab.write(disks[0].id, 2);
    await lab.storage.snapshots.revert(id, snapshot, { name: "before" });
    expect(await lab.read(disks[0].id)).toBe(0);
    const kept = (await lab.storage.snapshots.tree(id)).roots[0].children[0];
    await lab.storage.snapshots.revert(id, kept.id);
    expect(await lab.read(disks[0].id)).toBe(2);
  });

  test("leave a disk that is in another machine by now as it is, and bring back one of its own", async () => {
    const { disks, snapshots } = lab.storage;
    const a = await lab.machine();
    const b = await lab.machine({ name: "b", disks: [] });
    const [{ id: disk }] = a.disks;
    await lab.write(disk, 1);
    const { id: snapshot } = await snapshots.take(a.id, { name: "s" });
    await disks.detach(a.id, disk);
    await disks.attach(b.id, disk);
    await lab.write(disk, 2);
    await snapshots.revert(a.id, snapshot);
    const [own] = lab.library.find(a.id)!.disks;
    expect(own.id).not.toBe(disk);
    expect([await lab.read(own.id), await lab.read(disk)]).toEqual([1, 2]);
    expect(lab.library.find(b.id)?.disks.map(({ id }) => id)).toEqual([disk]);
  });

  test("leave a disk that is in no machine by now as it is", async () => {
    const { disks, snapshots } = lab.storage;
    const { id, disks: own } = await lab.machine();
    const { id: snapshot } = await snapshots.take(id, { name: "s" });
    await lab.write(own[0].id, 2);
    await disks.detach(id, own[0].id);
    await snapshots.revert(id, snapshot, { name: "before" });
    expect(await lab.read(own[0].id)).toBe(2);
    expect(await lab.read(lab.library.find(id)!.disks[0].id)).toBe(0);
  });

  test("of a suspended machine leave it suspended in the state that it had", async () => {
    const { id } = await lab.machine();
    await lab.suspend(id, state(3));
    const { id: snapshot } = await lab.storage.snapshots.take(id, { name: "s" });
    await lab.library.discard(id);
    await lab.storage.snapshots.revert(id, snapshot);
    expect(lab.library.power(id).state).toBe("suspended");
    expect(await loadState(lab.store, id)).toEqual(state(3));
    expect(lab.resumed).toEqual([]);
  });

  test("of a machine that was off end a suspended one", async () => {
    const { id } = await lab.machine();
    const { id: snapshot } = await lab.storage.snapshots.take(id, { name: "s" });
    await lab.suspend(id, state(3));
    await lab.storage.snapshots.revert(id, snapshot);
    expect(lab.library.power(id).state).toBe("off");
    await expect(loadState(lab.store, id)).rejects.toMatchObject({ name: "NotFoundError" });
  });

  test("compare by blocks and pages", async () => {
    const { id, disks } = await lab.machine();
    const one = await lab.storage.snapshots.take(id, { name: "one" });
    await lab.write(disks[0].id, 2, 8192);
    const two = await lab.storage.snapshots.take(id, { name: "two" });
    const { disks: different } = await lab.storage.snapshots.compare(id, one.id, two.id);
    expect(different).toEqual([{ disk: disks[0].id, blocks: [2] }]);
  });

  test("leave everything as it was when there is no room", async () => {
    const { id, disks } = await lab.machine();
    await lab.write(disks[0].id, 1);
    const commit = lab.store.commit.bind(lab.store);
    lab.store.commit = (change: Change) =>
      change.put?.some(({ collection }) => collection === "snapshots")
        ? Promise.reject(Object.assign(new Error("full"), { name: "StorageFullError" }))
        : commit(change);
    const taking = lab.storage.snapshots.take(id, { name: "s" });
    await expect(taking).rejects.toMatchObject({ name: "StorageFullError" });
    lab.store.commit = commit;
    expect((await lab.storage.snapshots.tree(id)).roots).toEqual([]);
    await lab.write(disks[0].id, 2);
    expect(await lab.read(disks[0].id)).toBe(2);
    expect(lab.library.tasks.entries.at(-1)).toMatchObject({ task: "snapshot", outcome: "failed" });
  });
});

describe("clones", () => {
  test("have their own id, address and disks, and are off", async () => {
    const a = await lab.machine();
    await lab.write(a.disks[0].id, 1);
    await lab.suspend(a.id, state(1));
    const { id: snapshot } = await lab.storage.snapshots.take(a.id, { name: "s" });
    const b = await lab.storage.clones.clone(a.id, { name: "b", kind: "linked", snapshot });
    expect(b.nics[0].mac).not.toBe(a.nics[0].mac);
    expect(lab.library.power(b.id).state).toBe("off");
    await lab.write(b.disks[0].id, 2);
    expect([await lab.read(a.disks[0].id), await lab.read(b.disks[0].id)]).toEqual([1, 2]);
  });

  test("that are full outlive the original", async () => {
    const a = await lab.machine();
    await lab.write(a.disks[0].id, 1);
    const b = await lab.storage.clones.clone(a.id, { name: "b", kind: "full" });
    await lab.library.delete(a.id);
    expect(await lab.read(b.disks[0].id)).toBe(1);
  });

  test("that are linked keep the original and its snapshot from being deleted, by their names", async () => {
    const a = await lab.machine();
    const b = await lab.storage.clones.clone(a.id, { name: "web 1", kind: "linked" });
    const [root] = (await lab.storage.snapshots.tree(a.id)).roots;
    expect(root.clones).toEqual([{ id: b.id, name: "web 1" }]);
    await expect(lab.library.delete(a.id)).rejects.toMatchObject({
      reason: { key: "has-clones", clones: "web 1" },
    });
    const deletion = lab.storage.snapshots.delete(a.id, root.id);
    await expect(deletion).rejects.toMatchObject({ name: "RefusedError", found: "web 1" });
    await lab.library.delete(b.id);
    await lab.storage.snapshots.delete(a.id, root.id);
  });

  test("of a taken name are refused and leave nothing", async () => {
    const a = await lab.machine();
    const { id: snapshot } = await lab.storage.snapshots.take(a.id, { name: "s" });
    const before = (await lab.store.list("layers")).length;
    const cloning = lab.storage.clones.clone(a.id, { name: "A", kind: "linked", snapshot });
    await expect(cloning).rejects.toMatchObject({ name: "BadDefinitionError" });
    expect((await lab.store.list("layers")).length).toBe(before);
  });
});

describe("a template", () => {
  test("needs a snapshot, is not started, and stays one while clones stand on it", async () => {
    const { clones, snapshots } = lab.storage;
    const { id } = await lab.machine();
    await expect(clones.setTemplate(id, true)).rejects.toMatchObject({ name: "RefusedError" });
    const { id: snapshot } = await snapshots.take(id, { name: "s" });
    await clones.setTemplate(id, true);
    await expect(lab.library.claim(id)).rejects.toMatchObject({ reason: { key: "template" } });
    await expect(snapshots.take(id, { name: "t" })).rejects.toMatchObject({ reason: { key: "template" } });
    const present = clones.clone(id, { name: "b", kind: "linked" });
    await expect(present).rejects.toMatchObject({ name: "RefusedError" });
    const b = await clones.clone(id, { name: "b", kind: "linked", snapshot });
    await expect(clones.setTemplate(id, false)).rejects.toMatchObject({ found: "b" });
    await lab.library.delete(b.id);
    await clones.setTemplate(id, false);
    await lab.library.claim(id);
  });
});

describe("disks", () => {
  test("are made, put into a machine, taken out with their contents, and deleted", async () => {
    const { disks } = lab.storage;
    const { id } = await lab.machine();
    const disk = await disks.create({ name: "extra", sizeMiB: 2 });
    await lab.write(disk.id, 5);
    await disks.attach(id, disk.id);
    expect(lab.library.find(id)?.disks[1]).toMatchObject({ name: "extra", sizeMiB: 2 });
    await expect(disks.delete(disk.id)).rejects.toMatchObject({ name: "RefusedError", found: "a" });
    await disks.detach(id, disk.id);
    expect(await lab.read(disk.id)).toBe(5);
    await disks.delete(disk.id);
    expect((await disks.list()).map(({ name }) => name)).toEqual(["data"]);
  });

  test.each([`${"x".repeat(200)}.img`, ".img", " data .img"])(
    "of an image file named %j are put into a machine",
    async (file) => {
      const { disks } = lab.storage;
      const { id } = await lab.machine();
      const disk = await disks.import(file, () => bytesSource(bytes(4096, 1)));
      await disks.attach(id, disk.id);
      expect(lab.library.find(id)?.disks[1].id).toBe(disk.id);
    },
  );

  test("grow and never shrink", async () => {
    const { disks } = lab.storage;
    const machine = await lab.machine();
    const [{ id }] = machine.disks;
    await lab.write(id, 5);
    await disks.resize(id, 3);
    expect(lab.library.find(machine.id)?.disks[0].sizeMiB).toBe(3);
    await lab.write(id, 6, 2 * MIB);
    expect([await lab.read(id), await lab.read(id, 2 * MIB)]).toEqual([5, 6]);
    await expect(disks.resize(id, 2)).rejects.toMatchObject({ name: "RefusedError" });
  });

  test("say which layer each block is read from, and which snapshot froze it", async () => {
    const { id, disks } = await lab.machine();
    await lab.write(disks[0].id, 1);
    await lab.write(disks[0].id, 1, 4096);
    const snapshot = await lab.storage.snapshots.take(id, { name: "s" });
    await lab.write(disks[0].id, 2, 4096);
    const chain = await lab.storage.disks.chain(disks[0].id);
    expect(chain.layers).toMatchObject([
      { file: "data.vmdk", blocks: 2, isLive: false, snapshots: [{ id: snapshot.id, name: "s" }] },
      { file: "data-000001.vmdk", blocks: 1, isLive: true, snapshots: [] },
    ]);
    expect([0, 1, 2].map((block) => chain.layerOf(block))).toEqual([0, 1, -1]);
    expect(chain.layersWith(1)).toEqual([1, 0]);
    expect(chain.layers[1].descriptor).toContain('parentFileNameHint="data.vmdk"');
  });

  test("are broken on purpose and repaired", async () => {
    const { id, disks } = await lab.machine();
    await lab.storage.snapshots.take(id, { name: "s" });
    const { layers } = await lab.storage.disks.chain(disks[0].id);
    await lab.storage.disks.breakChain(disks[0].id, layers[0].id);
    const { problem } = await lab.storage.disks.chain(disks[0].id);
    expect(problem).toMatchObject({ name: "ParentModifiedError" });
    await lab.storage.disks.repairChain(disks[0].id);
    expect((await lab.storage.disks.chain(disks[0].id)).problem).toBeUndefined();
  });

  test("are shown with a parent that was moved away, and repaired", async () => {
    const { id, disks } = await lab.machine();
    await lab.storage.snapshots.take(id, { name: "s" });
    const [{ id: layer }] = (await lab.storage.disks.chain(disks[0].id)).layers;
    await lab.storage.disks.breakChain(disks[0].id, layer, "move");
    const { problem, layers } = await lab.storage.disks.chain(disks[0].id);
    expect(problem).toMatchObject({ name: "NotFoundError" });
    expect(layers.map(({ isMoved }) => isMoved)).toEqual([true, false]);
    await lab.storage.disks.repairChain(disks[0].id);
    expect((await lab.storage.disks.chain(disks[0].id)).problem).toBeUndefined();
  });

  test("go out as image files and come in again", async () => {
    const { id } = await lab.storage.disks.create({ name: "a/b", sizeMiB: 1 });
    await lab.write(id, 7);
    const [file] = await lab.storage.disks.export(id, "qcow2");
    expect(file.name).toBe("a_b.qcow2");
    const parts: Uint8Array[] = [];
    await file.write((part) => void parts.push(part.slice()));
    const source = bytesSource(new Uint8Array(Buffer.concat(parts)));
    const again = await lab.storage.disks.import(file.name, () => source);
    expect(await lab.read(again.id)).toBe(7);
  });
});

describe("a bundle", () => {
  async function tree(role?: "system") {
    const a = await lab.machine({ disks: [{ name: "disk", role, sizeMiB: 64 }] });
    await lab.write(a.disks[0].id, 1, 32 * MIB);
    await lab.suspend(a.id, state(3));
    const { id: snapshot } = await lab.storage.snapshots.take(a.id, { name: "s" });
    const b = await lab.storage.clones.clone(a.id, { name: "b", kind: "linked", snapshot });
    await lab.write(b.disks[0].id, 2, 33 * MIB);
    return { a, b, snapshot };
  }

  test("brings a machine with its tree, disks and saved state to another store", async () => {
    const { a, snapshot } = await tree();
    const other = await Laboratory.open(new MemoryStore(), 2);
    await other.storage.bundles.import(bytesSource(await lab.exported([a.id])));
    expect(other.library.find(a.id)).toEqual(lab.library.find(a.id));
    expect(other.library.power(a.id).state).toBe("suspended");
    expect(await loadState(other.store, a.id)).toEqual(state(3));
    expect(await other.read(a.disks[0].id, 32 * MIB)).toBe(1);
    await other.storage.snapshots.revert(a.id, snapshot);
    expect((await other.storage.snapshots.tree(a.id)).current).toBe(snapshot);
  });

  test("has the CD that only a snapshot of its machine has in its drive", async () => {
    const medium = { type: "stored" as const, id: "11111111-2222-4333-8444-555555555555", name: "own.iso" };
    await keepMedium(lab.store, medium.id, bytesSource(bytes(5000, 7)));
    const { id } = await lab.machine({ cdrom: { medium: { ...medium, byteLength: 5000 } } });
    await lab.storage.snapshots.take(id, { name: "s" });
    await lab.library.update(id, { cdrom: null });
    const other = await Laboratory.open();
    await other.storage.bundles.import(bytesSource(await lab.exported([id])));
    expect(await readMedium(other.store, medium.id)).toEqual(bytes(5000, 7));
  });

  test("of everything keeps the linked clones linked", async () => {
    const { a, b } = await tree("system");
    const other = await Laboratory.open(new MemoryStore(), 2);
    await other.machine({ name: "z", disks: [{ name: "system", role: "system", sizeMiB: 64 }] });
    await other.storage.bundles.import(bytesSource(await lab.exported()));
    expect(other.names()).toEqual(["a", "b", "z"]);
    expect(other.library.clonesOf(a.id).map(({ name }) => name)).toEqual(["b"]);
    expect(await other.read(b.disks[0].id, 32 * MIB)).toBe(1);
    expect(await other.read(b.disks[0].id, 33 * MIB)).toBe(2);
  });

  test("of what is here already comes in as copies", async () => {
    const { a } = await tree();
    const file = await lab.exported();
    const blocks = (await lab.store.usage()).blocks;
    const copies = await lab.storage.bundles.import(bytesSource(file));
    expect(lab.names()).toEqual(["a", "a (2)", "b", "b (2)"]);
    expect((await lab.store.usage()).blocks).toBe(blocks);
    const copy = copies.find(({ name }) => name === "a (2)")!;
    expect(copy.nics[0].mac).not.toBe(a.nics[0].mac);
    expect(lab.library.clonesOf(copy.id).map(({ name }) => name)).toEqual(["b (2)"]);
    const [root] = (await lab.storage.snapshots.tree(copy.id)).roots;
    await lab.storage.snapshots.revert(copy.id, root.id);
    expect(await lab.read(copy.disks[0].id, 32 * MIB)).toBe(1);
  });

  test("of a running machine is refused", async () => {
    const { id } = await lab.machine();
    await lab.library.claim(id);
    await expect(lab.exported()).rejects.toMatchObject({ reason: { key: "running" } });
  });

  const forged: [string, string, (value: Record<string, unknown>) => void][] = [
    ["a layer below itself", "layers", (value) => (value.parent = value.id)],
    ["a layer of a size beyond all disks", "layers", (value) => (value.sizeBytes = 2 ** 50)],
    ["a disk on a layer that is not there", "disks", (value) => (value.layer = "f".repeat(32))],
    ["a disk whose id is a path", "disks", (value) => (value.id = "../../etc/passwd")],
    ["a map whose places do not ascend", "layer-maps", (value) => (value.places = bytes(2, 9))],
    [
      "a state of pages beyond its memory",
      "states",
      (value) => (value.pageNumbers = Uint32Array.of(1 << 20)),
    ],
    ["a state of negative length", "states", (value) => (value.deviceBytes = -1)],
    ["a snapshot below itself", "snapshots", (value) => (value.parent = value.id)],
    ["a snapshot of another machine", "snapshots", (value) => (value.definition = {})],
    ["a machine with an unknown field", "machines", (value) => (value.extra = "x")],
    ["a tree that is nowhere", "snapshot-trees", (value) => (value.current = "0".repeat(32))],
  ];
  test.each(forged)("with %s is refused and leaves nothing", async (_, collection, forge) => {
    const { a } = await tree();
    const keys: { collection: string; key: string }[] = [];
    for (const name of ["machines", "disks", "layers", "layer-maps", "states", "snapshots", "snapshot-trees"])
      for (const { key } of await lab.store.list(name)) keys.push({ collection: name, key });
    const store = new Proxy(lab.store, {
      get(target, name) {
        if (name !== "get") return Reflect.get(target, name, target);
        return async (of: string, key: string) => {
          const value = (await target.get(of, key)) as Record<string, unknown>;
          if (of === collection && (of !== "machines" || key === a.id)) forge(value);
          return value;
        };
      },
    });
    const parts: Uint8Array[] = [];
    await exportBundle(store, keys, (part) => void parts.push(part.slice()));
    const other = await Laboratory.open(new MemoryStore(), 2);
    const importing = other.storage.bundles.import(bytesSource(new Uint8Array(Buffer.concat(parts))));
    await expect(importing).rejects.toMatchObject({ name: "FormatError" });
    expect(other.names()).toEqual([]);
    expect((await other.store.usage()).blocks).toBe(0);
    expect(await other.store.list("layers")).toEqual([]);
  });
});
