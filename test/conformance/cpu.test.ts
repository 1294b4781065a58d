/** The core against cases recorded on a real 80286 (../shared/cpu-tests). Skipped by name where the suite is absent. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { runMooFile } from "../../src/emulator/core/conformance/moo-suite.ts";

const FOLDER = new URL("../../../shared/cpu-tests/80286-real/", import.meta.url);
const present = existsSync(FOLDER);
/** The cases that docs/decisions/0021 speaks of. */
const ONLY_WITH_HABITS = 172;
/** Of all cases, those that may be left out because an i686 differs from an 80286. */
const LARGEST_SHARE_SKIPPED = 0.02;

describe.skipIf(!present)("recorded 80286 cases in real mode", () => {
  const files = present ? readdirSync(FOLDER).filter((name) => name.endsWith(".MOO.gz")) : [];
  let cases = 0;
  let skipped = 0;
  let as80286 = 0;

  test.for(files)("%s", (file) => {
    const result = runMooFile(new Uint8Array(gunzipSync(readFileSync(new URL(file, FOLDER)))));
    const left = [...result.skipped.values()].reduce((sum, count) => sum + count, 0);
    cases += result.passed + result.failures.length + left;
    skipped += left;
    as80286 += result.as80286;
    expect(result.failures).toEqual([]);
    expect(result.passed, "cases that passed: no file may be left out whole").toBeGreaterThan(0);
  });

  test("at most 2 % of the cases are left out", () => {
    expect(cases).toBeGreaterThan(0);
    expect(skipped / cases).toBeLessThanOrEqual(LARGEST_SHARE_SKIPPED);
  });

  test("as many as are documented pass with the habits of an 80286 alone", () => {
    expect(as80286).toBe(ONLY_WITH_HABITS);
  });
});
