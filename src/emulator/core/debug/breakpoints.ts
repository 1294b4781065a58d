/** What a debugger can stop at. Plain data: it crosses from the page to the machine's Worker. */
import type { Expression } from "../assembler/expression.ts";
import type { AssemblyProblem } from "../assembler/problem.ts";
import { parseCondition } from "./condition.ts";

export type AccessKind = "read" | "write" | "any";

export type BreakpointPlace =
  /** In front of the instruction at a linear address. */
  | { type: "address"; linear: number }
  /** After an access to one of these ports. */
  | { type: "port"; first: number; last: number; access: AccessKind }
  /** After an access to one of these bytes, by linear address. */
  | { type: "memory"; linear: number; length: number; access: AccessKind }
  /** When an exception is about to be delivered: in front of its handler. Vector -1 is any. */
  | { type: "exception"; vector: number }
  /** The same for an interrupt from outside or INT n. */
  | { type: "interrupt"; vector: number };

export interface Breakpoint {
  id: number;
  enabled: boolean;
  place: BreakpointPlace;
  /** An expression over registers and memory (condition.ts); it stops where that is not 0. */
  condition?: string;
  /** Times it has stopped. */
  hits: number;
}

export class BreakpointError extends Error {
  override name = "BreakpointError";
  /** What is wrong with its condition. */
  readonly problem: AssemblyProblem | undefined;

  constructor(message: string, problem?: AssemblyProblem) {
    super(message);
    this.problem = problem;
  }
}

/** With its condition parsed. Throws `BreakpointError` for a place or a condition that is none. */
export interface ActiveBreakpoint extends Breakpoint {
  expression: Expression | undefined;
}

const isIn = (value: number, highest: number) => Number.isInteger(value) && value >= 0 && value <= highest;

function checkPlace(place: BreakpointPlace): void {
  const bad = (what: string, found: unknown, expected: string) =>
    new BreakpointError(`breakpoint: ${what} is ${String(found)}, expected ${expected}`);
  switch (place.type) {
    case "address":
      if (!isIn(place.linear, 0xffffffff)) throw bad("the address", place.linear, "0 to FFFFFFFFh");
      return;
    case "port":
      if (!isIn(place.first, 0xffff) || !isIn(place.last, 0xffff) || place.last < place.first) {
        throw bad("the port range", `${place.first}-${place.last}`, "0 to FFFFh, ascending");
      }
      return;
    case "memory":
      if (!isIn(place.linear, 0xffffffff)) throw bad("the address", place.linear, "0 to FFFFFFFFh");
      if (!isIn(place.length, 4096) || place.length < 1) throw bad("the length", place.length, "1 to 4096");
      return;
    case "exception":
    case "interrupt":
      if (place.vector !== -1 && !isIn(place.vector, 255)) throw bad("the vector", place.vector, "0 to 255");
      return;
    default:
      place satisfies never;
  }
}

export function activate(breakpoint: Breakpoint): ActiveBreakpoint {
  checkPlace(breakpoint.place);
  const { condition } = breakpoint;
  if (condition === undefined || condition.trim() === "") {
    return { ...breakpoint, condition: undefined, expression: undefined };
  }
  const parsed = parseCondition(condition);
  if (!parsed.ok) {
    throw new BreakpointError(`condition "${condition}": ${parsed.problem.message}`, parsed.problem);
  }
  return { ...breakpoint, expression: parsed.expression };
}

export const accessMatches = (kind: AccessKind, write: boolean): boolean =>
  kind === "any" || (kind === "write") === write;
