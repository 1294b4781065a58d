/** A machine's thread in Node. */
import { Worker, type Transferable as NodeTransferable } from "node:worker_threads";
import { compileV86 } from "../../emulator/v86/compile-node.ts";
import type { WorkerHandle } from "./running-machine-types.ts";

export { compileV86 as compileEngine };

/** dist/node/machine-worker.js, whether this code ended up beside it or among the shared chunks. */
function workerFile(): URL {
  return new URL(
    import.meta.url.includes("/chunks/") ? "../machine-worker.js" : "./machine-worker.js",
    import.meta.url,
  );
}

export function createMachineWorker(): WorkerHandle {
  const worker = new Worker(workerFile());
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
