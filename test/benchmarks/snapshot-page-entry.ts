/** What storage-page.ts runs in Chromium: a guest in its Worker, its snapshots in IndexedDB, and the page's longest task. */
import { createDisk } from "../../src/hypervisor-model/storage/disk-document.ts";
import { openIndexedDbStore } from "../../src/hypervisor-model/storage/indexeddb-store.ts";
import type { Store } from "../../src/hypervisor-model/storage/store.ts";
import { ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import {
  compileEngine,
  createMachineWorker,
} from "../../src/hypervisor-model/virtual-machines/machine-worker-browser.ts";
import {
  startMachine,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";

let store: Store;
let machine: RunningMachine;

const snapshotPage = {
  async start(memoryMiB: number): Promise<void> {
    store = await openIndexedDbStore();
    const { id: disk } = await createDisk(store, { sizeMiB: 64 });
    const images = new ImageLoader({ type: "url", base: new URL("images/", location.href).href });
    machine = startMachine(
      {
        id: "5f7a3c10-9d1e-4c5b-8a62-000000000003",
        name: "bench",
        engine: "v86",
        memoryMiB,
        nics: [{ model: "ne2000", mac: "00:0c:29:be:0c:03", connected: true }],
        disks: [{ type: "disk", disk }],
        cdrom: null,
        software: { type: "image", image: "tiny" },
      },
      { createWorker: createMachineWorker, compileEngine, images, store },
      { mode: "cold" },
    );
    await machine.ready;
  },

  /** Milliseconds until the snapshot is committed and until the machine runs again after a revert to it; the longest task. */
  async snapshot(): Promise<{ commit: number; stoodStill: number; revert: number; longestTask: number }> {
    const tasks: number[] = [];
    const observer = new PerformanceObserver((list) => {
      tasks.push(...list.getEntries().map((entry) => entry.duration));
    });
    observer.observe({ type: "longtask" });
    const from = performance.now();
    const { snapshot, stoodStill } = await machine.takeSnapshot({
      machine: machine.id,
      name: "s",
      definition: {},
      memory: true,
      now: Date.now(),
    });
    const commit = performance.now() - from;
    const revert = await machine.revert(snapshot.id);
    await new Promise((resolve) => setTimeout(resolve, 200));
    observer.disconnect();
    return { commit, stoodStill, revert, longestTask: Math.max(0, ...tasks) };
  },
};

export type SnapshotPage = typeof snapshotPage;
Object.assign(globalThis, { snapshotPage });
