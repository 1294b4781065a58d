/** `ringside run`: plays a scenario file. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { MachineDefinition } from "../hypervisor-model/virtual-machines/definition.ts";
import { DEFAULT_ZONE } from "../hypervisor-model/network/default-zone.ts";
import { describeProblem, type Problem } from "../hypervisor-model/virtual-machines/reasons.ts";
import { ScenarioPlayer } from "../hypervisor-model/virtual-machines/scenario-player.ts";
import { choicesOf, parseScenario, unavailable } from "../hypervisor-model/virtual-machines/scenario.ts";
import { checkBudget, openLaboratory, readMedium, type Laboratory } from "./laboratory.ts";
import { readOptions, UsageError } from "./options.ts";
import { ScenarioNetworkThread } from "./scenario-network-thread.ts";

export const RUN_HELP = `ringside run FILE [--json] [--pcap DIR] [--store DIR]    play a scenario

  --json        {"ok", "steps": [{"index", "ok", "exit", "output", "seconds", "error"}]} on standard output
  --store DIR   keep the machines and their disks in DIR between runs
  --pcap DIR    write what each network carried to DIR/NETWORK.pcapng
  --cold        boot from firmware and kernel, not from the image's saved state

Ends with 0 when every expectation holds, 1 when one fails, 2 when the file is refused. Progress is on standard error.
Snapshot, clone and revert steps are refused: they are not available yet.
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
  const source = await readFile(file, "utf8").catch((error: Error) => {
    throw new UsageError(error.message);
  });
  const checked = parseScenario(source);
  if (checked.type === "refused") return refuse(file, checked.problems);
  const scenario = checked.value;
  const missing = unavailable(scenario);
  if (missing.length > 0) return refuse(file, missing);
  checkBudget(scenario.machines.map(({ memoryMiB }) => memoryMiB));

  const laboratory = await openLaboratory(values.store);
  const networks = new ScenarioNetworkThread(scenario.networks, DEFAULT_ZONE);
  try {
    if (values.pcap !== undefined) await networks.capture();
    for (const [i, { image }] of scenario.machines.entries()) {
      if (typeof image !== "string") continue;
      const reason = await laboratory.host.images.manifest(image).then(() => undefined, messageOf);
      if (reason !== undefined) throw new UsageError(`${file}: machines[${i}].image: ${reason}`);
    }
    const definitions = await definitionsOf(scenario.machines, laboratory, dirname(file));
    const player = new ScenarioPlayer({
      host: laboratory.host,
      cables: networks,
      definitions,
      readMedium,
      savedState: (machine) => laboratory.contents.savedState(machine),
      keepState: (machine, state) => laboratory.contents.keepState(machine, state),
      now: () => performance.now(),
      log,
      mode: values.cold === true ? "cold" : "warm",
    });
    const steps = await player.play(scenario);
    if (values.pcap !== undefined) await networks.writeCaptures(values.pcap);
    const ok = steps.every((step) => step.ok);
    if (values.json === true) process.stdout.write(`${JSON.stringify({ ok, steps })}\n`);
    else for (const { output } of steps) process.stdout.write(output);
    return ok ? 0 : 1;
  } finally {
    networks.close();
    await laboratory.close();
  }
}

/** Machines of the folder are taken by name; the others are made. */
async function definitionsOf(
  machines: Parameters<typeof choicesOf>[0][],
  { library }: Laboratory,
  folder: string,
): Promise<Map<string, MachineDefinition>> {
  const definitions = new Map<string, MachineDefinition>();
  for (const machine of machines) {
    const choices = choicesOf(machine, (path) => ({ type: "file", path: resolve(folder, path) }));
    const definition = library.findByName(machine.name) ?? (await library.create(choices));
    definitions.set(machine.name, definition);
  }
  return definitions;
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function refuse(file: string, problems: Problem[]): number {
  for (const problem of problems) process.stderr.write(`${file}: ${describeProblem(problem)}\n`);
  return 2;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
