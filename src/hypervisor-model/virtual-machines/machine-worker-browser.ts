/** A machine's thread in the page. */
import { compileV86 } from "../../emulator/v86/compile-browser.ts";
import { DATABASE_NAME } from "../storage/indexeddb-store.ts";
import type { ImageFile, ImageLoader } from "./images.ts";
import type { WorkerPreparation } from "./machine-worker-protocol.ts";
import type { WorkerHandle } from "./running-machine-types.ts";
import type { FromUnpackWorker, ToUnpackWorker } from "./unpack-worker.ts";

export { compileV86 as compileEngine };

/** A Worker that has been started before there is a machine for it. */
let spare: Worker | undefined;

/** Starts the Worker of the next machine and lets it load its engine and open the usual store. */
export function prepareMachineWorker(): void {
  if (spare !== undefined) return;
  const worker = (spare = newWorker());
  worker.onerror = (event) => {
    event.preventDefault();
    if (spare === worker) spare = undefined;
  };
  worker.postMessage({ type: "prepare", store: DATABASE_NAME } satisfies WorkerPreparation);
}

export function createMachineWorker(): WorkerHandle {
  const worker = spare ?? newWorker();
  spare = undefined;
  return {
    postMessage: (message, transfer) => worker.postMessage(message, transfer),
    onFailure(listener) {
      worker.onerror = (event) => {
        event.preventDefault();
        listener(event.message || "the Worker could not be started");
      };
      worker.onmessageerror = () => listener("a message could not be read");
    },
    terminate: () => worker.terminate(),
  };
}

const newWorker = () => new Worker(new URL("./machine-worker.ts", import.meta.url), { type: "module" });

/** For the first state: its thread is there before the manifest that names the state. */
let spareUnpacker: Worker | undefined;

/** Starts the thread that the next file will be unpacked in. */
export function prepareUnpacking(): void {
  spareUnpacker ??= newUnpacker();
}

const newUnpacker = () => new Worker(new URL("./unpack-worker.ts", import.meta.url), { type: "module" });

/** Fetches, checks and unpacks a gzip file of an image in a thread of its own. */
export function unpackInWorker(images: ImageLoader, image: string, file: ImageFile): Promise<Uint8Array> {
  const worker = spareUnpacker ?? newUnpacker();
  spareUnpacker = undefined;
  return new Promise<Uint8Array>((resolve, reject) => {
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message || "the file could not be unpacked"));
    };
    worker.onmessage = ({ data }: MessageEvent<FromUnpackWorker>) => {
      if (data.type === "progress") images.onProgress?.(data.progress);
      else resolve(data.bytes);
    };
    worker.postMessage({ location: images.location, image, file } satisfies ToUnpackWorker);
  }).finally(() => worker.terminate());
}
