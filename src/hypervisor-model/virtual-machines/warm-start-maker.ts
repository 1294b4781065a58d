/** Makes the warm states that come with an image: boots it cold in each shape and takes its state at stage `wait`. */
import { ImageLoader } from "./images.ts";
import { compileEngine, createMachineWorker } from "./machine-worker-node.ts";
import { prepareBoot, warmKeyOf } from "./running-machine-boot.ts";
import { startMachine, type MachineHost, type MachineSpec } from "./running-machine.ts";
import { warmStatesOf } from "./warm-start.ts";
import { encodeStateFile } from "./warm-start-file.ts";

const MIB = 2 ** 20;

/** The shapes that a new machine has when nothing is chosen. */
export const WARM_SHAPES = {
  "64m-ne2000-disk64": { memoryMiB: 64, models: ["ne2000"], diskMiB: [64] },
} as const;
export type WarmShapeName = keyof typeof WARM_SHAPES;

/** The file's bytes, not compressed, and the key under which the manifest lists it. */
export async function makeWarmState(
  imagesFolder: string,
  image: string,
  shape: WarmShapeName,
): Promise<{ key: string; file: Uint8Array }> {
  const host: MachineHost = {
    createWorker: createMachineWorker,
    compileEngine,
    images: new ImageLoader({ type: "folder", path: imagesFolder }),
  };
  const { memoryMiB, models, diskMiB } = WARM_SHAPES[shape];
  const spec: MachineSpec = {
    id: "00000000-0000-4000-8000-000000000000",
    name: "warm",
    engine: "v86",
    memoryMiB,
    nics: models.map((model, i) => ({ model, mac: `00:0c:29:00:00:0${i}`, connected: true })),
    disks: diskMiB.map((size) => ({ type: "blank", byteLength: size * MIB })),
    cdrom: null,
    software: { type: "image", image },
  };
  const key = warmKeyOf(await prepareBoot(spec, host));
  const machine = startMachine(spec, host);
  try {
    await machine.ready;
    const state = await warmStatesOf(host).find(image, key);
    if (machine.startedBy !== "cold" || state === undefined) throw new Error("no new state was taken");
    return { key, file: encodeStateFile(key, state) };
  } finally {
    await machine.powerOff();
  }
}
