/** The CPU workspace on a machine of the library that runs Linux: it boots there and is typed to. */
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROMPT, axeProblems, newVisitor, openRingside, typeInConsole, type Ringside } from "./page.ts";

/** Where the host is busy the core takes its time to boot. */
const BOOT = 600_000;
const SCENARIO = {
  ringside: 1,
  networks: [],
  machines: [{ name: "core-1", image: "tiny", engine: "core", memoryMiB: 64, nics: [], disks: [] }],
};

let ringside: Ringside;
let page: Page;
const failures: string[] = [];

beforeAll(async () => {
  ringside = await openRingside();
  page = await (await newVisitor(ringside)).newPage();
  page.on("pageerror", (error) => failures.push(String(error)));
  await page.goto(`${ringside.address}#/network/editor/vmnet8`);
  await page.locator('rs-outside input[type="file"]').setInputFiles({
    name: "core.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(SCENARIO)),
  });
  await page.locator("rs-library a", { hasText: "core-1" }).waitFor();
});
afterAll(() => ringside.close());

const status = () => page.locator("rs-step-controls strong[role=status]");
const console = (text: string | RegExp, timeout = 120_000) =>
  page.locator("rs-cpu .xterm-rows").filter({ hasText: text }).waitFor({ timeout });

test(
  "A machine that is off is powered on from the workspace and boots Linux in it",
  { timeout: BOOT },
  async () => {
    await page.goto(`${ringside.address}#/cpu/core-1`);
    await page.locator("rs-cpu", { hasText: "does not run" }).waitFor();
    await page.locator("rs-cpu rs-action", { hasText: "Power on" }).locator("button").click();
    await status().filter({ hasText: "running" }).waitFor({ timeout: BOOT });
    await console(PROMPT, BOOT);
  },
);

test("Typing into its console runs a command while the debugger is on", async () => {
  await typeInConsole(page, "echo $((6*7)) is the answer\n");
  await console("42 is the answer");
});

test("axe finds nothing", { timeout: 60_000 }, async () => {
  for (const name of ["console", "stack", "paging", "devices"]) {
    await page.locator(`rs-cpu #tab-${name}`).click();
    await page.waitForTimeout(150);
    expect(await axeProblems(page)).toEqual([]);
  }
  expect(failures).toEqual([]);
});
