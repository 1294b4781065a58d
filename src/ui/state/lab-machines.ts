/**
 * The machines and networks of a lab in this page: what its checks look at, and what its bot may do for a student. The
 * machines are ordinary ones of the library, in the lab's own folder.
 */
import type { CapturedFrame } from "../../hypervisor-model/network/capture-ring.ts";
import type { NetworkConfig } from "../../hypervisor-model/network/network-config.ts";
import type {
  MachineChoices,
  MachineDefinition,
} from "../../hypervisor-model/virtual-machines/definition.ts";
import type {
  SnapshotNode,
  SnapshotTreeView,
} from "../../hypervisor-model/virtual-machines/machine-snapshots.ts";
import { choicesOf } from "../../hypervisor-model/virtual-machines/scenario.ts";
import type { Lab } from "../../labs/lab.ts";
import type { LabStudent, StudentAction } from "../../labs/lab-student.ts";
import type { LabWorld, MachinePowerState } from "../../labs/lab-world.ts";
import { findCapture, startCapture } from "./captures.ts";
import { laboratory } from "./laboratory.ts";
import type { MachineView } from "./machines.ts";
import { networkConfigOf } from "./scenario-file.ts";

/** Frames of a network that checks look at, the newest. */
const FRAMES = 10_000;
const COMMAND_SECONDS = 30;
const START_MS = 120_000;
const LONGEST_OUTPUT = 256 * 1024;

export class LabMachines implements LabWorld, LabStudent {
  readonly #lab: Lab;
  /** Of the library, where the lab's machines are. */
  readonly #folder: string;
  readonly #onAnswer: (step: string, choice: string) => void;

  constructor(lab: Lab, folder: string, onAnswer: (step: string, choice: string) => void) {
    this.#lab = lab;
    this.#folder = folder;
    this.#onAnswer = onAnswer;
  }

  /** Makes the lab's networks and machines, and switches the machines on. Throws when one cannot be made. */
  async prepare(): Promise<void> {
    const { networks, machines } = this.#lab.scenario;
    const { configs } = laboratory.networks;
    const others = configs.get().filter(({ name }) => !networks.some((network) => network.name === name));
    await laboratory.networks.setConfigs([...others, ...networks.map(networkConfigOf)]);
    for (const machine of machines) {
      const choices = choicesOf(machine);
      const name = laboratory.library.findByName(machine.name)
        ? `${machine.name}${this.#suffix}`
        : machine.name;
      await laboratory.library.create({ ...choices, name, folder: this.#folder });
    }
    await this.watch();
    await Promise.all(machines.map(({ name }) => this.#powerOn(name)));
    for (const step of this.#lab.scenario.steps) {
      if (step.type === "run") await this.sh(step.on, step.run, step.timeoutSeconds);
      else throw new Error(`a lab's scenario may only have "run" steps in the page, found "${step.type}"`);
    }
  }

  /** Captures on the networks that checks look at, from now on; a capture that runs goes on. */
  async watch(): Promise<void> {
    const wanted = this.#lab.steps.flatMap(({ checks }) =>
      checks.flatMap((check) => (check.type === "frames" ? [check.frames] : [])),
    );
    for (const network of new Set(wanted)) if (!findCapture(network)) await startCapture(network);
  }

  /** Deletes the lab's machines, running or not, with their snapshots. */
  async remove(): Promise<void> {
    const { clones } = await laboratory.machineStorage();
    for (const { id } of this.#views) {
      if (laboratory.library.isTemplate(id)) await clones.setTemplate(id, false);
      if (laboratory.find(id)?.session || laboratory.find(id)?.state === "suspended")
        await laboratory.powerOff(id);
      await until(() => laboratory.find(id)?.session === undefined, `${id} does not end`);
    }
    // A linked clone goes before the machine that it stands on.
    for (let left = this.#views; left.length > 0; left = this.#views) {
      const leaf = left.find(({ id }) => laboratory.library.clonesOf(id).length === 0);
      if (leaf === undefined) throw new Error(`${left[0].name} has clones outside the lab`);
      await laboratory.library.delete(leaf.id);
    }
    await laboratory.library.deleteFolder(this.#folder);
  }

  get #suffix(): string {
    return ` (${this.#lab.id})`;
  }

  /** The name that the lab calls a machine by: its own may be taken in the library. */
  #labName(name: string): string {
    return name.endsWith(this.#suffix) ? name.slice(0, -this.#suffix.length) : name;
  }

  get #views(): MachineView[] {
    return laboratory.machines.get().filter(({ definition }) => definition?.folder === this.#folder);
  }

  /** Throws when the lab has no machine of that name. */
  view(machine: string): MachineView {
    const found = this.#views.find(({ name }) => this.#labName(name) === machine);
    if (found === undefined) throw new Error(`no machine "${machine}"`);
    return found;
  }

  get values() {
    return this.#lab.values;
  }

  machines(): MachineDefinition[] {
    return this.#views.flatMap(({ name, definition }) =>
      definition ? [{ ...definition, name: this.#labName(name) }] : [],
    );
  }

  power(machine: string): MachinePowerState {
    const { session, state } = this.view(machine);
    if (session) return "running";
    return state === "suspended" ? "suspended" : "off";
  }

  async run(machine: string, command: string, timeoutMs: number): Promise<{ exit: number; output: string }> {
    const { session } = this.view(machine);
    if (!session) throw new Error(`${machine} is off`);
    if (!session.agentReady) throw new Error(`${machine} is not ready`);
    const { exit, stdout, stderr } = await session.machine.agent.run(command, {
      timeoutMs,
      outputLimit: LONGEST_OUTPUT,
    });
    const text = new TextDecoder();
    return { exit, output: text.decode(stdout) + text.decode(stderr) };
  }

  networks(): readonly NetworkConfig[] {
    return laboratory.networks.configs.get();
  }

  async frames(network: string): Promise<CapturedFrame[]> {
    const { fabric } = laboratory.networks;
    const { size } = await fabric.captured(network);
    return fabric.frames(network, Math.max(0, size - FRAMES), FRAMES);
  }

  async snapshots(machine: string): Promise<SnapshotTreeView> {
    const { snapshots } = await laboratory.machineStorage();
    return snapshots.tree(this.view(machine).id);
  }

  async parentOf(machine: string): Promise<string | undefined> {
    const parent = laboratory.library.parentOf(this.view(machine).id);
    return this.machines().find(({ id }) => id === parent)?.name;
  }

  try(machine: string, command: string, timeoutSeconds = COMMAND_SECONDS) {
    return this.run(machine, command, timeoutSeconds * 1000);
  }

  async sh(machine: string, command: string, timeoutSeconds = COMMAND_SECONDS): Promise<string> {
    const { exit, output } = await this.try(machine, command, timeoutSeconds);
    if (exit !== 0) throw new Error(`${machine}: "${command}" ended with ${exit}: ${output.trim()}`);
    return output;
  }

  async act(action: StudentAction): Promise<void> {
    if ("power" in action) return this.#power(action.power, action.to);
    const { snapshots, clones } = await laboratory.machineStorage();
    // A clone names a snapshot too.
    if ("clone" in action) {
      const { clone, snapshot, kind = "linked", as } = action;
      const from = snapshot === undefined ? undefined : await this.#snapshot(clone, snapshot);
      await clones.clone(this.view(clone).id, { name: as, kind, ...(from ? { snapshot: from } : {}) });
    } else if ("snapshot" in action) {
      const { snapshot, name, memory = false } = action;
      await snapshots.take(this.view(snapshot).id, { name, memory });
    } else if ("revert" in action) {
      const { revert, to } = action;
      await snapshots.revert(this.view(revert).id, await this.#snapshot(revert, to));
    } else {
      await this.#fault(action.fault);
    }
  }

  answer(step: string, choice: string): void {
    this.#onAnswer(step, choice);
  }

  editNetworks(change: (networks: readonly NetworkConfig[]) => NetworkConfig[]): Promise<void> {
    return laboratory.networks.setConfigs(change(this.networks()));
  }

  async createMachine(choices: MachineChoices): Promise<void> {
    await laboratory.library.create({ ...choices, folder: this.#folder });
  }

  async editMachine(
    machine: string,
    { nics, ...change }: Partial<Pick<MachineChoices, "memoryMiB" | "nics">>,
  ): Promise<void> {
    const { id, definition } = this.view(machine);
    await laboratory.update(id, {
      ...change,
      ...(nics === undefined ? {} : { nics: definition!.nics.map((nic, i) => ({ ...nic, ...nics[i] })) }),
    });
  }

  async setTemplate(machine: string, on: boolean): Promise<void> {
    const { clones } = await laboratory.machineStorage();
    await clones.setTemplate(this.view(machine).id, on);
  }

  /** The newest of that name. */
  async #snapshot(machine: string, name: string): Promise<string> {
    const all: SnapshotNode[] = [];
    const walk = (nodes: readonly SnapshotNode[]) => {
      for (const node of nodes) {
        all.push(node);
        walk(node.children);
      }
    };
    walk((await this.snapshots(machine)).roots);
    const found = all
      .filter((node) => node.name === name)
      .sort((a, b) => a.createdAt - b.createdAt)
      .at(-1);
    if (found === undefined) throw new Error(`no snapshot "${name}"`);
    return found.id;
  }

  async #power(machine: string, to: Extract<StudentAction, { power: string }>["to"]): Promise<void> {
    const { id } = this.view(machine);
    switch (to) {
      case "on":
      case "resume":
        return this.#powerOn(machine);
      case "off":
        await laboratory.powerOff(id);
        break;
      case "shutdown":
        await laboratory.shutDown(id);
        break;
      case "suspend":
        await laboratory.suspend(id);
        break;
      case "reset": {
        const before = this.view(machine).session?.machine.agent.status?.bootId;
        await laboratory.reset(id);
        const isBack = () => {
          const { session } = this.view(machine);
          const { ready, bootId } = session?.machine.agent.status ?? {};
          return session?.agentReady === true && ready === true && bootId !== before;
        };
        return until(isBack, `${machine} did not come back after the reset`);
      }
      default:
        to satisfies never;
    }
    await until(() => this.view(machine).session === undefined, `${machine} does not end`);
  }

  /** Resolves when the guest's start-up scripts are done. */
  async #powerOn(machine: string): Promise<void> {
    const { id, state } = this.view(machine);
    await (state === "suspended" ? laboratory.resume(id) : laboratory.powerOn(id));
    const isUp = () => {
      const { session } = this.view(machine);
      // What kept it from starting has been told.
      if (!session) throw new Error(`${machine} did not start`);
      return session.agentReady && session.machine.agent.status?.ready === true;
    };
    await until(isUp, `${machine} did not start`);
  }

  async #fault(fault: Extract<StudentAction, { fault: unknown }>["fault"]): Promise<void> {
    const { network, machine, linkUp, lossPercent, delayMs } = fault;
    const { id, definition } = this.view(machine);
    const nic = definition!.nics.findIndex((one) => one.network === network);
    if (nic < 0) throw new Error(`${machine} has no adapter on ${network}`);
    if (linkUp !== undefined) {
      const nics = definition!.nics.map((one, i) => (i === nic ? { ...one, connected: linkUp } : one));
      await laboratory.update(id, { nics });
    }
    const port = await laboratory.networks.portOf(id, nic);
    if (port === undefined) return;
    await laboratory.networks.fabric.setFaults(port, "both", {
      ...(lossPercent === undefined ? {} : { lossPercent }),
      ...(delayMs === undefined ? {} : { delayMs }),
    });
  }
}

/** Waits for a state of the page. Throws `problem` after two minutes. */
async function until(holds: () => boolean, problem: string): Promise<void> {
  for (const end = Date.now() + START_MS; !holds();) {
    if (Date.now() > end) throw new Error(problem);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
