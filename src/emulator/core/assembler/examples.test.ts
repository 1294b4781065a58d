/** Each example program to the effect that its text promises. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { barePc } from "../debug/bare-pc.ts";
import { parseExample } from "./example.ts";

const FOLDER = join(import.meta.dirname, "examples");
const FILES = readdirSync(FOLDER).toSorted();

/** What is on COM1 or port E9h at the end. */
const OUTPUT: Record<string, string> = {
  "01-hello-serial.asm": "Hello from the bare PC!\r\n",
  "02-boot-sector-text.asm": "",
  "03-protected-mode.asm": "32b!",
  "04-paging.asm": "page",
  "05-page-fault.asm": "1",
  "06-timer-interrupt.asm": ".....",
  "07-ring3-system-call.asm": "user asks, kernel prints",
  "08-popf-loses-if.asm": "IF",
  "09-self-modifying.asm": "0123456789",
  "10-task-switch.asm": "ababab",
  "11-virtual-8086.asm": "cvc",
  "12-single-step.asm": "8",
};

const sourceOf = (file: string) => readFileSync(join(FOLDER, file), "utf8");

function run(file: string) {
  let output = "";
  const byte = (value: number) => void (output += String.fromCharCode(value));
  const { pc, program } = barePc(sourceOf(file), { serial: (_, value) => byte(value), debugText: byte });
  return { stop: pc.run(1_000_000), output, pc, program };
}

test("there are at least ten, and each has an expected output here", () => {
  expect(FILES.length).toBeGreaterThanOrEqual(10);
  expect(FILES).toEqual(Object.keys(OUTPUT));
});

describe.each(FILES)("%s", (file) => {
  test("prints what it promises and halts for good", () => {
    const { stop, output } = run(file);
    expect({ stop, output }).toEqual({ stop: { type: "halted" }, output: OUTPUT[file] });
  });

  test("has a title, an explanation and something to try in both languages, each without the other", () => {
    const { titles, sources } = parseExample(sourceOf(file));
    expect(titles.en).toMatch(/^[A-Z]/);
    expect(titles.zh).toMatch(/[\u4e00-\u9fff]/);
    expect(sources.en).toMatch(/^; .+\n; [A-Z].{40}[^]*\n; Try: /);
    expect(sources.zh).toMatch(/^; .+\n; .*[\u4e00-\u9fff]{4}[^]*\n; 试一试：/);
    expect(sources.en).not.toMatch(/[\u4e00-\u9fff]/);
    expect(sources.zh).not.toContain("Try:");
  });

  test("is the same program in both languages", () => {
    const { sources } = parseExample(sourceOf(file));
    expect(barePc(sources.zh).program.bytes).toEqual(barePc(sources.en).program.bytes);
  });
});

test("the boot sector is one, and its text is in screen memory", () => {
  const { pc, program } = run("02-boot-sector-text.asm");
  expect(program.bytes.length).toBe(512);
  expect([...program.bytes.subarray(510)]).toEqual([0x55, 0xaa]);
  const row = Array.from({ length: 80 }, (_, i) =>
    String.fromCharCode(pc.vga.read8(0xb8000 + (12 * 80 + i) * 2)),
  ).join("");
  expect(row.trim()).toBe("This sector draws on the screen");
  expect(pc.vga.read8(0xb8000 + (12 * 80 + 26) * 2 + 1)).toBe(0x1f);
});

const hasNasm = (() => {
  try {
    execFileSync("nasm", ["-v"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!hasNasm).each(FILES)("NASM assembles %s to the same bytes", (file) => {
  const { program } = run(file);
  const source = sourceOf(file);
  const text = /^\s*org /m.test(source) ? source : `org 0x7c00\n${source}`;
  const folder = mkdtempSync(join(tmpdir(), "ringside-examples-"));
  try {
    writeFileSync(join(folder, "source.asm"), text);
    execFileSync("nasm", ["-f", "bin", "-o", join(folder, "out"), join(folder, "source.asm")], {
      stdio: "pipe",
    });
    expect(Buffer.from(program.bytes).toString("hex")).toBe(
      readFileSync(join(folder, "out")).toString("hex"),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
