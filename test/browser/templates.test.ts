/** A template as the course makes one: its checklist read from the guest. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Locator, Page } from "playwright";
import {
  PROMPT,
  axeProblems,
  expectConsole,
  newVisitor,
  openRingside,
  typeInConsole,
  type Ringside,
} from "./page.ts";

let ringside: Ringside;
let page: Page;
beforeAll(async () => {
  ringside = await openRingside();
  page = await (await newVisitor(ringside)).newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
});
afterAll(() => ringside.close());

async function openSettings(section: string | RegExp): Promise<Locator> {
  await page.keyboard.press("Control+Shift+P");
  await page.keyboard.type("Settings");
  await page.keyboard.press("Enter");
  await page.locator("rs-settings nav button", { hasText: section }).click();
  return page.locator("rs-settings");
}

test("The checklist is read from the running guest, and what the guest lacks is not present", async () => {
  const settings = await openSettings("Advanced");
  await settings.locator(".firewall", { hasText: "not read yet" }).waitFor();
  await settings.locator(".read button:not([aria-disabled])").click();
  await settings.locator(".firewall", { hasText: "yes" }).waitFor();
  await settings.locator(".selinux", { hasText: "not present in this guest" }).waitFor();
  await settings.locator(".updates", { hasText: "not present in this guest" }).waitFor();
  expect(await settings.locator(".absent").allInnerTexts()).not.toContain("✓");
  expect(await axeProblems(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await typeInConsole(page, "iptables -A INPUT -p tcp --dport 80 -j DROP; echo rule-$((1+1))\n");
  await expectConsole(page, "rule-2");
  await openSettings("Advanced");
  await settings.locator(".read button:not([aria-disabled])").click();
  await settings.locator(".firewall .no").first().waitFor();
  await page.keyboard.press("Escape");
});
