/** Reads the recorded floating-point cases: one a line, fields between blanks, "#" before a comment. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ExtendedUnit } from "../../../src/emulator/core/float/extended.ts";

export interface RecordedCase {
  line: string;
  operation: string;
  control: number;
  first: string;
  second: string;
  result: string;
  result1: string;
  status: number;
}

export function readCases(file: string): Map<string, RecordedCase[]> {
  const byOperation = new Map<string, RecordedCase[]>();
  const text = gunzipSync(readFileSync(join(import.meta.dirname, file))).toString("latin1");
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [operation, control, first, second, result, result1, status] = line.split(" ");
    let list = byOperation.get(operation);
    if (list === undefined) byOperation.set(operation, (list = []));
    list.push({
      line,
      operation,
      control: Number.parseInt(control, 16),
      first,
      second,
      result,
      result1,
      status: Number.parseInt(status, 16),
    });
  }
  return byOperation;
}

export function setExtended(unit: ExtendedUnit, slot: number, hex: string): void {
  const word = (from: number, to: number) => Number.parseInt(hex.slice(from, to), 16);
  unit.set(slot, word(0, 4), word(4, 12), word(12, 20));
}

const digits = (value: number, count: number) => value.toString(16).padStart(count, "0");

export function extendedHex(unit: ExtendedUnit, slot: number): string {
  return digits(unit.signExponent[slot], 4) + digits(unit.high[slot], 8) + digits(unit.low[slot], 8);
}

/** The least significant `bytes` of the unit's memory result. */
export function wordsHex(unit: ExtendedUnit, bytes: number): string {
  const all = [...unit.words].toReversed().map((word) => word.toString(16).padStart(8, "0"));
  return all.join("").slice(-bytes * 2);
}
