/**
 * `npm test`: every check and test, in order: format, lint, types, then vitest's projects. Each check counts as one test.
 * Ends with the line `N passed, N failed, N skipped`; the exit status is 1 when something failed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkNodeVersion, installPackages, root } from "./install.mjs";

checkNodeVersion();
installPackages();
const { findOrInstallChromium } = await import("./chromium.mjs");
process.env.CHROME_PATH = findOrInstallChromium();
const { buildNode, buildPage } = await import("./build.mjs");

const totals = { passed: 0, failed: 0, skipped: 0 };

function run(script, ...args) {
  const result = spawnSync(process.execPath, [join(root, "node_modules", script), ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return result.status === 0;
}

function check(name, script, ...args) {
  console.log(`\n— ${name}`);
  const passed = run(script, ...args);
  if (passed) totals.passed++;
  else totals.failed++;
  console.log(passed ? `${name}: ok` : `${name}: FAILED`);
}

const resultsFolder = join(root, "dist/test-results");
mkdirSync(resultsFolder, { recursive: true });

function vitest(project) {
  console.log(`\n— ${project} tests`);
  const output = join(resultsFolder, `${project}.json`);
  rmSync(output, { force: true });
  const passed = run(
    "vitest/vitest.mjs",
    "run",
    "--project",
    project,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${output}`,
  );
  if (!existsSync(output)) {
    console.log(`${project} tests gave no result: counted as one failure`);
    totals.failed++;
    return;
  }
  const results = JSON.parse(readFileSync(output, "utf8"));
  const failedFiles = results.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  totals.passed += results.numPassedTests;
  totals.failed += results.numFailedTests + failedFiles.length;
  totals.skipped += results.numPendingTests + results.numTodoTests;
  if (!passed && results.numFailedTests + failedFiles.length === 0) totals.failed++;
  for (const file of results.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === "pending" || test.status === "skipped") console.log(`skipped: ${test.fullName}`);
    }
  }
}

const only = process.argv.slice(2);
const wanted = (name) => only.length === 0 || only.includes(name);

if (wanted("checks")) {
  check("format", "prettier/bin/prettier.cjs", "--check", "--log-level", "warn", ".");
  check("lint and import rules", "oxlint/bin/oxlint", "--deny-warnings");
  check(
    "types of the machine, model and command line",
    "typescript/bin/tsc",
    "-p",
    "tsconfig.core.json",
    "--noEmit",
  );
  check("types of the page and tests", "typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit");
}
buildNode();
buildPage();
for (const project of ["unit", "machines", "browser"]) if (wanted(project)) vitest(project);

console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
