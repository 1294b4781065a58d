/** The guest goes down and comes up again, and the page follows. */
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

/** Until the page knows that the guest's agent answers, or that it does not. */
const guestCanBeAsked = (yes: boolean) =>
  page
    .locator(`.consoles`, yes ? { hasText: "Log in" } : { hasNotText: "Log in" })
    .waitFor({ timeout: 60_000 });

/** Types until the shell answers: what arrives before its prompt is lost, as on a real console. */
async function expectShell(mark: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    await typeInConsole(page, `\necho ${mark}-$((1+1))\n`);
    const heard = await expectConsole(page, `${mark}-2`, 3000).then(
      () => true,
      () => false,
    );
    if (heard) return;
  }
  throw new Error("the guest's shell did not answer");
}

test("After a reset the page waits for the guest and learns that it is back", async () => {
  await guestCanBeAsked(true);
  await page.locator('[data-command="reset"] button').click();
  await page.locator("rs-action.now button").click();
  await guestCanBeAsked(false);
  await guestCanBeAsked(true);
});

test("A panic is told with the kernel's own words, and the machine can be started again", async () => {
  await expectShell("reset");
  await typeInConsole(page, "echo c > /proc/sysrq-trigger\n");
  const notice = page.locator(".notice", { hasText: "panicked" });
  await notice.waitFor({ timeout: 60_000 });
  expect(await notice.innerText()).toContain("sysrq triggered crash");
  await expectConsole(page, "Kernel panic - not syncing: sysrq triggered crash");
  await page.locator(".ended .power-on button").click();
  await expectConsole(page, PROMPT);
});
