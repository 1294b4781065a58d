/** Evaluates a lab's checks on the state of its machines and networks. Nothing that was typed is looked at. */
import { dissect, type Dissection } from "../hypervisor-model/network/capture/dissect.ts";
import { parseFilter } from "../hypervisor-model/network/capture/display-filter.ts";
import type { SnapshotNode } from "../hypervisor-model/virtual-machines/machine-snapshots.ts";
import { ANSWER, type Check, type Lab, type LabStep } from "./lab.ts";
import type { LabWorld } from "./lab-world.ts";

export interface CheckResult {
  step: string;
  /** The check's id, or `ANSWER` for a question. */
  check: string;
  ok: boolean;
  /** What was seen: evidence when it holds, the reason when it does not. Short, never markup. */
  found: string;
}

/** Answers by step id, as the student gave them last. */
export type Answers = ReadonlyMap<string, string>;

const COMMAND_MS = 15_000;
const LONGEST_FOUND = 300;
const LONGEST_OUTPUT = 64 * 1024;

type Finding = { holds: boolean; found: string };

export async function checkStep(step: LabStep, world: LabWorld, answers: Answers): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  if (step.choices.length > 0) {
    const given = answers.get(step.id);
    results.push({ step: step.id, check: ANSWER, ok: given === step.answer, found: given ?? "" });
  }
  for (const check of step.checks) {
    let finding: Finding;
    try {
      finding = await look(check, world);
    } catch (error) {
      // What cannot be looked at (a machine that is off) neither holds nor may be called absent.
      const found = error instanceof Error ? error.message : String(error);
      results.push({ step: step.id, check: check.id, ok: false, found: shorten(found) });
      continue;
    }
    const ok = finding.holds !== check.not;
    results.push({ step: step.id, check: check.id, ok, found: shorten(finding.found) });
  }
  return results;
}

export async function checkLab(lab: Lab, world: LabWorld, answers: Answers): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const step of lab.steps) results.push(...(await checkStep(step, world, answers)));
  return results;
}

function shorten(text: string): string {
  const line = text.trim();
  return line.length > LONGEST_FOUND ? `${line.slice(0, LONGEST_FOUND - 1)}…` : line;
}

/** Full-width digits, letters and punctuation count as their half-width forms: a Chinese output method must not matter. */
export function halfWidth(text: string): string {
  return text
    .replace(/[\uFF01-\uFF5E]/g, (character) => String.fromCharCode(character.charCodeAt(0) - 0xfee0))
    .replaceAll("\u3000", " ");
}

function matchesPattern(pattern: string, text: string): boolean {
  return new RegExp(pattern, "mu").test(halfWidth(text.slice(0, LONGEST_OUTPUT)));
}

async function look(check: Check, world: LabWorld): Promise<Finding> {
  switch (check.type) {
    case "guest":
      return lookInGuest(check, world);
    case "file":
      return lookAtFile(check, world);
    case "frames":
      return lookAtFrames(check, world);
    case "network":
      return lookAtNetwork(check, world);
    case "machine":
      return lookAtMachine(check, world);
    case "machines":
      return { holds: world.machines().length === check.machines, found: namesOf(world) };
    case "snapshot":
      return lookAtSnapshot(check, world);
    case "clone": {
      const parent = await world.parentOf(check.clone);
      return { holds: parent === check.of, found: parent ?? "" };
    }
    case "template": {
      const { isTemplate } = await world.snapshots(check.template);
      return { holds: isTemplate, found: isTemplate ? "template" : "" };
    }
    default:
      return check satisfies never;
  }
}

type CheckOf<Type extends Check["type"]> = Extract<Check, { type: Type }>;

const namesOf = (world: LabWorld) =>
  world
    .machines()
    .map(({ name }) => name)
    .join(", ");

async function lookInGuest(
  { guest, run, exit = 0, matches }: CheckOf<"guest">,
  world: LabWorld,
): Promise<Finding> {
  const result = await world.run(guest, run, COMMAND_MS);
  const fits = matches === undefined || matchesPattern(matches, result.output);
  return { holds: result.exit === exit && fits, found: result.output };
}

/** A path as one word of a shell. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

async function lookAtFile(
  { file, on, matches, settings }: CheckOf<"file">,
  world: LabWorld,
): Promise<Finding> {
  const { exit, output } = await world.run(on, `cat -- ${quoted(file)}`, COMMAND_MS);
  if (exit !== 0) return { holds: false, found: output };
  if (matches !== undefined && !matchesPattern(matches, output)) return { holds: false, found: output };
  const present = readSettings(output);
  for (const [key, wanted] of Object.entries(settings ?? {})) {
    const value = present.get(key);
    if (value !== String(wanted)) return { holds: false, found: `${key}=${value ?? ""}` };
  }
  return { holds: true, found: output };
}

/** KEY=value lines as a shell reads them: the last one counts, quotes do not. */
function readSettings(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.split("\n")) {
    const found = /^\s*([A-Za-z_][\w.]*)=\s*(?:"([^"]*)"|'([^']*)'|(\S*))\s*$/.exec(line);
    if (found !== null) settings.set(found[1], found[2] ?? found[3] ?? found[4] ?? "");
  }
  return settings;
}

function hasFields({ layers }: Dissection, wanted: CheckOf<"frames">["fields"]): boolean {
  const all = layers.flatMap((layer) => layer.fields);
  return Object.entries(wanted ?? {}).every(([name, value]) =>
    all.some((field) => field.name === name && field.value === String(value)),
  );
}

async function lookAtFrames(check: CheckOf<"frames">, world: LabWorld): Promise<Finding> {
  const filter = parseFilter(check.filter);
  let count = 0;
  let last = "";
  for (const { bytes } of await world.frames(check.frames)) {
    const dissection = dissect(bytes);
    const line = `${dissection.source} → ${dissection.destination} ${dissection.info}`;
    if (!filter(dissection, bytes)) continue;
    if (check.matches !== undefined && !matchesPattern(check.matches, line)) continue;
    if (!hasFields(dissection, check.fields)) continue;
    count++;
    last = line;
  }
  return { holds: count >= Number(check.atLeast), found: count === 0 ? "0" : `${count}: ${last}` };
}

function lookAtNetwork({ network, subnet, gateway, forward }: CheckOf<"network">, world: LabWorld): Finding {
  const config = world.networks().find(({ name }) => name === network);
  if (config === undefined) return { holds: false, found: "" };
  const forwards = (config.forwards ?? []).map(({ protocol, port, to }) => `${protocol} ${port} ${to}`);
  const found = [config.subnet, config.gateway, ...forwards].filter(Boolean).join(" ");
  const holds =
    (subnet === undefined || config.subnet === subnet) &&
    (gateway === undefined || config.gateway === gateway) &&
    (forward === undefined || forwards.includes(forward));
  return { holds, found };
}

function lookAtMachine(check: CheckOf<"machine">, world: LabWorld): Finding {
  const definition = world.machines().find(({ name }) => name === check.machine);
  if (definition === undefined) return { holds: false, found: namesOf(world) };
  const power = world.power(check.machine);
  const nics = definition.nics.map(({ network }) => network ?? "-");
  const found = `${power}, ${definition.memoryMiB} MiB, ${nics.join(" ")}, ${definition.disks.length} disks`;
  const holds =
    (check.power === undefined || check.power === power) &&
    (check.memoryMiB === undefined || Number(check.memoryMiB) === definition.memoryMiB) &&
    (check.nics === undefined || Number(check.nics) === definition.nics.length) &&
    (check.on === undefined || nics.includes(check.on)) &&
    (check.disks === undefined || Number(check.disks) === definition.disks.length);
  return { holds, found };
}

async function lookAtSnapshot(check: CheckOf<"snapshot">, world: LabWorld): Promise<Finding> {
  const tree = await world.snapshots(check.of);
  const all: { node: SnapshotNode; parent: string | undefined }[] = [];
  const walk = (nodes: readonly SnapshotNode[], parent: string | undefined) => {
    for (const node of nodes) {
      all.push({ node, parent });
      walk(node.children, node.name);
    }
  };
  walk(tree.roots, undefined);
  const found = all
    .map(
      ({ node, parent }) =>
        `${parent === undefined ? "" : `${parent}/`}${node.name}${node.id === tree.current ? "*" : ""}`,
    )
    .join(" ");
  const holds = all.some(
    ({ node, parent }) =>
      node.name === check.snapshot &&
      (check.parent === undefined || check.parent === (parent ?? "")) &&
      (check.here === undefined || check.here === (node.id === tree.current)) &&
      (check.power === undefined || check.power === node.power),
  );
  return { holds, found };
}
