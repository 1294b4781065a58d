/**
 * Starts a machine in its own thread and drives it from the page or the command line.
 *
 *     const machine = startMachine(spec, { createWorker: createMachineWorker, images, store });
 *     await machine.ready;
 *     const { exit, stdout } = await machine.agent.run("uname -a");
 */
import type { MachineHost, MachineSpec, RunningMachine, StartOptions } from "./running-machine-types.ts";

export type * from "./running-machine-types.ts";

/** Begins to start the machine and returns at once; `started` and `ready` say when. */
export function startMachine(
  spec: MachineSpec,
  host: MachineHost,
  options: StartOptions = {},
): RunningMachine {
  void host;
  void options;
  throw new Error(`machine ${spec.name} cannot start yet`);
}
