/**
 * Networks held and let go frame by frame. The machines on a held network stand still with it: their owner is asked to
 * pause and run them. A step delivers the frame that is due; when none is, machines and timers go on until one is, and
 * stop again. So guests and network see the same time, however slowly it is looked at.
 */
import type { Fabric, PortId } from "./fabric.ts";
import type { NetworkStep } from "./network.ts";

/** Steps of one network count from 1 since it was held. */
export interface NumberedStep extends NetworkStep {
  number: number;
}

export type StepListener = (step: NumberedStep) => void;

/** Pauses machines or lets them run on, by the names given to `attach`; resolves when it is done. */
export type MachineClocks = (machines: string[], running: boolean) => void | Promise<void>;

/** A network with nothing on its way is let run for so long in one step. */
const SEEK_MS = 1000;
/** An owner that does not answer does not hold the step. */
const OWNER_MS = 5000;
const MAX_STEPS = 2000;
const MAX_STEP_BYTES = 8 * 2 ** 20;
const MAX_STEPS_PER_SECOND = 1000;

interface Held {
  steps: NumberedStep[];
  bytes: number;
  count: number;
  /** Steps per second, while it plays. */
  playing: number | undefined;
  /** One step after the other. */
  turn: Promise<unknown>;
  /** Ends the search for a frame. */
  found: (() => void) | undefined;
}

export class StepMode {
  /** Told of each step, also of those asked for by `step`. */
  readonly listeners = new Map<string, StepListener>();
  machineClocks: MachineClocks | undefined;
  readonly #fabric: Fabric;
  /** Called when the fabric has done or awaits something. */
  readonly #wake: () => void;
  readonly #held = new Map<string, Held>();
  readonly #machines = new Map<PortId, string>();
  readonly #paused = new Set<string>();
  /** Messages to the owner, in order. */
  #told: Promise<void> = Promise.resolve();

  constructor(fabric: Fabric, wake: () => void) {
    this.#fabric = fabric;
    this.#wake = wake;
  }

  setMachine(port: PortId, machine: string | undefined): void {
    if (machine === undefined) this.#machines.delete(port);
    else this.#machines.set(port, machine);
    this.changed();
  }

  /** Resolves when the machines stand still. The history begins anew. */
  async hold(network: string): Promise<void> {
    if (this.#held.has(network)) return;
    this.#fabric.hold(network, performance.now());
    this.#held.set(network, {
      steps: [],
      bytes: 0,
      count: 0,
      playing: undefined,
      turn: Promise.resolve(),
      found: undefined,
    });
    await this.#pauseAndRun();
  }

  async release(network: string): Promise<void> {
    const held = this.#held.get(network);
    if (held === undefined) return;
    this.#held.delete(network);
    held.playing = undefined;
    held.found?.();
    this.#fabric.release(network, performance.now());
    this.#wake();
    await this.#pauseAndRun();
  }

  /** Undefined when nothing was on its way for a second, or the network is not held. */
  step(network: string): Promise<NumberedStep | undefined> {
    const held = this.#held.get(network);
    if (held === undefined) return Promise.resolve(undefined);
    const step = held.turn.then(() => this.#step(network, held));
    held.turn = step.catch(() => undefined);
    return step;
  }

  /** Holds the network and steps at this speed until `stop`; a second call changes the speed. Throws `RangeError`. */
  async play(network: string, stepsPerSecond: number): Promise<void> {
    if (!(stepsPerSecond > 0 && stepsPerSecond <= MAX_STEPS_PER_SECOND)) {
      throw new RangeError(`steps a second: expected more than 0, at most ${MAX_STEPS_PER_SECOND}`);
    }
    await this.hold(network);
    const held = this.#held.get(network);
    if (held === undefined) return;
    const plays = held.playing !== undefined;
    held.playing = stepsPerSecond;
    if (!plays) void this.#play(network, held);
  }

  /** The network stays held. */
  stop(network: string): void {
    const held = this.#held.get(network);
    if (held !== undefined) held.playing = undefined;
  }

  /** Steps a second, while it plays. */
  playing(network: string): number | undefined {
    return this.#held.get(network)?.playing;
  }

  /** The steps still kept, oldest first, from a number on. They are looked at: what was done stays done. */
  history(network: string, from = 1): NumberedStep[] {
    return this.#held.get(network)?.steps.filter(({ number }) => number >= from) ?? [];
  }

  /** After frames have come or time has gone on. */
  check(): void {
    for (const [name, held] of this.#held) {
      if (held.found !== undefined && this.#fabric.networks.get(name)?.stepDue === true) held.found();
    }
  }

  /** After NICs have come, gone or changed networks. */
  changed(): void {
    if (this.#held.size > 0 || this.#paused.size > 0) void this.#pauseAndRun();
  }

  async #step(network: string, held: Held): Promise<NumberedStep | undefined> {
    const fabric = this.#fabric;
    const there = () => this.#held.get(network) === held && fabric.networks.has(network);
    while (there() && !fabric.network(network).stepDue) {
      await this.#seek(network, held);
      if (!there()) break;
      const { stepDue, scheduler } = fabric.network(network);
      // A frame on a long way is waited for.
      if (!stepDue && scheduler.framesInFlight === 0) break;
    }
    const step = there() ? fabric.step(network) : undefined;
    if (step === undefined) return undefined;
    const numbered = { number: ++held.count, ...step };
    this.#keep(held, numbered);
    this.listeners.get(network)?.(numbered);
    // The step may have handed a packet to another network.
    fabric.tick(performance.now());
    this.#wake();
    return numbered;
  }

  /** Lets machines and timers go on until a step is due, for at most a second. */
  async #seek(network: string, held: Held): Promise<void> {
    const found = new Promise<void>((resolve) => (held.found = resolve));
    await this.#pauseAndRun();
    if (this.#held.get(network) === held) {
      this.#fabric.seek(network, performance.now());
      this.#wake();
      this.check();
      const timer = setTimeout(() => held.found?.(), SEEK_MS);
      await found;
      clearTimeout(timer);
    }
    held.found = undefined;
    if (this.#held.get(network) === held && this.#fabric.networks.has(network))
      this.#fabric.stopSeeking(network, performance.now());
    await this.#pauseAndRun();
  }

  async #play(network: string, held: Held): Promise<void> {
    while (held.playing !== undefined) {
      const began = performance.now();
      await this.step(network).catch(() => this.stop(network));
      const rest = 1000 / (held.playing ?? MAX_STEPS_PER_SECOND) - (performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, rest)));
    }
  }

  #keep(held: Held, step: NumberedStep): void {
    held.steps.push(step);
    held.bytes += step.hop?.bytes.length ?? 0;
    while (held.steps.length > MAX_STEPS || held.bytes > MAX_STEP_BYTES) {
      held.bytes -= held.steps.shift()!.hop?.bytes.length ?? 0;
    }
  }

  /** Tells the owner which machines shall stand still and which run. */
  #pauseAndRun(): Promise<void> {
    this.#told = this.#told.then(() => this.#tellChanges());
    return this.#told;
  }

  async #tellChanges(): Promise<void> {
    const still = new Set<string>();
    const going = new Set<string>();
    for (const [port, machine] of this.#machines) {
      const held = this.#held.get(this.#fabric.networkOf(port).config.name);
      if (held !== undefined) (held.found === undefined ? still : going).add(machine);
    }
    // A router on two held networks goes on with either.
    for (const machine of going) still.delete(machine);
    const pause = [...still].filter((machine) => !this.#paused.has(machine));
    const run = [...this.#paused].filter((machine) => !still.has(machine));
    for (const machine of pause) this.#paused.add(machine);
    for (const machine of run) this.#paused.delete(machine);
    await this.#tell(pause, false);
    await this.#tell(run, true);
  }

  async #tell(machines: string[], running: boolean): Promise<void> {
    if (machines.length === 0 || this.machineClocks === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, OWNER_MS)));
    try {
      await Promise.race([this.machineClocks(machines, running), late]);
    } catch {
      // An owner that is gone has no machines to pause.
    } finally {
      clearTimeout(timer);
    }
  }
}
