/** Plays a scenario: powers every machine on, then runs the steps in order, one function a type of step. */
import type { MachineState } from "../../emulator/machine.ts";
import { AgentTimeoutError } from "../../emulator/agent/agent-types.ts";
import type { MachineDefinition, MediumReference } from "./definition.ts";
import { nextState, refusal, type MachineAction } from "./lifecycle.ts";
import { machineSpecOf } from "./machine-spec.ts";
import { describeReason } from "./reasons.ts";
import { startMachine, type MachineHost, type RunningMachine } from "./running-machine.ts";
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

/** What a `fault` step changes; what is left out keeps its value. */
export interface NetworkFault {
  lossPercent?: number;
  delayMs?: number;
  linkUp?: boolean;
}

/** The networks that the machines' cards are on. */
export interface ScenarioCables {
  /** A cable for each card of a machine that is being powered on. */
  connect(machine: string, networks: readonly (string | null)[]): Promise<(MessagePort | undefined)[]>;
  fault(machine: string, network: string, fault: NetworkFault): Promise<void>;
}

export interface ScenarioWorld {
  host: MachineHost;
  cables: ScenarioCables;
  /** Machines by the name they have in the file. */
  definitions: ReadonlyMap<string, MachineDefinition>;
  readMedium(medium: MediumReference): Promise<Uint8Array>;
  savedState(machine: string): Promise<MachineState>;
  keepState(machine: string, state: MachineState): Promise<void>;
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

export class ScenarioPlayer {
  readonly #world: ScenarioWorld;
  readonly #running = new Map<string, RunningMachine>();
  readonly #suspended = new Set<string>();
  /** Machines that could not be powered on before the first step. */
  readonly notStarted: string[] = [];
  /** By `machine/network`: carrier as a fault has left it. */
  readonly #links = new Map<string, boolean>();

  constructor(world: ScenarioWorld) {
    this.#world = world;
  }

  async play({ machines, steps }: Scenario): Promise<StepResult[]> {
    const results: StepResult[] = [];
    try {
      for (const { name } of machines) {
        const error = await this.#powerOn(name).then(() => undefined, String);
        if (error !== undefined) this.notStarted.push(name);
        this.#world.log(error === undefined ? `${name}: on` : `${name}: did not start: ${error}`);
      }
      for (const [index, step] of steps.entries()) {
        const began = this.#world.now();
        const outcome = await this.#step(step).catch((error: unknown) => failed(messageOf(error)));
        const { ok, exit, output, error } = outcome;
        const seconds = Math.round(this.#world.now() - began) / 1000;
        const result = { index, ok, exit, output, seconds, error };
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

  /** Pulls every plug. */
  async end(): Promise<void> {
    const machines = [...this.#running.values()];
    this.#running.clear();
    await Promise.allSettled(machines.map((machine) => machine.powerOff()));
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
      case "clone":
      case "revert":
        return Promise.resolve(failed(`the step "${step.type}" is not available yet`));
      default:
        return step satisfies never;
    }
  }

  async #run(step: Extract<ScenarioStep, { type: "run" }>): Promise<Outcome> {
    const machine = this.#running.get(step.on);
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
    const action = ACTION_OF[to];
    const state = this.#running.has(name) ? "running" : this.#suspended.has(name) ? "suspended" : "off";
    const reason = refusal(state, action);
    if (reason !== undefined) return failed(`${name}: ${describeReason(reason)}`);
    const machine = this.#running.get(name);
    switch (to) {
      case "on":
        await this.#powerOn(name);
        break;
      case "resume":
        await this.#powerOn(name, await this.#world.savedState(this.#definition(name).id));
        this.#suspended.delete(name);
        break;
      case "off":
        if (nextState(state, "discard") !== undefined) this.#suspended.delete(name);
        await machine?.powerOff();
        break;
      case "shutdown":
        await machine?.shutDown({ timeoutMs: SHUT_DOWN_MS });
        break;
      case "suspend":
        if (machine !== undefined) {
          await this.#world.keepState(this.#definition(name).id, await machine.suspend());
          this.#suspended.add(name);
        }
        break;
      case "reset":
        if (machine !== undefined) await this.#reset(machine);
        break;
      default:
        to satisfies never;
    }
    return fine;
  }

  async #fault({ fault }: Extract<ScenarioStep, { type: "fault" }>): Promise<Outcome> {
    const { machine, network, ...changes } = fault;
    await this.#world.cables.fault(machine, network, changes);
    if (changes.linkUp !== undefined) {
      this.#links.set(`${machine}/${network}`, changes.linkUp);
      for (const [i, nic] of this.#definition(machine).nics.entries()) {
        if (nic.network === network) this.#running.get(machine)?.setLink(i, changes.linkUp);
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

  /** Resolves when the agent answers and the guest's start-up scripts are done. */
  async #powerOn(name: string, resume?: MachineState): Promise<void> {
    const definition = this.#definition(name);
    const spec = await machineSpecOf(definition, (medium) => this.#world.readMedium(medium));
    const { host, mode, cables } = this.#world;
    const networks = definition.nics.map(({ network }) => network);
    const ports = await cables.connect(name, networks);
    for (const [i, nic] of spec.nics.entries()) {
      nic.port = ports[i];
      nic.connected &&= this.#links.get(`${name}/${networks[i]}`) ?? true;
    }
    const machine = startMachine(spec, host, resume === undefined ? { mode } : { resume });
    this.#running.set(name, machine);
    void this.#forgetWhenEnded(name, machine);
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

  async #forgetWhenEnded(name: string, machine: RunningMachine): Promise<void> {
    const { type } = await machine.ended;
    if (this.#running.get(name) !== machine) return;
    this.#running.delete(name);
    this.#world.log(`${name}: ended (${type})`);
  }

  #definition(name: string): MachineDefinition {
    const definition = this.#world.definitions.get(name);
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

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function within<T>(promise: Promise<T>, milliseconds: number, message: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${message} within ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
