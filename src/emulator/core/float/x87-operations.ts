/**
 * What x87 instructions do to the register stack, apart from how operands are named and fetched. Intel SDM volume 1, 8.3
 * and 8.5; stack faults 8.5.1.1. Operands are slots: of ST(i), or MEMORY_OPERAND.
 */
import { compare } from "./compare.ts";
import {
  C0,
  C1,
  C2,
  C3,
  examine,
  type ExtendedUnit,
  INFINITY,
  INVALID,
  kindOf,
  QUIET_NAN,
} from "./extended.ts";
import { extract } from "./scale.ts";
import { EXCEPTIONS, type X87State } from "./x87-state.ts";

export const ALL_CONDITIONS = C0 | C1 | C2 | C3;

/** to = a op b; answers whether the result was written. */
export type TwoOperands = (unit: ExtendedUnit, to: number, a: number, b: number) => boolean;
/** to = op a; answers whether the result was written. */
export type OneOperand = (unit: ExtendedUnit, to: number, a: number) => boolean;

/** Answers whether a result was written, so that an instruction that pops may pop. */
export function arithmetic(x87: X87State, operation: TwoOperands, to: number, a: number, b: number): boolean {
  if (x87.isEmpty(a) || x87.isEmpty(b)) return indefiniteResult(x87, to);
  const written = operation(x87.unit, to, a, b);
  x87.commit(C1);
  return written;
}

/** FPREM and FPREM1 tell the quotient's low bits, or that they are not done, in the condition bits. */
export function remainder(x87: X87State, operation: TwoOperands, to: number, a: number, b: number): void {
  if (x87.isEmpty(a) || x87.isEmpty(b)) {
    x87.status &= ~C2;
    indefiniteResult(x87, to);
  } else {
    // Without a quotient its bits stay as they were.
    const hasQuotient = kindOf(x87.unit, a) < INFINITY && kindOf(x87.unit, b) < QUIET_NAN;
    const written = operation(x87.unit, to, a, b);
    x87.commit(written && hasQuotient && (x87.unit.status & INVALID) === 0 ? ALL_CONDITIONS : C1 | C2);
  }
}

export function unary(x87: X87State, operation: OneOperand, to: number, conditions = C1): boolean {
  if (x87.isEmpty(to)) return indefiniteResult(x87, to);
  const written = operation(x87.unit, to, to);
  x87.commit(conditions);
  return written;
}

function indefiniteResult(x87: X87State, to: number): boolean {
  if (!x87.stackFault(false)) return false;
  x87.setIndefinite(to);
  x87.fill(to);
  return true;
}

/** Compares and leaves the outcome in the condition bits. Answers whether an instruction that pops may pop. */
export function compareStack(x87: X87State, a: number, b: number, quiet: boolean): boolean {
  if (x87.isEmpty(a) || x87.isEmpty(b)) {
    const masked = x87.stackFault(false);
    x87.status |= C0 | C2 | C3;
    return masked;
  }
  const masked = compare(x87.unit, a, b, quiet);
  x87.commit(ALL_CONDITIONS);
  return masked;
}

/** FCOMI and kin: the outcome (ZF = C3, PF = C2, CF = C0) in `unit.status`, the status word's conditions untouched. */
export function compareToFlags(x87: X87State, a: number, b: number, quiet: boolean): boolean {
  if (x87.isEmpty(a) || x87.isEmpty(b)) {
    const masked = x87.stackFault(false);
    x87.unit.status = C0 | C2 | C3;
    return masked;
  }
  const masked = compare(x87.unit, a, b, quiet);
  x87.commit(0);
  return masked;
}

export function examineTop(x87: X87State): void {
  examine(x87.unit, x87.top, x87.isEmpty(x87.top));
  x87.status = (x87.status & ~ALL_CONDITIONS) | x87.unit.status;
}

/** The register that a push will fill, or -1 after a stack overflow, whose masked response is done here. */
export function pushTarget(x87: X87State): number {
  const slot = x87.slot(7);
  if (x87.isEmpty(slot)) return slot;
  if (x87.stackFault(true)) {
    x87.setIndefinite(slot);
    x87.pushed();
  }
  return -1;
}

/** Pushes what `operation` makes in the slot it is given. */
export function push(x87: X87State, operation: (unit: ExtendedUnit, to: number) => boolean): void {
  const to = pushTarget(x87);
  if (to < 0) return;
  const written = operation(x87.unit, to);
  x87.commit(C1);
  if (written) x87.pushed();
}

/** FLD ST(i). */
export function pushRegister(x87: X87State, from: number): void {
  const to = x87.slot(7);
  if (!x87.isEmpty(to) || x87.isEmpty(from)) {
    // An empty source is found first.
    if (!x87.stackFault(!x87.isEmpty(from))) return;
    x87.setIndefinite(to);
  } else {
    x87.unit.copy(to, from);
    x87.status &= ~C1;
  }
  x87.pushed();
}

/** FST ST(i); answers whether FSTP may pop. */
export function storeRegister(x87: X87State, to: number): boolean {
  if (x87.isEmpty(x87.top)) return indefiniteResult(x87, to);
  x87.unit.copy(to, x87.top);
  x87.fill(to);
  x87.status &= ~C1;
  return true;
}

export function exchange(x87: X87State, other: number): void {
  const { unit, top } = x87;
  if (x87.isEmpty(top) || x87.isEmpty(other)) {
    if (!x87.stackFault(false)) return;
    for (const slot of [top, other]) {
      if (x87.isEmpty(slot)) x87.setIndefinite(slot);
      x87.fill(slot);
    }
  } else x87.status &= ~C1;
  const signExponent = unit.signExponent[top];
  const high = unit.high[top];
  const low = unit.low[top];
  unit.copy(top, other);
  unit.set(other, signExponent, high, low);
}

/** FCMOVcc; `taken` is its condition. */
export function moveIf(x87: X87State, from: number, taken: boolean): void {
  if (x87.isEmpty(x87.top) || x87.isEmpty(from)) indefiniteResult(x87, x87.top);
  else if (taken) x87.unit.copy(x87.top, from);
}

/** FXTRACT: the exponent replaces the top, the significand is pushed. */
export function extractTop(x87: X87State): void {
  const { top } = x87;
  const next = x87.slot(7);
  if (x87.isEmpty(top) || !x87.isEmpty(next)) {
    const overflow = !x87.isEmpty(top);
    if (!x87.stackFault(overflow)) return;
    x87.setIndefinite(top);
    x87.fill(top);
    x87.setIndefinite(next);
  } else {
    const written = extract(x87.unit, top, next, top);
    x87.commit(C1);
    if (!written) return;
  }
  x87.pushed();
}

export function clearExceptions(x87: X87State): void {
  x87.status &= ~(EXCEPTIONS | 0x40);
}
