/** Runs one recorded real-mode case on the CPU and says what differs. */
import { Cpu } from "../cpu/cpu.ts";
import { DEFAULT_CPU_MODEL, FEATURE_FPU } from "../cpu/cpuid.ts";
import { readFlags, setStatusFlags } from "../cpu/flags.ts";
import { CS, DS, EIP, ES, SS } from "../cpu/registers.ts";
import { setRealSegment } from "../cpu/segmentation.ts";
import { INTEGER_INSTRUCTION_SET } from "../instructions/instruction-set.ts";
import { Bus } from "../memory/bus.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import type { MooTest } from "./moo.ts";

const GENERAL = [0, 3, 1, 2, -1, -1, -1, -1, 4, 5, 6, 7];
const SEGMENT = [-1, -1, -1, -1, CS, SS, DS, ES];
const NAMES = ["ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags"];
/** IOPL, NT and bit 15, which a 286 in real mode holds 0. */
const HELD_FLAGS = 0xf000;

export function makeMooCpu(): Cpu {
  return new Cpu(new Bus(new PhysicalMemory(16 << 20)), INTEGER_INSTRUCTION_SET, {
    ...DEFAULT_CPU_MODEL,
    features: DEFAULT_CPU_MODEL.features & ~FEATURE_FPU,
    is80286: true,
  });
}

function registerOf(cpu: Cpu, i: number): number {
  if (i === 12) return cpu.r[EIP] & 0xffff;
  if (i === 13) return readFlags(cpu) & ~HELD_FLAGS & 0xffff;
  return SEGMENT[i] >= 0 ? cpu.selector[SEGMENT[i]] : cpu.r16[GENERAL[i] * 2];
}

/** `ignoredFlags` are those undefined after the instruction. Undefined is a pass. */
export function runMooTest(cpu: Cpu, test: MooTest, ignoredFlags: number): string | undefined {
  cpu.reset();
  const { memory } = cpu;
  for (const { address, value } of test.initial.ram) memory.write8(address, value);
  test.initial.registers.forEach((value, i) => {
    if (value === undefined) return;
    if (i === 12) cpu.r[EIP] = value;
    else if (i === 13) {
      cpu.systemFlags = value & 0x0700;
      setStatusFlags(cpu.r, value);
    } else if (SEGMENT[i] >= 0) setRealSegment(cpu, SEGMENT[i], value);
    else cpu.r[GENERAL[i]] = value;
  });
  const reason = cpu.run(2_000);
  const keep = ~(ignoredFlags | HELD_FLAGS);
  const problems: string[] = reason === "halted" ? [] : [`ended with ${reason}`];
  NAMES.forEach((name, i) => {
    let expected = test.final.registers[i] ?? test.initial.registers[i];
    if (expected === undefined) return;
    let found = registerOf(cpu, i);
    if (i === 13) {
      expected &= keep;
      found &= keep;
    }
    if (found !== expected) problems.push(`${name} ${found.toString(16)}, recorded ${expected.toString(16)}`);
  });
  // The recorded address is that of the bus cycle, which is even; the word lies at the new SP + 4.
  const lastOf = (i: number) => test.final.registers[i] ?? test.initial.registers[i] ?? 0;
  const flagsAt = test.exception === undefined ? -1 : lastOf(5) * 16 + ((lastOf(8) + 4) & 0xffff);
  const memoryAfter = new Map(test.initial.ram.map(({ address, value }) => [address, value]));
  for (const { address, value } of test.final.ram) memoryAfter.set(address, value);
  for (const [address, value] of memoryAfter) {
    const mask = address === flagsAt ? keep & 0xff : address === flagsAt + 1 ? (keep >> 8) & 0xff : 0xff;
    const found = memory.read8(address);
    if (((found ^ value) & mask) !== 0) {
      problems.push(`[${address.toString(16)}] ${found.toString(16)}, recorded ${value.toString(16)}`);
    }
  }
  for (const address of memoryAfter.keys()) memory.write8(address, 0);
  return problems.length === 0 ? undefined : problems.join("; ");
}
