/**
 * Trap-and-emulate: the guest's kernel runs in ring 1 as it is, and what is privileged traps. It is all that a virtualizable
 * processor would need (Popek & Goldberg 1974); on x86 some sensitive instructions do not trap, and the kernel goes on with wrong
 * answers: sensitive-instructions.ts shows each of them.
 */
import { guestInstruction, instructionName } from "./guest-instruction.ts";
import { DeprivilegedKernel } from "./deprivileged-kernel.ts";
import type { MonitorEnd } from "./monitor.ts";
import { VECTOR_GP } from "../../emulator/core/cpu/registers.ts";

export class TrapAndEmulate extends DeprivilegedKernel {
  protected protectionFault(error: number): MonitorEnd | undefined {
    const instruction = guestInstruction(this.guest, this.paging, this.eip);
    if (instruction === undefined) {
      this.note("trap", "#GP");
      return this.inject(VECTOR_GP, error);
    }
    this.note("trap", `#GP ${instructionName(instruction)}`);
    return this.emulatePrivileged(instruction);
  }
}
