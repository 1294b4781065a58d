/** CMPXCHG CMPXCHG8B XADD (Intel SDM volume 2). */
import { setStatusFlags, statusFlags } from "../cpu/flags.ts";
import { EAX, EBX, ECX, EDX, FLAG_ZF } from "../cpu/registers.ts";
import { ALU } from "./alu.ts";
import type { Family } from "./family.ts";
import { accessOf, address, widthIndex } from "./operands.ts";

export const exchange: Family = {
  cmpxchg: (form) => {
    const a = accessOf(form.width);
    const compare = ALU.cmp[widthIndex(form.width)];
    return (cpu, op) => {
      const old = form.memory ? a.update(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
      const own = a.get(cpu, EAX);
      compare(cpu.r, own, old);
      const equal = own === old;
      // Memory is written either way, as the bus cycle is.
      if (form.memory) a.writeBack(cpu, equal ? a.get(cpu, op.reg) : old);
      else if (equal) a.set(cpu, op.rm, a.get(cpu, op.reg));
      if (!equal) a.set(cpu, EAX, old);
      return op.next;
    };
  },
  xadd: (form) => {
    const a = accessOf(form.width);
    const add = ALU.add[widthIndex(form.width)];
    return (cpu, op) => {
      const old = form.memory ? a.update(cpu, op.segment, address(cpu, op)) : a.get(cpu, op.rm);
      const sum = add(cpu.r, old, a.get(cpu, op.reg));
      if (form.memory) {
        a.writeBack(cpu, sum);
        a.set(cpu, op.reg, old);
      } else {
        a.set(cpu, op.reg, old);
        a.set(cpu, op.rm, sum);
      }
      return op.next;
    };
  },
  cmpxchg8b: () => (cpu, op) => {
    const at = address(cpu, op);
    const next = (at + 4) & op.addressMask;
    cpu.checkWrite(op.segment, at, 4);
    const high = cpu.update32(op.segment, next);
    const low = cpu.update32(op.segment, at);
    const equal = low === cpu.r[EAX] && high === cpu.r[EDX];
    cpu.write32(op.segment, at, equal ? cpu.r[EBX] : low);
    cpu.write32(op.segment, next, equal ? cpu.r[ECX] : high);
    setStatusFlags(cpu.r, (statusFlags(cpu.r) & ~FLAG_ZF) | (equal ? FLAG_ZF : 0));
    cpu.r[EAX] = low;
    cpu.r[EDX] = high;
    return op.next;
  },
};
