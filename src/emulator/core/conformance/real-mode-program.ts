/** Runs a few instructions in real mode, for tests of what they do and of which exception they raise. */
import { Cpu } from "../cpu/cpu.ts";
import { DEFAULT_CPU_MODEL, type CpuModel } from "../cpu/cpuid.ts";
import { EIP, ESP } from "../cpu/registers.ts";
import { setRealSegment } from "../cpu/segmentation.ts";
import { INSTRUCTION_SET } from "../instructions/instruction-set.ts";
import { Bus } from "../memory/bus.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";

const CODE = 0x1000;
const HANDLERS = 0x5000;

/**
 * Runs 16-bit code, given as bytes in hexadecimal, until HLT; vector n has its HLT at 5000h + 16 n. `prepare` sees the
 * processor as it is just before.
 */
export function runRealMode(
  code: string,
  prepare: (cpu: Cpu) => void,
  model: CpuModel = DEFAULT_CPU_MODEL,
): Cpu {
  const memory = new PhysicalMemory(1 << 20);
  const cpu = new Cpu(new Bus(memory), INSTRUCTION_SET, model);
  for (let vector = 0; vector < 32; vector++) {
    memory.write16(vector * 4, HANDLERS + 16 * vector);
    memory.write8(HANDLERS + 16 * vector, 0xf4);
  }
  const bytes = `${code} f4`.trim().split(/\s+/);
  memory.load(
    CODE,
    Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)),
  );
  for (let segment = 0; segment < 6; segment++) setRealSegment(cpu, segment, 0);
  cpu.r[ESP] = 0x8000;
  cpu.r[EIP] = CODE;
  prepare(cpu);
  cpu.run(1000);
  return cpu;
}

/** The vector whose handler halted, or a negative number for the code itself. */
export const vectorOf = (cpu: Cpu) => (cpu.r[EIP] - 1 - HANDLERS) / 16;
