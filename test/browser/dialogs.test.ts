/** The dialogs by keyboard, what they refuse, and axe on each of them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { axeProblems, PROMPT, expectConsole, newVisitor, openRingside, type Ringside } from "./page.ts";

let ringside: Ringside;
let page: Page;
beforeAll(async () => {
  ringside = await openRingside();
  page = await firstVisit("en");
});
afterAll(() => ringside.close());

async function firstVisit(locale: string, dark = false): Promise<Page> {
  const page = await (await newVisitor(ringside, locale, dark)).newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
  return page;
}

/** The tag of what has the focus, through all shadow trees, with its host. */
function focus(): Promise<string> {
  return page.evaluate(() => {
    let path = "";
    for (let at = document.activeElement; at; at = at.shadowRoot?.activeElement ?? null) {
      path += ` ${at.localName}`;
    }
    return path.trim();
  });
}

async function command(text: string): Promise<void> {
  await page.keyboard.press("Control+Shift+P");
  await page.locator("rs-dialog h2").waitFor();
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

test("The palette takes what is typed and Enter runs what it finds", async () => {
  await command("keys");
  await page.locator("rs-dialog h2", { hasText: "Help" }).waitFor();
  await page.keyboard.press("Escape");
});

test("After a dialog the focus is where it was", async () => {
  const button = page.locator("rs-library rs-action button").first();
  await button.focus();
  const before = await focus();
  await page.keyboard.press("F1");
  await page.locator("rs-dialog h2").waitFor();
  expect(await focus()).toContain("rs-dialogs");
  await page.keyboard.press("Escape");
  await page.locator("rs-dialog").waitFor({ state: "detached" });
  expect(await focus()).toBe(before);
});

test("A dialog that is asked for in the same moment as it is closed is open", async () => {
  for (let round = 0; round < 5; round++) {
    await page.keyboard.press("F1");
    await page.locator("rs-dialog h2").waitFor();
    await Promise.all([page.keyboard.press("Escape"), page.keyboard.press("F1")]);
    await page.locator("rs-dialog h2").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("rs-dialog").waitFor({ state: "detached" });
  }
});

test("A menu is opened and its command run with the keyboard alone", async () => {
  await page.locator("rs-menu-bar button").last().focus();
  await page.keyboard.press("Enter");
  const items = page.locator("rs-menu-bar wa-dropdown-item:focus");
  await items.filter({ hasText: "Commands…" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await items.filter({ hasText: "Keys" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("rs-dialog h2", { hasText: "Help" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("rs-dialog").waitFor({ state: "detached" });
});

test("A machine is renamed with the keyboard alone", async () => {
  await command("rename");
  await page.getByLabel("New name").waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await page.locator("rs-library a", { hasText: "by keyboard" }).waitFor();
});

test("A name of 300 characters is refused as too long", async () => {
  await command("rename");
  await page.getByLabel("New name").fill("n".repeat(300));
  await page.keyboard.press("Enter");
  await page.locator("rs-dialog [role=alert]", { hasText: "at most 80 characters" }).waitFor();
  await page.keyboard.press("Escape");
});

test("Finish pressed twice makes one machine", async () => {
  const machines = await page.locator("rs-library a").count();
  await page.locator("rs-library header rs-action button").click();
  for (let i = 0; i < 3; i++) await page.locator("rs-wizard .next button").click();
  await page.getByLabel("Power on after creation").uncheck();
  await page.locator("rs-wizard .next button").evaluate((button: HTMLElement) => {
    button.click();
    button.click();
  });
  await page.locator("rs-library a").nth(machines).waitFor();
  await page.locator(".summary h1", { hasText: "Linux" }).waitFor();
  expect(await page.locator("rs-library a").count()).toBe(machines + 1);
});

test("Tiny Linux with less memory than it needs is refused beside the field", async () => {
  await page.locator(".links rs-action", { hasText: "Edit" }).locator("button").click();
  await page.locator("rs-settings input[type=number]").fill("16");
  await page.locator("rs-settings [role=alert]", { hasText: "At least 32 MiB" }).waitFor();
  await page.keyboard.press("Escape");
});

test("The virtualization switch of a core machine is kept, and v86 has none", async () => {
  const openEngine = async () => {
    await page.keyboard.press("Control+D");
    await page.locator("rs-settings nav button", { hasText: "Engine" }).click();
  };
  await openEngine();
  const disabled = page.getByLabel("Disabled in the BIOS");
  expect(await disabled.count()).toBe(0);
  await page.getByLabel("our own core").check();
  await disabled.check();
  await page.locator("rs-settings rs-action[look=primary] button").click();
  await page.locator(".summary dd", { hasText: "Disabled in the BIOS" }).waitFor();
  await openEngine();
  await expect.poll(() => disabled.isChecked()).toBe(true);
  await page.getByLabel("v86: runs real systems fast").check();
  await page.locator("rs-settings rs-action[look=primary] button").click();
  await page.locator(".summary dd", { hasText: "v86 (" }).waitFor();
  expect(await page.locator(".summary dd", { hasText: "Disabled in the BIOS" }).count()).toBe(0);
});

test("Back to typical, the wizard lists only what will be made", async () => {
  await page.locator("rs-library header rs-action button").click();
  const next = page.locator("rs-wizard .next button");
  await page.getByLabel("Custom (advanced)").check();
  for (let i = 0; i < 4; i++) await next.click();
  await page.getByLabel("Memory for this virtual machine (MiB)").fill("48");
  for (let i = 0; i < 4; i++) await page.getByRole("button", { name: "Back" }).click();
  await page.getByLabel("Typical (recommended)").check();
  for (let i = 0; i < 3; i++) await next.click();
  const ready = await page.locator("rs-wizard ul").innerText();
  expect(ready).toContain("64 MiB");
  expect(ready).not.toContain("48 MiB");
  await page.keyboard.press("Escape");
});

test.each([
  ["zh-CN", true],
  ["en", false],
] as const)("axe finds nothing in any dialog in %s (dark: %s)", async (locale, dark) => {
  const page = await firstVisit(locale, dark);
  const problems: string[] = [];
  const open = async (name: string, act: () => Promise<unknown>) => {
    await act();
    await page.locator("rs-dialog h2").waitFor();
    problems.push(...(await axeProblems(page)).map((problem) => `${name}: ${problem}`));
  };
  const close = async () => {
    await page.keyboard.press("Escape");
    await page.locator("rs-dialog").waitFor({ state: "detached" });
  };
  await open("help", () => page.keyboard.press("F1"));
  await close();
  await open("palette", () => page.keyboard.press("Control+Shift+P"));
  await close();
  for (const name of ["power-off", "reset"]) {
    await open(name, () => page.locator(`[data-command="${name}"] button`).click());
    await close();
  }
  await page.locator('[data-command="power-off"] button').click();
  await page.locator("rs-action.now button").click();
  await page.locator(".power-on").waitFor();
  for (const name of ["Rename", "Delete", "Settings"]) {
    await open(name, async () => {
      await page.keyboard.press("Control+Shift+P");
      await page.keyboard.type(name);
      await page.keyboard.press("Enter");
      await page
        .locator("rs-dialog footer, rs-dialog [slot=footer] rs-action:nth-child(2)")
        .first()
        .waitFor();
    });
    if (name === "Settings") {
      const devices = page.locator("rs-settings nav > button");
      for (let i = 0; i < (await devices.count()); i++) {
        await open(`settings ${i}`, () => devices.nth(i).click());
      }
    }
    await close();
  }
  expect(problems).toEqual([]);
  await page.context().close();
});
