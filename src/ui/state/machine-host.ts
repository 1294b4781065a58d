/** What the machines of this page share. It is here before the page's other code, so that a first visit can begin at once. */
import { FIRMWARE_IMAGE, ImageLoader } from "../../hypervisor-model/virtual-machines/images.ts";
import {
  compileEngine,
  createMachineWorker,
  prepareMachineWorker,
  prepareUnpacking,
  unpackInWorker,
} from "../../hypervisor-model/virtual-machines/machine-worker-browser.ts";
import type { MachineHost } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { WARM_STATE_ROLE, warmStatesOf } from "../../hypervisor-model/virtual-machines/warm-start.ts";

/** The image that a first visit starts. */
const DEFAULT_IMAGE = "tiny";
const VISITED = "ringside-visited";

/** Its store is added when it has been opened. */
export const machineHost: MachineHost = {
  createWorker: createMachineWorker,
  prepareWorker: prepareMachineWorker,
  compileEngine,
  unpack: unpackInWorker,
  images: new ImageLoader({ type: "url", base: new URL("images/", document.baseURI).href }),
};

/** Whether this browser has not opened the page before; asked once. */
export function isFirstVisit(): boolean {
  try {
    if (localStorage.getItem(VISITED) !== null) return false;
    localStorage.setItem(VISITED, "1");
  } catch {
    // Nothing is kept here: each visit is the first.
  }
  return true;
}

/** Begins to load all that the first machine needs. What fails is told when that machine starts. */
export function loadFirstMachine(): void {
  prepareUnpacking();
  prepareMachineWorker();
  machineHost.compileEngine().catch(() => undefined);
  for (const image of [DEFAULT_IMAGE, FIRMWARE_IMAGE]) loadImage(image).catch(() => undefined);
}

async function loadImage(image: string): Promise<void> {
  const { images } = machineHost;
  const { files } = await images.manifest(image);
  const state = files.find((file) => file.role === WARM_STATE_ROLE);
  if (state?.key !== undefined) void warmStatesOf(machineHost).find(image, state.key);
  for (const file of files) {
    if (file !== state && file.role !== "licence" && file.role !== "kernel")
      images.read(image, file).catch(() => undefined);
  }
}
