/**
 * Work on storage without end, for the test that kills the browser in the middle of it: what a user does with snapshots,
 * clones and bundles, against a naive model that keeps whole copies. Before each step the test is told what the laboratory
 * is and what it will be, as digests by name; after a kill it must be one of the two.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Random } from "../../src/common/random.ts";
import type { MachineState } from "../../src/emulator/machine.ts";
import { blocksOf, unpackIds } from "../../src/hypervisor-model/storage/block-id.ts";
import { openDisk } from "../../src/hypervisor-model/storage/disk.ts";
import { openFrozenDisk } from "../../src/hypervisor-model/storage/frozen-disk.ts";
import { bytesSource } from "../../src/hypervisor-model/storage/formats/image.ts";
import { loadState } from "../../src/hypervisor-model/storage/saved-state.ts";
import { listSnapshots, takeSnapshot } from "../../src/hypervisor-model/storage/snapshots.ts";
import { ZERO_BLOCK, type Store } from "../../src/hypervisor-model/storage/store.ts";
import { freeName, type MachineDefinition } from "../../src/hypervisor-model/virtual-machines/definition.ts";
import { ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import { NoPeers } from "../../src/hypervisor-model/virtual-machines/library-peers.ts";
import { MachineLibrary } from "../../src/hypervisor-model/virtual-machines/library.ts";
import { StoreContents } from "../../src/hypervisor-model/virtual-machines/machine-contents.ts";
import { MachineStorage } from "../../src/hypervisor-model/virtual-machines/machine-storage.ts";

/** Digests: of each machine's disk by its name, of each snapshot's disk and state by `machine/snapshot`. */
export type Digests = Record<string, string>;

export interface Step {
  number: number;
  what: string;
  before: Digests;
  after: Digests;
}

/** A machine as a file. */
interface Bundle {
  name: string;
  bytes: Uint8Array;
  /** Of the machine and its snapshots, by what follows its name. */
  digests: [suffix: string, digest: string][];
}

const MIB = 2 ** 20;
const MOST_MACHINES = 6;
const digest = (...parts: Uint8Array[]) => {
  const hash = sha256.create();
  for (const part of parts) hash.update(part);
  return bytesToHex(hash.digest()).slice(0, 16);
};

export class StorageWork {
  readonly #store: Store;
  readonly #library: MachineLibrary;
  readonly #storage: MachineStorage;
  readonly #random: Random;
  /** Contents of each machine's disk, and of each snapshot's. */
  readonly #disks = new Map<string, Uint8Array>();
  #digests: Digests = {};
  #number = 0;

  /** Opens what is there and collects what an earlier life has left. */
  static async open(store: Store, seed: number): Promise<StorageWork> {
    const random = new Random(seed);
    const contents = new StoreContents(store, new ImageLoader({ type: "url", base: location.href }));
    const common = { store, contents, random: new Random(seed + 1), now: () => Date.now() };
    const library = await MachineLibrary.open({ ...common, peers: new NoPeers(`life ${seed}`) });
    await library.tidyUp();
    const power = {
      running: () => undefined,
      powerOff: async () => undefined,
      resume: async () => undefined,
    };
    const work = new StorageWork(store, library, new MachineStorage({ ...common, library, power }), random);
    await work.#read();
    return work;
  }

  private constructor(store: Store, library: MachineLibrary, storage: MachineStorage, random: Random) {
    this.#store = store;
    this.#library = library;
    this.#storage = storage;
    this.#random = random;
  }

  /** What is in the store, read block by block; throws when a block is missing or damaged. */
  get digests(): Digests {
    return this.#digests;
  }

  /** Blocks that belong to something, that do and are not stored, and that are stored and belong to nothing. */
  async countBlocks(): Promise<{ used: number; missing: number; unused: number }> {
    const used = new Set<string>();
    for (const collection of ["layer-maps", "states", "imports", "warm-states"]) {
      for (const { value } of await this.#store.list(collection))
        for (const id of unpackIds(blocksOf(value) ?? new Uint8Array(0))) used.add(id);
    }
    used.delete(ZERO_BLOCK);
    const found = await this.#store.readBlocks([...used]);
    const { blocks } = await this.#store.usage();
    const missing = found.filter((bytes) => bytes === undefined).length;
    return { used: used.size, missing, unused: blocks - used.size };
  }

  async #read(): Promise<void> {
    this.#digests = {};
    for (const { id, name, disks } of this.#machines()) {
      const disk = await openDisk(this.#store, disks[0].id, { readOnly: true });
      await this.#remember(name, await disk.read(0, disk.byteLength));
      for (const snapshot of await listSnapshots(this.#store, id)) {
        const state = snapshot.state === null ? undefined : await loadState(this.#store, snapshot.state);
        const key = `${name}/${snapshot.name}`;
        const frozen = await openFrozenDisk(this.#store, snapshot.disks[0]);
        await this.#remember(key, await frozen.read(0, frozen.byteLength), state);
      }
    }
  }

  async #remember(key: string, bytes: Uint8Array, state?: MachineState): Promise<void> {
    this.#disks.set(key, bytes);
    this.#digests[key] =
      digest(bytes) + (state === undefined ? "" : `+${digest(state.pages, state.devices)}`);
  }

  #machines(): MachineDefinition[] {
    return this.#library.entries.flatMap((entry) => (entry.type === "machine" ? [entry.definition] : []));
  }

  /** `announce` is told of each step and awaited before it is done. */
  async forever(announce: (step: Step) => Promise<void>): Promise<void> {
    while (this.#machines().length < 2) await this.#create();
    const file: Uint8Array[] = [];
    await this.#storage.bundles.export((part) => void file.push(part.slice()), [this.#machines()[0].id]);
    const { name } = this.#machines()[0];
    const bytes = new Uint8Array(await new Blob(file as BlobPart[]).arrayBuffer());
    const bundle: Bundle = { name, bytes, digests: this.#part(name) };
    for (;;) {
      const step = await this.#nextStep(bundle);
      if (step === undefined) continue;
      const before = { ...this.#digests };
      step.change(this.#digests);
      await announce({ number: this.#number++, what: step.what, before, after: { ...this.#digests } });
      await step.act();
    }
  }

  async #create(): Promise<void> {
    await this.#library.create({
      name: freeName("m", this.#library.taken().names),
      disks: [{ name: "disk", sizeMiB: 1 }],
      nics: [],
      cdrom: null,
    });
    await this.#read();
  }

  /** The entries of a machine and its snapshots. */
  #part(name: string): [suffix: string, digest: string][] {
    return Object.entries(this.#digests).flatMap(([key, value]): [string, string][] =>
      key === name || key.startsWith(`${name}/`) ? [[key.slice(name.length), value]] : [],
    );
  }

  async #nextStep(bundle: Bundle) {
    const random = this.#random;
    const machines = this.#machines();
    const machine = machines[random.below(machines.length)];
    const { id, name } = machine;
    const snapshots = await listSnapshots(this.#store, id);
    const snapshot = snapshots[random.below(Math.max(1, snapshots.length))];
    const isCloned = this.#library.clonesOf(id).length > 0;
    const key = `${name}/${snapshot?.name}`;
    const step = (what: string, change: (digests: Digests) => void, act: () => Promise<unknown>) => ({
      what: `${what} ${name}`,
      change,
      act,
    });
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2: {
        const bytes = this.#disks.get(name)!.slice();
        const writes = Array.from({ length: 3 }, () => ({
          at: 512 * random.below(1800),
          bytes: random.bytes(512 * (1 + random.below(200))).subarray(0, MIB - 512 * 1800),
        }));
        for (const write of writes) bytes.set(write.bytes, write.at);
        const change = (digests: Digests) => void (digests[name] = digest(bytes));
        return step("write", change, async () => {
          const disk = await openDisk(this.#store, machine.disks[0].id);
          for (const write of writes) void disk.write(write.at, write.bytes);
          await disk.close();
          this.#disks.set(name, bytes);
        });
      }
      case 3:
      case 4: {
        if (snapshots.length > 5) return undefined;
        const state = random.below(2) === 0 ? undefined : stateOf(random);
        const taken = `s${Date.now()}-${this.#number}`;
        const bytes = this.#disks.get(name)!;
        const change = (digests: Digests) => {
          digests[`${name}/${taken}`] =
            digest(bytes) + (state === undefined ? "" : `+${digest(state.pages, state.devices)}`);
        };
        return step("snapshot", change, async () => {
          const disk = await openDisk(this.#store, machine.disks[0].id);
          await takeSnapshot(this.#store, {
            machine: id,
            name: taken,
            definition: machine,
            disks: [disk],
            ...(state === undefined ? {} : { state }),
            now: Date.now(),
          });
          await disk.close();
          this.#disks.set(`${name}/${taken}`, bytes);
        });
      }
      case 5: {
        if (snapshot === undefined) return undefined;
        const bytes = this.#disks.get(key)!;
        const change = (digests: Digests) => void (digests[name] = digest(bytes));
        return step("revert", change, async () => {
          await this.#storage.snapshots.revert(id, snapshot.id);
          await this.#library.discard(id);
          this.#disks.set(name, bytes);
        });
      }
      case 6: {
        if (snapshot === undefined || isCloned) return undefined;
        const withChildren = random.below(3) === 0;
        const gone = new Set([snapshot.id]);
        if (withChildren)
          for (const parent of gone) for (const one of snapshots) if (one.parent === parent) gone.add(one.id);
        const change = (digests: Digests) => {
          for (const one of snapshots) if (gone.has(one.id)) delete digests[`${name}/${one.name}`];
        };
        const what = withChildren ? "delete with children" : "delete and merge";
        return step(what, change, () => this.#storage.snapshots.delete(id, snapshot.id, withChildren));
      }
      case 7: {
        if (snapshot === undefined || machines.length >= MOST_MACHINES) return undefined;
        const kind = random.below(2) === 0 ? "linked" : "full";
        const clone = freeName("m", this.#library.taken().names);
        const bytes = this.#disks.get(key)!;
        const change = (digests: Digests) => void (digests[clone] = digest(bytes));
        return step(`clone (${kind})`, change, async () => {
          await this.#storage.clones.clone(id, { name: clone, kind, snapshot: snapshot.id });
          this.#disks.set(clone, bytes);
        });
      }
      case 8: {
        if (machines.length <= 2 || isCloned) return undefined;
        const change = (digests: Digests) => {
          for (const [suffix] of this.#part(name)) delete digests[name + suffix];
        };
        return step("delete machine", change, () => this.#library.delete(id));
      }
      default: {
        if (machines.length >= MOST_MACHINES) return undefined;
        const copy = freeName(bundle.name, this.#library.taken().names);
        const change = (digests: Digests) => {
          for (const [suffix, value] of bundle.digests) digests[copy + suffix] = value;
        };
        return step("import", change, async () => {
          await this.#storage.bundles.import(bytesSource(bundle.bytes));
          await this.#read();
        });
      }
    }
  }
}

/** A state as a machine of 1 MiB might have it. */
function stateOf(random: Random): MachineState {
  const pageNumbers = Uint32Array.from({ length: 256 }, (_, page) => page).filter(() => random.below(3) > 0);
  return {
    version: 1,
    engine: "v86",
    engineVersion: "test",
    hardware: {
      memoryMiB: 1,
      nics: [],
      diskBytes: [MIB],
      hasCdrom: false,
      hasFloppy: false,
      bootOrder: ["disk"],
    },
    devices: random.bytes(10_000),
    pageNumbers,
    pages: random.bytes(pageNumbers.length * 4096),
  };
}
