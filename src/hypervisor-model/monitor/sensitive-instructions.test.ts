/** What each sensitive instruction answers in ring 0 of a bare machine, and in ring 1 under trap-and-emulate. */
import { describe, expect, test } from "vitest";
import { linearOf, MONITOR } from "./ring-compression.ts";
import { runSensitiveInstruction, SENSITIVE_INSTRUCTIONS } from "./sensitive-instructions.ts";

const runOf = (mnemonic: string) =>
  runSensitiveInstruction(SENSITIVE_INSTRUCTIONS.find((instruction) => instruction.mnemonic === mnemonic)!);

const IDT = linearOf(MONITOR);
const GDT = linearOf(MONITOR + 0x1000);

test("there are eighteen mnemonics", () => {
  expect(SENSITIVE_INSTRUCTIONS).toHaveLength(18);
});

describe("a silent lie: no trap, and another answer", () => {
  test.each([
    ["SGDT", GDT],
    ["SIDT", IDT],
    ["SLDT", 0],
    // Paging and write protection are the monitor's.
    ["SMSW", 0x80010011],
    ["PUSHF", 0x200],
    ["LAR", 1],
    ["LSL", 0xffbfffff],
    // The monitor's own selector, which the guest's table does not have.
    ["VERR", 1],
    ["VERW", 1],
    ["PUSH", 9],
    ["CALL", 9],
    ["JMP", 9],
    ["STR", 0x410],
    ["MOVE", 9],
  ])("%s answers %d", (mnemonic, value) => {
    const { bare, deprivileged, trapped } = runOf(mnemonic);
    expect(trapped).toBe(false);
    expect(deprivileged).toEqual({ end: { type: "finished" }, value });
    expect(bare.end).toEqual({ type: "finished" });
    expect(bare.value).not.toBe(value);
  });

  test("POPF leaves interrupts on", () => {
    const { bare, deprivileged, trapped } = runOf("POPF");
    expect(trapped).toBe(false);
    expect(bare.value).toBe(0);
    expect(deprivileged.value).toBeGreaterThan(0);
  });
});

describe("a fault where the bare machine has none: the ring in the selector is no longer the guest's", () => {
  test.each(["POP", "INT n", "RET"])("%s", (mnemonic) => {
    const { bare, deprivileged, trapped } = runOf(mnemonic);
    expect(trapped).toBe(true);
    expect(bare.end).toEqual({ type: "finished" });
    expect(deprivileged.end).toEqual({ type: "refused", why: expect.stringContaining("not emulated") });
  });
});
