/** BT BTS BTR BTC BSF BSR (Intel SDM volume 2). */
import { setCarryFlag, setResultFlags } from "../cpu/flags.ts";
import type { Family, Form } from "./family.ts";
import type { Handler } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";

function bindTest(change: ((value: number, bit: number) => number) | undefined): Family[string] {
  return (form: Form): Handler => {
    const a = accessOf(form.width);
    const mask = form.width - 1;
    const byRegister = form.row.operands[1].kind === "G";
    const shift = form.width === 32 ? 5 : 4;
    if (!form.memory) {
      return (cpu, op) => {
        const place = (byRegister ? cpu.r[op.reg] : op.immediate) & mask;
        const value = a.get(cpu, op.rm);
        if (change !== undefined) a.set(cpu, op.rm, change(value, 1 << place));
        setCarryFlag(cpu.r, (value >>> place) & 1);
        return op.next;
      };
    }
    return (cpu, op) => {
      let at = address(cpu, op);
      let place = op.immediate;
      if (byRegister) {
        // A register counts bits from the operand's address on, in both directions.
        place = form.width === 32 ? cpu.r[op.reg] : (cpu.r[op.reg] << 16) >> 16;
        at = (at + (place >> shift) * (form.width >> 3)) & op.addressMask;
      }
      place &= mask;
      const value = change === undefined ? a.load(cpu, op.segment, at) : a.update(cpu, op.segment, at);
      if (change !== undefined) a.writeBack(cpu, a.mask(change(value, 1 << place)));
      setCarryFlag(cpu.r, (value >>> place) & 1);
      return op.next;
    };
  };
}

function bindScan(scan: (value: number) => number): Family[string] {
  return (form: Form): Handler => {
    const a = accessOf(form.width);
    const unused = 32 - form.width;
    return (cpu, op) => {
      const value = form.memory ? a.load(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
      setResultFlags(cpu.r, (value << unused) >> unused, 0, 0);
      if (value !== 0) a.set(cpu, op.reg, scan(value));
      return op.next;
    };
  };
}

export const bits: Family = {
  bt: bindTest(undefined),
  bts: bindTest((value, bit) => value | bit),
  btr: bindTest((value, bit) => value & ~bit),
  btc: bindTest((value, bit) => value ^ bit),
  bsf: bindScan((value) => 31 - Math.clz32(value & -value)),
  bsr: bindScan((value) => 31 - Math.clz32(value)),
};
