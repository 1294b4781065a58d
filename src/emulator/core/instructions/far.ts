/** Far JMP, CALL and RET; INT n INT3 INT1 INTO IRET BOUND (Intel SDM volume 2). */
import { checkInterruptPrivilege, deliver, softwareInterrupt, SOURCE_EXCEPTION } from "../cpu/exceptions.ts";
import { farReturn, farTransfer, interruptReturn } from "../cpu/far-transfer.ts";
import { overflowFlag } from "../cpu/flags.ts";
import { EIP, VECTOR_BP, VECTOR_BR, VECTOR_DB, VECTOR_OF } from "../cpu/registers.ts";
import type { Family, Form } from "./family.ts";
import type { Handler } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";

function bindFar(call: boolean): (form: Form) => Handler | undefined {
  return (form) => {
    const [{ kind }] = form.row.operands;
    if (kind === "A") {
      return (cpu, op) => {
        farTransfer(cpu, op.immediate2, op.immediate, form.wide, cpu.r[EIP] + op.end, call);
        return null;
      };
    }
    if (kind !== "M") return undefined;
    const a = accessOf(form.wide ? 32 : 16);
    const size = form.wide ? 4 : 2;
    return (cpu, op) => {
      const at = address(cpu, op);
      const offset = a.load(cpu, op.segment, at);
      const selector = cpu.read16(op.segment, (at + size) & op.addressMask);
      farTransfer(cpu, selector, offset, form.wide, cpu.r[EIP] + op.end, call);
      return null;
    };
  };
}

export const far: Family = {
  jmp: bindFar(false),
  call: bindFar(true),
  retf: (form) => (cpu, op) => {
    farReturn(cpu, form.wide, op.immediate);
    return null;
  },
  int: () => (cpu, op) => {
    checkInterruptPrivilege(cpu);
    softwareInterrupt(cpu, op.immediate & 0xff, cpu.r[EIP] + op.end);
    return null;
  },
  int3: () => (cpu, op) => {
    softwareInterrupt(cpu, VECTOR_BP, cpu.r[EIP] + op.end);
    return null;
  },
  int1: () => (cpu, op) => {
    deliver(cpu, VECTOR_DB, SOURCE_EXCEPTION, -1, cpu.r[EIP] + op.end);
    return null;
  },
  into: () => (cpu, op) => {
    if (overflowFlag(cpu.r) === 0) return op.next;
    softwareInterrupt(cpu, VECTOR_OF, cpu.r[EIP] + op.end);
    return null;
  },
  iret: (form) => (cpu, op) => {
    interruptReturn(cpu, form.wide, cpu.r[EIP] + op.end);
    return null;
  },
  bound: (form) => {
    const a = accessOf(form.width);
    const unused = 32 - form.width;
    return (cpu, op) => {
      const at = address(cpu, op);
      const signed = (value: number) => (value << unused) >> unused;
      const low = signed(a.load(cpu, op.segment, at));
      const high = signed(a.load(cpu, op.segment, (at + (form.width >> 3)) & op.addressMask));
      const index = signed(a.get(cpu, op.reg));
      if (index < low || index > high) cpu.raise(VECTOR_BR);
      return op.next;
    };
  },
};
