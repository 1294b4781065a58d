/** The library's folders and menus, by keyboard. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { PROMPT, expectConsole, newVisitor, openRingside, type Ringside } from "./page.ts";

let ringside: Ringside;
let page: Page;
beforeAll(async () => {
  ringside = await openRingside();
  page = await (await newVisitor(ringside)).newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
});
afterAll(() => ringside.close());

const folder = (name: string) => page.locator("rs-library .folder", { hasText: name });

test("A folder is made, a machine is moved into it with the menu key, and both are there after a reload", async () => {
  await page.getByRole("button", { name: "Actions for My lab" }).press("Enter");
  await page.getByRole("menuitem", { name: "New folder" }).press("Enter");
  await page.getByLabel("Name of the folder").fill("Chapter 4");
  await page.keyboard.press("Enter");
  await folder("Chapter 4").waitFor();
  await page.locator("rs-library a", { hasText: "Linux" }).focus();
  await page.keyboard.press("Shift+F10");
  await page.getByRole("menuitem", { name: "Move to Chapter 4" }).waitFor();
  // The menu takes keys when its first item has the focus.
  await page.locator("rs-library wa-dropdown-item:focus").waitFor();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  const inside = page.locator("rs-library ul ul a", { hasText: "Linux" });
  await inside.waitFor();
  await page.reload();
  await inside.waitFor();
});

test("A search finds a machine in a folder that is closed", async () => {
  await folder("Chapter 4").getByRole("button", { name: "Chapter 4", exact: true }).click();
  await page.locator("rs-library a", { hasText: "Linux" }).waitFor({ state: "detached" });
  await page.getByLabel("Type here to search").fill("lin");
  await page.locator("rs-library a", { hasText: "Linux" }).waitFor();
  await page.getByLabel("Type here to search").fill("");
});

test("Deleting a folder keeps its machines", async () => {
  await page.getByRole("button", { name: "Actions for Chapter 4" }).press("Enter");
  await page.getByRole("menuitem", { name: "Delete folder" }).click();
  await folder("Chapter 4").waitFor({ state: "detached" });
  await page.locator("rs-library a", { hasText: "Linux" }).waitFor();
});

test("Ctrl+D opens the settings, Ctrl+B powers on, and neither is taken from a field", async () => {
  await page.locator("rs-library a", { hasText: "Linux" }).click();
  await page.getByLabel("Type here to search").press("Control+D");
  expect(await page.locator("rs-dialog").count()).toBe(0);
  await page.locator("rs-library a", { hasText: "Linux" }).press("Control+D");
  await page.locator("rs-settings rs-dialog h2").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("rs-dialog").waitFor({ state: "detached" });
  await page.locator("rs-library a", { hasText: "Linux" }).press("Control+B");
  await expectConsole(page, PROMPT);
});

test("A description is kept without leaving its field", async () => {
  await page.locator('.consoles [data-view="summary"] button').click();
  await page.getByLabel("Description").fill("for chapter 4");
  await page.waitForTimeout(1500);
  await page.reload();
  expect(await page.getByLabel("Description").inputValue()).toBe("for chapter 4");
});
