/** A machine's thread in Node. */
import { Worker, type Transferable as NodeTransferable } from "node:worker_threads";
import { compileV86 } from "../../emulator/v86/compile-node.ts";
import type { WorkerHandle } from "./running-machine-types.ts";

export { compileV86 as compileEngine };

/** dist/node/machine-worker.js: from a program there, from one of its chunks, or from the sources (tests). */
export function machineWorkerFile(): URL {
  const here = import.meta.url;
  if (here.endsWith(".ts")) return new URL("../../../dist/node/machine-worker.js", here);
  return new URL(here.includes("/chunks/") ? "../machine-worker.js" : "./machine-worker.js", here);
}

/** A thread that has been started before there is a machine for it; it does not keep the program alive. */
let spare: Worker | undefined;

/** Starts the thread of the next machine: that takes as long as restoring a state. */
export function prepareMachineWorker(): void {
  if (spare !== undefined) return;
  const worker = (spare = new Worker(machineWorkerFile()));
  worker.unref();
  const gone = () => {
    if (spare === worker) spare = undefined;
  };
  worker.on("error", gone);
  worker.on("exit", gone);
}

export function createMachineWorker(): WorkerHandle {
  const worker = spare ?? new Worker(machineWorkerFile());
  spare = undefined;
  worker.ref();
  return workerHandle(worker);
}

export function workerHandle(worker: Worker): WorkerHandle {
  let ended = false;
  return {
    postMessage: (message, transfer) =>
      worker.postMessage(message, transfer as unknown as NodeTransferable[]),
    onFailure(listener) {
      const once = (detail: string) => {
        if (ended) return;
        ended = true;
        listener(detail);
      };
      worker.on("error", (error: Error) => once(error.stack ?? error.message));
      worker.on("messageerror", (error) => once(error.message));
      worker.on("exit", (code) => once(`the thread ended with status ${code}`));
    },
    terminate() {
      ended = true;
      void worker.terminate();
    },
  };
}
