/** The benchmarks by name. Each gives rows of one run: the same work by us and by the peer, and their ratio. */
import type { BenchmarkRow } from "./benchmark-row.ts";
import { benchmarkCore } from "./core.ts";
import { benchmarkDebugger } from "./debugger.ts";
import { benchmarkNetworkPage } from "./network-page.ts";
import { benchmarkNetwork } from "./network.ts";
import { benchmarkStart } from "./start.ts";
import { benchmarkStorage } from "./storage.ts";

export type { BenchmarkRow as Row } from "./benchmark-row.ts";

/** Whether a part of a benchmark was asked for; one without parts is always whole. */
export type Wants = (part: string) => boolean;

type Benchmark = (imagesFolder: string, log: (line: string) => void, wants: Wants) => Promise<BenchmarkRow[]>;

export const benchmarks: Record<string, Benchmark> = {
  core: benchmarkCore,
  debugger: benchmarkDebugger,
  network: benchmarkNetwork,
  "network-page": benchmarkNetworkPage,
  start: (imagesFolder, log) => benchmarkStart(imagesFolder, { log }),
  storage: benchmarkStorage,
};

export async function runBenchmark(
  name: string,
  imagesFolder: string,
  log: (line: string) => void,
  wants: Wants = () => true,
): Promise<BenchmarkRow[]> {
  return benchmarks[name](imagesFolder, log, wants);
}
