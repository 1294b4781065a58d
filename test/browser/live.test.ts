/** What the page shows of a running machine: its events by place, its address, what a start does and costs. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { PROMPT, expectConsole, newVisitor, openRingside, typeInConsole, type Ringside } from "./page.ts";

let ringside: Ringside;
let page: Page;
beforeAll(async () => {
  ringside = await openRingside();
  page = await (await newVisitor(ringside)).newPage();
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
});
afterAll(() => ringside.close());

const strip = () => page.locator("rs-event-strip ul");

/** Bytes the strip says the guest has written to its disks. */
async function written(): Promise<string> {
  return /read, (\S+ \S+) written/.exec(await strip().innerText())?.[1] ?? "";
}

test("The page fills the window", async () => {
  const footer = await page.locator("rs-status-line").boundingBox();
  expect(Math.round(footer!.y + footer!.height)).toBe(768);
});

test("The strip under the console counts what the guest writes to its disk", async () => {
  await strip().getByText("written").waitFor();
  const before = await written();
  await typeInConsole(page, "dd if=/dev/urandom of=/root/noise bs=1024 count=512; sync\n");
  await expect.poll(written, { timeout: 30_000 }).not.toBe(before);
});

test("The summary of a running guest shows the address that DHCP gave it", async () => {
  await typeInConsole(page, "udhcpc -i ens33 -q\n");
  await page.locator(".consoles rs-action", { hasText: "Summary" }).locator("button").click();
  await page.locator(".summary dd", { hasText: /192\.168\.10\.1\d\d/ }).waitFor({ timeout: 30_000 });
});

test("The strip counts the frames of the guest's adapter", async () => {
  await expect
    .poll(() => strip().innerText(), { timeout: 30_000 })
    .toMatch(/[1-9]\d* sent, [1-9]\d* received/);
});

test("The status line tells the guests' load and what is stored", async () => {
  const text = await page.locator("rs-status-line footer").innerText();
  expect(text).toMatch(/1 guest · .* MiB · \d+ % of \d+ cores? · stored [\d.]+ MiB/);
});

test("A machine that is off says what its start will cost", async () => {
  await page.locator('[data-command="power-off"] button').click();
  await page.locator("rs-action.now button").click();
  await page.locator(".cost", { hasText: /needs 112 MiB of memory, \d+ MiB are free/ }).waitFor();
});

test("A start that waits for an image can be cancelled and leaves the machine off", async () => {
  const other = await (await newVisitor(ringside)).newPage();
  await other.route("**/images/tiny/{vmlinuz,warm/**}", () => new Promise<void>(() => undefined));
  await other.goto(ringside.address);
  await other.locator(".cancel button").click();
  await other.locator(".power-on button").waitFor();
  expect(await other.locator("rs-task-log ol").innerText()).toContain("the start was cancelled");
  expect(await other.locator(".notice.danger").count()).toBe(0);
  await other.context().close();
});
