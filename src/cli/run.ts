/** `ringside run`: plays a scenario file. */
import { existsSync } from "node:fs";
import { access, constants, mkdir, readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { importDisk } from "../hypervisor-model/storage/disk-files.ts";
import { bytesSource } from "../hypervisor-model/storage/formats/image.ts";
import { listSnapshots } from "../hypervisor-model/storage/snapshots.ts";
import type { MachineChoices, MachineDefinition } from "../hypervisor-model/virtual-machines/definition.ts";
import { DEFAULT_ZONE } from "../hypervisor-model/network/default-zone.ts";
import { NetworkConfigError, resolveNetworks } from "../hypervisor-model/network/network-config.ts";
import {
  checkNetworkFault,
  NetworkFaultError,
  type NetworkFault,
} from "../hypervisor-model/network/network-fault.ts";
import { describeProblem, type Problem } from "../hypervisor-model/virtual-machines/reasons.ts";
import { ScenarioPlayer } from "../hypervisor-model/virtual-machines/scenario-player.ts";
import {
  choicesOf,
  parseScenario,
  type Scenario,
  type StoredMachines,
} from "../hypervisor-model/virtual-machines/scenario.ts";
import {
  checkBudget,
  checkImageName,
  fileProblem,
  openLaboratory,
  readMedium,
  type Laboratory,
} from "./laboratory.ts";
import { readOptions, UsageError } from "./options.ts";
import { fabricNetworks, ScenarioNetworkThread } from "./scenario-network-thread.ts";

export const RUN_HELP = `ringside run FILE [--json] [--pcap DIR] [--store DIR]    play a scenario

  --json        {"ok", "steps": [{"index", "ok", "exit", "output", "seconds", "error"}]} on standard output
  --store DIR   keep the machines and their disks in DIR between runs
  --pcap DIR    write what each network carried to DIR/NETWORK.pcapng
  --cold        boot from firmware and kernel, not from the image's saved state

Ends with 0 when every machine started and every expectation holds, 1 when not, 2 when the file is refused. Progress is on standard error.
With --store, machines, snapshots and clones of earlier runs are there again; a snapshot may then be one of an earlier run.
`;

const OPTIONS = {
  json: { type: "boolean" },
  store: { type: "string" },
  pcap: { type: "string" },
  cold: { type: "boolean" },
} as const;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, OPTIONS);
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("expected one scenario file");
  const unreadable = fileProblem(file);
  if (unreadable !== undefined) throw new UsageError(unreadable);
  const source = await readFile(file, "utf8").catch((error: Error) => {
    throw new UsageError(error.message);
  });
  // What an earlier run has left is part of what the file may speak of.
  const isThere = values.store !== undefined && existsSync(values.store);
  let laboratory = isThere ? await openLaboratory(values.store) : undefined;
  try {
    const checked = parseScenario(source, laboratory && (await storedMachines(laboratory)));
    if (checked.type === "refused") return refuse(file, checked.problems);
    const scenario = checked.value;
    checkMedia(file, scenario.machines);
    checkBudget(scenario.machines.map(({ memoryMiB }) => memoryMiB));
    const configs = checkNetworks(file, scenario);
    if (values.pcap !== undefined) await makeFolder(values.pcap);
    laboratory ??= await openLaboratory(values.store);
    return await play(file, scenario, laboratory, configs, values);
  } finally {
    await laboratory?.close();
  }
}

async function play(
  file: string,
  scenario: Scenario,
  laboratory: Laboratory,
  configs: ReturnType<typeof fabricNetworks>,
  { json, pcap, cold, store }: { json?: boolean; pcap?: string; cold?: boolean; store?: string },
): Promise<number> {
  await findOrMake(file, scenario.machines, laboratory, store !== undefined);
  const networks = new ScenarioNetworkThread(configs, scenario.machines, DEFAULT_ZONE);
  try {
    if (pcap !== undefined) await networks.capture();
    const player = new ScenarioPlayer({
      ...laboratory,
      cables: networks,
      readMedium,
      now: () => performance.now(),
      log,
      mode: cold === true ? "cold" : "warm",
    });
    const steps = await player.play(scenario);
    if (pcap !== undefined) await networks.writeCaptures(pcap);
    const ok = player.notStarted.length === 0 && steps.every((step) => step.ok);
    if (json === true) process.stdout.write(`${JSON.stringify({ ok, steps })}\n`);
    else for (const { output } of steps) process.stdout.write(output);
    return ok ? 0 : 1;
  } finally {
    networks.close();
  }
}

function checkNetworks(file: string, { networks, steps }: Scenario): ReturnType<typeof fabricNetworks> {
  try {
    const configs = fabricNetworks(networks);
    const resolved = resolveNetworks(configs);
    for (const [i, step] of steps.entries()) {
      if (step.type !== "fault" || "machine" in step.fault || "device" in step.fault) continue;
      const { network, duplicateAddress, rogueDhcp } = step.fault;
      const { subnet } = resolved.find(({ name }) => name === network)!;
      const at = `steps[${i}].fault`;
      if (duplicateAddress)
        checkFault(`${at}.duplicateAddress`, subnet, {
          type: "duplicate-address",
          address: duplicateAddress,
        });
      if (rogueDhcp) checkFault(`${at}.rogueDhcp`, subnet, { type: "rogue-dhcp", ...rogueDhcp });
    }
    return configs;
  } catch (error) {
    if (error instanceof NetworkConfigError) throw new UsageError(`${file}: ${error.message}`);
    throw error;
  }

  function checkFault(
    path: string,
    subnet: Parameters<typeof checkNetworkFault>[0],
    fault: NetworkFault,
  ): void {
    try {
      checkNetworkFault(subnet, fault);
    } catch (error) {
      if (!(error instanceof NetworkFaultError)) throw error;
      const field = fault.type === "duplicate-address" ? "" : `.${error.field}`;
      throw new UsageError(`${file}: ${path}${field}: ${error.reason}`);
    }
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: Error) => {
    throw new UsageError(`--pcap: ${error.message}`);
  });
  await access(folder, constants.W_OK).catch((error: Error) => {
    throw new UsageError(`--pcap: ${error.message}`);
  });
}

async function storedMachines({ library, store }: Laboratory): Promise<StoredMachines> {
  const stored = new Map<string, string[]>();
  for (const entry of library.entries) {
    if (entry.type !== "machine") continue;
    const snapshots = await listSnapshots(store, entry.definition.id);
    stored.set(
      entry.definition.name,
      snapshots.map(({ name }) => name),
    );
  }
  return stored;
}

type ScenarioMachine = Parameters<typeof choicesOf>[0];

/** Refuses images and files that are not there. */
function checkMedia(file: string, machines: readonly ScenarioMachine[]): void {
  for (const [i, { image }] of machines.entries()) {
    const path = `${file}: machines[${i}].image`;
    if (typeof image === "string") {
      try {
        checkImageName(image);
      } catch (error) {
        throw new UsageError(`${path}: ${messageOf(error)}`);
      }
      continue;
    }
    for (const [field, value] of Object.entries(image)) {
      if (field === "commandLine" || typeof value !== "string") continue;
      const problem = fileProblem(resolve(dirname(file), value));
      if (problem !== undefined) throw new UsageError(`${path}.${field}: ${problem}`);
    }
  }
}

/**
 * Machines of the folder are taken by name, when they are as the file says; the others are made. With a store that is kept
 * a disk image of the user's becomes a disk of the store, so that what the guest writes to it is there in the next run.
 */
async function findOrMake(
  file: string,
  machines: readonly ScenarioMachine[],
  laboratory: Laboratory,
  isKept: boolean,
): Promise<void> {
  const { library, host } = laboratory;
  for (const [i, { image, memoryMiB }] of machines.entries()) {
    if (typeof image !== "string") continue;
    const { minimum } = (await host.images.manifest(image)).memoryMiB;
    if (memoryMiB < minimum)
      throw new UsageError(
        `${file}: machines[${i}].memoryMiB: ${image} needs at least ${minimum}, found ${memoryMiB}`,
      );
  }
  for (const [i, machine] of machines.entries()) {
    let choices = choicesOf(machine, (path) => ({ type: "file", path: resolve(dirname(file), path) }));
    const kept = library.findByName(machine.name);
    if (isKept && choices.image?.type === "disk" && choices.image.medium.type === "file")
      choices = await withStoredDisk(choices, choices.image.medium.path, laboratory, kept);
    const field = kept === undefined ? undefined : differentField(choices, kept);
    if (field !== undefined) {
      throw new UsageError(
        `${file}: machines[${i}].${field}: the stored machine "${machine.name}" has another value; change the file or the name`,
      );
    }
    if (kept === undefined) await library.create(choices);
  }
}

/** The same machine with the image as its first disk: the one that it has already, or one that is made of the image. */
async function withStoredDisk(
  choices: MachineChoices,
  path: string,
  { store, random, library }: Laboratory,
  kept: MachineDefinition | undefined,
): Promise<MachineChoices> {
  const fileName = basename(path);
  let disk = kept?.disks[0];
  if (disk === undefined) {
    const bytes = new Uint8Array(await readFile(path));
    const find = (name: string) => (name === fileName ? bytesSource(bytes) : undefined);
    const made = await importDisk(store, fileName, find, { id: random.uuid(), owner: library.owner });
    disk = { id: made.id, name: made.name, sizeMiB: made.sizeBytes / 2 ** 20 };
  }
  return { ...choices, image: { type: "none" }, disks: [disk, ...(choices.disks ?? [])] };
}

/** The field in which a stored machine differs from what the file says. Addresses that the file leaves out may be any. */
function differentField(choices: ReturnType<typeof choicesOf>, kept: MachineDefinition): string | undefined {
  const told = {
    image: choices.image,
    engine: choices.engine,
    memoryMiB: choices.memoryMiB,
    nics: choices.nics?.map(({ network, model, mac }, i) => [network, model, mac ?? kept.nics[i]?.mac]),
    disks: choices.disks?.map(({ name, role, sizeMiB }) => [name, role ?? null, sizeMiB]),
  };
  const stored: Record<keyof typeof told, unknown> = {
    image: kept.image,
    engine: kept.engine,
    memoryMiB: kept.memoryMiB,
    nics: kept.nics.map(({ network, model, mac }) => [network, model, mac]),
    disks: kept.disks.map(({ name, role, sizeMiB }) => [name, role ?? null, sizeMiB]),
  };
  const fields = Object.keys(told) as (keyof typeof told)[];
  return fields.find(
    (field) => told[field] !== undefined && JSON.stringify(told[field]) !== JSON.stringify(stored[field]),
  );
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

const PROBLEMS_SHOWN = 20;

function refuse(file: string, problems: Problem[]): number {
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) log(`${file}: ${describeProblem(problem)}`);
  if (problems.length > PROBLEMS_SHOWN) log(`${file}: and ${problems.length - PROBLEMS_SHOWN} more`);
  return 2;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
