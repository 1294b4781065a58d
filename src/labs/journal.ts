/**
 * What happened in a lab, in order, as a chain of hashes: the one record that progress, the report and the result file are
 * made from. An entry that is altered, left out or moved breaks the chain from there on; it shows tampering, it does not
 * prevent it.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import * as v from "valibot";
import type { Lab } from "./lab.ts";

const step = v.pipe(v.string(), v.maxLength(64));
const short = v.pipe(v.string(), v.maxLength(400));

const eventSchema = v.variant("type", [
  v.strictObject({ type: v.literal("start"), lab: short, seed: v.number() }),
  v.strictObject({ type: v.literal("answer"), step, choice: short }),
  v.strictObject({ type: v.literal("hint"), step, number: v.number() }),
  /** The bot does the step. */
  v.strictObject({ type: v.literal("assist"), step }),
  v.strictObject({
    type: v.literal("check"),
    step,
    results: v.pipe(
      v.array(v.strictObject({ check: short, ok: v.boolean(), found: short })),
      v.maxLength(100),
    ),
  }),
]);

export type LabEvent = v.InferOutput<typeof eventSchema>;

const entrySchema = v.strictObject({
  /** Milliseconds since 1970. */
  at: v.number(),
  event: eventSchema,
  /** SHA-256 of the hash before and of this entry, in hexadecimal. */
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

export type JournalEntry = v.InferOutput<typeof entrySchema>;

/** More than a student makes in a term; a journal that is full takes no more failed checks. */
const MOST_ENTRIES = 5000;

const journalSchema = v.pipe(v.array(entrySchema), v.minLength(1), v.maxLength(MOST_ENTRIES + 1000));

export class JournalError extends Error {
  override name = "JournalError";
  /** The first entry that is wrong, from 0; undefined when the whole is no journal. */
  readonly entry: number | undefined;
  constructor(entry: number | undefined, problem: string) {
    super(entry === undefined ? problem : `entry ${entry}: ${problem}`);
    this.entry = entry;
  }
}

/** The keys of events are written in the order of the schema, so that a copy with another order has the same hash. */
function hashOf(previous: string, at: number, event: LabEvent): string {
  const ordered = v.parse(eventSchema, event);
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify([previous, at, ordered]))));
}

/** The journal with one more entry. */
export function addEntry(entries: readonly JournalEntry[], event: LabEvent, at: number): JournalEntry[] {
  const isFull = entries.length >= MOST_ENTRIES;
  const isNews = event.type !== "check" || event.results.every(({ ok }) => ok);
  if (isFull && (!isNews || entries.length >= MOST_ENTRIES + 1000)) return [...entries];
  const previous = entries.at(-1)?.hash ?? "";
  return [...entries, { at, event, hash: hashOf(previous, at, event) }];
}

/** Reads a journal that was kept or handed in. Throws `JournalError` with the first entry that is wrong. */
export function readJournal(document: unknown): JournalEntry[] {
  const read = v.safeParse(journalSchema, document);
  if (!read.success) {
    const place = read.issues[0].path?.[0]?.key;
    throw new JournalError(typeof place === "number" ? place : undefined, read.issues[0].message);
  }
  let previous = "";
  for (const [i, { at, event, hash }] of read.output.entries()) {
    if (hash !== hashOf(previous, at, event)) throw new JournalError(i, "its hash does not fit");
    if (i > 0 && event.type === "start") throw new JournalError(i, "a second start");
    previous = hash;
  }
  if (read.output[0].event.type !== "start") throw new JournalError(0, "it does not begin with a start");
  return read.output;
}

export interface StepProgress {
  /** When all its checks held for the first time, milliseconds since 1970. */
  passedAt: number | undefined;
  assisted: boolean;
  /** Hints that were asked for. */
  hints: number;
  /** The last answer to its question. */
  answer: string | undefined;
  /** What the last check found; of a passed step, the check that it passed by. */
  results: readonly { check: string; ok: boolean; found: string }[];
  /** Checks that did not hold, until it passed. */
  failures: number;
}

/** How far the lab is, step by step. */
export function progressOf({ steps }: Lab, entries: readonly JournalEntry[]): Map<string, StepProgress> {
  const progress = new Map<string, StepProgress>(
    steps.map(({ id }) => [
      id,
      { passedAt: undefined, assisted: false, hints: 0, answer: undefined, results: [], failures: 0 },
    ]),
  );
  for (const { at, event } of entries) {
    if (event.type === "start") continue;
    const step = progress.get(event.step);
    if (step === undefined || step.passedAt !== undefined) continue;
    switch (event.type) {
      case "answer":
        step.answer = event.choice;
        break;
      case "hint":
        step.hints = Math.max(step.hints, event.number);
        break;
      case "assist":
        step.assisted = true;
        break;
      case "check":
        step.results = event.results;
        if (event.results.length > 0 && event.results.every(({ ok }) => ok)) step.passedAt = at;
        else step.failures++;
        break;
      default:
        event satisfies never;
    }
  }
  return progress;
}

/** Answers by step, as a check of the whole lab wants them. */
export function answersOf(progress: ReadonlyMap<string, StepProgress>): Map<string, string> {
  return new Map([...progress].flatMap(([id, { answer }]) => (answer === undefined ? [] : [[id, answer]])));
}
