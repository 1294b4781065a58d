/**
 * A lab as data (lab.json): a scenario to start from, steps, and for each step declarative checks of state. Texts stand beside it
 * in one Markdown file a language (lab-text.ts). Nothing of a lab is executed: it may come from anywhere.
 */
import * as v from "valibot";
import { checkDocument, fields, type Checked } from "../hypervisor-model/virtual-machines/document-check.ts";
import { parseFilter } from "../hypervisor-model/network/capture/display-filter.ts";
import { parseScenario, type Scenario } from "../hypervisor-model/virtual-machines/scenario.ts";
import { drawValues, fillDocument, placeholders, type LabValues } from "./seed.ts";
import type { LabText } from "./lab-text.ts";

const text = v.pipe(v.string(), v.minLength(1));
const checkId = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]*$/));
/** A number, or `${name}` until the values are drawn. */
const count = v.union([v.pipe(v.number(), v.integer(), v.minValue(0)), v.string()]);
const common = { id: checkId, not: v.optional(v.boolean(), false) };

/** What a check may ask, each of state: `not` turns it round. */
export const CHECK_SCHEMAS = {
  /** A command in the guest whose output shows kernel state; `matches` is a regular expression with flags "mu". */
  guest: fields({
    ...common,
    guest: text,
    run: text,
    exit: v.optional(v.pipe(v.number(), v.integer())),
    matches: v.optional(text),
  }),
  /** A file of the guest: that it is there, that it matches, or its KEY=value settings (quotes do not count). */
  file: fields({
    ...common,
    file: text,
    on: text,
    matches: v.optional(text),
    settings: v.optional(v.record(v.string(), v.union([v.string(), v.number()]))),
  }),
  /**
   * Frames that a network carried since the lab began, by a display filter; `matches` is tried on the line in the list
   * ("source → destination information"), `fields` name fields of the protocol tree with their values.
   */
  frames: fields({
    ...common,
    frames: text,
    filter: text,
    matches: v.optional(text),
    fields: v.optional(v.record(v.string(), v.union([v.string(), v.number()]))),
    atLeast: v.optional(count, 1),
  }),
  /** The settings of a network. */
  network: fields({
    ...common,
    network: text,
    subnet: v.optional(text),
    gateway: v.optional(text),
    forward: v.optional(text),
  }),
  /** A machine's life and hardware. */
  machine: fields({
    ...common,
    machine: text,
    power: v.optional(v.picklist(["running", "off", "suspended"])),
    memoryMiB: v.optional(count),
    nics: v.optional(count),
    on: v.optional(text),
    disks: v.optional(count),
  }),
  /** Machines of the library by how many there are. */
  machines: fields({ ...common, machines: count }),
  /** A machine's snapshot tree: a snapshot by name, its parent, and whether "you are here" stands on it. */
  snapshot: fields({
    ...common,
    snapshot: text,
    of: text,
    /** Empty for the root of the tree. */
    parent: v.optional(v.string()),
    here: v.optional(v.boolean()),
    power: v.optional(v.picklist(["off", "running", "suspended"])),
  }),
  /** A machine is a linked clone of another one. */
  clone: fields({ ...common, clone: text, of: text }),
  template: fields({ ...common, template: text }),
};
export type CheckKind = keyof typeof CHECK_SCHEMAS;
const CHECK_KINDS = Object.keys(CHECK_SCHEMAS) as CheckKind[];
export type Check = {
  [Kind in CheckKind]: { type: Kind } & v.InferOutput<(typeof CHECK_SCHEMAS)[Kind]>;
}[CheckKind];

/** The first key that is a kind says what a check is. */
function kindOf(check: object): CheckKind | undefined {
  return CHECK_KINDS.find((kind) => kind in check);
}

const checkSchema = v.lazy((input) => {
  const kind = typeof input === "object" && input !== null ? kindOf(input) : undefined;
  return kind === undefined ? fields({ guest: text }) : CHECK_SCHEMAS[kind];
}) as v.GenericSchema<unknown, object>;

const stepSchema = fields({
  id: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]*$/)),
  /** Choices by name and the right one: a question. */
  choices: v.optional(v.pipe(v.array(checkId), v.minLength(2))),
  answer: v.optional(text),
  checks: v.optional(v.array(checkSchema), []),
});

const labSchema = fields({
  ringsideLab: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/)),
  /** Section of the course. */
  section: text,
  values: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Za-z]\w*$/)),
      fields({
        from: v.optional(v.pipe(v.number(), v.integer())),
        to: v.optional(v.pipe(v.number(), v.integer())),
        oneOf: v.optional(v.pipe(v.array(v.union([v.string(), v.number()])), v.minLength(1))),
        not: v.optional(v.array(v.string())),
      }),
    ),
    {},
  ),
  scenario: v.record(v.string(), v.unknown()),
  steps: v.pipe(v.array(stepSchema), v.minLength(1)),
});

/** The check of a question: whether the right choice was given. */
export const ANSWER = "answer";

export interface LabStep {
  id: string;
  /** Empty for a step that is no question. */
  choices: readonly string[];
  answer: string | undefined;
  checks: readonly Check[];
}

export interface Lab {
  id: string;
  section: string;
  values: LabValues;
  scenario: Scenario;
  steps: readonly LabStep[];
}

export class LabError extends Error {
  override name = "LabError";
  /** Each with its path in the file. */
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("; "));
    this.problems = problems;
  }
}

/** The lab for one seed. Throws `LabError`, which names every path that is wrong. */
export function openLab(document: unknown, seed: number): Lab {
  const checked = checkDocument(labSchema, document);
  if (checked.type === "refused") throw new LabError(namesOf(checked));
  const { id, section, values: rules, scenario, steps } = checked.value;
  const unknown = [...placeholders({ scenario, steps })].filter((name) => !Object.hasOwn(rules, name));
  if (unknown.length > 0) throw new LabError(unknown.map((name) => `\${${name}}: no value of that name`));
  const values = drawValues(rules, seed);
  const started = parseScenario(JSON.stringify(fillDocument(scenario, values)));
  if (started.type === "refused")
    throw new LabError(namesOf(started).map((problem) => `scenario.${problem}`));
  const lab: Lab = {
    id,
    section,
    values,
    scenario: started.value,
    steps: steps.map(({ choices = [], answer, checks, ...step }) => ({
      id: step.id,
      choices,
      answer: answer === undefined ? undefined : String(fillDocument(answer, values)),
      checks: checks.map((check) => {
        const filled = fillDocument(check, values) as Check;
        return { ...filled, type: kindOf(filled) } as Check;
      }),
    })),
  };
  const problems = lab.steps.flatMap(stepProblems).concat(repeated(lab));
  if (problems.length > 0) throw new LabError(problems);
  return lab;
}

function namesOf(refused: Extract<Checked<unknown>, { type: "refused" }>): string[] {
  return refused.problems.map(({ path, reason }) => `${path}: ${JSON.stringify(reason)}`);
}

function stepProblems({ choices, answer, checks }: LabStep, index: number): string[] {
  const at = `steps[${index}]`;
  const problems: string[] = [];
  if (choices.length > 0 && (answer === undefined || !choices.includes(answer))) {
    problems.push(`${at}.answer: ${String(answer)} is none of the choices ${choices.join(", ")}`);
  }
  if (choices.length === 0 && checks.length === 0) problems.push(`${at}: neither checks nor choices`);
  for (const [i, check] of checks.entries()) {
    if (check.id === ANSWER)
      problems.push(`${at}.checks[${i}].id: "${ANSWER}" is what a question's own check is called`);
    try {
      if ("matches" in check && check.matches !== undefined) new RegExp(check.matches, "mu").test("");
      if (check.type === "frames") parseFilter(check.filter);
    } catch (error) {
      problems.push(`${at}.checks[${i}]: ${(error as Error).message}`);
    }
  }
  return problems;
}

function repeated({ steps }: Lab): string[] {
  const ids = steps.flatMap(({ id, checks }) => [id, ...checks.map((check) => `${id}/${check.id}`)]);
  return ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `steps: the id "${id}" stands twice`);
}

/** What a text lacks, or has too much, for a lab. */
export function textProblems(lab: Lab, { title, steps }: LabText): string[] {
  const problems: string[] = title === "" ? ["no title"] : [];
  for (const { id, choices, checks } of lab.steps) {
    const step = Object.hasOwn(steps, id) ? steps[id] : undefined;
    if (step === undefined) {
      problems.push(`no step "${id}"`);
      continue;
    }
    if (step.body === "") problems.push(`step "${id}" says nothing`);
    const missing = (kind: string, names: readonly string[], there: Record<string, string>) => {
      for (const name of names) if (!there[name]) problems.push(`step "${id}" has no "### ${kind} ${name}"`);
      for (const name of Object.keys(there)) {
        if (!names.includes(name)) problems.push(`step "${id}": "### ${kind} ${name}" belongs to nothing`);
      }
    };
    missing(
      "fail",
      checks.map((check) => check.id),
      step.failures,
    );
    missing("choice", choices, step.choices);
  }
  for (const id of Object.keys(steps)) {
    if (!lab.steps.some((step) => step.id === id)) problems.push(`the step "${id}" is not in lab.json`);
  }
  return problems;
}
