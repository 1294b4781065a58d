/** What a student hands in: the journal of a lab with the student's name, as one small file, and its reading by a teacher. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import * as v from "valibot";
import { JournalError, progressOf, readJournal, type JournalEntry, type StepProgress } from "./journal.ts";
import { MAXIMUM_SEED } from "./seed.ts";
import type { Lab } from "./lab.ts";

export const RESULT_VERSION = 1;
/** Bytes of a result file; a journal that is full is smaller. */
export const LARGEST_RESULT = 8 << 20;

const field = v.pipe(v.string(), v.maxLength(80));
const studentSchema = v.strictObject({ name: field, number: field, class: field });
export type Student = v.InferOutput<typeof studentSchema>;

const resultSchema = v.strictObject({
  ringsideResult: v.literal(RESULT_VERSION),
  lab: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/)),
  seed: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAXIMUM_SEED)),
  student: studentSchema,
  entries: v.array(v.unknown()),
  hash: v.string(),
});

export interface LabResult {
  lab: string;
  seed: number;
  student: Student;
  entries: readonly JournalEntry[];
}

export class ResultError extends Error {
  override name = "ResultError";
  readonly problem: "not-a-result" | "edited" | "newer";
  constructor(problem: ResultError["problem"], detail: string) {
    super(detail);
    this.problem = problem;
  }
}

function hashOf({ lab, seed, student, entries }: LabResult): string {
  const { name, number } = student;
  const all = [lab, seed, name, number, student.class, entries.at(-1)?.hash ?? ""];
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(all))));
}

/** The file's text. */
export function writeResult(result: LabResult): string {
  const { lab, seed, student, entries } = result;
  const document = { ringsideResult: RESULT_VERSION, lab, seed, student, entries, hash: hashOf(result) };
  return `${JSON.stringify(document, null, 1)}\n`;
}

/** As teachers sort them: class-number-name-Lxx. Characters that file systems refuse are left out. */
export function resultName({ lab, student }: Pick<LabResult, "lab" | "student">): string {
  const parts = [student.class, student.number, student.name, lab];
  // oxlint-disable-next-line no-control-regex -- control characters are among what is left out
  return `${parts.map((part) => part.replace(/[\u0000-\u001F<>:"/\\|?*]/g, "").trim()).join("-")}.json`;
}

/** Throws `ResultError`: what is no result, was edited, or was written by a newer version. */
export function readResult(text: string): LabResult {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new ResultError("not-a-result", (error as Error).message);
  }
  const version = (document as { ringsideResult?: unknown } | null)?.ringsideResult;
  if (typeof version === "number" && version > RESULT_VERSION)
    throw new ResultError("newer", String(version));
  const read = v.safeParse(resultSchema, document);
  if (!read.success) throw new ResultError("not-a-result", read.issues[0].message);
  const { lab, seed, student, hash } = read.output;
  let entries: JournalEntry[];
  try {
    entries = readJournal(read.output.entries);
  } catch (error) {
    if (error instanceof JournalError) throw new ResultError("edited", error.message);
    throw error;
  }
  const result = { lab, seed, student, entries };
  const start = entries[0].event;
  if (start.type !== "start" || start.lab !== lab || start.seed !== seed)
    throw new ResultError("edited", "lab or seed");
  if (hash !== hashOf(result)) throw new ResultError("edited", "the student's name");
  return result;
}

export interface ResultSummary {
  passed: number;
  total: number;
  assisted: number;
  hints: number;
  /** Checks that did not hold. */
  failures: number;
  /** From the first entry to the last passed step, milliseconds. */
  milliseconds: number;
}

export function summaryOf(lab: Lab, entries: readonly JournalEntry[]): ResultSummary {
  const steps: StepProgress[] = [...progressOf(lab, entries).values()];
  const sum = (of: (step: StepProgress) => number) => steps.reduce((total, step) => total + of(step), 0);
  const last = Math.max(entries[0].at, ...steps.map(({ passedAt }) => passedAt ?? 0));
  return {
    passed: sum(({ passedAt }) => (passedAt === undefined ? 0 : 1)),
    total: steps.length,
    assisted: sum(({ passedAt, assisted }) => (assisted && passedAt !== undefined ? 1 : 0)),
    hints: sum(({ hints }) => hints),
    failures: sum(({ failures }) => failures),
    milliseconds: last - entries[0].at,
  };
}

/** Rows as a table that Excel reads: UTF-8 with a byte order mark, CRLF (RFC 4180). Cells that begin like a formula are text. */
export function writeCsv(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
