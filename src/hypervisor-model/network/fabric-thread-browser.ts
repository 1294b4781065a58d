/** Starts the fabric's thread in the page. */
import { wrap } from "comlink";
import type { FabricSetup } from "./fabric-service.ts";
import type { FabricThread } from "./fabric-thread-node.ts";
import type { FabricControl } from "./fabric-worker.ts";

export function startFabric(setup: FabricSetup): FabricThread {
  const worker = new Worker(new URL("./fabric-worker.ts", import.meta.url), { type: "module" });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ setup, control: port2 }, [port2]);
  return {
    control: wrap<FabricControl>(port1),
    terminate() {
      port1.close();
      worker.terminate();
    },
  };
}
