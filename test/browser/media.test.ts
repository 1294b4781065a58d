/** Files of the user in the wizard and in the settings, and the boot media that come with the page. */
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

const next = () => page.locator("rs-wizard .next button");
const file = (name: string, buffer: Buffer) => ({ name, mimeType: "application/octet-stream", buffer });

async function wizardWith(name: string, bytes: Buffer): Promise<void> {
  await page.locator("rs-library header rs-action button").click();
  await next().click();
  await page.locator("rs-wizard input[type=file]").setInputFiles(file(name, bytes));
}

test("A text file is refused in the step itself, and the wizard does not go on", async () => {
  await wizardWith("notes.txt", Buffer.from("no medium at all"));
  await page.locator("rs-wizard [role=alert]", { hasText: "notes.txt" }).waitFor();
  expect(await next().getAttribute("aria-disabled")).toBe("true");
  await page.keyboard.press("Escape");
});

test("Files dropped on the page open the wizard with a kernel and its initrd", async () => {
  const files = await page.evaluateHandle(() => {
    const kernel = new Uint8Array(4096);
    kernel.set(new TextEncoder().encode("HdrS"), 0x202);
    const transfer = new DataTransfer();
    transfer.items.add(new File([kernel], "my-bzImage"));
    transfer.items.add(new File(["070701"], "my-initrd"));
    return transfer;
  });
  await page.dispatchEvent("rs-home, rs-machine", "drop", { dataTransfer: files });
  await page.locator("rs-wizard rs-file-field .value", { hasText: "my-bzImage, my-initrd" }).waitFor();
  expect(await page.getByLabel("Kernel command line").inputValue()).toBe("console=ttyS0");
  expect(await next().getAttribute("aria-disabled")).toBe(null);
  await page.keyboard.press("Escape");
  await page.locator("rs-library header rs-action button").click();
  await next().click();
  expect(await page.locator("rs-wizard").innerText()).not.toContain("my-bzImage");
  await page.keyboard.press("Escape");
});

test("A disk image becomes a disk of the machine, and nothing else is promised", async () => {
  await wizardWith("data.img", Buffer.alloc(3 << 20));
  for (let i = 0; i < 2; i++) await next().click();
  const ready = await page.locator("rs-wizard ul").innerText();
  expect(ready).toContain("data.img");
  expect(ready.match(/Hard disk/g)).toHaveLength(1);
  await page.getByLabel("Power on after creation").uncheck();
  await next().click();
  await page.locator(".summary dd", { hasText: "3 MiB" }).waitFor();
});

test("An image of a floppy's size is taken for a floppy, and the user can make a disk of it", async () => {
  await wizardWith("small.img", Buffer.alloc(1_474_560));
  const use = page.getByRole("group", { name: "Use the file as" });
  expect(await use.getByLabel("Floppy drive").isChecked()).toBe(true);
  await use.getByLabel("Hard disk").check();
  for (let i = 0; i < 2; i++) await next().click();
  expect(await page.locator("rs-wizard ul").innerText()).toMatch(/Hard disk.*\n?.*small\.img/);
  await page.keyboard.press("Escape");
});

test("A kernel's command line can be changed and is kept from step to step", async () => {
  const kernel = Buffer.alloc(4096);
  kernel.write("HdrS", 0x202);
  await wizardWith("bzImage", kernel);
  expect(await page.getByLabel("Kernel command line").inputValue()).toBe("console=ttyS0");
  await page.getByLabel("Kernel command line").fill("console=ttyS0 quiet");
  await next().click();
  await page.getByRole("button", { name: "Back" }).click();
  expect(await page.getByLabel("Kernel command line").inputValue()).toBe("console=ttyS0 quiet");
  await page.keyboard.press("Escape");
});

test("The settings refuse a text file as a CD", async () => {
  await page.locator(".links rs-action", { hasText: "Edit" }).locator("button").click();
  await page.locator("rs-settings nav button", { hasText: "CD/DVD" }).click();
  await page.locator("rs-settings input[type=file]").setInputFiles(file("notes.txt", Buffer.from("no CD")));
  await page.locator("rs-settings [role=alert]", { hasText: "notes.txt" }).waitFor();
  await page.keyboard.press("Escape");
});

test("The GRUB rescue CD of the collection starts on the screen", async () => {
  await page.locator("rs-library header rs-action button").click();
  await next().click();
  await page.getByLabel("GRUB rescue CD").check();
  for (let i = 0; i < 3; i++) await next().click();
  await page.locator('canvas[aria-label^="Text screen"], canvas[aria-label^="Graphics"]').waitFor();
});
