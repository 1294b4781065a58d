/** The benchmarks by name. Each gives rows of one run: the same work by us and by the peer, and their ratio. */
import { benchmarkCore } from "./core.ts";
import { benchmarkNetworkPage } from "./network-page.ts";
import { benchmarkNetwork } from "./network.ts";
import { benchmarkStart } from "./start.ts";
import { benchmarkStorage } from "./storage.ts";

export interface Row {
  work: string;
  /** Both in the same unit. */
  ours: number;
  peer: number;
  ratio: number;
  /** The ratio that must not be exceeded, where there is one. */
  limit?: number;
}

type Benchmark = (imagesFolder: string, log: (line: string) => void) => Promise<Row[]>;

export const benchmarks: Record<string, Benchmark> = {
  core: benchmarkCore,
  network: benchmarkNetwork,
  "network-page": benchmarkNetworkPage,
  start: (imagesFolder, log) => benchmarkStart(imagesFolder, { log }),
  storage: benchmarkStorage,
};

export async function runBenchmark(
  name: string,
  imagesFolder: string,
  log: (line: string) => void,
): Promise<Row[]> {
  return benchmarks[name](imagesFolder, log);
}
