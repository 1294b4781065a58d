/** What the switches tell while somebody looks at the Network workspace: asked twice a second, and rates from the counts. */
import type { NetworkStatus } from "../../hypervisor-model/network/network.ts";
import { laboratory } from "./laboratory.ts";
import { signal } from "./signals.ts";

const EVERY_MS = 500;

export const networkStatuses = signal<ReadonlyMap<string, NetworkStatus>>(new Map());
/** Frames a second on each cable, both directions, by the cable's name ("vmnet8/web-1:ens33"). */
export const frameRates = signal<ReadonlyMap<string, number>>(new Map());

let watchers = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Begins to ask; the function it gives ends it. */
export function watchNetworks(): () => void {
  if (++watchers === 1) void look();
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    if (--watchers > 0) return;
    clearTimeout(timer);
    timer = undefined;
  };
}

/** Asks at once, after a change. */
export async function look(): Promise<void> {
  clearTimeout(timer);
  try {
    if (!document.hidden) await ask();
  } catch {
    // a network was taken away in between: the next look shows it
  }
  if (watchers > 0) {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), EVERY_MS);
  }
}

let lastAt = 0;

async function ask(): Promise<void> {
  const { fabric } = laboratory.networks;
  const names = await fabric.networkNames();
  const all = await Promise.all(names.map((name) => fabric.status(name)));
  const now = performance.now();
  const seconds = (now - lastAt) / 1000;
  lastAt = now;
  const before = networkStatuses.get();
  const rates = new Map<string, number>();
  for (const { name, ports } of all) {
    const known = new Map(before.get(name)?.ports.map((port) => [port.name, port.framesIn + port.framesOut]));
    for (const port of ports) {
      const more = port.framesIn + port.framesOut - (known.get(port.name) ?? port.framesIn + port.framesOut);
      if (more > 0 && seconds > 0) rates.set(port.name, more / seconds);
    }
  }
  networkStatuses.set(new Map(all.map((status) => [status.name, status])));
  frameRates.set(rates);
}
