import { beforeEach, describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import type { Change } from "../storage/store.ts";
import { BadDefinitionError, MachineLibrary, NoSuchMachineError, type MachineContents } from "./library.ts";
import { NoPeers, type LibraryPeers } from "./library-peers.ts";
import { TASK_LOG_LIMIT } from "./task-log.ts";

/** Records what the library does with disks. */
class RecordedContents implements MachineContents {
  readonly calls: string[] = [];
  async createDisk({ id }: { id: string }): Promise<void> {
    this.calls.push(`create ${id}`);
  }
  async copyOfDisks(from: string[], to: string[]): Promise<Change> {
    this.calls.push(`copy ${from.join(" ")} ${to.join(" ")}`);
    return {};
  }
  async deleteDisk(id: string): Promise<void> {
    this.calls.push(`delete ${id}`);
  }
  async deleteSavedState(machine: string): Promise<void> {
    this.calls.push(`forget ${machine}`);
  }
  async deletionOf(machine: string, disks: string[]): Promise<Change> {
    this.calls.push(`delete ${disks.join(" ")} of ${machine}`);
    return {};
  }
  async tidy(): Promise<void> {
    this.calls.push("tidy");
  }
}

/** Pages that share one store, in one thread. */
class Tabs {
  readonly alive = new Set<string>();
  readonly listeners = new Map<string, () => void>();
  peers(self: string): LibraryPeers {
    this.alive.add(self);
    return {
      self,
      isAlive: async (owner) => this.alive.has(owner),
      announceChange: () => {
        for (const [other, listener] of this.listeners) if (other !== self) listener();
      },
      onChange: (listener) => this.listeners.set(self, listener),
      close: () => this.alive.delete(self),
    };
  }
}

let store: MemoryStore;
let contents: RecordedContents;
let seed = 0;
const clock = { now: 1000 };
const open = (peers: LibraryPeers = new NoPeers()) =>
  MachineLibrary.open({ store, contents, peers, random: new Random(seed++), now: () => clock.now++ });
const names = (library: MachineLibrary) =>
  library.entries.map((entry) => (entry.type === "machine" ? entry.definition.name : entry.name));

beforeEach(() => {
  store = new MemoryStore();
  contents = new RecordedContents();
  clock.now = 1000;
});

describe("machines", () => {
  test("are there again when the library is opened again", async () => {
    const web = await (await open()).create({ name: "web", memoryMiB: 32 });
    expect((await open()).find(web.id)).toEqual(web);
  });

  test("are listed by name", async () => {
    const library = await open();
    for (const name of ["web", "Db", "api"]) await library.create({ name });
    expect(names(library)).toEqual(["api", "Db", "web"]);
  });

  test("are made with their disks", async () => {
    const web = await (await open()).create({ name: "web" });
    expect(contents.calls).toEqual([`create ${web.disks[0].id}`]);
  });

  test("cannot share a name, whatever its case", async () => {
    const library = await open();
    await library.create({ name: "web" });
    await expect(library.create({ name: "WEB" })).rejects.toMatchObject({
      problems: [{ path: "name", reason: { key: "name-taken" } }],
    });
  });

  test("cannot share an address", async () => {
    const library = await open();
    const nics = [{ network: "vmnet8", mac: "00:0c:29:00:00:01" }];
    await library.create({ name: "web", nics });
    await expect(library.create({ name: "db", nics })).rejects.toMatchObject({
      problems: [{ path: "nics[0].mac", reason: { key: "duplicate", first: "web" } }],
    });
  });

  test("that are refused leave nothing behind", async () => {
    const library = await open();
    await expect(library.create({ name: "web", memoryMiB: 1 })).rejects.toThrow(BadDefinitionError);
    expect(library.entries).toEqual([]);
    expect(contents.calls).toEqual([]);
  });

  test("are renamed, spaces around the name aside", async () => {
    const library = await open();
    const { id } = await library.create({ name: "web" });
    await library.rename(id, "  shop ");
    expect(names(await open())).toEqual(["shop"]);
  });

  test("can keep their name but not take another's", async () => {
    const library = await open();
    const { id } = await library.create({ name: "web" });
    await library.create({ name: "db" });
    await library.rename(id, "Web");
    await expect(library.rename(id, "db")).rejects.toThrow('there is already a machine named "db"');
  });

  test("are duplicated with the contents of their disks", async () => {
    const library = await open();
    const web = await library.create({ name: "web" });
    const copy = await library.duplicate(web.id);
    expect(names(library)).toEqual(["web", "web (2)"]);
    expect(contents.calls.at(-1)).toBe(`copy ${web.disks[0].id} ${copy.disks[0].id}`);
    expect(copy.nics[0].mac).not.toBe(web.nics[0].mac);
  });

  test("are deleted with their disks and saved state", async () => {
    const library = await open();
    const web = await library.create({ name: "web" });
    await library.delete(web.id);
    expect((await open()).entries).toEqual([]);
    expect(contents.calls.slice(1)).toEqual([`delete ${web.disks[0].id} of ${web.id}`, "tidy"]);
    expect(await store.list("machine-power")).toEqual([]);
  });

  test("get and lose disks when their settings change", async () => {
    const library = await open();
    const web = await library.create({ name: "web" });
    const data = { id: new Random(99).uuid(), name: "data", sizeMiB: 8 };
    await library.update(web.id, { disks: [data], memoryMiB: 128 });
    expect(library.find(web.id)).toMatchObject({ memoryMiB: 128, disks: [data] });
    expect(contents.calls.slice(1)).toEqual([`create ${data.id}`, `delete ${web.disks[0].id}`]);
  });

  test("keep their settings when a change is refused", async () => {
    const library = await open();
    const web = await library.create({ name: "web" });
    await expect(library.update(web.id, { memoryMiB: 5000 })).rejects.toThrow("memoryMiB: expected at most");
    expect(library.find(web.id)).toEqual(web);
  });

  test("that another page deleted cannot be changed", async () => {
    const library = await open();
    const { id } = await library.create({ name: "web" });
    await (await open()).delete(id);
    await expect(library.rename(id, "shop")).rejects.toThrow(NoSuchMachineError);
    expect(library.entries).toEqual([]);
  });
});

describe("a definition from a newer version", () => {
  const newer = { version: 7, name: "from tomorrow", cores: 4 };
  beforeEach(() => store.commit({ put: [{ collection: "machines", key: "x", value: newer }] }));

  test("is listed by name with the reason", async () => {
    expect((await open()).entries).toEqual([
      {
        type: "unreadable",
        id: "x",
        name: "from tomorrow",
        problems: [{ path: "version", reason: { key: "newer-version", found: 7, supported: 1 } }],
      },
    ]);
  });

  test("is refused for every use and kept as it was", async () => {
    const library = await open();
    for (const use of [
      () => library.rename("x", "y"),
      () => library.delete("x"),
      () => library.claim("x"),
      () => library.duplicate("x"),
    ]) {
      await expect(use()).rejects.toMatchObject({ reason: { key: "unreadable" } });
    }
    expect(await store.get("machines", "x")).toEqual(newer);
  });

  test("keeps its name to itself", async () => {
    const library = await open();
    await expect(library.create({ name: "From Tomorrow" })).rejects.toThrow("already a machine named");
  });
});

describe("who runs a machine", () => {
  test("is remembered from its start to its end", async () => {
    const library = await open();
    const { id } = await library.create({ name: "web" });
    await library.claim(id);
    expect(library.power(id)).toMatchObject({ state: "running", owner: "alone" });
    expect(library.find(id)?.lastStartedAt).not.toBeNull();
    await library.release(id, "suspended");
    expect((await open()).power(id).state).toBe("suspended");
  });

  test("keeps a second page from starting it, deleting it and changing it", async () => {
    const tabs = new Tabs();
    const first = await open(tabs.peers("first"));
    const { id } = await first.create({ name: "web" });
    await first.claim(id);
    const second = await open(tabs.peers("second"));
    expect(second.isElsewhere(id)).toBe(true);
    for (const use of [
      () => second.claim(id),
      () => second.delete(id),
      () => second.update(id, { memoryMiB: 32 }),
    ]) {
      await expect(use()).rejects.toMatchObject({ reason: { key: "elsewhere" } });
    }
  });

  test("is settled for one page when two start it at once", async () => {
    const tabs = new Tabs();
    const first = await open(tabs.peers("first"));
    const second = await open(tabs.peers("second"));
    const { id } = await first.create({ name: "web" });
    await second.refresh();
    const results = await Promise.allSettled([first.claim(id), second.claim(id)]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("is told on return when its page was closed", async () => {
    const tabs = new Tabs();
    const first = await open(tabs.peers("first"));
    const { id } = await first.create({ name: "web" });
    await first.claim(id);
    first.close();
    const again = await open(tabs.peers("second"));
    expect(again.power(id)).toMatchObject({ state: "interrupted" });
    expect(again.tasks.entries.at(-1)).toMatchObject({ task: "interrupted", machine: { name: "web" } });
    await again.claim(id);
    expect(again.power(id)).toMatchObject({ state: "running", owner: "second" });
  });

  test("is let go of by nobody else", async () => {
    const tabs = new Tabs();
    const first = await open(tabs.peers("first"));
    const { id } = await first.create({ name: "web" });
    await first.claim(id);
    const second = await open(tabs.peers("second"));
    await second.release(id, "off");
    expect(first.power(id).state).toBe("running");
  });
});

test("a change in one page is seen and announced in the other", async () => {
  const tabs = new Tabs();
  const first = await open(tabs.peers("first"));
  const second = await open(tabs.peers("second"));
  const seen = new Promise<void>((resolve) => second.subscribe(resolve));
  await first.create({ name: "web" });
  await seen;
  await expect.poll(() => names(second)).toEqual(["web"]);
});

describe("folders", () => {
  test("hold machines and folders, which move up when theirs is deleted", async () => {
    const library = await open();
    const lab = await library.createFolder("My lab");
    const inner = await library.createFolder("inner", lab.id);
    const { id } = await library.create({ name: "web", folder: inner.id });
    await library.deleteFolder(inner.id);
    expect(library.find(id)?.folder).toBe(lab.id);
    await library.deleteFolder(lab.id);
    expect(library.find(id)?.folder).toBeNull();
    expect(library.folders).toEqual([]);
  });

  test("are renamed, not to nothing", async () => {
    const library = await open();
    const { id } = await library.createFolder("a");
    await library.renameFolder(id, "b");
    await expect(library.renameFolder(id, " ")).rejects.toThrow(BadDefinitionError);
    expect(library.folders.map(({ name }) => name)).toEqual(["b"]);
  });
});

describe("the task log", () => {
  test("has a line with time, machine and outcome for each action", async () => {
    const library = await open();
    const { id, name } = await library.create({ name: "web" });
    const task = await library.tasks.begin("power-on", { id, name });
    clock.now += 1500;
    await task.done({ by: "warm" });
    expect((await open()).tasks.entries.at(-1)).toMatchObject({
      task: "power-on",
      machine: { id, name: "web" },
      outcome: "done",
      parameters: { by: "warm" },
    });
    expect(library.tasks.entries.at(-1)?.seconds).toBeCloseTo(1.5, 1);
  });

  test("keeps the newest entries only", async () => {
    const library = await open();
    for (let i = 0; i < TASK_LOG_LIMIT + 20; i++) await library.tasks.note("edit", null, { i });
    const { entries } = (await open()).tasks;
    expect(entries).toHaveLength(TASK_LOG_LIMIT);
    expect(entries[0].parameters.i).toBe(20);
  });

  test("says what a closed page had begun and never ended", async () => {
    const tabs = new Tabs();
    const first = await open(tabs.peers("first"));
    await first.tasks.begin("snapshot", null);
    first.close();
    expect((await open(tabs.peers("second"))).tasks.entries.at(-1)?.outcome).toBe("interrupted");
  });

  test("keeps the entries of two pages that write at once", async () => {
    const tabs = new Tabs();
    const first = await open(tabs.peers("first"));
    const second = await open(tabs.peers("second"));
    await Promise.all([first.tasks.note("edit", null), second.tasks.note("edit", null)]);
    expect((await open()).tasks.entries).toHaveLength(2);
  });

  test("is cleared of what has ended", async () => {
    const library = await open();
    await library.tasks.note("edit", null);
    const running = await library.tasks.begin("reset", null);
    await library.tasks.clear();
    expect((await open()).tasks.entries.map(({ task }) => task)).toEqual(["reset"]);
    await running.done();
  });
});
