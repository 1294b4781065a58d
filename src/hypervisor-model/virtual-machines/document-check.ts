/** Reads JSON documents against a valibot schema and says what is wrong as a list of paths and reasons. */
import * as v from "valibot";
import { EXPECTED_VALUES, type ExpectedValue, type Problem, type ValueRefusal } from "./reasons.ts";

export type Checked<T> = { type: "ok"; value: T } | { type: "refused"; problems: Problem[] };

/** `machines[1].nics[0].network` */
export function formatPath(keys: readonly (string | number)[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === "" ? key : `${path}.${key}`;
  }, "");
}

/** A valibot check whose failure says which kind of value was expected. */
export function expectedValue<T>(expected: ExpectedValue, holds: (value: T) => boolean) {
  return v.check<T, ExpectedValue>(holds, expected);
}

export function checkDocument<T>(schema: v.GenericSchema<unknown, T>, document: unknown): Checked<T> {
  const result = v.safeParse(schema, document);
  if (result.success) return { type: "ok", value: result.output };
  return { type: "refused", problems: different(result.issues.map(problemOf)) };
}

function different(problems: Problem[]): Problem[] {
  const keys = new Set<string>();
  return problems.filter((problem) => {
    const key = JSON.stringify(problem);
    return !keys.has(key) && keys.add(key);
  });
}

/** Reads the text of a file. */
export function parseJson(text: string): Checked<unknown> {
  try {
    return { type: "ok", value: JSON.parse(text) };
  } catch (error) {
    return { type: "refused", problems: [{ path: "", reason: jsonRefusal(text, String(error)) }] };
  }
}

/** V8 names the offset, or quotes the end of the text when it ends too soon. */
function jsonRefusal(text: string, message: string): ValueRefusal {
  const named = /position (\d+)/.exec(message);
  const offset = named === null ? text.length : Number(named[1]);
  const before = text.slice(0, offset).split("\n");
  return { key: "not-json", line: before.length, column: before[before.length - 1].length + 1 };
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  const path = issue.path ?? [];
  const keys = path.map((item) => item.key as string | number);
  const parent = path.at(-1);
  // valibot takes an array for an object without the right fields
  if (parent?.origin === "key" && Array.isArray(parent.input)) {
    return {
      path: formatPath(keys.slice(0, -1)),
      reason: { key: "wrong-type", expected: "object", found: "array" },
    };
  }
  return { path: formatPath(keys), reason: reasonOf(issue) };
}

function reasonOf(issue: v.BaseIssue<unknown>): ValueRefusal {
  const found = quote(issue.input);
  switch (issue.type) {
    case "strict_object":
      if (issue.expected === "never") return { key: "unknown-field", known: FIELDS.get(issue) ?? [] };
      if (issue.path?.at(-1)?.origin === "key") return { key: "missing-field" };
      return { key: "wrong-type", expected: "object", found: typeName(issue.input) };
    case "picklist":
    case "literal":
    case "variant":
      return { key: "not-one-of", allowed: optionsOf(issue), found };
    case "integer":
      return { key: "not-an-integer", found };
    case "min_value":
      return { key: "too-small", minimum: Number(issue.requirement), found };
    case "max_value":
      return { key: "too-large", maximum: Number(issue.requirement), found };
    case "max_length":
      return Array.isArray(issue.input)
        ? { key: "too-many", maximum: Number(issue.requirement), found: String(issue.input.length) }
        : { key: "too-large", maximum: Number(issue.requirement), found };
    case "min_length":
      return { key: "too-short", minimum: Number(issue.requirement), found };
    default:
      if (issue.message in EXPECTED_VALUES) {
        return { key: "bad-value", expected: issue.message as ExpectedValue, found };
      }
      return { key: "wrong-type", expected: issue.expected ?? "another value", found: typeName(issue.input) };
  }
}

/** The fields of the object that an issue is about. */
const FIELDS = new WeakMap<object, string[]>();

/** A strict object that remembers its fields for the refusal of an unknown one. */
export function fields<const T extends v.ObjectEntries>(entries: T) {
  return v.strictObject(entries, (issue) => {
    FIELDS.set(issue, Object.keys(entries));
    return issue.message;
  });
}

function optionsOf(issue: v.BaseIssue<unknown>): string[] {
  return (issue.expected ?? "").replace(/^\(|\)$/g, "").split(" | ");
}

export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  return Array.isArray(value) ? "array" : typeof value;
}

/** A value as it would stand in the file, shortened. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? typeName(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
