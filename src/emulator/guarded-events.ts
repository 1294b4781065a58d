/** A machine's events so that what a listener throws never reaches the engine. */
import type { MachineEvents } from "./machine.ts";

/** `failed` is told the first words of each error; nothing is sent while `silent` says so. */
export function guardedEvents(
  events: MachineEvents,
  silent: () => boolean,
  failed: (detail: string) => void,
): Required<MachineEvents> {
  const guard = <K extends keyof MachineEvents>(name: K): Required<MachineEvents>[K] => {
    const guarded = (...values: unknown[]): void => {
      if (silent()) return;
      try {
        (events[name] as ((...values: unknown[]) => void) | undefined)?.apply(events, values);
      } catch (error) {
        failed(`the listener for ${name} failed: ${String(error)}`);
      }
    };
    return guarded as Required<MachineEvents>[K];
  };
  return {
    status: guard("status"),
    serial: guard("serial"),
    transmit: guard("transmit"),
    screen: guard("screen"),
    reset: guard("reset"),
    kernelWanted: guard("kernelWanted"),
    drive: guard("drive"),
  };
}
