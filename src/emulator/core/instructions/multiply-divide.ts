/** MUL IMUL DIV IDIV (Intel SDM volume 2). */
import { setResultFlags } from "../cpu/flags.ts";
import { EAX, EDX, VECTOR_DE } from "../cpu/registers.ts";
import type { Cpu } from "../cpu/cpu.ts";
import type { Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";

/** The upper 32 bits of the unsigned product. */
export function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = Math.imul(aLow, bLow) >>> 0;
  const first = aHigh * bLow + (low >>> 16);
  const second = aLow * bHigh + (first & 0xffff);
  const upper = Math.floor(first / 0x10000) + Math.floor(second / 0x10000);
  return (Math.imul(aHigh, bHigh) + upper) | 0;
}

export function signedMultiplyHigh(a: number, b: number): number {
  return (multiplyHigh(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}

const extend = (value: number, width: number) => (value << (32 - width)) >> (32 - width);

/** AX, DX:AX or EDX:EAX := accumulator * value; CF and OF say whether the upper half is needed. */
function multiply(cpu: Cpu, value: number, width: number, signed: boolean): void {
  let low: number;
  let over: boolean;
  if (width === 32) {
    const own = cpu.r[EAX];
    low = Math.imul(own, value);
    const high = signed ? signedMultiplyHigh(own, value) : multiplyHigh(own, value);
    over = high !== (signed ? low >> 31 : 0);
    cpu.r[EAX] = low;
    cpu.r[EDX] = high;
  } else {
    const own = width === 8 ? cpu.r8[0] : cpu.r16[0];
    const product = signed ? extend(own, width) * extend(value, width) : own * value;
    low = extend(product, width);
    over = signed ? product !== low : product > (width === 8 ? 0xff : 0xffff);
    cpu.r16[EAX] = product;
    if (width === 16) cpu.r16[EDX * 2] = product >> 16;
  }
  setResultFlags(cpu.r, low, over ? 1 : 0, over ? 1 : 0);
}

function divideNarrow(cpu: Cpu, value: number, width: 8 | 16, signed: boolean): void {
  if (value === 0) cpu.raise(VECTOR_DE);
  let dividend = width === 8 ? cpu.r16[EAX] : ((cpu.r16[EDX * 2] << 16) | cpu.r16[EAX]) >>> 0;
  if (signed) dividend = width === 8 ? extend(dividend, 16) : dividend | 0;
  const divisor = signed ? extend(value, width) : value;
  let quotient = Math.trunc(dividend / divisor);
  const half = 2 ** (width - 1);
  if (cpu.model.is80286 === true && signed && width === 8 && (quotient < -half || quotient >= half)) {
    // The 80286 (and the 80386) misses an overflow where the dividend with bit 14 turned over has the quotient -128.
    const turned = extend(dividend ^ 0x4000, 16);
    if (Math.trunc(turned / divisor) === -half) {
      dividend = turned;
      quotient = -half;
    }
  }
  if (signed ? quotient < -half || quotient >= half : quotient >= 2 * half) cpu.raise(VECTOR_DE);
  const remainder = dividend % divisor;
  if (width === 8) cpu.r16[EAX] = ((remainder & 0xff) << 8) | (quotient & 0xff);
  else {
    cpu.r16[EAX] = quotient;
    cpu.r16[EDX * 2] = remainder;
  }
}

function divideWide(cpu: Cpu, value: number, signed: boolean): void {
  if (value === 0) cpu.raise(VECTOR_DE);
  const low = cpu.r[EAX];
  const high = cpu.r[EDX];
  if (!signed && high === 0) {
    cpu.r[EAX] = (low >>> 0) / (value >>> 0);
    cpu.r[EDX] = (low >>> 0) % (value >>> 0);
    return;
  }
  if (signed && high === low >> 31 && !(low === -0x80000000 && value === -1)) {
    cpu.r[EAX] = low / value;
    cpu.r[EDX] = low % value;
    return;
  }
  const dividend = signed
    ? (BigInt(high) << 32n) | BigInt(low >>> 0)
    : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  const divisor = BigInt(signed ? value : value >>> 0);
  const quotient = dividend / divisor;
  const fits = signed ? BigInt.asIntN(32, quotient) : BigInt.asUintN(32, quotient);
  if (fits !== quotient) cpu.raise(VECTOR_DE);
  cpu.r[EAX] = Number(BigInt.asIntN(32, quotient));
  cpu.r[EDX] = Number(BigInt.asIntN(32, dividend % divisor));
}

function bindAccumulator(operation: (cpu: Cpu, value: number, width: Form["width"]) => void): Family[string] {
  return (form): Handler => {
    const a = accessOf(form.width);
    return (cpu, op) => {
      operation(cpu, form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm), form.width);
      return op.next;
    };
  };
}

/** IMUL with a destination of its own: register := source * (register or immediate). */
function bindImul(form: Form): Handler | undefined {
  if (form.row.operands.length === 1) {
    return bindAccumulator((cpu, value, width) => multiply(cpu, value, width, true))(form);
  }
  const a = accessOf(form.width);
  const three = form.row.operands.length === 3;
  const source = (cpu: Cpu, op: Instruction) =>
    form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
  if (form.width === 32) {
    return (cpu, op) => {
      const left = source(cpu, op);
      const right = three ? op.immediate : cpu.r[op.reg];
      const low = Math.imul(left, right);
      const over = signedMultiplyHigh(left, right) === low >> 31 ? 0 : 1;
      cpu.r[op.reg] = low;
      setResultFlags(cpu.r, low, over, over);
      return op.next;
    };
  }
  return (cpu, op) => {
    const left = extend(source(cpu, op), 16);
    const product = left * extend(three ? op.immediate : a.get(cpu, op.reg), 16);
    const low = extend(product, 16);
    const over = product === low ? 0 : 1;
    a.set(cpu, op.reg, low);
    setResultFlags(cpu.r, low, over, over);
    return op.next;
  };
}

const divide = (signed: boolean) => (cpu: Cpu, value: number, width: Form["width"]) => {
  if (width === 32) divideWide(cpu, value, signed);
  else if (width !== 0) divideNarrow(cpu, value, width, signed);
};

export const multiplyDivide: Family = {
  mul: bindAccumulator((cpu, value, width) => multiply(cpu, value, width, false)),
  imul: bindImul,
  div: bindAccumulator(divide(false)),
  idiv: bindAccumulator(divide(true)),
};
