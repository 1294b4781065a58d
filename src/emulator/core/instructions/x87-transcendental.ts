/** F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FSINCOS, FPTAN (Intel SDM volume 2); the functions: ../float/transcendental.ts. */
import { C1, C2 } from "../float/extended.ts";
import {
  arctangent,
  exponentialLessOne,
  logarithmPlusOneTimes,
  logarithmTimes,
  trigonometric,
} from "../float/transcendental.ts";
import { arithmetic, type TwoOperands, unary } from "../float/x87-operations.ts";
import type { X87State } from "../float/x87-state.ts";
import type { Binder, Family } from "./family.ts";
import { onStack } from "./x87.ts";

/** ST1 = f(ST0, ST1), and pops. */
const toNext = (operation: TwoOperands): Binder =>
  onStack(({ x87 }) => {
    const next = x87.slot(1);
    if (arithmetic(x87, operation, next, x87.top, next)) x87.pop();
  });

function trigonometricTop(x87: X87State, name: "sin" | "cos" | "sincos" | "tan"): void {
  const { top } = x87;
  const both = name === "sincos" || name === "tan";
  const next = x87.slot(7);
  if (x87.isEmpty(top) || (both && !x87.isEmpty(next))) {
    x87.status &= ~C2;
    if (!x87.stackFault(!x87.isEmpty(top))) return;
    x87.setIndefinite(top);
    x87.fill(top);
    if (both) x87.setIndefinite(next);
  } else {
    const outcome = trigonometric(x87.unit, name, top, next, top);
    x87.commit(C1 | C2);
    if (outcome !== "written") return;
  }
  if (both) x87.pushed();
}

const ofTop = (name: Parameters<typeof trigonometricTop>[1]): Binder =>
  onStack(({ x87 }) => trigonometricTop(x87, name));

export const x87Transcendental: Family = {
  f2xm1: onStack(({ x87 }) => void unary(x87, exponentialLessOne, x87.top)),
  fyl2x: toNext(logarithmTimes),
  fyl2xp1: toNext(logarithmPlusOneTimes),
  fpatan: toNext(arctangent),
  fsin: ofTop("sin"),
  fcos: ofTop("cos"),
  fsincos: ofTop("sincos"),
  fptan: ofTop("tan"),
};
