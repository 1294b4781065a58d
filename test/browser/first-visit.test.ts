/** The built page as a student meets it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import {
  axeProblems,
  PROMPT,
  expectConsole,
  newVisitor,
  openRingside,
  typeInConsole,
  type Ringside,
} from "./page.ts";

let ringside: Ringside;
beforeAll(async () => {
  ringside = await openRingside();
});
afterAll(() => ringside.close());

async function firstVisit(locale = "en", dark = false): Promise<Page> {
  const page = await (await newVisitor(ringside, locale, dark)).newPage();
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
  return page;
}

test("The first visit shows a Linux prompt with no other step, and asks no other origin", async () => {
  const page = await (await newVisitor(ringside)).newPage();
  const outside: string[] = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== new URL(ringside.address).origin)
      outside.push(url.href);
  });
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
  expect(outside).toEqual([]);
  await page.context().close();
});

test("What is typed in the console is run by the guest", async () => {
  const page = await firstVisit();
  await typeInConsole(page, "echo $((6*7))-answer\n");
  await expectConsole(page, "42-answer");
  await page.context().close();
});

test("After a reload the machine, the log and a file in the guest are still there", async () => {
  const page = await firstVisit();
  await typeInConsole(page, "echo kept-$((1+1)) > /root/note; sync; echo done-$((2+2))\n");
  await expectConsole(page, "done-4");
  await page.locator('[data-command="power-off"] button').click();
  await page.locator("rs-action.now button").click();
  await page.locator(".power-on button").waitFor();
  await page.reload();
  await page.locator(".power-on button").click();
  await expectConsole(page, PROMPT);
  await typeInConsole(page, "cat /root/note\n");
  await expectConsole(page, "kept-2");
  await page.locator("rs-task-log rs-action button").click();
  expect(await page.locator("rs-task-log ol").innerText()).toContain("Linux powered off");
  await page.context().close();
});

test("A page that was closed while a machine ran says so and offers to start it", async () => {
  const page = await firstVisit();
  await page.reload();
  await page.locator(".notice", { hasText: "ran when the page was closed" }).waitFor();
  await page.locator(".notice rs-action", { hasText: "Start Linux" }).locator("button").click();
  await expectConsole(page, PROMPT);
  await page.context().close();
});

test("A second tab says that the machine runs in the other one", async () => {
  const page = await firstVisit();
  const second = await page.context().newPage();
  await second.goto(page.url());
  await second.locator(".elsewhere").waitFor();
  expect(await second.locator(".power-on button").getAttribute("aria-disabled")).toBe("true");
  await page.context().close();
});

test("The wizard makes a machine with the name and memory asked for", async () => {
  const page = await firstVisit();
  await page.locator("rs-library rs-action button").click();
  const next = page.locator("rs-wizard rs-action.next button");
  await page.getByLabel("Custom (advanced)").check();
  for (let i = 0; i < 3; i++) await next.click();
  await page.getByLabel("Virtual machine name").fill("small one");
  await next.click();
  await page.getByLabel("Memory for this virtual machine (MiB)").fill("32");
  for (let i = 0; i < 3; i++) await next.click();
  await page.getByLabel("Power on after creation").uncheck();
  await next.click();
  await page.locator(".summary h1", { hasText: "small one" }).waitFor();
  expect(await page.locator(".summary .columns").innerText()).toContain("32 MiB");
  await page.context().close();
});

test("A switch of language keeps the machine running", async () => {
  const page = await firstVisit();
  await page.locator('[data-command="language"] button').click();
  await page.locator("rs-library h2", { hasText: "库" }).waitFor();
  await typeInConsole(page, "echo still-$((3+4))\n");
  await expectConsole(page, "still-7");
  await page.context().close();
});

test.each([
  ["zh-CN", false],
  ["en", true],
] as const)(
  "axe finds nothing in %s (dark: %s) on console, home, wizard and summary",
  async (locale, dark) => {
    const page = await firstVisit(locale, dark);
    const problems = await axeProblems(page);
    await page.evaluate(() => (location.hash = "#/home"));
    await page.locator("rs-home").waitFor();
    problems.push(...(await axeProblems(page)));
    await page.locator("rs-library rs-action button").click();
    await page.locator("rs-wizard fieldset").waitFor();
    problems.push(...(await axeProblems(page)));
    await page.keyboard.press("Escape");
    await page.goBack();
    await page.locator('[data-command="power-off"] button').click();
    await page.locator("rs-action.now button").click();
    await page.locator(".summary").waitFor();
    problems.push(...(await axeProblems(page)));
    expect(problems).toEqual([]);
    await page.context().close();
  },
);
