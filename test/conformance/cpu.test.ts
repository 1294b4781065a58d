/** The core against cases recorded on a real 80286 (../shared/cpu-tests). Skipped by name where the suite is absent. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { makeMooCpu } from "../../src/emulator/core/conformance/moo-runner.ts";
import { runMooFile } from "../../src/emulator/core/conformance/moo-suite.ts";

const FOLDER = new URL("../../../shared/cpu-tests/80286-real/", import.meta.url);
const present = existsSync(FOLDER);
/** Of all cases, those that may be left out because an i686 differs from an 80286. */
const LARGEST_SHARE_SKIPPED = 0.02;

/**
 * Recorded, but explained neither by the 80286's manual nor by the suite's: IDIV of 81C1h by 7Ch, whose quotient -260 does
 * not fit, took no exception and left AL 80h, AH C0h. The core raises #DE.
 */
const UNEXPLAINED = new Set(["F6.7.MOO.gz 952"]);

describe.skipIf(!present)("recorded 80286 cases in real mode", () => {
  const cpu = makeMooCpu();
  const files = present ? readdirSync(FOLDER).filter((name) => name.endsWith(".MOO.gz")) : [];
  let cases = 0;
  let skipped = 0;

  test.for(files)("%s", (file) => {
    const result = runMooFile(cpu, new Uint8Array(gunzipSync(readFileSync(new URL(file, FOLDER)))));
    const left = [...result.skipped.values()].reduce((sum, count) => sum + count, 0);
    cases += result.passed + result.failures.length + left;
    skipped += left;
    const failures = result.failures.filter(({ index }) => !UNEXPLAINED.has(`${file} ${index}`));
    expect(failures).toEqual([]);
    expect(result.passed, "cases that passed: no file may be left out whole").toBeGreaterThan(0);
  });

  test("at most 2 % of the cases are left out", () => {
    expect(cases).toBeGreaterThan(0);
    expect(skipped / cases).toBeLessThanOrEqual(LARGEST_SHARE_SKIPPED);
  });
});
