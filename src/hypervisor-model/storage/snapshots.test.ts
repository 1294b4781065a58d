import { describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { findBreak, modifyParent, moveParent, repairChain } from "./chain-repair.ts";
import {
  deletionOfMachine,
  fullCloneChange,
  linkedCloneChange,
  refuseIfCloned,
  templateChange,
} from "./clones.ts";
import { compareSnapshots } from "./compare-snapshots.ts";
import { createDisk, deleteDisk, type DiskDocument } from "./disk-document.ts";
import { openDisk, type Disk } from "./disk.ts";
import { consolidateLayers } from "./layer-references.ts";
import { newId } from "./layer.ts";
import { MemoryStore } from "./memory-store.ts";
import type { MachineState } from "../../emulator/machine.ts";
import { loadState } from "./saved-state.ts";
import { deleteSnapshot, listSnapshots, readTree, revertToSnapshot, takeSnapshot } from "./snapshots.ts";
import type { Change, Store } from "./store.ts";

const MIB = 1 << 20;
let clock = 0;
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

async function write(store: Store, id: string, offset: number, data: Uint8Array): Promise<void> {
  const disk = await openDisk(store, id);
  await disk.write(offset, data);
  await disk.close();
}

async function read(store: Store, id: string, offset: number, length: number): Promise<Uint8Array> {
  return (await openDisk(store, id)).read(offset, length);
}

function take(store: Store, machine: string, disks: (Disk | string)[], state?: MachineState) {
  return takeSnapshot(store, { machine, name: "s", definition: { machine }, disks, state, now: ++clock });
}

async function machineWithDisk(store: Store = new MemoryStore()) {
  const { id: disk } = await createDisk(store, { sizeMiB: 2 });
  await write(store, disk, 0, bytes(4096, 1));
  return { store, disk };
}

async function makeLinkedClone(store: Store, source: { machine: string; snapshot: string }, clone: string) {
  const { disks, change } = await linkedCloneChange(store, source, clone, [newId(), newId()]);
  await store.commit(change);
  return disks;
}

async function makeFullClone(store: Store, originals: DiskDocument[]) {
  const { disks, change } = await fullCloneChange(store, originals, [newId(), newId()]);
  await store.commit(change);
  return disks;
}

async function deleteMachineStorage(store: Store, machine: string, disks: string[]) {
  await refuseIfCloned(store, machine);
  await store.commit(await deletionOfMachine(store, machine, disks));
  await consolidateLayers(store);
  await store.collectGarbage();
}

const layersOf = async (store: Store, disk: string) => (await openDisk(store, disk)).chain.length;

describe("snapshots", () => {
  test("reverting gives the bytes of the snapshot", async () => {
    const { store, disk } = await machineWithDisk();
    const { id } = await take(store, "m", [disk]);
    await write(store, disk, 0, bytes(4096, 2));
    const reverted = await revertToSnapshot(store, "m", id);
    expect(reverted.definition).toEqual({ machine: "m" });
    expect(await read(store, disk, 0, 4096)).toEqual(bytes(4096, 1));
    expect((await readTree(store, "m")).current).toBe(id);
  });

  test("snapshots form a tree under the one that the present state came from", async () => {
    const { store, disk } = await machineWithDisk();
    const one = await take(store, "m", [disk]);
    const two = await take(store, "m", [disk]);
    await revertToSnapshot(store, "m", one.id);
    const three = await take(store, "m", [disk]);
    expect((await listSnapshots(store, "m")).map(({ id, parent }) => [id, parent])).toEqual([
      [one.id, null],
      [two.id, one.id],
      [three.id, one.id],
    ]);
  });

  test("a snapshot of two open disks is one commit, and the machine writes on above it", async () => {
    const store = new (class extends MemoryStore {
      commits = 0;
      override commit(change: Change) {
        this.commits++;
        return super.commit(change);
      }
    })();
    const disks = await Promise.all([1, 2].map(() => createDisk(store, { sizeMiB: 1 })));
    const open = await Promise.all(disks.map(({ id }) => openDisk(store, id)));
    const before = store.commits;
    const { id } = await take(store, "m", open);
    expect(store.commits - before).toBe(1);
    for (const disk of open) void disk.write(0, bytes(512, 9));
    await Promise.all(open.map((disk) => disk.close()));
    expect(await read(store, disks[1].id, 0, 512)).toEqual(bytes(512, 9));
    await revertToSnapshot(store, "m", id);
    expect(await read(store, disks[1].id, 0, 512)).toEqual(bytes(512, 0));
  });

  test("a live snapshot has the state in the same commit, and deleting it deletes the state", async () => {
    const { store, disk } = await machineWithDisk();
    const state: MachineState = {
      version: 1,
      engine: "v86",
      engineVersion: "1",
      hardware: { memoryMiB: 1, nics: [], diskBytes: [], hasCdrom: false, hasFloppy: false, bootOrder: [] },
      devices: bytes(100, 3),
      pageNumbers: Uint32Array.of(7),
      pages: bytes(4096, 4),
    };
    const one = await take(store, "m", [disk], state);
    expect(await loadState(store, one.state!)).toEqual(state);
    const changed = { ...state, pages: bytes(4096, 5) };
    const two = await take(store, "m", [disk], changed);
    expect(await compareSnapshots(store, one, two)).toEqual({ disks: [{ disk, blocks: [] }], pages: [7] });
    await deleteSnapshot(store, "m", one.id);
    await expect(loadState(store, one.state!)).rejects.toMatchObject({ name: "NotFoundError" });
  });

  test("deleting a snapshot merges its layer and keeps everything else's bytes", async () => {
    const { store, disk } = await machineWithDisk();
    const one = await take(store, "m", [disk]);
    await write(store, disk, 4096, bytes(4096, 2));
    const two = await take(store, "m", [disk]);
    await write(store, disk, 8192, bytes(4096, 3));
    expect(await layersOf(store, disk)).toBe(3);
    await deleteSnapshot(store, "m", one.id);
    expect(await layersOf(store, disk)).toBe(2);
    expect((await listSnapshots(store, "m"))[0].parent).toBeNull();
    expect(await read(store, disk, 0, 12288)).toEqual(bytes(12288, 1).fill(2, 4096, 8192).fill(3, 8192));
    await revertToSnapshot(store, "m", two.id);
    expect(await read(store, disk, 0, 12288)).toEqual(bytes(12288, 1).fill(2, 4096, 8192).fill(0, 8192));
  });

  test("deleting with children leaves the present state alone on one layer", async () => {
    const { store, disk } = await machineWithDisk();
    const one = await take(store, "m", [disk]);
    await take(store, "m", [disk]);
    await write(store, disk, 0, bytes(512, 6));
    await deleteSnapshot(store, "m", one.id, { withChildren: true });
    expect(await listSnapshots(store, "m")).toEqual([]);
    expect((await readTree(store, "m")).current).toBeNull();
    expect(await layersOf(store, disk)).toBe(1);
    expect(await read(store, disk, 0, 512)).toEqual(bytes(512, 6));
  });

  test("deleting while the disk is open leaves its live layer, and the next consolidation merges", async () => {
    const { store, disk } = await machineWithDisk();
    const open = await openDisk(store, disk);
    const { id } = await take(store, "m", [open]);
    void open.write(4096, bytes(4096, 2));
    await deleteSnapshot(store, "m", id, { idle: new Map() });
    void open.write(8192, bytes(4096, 3));
    await open.close();
    expect(await layersOf(store, disk)).toBe(2);
    await consolidateLayers(store);
    expect(await layersOf(store, disk)).toBe(1);
    expect(await read(store, disk, 0, 12288)).toEqual(bytes(12288, 1).fill(2, 4096, 8192).fill(3, 8192));
  });

  test("comparing names the blocks that differ", async () => {
    const { store, disk } = await machineWithDisk();
    const one = await take(store, "m", [disk]);
    await write(store, disk, 5 * 4096, bytes(8192, 2));
    const two = await take(store, "m", [disk]);
    expect((await compareSnapshots(store, one, two)).disks).toEqual([{ disk, blocks: [5, 6] }]);
  });

  test("deleting a disk keeps the layers that a snapshot stands on", async () => {
    const { store, disk } = await machineWithDisk();
    const { id } = await take(store, "m", [disk]);
    await deleteDisk(store, disk);
    await revertToSnapshot(store, "m", id);
    expect(await read(store, disk, 0, 4096)).toEqual(bytes(4096, 1));
  });
});

describe("clones and templates", () => {
  test("a linked clone starts with the snapshot's bytes and goes its own way", async () => {
    const { store, disk } = await machineWithDisk();
    const { id } = await take(store, "m", [disk]);
    const [clone] = await makeLinkedClone(store, { machine: "m", snapshot: id }, "c");
    await write(store, clone.id, 4096, bytes(4096, 2));
    await write(store, disk, 4096, bytes(4096, 3));
    expect(await read(store, clone.id, 0, 8192)).toEqual(bytes(8192, 1).fill(2, 4096));
  });

  test("a snapshot that linked clones stand on is not deleted, and the clones are named", async () => {
    const { store, disk } = await machineWithDisk();
    const { id } = await take(store, "m", [disk]);
    const [clone] = await makeLinkedClone(store, { machine: "m", snapshot: id }, "clone-1");
    await expect(deleteSnapshot(store, "m", id)).rejects.toMatchObject({
      name: "RefusedError",
      found: "clone-1",
    });
    await expect(deleteMachineStorage(store, "m", [disk])).rejects.toMatchObject({ found: "clone-1" });
    await deleteMachineStorage(store, "clone-1", [clone.id]);
    await deleteSnapshot(store, "m", id);
  });

  test("a full clone outlives its source and takes no room for blocks", async () => {
    const { store, disk } = await machineWithDisk();
    const snapshot = await take(store, "m", [disk]);
    const before = (await store.usage()).blocks;
    const [clone] = await makeFullClone(store, snapshot.disks);
    expect((await store.usage()).blocks).toBe(before);
    await deleteMachineStorage(store, "m", [disk]);
    expect(await layersOf(store, clone.id)).toBe(1);
    expect(await read(store, clone.id, 0, 4096)).toEqual(bytes(4096, 1));
  });

  test("a template needs a snapshot and takes no other", async () => {
    const { store, disk } = await machineWithDisk();
    await expect(templateChange(store, "m", true)).rejects.toMatchObject({ name: "RefusedError" });
    await take(store, "m", [disk]);
    await store.commit(await templateChange(store, "m", true));
    await expect(take(store, "m", [disk])).rejects.toMatchObject({ name: "RefusedError" });
  });
});

describe("a broken chain", () => {
  test("a parent modified under its child is told with both CIDs, and repaired", async () => {
    const { store, disk } = await machineWithDisk();
    const { disks } = await take(store, "m", [disk]);
    expect(await findBreak(store, disk)).toBeUndefined();
    await modifyParent(store, disks[0].layer);
    expect((await findBreak(store, disk))!.message).toContain(
      "the parent virtual disk was modified after its child was created",
    );
    await expect(openDisk(store, disk)).rejects.toMatchObject({ name: "ParentModifiedError" });
    expect(await repairChain(store, disk)).toBe(1);
    expect(await read(store, disk, 0, 4096)).toEqual(bytes(4096, 1));
  });

  test("a parent that was moved away is not found, survives tidying up, and is put back", async () => {
    const { store, disk } = await machineWithDisk();
    const { id, disks } = await take(store, "m", [disk]);
    await moveParent(store, disks[0].layer);
    await expect(openDisk(store, disk)).rejects.toMatchObject({ name: "NotFoundError" });
    await deleteSnapshot(store, "m", id);
    expect(await findBreak(store, disk)).toMatchObject({ name: "NotFoundError" });
    expect(await repairChain(store, disk)).toBe(1);
    expect(await findBreak(store, disk)).toBeUndefined();
    expect(await read(store, disk, 0, 4096)).toEqual(bytes(4096, 1));
  });
});

describe("any sequence of operations", () => {
  const BLOCKS = 64;
  const SEED = 20261125;

  /** What a machine must read as: whole copies, no sharing. */
  interface Naive {
    disk: string;
    present: Uint8Array;
    snapshots: Map<string, Uint8Array>;
    /** Snapshots of it that linked clones stand on. */
    cloned: Map<string, string>;
    current: string | null;
    parents: Map<string, string | null>;
  }

  test.each(Array.from({ length: 12 }, (_, run) => SEED + run))(
    "gives the bytes of a naive model (seed %d)",
    async (seed) => {
      const random = new Random(seed);
      const store = new MemoryStore();
      const machines = new Map<string, Naive>();
      const pick = <T>(items: Iterable<T>): T | undefined => {
        const all = [...items];
        return all[random.below(all.length)];
      };
      const add = (disk: string, present: Uint8Array, name: string) =>
        machines.set(name, {
          disk,
          present,
          snapshots: new Map(),
          cloned: new Map(),
          current: null,
          parents: new Map(),
        });
      add((await createDisk(store, { sizeMiB: 1 })).id, new Uint8Array(MIB), "m0");
      let made = 1;
      for (let step = 0; step < 120; step++) {
        const [name, machine] = pick(machines)!;
        const snapshot = pick(machine.snapshots.keys());
        switch (random.below(9)) {
          case 0:
          case 1:
          case 2: {
            const disk = await openDisk(store, machine.disk);
            for (let n = 0; n < 4; n++) {
              const data = bytes(512 * (1 + random.below(20)), random.below(4));
              const at = 512 * random.below((BLOCKS * 4096 - data.length) / 512);
              void disk.write(at, data);
              machine.present.set(data, at);
            }
            await disk.close();
            break;
          }
          case 3: {
            const open = random.below(2) === 0 ? await openDisk(store, machine.disk) : machine.disk;
            const { id } = await take(store, name, [open]);
            if (typeof open !== "string") await open.close();
            machine.snapshots.set(id, machine.present.slice());
            machine.parents.set(id, machine.current);
            machine.current = id;
            break;
          }
          case 4:
            if (snapshot === undefined) break;
            await revertToSnapshot(store, name, snapshot);
            machine.present = machine.snapshots.get(snapshot)!.slice();
            machine.current = snapshot;
            break;
          case 5: {
            if (snapshot === undefined) break;
            const isCloned = [...machine.cloned.values()].includes(snapshot);
            const deletion = deleteSnapshot(store, name, snapshot);
            if (isCloned) await expect(deletion).rejects.toMatchObject({ name: "RefusedError" });
            else {
              await deletion;
              const parent = machine.parents.get(snapshot)!;
              for (const [child, above] of machine.parents)
                if (above === snapshot) machine.parents.set(child, parent);
              if (machine.current === snapshot) machine.current = parent;
              machine.snapshots.delete(snapshot);
              machine.parents.delete(snapshot);
            }
            break;
          }
          case 6: {
            if (snapshot === undefined || machines.size > 5) break;
            const clone = `m${made++}`;
            const [disk] = await makeLinkedClone(store, { machine: name, snapshot }, clone);
            machine.cloned.set(clone, snapshot);
            add(disk.id, machine.snapshots.get(snapshot)!.slice(), clone);
            break;
          }
          case 7: {
            if (snapshot === undefined || machines.size > 5) break;
            const { disks } = (await listSnapshots(store, name)).find(({ id }) => id === snapshot)!;
            const [disk] = await makeFullClone(store, disks);
            add(disk.id, machine.snapshots.get(snapshot)!.slice(), `m${made++}`);
            break;
          }
          default:
            if (machines.size === 1 || machine.cloned.size > 0) break;
            await deleteMachineStorage(store, name, [machine.disk]);
            machines.delete(name);
            for (const other of machines.values()) other.cloned.delete(name);
        }
        for (const [name, { disk, present, current, parents }] of machines) {
          const found = await read(store, disk, 0, MIB);
          if (Buffer.compare(found, present) !== 0)
            throw new Error(`seed ${seed}, step ${step}: ${name} differs`);
          expect((await readTree(store, name)).current).toBe(current);
          const tree = (await listSnapshots(store, name)).map(({ id, parent }) => [id, parent]);
          expect(new Map(tree as [string, string | null][])).toEqual(parents);
        }
      }
      for (const [name, machine] of machines) {
        for (const [id, expected] of machine.snapshots) {
          await revertToSnapshot(store, name, id);
          expect(Buffer.compare(await read(store, machine.disk, 0, MIB), expected)).toBe(0);
        }
      }
      for (let left = [...machines]; left.length > 0; left = [...machines]) {
        const [name, { disk }] = left.find(([, { cloned }]) => cloned.size === 0)!;
        await deleteMachineStorage(store, name, [disk]);
        machines.delete(name);
        for (const other of machines.values()) other.cloned.delete(name);
      }
      expect((await store.usage()).blocks).toBe(0);
      expect(await store.list("layers")).toEqual([]);
    },
  );
});
