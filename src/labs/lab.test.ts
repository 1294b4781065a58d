import { describe, expect, test } from "vitest";
import { LAB_IDS, loadLabDocument, loadLabText } from "./catalogue.ts";
import { loadBot } from "./bots.ts";
import { LabError, openLab, textProblems } from "./lab.ts";
import { LabTextError, parseLabText } from "./lab-text.ts";
import { drawValues, fill, fillDocument, LabValueError } from "./seed.ts";

const LANGUAGES = ["zh-CN", "en"] as const;

describe.each(LAB_IDS)("lab %s", (id) => {
  test("is a valid lab for many seeds", async () => {
    const document = await loadLabDocument(id);
    for (let seed = 0; seed < 50; seed++) expect(openLab(document, seed).id).toBe(id);
  });

  test.each(LANGUAGES)("has every text in %s", async (language) => {
    const lab = openLab(await loadLabDocument(id), 0);
    expect(textProblems(lab, parseLabText(await loadLabText(id, language)))).toEqual([]);
  });

  test("its texts name no value that is not drawn", async () => {
    const { values } = openLab(await loadLabDocument(id), 0);
    for (const language of LANGUAGES) {
      const text = await loadLabText(id, language);
      const left = fill(text, { ...values, found: "" }).match(/\$\{[A-Za-z]\w*\}/g);
      expect(left, language).toBeNull();
    }
  });

  test("both texts say the same things", async () => {
    const [chinese, english] = await Promise.all(
      LANGUAGES.map(async (language) => parseLabText(await loadLabText(id, language))),
    );
    const shape = ({ steps }: typeof chinese) =>
      Object.fromEntries(
        Object.entries(steps).map(([step, { hints, why }]) => [step, [hints.length, why !== ""]]),
      );
    expect(shape(chinese)).toEqual(shape(english));
  });

  test("its bot does each step, in the lab's order", async () => {
    const lab = openLab(await loadLabDocument(id), 0);
    expect(Object.keys((await loadBot(id)).steps)).toEqual(lab.steps.map((step) => step.id));
  });

  test("ships a bot with at least one wrong way, each failing at a check of the lab", async () => {
    const { wrongWays } = await loadBot(id);
    const lab = openLab(await loadLabDocument(id), 0);
    const checks = lab.steps.flatMap((step) => [
      ...(step.choices.length > 0 ? [`${step.id}/answer`] : []),
      ...step.checks.map((check) => `${step.id}/${check.id}`),
    ]);
    expect(wrongWays.length).toBeGreaterThan(0);
    for (const { failsAt } of wrongWays) expect(checks).toContain(failsAt);
  });
});

const MINIMAL = {
  ringsideLab: 1,
  id: "X1",
  section: "1",
  scenario: { ringside: 1, machines: [{ name: "a" }] },
  steps: [{ id: "one", checks: [{ id: "up", guest: "a", run: "true" }] }],
};

describe("a lab's document", () => {
  const problemsOf = (document: unknown) => {
    try {
      openLab(document, 1);
      return [];
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      return error.problems;
    }
  };

  test("is accepted with nothing but what it needs", () => {
    expect(problemsOf(MINIMAL)).toEqual([]);
  });

  test.each<[string, unknown, RegExp]>([
    ["an unknown field", { ...MINIMAL, extra: 1 }, /extra/],
    ["another version", { ...MINIMAL, ringsideLab: 2 }, /ringsideLab/],
    ["no steps", { ...MINIMAL, steps: [] }, /steps/],
    ["a step with nothing to do", { ...MINIMAL, steps: [{ id: "one" }] }, /neither checks nor choices/],
    [
      "an answer that is no choice",
      { ...MINIMAL, steps: [{ id: "one", choices: ["a", "b"], answer: "c" }] },
      /none of the choices/,
    ],
    [
      "a broken expression",
      { ...MINIMAL, steps: [{ id: "one", checks: [{ id: "x", guest: "a", run: "true", matches: "(" }] }] },
      /steps\[0\]\.checks\[0\]/,
    ],
    [
      "a broken display filter",
      { ...MINIMAL, steps: [{ id: "one", checks: [{ id: "x", frames: "vmnet8", filter: "frobnicate" }] }] },
      /frobnicate/,
    ],
    [
      "a value that is not drawn",
      { ...MINIMAL, steps: [{ id: "one", checks: [{ id: "x", guest: "a", run: "echo ${nothing}" }] }] },
      /\$\{nothing\}/,
    ],
    [
      "an id that stands twice",
      { ...MINIMAL, steps: [MINIMAL.steps[0], MINIMAL.steps[0]] },
      /"one" stands twice/,
    ],
    ["a broken scenario", { ...MINIMAL, scenario: { ringside: 1, machines: [{ name: "" }] } }, /^scenario\./],
  ])("%s is refused with its place", (_, document, expected) => {
    expect(problemsOf(document).join("\n")).toMatch(expected);
  });
});

describe("values", () => {
  const rules = {
    host: { from: 3, to: 127 },
    other: { from: 3, to: 127, not: ["host"] },
    name: { oneOf: ["a", "b"] },
  };

  test("are the same for the same seed", () => {
    expect(drawValues(rules, 42)).toEqual(drawValues(rules, 42));
  });

  test("keep apart where a rule says so", () => {
    for (let seed = 0; seed < 200; seed++) {
      const { host, other } = drawValues(rules, seed);
      expect(host).not.toBe(other);
    }
  });

  test.each([-1, 1.5, 2 ** 32, Number.NaN])("the seed %s is refused", (seed) => {
    expect(() => drawValues(rules, seed)).toThrow(LabValueError);
  });

  test("a string that is only a placeholder becomes the number", () => {
    expect(fillDocument({ a: "${n}", b: "x${n}" }, { n: 5 })).toEqual({ a: 5, b: "x5" });
  });
});

describe("a lab's text", () => {
  test("a heading that belongs to nothing is refused with its line", () => {
    expect(() => parseLabText("# T\n\n## one: One\nbody\n### nonsense\n")).toThrow(LabTextError);
    expect(() => parseLabText("# T\n### hint\n")).toThrow(/line 2/);
  });

  test("a heading inside a code block is code", () => {
    const { steps } = parseLabText("# T\n## one: One\n```\n# comment\n```\n");
    expect(steps.one.body).toContain("# comment");
  });
});
