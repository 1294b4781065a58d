/**
 * Operating-system-level virtualization: no guest kernel at all. The processes run on the host's own kernel, which is the same
 * teaching kernel on the bare machine; what a monitor would trap are here entries into that kernel, and the workload `containers`
 * gives two processes a name space and a limit each.
 */
import type { CpuObserver } from "../../emulator/core/cpu/watch.ts";
import { CS, EIP, VECTOR_DE, VECTOR_PF } from "../../emulator/core/cpu/registers.ts";
import type { GuestProgram } from "../guest-kernel/guest-kernel.ts";
import { Emulation } from "./emulation.ts";

export class Container extends Emulation {
  constructor(program: GuestProgram) {
    super(program);
    const { cpu, events } = this;
    const observer: CpuObserver = {
      seesInstruction: () => false,
      instruction: () => false,
      seesPage: () => false,
      memory: () => {},
      port: () => {},
      event: (vector) => {
        const name =
          vector === VECTOR_PF ? "#PF" : vector === VECTOR_DE ? "#DE" : `vector ${vector.toString(16)}h`;
        events.add("kernel-entry", name, cpu.r[EIP], cpu.selector[CS] & 3, cpu.instructions);
      },
    };
    cpu.watcher.observe(observer);
  }

  /** The emulator below is the bare machine here: how it works is no event. */
  protected override countTranslation(): void {}
}
