/** What a bot does in place of a student. Each lab ships one (bot.ts), with wrong ways that must fail. */
import type { NetworkConfig } from "../hypervisor-model/network/network-config.ts";
import type { MachineChoices } from "../hypervisor-model/virtual-machines/definition.ts";
import type { ScenarioStep } from "../hypervisor-model/virtual-machines/scenario.ts";
import type { LabValues } from "./seed.ts";

/** A step of a scenario without what has a default. */
export type StudentAction =
  | { power: string; to: Extract<ScenarioStep, { type: "power" }>["to"] }
  | { snapshot: string; name: string; memory?: boolean }
  | { clone: string; snapshot?: string; kind?: "linked" | "full"; as: string }
  | { revert: string; to: string }
  | { fault: { network: string; machine: string; lossPercent?: number; delayMs?: number; linkUp?: boolean } };

export interface LabStudent {
  readonly values: LabValues;
  /** Runs a command in a guest and answers its output. Throws when it ends with another status than 0. */
  sh(machine: string, command: string, timeoutSeconds?: number): Promise<string>;
  /** The same, whatever its status. */
  try(machine: string, command: string, timeoutSeconds?: number): Promise<{ exit: number; output: string }>;
  act(action: StudentAction): Promise<void>;
  answer(step: string, choice: string): void;
  /** The Virtual Network Editor. */
  editNetworks(change: (networks: readonly NetworkConfig[]) => NetworkConfig[]): Promise<void>;
  createMachine(choices: MachineChoices): Promise<void>;
  /** The settings dialog: memory of a machine that is off, networks of one that may run. */
  editMachine(machine: string, change: Partial<Pick<MachineChoices, "memoryMiB" | "nics">>): Promise<void>;
  setTemplate(machine: string, on: boolean): Promise<void>;
}

/** What a student does for each step, by its id. */
export type StepActions = Readonly<Record<string, (student: LabStudent) => unknown>>;

export interface WrongWay {
  /** What a student gets wrong, in a few words. */
  name: string;
  /** What is done otherwise than by the bot; the other steps are done as it does them, as far as they can be. */
  steps: StepActions;
  /** The check (`step/check`) that must fail. */
  failsAt: string;
}

export interface LabBot {
  /** Every step of the lab, in its order. */
  steps: StepActions;
  wrongWays: readonly WrongWay[];
}

export const nothing = (): void => undefined;
