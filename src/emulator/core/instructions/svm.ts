/** VMRUN VMMCALL VMLOAD VMSAVE STGI CLGI SKINIT INVLPGA (AMD64 Architecture Programmer's Manual volume 3). */
import { ATTENTION_BLOCK } from "../cpu/attention.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { EAX, EFER_SVME, EIP, VECTOR_GP, VECTOR_UD } from "../cpu/registers.ts";
import { isProtected } from "../cpu/segmentation.ts";
import {
  EXIT_CLGI,
  EXIT_INVLPGA,
  EXIT_SKINIT,
  EXIT_STGI,
  EXIT_VMLOAD,
  EXIT_VMMCALL,
  EXIT_VMRUN,
  EXIT_VMSAVE,
} from "../cpu/svm/vmcb.ts";
import type { Family } from "./family.ts";
import { ADDRESS_32, type Instruction } from "./instruction.ts";

/** One of SVM's own instructions: #UD where SVM is off or the mode is wrong, #GP(0) outside ring 0, then the intercept. */
function bindSvm(code: number, execute: (cpu: Cpu, op: Instruction) => Instruction | null): Family[string] {
  return () => (cpu, op) => {
    if ((cpu.efer & EFER_SVME) === 0 || !isProtected(cpu)) cpu.raise(VECTOR_UD);
    if (cpu.cpl !== 0) cpu.raise(VECTOR_GP, 0);
    if (cpu.guest?.intercepts(code) === true) return cpu.guest.exitBefore(op, code);
    return execute(cpu, op);
  };
}

/** The VMCB that rAX names; #GP(0) where it is not page aligned or not in memory. */
function vmcbOf(cpu: Cpu, op: Instruction): number {
  const address = (op.flags & ADDRESS_32) !== 0 ? cpu.r[EAX] >>> 0 : cpu.r16[EAX * 2];
  if (!cpu.svm.isVmcbAddress(address)) cpu.raise(VECTOR_GP, 0);
  return address;
}

export const svm: Family = {
  vmrun: bindSvm(EXIT_VMRUN, (cpu, op) => {
    cpu.svm.enter(vmcbOf(cpu, op), (cpu.r[EIP] + op.end) | 0);
    return null;
  }),
  vmload: bindSvm(EXIT_VMLOAD, (cpu, op) => {
    cpu.svm.loadRest(vmcbOf(cpu, op));
    return op.next;
  }),
  vmsave: bindSvm(EXIT_VMSAVE, (cpu, op) => {
    cpu.svm.saveRest(vmcbOf(cpu, op));
    return op.next;
  }),
  stgi: bindSvm(EXIT_STGI, (cpu, op) => {
    cpu.svm.setGlobalInterruptFlag(true);
    return op.next;
  }),
  clgi: bindSvm(EXIT_CLGI, (cpu, op) => {
    cpu.svm.setGlobalInterruptFlag(false);
    return op.next;
  }),
  invlpga: bindSvm(EXIT_INVLPGA, (cpu, op) => {
    cpu.svm.flushAll();
    cpu.attend(ATTENTION_BLOCK);
    return op.next;
  }),
  // Secure start needs a TPM, which is not there.
  skinit: bindSvm(EXIT_SKINIT, (cpu) => cpu.raise(VECTOR_UD)),
  /** From any ring; where no monitor intercepts it, it is no instruction. */
  vmmcall: () => (cpu, op) => {
    if (cpu.guest?.intercepts(EXIT_VMMCALL) === true) return cpu.guest.exitBefore(op, EXIT_VMMCALL);
    return cpu.raise(VECTOR_UD);
  },
};
