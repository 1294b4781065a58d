/** Refuses hardware that an engine does not carry, before anything is built. */
import { MachineConfigError, type MachineOptions } from "./machine.ts";

export interface EngineLimits {
  /** As a sentence begins: "v86", "the core". */
  name: string;
  nics: number;
  memoryMiB: number;
}

/** Throws `MachineConfigError`. */
export function checkHardware({ hardware, drives }: MachineOptions, engine: EngineLimits): void {
  const { nics, memoryMiB } = hardware;
  if (nics.length > engine.nics) {
    throw new MachineConfigError(
      `${nics.length} network cards: ${engine.name} carries at most ${engine.nics}`,
    );
  }
  if (!(memoryMiB >= 1 && memoryMiB <= engine.memoryMiB)) {
    throw new MachineConfigError(
      `${memoryMiB} MiB of memory: ${engine.name} takes from 1 to ${engine.memoryMiB}`,
    );
  }
  if (drives.hdb !== undefined && drives.hda === undefined) {
    throw new MachineConfigError(`${engine.name} cannot have a second disk without a first`);
  }
}
