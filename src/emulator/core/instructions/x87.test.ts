/** x87 instructions as programs see them: stack, pointers, images, exceptions. Values: test/conformance/float. */
import { describe, expect, test } from "vitest";
import { runRealMode, vectorOf } from "../conformance/real-mode-program.ts";
import { CR0_NE, CR0_TS, EIP } from "../cpu/registers.ts";
import { NOT_EXECUTED } from "./instruction-set.ts";

const run = (code: string, cr0 = CR0_NE) => runRealMode(code, (cpu) => void (cpu.cr0 |= cr0));
/** FNINIT; FLD1; FLDZ; FDIVP with ZM unmasked: one exception waits. */
const DIVIDED_BY_ZERO = "db e3 c7 06 00 20 7b 03 d9 2e 00 20 d9 e8 d9 ee de f9";

test("every mnemonic of the opcode table is executed", () => {
  expect([...NOT_EXECUTED]).toEqual([]);
});

describe("an unmasked exception", () => {
  test("is #MF at the next waiting instruction", () => {
    expect(vectorOf(run(`${DIVIDED_BY_ZERO} 90 d9 e8`))).toBe(16);
  });
  test("is not seen by a no-wait instruction", () => {
    const cpu = run(`${DIVIDED_BY_ZERO} df e0 db e2 d9 e8`);
    expect(cpu.r[EIP]).toBe(0x1000 + 18 + 6 + 1);
    // ES, B, TOP 6 and ZE.
    expect(cpu.r16[0]).toBe(0xb084);
  });
  test("without CR0.NE asserts FERR# and waits for its interrupt", () => {
    let asserted = 0;
    const cpu = runRealMode(`${DIVIDED_BY_ZERO} d9 e8`, (made) => (made.onFloatError = () => asserted++));
    expect([cpu.halted, asserted, cpu.r[EIP]]).toEqual([true, 1, 0x1012]);
  });
});

test("CR0.TS makes x87 instructions raise #NM", () => {
  expect(vectorOf(run("d9 e8", CR0_TS))).toBe(7);
});

test("a push onto a full stack is a masked overflow that leaves the default NaN", () => {
  const cpu = run("db e3 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 e8 d9 ee");
  expect(cpu.x87.status & 0x241).toBe(0x241);
  expect([cpu.x87.unit.signExponent[cpu.x87.top], cpu.x87.unit.high[cpu.x87.top]]).toEqual([
    0xffff, 0xc0000000,
  ]);
});

test("FNSTENV in real mode keeps the linear addresses of the last instruction and operand", () => {
  const cpu = run("db e3 d9 06 00 20 d9 36 00 30");
  const words = [0, 2, 4, 6, 8, 10, 12].map((at) => cpu.memory.read16(0x3000 + at));
  expect(words).toEqual([0x37f, 0x3800, 0x7fff, 0x1002, 0x106, 0x2000, 0]);
});

test("FXRSTOR brings back what FXSAVE wrote", () => {
  const cpu = run("db e3 d9 eb d9 e8 0f ae 06 00 30 db e3 0f ae 0e 00 30");
  expect([cpu.x87.top, cpu.x87.empty]).toEqual([6, 0x3f]);
  expect(cpu.x87.unit.signExponent[7]).toBe(0x4000);
});

test("FXSAVE to an odd address is #GP", () => {
  expect(vectorOf(run("0f ae 06 01 30"))).toBe(13);
});

test("FXSAVE and FNSAVE images have room for what they say", () => {
  const cpu = run("db e3 d9 e8 dd 36 00 30 dd 26 00 30");
  expect([cpu.x87.top, cpu.x87.empty, cpu.memory.read16(0x3000 + 14 + 8)]).toEqual([7, 0x7f, 0x3fff]);
});

test("save and restore give the same state", () => {
  const cpu = run("db e3 d9 eb d9 e8 d9 06 00 20");
  const other = run("db e3");
  other.x87.restore(structuredClone(cpu.x87.save()));
  expect(other.x87.save()).toEqual(cpu.x87.save());
});
