/**
 * Runs whole files of recorded 80286 and 80386 cases: which flags are not compared and which cases are left out. Both are
 * decided from the instruction's bytes alone, by what an i686 does differently or leaves undefined.
 */
import { FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from "../cpu/registers.ts";
import { decode } from "../instructions/decode.ts";
import { Instruction, isLocked } from "../instructions/instruction.ts";
import { INSTRUCTION_SET } from "../instructions/instruction-set.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { MooError, readMoo, type MooTest } from "./moo.ts";
import { make386Cpu, makeMooCpu, runMooTest, runWideMooTest } from "./moo-runner.ts";

export interface MooResult {
  passed: number;
  failures: { name: string; index: number; bytes: string; problem: string }[];
  /** Of those passed: cases in which an i686 does otherwise, passed with the habits of an 80286 switched on (CpuModel). */
  as80286: number;
  /** Cases left out, by reason. */
  skipped: Map<string, number>;
}

/** The 80286 takes instructions of up to 10 bytes. */
const LONGEST_286 = 10;
const PREFIXES_286 = new Set([0x26, 0x2e, 0x36, 0x3e, 0xf0, 0xf2, 0xf3]);
const RESULT = FLAG_SF | FLAG_ZF | FLAG_PF;
const ALL = RESULT | FLAG_AF | FLAG_CF | FLAG_OF;

/** Prefixes at the front, as an 80286 knows them. */
function prefixesOf(bytes: Uint8Array): number {
  let count = 0;
  while (count < bytes.length && PREFIXES_286.has(bytes[count])) count++;
  return count;
}

/** Why an i686 need not do what the 80286 did; undefined where it must. */
export function differs286(bytes: Uint8Array): string | undefined {
  const prefixes = prefixesOf(bytes);
  const opcode = bytes[prefixes];
  if (opcode >= 0x64 && opcode <= 0x67) return "64h-67h: prefixes since the 80386";
  if (opcode === 0x0f) return "0Fh: two-byte opcodes differ between the 80286 and the 80386";
  if ((opcode === 0x8c || opcode === 0x8e) && ((bytes[prefixes + 1] >>> 3) & 7) >= 4) {
    const register = (bytes[prefixes + 1] >>> 3) & 7;
    if (register < 6) return "8Ch, 8Eh: MOV to and from FS and GS since the 80386";
  }
  const op = new Instruction(INSTRUCTION_SET.invalid);
  const length = decode(INSTRUCTION_SET, bytes, 0, bytes.length, false, op);
  if (length > LONGEST_286) return "longer than 10 bytes: the 80286's limit";
  if (length > 0 && isLocked(op) && (op.row < 0 || op.execute === INSTRUCTION_SET.invalid)) {
    return "LOCK before what cannot be locked: #UD since the 80386";
  }
  return undefined;
}

/** The status flags the instruction leaves undefined. */
export function undefinedFlags(bytes: Uint8Array, initialCl: number): number {
  const at = prefixesOf(bytes);
  const opcode = bytes[at];
  const reg = (bytes[at + 1] >>> 3) & 7;
  const logical = opcode < 0x40 && (opcode & 7) < 6 && [1, 4, 6].includes(opcode >>> 3);
  if (logical || [0x84, 0x85, 0xa8, 0xa9].includes(opcode)) return FLAG_AF;
  if (opcode >= 0x80 && opcode <= 0x83) return [1, 4, 6].includes(reg) ? FLAG_AF : 0;
  if (opcode === 0x69 || opcode === 0x6b) return RESULT | FLAG_AF;
  if (opcode === 0xf6 || opcode === 0xf7) {
    if (reg < 2) return FLAG_AF;
    return reg < 4 ? 0 : reg < 6 ? RESULT | FLAG_AF : ALL;
  }
  if (opcode === 0x27 || opcode === 0x2f) return FLAG_OF;
  if (opcode === 0x37 || opcode === 0x3f) return FLAG_OF | RESULT;
  if (opcode === 0xd4 || opcode === 0xd5) return FLAG_OF | FLAG_AF | FLAG_CF;
  const immediate = opcode === 0xc0 || opcode === 0xc1;
  if (!immediate && (opcode < 0xd0 || opcode > 0xd3)) return 0;
  const width = (opcode & 1) === 0 ? 8 : 16;
  let count = initialCl & 31;
  if (opcode < 0xd2) count = 1;
  if (immediate) {
    const op = new Instruction(INSTRUCTION_SET.invalid);
    decode(INSTRUCTION_SET, bytes, 0, bytes.length, false, op);
    count = op.immediate & 31;
  }
  let mask = count > 1 ? FLAG_OF : 0;
  if (reg >= 4 && count > 0) mask |= FLAG_AF;
  if (reg >= 4 && reg < 7 && count > width) mask |= FLAG_CF;
  return mask;
}

const CX = 2;

/**
 * Runs all cases of one file's contents (unpacked). Throws `MooError` for a broken file and for one of another processor:
 * an 8086 differs from an i686 in more than an instruction's bytes can tell.
 */
export function runMooFile(data: Uint8Array): MooResult {
  const result: MooResult = { passed: 0, failures: [], as80286: 0, skipped: new Map() };
  const { cpu: name, tests } = readMoo(data);
  if (name === "C286") {
    const i686 = makeMooCpu(false);
    const i286 = makeMooCpu(true);
    for (const test of tests) {
      const mask = undefinedFlags(test.bytes, (test.initial.registers[CX] ?? 0) & 0xff);
      const run = () => {
        if (runMooTest(i686, test, mask) === undefined) return undefined;
        const problem = runMooTest(i286, test, mask);
        if (problem === undefined) result.as80286++;
        return problem;
      };
      count(test, differs286(test.bytes), run, result);
    }
  } else if (name.startsWith("C386") || name.startsWith("386")) {
    const cpu = make386Cpu();
    for (const test of tests) count(test, undefined, () => runOn386(cpu, test), result);
  } else
    throw new MooError(
      `found cases of processor "${name}", expected those of an 80286 or 80386 in real mode`,
    );
  return result;
}

const WIDE_ECX = 4;

function runOn386(cpu: Cpu, test: MooTest): string | undefined {
  const mask = undefinedFlags(
    withoutWidthPrefixes(test.bytes),
    (test.initial.wideRegisters[WIDE_ECX] ?? 0) & 0xff,
  );
  return runWideMooTest(cpu, test, mask);
}

/** The instruction without the prefixes that an 80286 does not know, for `undefinedFlags`. */
function withoutWidthPrefixes(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while (at < bytes.length && (PREFIXES_286.has(bytes[at]) || (bytes[at] >= 0x64 && bytes[at] <= 0x67))) at++;
  return bytes.subarray(at);
}

function count(
  test: MooTest,
  reason: string | undefined,
  run: () => string | undefined,
  result: MooResult,
): void {
  if (reason !== undefined) {
    result.skipped.set(reason, (result.skipped.get(reason) ?? 0) + 1);
    return;
  }
  const problem = run();
  if (problem === undefined) {
    result.passed++;
    return;
  }
  const bytes = [...test.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  result.failures.push({ name: test.name, index: test.index, bytes, problem });
}
