/** MMX and SSE as the system's bits make them: what raises #UD, #NM, #MF, #XM. Values: test/conformance/hardware. */
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { runRealMode, vectorOf } from "../conformance/real-mode-program.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { type CpuModel, DEFAULT_CPU_MODEL, FEATURE_SSE2 } from "../cpu/cpuid.ts";
import {
  CR0_EM,
  CR0_NE,
  CR0_TS,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  VECTOR_GP,
  VECTOR_MF,
  VECTOR_NM,
  VECTOR_UD,
  VECTOR_XM,
} from "../cpu/registers.ts";
import { approximateReciprocal, approximateReciprocalRoot } from "../vector/binary-convert.ts";
import { VectorRegisters } from "../vector/vector-registers.ts";

interface Setup {
  cr0?: number;
  cr4?: number;
  mxcsr?: number;
  model?: CpuModel;
  before?: (cpu: Cpu) => void;
}

function run(code: string, setup: Setup = {}): Cpu {
  const prepare = (cpu: Cpu) => {
    cpu.cr0 |= CR0_NE | (setup.cr0 ?? 0);
    cpu.cr4 = setup.cr4 ?? CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (setup.mxcsr !== undefined) cpu.vectors.mxcsr = setup.mxcsr;
    setup.before?.(cpu);
  };
  return runRealMode(code, prepare, setup.model);
}

const NONE = -1;
const vector = (code: string, setup?: Setup) => Math.max(NONE, vectorOf(run(code, setup)));

const ADDPS = "0f 58 c1";
const PADDB = "0f fc c1";
/** 1 / 0 in single precision. */
const DIVSS = "f3 0f 5e c1";
const UNMASKED_ZERO_DIVIDE = 0x1d80;
const withOne = (cpu: Cpu) => {
  cpu.vectors.singles[0] = 1;
};

describe("an SSE instruction", () => {
  test.each([
    ["runs when the system saves XMM registers", {}, NONE],
    ["is #UD unless it does (CR4.OSFXSR)", { cr4: 0 }, VECTOR_UD],
    ["is #UD with CR0.EM", { cr0: CR0_EM }, VECTOR_UD],
    ["is #NM with CR0.TS", { cr0: CR0_TS }, VECTOR_NM],
  ])("%s", (_, setup, expected) => {
    expect(vector(ADDPS, setup)).toBe(expected);
  });

  test("of SSE2 is #UD on a model without it", () => {
    const model = { ...DEFAULT_CPU_MODEL, features: DEFAULT_CPU_MODEL.features & ~FEATURE_SSE2 };
    expect([vector("66 0f 58 c1", { model }), vector(ADDPS, { model })]).toEqual([VECTOR_UD, NONE]);
  });

  test("with an unmasked exception is #XM and leaves its destination", () => {
    const cpu = run(DIVSS, { mxcsr: UNMASKED_ZERO_DIVIDE, before: withOne });
    expect([vectorOf(cpu), cpu.vectors.singles[0], cpu.vectors.mxcsr & 4]).toEqual([VECTOR_XM, 1, 4]);
  });

  test("with an unmasked exception is #UD where the system handles none (CR4.OSXMMEXCPT)", () => {
    expect(vector(DIVSS, { mxcsr: UNMASKED_ZERO_DIVIDE, cr4: CR4_OSFXSR, before: withOne })).toBe(VECTOR_UD);
  });

  test("takes 16 bytes from a 16-byte boundary alone", () => {
    expect([vector("0f 28 06 10 20"), vector("0f 28 06 18 20"), vector("0f 10 06 18 20")]).toEqual([
      NONE,
      VECTOR_GP,
      NONE,
    ]);
  });
});

describe("LDMXCSR", () => {
  test("refuses reserved bits with #GP", () => {
    const store = (value: number) => (cpu: Cpu) => cpu.memory.write32(0x2000, value);
    const load = "0f ae 16 00 20";
    expect(vector(load, { before: store(0x10000) })).toBe(VECTOR_GP);
    expect(run(load, { before: store(0x9fc0) }).vectors.mxcsr).toBe(0x9fc0);
  });
});

describe("an MMX instruction", () => {
  test("needs no CR4.OSFXSR", () => {
    expect(vector(PADDB, { cr4: 0 })).toBe(NONE);
  });

  test("is #UD with CR0.EM and #NM with CR0.TS", () => {
    expect([vector(PADDB, { cr0: CR0_EM }), vector(PADDB, { cr0: CR0_TS })]).toEqual([VECTOR_UD, VECTOR_NM]);
  });

  test("is #MF while an x87 exception waits", () => {
    const waiting = (cpu: Cpu) => {
      cpu.x87.initialize();
      cpu.x87.control = 0x37e;
      cpu.x87.status = 1;
    };
    expect(vector(PADDB, { before: waiting })).toBe(VECTOR_MF);
  });

  test("fills the register stack, and EMMS empties it", () => {
    expect([run(PADDB).x87.empty, run(`${PADDB} 0f 77`).x87.empty]).toEqual([0, 0xff]);
  });
});

describe("the approximations", () => {
  /** What Intel's manual grants. */
  const LARGEST_ERROR = 1.5 * 2 ** -12;
  const normal = fc.float({ min: Math.fround(2 ** -120), max: Math.fround(2 ** 120), noNaN: true });

  property.prop([normal])("of RCPPS and RSQRTPS keep their relative error", (x) => {
    const v = new VectorRegisters();
    v.singles[0] = x;
    approximateReciprocal(v, 1, 0);
    approximateReciprocalRoot(v, 2, 0);
    expect(Math.abs(v.singles[1] * x - 1)).toBeLessThanOrEqual(LARGEST_ERROR);
    expect(Math.abs(v.singles[2] * Math.sqrt(x) - 1)).toBeLessThanOrEqual(LARGEST_ERROR);
  });
});
