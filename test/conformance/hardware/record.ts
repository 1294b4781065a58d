/** Makes the fixture: generates cases, has native.c run them, packs what it answers. Run by record.mjs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CaseBytes, caseState } from "./case-state.ts";
import { generateCases } from "./case-generator.ts";
import { Random } from "./edge-values.ts";
import { packFixture, unpackFixture } from "./fixture.ts";
import { CODE, DATA, memoryImage, STACK } from "./memory-map.ts";
import { decodeOutput, encodeInput } from "./native-format.ts";

function processor(): string {
  const text = readFileSync("/proc/cpuinfo", "utf8");
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "unknown";
  return ["vendor_id", "model name", "cpu family", "model", "stepping"]
    .map((name) => `${name} ${field(name)}`)
    .join(", ");
}

/** The vector that native.c gives an instruction that does not end. */
const GIVEN_UP = 0xfe;

const OURS = [CODE, DATA, STACK];
/** LEA may name any address. */
const LEA = 0x8d;

/** Whether the operand lies in what memory-map.ts maps, not in what else the recording program has mapped. */
function isOurs(item: CaseBytes): boolean {
  const { operand, eip } = caseState(item);
  if (operand === undefined || item.bytes[item.modrmAt - 1] === LEA) return true;
  // The bytes behind the instruction are native.c's way back.
  const code = item.mode === "32-bit" ? eip : CODE + eip;
  if (operand > code - 16 && operand < code + 32) return false;
  return OURS.some((base) => operand > base - 64 && operand < base + 0x6000);
}

/** `folder` holds native.c and gets hardware.bin.br. */
export function record(folder: string, seed: number, scale: number): string {
  const work = mkdtempSync(join(tmpdir(), "hardware-"));
  const program = join(work, "native");
  const options = ["-m32", "-static", "-O1", "-fno-stack-protector", "-fno-pie", "-no-pie"];
  execFileSync("gcc", [...options, "-o", program, join(folder, "native.c")]);
  const cases = [...generateCases(seed, scale)];
  const input = encodeInput(memoryImage(new Random(seed)), cases);
  const output = execFileSync(program, { input, maxBuffer: 1 << 30, timeout: 300_000 });
  const results = decodeOutput(new Uint8Array(output));
  if (results.length !== cases.length) {
    throw new Error(`native.c answered ${results.length} of ${cases.length} cases`);
  }
  const pairs = cases
    .map((item, i) => ({ item, result: results[i] }))
    .filter(({ item, result }) => result.vector !== GIVEN_UP && (result.vector >= 0 || isOurs(item)));
  const about = `${processor()}; seed ${seed}, scale ${scale}`;
  const bytes = packFixture({
    about,
    imageSeed: seed,
    cases: pairs,
  });
  if (unpackFixture(bytes).cases.length !== pairs.length) throw new Error("the fixture does not unpack");
  writeFileSync(join(folder, "hardware.bin.br"), bytes);
  return `${about}: ${pairs.length} cases, ${bytes.length} bytes`;
}
