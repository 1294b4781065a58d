/**
 * Storage figures. Those that need no guest: reading through a long chain of layers and the bytes of linked clones, in memory, so
 * that what is measured is the model and not the medium; the time of a linked clone in a folder, on the medium. Those of live guests: storage-live.ts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../src/common/random.ts";
import { linkedCloneChange } from "../../src/hypervisor-model/storage/clones.ts";
import { createDisk } from "../../src/hypervisor-model/storage/disk-document.ts";
import { openDisk } from "../../src/hypervisor-model/storage/disk.ts";
import { encodeDocument } from "../../src/hypervisor-model/storage/document-codec.ts";
import { openFolderStore } from "../../src/hypervisor-model/storage/folder-store.ts";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import { takeSnapshot } from "../../src/hypervisor-model/storage/snapshots.ts";
import type { Change, Store } from "../../src/hypervisor-model/storage/store.ts";

import type { Row, Wants } from "./bench.ts";
import { benchmarkLiveStorage } from "./storage-live.ts";
import { benchmarkStoragePage } from "./storage-page.ts";

const MIB = 1 << 20;
const ROUNDS = 7;
const DISK_MIB = 32;
const LAYERS = 32;

/** Counts the bytes of what is committed, as a store on a medium would write it before compression. */
class CountingStore extends MemoryStore {
  bytes = 0;
  override commit(change: Change): Promise<void> {
    for (const { value } of change.put ?? []) this.bytes += encodeDocument(value).length;
    for (const block of change.blocks?.values() ?? []) this.bytes += block.length;
    return super.commit(change);
  }
}

/** A disk whose data is spread evenly over `layers` layers. */
async function makeChain(layers: number): Promise<{ store: CountingStore; disk: string }> {
  const store = new CountingStore();
  const random = new Random(1);
  const { id: disk } = await createDisk(store, { sizeMiB: DISK_MIB });
  const contents = random.bytes(DISK_MIB * MIB);
  const blocks = contents.length / 4096;
  for (let layer = 0; layer < layers; layer++) {
    const open = await openDisk(store, disk);
    for (let block = layer; block < blocks; block += layers)
      await open.write(block * 4096, contents.subarray(block * 4096, (block + 1) * 4096));
    await open.close();
    if (layer < layers - 1) {
      await takeSnapshot(store, { machine: "m", name: "s", definition: {}, disks: [disk], now: layer });
    }
  }
  return { store, disk };
}

/** Seconds to read the whole disk in pieces of 64 KiB, from opening on not counted. */
async function readThrough({ store, disk }: { store: CountingStore; disk: string }, layers: number) {
  const open = await openDisk(store, disk);
  if (open.chain.length !== layers) throw new Error(`a chain of ${open.chain.length} layers, not ${layers}`);
  const start = performance.now();
  for (let at = 0; at < DISK_MIB * MIB; at += 65536) await open.read(at, 65536);
  return (performance.now() - start) / 1000;
}

/** A machine with a disk that is a quarter full, and its snapshot. */
async function makeSource(store: Store, sizeMiB: number): Promise<string> {
  const { id: disk } = await createDisk(store, { sizeMiB });
  const open = await openDisk(store, disk);
  const random = new Random(2);
  for (let at = 0; at < sizeMiB; at += 4) await open.write(at * MIB, random.bytes(MIB));
  await open.close();
  const snapshot = { machine: "m", name: "s", definition: { name: "bench" }, disks: [disk], now: 0 };
  return (await takeSnapshot(store, snapshot)).id;
}

async function makeClone(store: Store, snapshot: string, clone: string): Promise<void> {
  const { change } = await linkedCloneChange(store, { machine: "m", snapshot }, clone, [`disk of ${clone}`]);
  await store.commit(change);
}

async function cloneBytes(sizeMiB: number): Promise<{ machine: number; clone: number }> {
  const store = new CountingStore();
  const snapshot = await makeSource(store, sizeMiB);
  const machine = store.bytes;
  for (let clone = 0; clone < 10; clone++) await makeClone(store, snapshot, `c${clone}`);
  return { machine, clone: (store.bytes - machine) / 10 };
}

/** Median milliseconds of ten. */
async function cloneTime(sizeMiB: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "ringside-bench-"));
  try {
    const store = await openFolderStore(folder);
    const snapshot = await makeSource(store, sizeMiB);
    const times: number[] = [];
    for (let clone = 0; clone < 10; clone++) {
      const start = performance.now();
      await makeClone(store, snapshot, `c${clone}`);
      times.push(performance.now() - start);
    }
    await store.close();
    return times.sort((a, b) => a - b)[5];
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Parts: layers, live-64, live-256, disk, page-64, page-256. */
export async function benchmarkStorage(
  imagesFolder: string,
  log: (line: string) => void,
  wants: Wants,
): Promise<Row[]> {
  return [
    ...(wants("layers") ? await benchmarkLayers() : []),
    ...(await benchmarkLiveStorage(imagesFolder, log, wants)),
    ...(await benchmarkStoragePage(imagesFolder, log, wants)),
  ];
}

async function benchmarkLayers(): Promise<Row[]> {
  const one = await makeChain(1);
  const many = await makeChain(LAYERS);
  const seconds = { one: Infinity, many: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    seconds.one = Math.min(seconds.one, await readThrough(one, 1));
    seconds.many = Math.min(seconds.many, await readThrough(many, LAYERS));
  }
  const milliseconds = await cloneTime(256);
  const { machine, clone } = await cloneBytes(256);
  return [
    row(
      `disk: reading ${DISK_MIB} MiB through ${LAYERS} layers, against one`,
      seconds.many,
      seconds.one,
      1.2,
    ),
    row("linked clone of a 256 MiB disk: milliseconds, against 20", milliseconds, 20, 1),
    row("linked clone of a 256 MiB disk: bytes, against 64 KiB", clone, 65536, 1),
    row(
      "ten linked clones of a 256 MiB disk: bytes, against one machine",
      machine + 10 * clone,
      machine,
      1.3,
    ),
  ];
}

function row(work: string, ours: number, peer: number, limit: number): Row {
  return { work, ours, peer, ratio: ours / peer, limit };
}
