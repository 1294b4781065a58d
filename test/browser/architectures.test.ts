/** The Architectures workspace: predict, run, and follow a count to the instruction; axe in both languages and themes. */
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeProblems, newVisitor, openRingside, type Ringside } from "./page.ts";

let ringside: Ringside;
let page: Page;

beforeAll(async () => {
  ringside = await openRingside();
  page = await open("en");
});
afterAll(() => ringside.close());

async function open(locale: string, dark = false): Promise<Page> {
  const opened = await (await newVisitor(ringside, locale, dark)).newPage();
  await opened.goto(`${ringside.address}#/architectures`);
  await opened.locator("rs-architectures fieldset").first().waitFor();
  return opened;
}

const runButton = (opened: Page) => opened.locator("rs-architectures button.primary");
const cell = (name: RegExp) => page.locator("rs-architectures").getByRole("button", { name });

async function predictAndRun(opened: Page): Promise<void> {
  for (const select of await opened.locator("rs-architectures select").all()) {
    await select.selectOption("trap-and-emulate");
  }
  await runButton(opened).click();
  await opened.locator("rs-architectures .verdict").nth(3).waitFor();
}

test("nothing runs before each workload has a prediction", async () => {
  expect(await runButton(page).getAttribute("aria-disabled")).toBe("true");
  await page.locator("rs-architectures [role=status]", { hasText: "Predict for each" }).waitFor();
});

test("a run shows the counts that were executed, and whether the prediction was right", async () => {
  await predictAndRun(page);
  expect(await cell(/^system call on Binary translation: 2 transitions/).count()).toBe(1);
  expect(await cell(/^file read .* on SVM, nested paging: 129 transitions/).count()).toBe(1);
  const verdicts = await page.locator("rs-architectures .verdict").allInnerTexts();
  expect(verdicts).toHaveLength(4);
  expect(verdicts[1]).toContain("predicted");
});

test("a count leads to its events and to the line of the kernel's source", async () => {
  await cell(/^file read .* on SVM, nested paging/).click();
  await page
    .locator("rs-run-details")
    .getByRole("button", { name: /^Show: #VMEXIT IOIO/ })
    .click();
  const row = page.locator("rs-run-details .events tbody tr").nth(200);
  await row.filter({ hasText: "in eax, dx" }).filter({ hasText: "platform_read_sector" }).waitFor();
});

test("axe finds nothing wrong, in English and light, with the details open", async () => {
  expect(await axeProblems(page)).toEqual([]);
});

test("axe finds nothing wrong in Chinese and dark", async () => {
  const chinese = await open("zh-CN", true);
  await predictAndRun(chinese);
  await chinese.locator("rs-architectures .cell").nth(2).click();
  await chinese.locator("rs-run-details .events").waitFor();
  expect(await axeProblems(chinese)).toEqual([]);
});

test("Validation shows every open cell, the worst first, the ones without an answer too", async () => {
  await page.goto(`${ringside.address}#/architectures/validation`);
  const rows = page.locator("rs-validation tbody tr");
  await rows.first().waitFor({ timeout: 60_000 });
  const factors = (await rows.locator("td:first-child").allInnerTexts()).map(Number);
  expect(factors.length).toBeGreaterThan(200);
  expect(factors).toEqual(factors.toSorted((a, b) => b - a));
  expect(factors.at(-1)).toBe(0);
  expect(await axeProblems(page)).toEqual([]);
});

test("Layers shows five stacks with their sources and both views of KVM, and axe finds nothing wrong", async () => {
  await page.goto(`${ringside.address}#/architectures/stacks`);
  await page.locator("rs-layer-stacks section").nth(4).waitFor();
  expect(await page.locator("rs-layer-stacks section p", { hasText: "Source: " }).count()).toBe(5);
  expect(await axeProblems(page)).toEqual([]);
});
