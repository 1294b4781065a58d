/**
 * Machines that stand still with the network they are on: the owner's side of `FabricService.onMachineClocks`. Only what
 * was paused here is run again, so a machine that the user has paused stays paused.
 */
import type { RunningMachine } from "./running-machine-types.ts";

type Pausable = Pick<RunningMachine, "status" | "pause" | "run">;

export class HeldMachines {
  readonly #machine: (id: string) => Pausable | undefined;
  readonly #held = new Set<Pausable>();

  constructor(machine: (id: string) => Pausable | undefined) {
    this.#machine = machine;
  }

  /** Resolves when all have stopped or go on; a machine that has ended meanwhile is nobody's concern. */
  async set(machines: readonly string[], running: boolean): Promise<void> {
    await Promise.allSettled(machines.map((id) => (running ? this.#run(id) : this.#pause(id))));
  }

  async #pause(id: string): Promise<void> {
    const machine = this.#machine(id);
    if (machine?.status.type !== "running") return;
    this.#held.add(machine);
    await machine.pause();
  }

  async #run(id: string): Promise<void> {
    const machine = this.#machine(id);
    // The guest's clock goes on with the network's.
    if (machine !== undefined && this.#held.delete(machine)) await machine.run({ keepClock: true });
  }
}
