/** A lab in the page: begun from a link, done by hand and with help, still there after a reload, put away at the end. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { axeProblems, expectConsole, newVisitor, openRingside, PROMPT, type Ringside } from "./page.ts";

const LAB_MS = 180_000;

let ringside: Ringside;
let page: Page;
beforeAll(async () => {
  ringside = await openRingside();
  page = await (await newVisitor(ringside)).newPage();
  await page.goto(`${ringside.address}#lab/L15?lang=en&seed=5`);
});
afterAll(() => ringside.close());

const step = (id: string) => page.locator(`rs-lab-text details[data-step="${id}"]`);
const isDone = (id: string) =>
  step(id).locator("summary .state", { hasText: /^done/ }).waitFor({ timeout: LAB_MS });

test("A link opens a lab with its seed, ready to start", { timeout: LAB_MS }, async () => {
  await page.locator("rs-labs h1", { hasText: "NAT with a static address" }).waitFor();
  expect(await page.locator("rs-labs input").inputValue()).toBe("5");
  await page.locator("rs-labs .begin button").click();
  await page.locator("rs-lab-text h1", { hasText: "L15" }).waitFor();
  await expectConsole(page, PROMPT);
});

test("A wrong answer is told so, and the right one ticks the step", { timeout: LAB_MS }, async () => {
  await step("modes").locator('input[value="bridged"]').check();
  await step("modes").getByRole("button", { name: "Answer" }).click();
  await step("modes").locator(".bad", { hasText: "not right" }).waitFor();
  await step("modes").locator('input[value="nat"]').check();
  await step("modes").getByRole("button", { name: "Answer" }).click();
  await isDone("modes");
});

test("A check that does not hold says what is there", { timeout: LAB_MS }, async () => {
  await step("subnet").locator(".check button").click();
  await step("subnet").locator(".bad", { hasText: "192.168.77.0/24" }).waitFor();
});

test("Solve for me does a step and marks it as done with help", { timeout: LAB_MS }, async () => {
  await step("subnet").locator(".solve button").click();
  await step("subnet").locator(".solve-yes button").click();
  await isDone("subnet");
  await step("subnet").locator("summary .state", { hasText: "done with help" }).waitFor();
});

test("A step that is done in the terminal is ticked by itself", { timeout: LAB_MS }, async () => {
  await step("pool").locator('input[value="outside"]').check();
  await step("pool").getByRole("button", { name: "Answer" }).click();
  await isDone("pool");
  for (const id of ["file"]) {
    await step(id).locator(".solve button").click();
    await step(id).locator(".solve-yes button").click();
    await isDone(id);
  }
  // The lab's own commands, typed by its button.
  await step("restart")
    .locator(".code rs-action", { hasText: "Send to the terminal" })
    .locator("button")
    .click();
  await isDone("restart");
  await isDone("route");
});

test("After a reload the lab stands beside the workspace with its ticks", { timeout: LAB_MS }, async () => {
  const before = await page.locator("rs-lab-text header progress").first().getAttribute("value");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await page.locator("rs-lab-text h1", { hasText: "L15" }).waitFor();
  expect(await page.locator("rs-lab-text header progress").first().getAttribute("value")).toBe(before);
});

test.each([
  ["en", "light"],
  ["zh-CN", "dark"],
])("axe finds nothing on the labs and a lab's text in %s, %s", { timeout: LAB_MS }, async (locale, look) => {
  const visitor = await newVisitor(ringside, locale, look === "dark");
  const other = await visitor.newPage();
  await other.goto(`${ringside.address}#lab`);
  await other.locator("rs-labs .card").first().waitFor();
  expect(await axeProblems(other)).toEqual([]);
  await other.goto(`${ringside.address}#lab/L10?seed=5`);
  await other.locator("rs-labs .begin button").click();
  await other.locator("rs-lab-text details[open]").waitFor();
  await expectConsole(other, PROMPT);
  expect(await axeProblems(other)).toEqual([]);
  await visitor.close();
});

test(
  "The report names the student, and its file is read by the class page; an edited one is named",
  { timeout: LAB_MS },
  async () => {
    await page.locator("rs-lab-text header a", { hasText: "Report" }).click();
    const report = page.locator("rs-lab-report");
    for (const [name, value] of [
      ["name", "张三"],
      ["number", "0042"],
      ["class", "Network 1"],
    ]) {
      await report.locator(`input[name=${name}]`).fill(value);
      await report.locator(`input[name=${name}]`).press("Tab");
    }
    await report.locator("tbody tr", { hasText: "done with help" }).first().waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      report.locator(".hand-in button").click(),
    ]);
    expect(download.suggestedFilename()).toBe("Network 1-0042-张三-L15.json");
    const text = await readFile(await download.path(), "utf8");
    expect(await axeProblems(page)).toEqual([]);

    await page.goto(`${ringside.address}#/lab/class`);
    const files = [
      { name: "a.json", mimeType: "application/json", buffer: Buffer.from(text) },
      { name: "b.json", mimeType: "application/json", buffer: Buffer.from(text.replaceAll("张三", "李四")) },
      { name: "c.json", mimeType: "application/json", buffer: Buffer.from("<b>no</b>") },
    ];
    await page.locator("rs-lab-class input[type=file]").setInputFiles(files);
    const row = (name: string) => page.locator("rs-lab-class table.results tr", { hasText: name });
    await row("a.json").getByText("张三").waitFor();
    await row("b.json").getByText("edited").waitFor();
    await row("c.json").getByText("no result file").waitFor();
    expect(await axeProblems(page)).toEqual([]);
    const [csv] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("rs-lab-class .csv button").click(),
    ]);
    expect(await readFile(await csv.path(), "utf8")).toMatch(
      /^\uFEFFFile,Class,.*a\.json,Network 1,0042,张三,L15,/s,
    );
  },
);

test(
  "A lab that is ended takes its machines with it and gives the networks back",
  { timeout: LAB_MS },
  async () => {
    await page.locator("rs-lab-text header rs-action", { hasText: "End this lab" }).locator("button").click();
    await page
      .locator("rs-lab-text rs-dialog rs-action", { hasText: "Yes, delete them" })
      .locator("button")
      .click();
    await page.locator("rs-lab-text header p", { hasText: "Removing" }).waitFor({ state: "detached" });
    await page.locator("rs-library a", { hasText: "web-1" }).waitFor({ state: "detached" });
    await page.goto(`${ringside.address}#/network/editor/vmnet8`);
    await page.locator("rs-network-editor table", { hasText: "192.168.10.0" }).waitFor();
  },
);
