/** A lab without a page: its scenario played by real machines, a bot in the student's place, checks on the state. */
import type { NetworkConfig } from "../hypervisor-model/network/network-config.ts";
import type { CapturedFrame } from "../hypervisor-model/network/capture-ring.ts";
import { DEFAULT_ZONE } from "../hypervisor-model/network/default-zone.ts";
import type { MachineChoices, MachineDefinition } from "../hypervisor-model/virtual-machines/definition.ts";
import type { SnapshotTreeView } from "../hypervisor-model/virtual-machines/machine-snapshots.ts";
import { ScenarioPlayer, type StepResult } from "../hypervisor-model/virtual-machines/scenario-player.ts";
import { choicesOf, type ScenarioStep } from "../hypervisor-model/virtual-machines/scenario.ts";
import type { Lab } from "../labs/lab.ts";
import type { LabStudent, StudentAction } from "../labs/lab-student.ts";
import type { LabWorld, MachinePowerState } from "../labs/lab-world.ts";
import { openLaboratory, readMedium, type Laboratory } from "./laboratory.ts";
import { fabricNetworks, ScenarioNetworkThread } from "./scenario-network-thread.ts";

/** Frames of a network that checks look at. */
const FRAMES = 20_000;
const COMMAND_SECONDS = 30;

export class HeadlessLab implements LabWorld, LabStudent {
  readonly answers = new Map<string, string>();
  readonly #lab: Lab;
  readonly #laboratory: Laboratory;
  readonly #networks: ScenarioNetworkThread;
  readonly #player: ScenarioPlayer;

  private constructor(lab: Lab, laboratory: Laboratory, log: (line: string) => void) {
    this.#lab = lab;
    this.#laboratory = laboratory;
    this.#networks = new ScenarioNetworkThread(
      fabricNetworks(lab.scenario.networks),
      lab.scenario.machines,
      DEFAULT_ZONE,
    );
    this.#player = new ScenarioPlayer({
      ...laboratory,
      cables: this.#networks,
      readMedium,
      now: () => performance.now(),
      log,
    });
  }

  /** Starts the lab's machines and plays its setup. Throws when one does not start. */
  static async open(lab: Lab, log: (line: string) => void): Promise<HeadlessLab> {
    const laboratory = await openLaboratory();
    const opened = new HeadlessLab(lab, laboratory, log);
    try {
      for (const machine of lab.scenario.machines) {
        await laboratory.library.create(choicesOf(machine, (path) => ({ type: "file", path })));
      }
      await opened.#networks.capture();
      await opened.#player.start(lab.scenario.machines);
      if (opened.#player.notStarted.length > 0) {
        throw new Error(`did not start: ${opened.#player.notStarted.join(", ")}`);
      }
      for (const step of lab.scenario.steps) accept(await opened.#player.perform(step));
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#player.end();
    this.#networks.close();
    await this.#laboratory.close();
  }

  get values() {
    return this.#lab.values;
  }

  machines(): MachineDefinition[] {
    return this.#laboratory.library.entries.flatMap((entry) =>
      entry.type === "machine" ? [entry.definition] : [],
    );
  }

  power(machine: string): MachinePowerState {
    return this.#player.powerState(this.#find(machine).id);
  }

  async run(machine: string, command: string, timeoutMs: number): Promise<{ exit: number; output: string }> {
    const { exit, output, error } = await this.#perform({
      type: "run",
      on: machine,
      run: command,
      timeoutSeconds: timeoutMs / 1000,
    });
    if (exit === null) throw new Error(error ?? `${machine} gave no answer`);
    return { exit, output };
  }

  networks(): readonly NetworkConfig[] {
    return this.#networks.configs;
  }

  frames(network: string): Promise<CapturedFrame[]> {
    return this.#networks.frames(network, FRAMES);
  }

  snapshots(machine: string): Promise<SnapshotTreeView> {
    return this.#player.storage.snapshots.tree(this.#find(machine).id);
  }

  async parentOf(machine: string): Promise<string | undefined> {
    const { library } = this.#laboratory;
    const parent = library.parentOf(this.#find(machine).id);
    return parent === undefined ? undefined : library.nameOf(parent);
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
    accept(await this.#perform(stepOf(action)));
  }

  answer(step: string, choice: string): void {
    this.answers.set(step, choice);
  }

  async editNetworks(change: (networks: readonly NetworkConfig[]) => NetworkConfig[]): Promise<void> {
    await this.#networks.configure(change(this.#networks.configs));
  }

  async createMachine(choices: MachineChoices): Promise<void> {
    await this.#laboratory.library.create(choices);
  }

  async editMachine(
    machine: string,
    { nics, ...change }: Partial<Pick<MachineChoices, "memoryMiB" | "nics">>,
  ): Promise<void> {
    const present = this.#find(machine);
    await this.#laboratory.library.update(present.id, {
      ...change,
      ...(nics === undefined ? {} : { nics: nics.map((nic, i) => ({ ...present.nics[i], ...nic })) }),
    });
    if (nics !== undefined && this.power(machine) === "running") {
      await this.#networks.move(
        machine,
        nics.map(({ network }) => network),
      );
    }
  }

  async setTemplate(machine: string, on: boolean): Promise<void> {
    await this.#player.storage.clones.setTemplate(this.#find(machine).id, on);
  }

  #perform(step: ScenarioStep): Promise<StepResult> {
    return this.#player.perform(step);
  }

  #find(machine: string): MachineDefinition {
    const definition = this.#laboratory.library.findByName(machine);
    if (definition === undefined) throw new Error(`no machine "${machine}"`);
    return definition;
  }
}

function accept({ ok, error }: StepResult): void {
  if (!ok) throw new Error(error ?? "the step failed");
}

function stepOf(action: StudentAction): ScenarioStep {
  if ("power" in action) return { type: "power", ...action };
  if ("fault" in action) return { type: "fault", ...action };
  if ("revert" in action) return { type: "revert", ...action };
  if ("clone" in action) return { type: "clone", kind: "linked", ...action };
  return { type: "snapshot", memory: false, ...action };
}
