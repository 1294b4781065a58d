/** The CPU workspace on the bare PC: assemble, run, step in both directions, breakpoints, problems, and axe. */
import axe from "axe-core";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newVisitor, openRingside, type Ringside } from "./page.ts";

let ringside: Ringside;
let page: Page;
const failures: string[] = [];

beforeAll(async () => {
  ringside = await openRingside();
  page = await open("en");
});
afterAll(() => ringside.close());

async function open(locale: string, dark = false): Promise<Page> {
  const opened = await (await newVisitor(ringside, locale, dark)).newPage();
  opened.on("pageerror", (error) => failures.push(String(error)));
  await opened.goto(`${ringside.address}#/cpu`);
  await opened.locator("rs-code-list .current").waitFor();
  return opened;
}

const example = (number: number) => page.locator("rs-cpu select").first().selectOption(String(number));
const status = () => page.locator("rs-cpu .mode strong");
const current = () => page.locator("rs-code-list .current");
const counts = () => page.locator("rs-cpu .mode span", { hasText: "instructions" });

test("Hello is assembled, runs to its end and shows its text", async () => {
  await page.keyboard.press("F5");
  await status().filter({ hasText: "halted for good" }).waitFor();
  await page.locator("rs-bare-output .text", { hasText: "Hello from the bare PC!" }).waitFor();
});

test("the boot sector's text is on the screen", async () => {
  await example(1);
  await page.locator("rs-cpu [role=status]", { hasText: "512 bytes loaded" }).waitFor();
  await page.keyboard.press("F5");
  await page.locator("rs-bare-output .screen", { hasText: "This sector draws on the screen" }).waitFor();
});

test("F11 steps, the changed register is marked, and F8 goes back", async () => {
  await example(0);
  await counts().filter({ hasText: "0 instructions" }).waitFor();
  await page.keyboard.press("F11");
  await current().filter({ hasText: "lodsb" }).waitFor();
  await page.locator("rs-register-list .changed", { hasText: "00007c1c" }).waitFor();
  await page.keyboard.press("F8");
  await current().filter({ hasText: "mov si" }).waitFor();
});

test("a breakpoint in the margin stops there, again and again", async () => {
  await page.locator("rs-code-list button.gutter[aria-label*='ready']").first().click();
  await page.locator("rs-code-list button.gutter[aria-pressed=true]").waitFor();
  await page.keyboard.press("F5");
  await status().filter({ hasText: "stopped at breakpoint" }).waitFor();
  await current().filter({ hasText: "in al,dx" }).waitFor();
  await page.locator("#tab-breakpoints").click();
  await page.locator("rs-cpu-views .points li", { hasText: "stopped 1 times" }).waitFor();
  await page.keyboard.press("F5");
  await page.locator("rs-cpu-views .points li", { hasText: "stopped 2 times" }).waitFor();
  await page.locator("rs-cpu-views .points rs-action button").first().click();
});

test("the page walk leads from CR3 to the physical address", async () => {
  await example(4);
  await counts()
    .filter({ hasText: /^0 instructions/ })
    .waitFor();
  await page.keyboard.press("F5");
  await status().filter({ hasText: "halted for good" }).waitFor();
  await page.locator("#tab-paging").click();
  await page.locator("rs-cpu-views input[name=address]").fill("300123");
  await page.keyboard.press("Enter");
  await page.locator("rs-cpu-views .level.end", { hasText: "00200123" }).waitFor();
});

test("going back to the last write stands in front of the instruction that wrote", async () => {
  await page.locator("#tab-memory").click();
  await page.locator("rs-cpu-views input[name=address]").fill("200120");
  await page.keyboard.press("Enter");
  await page.locator("rs-cpu-views td", { hasText: "2a 00 00 00" }).waitFor();
  await page.locator("rs-cpu-views input[name=address]").fill("300123");
  await page.keyboard.press("Enter");
  await page.locator("rs-cpu-views rs-action button", { hasText: "last write" }).click();
  await current().filter({ hasText: "mov dword [0x300123],0x2a" }).waitFor();
});

test("problems have line and column, and lead to their place", async () => {
  await page.locator("rs-asm-editor .cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("bits 32\n mvo eax, 1\n mov al, 300\n");
  await page.keyboard.press("Control+Enter");
  await page.locator("rs-cpu .problems", { hasText: "line 2, column 2" }).waitFor();
  await page.locator("rs-asm-editor .rs-problem", { hasText: "mvo" }).waitFor();
});

async function problems(on: Page, where: string): Promise<string[]> {
  await on.evaluate(axe.source);
  return on.evaluate(async (place) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(
      { include: { fromShadowDom: ["rs-shell", "rs-cpu"] } },
      { resultTypes: ["violations"] },
    );
    return violations.map(
      ({ id, nodes }) => `${place}: ${id}: ${nodes.map(({ target }) => target.join(" ")).join("; ")}`,
    );
  }, where);
}

const VIEWS = ["output", "stack", "memory", "tables", "paging", "devices", "log", "profile", "breakpoints"];

describe.each([
  ["en", false, VIEWS],
  ["zh-CN", true, ["tables", "paging", "breakpoints"]],
] as const)("in %s", (locale, dark, views) => {
  test("axe finds nothing in any view", { timeout: 60_000 }, async () => {
    const other = await open(locale, dark);
    await other.keyboard.press("F11");
    const found: string[] = [];
    for (const tab of views) {
      await other.locator(`#tab-${tab}`).click();
      await other.waitForTimeout(150);
      found.push(...(await problems(other, tab)));
    }
    expect(found).toEqual([]);
    await other.close();
  });
});

test("nothing failed on the page", () => {
  expect(failures).toEqual([]);
});
