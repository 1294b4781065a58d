/** The machines as the screen shows them. The laboratory writes these signals; views read them. */
import type { LibraryFolder } from "../../hypervisor-model/virtual-machines/library.ts";
import type { MachineDefinition } from "../../hypervisor-model/virtual-machines/definition.ts";
import type { MachineState } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import type {
  EndReason,
  RunningMachine,
} from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { go } from "./route.ts";
import { signal } from "./signals.ts";

/** What runs in this page. */
export interface Session {
  machine: RunningMachine;
  /** `starting` and what follows, from the lifecycle table. */
  state: MachineState;
  agentReady: boolean;
  /** How often the user has reset it. */
  resets: number;
  /** The user gave up waiting for the start. */
  cancelled: boolean;
}

/** How a machine ended by itself or by its plug, until it is started again. */
export interface Ending {
  reason: EndReason;
  /** What its consoles showed last can still be read of it. */
  machine: RunningMachine;
}

export interface MachineView {
  id: string;
  name: string;
  state: MachineState;
  elsewhere: boolean;
  /** Missing when this version cannot read it. */
  definition?: MachineDefinition;
  /** Of one that cannot be read: a newer version wrote it. Otherwise it is damaged. */
  isNewer?: boolean;
  session?: Session;
  ending?: Ending;
  /** Linked clones may be made of its snapshots; it cannot be powered on. */
  isTemplate?: boolean;
}

export const machines = signal<readonly MachineView[]>([]);

/** Of the library tree. */
export const folders = signal<readonly LibraryFolder[]>([]);

export function findMachine(id: string | undefined): MachineView | undefined {
  return machines.get().find((machine) => machine.id === id);
}

export function machineNamed(name: string | undefined): MachineView | undefined {
  return machines.get().find((machine) => machine.name === name);
}

/** Ids of the machines that have a tab. */
export const openTabs = signal<readonly string[]>([]);

export function openTab(id: string): void {
  if (!openTabs.get().includes(id)) openTabs.set([...openTabs.get(), id]);
  go({ type: "machine", id });
}

export function closeTab(id: string): void {
  openTabs.set(openTabs.get().filter((open) => open !== id));
  go({ type: "home" });
}
