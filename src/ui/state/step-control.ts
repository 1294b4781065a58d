/**
 * The step mode of one network, as the page drives it: hold, one frame on, play, back through what has happened. Going
 * back looks at history; nothing is undone.
 */
import { proxy } from "comlink";
import type { NumberedStep } from "../../hypervisor-model/network/step-mode.ts";
import { laboratory } from "./laboratory.ts";
import { signal } from "./signals.ts";

export const SPEEDS = [0.5, 1, 2, 5, 10] as const;
const MAX_KEPT = 2000;

export class StepControl {
  readonly network: string;
  readonly held = signal(false);
  readonly steps = signal<readonly NumberedStep[]>([]);
  /** Place in `steps` of the frame in hand; -1 before the first. */
  readonly at = signal(-1);
  readonly playing = signal(false);
  readonly speed = signal<number>(1);
  /** Something is being waited for: a frame, or the machines. */
  readonly busy = signal(false);
  /** The last step found no frame on its way. */
  readonly nothing = signal(false);

  constructor(network: string) {
    this.network = network;
  }

  get #fabric() {
    return laboratory.networks.fabric;
  }

  get inHand(): NumberedStep | undefined {
    return this.steps.get()[this.at.get()];
  }

  async hold(): Promise<void> {
    if (this.held.get()) return;
    this.held.set(true);
    this.steps.set([]);
    this.at.set(-1);
    await this.#wait(async () => {
      await this.#fabric.watchSteps(
        this.network,
        proxy((step: NumberedStep) => this.#take(step)),
      );
      await this.#fabric.hold(this.network);
    });
  }

  async release(): Promise<void> {
    if (!this.held.get()) return;
    this.playing.set(false);
    this.held.set(false);
    await this.#wait(async () => {
      await this.#fabric.release(this.network);
      await this.#fabric.watchSteps(this.network, undefined);
    });
  }

  /** One frame on: in history while it lasts, then on the network. */
  async forward(): Promise<void> {
    if (this.at.get() < this.steps.get().length - 1) return this.at.set(this.at.get() + 1);
    if (this.busy.get() || !this.held.get()) return;
    await this.#wait(async () => {
      const step = await this.#fabric.step(this.network);
      this.nothing.set(step === undefined);
    });
  }

  back(): void {
    void this.stop();
    this.at.set(Math.max(0, this.at.get() - 1));
  }

  show(place: number): void {
    this.at.set(place);
  }

  async play(): Promise<void> {
    this.playing.set(true);
    this.nothing.set(false);
    this.at.set(this.steps.get().length - 1);
    await this.#fabric.play(this.network, this.speed.get());
  }

  async stop(): Promise<void> {
    if (!this.playing.get()) return;
    this.playing.set(false);
    await this.#fabric.stop(this.network);
  }

  async setSpeed(speed: number): Promise<void> {
    this.speed.set(speed);
    if (this.playing.get()) await this.#fabric.play(this.network, speed);
  }

  #take(step: NumberedStep): void {
    const atEnd = this.at.get() >= this.steps.get().length - 1;
    this.steps.set([...this.steps.get(), step].slice(-MAX_KEPT));
    if (atEnd) this.at.set(this.steps.get().length - 1);
    this.nothing.set(false);
  }

  async #wait(act: () => Promise<void>): Promise<void> {
    this.busy.set(true);
    try {
      await act();
    } finally {
      this.busy.set(false);
    }
  }
}

const controls = new Map<string, StepControl>();

export function stepControl(network: string): StepControl {
  let control = controls.get(network);
  if (!control) controls.set(network, (control = new StepControl(network)));
  return control;
}
