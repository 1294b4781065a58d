/** Live snapshots of machines in their threads, on either engine; no guest system. */
import { afterEach, expect, test } from "vitest";
import type { EngineName } from "../../src/emulator/machine.ts";
import { Code, romWith } from "../../src/emulator/contract/rom.ts";
import { createDisk } from "../../src/hypervisor-model/storage/disk-document.ts";
import { openDisk } from "../../src/hypervisor-model/storage/disk.ts";
import { StorageFullError } from "../../src/hypervisor-model/storage/errors.ts";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import { sealed, STATES, type StateDocument } from "../../src/hypervisor-model/storage/saved-state.ts";
import { listSnapshots, readTree } from "../../src/hypervisor-model/storage/snapshots.ts";
import { stoppable } from "../../src/hypervisor-model/storage/stoppable.ts";
import type { Change } from "../../src/hypervisor-model/storage/store.ts";
import {
  startMachine,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { consoleShows, machineSpec, romHost, sleep } from "../support/machines.ts";

const COUNTER = 0x500;
const DISK = "11111111-2222-4333-8444-555555555555";
const ENGINES: EngineName[] = ["v86", "core"];

const machines: RunningMachine[] = [];
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.powerOff().catch(() => undefined);
});

/** Says `ready`, then counts at 0:500h for ever. */
async function counting(engine: EngineName, store: MemoryStore): Promise<RunningMachine> {
  const code = new Code().print("ready\n");
  const loop = code.here;
  code.increment32(COUNTER).jump(loop);
  await createDisk(store, { id: DISK, sizeMiB: 1 });
  const spec = machineSpec({ engine, disks: [{ type: "disk", disk: DISK }] });
  const machine = startMachine(spec, romHost(romWith(code), store));
  machines.push(machine);
  await consoleShows(machine, "ready\n");
  return machine;
}

async function counter(machine: RunningMachine): Promise<number> {
  const bytes = await machine.readMemory(COUNTER, 4);
  return new DataView(bytes.buffer).getUint32(0, true);
}

const snapshot = ({ id }: RunningMachine, memory = true) => ({
  machine: id,
  name: "s",
  definition: {},
  memory,
  now: 1,
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

test.each(ENGINES)(
  "on %s a machine goes on during a snapshot, and from its counter after a revert",
  async (engine) => {
    const store = new MemoryStore();
    const machine = await counting(engine, store);
    const states: string[] = [];
    machine.onStatus(({ type }) => states.push(type));
    const progress: number[] = [];
    const before = await counter(machine);
    const { snapshot: taken } = await machine.takeSnapshot(snapshot(machine), (done) => progress.push(done));
    expect(taken.power).toBe("running");
    const after = await counter(machine);
    await until(async () => (await counter(machine)) > after + 1000);
    const late = await counter(machine);
    await machine.pause();
    await machine.revert(taken.id);
    const reverted = await counter(machine);
    expect(reverted).toBeGreaterThanOrEqual(before);
    expect(reverted).toBeLessThanOrEqual(late);
    await machine.run();
    await until(async () => (await counter(machine)) > reverted);
    expect((await readTree(store, machine.id)).current).toBe(taken.id);
    expect(states.filter((state) => state === "paused")).toHaveLength(1);
    expect(progress.at(-1)).toBe(1);
  },
);

test.each(ENGINES)(
  "on %s a snapshot that cannot be stored leaves the machine running and nothing behind",
  async (engine) => {
    const store = new (class extends MemoryStore {
      override commit(change: Change): Promise<void> {
        const isSnapshot = change.put?.some(({ collection }) => collection === "snapshots");
        return isSnapshot ? Promise.reject(new StorageFullError("full")) : super.commit(change);
      }
    })();
    const machine = await counting(engine, store);
    await expect(machine.takeSnapshot(snapshot(machine))).rejects.toMatchObject({ name: "StorageFullError" });
    const now = await counter(machine);
    await until(async () => (await counter(machine)) > now);
    expect(await listSnapshots(store, machine.id)).toEqual([]);
    expect(await store.list(STATES)).toEqual([]);
  },
);

test.each(ENGINES)(
  "on %s a state of another version of the engine is refused by name, and the machine goes on",
  async (engine) => {
    const store = new MemoryStore();
    const machine = await counting(engine, store);
    const { snapshot: taken } = await machine.takeSnapshot(snapshot(machine));
    const state = (await store.get(STATES, taken.id)) as StateDocument;
    const value = sealed({ ...state, engineVersion: "0.0" });
    await store.commit({ put: [{ collection: STATES, key: taken.id, value }] });
    const { layer } = (await store.get("disks", DISK)) as { layer: string };
    await expect(machine.revert(taken.id)).rejects.toMatchObject({ name: "StateMismatchError" });
    const now = await counter(machine);
    await until(async () => (await counter(machine)) > now);
    expect(await store.get("disks", DISK)).toMatchObject({ layer });
  },
);

test.each(ENGINES)(
  "on %s a snapshot that is cancelled leaves nothing, and the machine goes on",
  async (engine) => {
    const store = new MemoryStore();
    const machine = await counting(engine, store);
    const stop = new AbortController();
    const onProgress = stoppable(stop.signal, () => stop.abort());
    await expect(machine.takeSnapshot(snapshot(machine), onProgress)).rejects.toMatchObject({
      name: "CancelledError",
    });
    const now = await counter(machine);
    await until(async () => (await counter(machine)) > now);
    expect(await listSnapshots(store, machine.id)).toEqual([]);
    expect((await openDisk(store, DISK)).chain).toHaveLength(1);
  },
);

test("a snapshot without memory keeps the disks alone, and is none to go on from", async () => {
  const store = new MemoryStore();
  const machine = await counting("v86", store);
  const { snapshot: taken } = await machine.takeSnapshot(snapshot(machine, false));
  expect(taken).toMatchObject({ power: "off", state: null });
  expect((await openDisk(store, DISK)).chain).toHaveLength(2);
  await expect(machine.revert(taken.id)).rejects.toMatchObject({ name: "RefusedError" });
});
