/**
 * How fast a machine starts and runs, against bare v86 with the same image in the same run: `ringside bench start`.
 * Each row is the median of its rounds; ours and the peer's take turns.
 */
import { cpus, loadavg } from "node:os";
import { Worker } from "node:worker_threads";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import { createDisk } from "../../src/hypervisor-model/storage/disk-document.ts";
import { FIRMWARE_IMAGE, ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import {
  compileEngine,
  createMachineWorker,
  prepareMachineWorker,
  machineWorkerFile,
} from "../../src/hypervisor-model/virtual-machines/machine-worker-node.ts";
import {
  startMachine,
  type MachineHost,
  type MachineSpec,
  type RunningMachine,
  type StartOptions,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import type { BareImage } from "./bare-v86.ts";
import type { BareJob, BareTimes } from "./bare-v86-thread.ts";
import { median, type BenchmarkRow } from "./benchmark-row.ts";
import { benchmarkPage } from "./page.ts";

const HASH = "head -c 33554432 /dev/zero | sha256sum";

export async function benchmarkStart(
  imagesFolder: string,
  {
    image = "tiny",
    rounds = 5,
    log = () => undefined as void,
  }: { image?: string; rounds?: number; log?: (line: string) => void } = {},
): Promise<BenchmarkRow[]> {
  const images = new ImageLoader({ type: "folder", path: imagesFolder });
  const store = new MemoryStore();
  const host: MachineHost = {
    createWorker: createMachineWorker,
    prepareWorker: prepareMachineWorker,
    compileEngine,
    images,
    store,
  };
  const bare = await bareImage(images, image);
  const template = await images.fileOfRole(image, "system-disk");
  const { id: disk } = await createDisk(store, {
    sizeMiB: 64,
    ...(template === undefined ? {} : { template: await images.read(image, template) }),
  });
  const spec: MachineSpec = {
    id: "5f7a3c10-9d1e-4c5b-8a62-000000000001",
    name: "bench",
    engine: "v86",
    memoryMiB: bare.memoryMiB,
    nics: [{ model: "ne2000", mac: "00:0c:29:be:0c:01", connected: true }],
    disks: [{ type: "disk", disk }],
    cdrom: null,
    software: { type: "image", image },
  };
  const times = {
    cold: new Pair(),
    settled: new Pair(),
    warm: new Pair(),
    warmCommand: new Pair(),
    hash: new Pair(),
  };

  // Once without measuring: compiles the engine, reads the image and finds or makes the warm state.
  await runOurs(spec, host, {});
  const { state } = await runBare({ image: bare, save: true });
  if (state === undefined) throw new Error("bare v86 gave no state");

  for (let round = 0; round < rounds; round++) {
    const cold = await runOurs(spec, host, { mode: "cold" }, round === 0 ? HASH : undefined);
    times.cold.ours.push(cold.ready);
    times.settled.ours.push(cold.settled);
    times.hash.ours.push(...cold.hash);
    const peerCold = await runBare({ image: bare, ...(round === 0 ? { hash: HASH } : {}) });
    times.cold.peer.push(peerCold.ready);
    times.settled.peer.push(peerCold.ready);
    times.hash.peer.push(...peerCold.hash);
    const warm = await runOurs(spec, host, {});
    if (warm.startedBy !== "warm") throw new Error("there is no warm state for the default shape");
    times.warm.ours.push(warm.ready);
    times.warmCommand.ours.push(warm.command);
    const peerWarm = await runBare({ image: bare, state });
    times.warm.peer.push(peerWarm.command);
    times.warmCommand.peer.push(peerWarm.command);
    log(
      `round ${round + 1} of ${rounds}: cold ${cold.ready.toFixed(2)} / ${peerCold.ready.toFixed(2)} s, warm ${warm.ready.toFixed(3)} / ${peerWarm.command.toFixed(3)} s`,
    );
  }
  log(`load of the machine: ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`);
  return [
    times.cold.row("cold boot to the agent's first answer; bare v86 to its prompt", 1.1),
    times.settled.row("cold boot until the guest's start-up scripts are done; bare v86 to its prompt"),
    times.warm.row("warm start to the agent's first answer; bare v86: new, restore_state, one command", 1.5),
    times.warmCommand.row("the same, and one command through our agent too"),
    times.hash.row("sha256sum of 32 MiB in the guest", 1.05),
    ...(await benchmarkPage(imagesFolder, log)),
  ];
}

class Pair {
  readonly ours: number[] = [];
  readonly peer: number[] = [];

  row(work: string, limit?: number): BenchmarkRow {
    const [ours, peer] = [median(this.ours), median(this.peer)];
    return { work, ours, peer, ratio: ours / peer, ...(limit === undefined ? {} : { limit }) };
  }
}

function stopwatch(): () => number {
  const from = performance.now();
  return () => (performance.now() - from) / 1000;
}

async function runOurs(spec: MachineSpec, host: MachineHost, options: StartOptions, hash?: string) {
  const passed = stopwatch();
  const machine = startMachine(spec, host, options);
  await machine.ready;
  const ready = passed();
  await machine.agent.run("true");
  const command = passed();
  await startUpDone(machine);
  const settled = passed();
  const hashes: number[] = [];
  if (hash !== undefined) {
    for (let i = 0; i < 3; i++) {
      const lap = stopwatch();
      await machine.agent.run(hash, { timeoutMs: 120_000 });
      hashes.push(lap());
    }
  }
  const { startedBy } = machine;
  await machine.powerOff();
  return { ready, command, settled, hash: hashes, startedBy };
}

async function startUpDone({ agent }: RunningMachine): Promise<void> {
  if (agent.status?.ready) return;
  await new Promise<void>((resolve) => {
    const stop = agent.onStatus(({ ready }) => {
      if (!ready) return;
      stop();
      resolve();
    });
  });
}

/** One run of the peer, in a thread of its own as ours is. */
export function runBare(job: BareJob): Promise<BareTimes> {
  const worker = new Worker(new URL("./bare-v86-thread.js", machineWorkerFile()), { workerData: job });
  return new Promise<BareTimes>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the thread of bare v86 ended with ${code}`)));
  }).finally(() => worker.terminate());
}

export async function bareImage(images: ImageLoader, image: string): Promise<BareImage> {
  const manifest = await images.manifest(image);
  const read = async (role: string) => {
    const own = await images.fileOfRole(image, role);
    if (own !== undefined) return images.read(image, own);
    const common = await images.fileOfRole(FIRMWARE_IMAGE, role).catch(() => undefined);
    return common === undefined ? undefined : images.read(FIRMWARE_IMAGE, common);
  };
  const [bios, vgaBios, kernel, initrd] = await Promise.all(
    ["bios", "vga-bios", "kernel", "initrd"].map(read),
  );
  if (bios === undefined || vgaBios === undefined || kernel === undefined)
    throw new Error(`${image} has no kernel`);
  return {
    bios,
    vgaBios,
    kernel,
    ...(initrd === undefined ? {} : { initrd }),
    commandLine: manifest.boot.append.replace(/ ?ringside\.wait/, ""),
    // v86 loads a separate initrd at 64 MiB.
    memoryMiB: initrd === undefined ? 64 : 128,
  };
}
