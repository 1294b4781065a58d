/**
 * A lab's text: Markdown with headings that name what they belong to.
 *
 *     # Title
 *     what the lab is about
 *     ## step-id: Title of the step
 *     what to do
 *     ### hint
 *     a nudge; further hints tell more
 *     ### fail check-id
 *     the sentence for a check that does not hold
 *     ### choice name
 *     one answer of a question
 *     ### why
 *     what is said once a question is answered right
 */

export interface StepText {
  title: string;
  body: string;
  hints: string[];
  failures: Record<string, string>;
  choices: Record<string, string>;
  why: string;
}

export interface LabText {
  title: string;
  introduction: string;
  steps: Record<string, StepText>;
}

export class LabTextError extends Error {
  override name = "LabTextError";
  /** Counted from 1. */
  readonly line: number;
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

/** Throws `LabTextError` for a heading that is none of those above. */
export function parseLabText(markdown: string): LabText {
  const text: LabText = { title: "", introduction: "", steps: {} };
  let step: StepText | undefined;
  let lines: string[] = [];
  let put: (body: string) => void = (body) => {
    text.introduction = body;
  };
  const close = () => {
    put(lines.join("\n").trim());
    lines = [];
  };
  let fenced = false;
  for (const [i, line] of markdown.split(/\r?\n/).entries()) {
    if (line.startsWith("```")) fenced = !fenced;
    const heading = fenced ? null : /^(#{1,3}) (.*)$/.exec(line);
    if (heading === null) {
      lines.push(line);
      continue;
    }
    close();
    const [, marks, words] = heading;
    if (marks === "#") {
      text.title = words.trim();
      put = (body) => {
        text.introduction = body;
      };
    } else if (marks === "##") {
      const found = /^([a-z][a-z0-9-]*): (.+)$/.exec(words);
      if (found === null) throw new LabTextError(i + 1, `found "## ${words}", expected "## step-id: title"`);
      const [, id, title] = found;
      if (Object.hasOwn(text.steps, id)) throw new LabTextError(i + 1, `the step "${id}" stands here again`);
      const opened: StepText = { title, body: "", hints: [], failures: {}, choices: {}, why: "" };
      text.steps[id] = step = opened;
      put = (body) => {
        opened.body = body;
      };
    } else put = partOf(step, words, i + 1);
  }
  close();
  return text;
}

function partOf(step: StepText | undefined, words: string, line: number): (body: string) => void {
  if (step === undefined) throw new LabTextError(line, `"### ${words}" stands before the first step`);
  const found = /^(hint|why|(fail|choice) ([a-z0-9-]+))$/.exec(words);
  if (found === null) {
    throw new LabTextError(line, `found "### ${words}", expected hint, why, fail CHECK or choice NAME`);
  }
  const [, whole, kind, name] = found;
  if (whole === "hint") {
    const at = step.hints.push("") - 1;
    return (body) => {
      step.hints[at] = body;
    };
  }
  if (whole === "why") {
    return (body) => {
      step.why = body;
    };
  }
  const into = kind === "fail" ? step.failures : step.choices;
  return (body) => {
    into[name] = body;
  };
}
