/** FLD1, FLDZ and the constants that RC rounds: FLDPI, FLDL2T, FLDL2E, FLDLG2, FLDLN2. Intel SDM volume 2, FLD1. */
import { DOWN, type ExtendedUnit, NEAREST, TRUNCATE } from "./extended.ts";

interface Constant {
  readonly exponent: number;
  readonly high: number;
  /** Rounded down. */
  readonly low: number;
  /** Whether the nearest number is the one above. */
  readonly nearestIsAbove: boolean;
}

export const CONSTANTS: Readonly<Record<string, Constant>> = {
  fldl2t: { exponent: 0x4000, high: 0xd49a784b, low: 0xcd1b8afe, nearestIsAbove: false },
  fldl2e: { exponent: 0x3fff, high: 0xb8aa3b29, low: 0x5c17f0bb, nearestIsAbove: true },
  fldpi: { exponent: 0x4000, high: 0xc90fdaa2, low: 0x2168c234, nearestIsAbove: true },
  fldlg2: { exponent: 0x3ffd, high: 0x9a209a84, low: 0xfbcff798, nearestIsAbove: true },
  fldln2: { exponent: 0x3ffe, high: 0xb17217f7, low: 0xd1cf79ab, nearestIsAbove: true },
};

export function setConstant(unit: ExtendedUnit, to: number, constant: Constant): boolean {
  const { rounding } = unit;
  const below =
    rounding === DOWN || rounding === TRUNCATE || (rounding === NEAREST && !constant.nearestIsAbove);
  unit.status = 0;
  unit.set(to, constant.exponent, constant.high, constant.low + (below ? 0 : 1));
  return true;
}

export function setOne(unit: ExtendedUnit, to: number): boolean {
  unit.status = 0;
  unit.set(to, 0x3fff, 0x80000000, 0);
  return true;
}

export function setZero(unit: ExtendedUnit, to: number): boolean {
  unit.status = 0;
  unit.set(to, 0, 0, 0);
  return true;
}
