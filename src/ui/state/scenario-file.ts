/** The laboratory as a scenario file, the same that `ringside run` plays: networks and machines out, networks and machines in. */
import { NetworkConfigError, type NetworkConfig } from "../../hypervisor-model/network/network-config.ts";
import type { MachineDefinition } from "../../hypervisor-model/virtual-machines/definition.ts";
import type { Problem } from "../../hypervisor-model/virtual-machines/reasons.ts";
import { subnetOf } from "../../hypervisor-model/virtual-machines/scenario-networks.ts";
import {
  choicesOf,
  parseScenario,
  scenarioDocument,
  type Scenario,
} from "../../hypervisor-model/virtual-machines/scenario.ts";
import { faultSteps } from "../../hypervisor-model/virtual-machines/scenario-faults.ts";
import { laboratory } from "./laboratory.ts";
import { saveFile } from "./save-file.ts";

/** Machines that start from their disks or a floppy alone have no form in the file. */
function hasForm({ image }: MachineDefinition): boolean {
  return image.type !== "none" && image.type !== "floppy";
}

/** Networks, machines, and as steps what is wrong on purpose now. Gives the names of the machines that the file cannot hold. */
export async function exportScenario(): Promise<string[]> {
  const definitions = laboratory.machines.get().flatMap(({ definition }) => definition ?? []);
  const written = definitions.filter(hasForm);
  const { configs, fabric } = laboratory.networks;
  const networks = [...configs.get()];
  const statuses = await Promise.all(networks.map(({ name }) => fabric.status(name)));
  const made = await Promise.all(networks.map(({ name }) => fabric.troublemakers(name)));
  const troublemakers = new Map(networks.map(({ name }, i) => [name, made[i].map(({ fault }) => fault)]));
  const names = written.map(({ name }) => name);
  const steps = faultSteps(networks, statuses, troublemakers, names);
  const document = scenarioDocument(networks, written, steps);
  saveFile("laboratory.ringside.json", `${JSON.stringify(document, null, 2)}\n`, "application/json");
  return definitions.filter((definition) => !hasForm(definition)).map(({ name }) => name);
}

export type ImportOutcome =
  | { type: "done"; machines: string[]; steps: number }
  /** Nothing was changed, here and below. */
  | { type: "refused"; problems: Problem[] }
  /** The file's networks do not go together with those that are here. */
  | { type: "networks-refused"; refusal: NetworkConfigError }
  /** Media that the file only names: they have to be chosen in the wizard. */
  | { type: "needs-media"; machine: string }
  | { type: "name-taken"; machine: string };

/** As the command line has it: a subnet that is left out follows from the place in the file. DHCP is on unless told. */
export function networkConfigOf(network: Scenario["networks"][number], index: number): NetworkConfig {
  const { dhcp, ...rest } = network;
  const config = { ...rest, subnet: subnetOf(network, index) };
  return dhcp === undefined || dhcp === true ? config : { ...config, dhcp };
}

/** Adds the file's networks and machines. A network of the same name becomes as the file says. */
export async function importScenario(text: string): Promise<ImportOutcome> {
  const read = parseScenario(text);
  if (read.type === "refused") return read;
  const scenario: Scenario = read.value;
  for (const { name, image } of scenario.machines) {
    if (typeof image !== "string") return { type: "needs-media", machine: name };
    if (laboratory.takenNames.some((taken) => taken.toLowerCase() === name.toLowerCase()))
      return { type: "name-taken", machine: name };
  }
  const others = laboratory.networks.configs
    .get()
    .filter(({ name }) => !scenario.networks.some((network) => network.name === name));
  try {
    await laboratory.networks.setConfigs([...others, ...scenario.networks.map(networkConfigOf)]);
  } catch (error) {
    if (error instanceof NetworkConfigError) return { type: "networks-refused", refusal: error };
    throw error;
  }
  for (const machine of scenario.machines) await laboratory.create(choicesOf(machine));
  return {
    type: "done",
    machines: scenario.machines.map(({ name }) => name),
    steps: scenario.steps.length,
  };
}
