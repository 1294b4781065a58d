/** What saved states of every engine have in common: whether one fits a machine, and its pages of memory. */
import {
  PAGE_SIZE,
  StateMismatchError,
  type EngineName,
  type HardwareConfig,
  type MachineState,
} from "./machine.ts";

/** Into memory that is zero elsewhere. */
export function writePages(memory: Uint8Array, state: MachineState): void {
  const { pageNumbers, pages } = state;
  // Neighbouring pages in one copy.
  for (let i = 0; i < pageNumbers.length;) {
    let end = i + 1;
    while (end < pageNumbers.length && pageNumbers[end] === pageNumbers[end - 1] + 1) end++;
    memory.set(pages.subarray(i * PAGE_SIZE, end * PAGE_SIZE), pageNumbers[i] * PAGE_SIZE);
    i = end;
  }
}

export function checkStateFits(
  state: MachineState,
  engine: EngineName,
  engineVersion: string,
  hardware: HardwareConfig,
): void {
  mustEqual("version", String(state.version), "1");
  mustEqual("engine", state.engine, engine);
  mustEqual("engine version", state.engineVersion, engineVersion);
  mustEqual("memory", `${state.hardware.memoryMiB} MiB`, `${hardware.memoryMiB} MiB`);
  mustEqual("network cards", models(state.hardware), models(hardware));
  mustEqual("virtualization", state.hardware.virtualization ?? "on", hardware.virtualization ?? "on");
  mustEqual("disks", disks(state.hardware), disks(hardware));
}

function mustEqual(field: string, found: string, expected: string): void {
  if (found !== expected) throw new StateMismatchError(field, found, expected);
}
const models = (config: HardwareConfig) => config.nics.map((nic) => nic.model).join(", ") || "none";
const disks = (config: HardwareConfig) => config.diskBytes.join(", ") || "none";
