/** ROMs in place of the BIOS: what they report, and why they end. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assemble } from "../emulator/core/assembler/assemble.ts";
import { UsageError } from "./options.ts";
import { describeRomEnd, rom, runRom } from "./rom.ts";

const SELF_TEST = readFileSync(
  join(import.meta.dirname, "../../test/fixtures/assembler/self-test.asm"),
  "utf8",
);

function image(source: string): Uint8Array {
  const { bytes, problems } = assemble(source);
  expect(problems).toEqual([]);
  return bytes;
}

/** Code at F0000h, entered from the reset vector. */
const small = (body: string) =>
  image(`bits 16\norg 0\n${body}\ntimes 0xfff0 - ($ - $$) db 0\njmp 0xf000:0\ntimes 0x10000 - ($ - $$) db 0`);

function run(bytes: Uint8Array, limit = 1_000_000, ports = { post: 0x190, text: 0xe9 }) {
  const post: number[] = [];
  let text = "";
  const { end, pc } = runRom(bytes, ports, limit, {
    post: (code) => post.push(code),
    text: (byte) => (text += String.fromCharCode(byte)),
  });
  return { post, text, end, ...describeRomEnd(end, pc) };
}

describe("a self-testing ROM", () => {
  test("passes real mode, protected mode, faults, paging, task switch and ring 3", () => {
    const { post, text, end, status } = run(image(SELF_TEST));
    expect(post).toEqual([1, 2, 3, 4, 5, 6, 7, 0xff]);
    expect(text).toBe("all stages passed\n");
    expect(end).toEqual({ type: "halted" });
    expect(status).toBe(0);
  });

  test("stops at the stage that fails", () => {
    const { post, text } = run(image(SELF_TEST.replace("cmp dword [SEEN], 3", "cmp dword [SEEN], 7")));
    expect(post).toEqual([1, 2, 3, 4]);
    expect(text).toBe("");
  });
});

describe("why it ended", () => {
  test.each([
    ["cli\nhlt", "halted", 0, "halted, interrupts off"],
    ["lidt [cs:zero]\nint3\nzero: dw 0,0,0", "triple-fault", 1, "triple fault"],
    ["jmp $", "limit", 1, "the limit of instructions is reached"],
    ["mov al, 5\nout 0xf4, al", "exit", 11, "ended through port F4h with 5"],
    ["mov al, 1\nout 0x92, al\njmp $", "resets", 1, "it resets the machine again and again"],
  ])("%j", (body, type, status, line) => {
    const ended = run(small(body), body.includes("0x92") ? 1e9 : undefined);
    expect([ended.end.type, ended.status]).toEqual([type, status]);
    expect(ended.line).toContain(line);
    expect(ended.line).toMatch(/CS:EIP [0-9A-F]{4}:[0-9A-F]{8}, \d+ instructions/);
  });
});

test("POST and text ports are where they are asked for, the serial port's among them", () => {
  const body = "mov al, 0x21\nout 0x80, al\nmov dx, 0x3f8\nout dx, al\nmov dx, 0x190\nout dx, al\ncli\nhlt";
  const { post, text } = run(small(body), 1000, { post: 0x80, text: 0x3f8 });
  expect([post, text]).toEqual([[0x21], "!"]);
});

test.each([
  ["no such file"],
  ["two", "files"],
  ["--post", "0x10000", "package.json"],
  ["--limit", "-1", "package.json"],
])("refuses %s %s %s", async (...argv) => {
  await expect(rom(argv.filter((word) => word !== undefined))).rejects.toThrow(UsageError);
});

test("an image that is too small or too large is refused by its length", () => {
  expect(() => run(new Uint8Array(3))).toThrow(/3 bytes/);
  expect(() => run(new Uint8Array((1 << 20) + 1))).toThrow(/1048577 bytes/);
});

test("random images end, and never throw", () => {
  let state = 1;
  for (let i = 0; i < 20; i++) {
    const bytes = Uint8Array.from(
      { length: 65_536 },
      () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 24,
    );
    expect(run(bytes, 20_000).line).toMatch(/CS:EIP/);
  }
});
