/** The assembler against NASM and iced-x86, and on every kind of bad text. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { OPCODE_LINES } from "../instructions/instruction-set.ts";
import { parseLine } from "../instructions/opcode-table.ts";
import { assemble, type AssembleOptions } from "./assemble.ts";
import { disassemble } from "./disassemble.ts";

const FIXTURES = join(import.meta.dirname, "../../../../test/fixtures/assembler");
const INSTRUCTIONS = readFileSync(join(FIXTURES, "instructions.asm"), "utf8").trim().split("\n").slice(1);
const folder = mkdtempSync(join(tmpdir(), "ringside-assembler-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasNasm = (() => {
  try {
    execFileSync("nasm", ["-v"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

function nasm(source: string): Uint8Array {
  const file = join(folder, "source.asm");
  writeFileSync(file, source);
  execFileSync("nasm", ["-f", "bin", "-o", join(folder, "out.bin"), file], { stdio: "pipe" });
  return readFileSync(join(folder, "out.bin"));
}

function bytesOf(source: string, options?: AssembleOptions): Uint8Array {
  const { bytes, problems } = assemble(source, options);
  expect(problems).toEqual([]);
  return bytes;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** Line and bytes, so that a difference names its line. */
const listing = (bits: number, assembler: (source: string) => Uint8Array) => {
  const source = `bits ${bits}\norg 0x1000\n${INSTRUCTIONS.map((line) => `${line}\ndd 0x11223344, 0x55667788`).join("\n")}\n`;
  const separate = hex(assembler(source)).split("4433221188776655");
  return INSTRUCTIONS.map((line, i) => `${line}: ${separate[i]}`);
};

describe("against NASM (skipped where it is not installed)", () => {
  test.skipIf(!hasNasm).each([16, 32])("every form of operand becomes the same bytes in %i bits", (bits) => {
    expect(listing(bits, (source) => bytesOf(source))).toEqual(listing(bits, nasm));
  });

  test.skipIf(!hasNasm)("labels, data, expressions and directives become the same bytes", () => {
    const source = readFileSync(join(FIXTURES, "program.asm"), "utf8");
    expect(hex(bytesOf(source))).toBe(hex(nasm(source)));
  });
});

describe("against iced-x86", () => {
  const iced = createRequire(import.meta.url)("iced-x86") as typeof import("iced-x86");
  const formatter = new iced.Formatter(iced.FormatterSyntax.Nasm);

  function icedText(bytes: Uint8Array, bits: number): string {
    const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
    decoder.ip = 0x1000n;
    const instruction = decoder.decode();
    const text =
      instruction.length === bytes.length ? formatter.format(instruction) : `not all of ${hex(bytes)}`;
    instruction.free();
    decoder.free();
    return text;
  }

  /** One byte string for each row, and forms of its ModR/M byte. */
  function* samples(random: Random): Generator<Uint8Array> {
    for (const line of OPCODE_LINES) {
      const row = parseLine(line);
      const lead = { any: [], np: [], "66": [0x66], f3: [0xf3], f2: [0xf2] }[row.prefix];
      for (let i = 0; i < 12; i++) {
        const tail = random.bytes(12);
        if (row.form === "digit") tail[0] = (tail[0] & 0xc7) | (row.extension << 3);
        else if (row.form === "exact") tail[0] = row.extension;
        else if (row.form === "exact-register") tail[0] = row.extension | (tail[0] & 7);
        const opcode = row.opcode | (row.form === "plus" ? tail[1] & 7 : 0);
        const prefix = [[], [0x66], [0x67], [0x26]][i % 4];
        yield Uint8Array.from([...prefix, ...lead, ...(row.map === 1 ? [0x0f] : []), opcode, ...tail]);
      }
    }
  }

  /** Of encodings that mean the same the assembler takes one. */
  const canonical = (text: string) =>
    text
      .replace(/^sal /, "shl ")
      .replace(/^xchg (\w+),(\w+)$/, (_, a: string, b: string) => `xchg ${[a, b].sort().join(",")}`)
      .replace(/(e\w\w)\*2(?=[-+\]])/, "$1+$1")
      .replace("*1", "");

  test.each([16, 32] as const)(
    "what the disassembler prints of any row assembles to the same instruction, %i bits",
    (bits) => {
      const seed = 77;
      const found: string[] = [];
      for (const bytes of samples(new Random(seed))) {
        const options = { bits, address: 0x1000 };
        const { text } = disassemble(bytes, 0, options);
        if (text.startsWith("db")) continue;
        const { bytes: again, problems } = assemble(text, { bits, origin: 0x1000 });
        const back = problems.length > 0 ? problems[0].message : disassemble(again, 0, options).text;
        if (canonical(back) !== canonical(text))
          found.push(`${hex(bytes)} "${text}" → ${hex(again)} "${back}"`);
        else if (icedText(again, bits).startsWith("(bad)"))
          found.push(`${text}: iced cannot read ${hex(again)}`);
        else if (icedText(again, bits).startsWith("not all")) found.push(`${text}: ${icedText(again, bits)}`);
      }
      expect(found, `seed ${seed}`).toEqual([]);
    },
  );
});

const problemsOf = (source: string) =>
  assemble(source).problems.map(({ line, column, code }) => `${line}:${column} ${code}`);

describe("problems have line, column and a name", () => {
  test.each([
    ["mov ax, bx\n  mvo ax, bx", "2:3 unknown-instruction"],
    ["mov ax, ebx", "1:1 no-such-form"],
    ["mov [bx], 1", "1:1 size-unknown"],
    ["push word [bx]\npush [bx]", "2:1 size-unknown"],
    ["movzx eax, [bx]", "1:1 size-unknown"],
    ["nop\nnop\njmp nowhere", "3:5 undefined-label"],
    ["a: nop\na: nop", "2:1 label-twice"],
    ["mov al, 256", "1:1 out-of-range"],
    ["db 300", "1:4 out-of-range"],
    ["jmp short on\ntimes 200 nop\non:", "1:1 jump-too-far"],
    ["mov ax, [bx+bp]", "1:9 bad-address"],
    ["mov eax, [eax*7]", "1:10 bad-address"],
    ["mov eax, [eax+bx]", "1:10 bad-address"],
    ["dw 1 / 0", "1:6 division-by-zero"],
    ["times -1 nop", "1:7 bad-count"],
    ["times 100000000 nop", "1:7 too-large"],
    ["mov ax, 1 + bx", "1:13 not-constant"],
    ["db 'open", "1:4 unterminated-string"],
    ["db 12x", "1:4 bad-number"],
    ["mov ax，bx", "1:7 full-width"],
    ["section .data", "1:1 unsupported"],
    ["mov ax,", "1:8 unexpected"],
    ["mov cs, ax", "1:1 no-such-form"],
    ["a equ b\nb equ a + 1", "1:1 unstable"],
  ])("%j", (source, expected) => {
    expect(problemsOf(source)).toEqual([expected]);
  });

  test("all of them are told, not the first alone", () => {
    expect(problemsOf("mvo ax\nnop\nmov al, bx\njmp x")).toEqual(["1:1 unknown-instruction"]);
    expect(problemsOf("mov al, bx\nnop\njmp x")).toEqual(["1:1 no-such-form", "3:5 undefined-label"]);
  });
});

describe("what the page needs", () => {
  test("every line knows where its bytes are, and every label its address", () => {
    const { lines, labels, origin } = assemble("org 0x7c00\nstart: nop\n\n jmp start\n.end:");
    expect(origin).toBe(0x7c00);
    expect(lines).toEqual([
      { line: 2, address: 0x7c00, length: 1 },
      { line: 4, address: 0x7c01, length: 2 },
    ]);
    expect([...labels]).toEqual([
      ["start", 0x7c00],
      ["start.end", 0x7c03],
    ]);
  });

  test("a jump grows only as far as it must", () => {
    expect(bytesOf("jmp x\ntimes 127 nop\nx:").length).toBe(129);
    expect(bytesOf("jmp x\ntimes 128 nop\nx:").length).toBe(131);
  });
});

describe("any text", () => {
  const word = fc.constantFrom(
    ..."mov ax eax [ ] , : + - * / ( ) $ $$ 0x10 label: .l db dw times equ org align bits 16 'a' \" ; word far short st0 xmm1 es: rep lock -1 1.5 0b2 ％ \t".split(
      " ",
    ),
    "\n",
    ..."add jmp call push fadd movsd xchg imul loop lea".split(" "),
  );
  test("gives an answer, and never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary", maxLength: 200 }),
          fc.array(word, { maxLength: 40 }).map((words) => words.join(" ")),
        ),
        (source) => {
          const { bytes, problems } = assemble(source, { maximumBytes: 4096 });
          return problems.length > 0 ? bytes.length === 0 : bytes.length <= 8192;
        },
      ),
      { numRuns: 3000, seed: 5 },
    );
  });

  test("deep parentheses and endless lines are refused or read, not overflowed", () => {
    expect(problemsOf(`db ${"(".repeat(50_000)}`)).toEqual(["1:105 unexpected"]);
    expect(problemsOf(`db ${"-".repeat(50_000)}1`)).toHaveLength(1);
    expect(assemble(`db ${"1+".repeat(20_000)}1`, { maximumBytes: 100 }).problems).toHaveLength(1);
  });
});
