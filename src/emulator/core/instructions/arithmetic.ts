/** ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NOT NEG (Intel SDM volume 2). */
import type { Family, Form } from "./family.ts";
import type { Handler } from "./instruction.ts";
import { ALU } from "./alu.ts";
import { accessOf, address, widthIndex } from "./operands.ts";

function bindBinary(form: Form): Handler | undefined {
  const name = form.row.mnemonic;
  const alu = ALU[name][widthIndex(form.width)];
  const a = accessOf(form.width);
  const stores = name !== "cmp" && name !== "test";
  switch (form.row.operands.map((operand) => operand.kind).join("")) {
    case "EG":
      if (!form.memory) {
        return (cpu, op) => {
          const result = alu(cpu.r, a.get(cpu, op.rm), a.get(cpu, op.reg));
          if (stores) a.set(cpu, op.rm, result);
          return op.next;
        };
      }
      if (!stores) {
        return (cpu, op) => {
          alu(cpu.r, a.load(cpu, op.segment, address(cpu, op)), a.get(cpu, op.reg));
          return op.next;
        };
      }
      return (cpu, op) => {
        const left = a.update(cpu, op.segment, address(cpu, op));
        a.writeBack(cpu, alu(cpu.r, left, a.get(cpu, op.reg)));
        return op.next;
      };
    case "GE":
      return (cpu, op) => {
        const right = form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
        const result = alu(cpu.r, a.get(cpu, op.reg), right);
        if (stores) a.set(cpu, op.reg, result);
        return op.next;
      };
    case "*I":
      return (cpu, op) => {
        const result = alu(cpu.r, a.get(cpu, 0), a.mask(op.immediate));
        if (stores) a.set(cpu, 0, result);
        return op.next;
      };
    default:
      if (!form.memory) {
        return (cpu, op) => {
          const result = alu(cpu.r, a.get(cpu, op.rm), a.mask(op.immediate));
          if (stores) a.set(cpu, op.rm, result);
          return op.next;
        };
      }
      return (cpu, op) => {
        const offset = address(cpu, op);
        const left = stores ? a.update(cpu, op.segment, offset) : a.load(cpu, op.segment, offset);
        const result = alu(cpu.r, left, a.mask(op.immediate));
        if (stores) a.writeBack(cpu, result);
        return op.next;
      };
  }
}

function bindUnary(operation: (r: Int32Array, value: number) => number, form: Form): Handler {
  const a = accessOf(form.width);
  if (!form.memory) {
    return (cpu, op) => {
      a.set(cpu, op.rm, operation(cpu.r, a.get(cpu, op.rm)));
      return op.next;
    };
  }
  return (cpu, op) => {
    const value = a.update(cpu, op.segment, address(cpu, op));
    a.writeBack(cpu, operation(cpu.r, value));
    return op.next;
  };
}

function bindStep(form: Form): Handler {
  const name = form.row.mnemonic;
  const alu = ALU[name][widthIndex(form.width)];
  return bindUnary((r, value) => alu(r, value, 1), form);
}

export const arithmetic: Family = {
  add: bindBinary,
  or: bindBinary,
  adc: bindBinary,
  sbb: bindBinary,
  and: bindBinary,
  sub: bindBinary,
  xor: bindBinary,
  cmp: bindBinary,
  test: bindBinary,
  inc: bindStep,
  dec: bindStep,
  not: (form) => bindUnary((_, value) => ~value, form),
  neg: (form) => {
    const subtract = ALU.sub[widthIndex(form.width)];
    return bindUnary((r, value) => subtract(r, 0, value), form);
  },
};
