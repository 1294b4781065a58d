import { describe, expect, test } from "vitest";
import {
  addEntry,
  answersOf,
  JournalError,
  progressOf,
  readJournal,
  type JournalEntry,
  type LabEvent,
} from "./journal.ts";
import { openLab } from "./lab.ts";

const lab = openLab(
  {
    ringsideLab: 1,
    id: "X1",
    section: "1",
    scenario: { ringside: 1, machines: [{ name: "a" }] },
    steps: [
      { id: "guess", choices: ["red", "green"], answer: "green" },
      { id: "do", checks: [{ id: "up", guest: "a", run: "true" }] },
    ],
  },
  0,
);

const START: LabEvent = { type: "start", lab: "X1", seed: 7 };
const checked = (step: string, ok: boolean): LabEvent => ({
  type: "check",
  step,
  results: [{ check: "up", ok, found: "eth0" }],
});

function journal(...events: LabEvent[]): JournalEntry[] {
  return [START, ...events].reduce<JournalEntry[]>((all, event, i) => addEntry(all, event, 1000 + i), []);
}

describe("a journal", () => {
  test("is read back as it was written, through JSON", () => {
    const entries = journal({ type: "answer", step: "guess", choice: "red" }, checked("do", true));
    expect(readJournal(JSON.parse(JSON.stringify(entries)))).toEqual(entries);
  });

  test("tells which entry was altered", () => {
    const entries = journal(checked("do", false), checked("do", true));
    const altered = structuredClone(entries);
    altered[1].event = checked("do", true);
    expect(() => readJournal(altered)).toThrow(/^entry 1: /);
  });

  test.each([
    ["an entry left out", (entries: JournalEntry[]) => entries.filter((_, i) => i !== 1), 1],
    ["entries in another order", ([a, b, c]: JournalEntry[]) => [a, c, b], 1],
    ["another time", ([a, b, c]: JournalEntry[]) => [a, { ...b, at: b.at + 1 }, c], 1],
    ["no start", ([, b, c]: JournalEntry[]) => [b, c], 0],
  ])("is refused with %s", (_, change, entry) => {
    const entries = change(journal(checked("do", false), checked("do", true)));
    expect(() => readJournal(entries)).toThrow(JournalError);
    expect(() => readJournal(entries)).toThrow(new RegExp(`^entry ${entry}: `));
  });

  test.each([[undefined], [[]], [{}], [[{ at: 1 }]], ["x"], [[null]]])("is refused for %j", (document) => {
    expect(() => readJournal(document)).toThrow(JournalError);
  });

  test("that is full still takes what passed, and never grows without bound", () => {
    let entries = journal();
    for (let i = 0; i < 5100; i++) entries = addEntry(entries, checked("do", false), 2000 + i);
    expect(entries.length).toBe(5000);
    expect(addEntry(entries, checked("do", true), 9000).length).toBe(5001);
  });
});

describe("progress", () => {
  test("a step passes when all its checks hold, and stays so", () => {
    const progress = progressOf(
      lab,
      journal(checked("do", false), checked("do", true), checked("do", false)),
    );
    expect(progress.get("do")).toMatchObject({ passedAt: 1002, failures: 1 });
    expect(progress.get("guess")).toMatchObject({ passedAt: undefined });
  });

  test("the last answer counts, and hints and help are remembered", () => {
    const progress = progressOf(
      lab,
      journal(
        { type: "answer", step: "guess", choice: "red" },
        { type: "answer", step: "guess", choice: "green" },
        { type: "hint", step: "do", number: 2 },
        { type: "assist", step: "do" },
      ),
    );
    expect(answersOf(progress)).toEqual(new Map([["guess", "green"]]));
    expect(progress.get("do")).toMatchObject({ hints: 2, assisted: true });
  });

  test("a step that the lab does not have is passed over", () => {
    expect([...progressOf(lab, journal(checked("gone", true))).keys()]).toEqual(["guess", "do"]);
  });
});
