/** What the commands share: the host that runs machines, and the library, in memory or in a folder. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { freshSeed, Random } from "../common/random.ts";
import { openFolderStore } from "../hypervisor-model/storage/folder-store.ts";
import type { Store } from "../hypervisor-model/storage/store.ts";
import { MemoryStore } from "../hypervisor-model/storage/memory-store.ts";
import type { MediumReference } from "../hypervisor-model/virtual-machines/definition.ts";
import { hostBudget, startRefusal } from "../hypervisor-model/virtual-machines/host-resources.ts";
import { ImageLoader } from "../hypervisor-model/virtual-machines/images.ts";
import { NoPeers } from "../hypervisor-model/virtual-machines/library-peers.ts";
import { MachineLibrary } from "../hypervisor-model/virtual-machines/library.ts";
import { StoreContents } from "../hypervisor-model/virtual-machines/machine-contents.ts";
import {
  compileEngine,
  createMachineWorker,
  prepareMachineWorker,
} from "../hypervisor-model/virtual-machines/machine-worker-node.ts";
import { describeReason } from "../hypervisor-model/virtual-machines/reasons.ts";
import type { MachineHost } from "../hypervisor-model/virtual-machines/running-machine.ts";
import { UsageError } from "./options.ts";

export const imagesFolder = process.env.RINGSIDE_IMAGES ?? join(process.env.RINGSIDE_ROOT ?? ".", "images");

export interface Laboratory {
  host: MachineHost;
  store: Store;
  library: MachineLibrary;
  contents: StoreContents;
  random: Random;
  close(): Promise<void>;
}

export async function openLaboratory(storeFolder?: string): Promise<Laboratory> {
  const images = new ImageLoader({ type: "folder", path: imagesFolder });
  const store = storeFolder === undefined ? new MemoryStore() : await openFolderStore(storeFolder);
  const contents = new StoreContents(store, images);
  const random = new Random(freshSeed());
  const library = await MachineLibrary.open({
    store,
    contents,
    // the folder is locked by this process
    peers: new NoPeers(`process-${process.pid}-${Date.now()}`),
    random,
    now: Date.now,
  });
  await library.tidyUp();
  return {
    store,
    random,
    host: {
      createWorker: createMachineWorker,
      prepareWorker: prepareMachineWorker,
      compileEngine,
      images,
      store,
    },
    library,
    contents,
    close: () => store.close(),
  };
}

/** Refuses a name that no folder of images/ has. */
export function checkImageName(name: string): void {
  if (!existsSync(imagesFolder)) throw new UsageError(`there is no folder of images: ${imagesFolder}`);
  const names = readdirSync(imagesFolder).filter((folder) =>
    existsSync(join(imagesFolder, folder, "manifest.json")),
  );
  if (names.includes(name)) return;
  throw new UsageError(`there is no image "${name}"; there are ${names.join(", ")}`);
}

/** Why `path` is no file that can be read; `undefined` when it is one. */
export function fileProblem(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return `there is no file ${path}`;
  return status.isDirectory() ? `${path} is a folder, expected a file` : undefined;
}

/** Refuses machines that this computer cannot carry together. */
export function checkBudget(memories: number[]): void {
  const memoryGiB = totalmem() / 2 ** 30;
  const running: number[] = [];
  for (const memoryMiB of memories) {
    // without a page beside them guests may have half the computer
    const reason = startRefusal(hostBudget({ memoryGiB }, running, memoryGiB * 512), memoryMiB);
    if (reason !== undefined) throw new UsageError(describeReason(reason));
    running.push(memoryMiB);
  }
}

export async function readMedium(medium: MediumReference): Promise<Uint8Array> {
  if (medium.type !== "file") throw new Error(`${medium.name} is kept by the page; give a file`);
  return new Uint8Array(await readFile(medium.path));
}
