/** Starts the fabric's thread in Node. */
import { Worker, type Transferable as NodeTransferable } from "node:worker_threads";
import { wrap, type Remote } from "comlink";
import type { FabricSetup } from "./fabric-service.ts";
import type { FabricControl } from "./fabric-worker.ts";

export interface FabricThread {
  /** `attach` takes a port by `transfer(port, [port])`. */
  control: Remote<FabricControl>;
  terminate(): void;
}

/** dist/node/fabric-worker.js: from a program there, from one of its chunks, or from the sources (tests). */
function workerFile(): URL {
  const here = import.meta.url;
  if (here.endsWith(".ts")) return new URL("../../../dist/node/fabric-worker.js", here);
  return new URL(here.includes("/chunks/") ? "../fabric-worker.js" : "./fabric-worker.js", here);
}

export function startFabric(setup: FabricSetup): FabricThread {
  const worker = new Worker(workerFile());
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ setup, control: port2 }, [port2 as unknown as NodeTransferable]);
  return {
    control: wrap<FabricControl>(port1),
    terminate() {
      port1.close();
      void worker.terminate();
    },
  };
}
