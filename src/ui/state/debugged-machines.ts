/**
 * Machines of the library that run on the core, with a debugger on them. It stays while the machine runs, so that
 * breakpoints and history are there when one comes back from another tab; `closeDebugger` takes it off.
 */
import type { RunningMachine } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { CpuPresenter } from "./cpu-presenter.ts";
import { machineNamed, machines, type MachineView } from "./machines.ts";

export interface DebuggedMachine {
  machine: RunningMachine;
  presenter: CpuPresenter;
  close(): void;
}

const debugged = new Map<RunningMachine, Promise<DebuggedMachine>>();

export function coreMachines(): readonly MachineView[] {
  return machines.get().filter(({ definition }) => definition?.engine === "core");
}

/** The machine of that name, while it runs in this page. */
export function runningMachine(name: string | undefined): RunningMachine | undefined {
  const { session } = machineNamed(name) ?? {};
  return session !== undefined && (session.state === "running" || session.state === "paused")
    ? session.machine
    : undefined;
}

/** Puts a debugger on it, or gives the one that is there. Rejects for an engine that has none. */
export function openDebugger(machine: RunningMachine): Promise<DebuggedMachine> {
  const known = debugged.get(machine);
  if (known !== undefined) return known;
  const opening = open(machine);
  debugged.set(machine, opening);
  opening.catch(() => debugged.delete(machine));
  return opening;
}

async function open(machine: RunningMachine): Promise<DebuggedMachine> {
  const { target, close } = await machine.openDebugger();
  const presenter = new CpuPresenter(target);
  const ends = machine.onStatus((status) => {
    if (status.type === "ended") finish();
    else void presenter.refresh();
  });
  const finish = () => {
    debugged.delete(machine);
    ends();
    presenter.close();
    close();
  };
  return { machine, presenter, close: finish };
}

/** Without it the machine runs on by itself. */
export async function closeDebugger(machine: RunningMachine): Promise<void> {
  const opened = await debugged.get(machine);
  if (opened === undefined) return;
  if (machine.status.type === "paused") await machine.run();
  opened.close();
}
