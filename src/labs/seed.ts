/** Values that differ from student to student: drawn from a seed, put wherever a lab says `${name}`. */
import { Random } from "../common/random.ts";

/** A whole number from `from` to `to`, or one of a list; `not` are names of values it must differ from. */
export interface ValueRule {
  from?: number;
  to?: number;
  oneOf?: readonly (string | number)[];
  not?: readonly string[];
}

export type LabValues = Readonly<Record<string, string | number>>;

export const MAXIMUM_SEED = 0xffffffff;
const TRIES = 1000;

export class LabValueError extends Error {
  override name = "LabValueError";
}

/** Draws all values in the order of their names in the file. Throws `LabValueError` where no value is allowed. */
export function drawValues(rules: Readonly<Record<string, ValueRule>>, seed: number): LabValues {
  if (!Number.isInteger(seed) || seed < 0 || seed > MAXIMUM_SEED) {
    throw new LabValueError(`seed: found ${seed}, expected a whole number from 0 to ${MAXIMUM_SEED}`);
  }
  const random = new Random(seed);
  const values: Record<string, string | number> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const taken = new Set((rule.not ?? []).map((other) => values[other]));
    let value: string | number | undefined;
    for (let i = 0; i < TRIES && value === undefined; i++) {
      const drawn = draw(rule, random);
      if (drawn !== undefined && !taken.has(drawn)) value = drawn;
    }
    if (value === undefined) throw new LabValueError(`values.${name}: no value is left`);
    values[name] = value;
  }
  return values;
}

function draw({ from = 0, to = 0, oneOf }: ValueRule, random: Random): string | number | undefined {
  return oneOf === undefined ? from + random.below(to - from + 1) : oneOf[random.below(oneOf.length)];
}

const PLACEHOLDER = /\$\{([A-Za-z][\w]*)\}/g;

/** Puts the values into a text; a name without a value stays as it is. */
export function fill(text: string, values: LabValues): string {
  return text.replace(PLACEHOLDER, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** Puts the values into every string of a document; a string that is nothing but a placeholder becomes the value itself. */
export function fillDocument(document: unknown, values: LabValues): unknown {
  if (typeof document === "string") {
    const whole = /^\$\{([A-Za-z][\w]*)\}$/.exec(document);
    if (whole !== null && whole[1] in values) return values[whole[1]];
    return fill(document, values);
  }
  if (Array.isArray(document)) return document.map((item) => fillDocument(item, values));
  if (typeof document !== "object" || document === null) return document;
  return Object.fromEntries(Object.entries(document).map(([key, item]) => [key, fillDocument(item, values)]));
}

/** Names that a document uses in placeholders. */
export function placeholders(document: unknown): Set<string> {
  return new Set([...JSON.stringify(document).matchAll(PLACEHOLDER)].map(([, name]) => name));
}
