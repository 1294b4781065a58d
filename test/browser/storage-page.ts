/** What storage.test.ts runs in the page, bundled as one classic script: `storagePage` holds it. */
import { blockIdOf, idAt, packIds } from "../../src/hypervisor-model/storage/block-id.ts";
import { createDisk, listDisks } from "../../src/hypervisor-model/storage/disk-document.ts";
import { openDisk } from "../../src/hypervisor-model/storage/disk.ts";
import {
  deleteIndexedDbStore,
  openIndexedDbStore,
} from "../../src/hypervisor-model/storage/indexeddb-store.ts";
import { readLosses } from "../../src/hypervisor-model/storage/losses.ts";
import { listSnapshots, takeSnapshot } from "../../src/hypervisor-model/storage/snapshots.ts";
import { storeContract } from "../../src/hypervisor-model/storage/store-contract.ts";
import type { BlockId, Store } from "../../src/hypervisor-model/storage/store.ts";
import { Random } from "../../src/common/random.ts";
import { StorageWork, type Digests, type Step } from "./storage-work.ts";

interface Announcer {
  announce(step: Step): Promise<void>;
}
let work: StorageWork | undefined;

const traits = { persistent: true, shared: true };
const cases = storeContract(traits);
const MIB = 1 << 20;

function numberedBlock(store: Store, number: number): [BlockId, Uint8Array] {
  const bytes = new Uint8Array(4096).fill(number & 255);
  new DataView(bytes.buffer).setUint32(0, number + 1, true);
  return [blockIdOf(bytes, store.fingerprintKey), bytes];
}

async function nameOfError(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: Error) => error.name,
  );
}

/** Blocks that do not compress, and the document that refers to them. */
function randomChange(store: Store, key: string, bytes: number, seed: number) {
  const random = new Random(seed);
  const blocks = new Map<BlockId, Uint8Array>();
  for (let at = 0; at < bytes; at += 4096) {
    const block = random.bytes(4096);
    blocks.set(blockIdOf(block, store.fingerprintKey), block);
  }
  return { put: [{ collection: "x", key, value: { blocks: packIds([...blocks.keys()]) } }], blocks };
}

/** Whether all the blocks of a document are stored and have their ids' content. */
async function isWhole(store: Store, key: string): Promise<boolean> {
  const document = (await store.get("x", key)) as { blocks: Uint8Array } | undefined;
  if (!document) return false;
  const ids = Array.from({ length: document.blocks.length / 16 }, (_, at) => idAt(document.blocks, at));
  const found = await store.readBlocks(ids);
  return found.every((bytes, at) => bytes && blockIdOf(bytes, store.fingerprintKey) === ids[at]);
}

const storagePage = {
  /** What is in the store after it was opened and tidied up. */
  async openWork(
    seed: number,
  ): Promise<{ digests: Digests; blocks: { used: number; missing: number; unused: number } }> {
    work = await StorageWork.open(await openIndexedDbStore("work"), seed);
    return { digests: work.digests, blocks: await work.countBlocks() };
  },

  /** Ends with the browser. `announce` is the test's. */
  workForever: () => work!.forever((step) => (globalThis as unknown as Announcer).announce(step)),

  caseNames: () => cases.map(({ name }) => name),

  async runCase(number: number): Promise<void> {
    const name = `contract-${number}`;
    await cases[number].run({ ...traits, open: () => openIndexedDbStore(name) });
    await deleteIndexedDbStore(name);
  },

  openError: () => nameOfError(openIndexedDbStore("refused")),

  async writeDisk(id: string): Promise<void> {
    const store = await openIndexedDbStore();
    await createDisk(store, { id, sizeMiB: 64 });
    const disk = await openDisk(store, id);
    for (let at = 0; at < 8; at++) await disk.write(at * 8 * MIB - at * 512, new Random(at).bytes(MIB));
    await disk.flush();
    await store.close();
  },

  /** Places, in MiB, where the disk does not have what `writeDisk` wrote. */
  async differencesOfDisk(id: string): Promise<number[]> {
    const store = await openIndexedDbStore();
    const disk = await openDisk(store, id);
    const differences: number[] = [];
    for (let at = 0; at < 8; at++) {
      const found = await disk.read(at * 8 * MIB - at * 512, MIB);
      const expected = new Random(at).bytes(MIB);
      if (found.some((byte, place) => byte !== expected[place])) differences.push(at * 8);
    }
    await store.close();
    return differences;
  },

  /** Commits without end; `report` is told each number once it is stored. */
  async commitForever(first: number, report: (number: number) => void): Promise<void> {
    const store = await openIndexedDbStore("kills");
    for (let number = first; ; number++) {
      const [id, bytes] = numberedBlock(store, number);
      await store.commit({
        put: [{ collection: "x", key: String(number % 50), value: { number, blocks: packIds([id]) } }],
        blocks: new Map([[id, bytes]]),
        durability: number % 3 ? "relaxed" : "strict",
      });
      if (number % 7 === 0) await store.collectGarbage();
      report(number);
    }
  },

  /** The newest number that is stored; throws unless it and the 49 before it are whole, with no other block left. */
  async checkCommits(): Promise<number> {
    const store = await openIndexedDbStore("kills");
    const documents = (await store.list("x")).map(
      ({ value }) => value as { number: number; blocks: Uint8Array },
    );
    const newest = Math.max(-1, ...documents.map(({ number }) => number));
    if (documents.length !== Math.min(50, newest + 1)) {
      throw new Error(`${documents.length} documents are left, the newest is ${newest}`);
    }
    for (const { number, blocks } of documents) {
      if (number <= newest - 50) throw new Error(`${number} is there again, the newest is ${newest}`);
      const [bytes] = await store.readBlocks([idAt(blocks, 0)]);
      const found = bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      if (found !== number + 1) throw new Error(`the block of ${number} holds ${found}`);
    }
    await store.collectGarbage();
    const { blocks } = await store.usage();
    if (blocks !== documents.length) throw new Error(`${blocks} blocks for ${documents.length} documents`);
    await store.close();
    return newest;
  },

  /** Adds one number and gives those that were there, and what the browser says it has lost. */
  async addNumber(number: number): Promise<{ before: string[]; losses: string[] }> {
    const store = await openIndexedDbStore("numbers");
    const before = (await store.list("x")).map(({ key }) => key);
    await store.commit({ put: [{ collection: "x", key: String(number), value: new Uint8Array(30_000) }] });
    return { before, losses: (await readLosses(store)).map(({ message }) => message) };
  },

  async storeRandom(key: string, bytes: number, seed: number): Promise<string> {
    const store = await openIndexedDbStore("quota");
    const name = await nameOfError(store.commit(randomChange(store, key, bytes, seed)));
    await store.close();
    return name;
  },

  /** Both within one opening: what is stored after a commit that met the quota must be told rightly by the same store. */
  async storeTwice(key: string, bytes: number, seed: number): Promise<string[]> {
    const store = await openIndexedDbStore("quota");
    const change = randomChange(store, key, bytes, seed);
    const names = [await nameOfError(store.commit(change)), await nameOfError(store.commit(change))];
    const usage = await store.usage();
    await store.close();
    return [...names, `${usage.blocks} blocks`];
  },

  /** A live snapshot whose state is `bytes` long, and what is there afterwards: its error, snapshots and the disk's byte. */
  async snapshotOf(bytes: number, seed: number): Promise<string> {
    const store = await openIndexedDbStore("quota");
    const disks = await listDisks(store);
    const { id } = disks[0] ?? (await createDisk(store, { sizeMiB: 1 }));
    const disk = await openDisk(store, id);
    await disk.write(0, new Uint8Array(512).fill(seed));
    const taking = takeSnapshot(store, {
      machine: "m",
      name: "s",
      definition: {},
      disks: [disk],
      now: seed,
      state: {
        version: 1,
        engine: "v86",
        engineVersion: "1",
        hardware: {
          memoryMiB: 64,
          nics: [],
          diskBytes: [],
          hasCdrom: false,
          hasFloppy: false,
          bootOrder: [],
        },
        devices: new Uint8Array(1),
        pageNumbers: Uint32Array.from({ length: bytes / 4096 }, (_, page) => page),
        pages: new Random(seed).bytes(bytes),
      },
    });
    const error = await nameOfError(taking);
    await disk.write(512, new Uint8Array(512).fill(seed));
    await disk.close();
    const snapshots = await listSnapshots(store, "m");
    const again = await openDisk(store, id);
    const [first] = await again.read(512, 512);
    await store.close();
    return `${error}, ${snapshots.length} snapshots, ${again.chain.length} layers, ${first}`;
  },

  async documentIsWhole(key: string): Promise<boolean> {
    const store = await openIndexedDbStore("quota");
    const whole = await isWhole(store, key);
    await store.close();
    return whole;
  },
};

export type StoragePage = typeof storagePage;
Object.assign(globalThis, { storagePage });
