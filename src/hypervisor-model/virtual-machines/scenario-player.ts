/** Plays a scenario: powers every machine on, then runs the steps in order, one function a type of step. */
import type { Random } from "../../common/random.ts";
import type { MachineState } from "../../emulator/machine.ts";
import { AgentTimeoutError } from "../../emulator/agent/agent-types.ts";
import type { MachineDefinition, MediumReference } from "./definition.ts";
import { listSnapshots } from "../storage/snapshots.ts";
import type { Store } from "../storage/store.ts";
import type { MachineLibrary } from "./library.ts";
import { refusal, RefusedActionError, type MachineAction } from "./lifecycle.ts";
import type { StoreContents } from "./machine-contents.ts";
import { machineSpecOf } from "./machine-spec.ts";
import { MachineStorage, type MachinePower } from "./machine-storage.ts";
import { describeReason } from "./reasons.ts";
import { startMachine, type MachineHost, type RunningMachine, type StartOptions } from "./running-machine.ts";
import type { Scenario, ScenarioStep } from "./scenario.ts";

/** The shape of `ringside run --json`. */
export interface StepResult {
  index: number;
  ok: boolean;
  exit: number | null;
  output: string;
  seconds: number;
  error: string | null;
}

type FaultStep = Extract<ScenarioStep, { type: "fault" }>["fault"];
/** What a `fault` step changes on a cable; what is left out keeps its value. */
export type CableFault = Omit<Extract<FaultStep, { machine: string }>, "network" | "machine">;
/** What it puts on a network or, with `false`, takes away. */
export type NetworkFault = Omit<Exclude<FaultStep, { machine: string } | { device: string }>, "network">;

/** The networks that the machines' cards are on. */
export interface ScenarioCables {
  /** Told when a card's cable gets or loses contact, by a fault or by itself. */
  onCarrier: ((machine: string, nic: number, up: boolean) => void) | undefined;
  /** A cable for each card of a machine that is being powered on. */
  connect(machine: string, networks: readonly (string | null)[]): Promise<(MessagePort | undefined)[]>;
  fault(machine: string, network: string, fault: CableFault): Promise<void>;
  /** On the cable of a device that the network itself has. */
  deviceFault(device: string, network: string, fault: CableFault): Promise<void>;
  networkFault(network: string, fault: NetworkFault): Promise<void>;
}

export interface ScenarioWorld {
  host: MachineHost;
  store: Store;
  /** Has the machines of the file, under the names they have there. */
  library: MachineLibrary;
  contents: StoreContents;
  random: Random;
  cables: ScenarioCables;
  readMedium(medium: MediumReference): Promise<Uint8Array>;
  /** Milliseconds, for the seconds in the results. */
  now(): number;
  log(line: string): void;
  mode?: "warm" | "cold";
}

const SHUT_DOWN_MS = 60_000;
const START_MS = 180_000;

type Outcome = Pick<StepResult, "ok" | "exit" | "output" | "error">;
const fine: Outcome = { ok: true, exit: null, output: "", error: null };
const failed = (error: string): Outcome => ({ ok: false, exit: null, output: "", error });

export class ScenarioPlayer implements MachinePower {
  readonly #world: ScenarioWorld;
  readonly #storage: MachineStorage;
  /** By the machine's id. */
  readonly #running = new Map<string, RunningMachine>();
  /** Machines that could not be powered on before the first step. */
  readonly notStarted: string[] = [];
  /** By `machine/network`: carrier as a fault has left it. */
  readonly #links = new Map<string, boolean>();

  constructor(world: ScenarioWorld) {
    this.#world = world;
    world.cables.onCarrier = (machine, nic, up) => {
      const definition = world.library.findByName(machine);
      if (definition !== undefined) this.running(definition.id)?.setLink(nic, up);
    };
    this.#storage = new MachineStorage({ ...world, power: this, now: Date.now });
  }

  async play({ machines, steps }: Scenario): Promise<StepResult[]> {
    const results: StepResult[] = [];
    try {
      await this.start(machines);
      for (const [index, step] of steps.entries()) {
        const result = await this.perform(step, index);
        results.push(result);
        this.#world.log(
          `step ${index}: ${result.ok ? "ok" : `failed: ${result.error}`} (${stepTitle(step)})`,
        );
      }
    } finally {
      await this.end();
    }
    return results;
  }

  /** Powers the machines on, one after another; those that do not start are named in `notStarted`. */
  async start(machines: Scenario["machines"]): Promise<void> {
    for (const { name } of machines) {
      const error = await this.#powerOn(name).then(() => undefined, messageOf);
      if (error !== undefined) this.notStarted.push(name);
      this.#world.log(error === undefined ? `${name}: on` : `${name}: did not start: ${error}`);
    }
  }

  /** One step; what goes wrong is in the result. */
  async perform(step: ScenarioStep, index = 0): Promise<StepResult> {
    const began = this.#world.now();
    const outcome = await this.#step(step).catch((error: unknown) => failed(messageOf(error)));
    const { ok, exit, output, error } = outcome;
    return { index, ok, exit, output, seconds: Math.round(this.#world.now() - began) / 1000, error };
  }

  get storage(): MachineStorage {
    return this.#storage;
  }

  powerState(id: string): "running" | "suspended" | "off" {
    if (this.running(id) !== undefined) return "running";
    return this.#isSuspended(id) ? "suspended" : "off";
  }

  /** Pulls every plug. */
  async end(): Promise<void> {
    await Promise.allSettled([...this.#running.keys()].map((id) => this.powerOff(id)));
  }

  #step(step: ScenarioStep): Promise<Outcome> {
    switch (step.type) {
      case "run":
        return this.#run(step);
      case "power":
        return this.#power(step);
      case "fault":
        return this.#fault(step);
      case "snapshot":
        return this.#snapshot(step);
      case "clone":
        return this.#clone(step);
      case "revert":
        return this.#revert(step);
      default:
        return step satisfies never;
    }
  }

  async #run(step: Extract<ScenarioStep, { type: "run" }>): Promise<Outcome> {
    const machine = this.running(this.#definition(step.on).id);
    if (machine === undefined) return failed(`${step.on} is not running`);
    const decode = { stdout: new TextDecoder(), stderr: new TextDecoder() };
    const heard = { stdout: "", stderr: "" };
    let exit: number;
    try {
      const result = await machine.agent.run(step.run, {
        timeoutMs: step.timeoutSeconds * 1000,
        onOutput: (stream, bytes) => {
          heard[stream] += decode[stream].decode(bytes, { stream: true });
        },
      });
      exit = result.exit;
    } catch (error) {
      const output = heard.stdout + heard.stderr;
      const late = error instanceof AgentTimeoutError;
      return {
        ok: false,
        exit: null,
        output,
        error: late ? `no end after ${step.timeoutSeconds} s` : messageOf(error),
      };
    }
    const output = heard.stdout + decode.stdout.decode() + heard.stderr + decode.stderr.decode();
    const error = unmet(step.expect, exit, output) ?? null;
    return { ok: error === null, exit, output, error };
  }

  async #power({ power: name, to }: Extract<ScenarioStep, { type: "power" }>): Promise<Outcome> {
    const { library, contents } = this.#world;
    const { id } = this.#definition(name);
    const machine = this.running(id);
    const reason = refusal(this.powerState(id), ACTION_OF[to]);
    if (reason !== undefined) return failed(`${name}: ${describeReason(reason)}`);
    switch (to) {
      case "on":
      case "resume":
        await this.#powerOn(name);
        break;
      case "off":
        if (machine === undefined) await library.discard(id);
        else await this.powerOff(id);
        break;
      case "shutdown":
        await machine?.shutDown({ timeoutMs: SHUT_DOWN_MS });
        await library.release(id, "off");
        break;
      case "suspend":
        if (machine === undefined) break;
        this.#running.delete(id);
        await contents.keepState(id, await machine.suspend());
        await library.release(id, "suspended");
        break;
      case "reset":
        if (machine !== undefined) await this.#reset(machine);
        break;
      default:
        to satisfies never;
    }
    return fine;
  }

  async #snapshot({ snapshot, name, memory }: Extract<ScenarioStep, { type: "snapshot" }>): Promise<Outcome> {
    const { id } = this.#definition(snapshot);
    if (memory && this.running(id) === undefined && !this.#isSuspended(id))
      return failed(`${snapshot}: ${describeReason({ key: "off" })}, so there is no memory to keep`);
    await this.#storage.snapshots.take(id, { name, memory });
    return fine;
  }

  async #clone(step: Extract<ScenarioStep, { type: "clone" }>): Promise<Outcome> {
    const { id } = this.#definition(step.clone);
    const snapshot = step.snapshot === undefined ? undefined : await this.#findSnapshot(id, step.snapshot);
    await this.#storage.clones.clone(id, {
      name: step.as,
      kind: step.kind,
      ...(snapshot === undefined ? {} : { snapshot }),
      ...(step.macs === undefined ? {} : { macs: step.macs }),
    });
    return fine;
  }

  async #revert({ revert, to }: Extract<ScenarioStep, { type: "revert" }>): Promise<Outcome> {
    const { id } = this.#definition(revert);
    await this.#storage.snapshots.revert(id, await this.#findSnapshot(id, to));
    return fine;
  }

  /** The newest of that name. */
  async #findSnapshot(machine: string, name: string): Promise<string> {
    const found = (await listSnapshots(this.#world.store, machine)).findLast((one) => one.name === name);
    if (found === undefined) throw new Error(`no snapshot "${name}"`);
    return found.id;
  }

  running(id: string): RunningMachine | undefined {
    return this.#running.get(id);
  }

  async powerOff(id: string): Promise<void> {
    const machine = this.#running.get(id);
    this.#running.delete(id);
    await machine?.powerOff();
    await this.#world.library.release(id, "off");
  }

  async resume(id: string): Promise<void> {
    await this.#powerOn(this.#world.library.nameOf(id));
  }

  #isSuspended(id: string): boolean {
    return this.#world.library.power(id).state === "suspended";
  }

  async #fault({ fault }: Extract<ScenarioStep, { type: "fault" }>): Promise<Outcome> {
    if ("device" in fault) {
      const { device, network, ...changes } = fault;
      await this.#world.cables.deviceFault(device, network, changes);
      return fine;
    }
    if (!("machine" in fault)) {
      const { network, ...changes } = fault;
      await this.#world.cables.networkFault(network, changes);
      return fine;
    }
    const { machine, network, ...changes } = fault;
    await this.#world.cables.fault(machine, network, changes);
    if (changes.linkUp !== undefined) {
      this.#links.set(`${machine}/${network}`, changes.linkUp);
      // The cable tells it too, but perhaps after the next step has begun.
      const { id, nics } = this.#definition(machine);
      for (const [i, nic] of nics.entries()) {
        if (nic.network === network) this.running(id)?.setLink(i, changes.linkUp);
      }
    }
    return fine;
  }

  async #reset(machine: RunningMachine): Promise<void> {
    const before = machine.agent.status?.bootId;
    const up = new Promise<void>((resolve) => {
      const stop = machine.agent.onStatus((status) => {
        if (!status.ready || status.bootId === before) return;
        stop();
        resolve();
      });
    });
    await machine.reset();
    await within(up, START_MS, "the guest did not come back after the reset");
  }

  /** Resolves when the agent answers and the guest's start-up scripts are done. A suspended machine goes on. */
  async #powerOn(name: string): Promise<void> {
    const definition = this.#definition(name);
    const { id } = definition;
    const { mode, library, contents } = this.#world;
    const isSuspended = this.#isSuspended(id);
    await library.claim(id);
    let machine: RunningMachine;
    try {
      const resume: MachineState | undefined = isSuspended ? await contents.savedState(id) : undefined;
      machine = await this.#start(definition, resume === undefined ? { mode } : { resume });
      await machine.started;
    } catch (error) {
      this.#running.delete(id);
      await library.release(id, isSuspended ? "suspended" : "off");
      throw error;
    }
    if (isSuspended) await contents.deleteSavedState(id);
    await within(machine.ready, START_MS, "the guest's agent did not answer");
    if (machine.agent.status?.ready === true) return;
    const scripts = new Promise<void>((resolve) => {
      const stop = machine.agent.onStatus(({ ready }) => {
        if (!ready) return;
        stop();
        resolve();
      });
    });
    await within(scripts, START_MS, "the guest's start-up did not end");
  }

  async #start(definition: MachineDefinition, options: StartOptions): Promise<RunningMachine> {
    const { id, name } = definition;
    const { host, cables, readMedium } = this.#world;
    const spec = await machineSpecOf(definition, readMedium);
    const networks = definition.nics.map(({ network }) => network);
    const ports = await cables.connect(name, networks);
    for (const [i, nic] of spec.nics.entries()) {
      nic.port = ports[i];
      nic.connected &&= this.#links.get(`${name}/${networks[i]}`) ?? true;
    }
    const machine = startMachine(spec, host, options);
    this.#running.set(id, machine);
    void this.#forgetWhenEnded(definition, machine);
    return machine;
  }

  async #forgetWhenEnded({ id, name }: MachineDefinition, machine: RunningMachine): Promise<void> {
    const { type } = await machine.ended;
    if (this.#running.get(id) !== machine) return;
    this.#running.delete(id);
    await this.#world.library.release(id, "off");
    this.#world.log(`${name}: ended (${type})`);
  }

  #definition(name: string): MachineDefinition {
    const definition = this.#world.library.findByName(name);
    if (definition === undefined) throw new Error(`no machine "${name}"`);
    return definition;
  }
}

const ACTION_OF: Record<Extract<ScenarioStep, { type: "power" }>["to"], MachineAction> = {
  on: "power-on",
  off: "power-off",
  shutdown: "shut-down",
  reset: "reset",
  suspend: "suspend",
  resume: "resume",
};

/** What an expectation misses; `undefined` when it holds. */
export function unmet(
  expect: Extract<ScenarioStep, { type: "run" }>["expect"],
  exit: number,
  output: string,
): string | undefined {
  if (expect?.exit === "nonzero" && exit === 0) return "exit status 0, expected another";
  if (typeof expect?.exit === "number" && exit !== expect.exit) {
    return `exit status ${exit}, expected ${expect.exit}`;
  }
  if (expect?.output !== undefined && !output.includes(expect.output)) {
    return `the output does not contain ${JSON.stringify(expect.output)}`;
  }
  if (expect?.outputMatches !== undefined && !new RegExp(expect.outputMatches).test(output)) {
    return `the output does not match /${expect.outputMatches}/`;
  }
  return undefined;
}

function stepTitle(step: ScenarioStep): string {
  if (step.type === "run") return `${step.on}: ${step.run}`;
  if (step.type === "power") return `${step.power}: power ${step.to}`;
  return step.type;
}

function messageOf(error: unknown): string {
  if (error instanceof RefusedActionError) return describeReason(error.reason);
  return error instanceof Error ? error.message : String(error);
}

async function within<T>(promise: Promise<T>, milliseconds: number, message: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${message} within ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
