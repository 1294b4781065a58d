/** The disassembler against iced-x86, which we did not write: every row of the opcode table, and random bytes. */
import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { OPCODE_LINES } from "../instructions/instruction-set.ts";
import { parseLine, type OpcodeRow } from "../instructions/opcode-table.ts";
import { disassemble } from "./disassemble.ts";

const iced = createRequire(import.meta.url)("iced-x86") as typeof import("iced-x86");
const ADDRESS = 0x1000;

const formatter = new iced.Formatter(iced.FormatterSyntax.Nasm);
formatter.hexPrefix = "0x";
formatter.hexSuffix = "";
formatter.uppercaseHex = false;
formatter.branchLeadingZeros = false;
formatter.memorySizeOptions = iced.MemorySizeOptions.Always;

function oracle(bytes: Uint8Array, bits: 16 | 32) {
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  decoder.ip = BigInt(ADDRESS);
  const instruction = decoder.decode();
  const answer = {
    length: instruction.length,
    text: formatter.format(instruction),
    features: [...instruction.cpuidFeatures()].map((f) => iced.CpuidFeature[f]),
  };
  instruction.free();
  decoder.free();
  return answer;
}

/** ModR/M bytes that show each addressing form. */
const SOME_MODRM = new Set([0x00, 0x04, 0x05, 0x06, 0x0e, 0x45, 0x86, 0x9c, 0xc1, 0xd0, 0xf8]);

function* encodings(row: OpcodeRow, all: boolean): Generator<number[]> {
  const opcode = row.map === 1 ? [0x0f, row.opcode] : [row.opcode];
  const tail = [0x12, 0x84, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0];
  const prefix = { any: [], np: [], "66": [0x66], f3: [0xf3], f2: [0xf2] }[row.prefix];
  if (row.form === "none") yield [...prefix, ...opcode, ...tail];
  else if (row.form === "plus") {
    for (let r = 0; r < 8; r++) yield [...prefix, ...opcode.slice(0, -1), row.opcode + r, ...tail];
  } else if (row.form.startsWith("exact")) {
    for (let r = 0; r < (row.form === "exact" ? 1 : 8); r++) {
      yield [...prefix, ...opcode, row.extension + r, ...tail];
    }
  } else {
    for (let modrm = 0; modrm < 256; modrm++) {
      if (row.form === "digit" && ((modrm >> 3) & 7) !== row.extension) continue;
      const some = row.form === "digit" ? modrm & 0xc7 : modrm;
      if (!all && !SOME_MODRM.has(some)) continue;
      yield [...prefix, ...opcode, modrm, ...tail];
    }
  }
}

const OURS = new Set(
  "INTEL8086 INTEL8086_ONLY INTEL186 INTEL286 INTEL286_ONLY INTEL386 INTEL386_ONLY INTEL486 FPU FPU287 FPU287XL_ONLY FPU387 FPU387SL_ONLY CPUID CMOV CX8 FXSR MSR MULTIBYTENOP PAUSE PREFETCHW RDPMC SEP TSC UD2 UD0 SVM".split(
    " ",
  ),
);
// Vector instructions count as soon as the table has them.
if (OPCODE_LINES.some((line) => line.includes(" emms "))) {
  for (const feature of ["MMX", "SSE", "SSE2"]) OURS.add(feature);
}
const X87_TO_ST0 =
  /^f(add|mul|subr?|divr?|com|comp|comi|comip|ucom|ucomp|ucomi|ucomip|cmov[a-z]+|xch) (st\d)$/;

/** Either text in one form: what NASM's syntax leaves out is put in, what it says twice is left out. */
function canonical(text: string, bits: 16 | 32): string {
  let t = text.startsWith("db ") ? "(bad)" : text;
  // Prefixes without effect, and names of newer meanings of F2 and F3.
  t = t.replace(/^((bnd|xacquire|xrelease|notrack) )+/, "");
  t = t.replace(
    /^(?:lock )?(?:(?:repne|repe|rep) )+(?!(?:a16 |a32 |[c-gs]s )*(?:movs|cmps|scas|lods|stos|ins|outs)[bwd]$)/,
    (p) => (p.includes("lock") ? "lock " : ""),
  );
  if (!/^(a16 |a32 )?[c-gs]s (movs|cmps|lods|outs|xlat)/.test(t)) t = t.replace(/^(o.. )?[c-gs]s /, "$1");
  t = t.replace(/^o(16|32) (?!ret|push|pop|leave|enter|call|j|loop)/, "");
  t = t.replace(/\[(word|dword) /, "[");
  t = t.replace(/^(retf?|leave|enter)([wd])\b/, (_, name: string, size: string) =>
    (size === "w") === (bits === 16) ? name : `o${size === "w" ? 16 : 32} ${name}`,
  );
  t = t.replace(/^(pusha|popa|pushf|popf|iret)$/, bits === 32 ? "$1d" : "$1w");
  t = t.replace(
    /^(j[a-z]+) near (d?word) /,
    (_, name: string, size: string) => `o${size === "word" ? 16 : 32} ${name} near `,
  );
  t = t.replace(/^(f[a-z]+) to (st\d)$/, "$1 $2,st0").replace(/^(fnop|f[a-z]+p) (st\d),st0$/, "$1 $2");
  t = t.replace(/^(fxch|fu?comp?)$/, "$1 st0,st1").replace(/^(f(?:add|mul|subr?|divr?)p)$/, "$1 st1");
  t = t
    .replace(/^repne (?=(?:a.. |[c-gs]s )*(?:ins|outs|movs|stos|lods))/, "rep ")
    .replace(/^prefetch /, "prefetchw ");
  t = t.replace(
    /^(bound|l[defgs]s|lss|invlpg|prefetch\w+) (?:(\w+),)?d?f?q?(?:byte|word|tword) /,
    (_, n: string, r?: string) => `${n} ${r === undefined ? "" : `${r},`}`,
  );
  t = t.replace(
    /^(jmp|call) (d?word) (?=0x|\d)(?!.*:)/,
    (_, name: string, size: string) => `o${size === "word" ? 16 : 32} ${name} `,
  );
  t = t
    .replace(/^(o.. )?(jmp) near /, "$1$2 ")
    .replace(/^(?:o.. )?push (?:byte )?(?=0x|\d)/, "push ")
    .replace(
      /^(o.. )?(loop\w*) (\w+),(e?)cx$/,
      (_, o = "", n: string, to: string, e: string) => `a${e === "" ? 16 : 32} ${o}${n} ${to}`,
    );

  t = t.replace(/^(?:a.. )?(vmrun|vmload|vmsave|invlpga|skinit)( .*)?$/, "$1");
  t = t.replace(X87_TO_ST0, "f$1 st0,$2");
  t = t.replace(
    /^((?:lock )?xchg|test) (.+),(.+)$/,
    (_, name: string, a: string, b: string) => `${name} ${[a, b].sort().join(",")}`,
  );
  t = t.replace(/^imul (\w+),\1,(.+)$/, "imul $1,$2");
  t = t
    .replace(/^nop .*$/, "nop")
    .replace(/^xchg e?ax,e?ax$/, "nop")
    .replace("cmpxchg8b qword", "cmpxchg8b")
    .replace(/^lea (\w+),\[[c-gs]s:/, "lea $1,[");
  t = t.replace(/^mov ([c-gs]s),e(..)$/, "mov $1,$2").replace(/^(lar|lsl) (\w+),e(..)$/, "$1 $2,$3");
  return t;
}

/** Where a newer processor gives a byte sequence a meaning, ours has the old one: none, a hint, or the prefix ignored. */
const OLDER_MEANING = /^(\(bad\)|nop|prefetch.*|bs[fr] .*|wbinvd|vmmcall)$/;

/** What differs between our reading and iced's, or undefined. */
function difference(bytes: Uint8Array, bits: 16 | 32): string | undefined {
  const theirs = oracle(bytes, bits);
  const ours = disassemble(bytes, 0, { bits, address: ADDRESS });
  const text = canonical(ours.text, bits);
  if (theirs.features.some((feature) => !OURS.has(feature)) && OLDER_MEANING.test(text)) return undefined;
  if (text === canonical(theirs.text, bits) && (text === "(bad)" || ours.length === theirs.length)) {
    return undefined;
  }
  return `${Buffer.from(bytes).toString("hex")} in ${bits} bits: iced "${theirs.text}" (${theirs.length}), ours "${ours.text}" (${ours.length})`;
}

const PREFIXES = [[], [0x66], [0x67], [0x66, 0x67], [0x2e], [0x36], [0xf3], [0xf2], [0xf0], [0x65, 0x66]];

describe.each([16, 32] as const)("in %i bits", (bits) => {
  test("every row of the opcode table in each form and with each prefix reads as iced reads it", () => {
    const found: string[] = [];
    for (const line of OPCODE_LINES) {
      for (const prefix of PREFIXES) {
        for (const encoding of encodings(parseLine(line), prefix.length === 0)) {
          const problem = difference(Uint8Array.from([...prefix, ...encoding]), bits);
          if (problem !== undefined) found.push(`${line}: ${problem}`);
        }
      }
    }
    expect(found).toEqual([]);
  });

  test("random bytes read as iced reads them", () => {
    const seed = 20_261;
    const random = new Random(seed);
    const found: string[] = [];
    for (let i = 0; i < 20_000; i++) {
      const problem = difference(random.bytes(15), bits);
      if (problem !== undefined) found.push(problem);
    }
    expect(found, `seed ${seed}`).toEqual([]);
  });
});
