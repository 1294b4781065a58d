/** Runs one recorded real-mode case on the CPU and says what differs. */
import { Cpu } from "../cpu/cpu.ts";
import { DEFAULT_CPU_MODEL, FEATURE_FPU } from "../cpu/cpuid.ts";
import { readFlags, setStatusFlags } from "../cpu/flags.ts";
import { CS, DS, EIP, ES, SS } from "../cpu/registers.ts";
import { setRealSegment } from "../cpu/segmentation.ts";
import { INSTRUCTION_SET, INTEGER_INSTRUCTION_SET } from "../instructions/instruction-set.ts";
import { Bus } from "../memory/bus.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import type { MooTest } from "./moo.ts";

const GENERAL = [0, 3, 1, 2, -1, -1, -1, -1, 4, 5, 6, 7];
const SEGMENT = [-1, -1, -1, -1, CS, SS, DS, ES];
const NAMES = ["ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags"];
/** IOPL, NT and bit 15, which a 286 in real mode holds 0. */
const HELD_FLAGS = 0xf000;

/** For cases of an 80286; `is80286` with the habits of that chip that CpuModel names. */
export function makeMooCpu(is80286: boolean): Cpu {
  return new Cpu(new Bus(new PhysicalMemory(16 << 20)), INTEGER_INSTRUCTION_SET, {
    ...DEFAULT_CPU_MODEL,
    features: DEFAULT_CPU_MODEL.features & ~FEATURE_FPU,
    is80286,
  });
}

function registerOf(cpu: Cpu, i: number): number {
  if (i === 12) return cpu.r[EIP] & 0xffff;
  if (i === 13) return readFlags(cpu) & ~HELD_FLAGS & 0xffff;
  return SEGMENT[i] >= 0 ? cpu.selector[SEGMENT[i]] : cpu.r16[GENERAL[i] * 2];
}

/** An i686 in real mode, for cases of an 80386. */
export function make386Cpu(): Cpu {
  return new Cpu(new Bus(new PhysicalMemory(16 << 20)), INSTRUCTION_SET);
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

/** Places of the 80386's registers in a case: general by the core's numbers, segments likewise. */
const WIDE_GENERAL = [2, 4, 5, 3, 9, 8, 6, 7];
const WIDE_SEGMENT = [12, 10, 15, 11, 13, 14];
const WIDE_EIP = 16;
const WIDE_EFLAGS = 17;
const WIDE_NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
const SEGMENT_NAMES = ["es", "cs", "ss", "ds", "fs", "gs"];
const STATUS_AND_CONTROL = 0xfd5;

/** The same for a case of an 80386, whose registers are 32 bits wide. */
export function runWideMooTest(cpu: Cpu, test: MooTest, ignoredFlags: number): string | undefined {
  cpu.reset();
  const { memory } = cpu;
  const { initial, final } = test;
  for (const { address, value } of initial.ram) memory.write8(address, value);
  WIDE_SEGMENT.forEach((at, segment) =>
    setRealSegment(cpu, segment, (initial.wideRegisters[at] ?? 0) & 0xffff),
  );
  WIDE_GENERAL.forEach((at, n) => {
    cpu.r[n] = initial.wideRegisters[at] ?? 0;
  });
  cpu.r[EIP] = initial.wideRegisters[WIDE_EIP] ?? 0;
  const eflags = initial.wideRegisters[WIDE_EFLAGS] ?? 2;
  cpu.systemFlags = eflags & 0x7700;
  setStatusFlags(cpu.r, eflags);
  const reason = cpu.run(70_000);
  const problems: string[] = reason === "halted" ? [] : [`ended with ${reason}`];
  const compare = (name: string, at: number, found: number, mask = -1) => {
    const expected = final.wideRegisters[at] ?? initial.wideRegisters[at];
    if (expected === undefined || ((found ^ expected) & mask) === 0) return;
    problems.push(`${name} ${(found >>> 0).toString(16)}, recorded ${expected.toString(16)}`);
  };
  WIDE_GENERAL.forEach((at, n) => compare(WIDE_NAMES[n], at, cpu.r[n]));
  WIDE_SEGMENT.forEach((at, segment) => compare(SEGMENT_NAMES[segment], at, cpu.selector[segment], 0xffff));
  compare("eip", WIDE_EIP, cpu.r[EIP]);
  const defined = (test.flagsMask ?? -1) & STATUS_AND_CONTROL & ~ignoredFlags;
  compare("eflags", WIDE_EFLAGS, readFlags(cpu), defined);
  const memoryAfter = new Map(initial.ram.map(({ address, value }) => [address, value]));
  for (const { address, value } of final.ram) memoryAfter.set(address, value);
  // FLAGS pushed by an exception are undefined where FLAGS are.
  const flagsAt = test.exception?.flagsAddress ?? -2;
  for (const [address, value] of memoryAfter) {
    const mask =
      address === flagsAt ? defined & 0xff : address === flagsAt + 1 ? (defined >> 8) & 0xff : 0xff;
    const found = memory.read8(address);
    if (((found ^ value) & mask) !== 0) {
      problems.push(`[${address.toString(16)}] ${found.toString(16)}, recorded ${value.toString(16)}`);
    }
  }
  for (const address of memoryAfter.keys()) memory.write8(address, 0);
  return problems.length === 0 ? undefined : problems.join("; ");
}
