import { expect, test } from "vitest";
import { addEntry, type JournalEntry, type LabEvent } from "./journal.ts";
import { openLab } from "./lab.ts";
import {
  readResult,
  ResultError,
  resultName,
  summaryOf,
  writeCsv,
  writeResult,
  type LabResult,
} from "./result.ts";

const events: LabEvent[] = [
  { type: "start", lab: "L15", seed: 5 },
  { type: "hint", step: "do", number: 1 },
  { type: "check", step: "do", results: [{ check: "up", ok: false, found: "" }] },
  { type: "assist", step: "do" },
  { type: "check", step: "do", results: [{ check: "up", ok: true, found: "yes" }] },
];
const entries = events.reduce<JournalEntry[]>((all, event, i) => addEntry(all, event, 1000 * (i + 1)), []);
const result: LabResult = {
  lab: "L15",
  seed: 5,
  student: { name: "张三", number: "0042", class: "网络 1 班" },
  entries,
};

const problemOf = (text: string) => {
  try {
    readResult(text);
  } catch (error) {
    return error instanceof ResultError ? error.problem : error;
  }
  return undefined;
};
const edited = (change: (document: Record<string, unknown>) => void): string => {
  const document = JSON.parse(writeResult(result)) as Record<string, unknown>;
  change(document);
  return JSON.stringify(document);
};

test("A result is read as it was written", () => {
  expect(readResult(writeResult(result))).toEqual(result);
});

test.each([
  ["another name", (d: Record<string, unknown>) => (d.student = { ...result.student, name: "李四" })],
  ["another seed", (d: Record<string, unknown>) => (d.seed = 6)],
  ["another lab", (d: Record<string, unknown>) => (d.lab = "L16")],
  ["an entry less", (d: Record<string, unknown>) => (d.entries = entries.slice(0, 4))],
  ["no help", (d: Record<string, unknown>) => (d.entries = entries.filter((_, i) => i !== 3))],
])("One with %s is called edited", (_, change) => {
  expect(problemOf(edited(change))).toBe("edited");
});

test.each([["", "{}", "[]", "null", '{"ringsideResult":1}', edited((d) => delete d.hash)]])(
  "%j is no result",
  (text) => {
    expect(problemOf(text)).toBe("not-a-result");
  },
);

test("One of a newer version is named so", () => {
  expect(problemOf(edited((d) => (d.ringsideResult = 2)))).toBe("newer");
});

test("The file is called class-number-name-lab, without what file systems refuse", () => {
  expect(resultName(result)).toBe("网络 1 班-0042-张三-L15.json");
  const student = { name: "../a:b", number: "1", class: "x/y" };
  expect(resultName({ lab: "L15", student })).toBe("xy-1-..ab-L15.json");
});

test("The summary counts what was passed, helped, hinted and failed", () => {
  const lab = openLab(
    {
      ringsideLab: 1,
      id: "L15",
      section: "1",
      scenario: { ringside: 1, machines: [{ name: "a" }] },
      steps: [
        { id: "do", checks: [{ id: "up", guest: "a", run: "true" }] },
        { id: "more", checks: [{ id: "on", guest: "a", run: "true" }] },
      ],
    },
    5,
  );
  expect(summaryOf(lab, entries)).toEqual({
    passed: 1,
    total: 2,
    assisted: 1,
    hints: 1,
    failures: 1,
    milliseconds: 4000,
  });
});

test("A table for Excel has a byte order mark, quotes what needs it, and holds no formulas", () => {
  expect(writeCsv([["姓名", 'a "b"', "x,y", 3], ["=1+1"]])).toBe(
    '\uFEFF姓名,"a ""b""","x,y",3\r\n\'=1+1\r\n',
  );
});
