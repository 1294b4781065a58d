/** The body of the fabric's thread: the same in a browser's Worker and in a worker thread of Node. */
import { expose, transfer } from "comlink";
import { FabricService, type CapturePlace, type FabricSetup } from "./fabric-service.ts";

/** The first and only message; commands go through `control` by comlink. */
export interface FabricStart {
  setup: FabricSetup;
  control: MessagePort;
}

class RemoteFabric extends FabricService {
  override exportCapture(place: CapturePlace): Uint8Array {
    const file = super.exportCapture(place);
    return transfer(file, [file.buffer as ArrayBuffer]);
  }
}

export type FabricControl = RemoteFabric;

function begin(start: FabricStart): void {
  expose(new RemoteFabric(start.setup), start.control);
}

/** Not a literal, so that the page's bundle does not look for it. */
const NODE_THREADS = "node:worker_threads";

if (!("WorkerGlobalScope" in globalThis)) {
  const { parentPort } = await import(/* @vite-ignore */ NODE_THREADS);
  parentPort.once("message", begin);
} else {
  addEventListener("message", (event: MessageEvent<FabricStart>) => begin(event.data), { once: true });
}
