/** The consoles with guests that answer: keys, copy, search, resize, and what a machine showed last. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { PROMPT, expectConsole, newVisitor, openRingside, typeInConsole, type Ringside } from "./page.ts";

let ringside: Ringside;
let page: Page;
beforeAll(async () => {
  ringside = await openRingside();
  const context = await newVisitor(ringside);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
});
afterAll(() => ringside.close());

const view = (name: string) => page.locator(`.consoles [data-view="${name}"] button`);
const message = () => page.locator("rs-serial-console .hint");

let marks = 0;
/** What the guest's shell prints for the command. */
async function shell(command: string): Promise<string> {
  const mark = `m${++marks}`;
  await typeInConsole(page, `echo ${mark}-$(${command})-end\n`);
  const line = new RegExp(`${mark}-([^$\\n]*)-end`);
  await expectConsole(page, line, 20_000);
  return line.exec(await page.locator(".xterm-rows").innerText())![1];
}

/** Interrupts that the guest has had of its keyboard. */
const keyInterrupts = async () => Number(await shell(`awk '$1=="1:"{print $2}' /proc/interrupts`));

test("The guest's shell learns the console's new size", async () => {
  const before = await shell("stty size");
  await page.setViewportSize({ width: 1100, height: 600 });
  await expect.poll(() => shell("stty size"), { timeout: 20_000 }).not.toBe(before);
  await page.setViewportSize({ width: 1366, height: 768 });
});

test("Text of the console is copied with Ctrl+Shift+C", async () => {
  await typeInConsole(page, "clear; echo copy''me\n");
  await expectConsole(page, "copyme");
  const row = page.locator(".xterm-rows > div", { hasText: /^copyme/ });
  const { x, y } = (await row.boundingBox())!;
  await page.mouse.dblclick(x + 20, y + 8);
  await page.keyboard.press("Control+Shift+C");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("copyme");
});

test("A search in the console tells what is not there", async () => {
  await page.locator("rs-serial-console textarea").focus();
  await page.keyboard.press("Control+Shift+F");
  const field = page.getByLabel("Text to find in the console");
  await field.fill("copyme");
  await field.press("Enter");
  expect(await message().innerText()).not.toContain("not found");
  await field.fill("never-written");
  await field.press("Enter");
  await message().filter({ hasText: "not found" }).waitFor();
  await field.press("Escape");
});

test("On-screen keys and typed keys reach the guest, and Ctrl+Alt gives keyboard and mouse back", async () => {
  const keys = await keyInterrupts();
  await view("screen").click();
  const canvas = page.locator("canvas");
  await page.locator("rs-screen-console .tools rs-action", { hasText: "Keys" }).locator("button").click();
  await page.locator("rs-screen-console .keys rs-action", { hasText: "Enter" }).locator("button").click();
  await canvas.click();
  const said = page.locator("rs-screen-console .hint");
  await said.filter({ hasText: "Ctrl+Alt gives them back" }).waitFor();
  await page.keyboard.press("a");
  await page.keyboard.down("Control");
  await page.keyboard.down("Alt");
  await said.filter({ hasText: "are yours again" }).waitFor();
  await page.keyboard.up("Alt");
  await page.keyboard.up("Control");
  await view("serial").click();
  await page.locator(".xterm-rows").waitFor();
  // Enter and a, each down and up
  expect(await keyInterrupts()).toBeGreaterThanOrEqual(keys + 4);
});

test("A reset leaves a line that says so, and what was before it can still be read", async () => {
  await page.locator('[data-command="reset"] button').click();
  await page.locator("rs-action.now button").click();
  await page.locator("rs-serial-console").getByRole("button", { name: "Plain text" }).click();
  const text = page.locator("rs-serial-console pre");
  await text.filter({ hasText: /copyme[^]*reset at \d/ }).waitFor();
});

const file = (name: string, buffer: Buffer) => ({ name, mimeType: "application/octet-stream", buffer });
const next = () => page.locator("rs-wizard .next button");

async function machineWith(name: string, bytes: Buffer, commandLine?: string): Promise<void> {
  await page.locator("rs-library header rs-action button").click();
  await next().click();
  await page.locator("rs-wizard input[type=file]").setInputFiles(file(name, bytes));
  await page.locator("rs-wizard", { hasText: name }).waitFor({ state: "attached" });
  if (commandLine !== undefined) await page.getByLabel("Kernel command line").fill(commandLine);
  for (let i = 0; i < 3; i++) await next().click();
}

/** Counts its starts in sector 2, says the number on COM1, and stops for good (CLI, HLT). */
function countingDisk(): Buffer {
  const disk = Buffer.alloc(4 << 20);
  // 4 MiB: no size of a floppy
  const code =
    "31c0 8ed8 8ec0 8ed0 bc007c" + // segments 0, stack below
    "b80102 bb007e b90200 b600 cd13" + // INT 13h: read sector 2 to 7E00h
    "fe06007e" + // inc byte [7E00h]
    "b80103 bb007e b90200 b600 cd13" + // write it back
    "baf803 be447c ac84c07403eeebf8" + // the text to COM1
    "a0007e 0430 ee b00aee" + // the digit and a line feed
    "faf4 ebfc";
  Buffer.from(code.replaceAll(" ", ""), "hex").copy(disk);
  disk.write("own disk, start \0", 0x44);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

test("An own disk image keeps what its guest writes, and its last words can be read when it has stopped", async () => {
  await machineWith("counter.img", countingDisk());
  for (const start of [1, 2]) {
    if (start > 1) await page.locator(".ended .power-on button").click();
    await page.locator(".ended", { hasText: "CLI and HLT" }).waitFor({ timeout: 60_000 });
    await view("serial").click();
    await expectConsole(page, `own disk, start ${start}`);
    await page.locator("rs-serial-console .hint", { hasText: "showed last" }).waitFor();
  }
});

test("An own kernel boots on the serial console with the command line it was given", async () => {
  await machineWith("vmlinuz", readFileSync("images/tiny/vmlinuz"), "console=ttyS0 mark=ours");
  const text = () =>
    page
      .locator("rs-serial-console")
      .evaluate((element) => (element as unknown as { text(): string }).text());
  await expect.poll(text, { timeout: 60_000 }).toMatch(/command line: console=ttyS0 mark=ours/);
  await page.locator('[data-command="power-off"] button').click();
  await page.locator("rs-action.now button").click();
});

/** Turns the PS/2 mouse's reports on; says R on COM1 when the mouse agrees, M for each byte that it reports. */
function mouseFloppy(): Buffer {
  const floppy = Buffer.alloc(1440 * 1024);
  const code =
    "fa b0a8 e664 e464a80275fa b0d4 e664 e464a80275fa b0f4 e660" + // second port on; F4h to the mouse
    "e464 a801 74fa 88c4 e460 f6c420 74f1" + // a byte of the mouse
    "3cfa b04d 7502 b052 baf803 ee ebe3"; // to COM1
  Buffer.from(code.replaceAll(" ", ""), "hex").copy(floppy);
  floppy.writeUInt16LE(0xaa55, 510);
  return floppy;
}

// Once, on a busy computer, the mouse did not answer the guest's first command; what the test is about comes after that.
test(
  "An own floppy's program hears the mouse while the screen has it, and not after Ctrl+Alt",
  { retry: 2 },
  async () => {
    await machineWith("mouse.img", mouseFloppy());
    const heard = async () => {
      await view("serial").click();
      // The console is drawn anew, from its first byte on.
      await expectConsole(page, "R", 30_000);
      return (await page.locator(".xterm-rows").innerText()).split("M").length - 1;
    };
    const moveOverScreen = async () => {
      await view("screen").click();
      const { x, y } = (await page.locator("canvas").boundingBox())!;
      for (let i = 1; i <= 5; i++) await page.mouse.move(x + 20 * i, y + 15 * i);
    };
    expect(await heard()).toBe(0);
    await moveOverScreen();
    expect(await heard()).toBe(0);
    await view("screen").click();
    await page.locator("canvas").click();
    await page.locator("rs-screen-console .hint", { hasText: "belong to the guest" }).waitFor();
    await page.mouse.down();
    await page.mouse.up();
    await page.keyboard.down("Control");
    await page.keyboard.down("Alt");
    await page.locator("rs-screen-console .hint", { hasText: "are yours again" }).waitFor();
    await page.keyboard.up("Alt");
    await page.keyboard.up("Control");
    // a report has three bytes
    await expect.poll(heard, { timeout: 20_000 }).toBeGreaterThanOrEqual(3);
    const reports = await heard();
    await moveOverScreen();
    expect(await heard()).toBe(reports);
    await page.locator('[data-command="power-off"] button').click();
    await page.locator("rs-action.now button").click();
  },
);

test("GRUB Invaders runs on the bare machine and takes the keyboard", async () => {
  await page.locator("rs-library header rs-action button").click();
  await next().click();
  await page.getByLabel("GRUB Invaders").check();
  for (let i = 0; i < 3; i++) await next().click();
  const canvas = page.locator('canvas[aria-label^="Text screen"]');
  await canvas.waitFor();
  const picture = () => canvas.evaluate((element: HTMLCanvasElement) => element.toDataURL());
  await canvas.click();
  await page.locator("rs-screen-console .hint", { hasText: "belong to the guest" }).waitFor();
  await page.keyboard.press("Enter");
  const before = await picture();
  await page.keyboard.press("ArrowRight");
  await expect.poll(picture).not.toBe(before);
});
