/** What a student does with a machine: suspend, settings, rename, duplicate, delete, the screen, the commands. */
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

async function runCommand(name: string): Promise<void> {
  await page.keyboard.press("Control+Shift+P");
  await page.getByLabel("Type a command in English or Chinese").fill(name);
  await page.locator("rs-dialogs rs-dialog li rs-action button").first().click();
}

test("A suspended machine goes on where it stopped, after a reload too", async () => {
  await typeInConsole(page, "mark=before-$((8+1))\n");
  await page.locator('[data-command="suspend"] button').click();
  await page.locator(".summary", { hasText: "suspended" }).waitFor();
  await page.reload();
  await page.locator(".links rs-action", { hasText: "Resume this" }).locator("button").click();
  await page.locator(".xterm-rows").waitFor();
  await page.locator(".consoles", { hasText: "Log in" }).waitFor();
  await typeInConsole(page, "\necho $mark\n");
  await expectConsole(page, "before-9");
});

test("The screen shows the machine's VGA", async () => {
  await page.locator(".consoles rs-action", { hasText: "Screen" }).locator("button").click();
  await page.locator('canvas[aria-label^="Text screen"]').waitFor();
  await page.locator(".consoles rs-action", { hasText: "Serial" }).locator("button").click();
});

test("A second network adapter can be added when the machine is off", async () => {
  await page.locator('[data-command="power-off"] button').click();
  await page.locator("rs-action.now button").click();
  await page.locator(".power-on button").waitFor();
  await page.locator(".links rs-action", { hasText: "Edit" }).locator("button").click();
  await page.locator("rs-settings nav rs-action", { hasText: "Network adapter" }).locator("button").click();
  await page.locator("rs-settings .save button").click();
  await page.locator(".summary dt", { hasText: "Network adapter 2" }).waitFor();
});

test("A machine is renamed, duplicated and deleted by commands", async () => {
  await runCommand("rename");
  await page.getByLabel("New name").fill("web-1");
  await page.locator("rs-dialogs").getByRole("button", { name: "OK" }).click();
  await page.locator("rs-library a", { hasText: "web-1" }).waitFor();
  await runCommand("复制");
  await page.locator("rs-library a", { hasText: "web-1 (2)" }).waitFor();
  await runCommand("delete");
  await page.getByRole("button", { name: "Delete for good" }).click();
  await page.locator("rs-home").waitFor();
  expect(await page.locator('rs-library a[href^="#/machine"]').count()).toBe(1);
});
