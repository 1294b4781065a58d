/**
 * A PC with nothing on it but an assembled program: no firmware, no operating system. The program is at its origin (7C00h
 * where it gives none), as 16-bit code in real mode or as flat 32-bit code, by the BITS it begins with. Port F4h ends it,
 * port E9h takes text.
 */
import { assemble, type Assembled } from "../assembler/assemble.ts";
import { Pc, type PcConfig, type PcEvents } from "../pc.ts";

export const PROGRAM_ORIGIN = 0x7c00;
const MEMORY_MIB = 4;

export function assembleProgram(source: string): Assembled {
  return assemble(source, { origin: PROGRAM_ORIGIN, maximumBytes: 1 << 20 });
}

export function barePcConfig(program: Assembled, events: PcEvents = {}): PcConfig {
  return {
    memoryMiB: MEMORY_MIB,
    boot: { type: "flat", image: program.bytes, address: program.origin, bits: program.bits },
    exitPort: true,
    events,
  };
}

/** Throws for a source with problems, naming the first. */
export function barePc(source: string, events: PcEvents = {}): { pc: Pc; program: Assembled } {
  const program = assembleProgram(source);
  const [problem] = program.problems;
  if (problem !== undefined) throw new Error(`line ${problem.line}:${problem.column}: ${problem.message}`);
  return { pc: new Pc(barePcConfig(program, events)), program };
}
