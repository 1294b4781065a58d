/** ROL ROR RCL RCR SHL SHR SAR SHLD SHRD (Intel SDM volume 2). Flags the manual leaves undefined: cpu/flags.ts. */
import type { Cpu } from "../cpu/cpu.ts";
import { carryFlag, setResultFlags } from "../cpu/flags.ts";
import { ECX, FLAG_CARRY } from "../cpu/registers.ts";
import type { Family, Form } from "./family.ts";
import type { Handler, Instruction } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";

/** `count` is 1 to 31, `value` as operands are (narrow ones unsigned); the result may have bits above the width. */
type Shift = (r: Int32Array, value: number, count: number, width: number) => number;

const extend = (value: number, width: number) => (value << (32 - width)) >> (32 - width);
const bit = (value: number, place: number) => (value >>> place) & 1;

/** Rotates change CF and OF alone. */
function setRotateFlags(r: Int32Array, carry: number, overflow: number): void {
  r[FLAG_CARRY] = (r[FLAG_CARRY] & 0x3fffffff) | (carry << 31) | ((carry ^ overflow) << 30);
}

const shl: Shift = (r, value, count, width) => {
  const result = count < width ? value << count : 0;
  const carry = count <= width ? bit(value, width - count) : 0;
  setResultFlags(r, extend(result, width), carry, bit(result, width - 1) ^ carry);
  return result;
};

const shr: Shift = (r, value, count, width) => {
  const result = value >>> count;
  const overflow = bit(result, width - 1) ^ bit(result, width - 2);
  setResultFlags(r, extend(result, width), bit(value, count - 1), overflow);
  return result;
};

const sar: Shift = (r, value, count, width) => {
  const signed = extend(value, width);
  const result = signed >> count;
  setResultFlags(r, result, bit(signed >> (count - 1), 0), 0);
  return result;
};

const rol: Shift = (r, value, count, width) => {
  const turn = count % width;
  const result = turn === 0 ? value : (value << turn) | (value >>> (width - turn));
  const carry = result & 1;
  setRotateFlags(r, carry, bit(result, width - 1) ^ carry);
  return result;
};

const ror: Shift = (r, value, count, width) => {
  const turn = count % width;
  const result = turn === 0 ? value : (value >>> turn) | (value << (width - turn));
  const carry = bit(result, width - 1);
  setRotateFlags(r, carry, carry ^ bit(result, width - 2));
  return result;
};

const rcl: Shift = (r, value, count, width) => {
  let carry = carryFlag(r);
  for (let i = count % (width + 1); i > 0; i--) {
    const out = bit(value, width - 1);
    value = (value << 1) | carry;
    carry = out;
  }
  setRotateFlags(r, carry, bit(value, width - 1) ^ carry);
  return value;
};

const rcr: Shift = (r, value, count, width) => {
  let carry = carryFlag(r);
  for (let i = count % (width + 1); i > 0; i--) {
    const out = value & 1;
    value = (value >>> 1) | (carry << (width - 1));
    carry = out;
  }
  setRotateFlags(r, carry, bit(value, width - 1) ^ bit(value, width - 2));
  return value;
};

function bindShift(shift: Shift): Family[string] {
  return (form: Form): Handler => {
    const a = accessOf(form.width);
    const { width } = form;
    const by = form.row.operands[1].text;
    const count = (cpu: Cpu, op: Instruction) =>
      by === "1" ? 1 : (by === "CL" ? cpu.r[ECX] : op.immediate) & 31;
    if (!form.memory) {
      return (cpu, op) => {
        const times = count(cpu, op);
        if (times !== 0) a.set(cpu, op.rm, shift(cpu.r, a.get(cpu, op.rm), times, width));
        return op.next;
      };
    }
    return (cpu, op) => {
      const times = count(cpu, op);
      const value = a.update(cpu, op.segment, address(cpu, op));
      if (times !== 0) a.writeBack(cpu, a.mask(shift(cpu.r, value, times, width)));
      return op.next;
    };
  };
}

/** SHLD: `value` moves up, bits of `source` come in from below. */
function shiftLeftDouble(r: Int32Array, value: number, source: number, count: number, width: number): number {
  let result: number;
  let carry: number;
  if (width === 32) {
    result = (value << count) | (source >>> (32 - count));
    carry = bit(value, 32 - count);
  } else if (count <= 16) {
    result = (((value << 16) | source) << count) >>> 16;
    if (count === 16) result = source;
    carry = bit(value, 16 - count);
  } else {
    result = (((source << 16) | value) << (count - 16)) >>> 16;
    carry = bit(source, 32 - count);
  }
  setResultFlags(r, extend(result, width), carry, bit(result, width - 1) ^ bit(value, width - 1));
  return result;
}

function shiftRightDouble(
  r: Int32Array,
  value: number,
  source: number,
  count: number,
  width: number,
): number {
  let result: number;
  let carry: number;
  if (width === 32) {
    result = (value >>> count) | (source << (32 - count));
    carry = bit(value, count - 1);
  } else if (count <= 16) {
    result = (((source << 16) | value) >>> count) & 0xffff;
    carry = bit(value, count - 1);
  } else {
    result = (((value << 16) | source) >>> (count - 16)) & 0xffff;
    carry = bit(source, count - 17);
  }
  setResultFlags(r, extend(result, width), carry, bit(result, width - 1) ^ bit(value, width - 1));
  return result;
}

function bindDouble(shift: typeof shiftLeftDouble): Family[string] {
  return (form) => {
    const a = accessOf(form.width);
    const byCl = form.row.operands[2].text === "CL";
    return (cpu, op) => {
      const count = (byCl ? cpu.r[ECX] : op.immediate) & 31;
      const value = form.memory ? a.update(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
      if (count === 0) return op.next;
      const result = shift(cpu.r, value, a.get(cpu, op.reg), count, form.width);
      if (form.memory) a.writeBack(cpu, result);
      else a.set(cpu, op.rm, result);
      return op.next;
    };
  };
}

export const shifts: Family = {
  rol: bindShift(rol),
  ror: bindShift(ror),
  rcl: bindShift(rcl),
  rcr: bindShift(rcr),
  shl: bindShift(shl),
  shr: bindShift(shr),
  sal: bindShift(shl),
  sar: bindShift(sar),
  shld: bindDouble(shiftLeftDouble),
  shrd: bindDouble(shiftRightDouble),
};
