/** MOV, PUSH and POP of segment registers, LES LDS LSS LFS LGS (Intel SDM volume 2). */
import { ATTENTION_SHADOW } from "../cpu/attention.ts";
import { CS, DS, ES, ESP, FS, GS, SS, VECTOR_UD } from "../cpu/registers.ts";
import { loadSegment } from "../cpu/segmentation.ts";
import { push } from "./control-flow.ts";
import type { Family, Form } from "./family.ts";
import type { Handler } from "./instruction.ts";
import { accessOf, address } from "./operands.ts";
import { movedStack } from "./stack.ts";

const BY_NAME: Readonly<Record<string, number>> = { ES, CS, SS, DS, FS, GS };

function bindMov(form: Form): Handler | undefined {
  if (form.operands === "Ev,Sw") {
    const a = accessOf(form.width);
    return (cpu, op) => {
      if (op.reg > GS) cpu.raise(VECTOR_UD);
      const selector = cpu.selector[op.reg];
      if (form.memory) cpu.write16(op.segment, address(cpu, op), selector);
      else a.set(cpu, op.rm, selector);
      return op.next;
    };
  }
  if (form.operands !== "Sw,Ew") return undefined;
  return (cpu, op) => {
    if (op.reg > GS || op.reg === CS) cpu.raise(VECTOR_UD);
    const selector = form.memory ? cpu.read16(op.segment, address(cpu, op)) : cpu.r16[op.rm * 2];
    loadSegment(cpu, op.reg, selector);
    if (op.reg === SS) cpu.attend(ATTENTION_SHADOW);
    return op.next;
  };
}

function bindFarLoad(segment: number): Family[string] {
  return (form) => {
    const a = accessOf(form.width);
    const size = form.width >> 3;
    return (cpu, op) => {
      const at = address(cpu, op);
      const offset = a.load(cpu, op.segment, at);
      const selector = cpu.read16(op.segment, (at + size) & op.addressMask);
      loadSegment(cpu, segment, selector);
      a.set(cpu, op.reg, offset);
      return op.next;
    };
  };
}

export const segments: Family = {
  mov: bindMov,
  push: (form) => {
    const segment = BY_NAME[form.row.operands[0].text];
    if (segment === undefined) return undefined;
    return (cpu, op) => {
      push(cpu, cpu.selector[segment], form.wide);
      return op.next;
    };
  },
  pop: (form) => {
    const segment = BY_NAME[form.row.operands[0].text];
    if (segment === undefined) return undefined;
    return (cpu, op) => {
      const selector = cpu.read16(SS, cpu.r[ESP] & cpu.stackMask);
      const moved = movedStack(cpu, form.wide ? 4 : 2);
      loadSegment(cpu, segment, selector);
      // The new stack segment may be of the other size, but the pointer moved in the old one.
      cpu.r[ESP] = moved;
      if (segment === SS) cpu.attend(ATTENTION_SHADOW);
      return op.next;
    };
  },
  les: bindFarLoad(ES),
  lds: bindFarLoad(DS),
  lss: bindFarLoad(SS),
  lfs: bindFarLoad(FS),
  lgs: bindFarLoad(GS),
};
