/**
 * What the machines that run here do at the moment, asked every two seconds: the numbers of the strip under a console
 * and of the status line. A guest's addresses are asked of its agent for the machine on the screen alone.
 */
import type { RunningMachine } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import type { FrameCounts } from "./networks.ts";
import { signal } from "./signals.ts";

const EVERY_MS = 2000;
const ASK_AGENT_MS = 1500;

export interface LiveFigures {
  /** Share of one core that the guest took since the last look, 0 to 1. */
  load: number;
  timerInterrupts: number;
  /** Bytes the guest wrote on its console. */
  serialBytes: number;
  diskRead: number;
  diskWritten: number;
  frames: FrameCounts;
  /** Of the adapters that are up; undefined until the agent has told. */
  addresses?: readonly string[];
}

export const liveFigures = signal<ReadonlyMap<string, LiveFigures>>(new Map());

interface Watched {
  machine: RunningMachine;
  serialBytes: number;
  stop: () => void;
}

export class FigureWatch {
  readonly #watched = new Map<string, Watched>();
  readonly #frames: (machine: string) => Promise<FrameCounts>;
  readonly #shown: () => string | undefined;
  #looking = false;

  /** `shown` is the machine on the screen. */
  constructor(frames: (machine: string) => Promise<FrameCounts>, shown: () => string | undefined) {
    this.#frames = frames;
    this.#shown = shown;
  }

  watch(machine: RunningMachine): void {
    const watched: Watched = { machine, serialBytes: 0, stop: () => undefined };
    watched.stop = machine.console.onOutput((bytes) => (watched.serialBytes += bytes.length));
    this.#watched.set(machine.id, watched);
    if (!this.#looking) void this.#keepLooking();
  }

  forget(machine: RunningMachine): void {
    const watched = this.#watched.get(machine.id);
    if (watched?.machine !== machine) return;
    watched.stop();
    this.#watched.delete(machine.id);
    const left = new Map(liveFigures.get());
    left.delete(machine.id);
    liveFigures.set(left);
  }

  /** Until no machine is left. */
  async #keepLooking(): Promise<void> {
    this.#looking = true;
    while (this.#watched.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      const found = await Promise.all([...this.#watched.values()].map((watched) => this.#figures(watched)));
      const figures = found.filter((entry) => entry !== undefined);
      liveFigures.set(new Map(figures.filter(([id]) => this.#watched.has(id))));
    }
    this.#looking = false;
  }

  async #figures({ machine, serialBytes }: Watched): Promise<[string, LiveFigures] | undefined> {
    const { id } = machine;
    const before = liveFigures.get().get(id);
    try {
      const [statistics, frames, addresses] = await Promise.all([
        machine.statistics(),
        this.#frames(id),
        this.#addresses(machine),
      ]);
      const { disks, cdrom, floppy } = machine.driveActivity();
      const drives = [...disks, cdrom, floppy];
      return [
        id,
        {
          load: statistics.load,
          timerInterrupts: statistics.timerInterrupts,
          serialBytes,
          diskRead: drives.reduce((sum, drive) => sum + drive.readBytes, 0),
          diskWritten: drives.reduce((sum, drive) => sum + drive.writtenBytes, 0),
          frames,
          addresses: addresses ?? before?.addresses,
        },
      ];
    } catch {
      // it is starting, or has just ended
      return before && [id, before];
    }
  }

  async #addresses({ id, agent, status }: RunningMachine): Promise<string[] | undefined> {
    if (this.#shown() !== id || document.hidden || status.type !== "running") return undefined;
    try {
      const { nics } = await agent.hello({ timeoutMs: ASK_AGENT_MS });
      const all = nics.filter(({ up }) => up).flatMap(({ addresses }) => addresses);
      return all.filter((address) => !/^(127\.|::1\/|fe80:)/.test(address));
    } catch {
      return undefined; // no agent, or busy
    }
  }
}
