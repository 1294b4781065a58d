/** `ringside cpu-test`: recorded CPU cases on the core. */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { runMooFile } from "../emulator/core/conformance/moo-suite.ts";
import { readOptions, UsageError } from "./options.ts";

export const CPU_TEST_HELP = `ringside cpu-test [--json] FILE…    run recorded CPU cases on the core

  --json   one object: {"passed", "failed", "skipped", "as80286", "reasons": {"…": count}, "failures": [{"file", "index", …}]}

Files are in the MOO format, gzipped or not, recorded on an 80286 or an 80386 in real mode. The core runs those of an 80286
as an i686, and where that fails with three habits of the 80286 switched on: #GP, not #SS, beyond the stack segment's limit,
registers that a faulting string instruction or POP has moved already, and IDIV of a byte that misses some overflows (every
machine of Ringside has them off); what passes only so is counted. Cases in which an i686 differs are left out and counted by reason, one line each. Ends with 0 when every other case passes, 1 when one fails, 2 when a file is refused.
`;

const OPTIONS = { json: { type: "boolean" } } as const;
/** Failures printed in full for each file. */
const SHOWN = 5;

async function contents(file: string): Promise<Uint8Array> {
  try {
    const data = await readFile(file);
    const data8 = new Uint8Array(data);
    return data8[0] === 0x1f && data8[1] === 0x8b ? new Uint8Array(gunzipSync(data8)) : data8;
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}

export async function cpuTest(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, OPTIONS);
  if (positionals.length === 0) throw new UsageError("expected at least one file of recorded cases");
  const reasons = new Map<string, number>();
  const failures: { file: string; index: number; name: string; bytes: string; problem: string }[] = [];
  let passed = 0;
  let as80286 = 0;
  for (const file of positionals) {
    const data = await contents(file);
    let result: ReturnType<typeof runMooFile>;
    try {
      result = runMooFile(data);
    } catch (error) {
      throw new UsageError(`${file}: ${(error as Error).message}`);
    }
    passed += result.passed;
    as80286 += result.as80286;
    for (const [reason, count] of result.skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    for (const failure of result.failures) failures.push({ file, ...failure });
    if (values.json === true) continue;
    for (const { index, name, bytes, problem } of result.failures.slice(0, SHOWN)) {
      process.stderr.write(`${file}: case ${index}, ${name} (${bytes}): ${problem}\n`);
    }
    if (result.failures.length > SHOWN) {
      process.stderr.write(`${file}: ${result.failures.length - SHOWN} more failed\n`);
    }
  }
  const failed = failures.length;
  const skipped = [...reasons.values()].reduce((sum, count) => sum + count, 0);
  if (values.json === true) {
    const answer = { passed, failed, skipped, as80286, reasons: Object.fromEntries(reasons), failures };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  } else {
    for (const [reason, count] of reasons) process.stdout.write(`${count} skipped: ${reason}\n`);
    if (as80286 > 0) process.stdout.write(`${as80286} passed with the habits of an 80286 alone\n`);
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
  return failed === 0 ? 0 : 1;
}
