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
const status = (on = page) => on.locator("rs-step-controls strong[role=status]");
const current = () => page.locator("rs-code-list .current");
const counts = () => page.locator("rs-step-controls .count");
const tab = (name: string) => page.locator(`rs-cpu #tab-${name}`).click();

let loads = 0;
/** Puts a program of the test's own on the PC, and executes a first instruction that no program before it had. */
async function load(source: string, on = page): Promise<void> {
  const mark = `0x${(0x1000 + ++loads).toString(16)}`;
  await on.locator("rs-asm-editor .cm-content").click();
  await on.keyboard.press("Control+A");
  await on.keyboard.insertText(source.replace("\n", `\n mov bp, ${mark}\n`));
  await on.keyboard.press("Control+Enter");
  await on.locator("rs-code-list .current", { hasText: mark }).waitFor();
  await on.keyboard.press("F11");
  await on.locator("rs-step-controls .count", { hasText: /^1 / }).waitFor();
}

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

test("what is typed on COM1 and on the screen reaches the program", async () => {
  // So that the session is not too long to be repeated soon.
  await page.locator("rs-step-controls .speed input").fill("6");
  await load(`bits 16
again:
 in al, 0x64
 test al, 1
 jz serial
 in al, 0x60
 mov [0x500], al
serial:
 mov dx, 0x3fd
 in al, dx
 test al, 1
 jz again
 mov dx, 0x3f8
 in al, dx
 and al, 0xdf
 out dx, al
 jmp again`);
  await page.keyboard.press("F5");
  await tab("output");
  await page.locator("rs-bare-output input[name=line]").fill("hello");
  await page.keyboard.press("Enter");
  await page.locator("rs-bare-output .text", { hasText: "HELLO" }).waitFor();
  await page.locator("rs-bare-output .screen").focus();
  await page.keyboard.press("a");
  await tab("memory");
  await page.locator("rs-cpu-views input[name=address]").fill("500");
  await page.locator("rs-cpu-views input[name=address]").press("Enter");
  await page.locator("rs-cpu-views td", { hasText: /^9e 00/ }).waitFor();
  await page.keyboard.press("F5");
  await status().filter({ hasText: "paused" }).waitFor();
});

test("a session is saved, and replayed on another page it ends in the same state", async () => {
  const download = page.waitForEvent("download");
  await page.locator(".save-recording button").click();
  const path = await (await download).path();
  const before = await counts().innerText();
  const other = await open("en");
  await other.locator('rs-source-pane input[type="file"]').setInputFiles(path);
  await other.locator("rs-source-pane [role=status]", { hasText: "ended in the same state" }).waitFor();
  await other.locator("rs-step-controls .count", { hasText: before }).waitFor();
  await other.locator("rs-bare-output .text", { hasText: "HELLO" }).waitFor();
  await other.getByRole("button", { name: "Back to the beginning" }).click();
  await other.locator("rs-step-controls .count", { hasText: /^0 / }).waitFor();
  await other.getByRole("button", { name: "To the latest moment" }).click();
  await other.locator("rs-step-controls .count", { hasText: before }).waitFor();
  await other.locator('rs-source-pane input[type="file"]').setInputFiles({
    name: "none.json",
    mimeType: "application/json",
    buffer: Buffer.from("{}"),
  });
  await other.locator("rs-source-pane [role=status]", { hasText: "is no recorded session" }).waitFor();
  await other.context().close();
});

test("a register and memory are written, and a step back takes both back", async () => {
  await page.locator("rs-step-controls .speed input").fill("8");
  await load("bits 16\n nop\n nop\n hlt");
  await page.keyboard.press("F11");
  await counts().filter({ hasText: /^2 / }).waitFor();
  await page.locator("rs-register-list select").selectOption("ebx");
  await page.locator("rs-register-list input[name=value]").fill("1234");
  await page.locator("rs-register-list input[name=value]").press("Enter");
  await page.locator("rs-register-list dd", { hasText: "00001234" }).waitFor();
  await tab("memory");
  await page.locator("rs-cpu-views input[name=address]").fill("600");
  await page.locator("rs-cpu-views input[name=address]").press("Enter");
  await page.locator("rs-cpu-views input[name=bytes]").fill("ca fe");
  await page.locator("rs-cpu-views input[name=bytes]").press("Enter");
  await page.locator("rs-cpu-views td", { hasText: /^ca fe 00/ }).waitFor();
  await page.locator("rs-register-list").focus();
  await page.keyboard.press("F8");
  await page
    .locator("rs-cpu-views td", { hasText: /^00 00 00/ })
    .first()
    .waitFor();
  await page.locator("rs-register-list dd", { hasText: "00001234" }).waitFor({ state: "detached" });
});

test.each([
  ["memory", "7c80", "write", "mov byte [0x7c80], 5", ""],
  ["port", "80", "write", "mov al, 5\n out 0x80, al", "value == 5"],
  ["exception", "6", "", "ud2", ""],
  ["interrupt", "21", "", "int 0x21", "vector == 0x21"],
  ["address", "there", "", "mov cl, 5\nthere: inc cl", "cl == 5"],
])("a stop at %s %s, by keyboard alone", async (kind, where, access, body, condition) => {
  await load(`bits 16\n xor ax, ax\n mov ds, ax\n ${body}\n nop\n cli\n hlt`);
  await page.locator("rs-cpu #tab-output").focus();
  for (let i = 0; i < 20 && !(await page.locator("#tab-breakpoints[aria-selected=true]").count()); i++) {
    await page.keyboard.press("ArrowRight");
  }
  const form = page.locator("rs-breakpoints form");
  await form.locator("select").first().selectOption(kind);
  if (access !== "") await form.locator("select[name=access]").selectOption(access);
  await form.locator("input[name=condition]").fill(condition);
  await form.locator("input[name=where]").fill(where);
  await page.keyboard.press("Enter");
  await page.locator("rs-breakpoints .points li").waitFor();
  await page.keyboard.press("F5");
  await status().filter({ hasText: "stopped at breakpoint" }).waitFor();
  await page.locator("rs-breakpoints .points rs-action button").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("rs-breakpoints .points li").waitFor({ state: "detached" });
  await tab("output");
});

test("step out, run to cursor and F9 by keyboard", async () => {
  await load("bits 16\n call f\nbehind: nop\n nop\nlast: nop\n cli\n hlt\nf: nop\n ret");
  await page.locator("rs-register-list").focus();
  await page.keyboard.press("F11");
  await current().filter({ hasText: "nop" }).waitFor();
  await counts().filter({ hasText: /^2 / }).waitFor();
  await page.keyboard.press("Shift+F11");
  await counts().filter({ hasText: /^4 / }).waitFor();
  await current().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Control+F10");
  await counts().filter({ hasText: /^6 / }).waitFor();
  await page.keyboard.press("F9");
  await page.locator("rs-code-list button.gutter[aria-pressed=true]").waitFor();
  await page.keyboard.press("F9");
  await page.locator("rs-code-list button.gutter[aria-pressed=true]").waitFor({ state: "detached" });
});

test.each([
  ["en", "triple fault", "#UD → #GP", "no memory at this address", "cannot be read"],
  ["zh-CN", "三重故障", "#UD → #GP", "此地址没有内存", "无法理解此条件"],
])("in %s a triple fault, a jump into nothing and a bad condition are named", async (locale, ...texts) => {
  const [triple, chain, nothing, refused] = texts;
  const other = await open(locale);
  await load("bits 32\n lidt [empty]\n ud2\nempty: dw 0, 0, 0", other);
  await other.keyboard.press("F5");
  await status(other).filter({ hasText: triple }).filter({ hasText: chain }).waitFor();
  await load("bits 32\n jmp 0x40000000", other);
  await other.keyboard.press("F11");
  await other.locator("rs-cpu .note", { hasText: nothing }).waitFor();
  await other.locator("#tab-breakpoints").click();
  await other.locator("rs-breakpoints input[name=where]").fill("7c00");
  await other.locator("rs-breakpoints input[name=condition]").fill("eax ==");
  await other.keyboard.press("Enter");
  await other.locator("rs-cpu [role=alert]", { hasText: refused }).waitFor();
  await other.context().close();
});

test("an example is explained in the page's language", async () => {
  const other = await open("zh-CN");
  await other.locator("rs-source-pane select").selectOption("7");
  await other.locator("rs-asm-editor .cm-line", { hasText: "试一试" }).first().waitFor();
  expect(await other.locator("rs-asm-editor .cm-line", { hasText: "Try:" }).count()).toBe(0);
  await other.context().close();
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
