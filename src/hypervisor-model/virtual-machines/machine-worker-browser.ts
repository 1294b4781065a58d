/** A machine's thread in the page. */
import { compileV86 } from "../../emulator/v86/compile-browser.ts";
import type { WorkerHandle } from "./running-machine-types.ts";

export { compileV86 as compileEngine };

export function createMachineWorker(): WorkerHandle {
  const worker = new Worker(new URL("./machine-worker.ts", import.meta.url), { type: "module" });
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
