/**
 * v86 as oracle: seeded random straight-line programs in real mode, run by v86 and by the core; registers, flags and memory
 * have to be equal at the end of each. Flags that an instruction leaves undefined are defined again by a CMP behind it.
 */
import { createRequire } from "node:module";
import { V86 } from "v86";
import { describe, expect, test } from "vitest";
import { Cpu } from "../../src/emulator/core/cpu/cpu.ts";
import { EIP } from "../../src/emulator/core/cpu/registers.ts";
import { setRealSegment } from "../../src/emulator/core/cpu/segmentation.ts";
import { INSTRUCTION_SET } from "../../src/emulator/core/instructions/instruction-set.ts";
import { Bus } from "../../src/emulator/core/memory/bus.ts";
import { PhysicalMemory } from "../../src/emulator/core/memory/physical-memory.ts";
import { EDGE_INTEGERS, Random } from "./hardware/edge-values.ts";

const ROM = 0xf0000;
const ROM_BYTES = 0x10000;
const DATA = 0x20000;
const DATA_BYTES = 0x1000;
const RESULTS = 0x30000;
const STACK_SEGMENT = 0x4000;
/** Results of one program: seven registers and FLAGS. */
const RESULT_BYTES = 32;
const PROGRAMS = 180;
const INSTRUCTIONS = 24;
const DONE = 0xfff0;
const DONE_MARK = 0x55aa;

const word = (value: number) => [value & 0xff, (value >>> 8) & 0xff];
const doubleword = (value: number) => [...word(value), ...word(value >>> 16)];
/** CMP AL, imm8: all six flags are defined behind it. */
const define = (random: Random) => [0x3c, random.below(256)];
const ALU_OPERATIONS = 8;
const STACK_POINTER = 4;

class ProgramMaker {
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** A register that is not the stack pointer. */
  private register(): number {
    const n = this.random.below(7);
    return n < STACK_POINTER ? n : n + 1;
  }

  /** ModR/M with a register or [disp16] as rm. */
  private operand(reg: number): number[] {
    if (this.random.below(3) !== 0) return [0xc0 | (reg << 3) | this.register()];
    return [(reg << 3) | 6, ...word(this.random.below(DATA_BYTES - 8))];
  }

  private immediate(bytes: number): number[] {
    const value = this.random.below(2) === 0 ? this.random.of(EDGE_INTEGERS) : this.random.next();
    return doubleword(value).slice(0, bytes);
  }

  instruction(): number[] {
    const { random } = this;
    const wide = random.below(2) === 0;
    const size = wide ? [0x66] : [];
    const full = wide ? 4 : 2;
    const bit = random.below(2);
    const immediateOf = bit === 0 ? 1 : full;
    switch (random.below(20)) {
      case 0:
      case 1: {
        const operation = random.below(ALU_OPERATIONS);
        const code = [...size, operation * 8 + random.below(4), ...this.operand(this.register())];
        // AND, OR and XOR leave AF undefined.
        return [1, 4, 6].includes(operation) ? [...code, ...define(random)] : code;
      }
      case 2: {
        const operation = random.below(ALU_OPERATIONS);
        const code = [...size, 0x80 + bit, ...this.operand(operation), ...this.immediate(immediateOf)];
        return [1, 4, 6].includes(operation) ? [...code, ...define(random)] : code;
      }
      case 3:
        return [...size, 0x83, ...this.operand(random.of([0, 2, 3, 5, 7])), random.below(256)];
      case 4:
      case 5:
        return [
          ...size,
          0xc0 + bit,
          ...this.operand(random.of([0, 1, 2, 3, 4, 5, 7])),
          random.below(32),
          ...define(random),
        ];
      case 6:
        return [
          ...size,
          0xd0 + random.below(4),
          ...this.operand(random.of([0, 1, 2, 3, 4, 5, 7])),
          ...define(random),
        ];
      case 7:
        return [...size, 0xf6 + bit, ...this.operand(random.of([2, 3, 4, 5])), ...define(random)];
      case 8:
        return [...size, 0x0f, 0xaf, ...this.operand(this.register()), ...define(random)];
      case 9:
        return [...size, 0x69, ...this.operand(this.register()), ...this.immediate(full), ...define(random)];
      case 10:
        return [...size, random.of([0x40, 0x48]) + this.register()];
      case 11:
        return [...size, 0x0f, random.of([0xb6, 0xb7, 0xbe, 0xbf]), ...this.operand(this.register())];
      case 12:
        return [
          ...size,
          0x0f,
          random.of([0xa4, 0xac]),
          ...this.operand(this.register()),
          random.below(16),
          ...define(random),
        ];
      case 13:
        return [
          ...size,
          0x0f,
          0xba,
          ...this.operand(4 + random.below(4)),
          random.below(256),
          ...define(random),
        ];
      case 14:
        return [0x0f, 0x90 + random.below(16), ...this.operand(0)];
      case 15:
        return [...size, 0x0f, 0x40 + random.below(16), ...this.operand(this.register())];
      case 16:
        return [...size, 0x0f, random.of([0xc0, 0xc1, 0xb0, 0xb1]), ...this.operand(this.register())];
      case 17:
        return [...size, ...random.of([[0x98], [0x99], [0xf5], [0xf8], [0xf9], [0x9e], [0x9f]])];
      case 18: {
        const adjust = random.of([[0x27], [0x2f], [0x37], [0x3f], [0xd4, 1 + random.below(255)], [0xd5, 10]]);
        return [...adjust, ...define(random)];
      }
      default:
        return [...size, 0x86 + random.below(6), ...this.operand(this.register())];
    }
  }

  program(number: number): number[] {
    const { random } = this;
    const code: number[] = [];
    for (let n = 0; n < 8; n++) {
      if (n === STACK_POINTER) continue;
      code.push(
        0x66,
        0xb8 + n,
        ...doubleword(random.below(2) === 0 ? random.of(EDGE_INTEGERS) : random.next()),
      );
    }
    // PUSH FLAGS, POPF.
    code.push(0x68, ...word(random.next() & 0x8d5), 0x9d);
    for (let i = 0; i < INSTRUCTIONS; i++) code.push(...this.instruction());
    const at = number * RESULT_BYTES;
    let place = 0;
    for (let n = 0; n < 8; n++) {
      if (n === STACK_POINTER) continue;
      code.push(0x26, 0x66, 0x89, (n << 3) | 6, ...word(at + place));
      place += 4;
    }
    // PUSHF, POP word ES:[…].
    code.push(0x9c, 0x26, 0x8f, 0x06, ...word(at + place));
    return code;
  }
}

/** A ROM that sets up its segments and runs all programs, then marks its end and halts. */
function makeRom(seed: number): Uint8Array {
  const maker = new ProgramMaker(seed);
  const code = [0xfa, 0xfc];
  for (const [segment, value] of [
    [3, DATA >>> 4],
    [0, RESULTS >>> 4],
    [2, STACK_SEGMENT],
  ]) {
    code.push(0xb8, ...word(value), 0x8e, 0xc0 | (segment << 3));
  }
  code.push(0xbc, ...word(0x8000));
  for (let number = 0; number < PROGRAMS; number++) code.push(...maker.program(number));
  code.push(0x26, 0xc7, 0x06, ...word(DONE), ...word(DONE_MARK), 0xf4, 0xeb, 0xfd);
  if (code.length > 0xff00)
    throw new Error(`the programs take ${code.length} bytes, a ROM has room for 65280`);
  const rom = new Uint8Array(ROM_BYTES);
  rom.set(code);
  rom.set([0xea, 0, 0, 0, 0xf0], 0xfff0);
  return rom;
}

interface Outcome {
  results: Uint8Array;
  data: Uint8Array;
}

function onCore(rom: Uint8Array): Outcome {
  const memory = new PhysicalMemory(1 << 20);
  const cpu = new Cpu(new Bus(memory), INSTRUCTION_SET);
  memory.load(ROM, rom);
  for (let segment = 0; segment < 6; segment++) setRealSegment(cpu, segment, segment === 1 ? ROM >>> 4 : 0);
  cpu.r[EIP] = 0;
  expect(cpu.run(1_000_000)).toBe("halted");
  return {
    results: memory.bytes.slice(RESULTS, RESULTS + PROGRAMS * RESULT_BYTES),
    data: memory.bytes.slice(DATA, DATA + DATA_BYTES),
  };
}

async function onV86(rom: Uint8Array): Promise<Outcome> {
  const emulator = new V86({
    wasm_path: createRequire(import.meta.url).resolve("v86/build/v86.wasm"),
    memory_size: 16 << 20,
    vga_memory_size: 1 << 20,
    bios: { buffer: rom.slice().buffer as ArrayBuffer },
    autostart: false,
    disable_speaker: true,
  } as ConstructorParameters<typeof V86>[0]);
  try {
    await new Promise<void>((resolve) => emulator.add_listener("emulator-loaded", () => resolve()));
    await emulator.run();
    const mark = () => {
      const [low, high] = emulator.read_memory(RESULTS + DONE, 2);
      return low | (high << 8);
    };
    for (let wait = 0; mark() !== DONE_MARK; wait++) {
      if (wait > 3000) throw new Error("v86 did not come to the end of the programs");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return {
      results: emulator.read_memory(RESULTS, PROGRAMS * RESULT_BYTES).slice(),
      data: emulator.read_memory(DATA, DATA_BYTES).slice(),
    };
  } finally {
    await emulator.destroy();
  }
}

const NAMES = ["EAX", "ECX", "EDX", "EBX", "EBP", "ESI", "EDI", "FLAGS"];
const COMPARED_FLAGS = 0x8d5;

describe("random programs end as on v86", () => {
  test.each([20261124, 20261125, 20261126])("seed %i", async (seed) => {
    const rom = makeRom(seed);
    const ours = onCore(rom);
    const theirs = await onV86(rom);
    // Every program stores seven registers, most of them of its own.
    expect(theirs.results.filter((byte) => byte !== 0).length).toBeGreaterThan(PROGRAMS * 12);
    const wrong: string[] = [];
    const [a, b] = [ours.results, theirs.results].map(
      (bytes) => new DataView(bytes.buffer, bytes.byteOffset),
    );
    for (let number = 0; number < PROGRAMS; number++) {
      NAMES.forEach((name, i) => {
        const mask = name === "FLAGS" ? COMPARED_FLAGS : -1;
        const at = number * RESULT_BYTES + 4 * i;
        const [found, expected] = [a.getUint32(at, true) & mask, b.getUint32(at, true) & mask];
        if (found === expected) return;
        wrong.push(
          `program ${number}: ${name} ${(found >>> 0).toString(16)}, v86 ${(expected >>> 0).toString(16)}`,
        );
      });
    }
    expect(wrong).toEqual([]);
    expect(ours.data).toEqual(theirs.data);
  });
});
