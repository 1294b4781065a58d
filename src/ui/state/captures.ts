/** The captures of this session by the place they are taken at: a network, or the cable of a machine. */
import { Capture } from "./capture.ts";
import { FabricSource, FileSource } from "./capture-source.ts";
import { laboratory } from "./laboratory.ts";
import { nicName } from "./nic-name.ts";
import { signal } from "./signals.ts";

/** Each keeps up to 64 MB of frames. */
export const MAX_CAPTURES = 3;

export interface OpenCapture {
  /** "vmnet8", "web-1:ens33", "vmnet8/gateway", or a file's name. */
  name: string;
  kind: "place" | "file";
  capture: Capture;
}

export const captures = signal<readonly OpenCapture[]>([]);

export function findCapture(name: string): OpenCapture | undefined {
  return captures.get().find((open) => open.name === name);
}

/** Begins to capture on a network, the cable of a running machine or of a network's own device. False when there is no such. */
export async function startCapture(place: string): Promise<boolean> {
  const at = laboratory.networks.configs.get().some(({ name }) => name === place)
    ? place
    : await cableOf(place);
  if (at === undefined) return false;
  const source = new FabricSource(at);
  await source.start();
  captures.set([...captures.get(), { name: place, kind: "place", capture: new Capture(source) }]);
  return true;
}

/** Throws `PcapError`. */
export async function openCaptureFile(file: File): Promise<string> {
  const capture = new Capture(new FileSource(new Uint8Array(await file.arrayBuffer())));
  captures.set([
    ...captures.get().filter(({ name }) => name !== file.name),
    { name: file.name, kind: "file", capture },
  ]);
  return file.name;
}

export async function clearCapture({ capture }: OpenCapture): Promise<void> {
  if (capture.source instanceof FabricSource) await capture.source.start();
  capture.forget();
}

export async function discardCapture({ name, capture }: OpenCapture): Promise<void> {
  capture.unwatch();
  captures.set(captures.get().filter((open) => open.name !== name));
  if (capture.source instanceof FabricSource) await capture.source.discard().catch(() => undefined);
}

async function cableOf(place: string): Promise<number | undefined> {
  for (const { id, name, session } of laboratory.machines.get()) {
    if (!session) continue;
    const nics = session.machine.spec.nics.length;
    for (let i = 0; i < nics; i++) {
      const own = session.machine.spec.name;
      if (place === `${own}:${nicName(i)}` || place === `${name}:${nicName(i)}`) {
        return laboratory.networks.portOf(id, i);
      }
    }
  }
  const network = laboratory.networks.configs.get().find(({ name }) => place.startsWith(`${name}/`))?.name;
  if (network === undefined) return undefined;
  return laboratory.networks.portOfCable({ network, device: place.slice(network.length + 1) });
}
