import { expect, test } from "vitest";
import { scanCodes } from "./scan-codes.ts";

test("A key going down sends its make code", () => expect(scanCodes("KeyA", true)).toEqual([0x1e]));
test("A key going up sends its make code with bit 7 set", () =>
  expect(scanCodes("Enter", false)).toEqual([0x9c]));
test("An extended key is prefixed with E0", () => expect(scanCodes("Delete", true)).toEqual([0xe0, 0x53]));
test("F11 has its code after the keys of the old keyboard", () =>
  expect(scanCodes("F11", true)).toEqual([0x57]));
test("A key that a PC keyboard does not have sends nothing", () =>
  expect(scanCodes("Power", true)).toEqual([]));
