/** What checks may look at, and what a student (or a bot) may do: the page and the command line each have one. */
import type { CapturedFrame } from "../hypervisor-model/network/capture-ring.ts";
import type { NetworkConfig } from "../hypervisor-model/network/network-config.ts";
import type { MachineDefinition } from "../hypervisor-model/virtual-machines/definition.ts";
import type { SnapshotTreeView } from "../hypervisor-model/virtual-machines/machine-snapshots.ts";

export type MachinePowerState = "running" | "off" | "suspended";

export interface LabWorld {
  /** Machines of this lab, by name. */
  machines(): readonly MachineDefinition[];
  power(machine: string): MachinePowerState;
  /** A shell command through the guest's agent. Throws when the machine is not running or the agent does not answer. */
  run(machine: string, command: string, timeoutMs: number): Promise<{ exit: number; output: string }>;
  networks(): readonly NetworkConfig[];
  /** What the network has carried since the lab began, oldest first; bounded. */
  frames(network: string): Promise<readonly CapturedFrame[]>;
  snapshots(machine: string): Promise<SnapshotTreeView>;
  /** The machine a linked clone stands on. */
  parentOf(machine: string): Promise<string | undefined>;
}
