/**
 * Snapshots of a live guest against v86's own states: how long it stands still, how long the commit takes and what it
 * stores, in a folder; what a revert takes; and how fast the guest writes to its disk.
 */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDisk } from "../../src/hypervisor-model/storage/disk-document.ts";
import { openFolderStore } from "../../src/hypervisor-model/storage/folder-store.ts";
import { ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import {
  compileEngine,
  createMachineWorker,
} from "../../src/hypervisor-model/virtual-machines/machine-worker-node.ts";
import {
  startMachine,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import type { Row, Wants } from "./bench.ts";
import { median } from "./benchmark-row.ts";
import { bareImage, runBare } from "./start.ts";

const MIB = 2 ** 20;
const ROUNDS = 3;
const IDLE_SECONDS = 10;
const DISK_MIB = 64;
const DISK_TEST = {
  before: "mkdir -p /run/t; mount -t tmpfs -o size=40m none /run/t; head -c 33554432 /dev/urandom > /run/t/x",
  command: "dd if=/run/t/x of=/dev/sda bs=64k conv=fsync",
};

type Log = (line: string) => void;

interface SnapshotFigures {
  /** Milliseconds. */
  stoodStill: number;
  commit: number;
  /** Bytes that the folder has grown. */
  bytes: number;
}

export async function benchmarkLiveStorage(imagesFolder: string, log: Log, wants: Wants): Promise<Row[]> {
  const rows: Row[] = [];
  const images = new ImageLoader({ type: "folder", path: imagesFolder });
  for (const memoryMiB of [64, 256]) {
    if (!wants(`live-${memoryMiB}`)) continue;
    const bare = { ...(await bareImage(images, "tiny")), memoryMiB };
    const first: SnapshotFigures[] = [];
    const second: SnapshotFigures[] = [];
    const reverts: number[] = [];
    const peers = { saves: [] as number[], restores: [] as number[], bytes: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const figures = await liveFigures(images, memoryMiB);
      first.push(figures.first);
      second.push(figures.second);
      reverts.push(...figures.reverts);
      const peer = await runBare({ image: bare, states: 3 });
      peers.saves.push(...peer.saves);
      peers.restores.push(...peer.restores);
      peers.bytes = peer.stateBytes;
      log(
        `${memoryMiB} MiB, round ${round + 1} of ${ROUNDS}: stood still ${ms(figures.first.stoodStill)} (save_state ${ms(median(peer.saves) * 1000)}), ` +
          `committed after ${ms(figures.first.commit)}, again ${ms(figures.second.commit)}, revert ${ms(median(figures.reverts))} (restore_state ${ms(median(peer.restores) * 1000)})`,
      );
    }
    const of = (figures: SnapshotFigures[], field: keyof SnapshotFigures) =>
      median(figures.map((one) => one[field]));
    const name = `live snapshot of ${memoryMiB} MiB`;
    rows.push(
      row(
        `${name}: ms the guest stands still; save_state`,
        of(first, "stoodStill"),
        median(peers.saves) * 1000,
        1.5,
      ),
      row(`${name}: ms until committed; 1.5 s`, of(first, "commit"), 1500, 1),
      row(`${name}: bytes; those of save_state`, of(first, "bytes"), peers.bytes, 0.35),
      row(
        `second after ${IDLE_SECONDS} idle s: bytes; the first`,
        of(second, "bytes"),
        of(first, "bytes"),
        0.1,
      ),
      row(
        `second after ${IDLE_SECONDS} idle s: ms until committed; the first`,
        of(second, "commit"),
        of(first, "commit"),
        0.5,
      ),
      row(
        `revert of ${memoryMiB} MiB to a running guest: ms; restore_state`,
        median(reverts),
        median(peers.restores) * 1000,
        1.5,
      ),
    );
  }
  if (!wants("disk")) return rows;
  const bare = { ...(await bareImage(images, "tiny")), memoryMiB: 128, diskBytes: DISK_MIB * MIB };
  const ours = await diskSeconds(images, 128);
  const peer = (await runBare({ image: bare, disk: DISK_TEST })).disk;
  rows.push(
    row(
      "32 MiB written one after another in the guest: seconds; v86's buffer disk",
      median(ours),
      median(peer),
      1.25,
    ),
  );
  return rows;
}

async function liveFigures(images: ImageLoader, memoryMiB: number) {
  return withGuest(images, memoryMiB, async (machine, folder) => {
    const take = async (name: string): Promise<SnapshotFigures & { id: string }> => {
      const before = await folderBytes(folder);
      const from = performance.now();
      const { snapshot, stoodStill } = await machine.takeSnapshot({
        machine: machine.id,
        name,
        definition: {},
        memory: true,
        now: Date.now(),
      });
      const commit = performance.now() - from;
      return { id: snapshot.id, stoodStill, commit, bytes: (await folderBytes(folder)) - before };
    };
    const first = await take("first");
    await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
    const second = await take("second");
    const reverts: number[] = [];
    for (let lap = 0; lap < 3; lap++) {
      await machine.agent.run("true");
      reverts.push(await machine.revert(first.id));
    }
    return { first, second, reverts };
  });
}

async function diskSeconds(images: ImageLoader, memoryMiB: number): Promise<number[]> {
  return withGuest(images, memoryMiB, async ({ agent }) => {
    await agent.run(DISK_TEST.before, { timeoutMs: 600_000 });
    const seconds: number[] = [];
    for (let lap = 0; lap < 3; lap++) {
      const from = performance.now();
      const { exit } = await agent.run(DISK_TEST.command, { timeoutMs: 600_000 });
      if (exit !== 0) throw new Error(`dd ended with ${exit}`);
      seconds.push((performance.now() - from) / 1000);
    }
    return seconds;
  });
}

/** A booted tiny guest with a blank disk of its own, in a store in a folder. */
async function withGuest<T>(
  images: ImageLoader,
  memoryMiB: number,
  use: (machine: RunningMachine, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "ringside-bench-"));
  const store = await openFolderStore(folder);
  try {
    const { id: disk } = await createDisk(store, { sizeMiB: DISK_MIB });
    const machine = startMachine(
      {
        id: "5f7a3c10-9d1e-4c5b-8a62-000000000002",
        name: "bench",
        engine: "v86",
        memoryMiB,
        nics: [{ model: "ne2000", mac: "00:0c:29:be:0c:02", connected: true }],
        disks: [{ type: "disk", disk }],
        cdrom: null,
        software: { type: "image", image: "tiny" },
      },
      // the warm state is none of the store's, so that only the snapshot is counted
      { createWorker: createMachineWorker, compileEngine, images, store },
      { mode: "cold" },
    );
    await machine.ready;
    await machine.agent.run("true");
    try {
      return await use(machine, folder);
    } finally {
      await machine.powerOff();
    }
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

const ms = (milliseconds: number) => `${milliseconds.toFixed(0)} ms`;

function row(work: string, ours: number, peer: number, limit: number): Row {
  return { work, ours, peer, ratio: ours / peer, limit };
}
