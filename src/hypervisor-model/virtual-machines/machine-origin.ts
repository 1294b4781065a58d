/** Where a machine starts from: a state it resumes, a warm state of its shape, or its kernel from cold. */
import type { MachineState } from "../../emulator/machine.ts";
import type { StartingPoint } from "./machine-worker-protocol.ts";
import { warmKeyOf, type PreparedBoot } from "./running-machine-boot.ts";
import type { MachineHost, MachineSpec, RunningMachine, StartOptions } from "./running-machine-types.ts";
import { warmStatesOf } from "./warm-start.ts";

export class MachineOrigin {
  readonly #spec: MachineSpec;
  readonly #host: MachineHost;
  readonly #options: StartOptions;
  startedBy: RunningMachine["startedBy"];
  /** Key under which the state at stage wait is to be kept, for a shape that has none yet. */
  captureKey: string | undefined;
  /** Of a machine that has started from a state: its kernel is needed when it is reset. */
  loadKernel: (() => Promise<Uint8Array>) | undefined;
  /** Ends the loan of the warm state. */
  giveBack: ((state: MachineState | undefined) => void) | undefined;

  constructor(spec: MachineSpec, host: MachineHost, options: StartOptions) {
    this.#spec = spec;
    this.#host = host;
    this.#options = options;
  }

  /** Loads the kernel of a machine that is known to boot it. */
  async beforeBuilding(prepared: PreparedBoot): Promise<void> {
    const { boot, kernel } = prepared;
    if (this.#mayBeWarm(prepared) || boot.type !== "linux" || kernel === undefined) return;
    if (this.#options.resume === undefined || this.#spec.engine !== "v86") boot.kernel = await kernel();
    else this.loadKernel = kernel;
  }

  async find(prepared: PreparedBoot): Promise<StartingPoint> {
    if (this.#mayBeWarm(prepared)) return this.#warmState(prepared);
    const { resume } = this.#options;
    this.startedBy = resume === undefined ? "cold" : "resume";
    return { state: resume, stateIsLent: false };
  }

  #mayBeWarm({ hasAgent, image }: PreparedBoot): boolean {
    const { resume, mode = "warm" } = this.#options;
    const asked = resume === undefined && mode === "warm";
    return asked && hasAgent && image !== undefined && this.#spec.engine === "v86";
  }

  /** The warm state of this shape; without one the kernel: the machine boots cold, and its state will be kept. */
  async #warmState(prepared: PreparedBoot): Promise<StartingPoint> {
    const key = warmKeyOf(prepared);
    const lent = await warmStatesOf(this.#host).borrow(prepared.image!, key);
    if (lent === undefined) {
      this.startedBy = "cold";
      this.captureKey = key;
      return { stateIsLent: false, kernel: await prepared.kernel?.() };
    }
    this.startedBy = "warm";
    this.giveBack = lent.giveBack;
    this.loadKernel = prepared.kernel;
    return { state: lent.state, stateIsLent: true };
  }
}
