/** `ringside lab`: the labs without a page. */
import { loadBot } from "../labs/bots.ts";
import {
  LAB_IDS,
  loadLabDocument,
  loadLabText,
  NoSuchLabError,
  type LabLanguage,
} from "../labs/catalogue.ts";
import { checkLab, checkStep, type CheckResult } from "../labs/check-engine.ts";
import { LabError, openLab, type Lab } from "../labs/lab.ts";
import type { LabStudent, StepActions } from "../labs/lab-student.ts";
import { parseLabText, type LabText } from "../labs/lab-text.ts";
import { fill, LabValueError } from "../labs/seed.ts";
import { HeadlessLab } from "./headless-lab.ts";
import { readOptions, UsageError, wholeNumber } from "./options.ts";

export const LAB_HELP = `ringside lab list | show ID | solve ID | check ID    the course's labs, headless

  list              ids, sections and titles
  show ID           the text and what each step checks
  solve ID          a bot does the lab on real machines; ends with 0 when every check holds
  check ID          starts the lab, does nothing and checks; each check that does not hold is named with its sentence
  --seed N          the values that differ from student to student (0 unless given)
  --lang zh-CN|en   language of the texts (en)
  --wrong N         with solve: the bot's wrong way N, from 1; ends with 0 when the check it must fail at does fail
  --json            one object on standard output
`;

const OPTIONS = {
  seed: { type: "string" },
  lang: { type: "string" },
  wrong: { type: "string" },
  json: { type: "boolean" },
} as const;

interface Opened {
  lab: Lab;
  text: LabText;
}

async function open(id: string, seed: number, language: LabLanguage): Promise<Opened> {
  try {
    const lab = openLab(await loadLabDocument(id), seed);
    return { lab, text: parseLabText(await loadLabText(id, language)) };
  } catch (error) {
    if (error instanceof NoSuchLabError || error instanceof LabError || error instanceof LabValueError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

export async function lab(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, OPTIONS);
  const [verb, id, ...more] = positionals;
  const seed = wholeNumber("seed", values.seed) ?? 0;
  const language = values.lang ?? "en";
  if (language !== "zh-CN" && language !== "en") {
    throw new UsageError(`--lang: expected zh-CN or en, found "${language}"`);
  }
  const json = values.json === true;
  if (verb === "list" && id === undefined) return list(language, json);
  if (id === undefined || more.length > 0 || !["show", "solve", "check"].includes(verb ?? "")) {
    throw new UsageError("expected list, show ID, solve ID or check ID");
  }
  const opened = await open(id, seed, language);
  if (verb === "show") return show(opened, json);
  const wrong = wholeNumber("wrong", values.wrong);
  return play(opened, verb === "solve" ? (wrong ?? "solve") : "nothing", json);
}

async function list(language: LabLanguage, json: boolean): Promise<number> {
  const labs = await Promise.all(
    LAB_IDS.map(async (id) => {
      const opened = await open(id, 0, language);
      const { section, steps } = opened.lab;
      return { id, section, title: opened.text.title, steps: steps.length };
    }),
  );
  if (json) process.stdout.write(`${JSON.stringify(labs)}\n`);
  else for (const { id, section, title } of labs) process.stdout.write(`${id}  ${section}  ${title}\n`);
  return 0;
}

function show({ lab: shown, text }: Opened, json: boolean): number {
  const steps = shown.steps.map(({ id, checks, choices }) => ({
    id,
    title: fill(text.steps[id]?.title ?? id, shown.values),
    text: fill(text.steps[id]?.body ?? "", shown.values),
    choices,
    checks: checks.map((check) => check.id),
  }));
  if (json) {
    const { id, section, values } = shown;
    process.stdout.write(`${JSON.stringify({ id, section, title: text.title, values, steps })}\n`);
    return 0;
  }
  process.stdout.write(`${text.title}\n\n${fill(text.introduction, shown.values)}\n`);
  for (const [i, step] of steps.entries()) {
    process.stdout.write(`\n${i + 1}. ${step.title}\n\n${step.text}\n`);
    if (step.checks.length > 0) process.stdout.write(`\n   checks: ${step.checks.join(", ")}\n`);
  }
  return 0;
}

async function play(opened: Opened, what: "solve" | "nothing" | number, json: boolean): Promise<number> {
  const bot = await loadBot(opened.lab.id);
  const wrongWay = typeof what === "number" ? bot.wrongWays[what - 1] : undefined;
  if (typeof what === "number" && wrongWay === undefined) {
    throw new UsageError(`--wrong: the bot of ${opened.lab.id} has ${bot.wrongWays.length} wrong ways`);
  }
  const world = await HeadlessLab.open(opened.lab, log);
  try {
    const results =
      what === "nothing"
        ? await checkLab(opened.lab, world, world.answers)
        : await doSteps(opened.lab, { ...bot.steps, ...wrongWay?.steps }, world);
    report(opened, results, json);
    const failed = results.filter(({ ok }) => !ok);
    if (wrongWay === undefined) return failed.length === 0 ? 0 : 1;
    return failed.some(({ step, check }) => `${step}/${check}` === wrongWay.failsAt) ? 0 : 1;
  } finally {
    await world.close();
  }
}

/** Each step is checked when it has been done, as in the page: what holds then need not hold for ever. */
async function doSteps(done: Lab, actions: StepActions, world: HeadlessLab): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const step of done.steps) {
    try {
      await actions[step.id]?.(world satisfies LabStudent);
    } catch (error) {
      // After a wrong turn what follows may be impossible; its checks say so.
      log(`${step.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
    results.push(...(await checkStep(step, world, world.answers)));
  }
  return results;
}

/** The sentence of a check that does not hold. */
export function sentenceOf({ lab: { values }, text }: Opened, { step, check, found }: CheckResult): string {
  const own = text.steps[step];
  const sentence =
    check === "answer" ? (found === "" ? "not answered" : `answered ${found}`) : own?.failures[check];
  return fill(sentence ?? check, { ...values, found });
}

function report(opened: Opened, results: readonly CheckResult[], json: boolean): void {
  const rows = results.map((result) => ({
    ...result,
    sentence: result.ok ? null : sentenceOf(opened, result),
  }));
  if (json) {
    const { id } = opened.lab;
    process.stdout.write(`${JSON.stringify({ lab: id, ok: rows.every(({ ok }) => ok), checks: rows })}\n`);
    return;
  }
  for (const { step, check, ok, sentence } of rows) {
    process.stdout.write(ok ? `ok      ${step}/${check}\n` : `failed  ${step}/${check}: ${sentence}\n`);
  }
  const passed = rows.filter(({ ok }) => ok).length;
  process.stdout.write(`${passed} of ${rows.length} checks hold\n`);
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}
