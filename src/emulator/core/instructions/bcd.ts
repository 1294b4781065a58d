/** DAA DAS AAA AAS AAM AAD (Intel SDM volume 2). Flags the manual leaves undefined: cpu/flags.ts. */
import type { Cpu } from "../cpu/cpu.ts";
import { adjustFlag, carryFlag, setResultFlags } from "../cpu/flags.ts";
import { FLAG_CARRY, VECTOR_DE } from "../cpu/registers.ts";
import type { Family, Form } from "./family.ts";
import type { Handler } from "./instruction.ts";

const AL = 0;
const AH = 1;

function setFlags(cpu: Cpu, carry: number, adjust: number): void {
  setResultFlags(cpu.r, (cpu.r8[AL] << 24) >> 24, carry, 0);
  if (adjust !== 0) cpu.r[FLAG_CARRY] |= 8;
}

/** DAA adds, DAS subtracts. */
function bindDecimal(sign: 1 | -1): (form: Form) => Handler {
  return () => (cpu, op) => {
    const old = cpu.r8[AL];
    const adjust = (old & 15) > 9 || adjustFlag(cpu.r) !== 0 ? 1 : 0;
    const high = old > 0x99 || carryFlag(cpu.r) !== 0;
    let value = old;
    let carry = high ? 1 : 0;
    if (adjust !== 0) {
      if (sign < 0 && old < 6) carry = 1;
      value += 6 * sign;
    }
    if (high) value += 0x60 * sign;
    cpu.r8[AL] = value;
    setFlags(cpu, carry, adjust);
    return op.next;
  };
}

/** AAA adds, AAS subtracts. */
function bindAscii(sign: 1 | -1): (form: Form) => Handler {
  return () => (cpu, op) => {
    const adjust = (cpu.r8[AL] & 15) > 9 || adjustFlag(cpu.r) !== 0 ? 1 : 0;
    if (adjust !== 0) cpu.r16[0] += 0x106 * sign;
    cpu.r8[AL] &= 15;
    setFlags(cpu, adjust, adjust);
    return op.next;
  };
}

export const bcd: Family = {
  daa: bindDecimal(1),
  das: bindDecimal(-1),
  aaa: bindAscii(1),
  aas: bindAscii(-1),
  aam: () => (cpu, op) => {
    const base = op.immediate & 0xff;
    if (base === 0) cpu.raise(VECTOR_DE);
    const value = cpu.r8[AL];
    cpu.r8[AH] = value / base;
    cpu.r8[AL] = value % base;
    setFlags(cpu, 0, 0);
    return op.next;
  },
  aad: () => (cpu, op) => {
    cpu.r16[0] = (cpu.r8[AL] + cpu.r8[AH] * (op.immediate & 0xff)) & 0xff;
    setFlags(cpu, 0, 0);
    return op.next;
  },
};
