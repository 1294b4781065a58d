/**
 * The core against what a real processor did with single instructions: every user-mode form of the opcode table, 16- and
 * 32-bit, x87, MMX and SSE (record.mjs makes the fixture, native.c runs it). Flags that the manual leaves undefined are
 * not compared: undefined-flags.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decode } from "../../../src/emulator/core/instructions/decode.ts";
import {
  ADDRESS_32,
  hasMemoryOperand,
  hasWideOperand,
  Instruction,
} from "../../../src/emulator/core/instructions/instruction.ts";
import { INSTRUCTION_SET } from "../../../src/emulator/core/instructions/instruction-set.ts";
import { formName, isRecorded, recordedForms } from "./case-generator.ts";
import { HardwareRunner } from "./core-runner.ts";
import { Random } from "./edge-values.ts";
import { type RecordedFixture, unpackFixture } from "./fixture.ts";
import { memoryImage } from "./memory-map.ts";

const fixture = unpackFixture(readFileSync(join(import.meta.dirname, "hardware.bin.br")));
const runner = new HardwareRunner(memoryImage(new Random(fixture.imageSeed)));

type Recorded = RecordedFixture["cases"][number];

/** Cases by their line of the opcode table, and lines by mnemonic. */
const byMnemonic = new Map<string, Recorded[]>();
const lines = new Set<string>();
const forms = new Set<string>();
const op = new Instruction(INSTRUCTION_SET.invalid);
for (const recorded of fixture.cases) {
  const { bytes, mode } = recorded.item;
  decode(INSTRUCTION_SET, bytes, 0, bytes.length, mode === "32-bit", op);
  const row = INSTRUCTION_SET.rows[op.row]?.row;
  if (row !== undefined) {
    lines.add(row.line);
    const wideAddress = (op.flags & ADDRESS_32) !== 0;
    forms.add(
      formName(INSTRUCTION_SET.rows[op.row], mode, hasWideOperand(op), wideAddress, hasMemoryOperand(op)),
    );
  }
  const mnemonic = row?.mnemonic ?? "no instruction";
  const list = byMnemonic.get(mnemonic);
  if (list === undefined) byMnemonic.set(mnemonic, [recorded]);
  else list.push(recorded);
}

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

describe(`as recorded (${fixture.about})`, () => {
  test("more than seventy thousand cases are recorded", () => {
    expect(fixture.cases.length).toBeGreaterThan(70_000);
  });

  test("every line of the opcode table is recorded that can be", () => {
    const missing = INSTRUCTION_SET.rows.filter((row) => isRecorded(row) && !lines.has(row.row.line));
    expect(missing.map(({ row }) => row.line)).toEqual([]);
  });

  test("so is each of its forms: 16- and 32-bit code, operands and addresses, registers and memory", () => {
    const wanted = INSTRUCTION_SET.rows.filter(isRecorded).flatMap(recordedForms);
    expect(wanted.length).toBeGreaterThan(3000);
    expect(wanted.filter((form) => !forms.has(form))).toEqual([]);
  });

  test.each([...byMnemonic.keys()])("%s", (mnemonic) => {
    const wrong: string[] = [];
    for (const { item, result } of byMnemonic.get(mnemonic)!) {
      const problems = runner.differences(item, result);
      if (problems.length > 0)
        wrong.push(`${item.mode} ${hex(item.bytes)} seed ${item.seed}: ${problems.join("; ")}`);
    }
    expect(wrong.slice(0, 12), `${wrong.length} cases`).toEqual([]);
  });
});
