/** The 80-bit operations against what a real processor answered (x87-cases.c says how it was asked). */
import { describe, expect, test } from "vitest";
import { add, subtract } from "../../../src/emulator/core/float/add.ts";
import {
  loadFloat32,
  loadFloat64,
  operandFloat32,
  operandFloat64,
  toFloat32,
  toFloat64,
} from "../../../src/emulator/core/float/binary.ts";
import { compare } from "../../../src/emulator/core/float/compare.ts";
import { divide, squareRoot } from "../../../src/emulator/core/float/divide.ts";
import { examine, ExtendedUnit } from "../../../src/emulator/core/float/extended.ts";
import {
  fromDecimal,
  fromInteger,
  roundToInteger,
  toDecimal,
  toInteger,
} from "../../../src/emulator/core/float/integer.ts";
import { multiply } from "../../../src/emulator/core/float/multiply.ts";
import { remainderNearest, remainderTruncated } from "../../../src/emulator/core/float/remainder.ts";
import { extract, scale } from "../../../src/emulator/core/float/scale.ts";
import { extendedHex, readCases, type RecordedCase, setExtended, wordsHex } from "./case-file.ts";

const FLAGS = 0x3f;
const C1 = 0x200;
const CONDITIONS = 0x4700;

const unit = new ExtendedUnit(4);
const number = (hex: string, from: number, to: number) => Number.parseInt(hex.slice(from, to), 16);

/** Runs one case and says what it left: result, second result, and whether it was written. */
type Run = (item: RecordedCase) => boolean;

const binary =
  (operation: (unit: ExtendedUnit, to: number, a: number, b: number) => boolean): Run =>
  () =>
    operation(unit, 0, 0, 1);
const withFloat32 =
  (run: () => boolean): Run =>
  (item) => {
    operandFloat32(unit, 1, number(item.second, 0, 8));
    return run();
  };
const withFloat64 =
  (run: () => boolean): Run =>
  (item) => {
    operandFloat64(unit, 1, number(item.second, 0, 8), number(item.second, 8, 16));
    return run();
  };

const REGISTER: Record<string, Run> = {
  add: binary(add),
  sub: binary(subtract),
  mul: binary(multiply),
  div: binary(divide),
  prem: binary(remainderTruncated),
  prem1: binary(remainderNearest),
  scale: binary(scale),
  sqrt: () => squareRoot(unit, 0, 0),
  rndint: () => roundToInteger(unit, 0, 0),
  add32: withFloat32(() => add(unit, 0, 0, 1)),
  mul64: withFloat64(() => multiply(unit, 0, 0, 1)),
  div64: withFloat64(() => divide(unit, 0, 0, 1)),
};

const CONDITION: Record<string, Run> = {
  xam: () => {
    examine(unit, 0, false);
    return true;
  },
  com: () => compare(unit, 0, 1, false),
  ucom: () => compare(unit, 0, 1, true),
  com32: withFloat32(() => compare(unit, 0, 1, false)),
};

const STORE: Record<string, Run> = {
  ist16: () => toInteger(unit, 0, 16, false),
  ist32: () => toInteger(unit, 0, 32, false),
  ist64: () => toInteger(unit, 0, 64, false),
  istt16: () => toInteger(unit, 0, 16, true),
  istt32: () => toInteger(unit, 0, 32, true),
  istt64: () => toInteger(unit, 0, 64, true),
  st32: () => toFloat32(unit, 0),
  st64: () => toFloat64(unit, 0),
  bstp: () => toDecimal(unit, 0),
};

const LOAD: Record<string, (hex: string) => boolean> = {
  ld32: (hex) => loadFloat32(unit, 0, number(hex, 0, 8)),
  ld64: (hex) => loadFloat64(unit, 0, number(hex, 0, 8), number(hex, 8, 16)),
  ild16: (hex) => fromInteger(unit, 0, (number(hex, 0, 4) << 16) >> 31, (number(hex, 0, 4) << 16) >> 16),
  ild32: (hex) => fromInteger(unit, 0, number(hex, 0, 8) >> 31, number(hex, 0, 8)),
  ild64: (hex) => fromInteger(unit, 0, number(hex, 0, 8), number(hex, 8, 16)),
  bld: (hex) => fromDecimal(unit, 0, number(hex, 12, 20), number(hex, 4, 12), number(hex, 0, 4)),
};

/** Runs a case; answers what differs from the recording, or nothing. */
function differs(item: RecordedCase): string {
  const { operation } = item;
  unit.control = item.control;
  unit.pendingDenormal = false;
  unit.set(0, 0, 0, 0);
  if (item.first !== "-") setExtended(unit, 0, item.first);
  if (item.second.length === 20) setExtended(unit, 1, item.second);
  let result = "-";
  let result1 = "-";
  let compared = FLAGS | C1;
  if (operation in REGISTER) {
    REGISTER[operation](item);
    result = extendedHex(unit, 0);
    if (operation.startsWith("prem")) compared |= CONDITIONS;
  } else if (operation in CONDITION) {
    CONDITION[operation](item);
    compared |= CONDITIONS;
  } else if (operation in STORE) {
    const bytes = item.result.length / 2;
    result = STORE[operation](item) ? wordsHex(unit, bytes) : "cc".repeat(bytes);
  } else if (operation in LOAD) {
    const pushed = LOAD[operation](item.second);
    const top = (item.status >>> 11) & 7;
    if (!pushed || top === 0) return pushed === (top === 7) ? flagsDiffer(item, compared) : "pushed";
    result = extendedHex(unit, 0);
  } else if (operation === "xtract") {
    const written = extract(unit, 1, 0, 0);
    result = extendedHex(unit, 0);
    if (written) result1 = extendedHex(unit, 1);
    else return result === item.result ? flagsDiffer(item, compared) : `result ${result}`;
  } else return "no such operation";
  if (result !== item.result || result1 !== item.result1) return `result ${result} ${result1}`;
  return flagsDiffer(item, compared);
}

function flagsDiffer(item: RecordedCase, compared: number): string {
  if (((unit.status ^ item.status) & compared) === 0) return "";
  return `status ${(unit.status & compared).toString(16)}`;
}

describe("80-bit operation as a real processor does it", () => {
  const recorded = readCases("x87.txt.gz");
  test("all operations are recorded, over a thousand cases each", () => {
    expect(recorded.size).toBe(32);
    for (const list of recorded.values()) expect(list.length).toBeGreaterThan(1000);
  });
  test.each([...recorded.keys()])("%s", (operation) => {
    const wrong: string[] = [];
    for (const item of recorded.get(operation)!) {
      const difference = differs(item);
      if (difference !== "") wrong.push(`${item.line}: ${difference}`);
    }
    expect(wrong.slice(0, 12), `${wrong.length} cases`).toEqual([]);
  });
});
