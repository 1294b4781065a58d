/** What is stored: everything packed and back, disks out and in in each format, chains broken and mended, no room left. */
import { mkdtemp, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import {
  PROMPT,
  axeProblems,
  expectConsole,
  newVisitor,
  openRingside,
  typeInConsole,
  type Ringside,
} from "./page.ts";

let ringside: Ringside;
let page: Page;
let folder: string;

async function visit(locale = "en", prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
  const page = await (await newVisitor(ringside, locale)).newPage();
  page.setDefaultTimeout(60_000);
  // The picker cannot be driven from here; without it files are downloaded.
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, "showSaveFilePicker"));
  await prepare?.(page);
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
  return page;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringside-room-"));
  ringside = await openRingside();
  page = await visit();
});
afterAll(async () => {
  await ringside.close();
  await rm(folder, { recursive: true });
});

const tool = (id: string) => page.locator(`header [data-command="${id}"] button`);
const machine = (name: string) =>
  page.locator("rs-library a").filter({ has: page.locator(`.name[title="${name}"]`) });
const node = (name: string) => page.locator("rs-snapshot-tree button.node", { hasText: name });
const confirm = () => page.locator("rs-snapshot-dialogs .do button").click();
const room = () => page.evaluate(() => void (location.hash = "#/storage"));

/** The file that is saved, under its own name in a folder of the test. */
async function download(press: () => Promise<void>): Promise<{ name: string; path: string }> {
  const downloading = page.waitForEvent("download");
  await press();
  const file = await downloading;
  const name = file.suggestedFilename();
  await file.saveAs(join(folder, name));
  return { name, path: join(folder, name) };
}

async function takeSnapshot(name: string): Promise<void> {
  await page.locator("rs-snapshot-tree .take button").click();
  await page.locator("rs-snapshot-dialogs input").first().fill(name);
  await confirm();
  await node(name).waitFor();
}

test("A snapshot deleted with its children takes them along, and the disk keeps what it has", async () => {
  await typeInConsole(page, "echo kept > /root/kept; sync; echo memory > /run/mark; echo done-$((1+1))\n");
  await expectConsole(page, "done-2");
  await tool("snapshot-manager").click();
  for (const name of ["first", "second", "third"]) await takeSnapshot(name);
  await node("second").click();
  await page.locator('[data-do="deleteSnapshots"] button').click();
  await page.locator("rs-snapshot-dialogs p", { hasText: "lost for good: second, third" }).waitFor();
  await confirm();
  await node("third").waitFor({ state: "detached" });
  expect(await page.locator("rs-snapshot-tree button.node").count()).toBe(1);
  await machine("Linux").click();
  await typeInConsole(page, "clear; cat /root/kept; echo read-$((1+1))\n");
  await expectConsole(page, /kept\s*read-2/);
});

test("The lab is packed once its machines are suspended, and what is imported goes on where it was", async () => {
  await room();
  expect(await page.locator(".pack button").getAttribute("aria-disabled")).toBe("true");
  await page.locator(".suspend-all button").click();
  await machine("Linux").filter({ hasText: "Suspended" }).waitFor();
  const { name, path } = await download(() => page.locator(".pack button").click());
  expect(name).toBe("laboratory.ringside");
  const other = await visit("zh-CN");
  await other.evaluate(() => void (location.hash = "#/storage"));
  await other.locator(".import-bundle").setInputFiles(path);
  await other.locator(".notice", { hasText: "已导入：Linux (2)" }).waitFor();
  await other.locator("rs-library a", { hasText: "Linux (2)" }).click();
  await other.locator('header [data-command="resume"] button').click();
  await other.locator("rs-library a", { hasText: "Linux (2)" }).filter({ hasText: "已开机" }).waitFor();
  await typeInConsole(other, "\ncat /root/kept /run/mark; echo again-$((2+2))\n");
  await expectConsole(other, /kept\s*memory\s*again-4/);
  await other.context().close();
});

test("The browser is asked to protect the data, and says whether it does", async () => {
  await page.getByRole("button", { name: "Ask the browser to protect it" }).click();
  // What it answers is the browser's own affair.
  await page.locator("rs-room", { hasText: /yes: the browser asks|The browser did not agree/ }).waitFor();
});

test("Each machine's room is told, and what nobody uses is freed", async () => {
  const row = page.locator("rs-room tr", { hasText: "Linux" });
  await row.filter({ hasText: /MiB/ }).waitFor();
  await page.getByRole("button", { name: "Free what nobody uses" }).click();
  await page.locator(".notice", { hasText: "were freed" }).waitFor();
  expect(await axeProblems(page)).toEqual([]);
});

test.each(["raw", "qcow2", "vmdk"])(
  "A disk exported as %s comes in again and is attached to a machine",
  async (format) => {
    await machine("Linux").click();
    await tool("snapshot-manager").click();
    const chain = page.locator("rs-disk-chain");
    await chain.getByLabel("Export as").selectOption(format);
    const { path } = await download(() => chain.locator(".export-disk button").click());
    await room();
    await page.locator(".import-image").setInputFiles(path);
    await page.locator("rs-room .free li", { hasText: "system" }).waitFor();
    await page.locator("rs-room .free li rs-action", { hasText: "Delete system" }).locator("button").click();
    await page.locator("rs-room .for-good button").click();
    await page.locator("rs-room .free", { hasText: "None. Detached" }).waitFor();
  },
);

test("A split VMDK goes out as its files and comes in when all of them are chosen, and not by its extent", async () => {
  await machine("Linux").click();
  await tool("snapshot-manager").click();
  const chain = page.locator("rs-disk-chain");
  await chain.getByLabel("Export as").selectOption("vmdk-split");
  const files: { name: string; mimeType: string; buffer: Buffer }[] = [];
  page.on("download", async (file) => {
    const name = file.suggestedFilename();
    files.push({ name, mimeType: "application/octet-stream", buffer: readFileSync(await file.path()) });
  });
  await chain.locator(".export-disk button").click();
  await expect.poll(() => files.map(({ name }) => name).sort()).toEqual(["system-s001.vmdk", "system.vmdk"]);
  page.removeAllListeners("download");
  await room();
  const extent = files.find(({ name }) => name === "system-s001.vmdk")!;
  await page.locator(".import-image").setInputFiles(extent);
  await page.locator(".notice.danger", { hasText: "one extent of a split disk" }).waitFor();
  await page.locator(".import-image").setInputFiles(files);
  await page.locator("rs-room .free li", { hasText: "system" }).waitFor();
});

test("A full clone stands alone: its original's snapshot may be deleted, and it has the original's files", async () => {
  await machine("Linux").click();
  await tool("power-off").click();
  await page.locator("rs-action.now button").click();
  await machine("Linux").filter({ hasText: "Powered off" }).waitFor();
  await tool("snapshot-manager").click();
  await node("first").click();
  await page.locator('[data-do="clone"] button').click();
  await confirm();
  await page.getByLabel("Create a full clone").check();
  await confirm();
  await page.getByLabel("Name of the clone").fill("alone");
  await confirm();
  await page.locator(".summary h1", { hasText: "alone" }).waitFor();
  await machine("Linux").click();
  await tool("snapshot-manager").click();
  await node("first").click();
  await page.locator('[data-do="deleteSnapshot"] button').click();
  await confirm();
  await node("first").waitFor({ state: "detached" });
  await machine("alone").click();
  await page.locator(".power-on button").click();
  await expectConsole(page, PROMPT);
  await typeInConsole(page, "cat /root/kept; hostname\n");
  await expectConsole(page, /kept\s*alone/);
});

test("A parent that was moved away is told as VMware tells it, keeps its machine off, and is put back", async () => {
  await machine("Linux").click();
  await tool("snapshot-manager").click();
  await takeSnapshot("base");
  await page.locator("rs-disk-chain .layer", { hasText: "frozen by base" }).waitFor();
  await page.locator("rs-disk-chain .break-move button").click();
  const alert = page.locator("rs-disk-chain [role=alert]", {
    hasText: "The system cannot find the file specified",
  });
  await alert.waitFor();
  expect(await axeProblems(page)).toEqual([]);
  await tool("power-on").click();
  await page.locator(".notice.danger", { hasText: "one of the snapshot disks it depends on" }).waitFor();
  await tool("language").click();
  await page.locator("rs-task-log .failed", { hasText: "系统找不到指定的文件" }).waitFor();
  await tool("language").click();
  await tool("snapshot-manager").click();
  await page.locator("rs-disk-chain .repair button").click();
  await page.locator("rs-disk-chain .chain", { hasText: "The chain is whole" }).waitFor();
  await tool("power-on").click();
  await machine("Linux").filter({ hasText: "Running" }).waitFor();
});

test("A file that cannot be used is refused in the page's own language, and says what was found", async () => {
  const chinese = await visit("zh-CN");
  await chinese.evaluate(() => void (location.hash = "#/storage"));
  const encrypted = Buffer.alloc(1024);
  encrypted.write("QFI\xfb", "latin1");
  encrypted.writeUInt32BE(3, 4);
  encrypted.writeUInt32BE(16, 20);
  encrypted.writeBigUInt64BE(BigInt(2 ** 20), 24);
  encrypted.writeUInt32BE(1, 32);
  const give = (input: string, name: string, buffer: Buffer) =>
    chinese.locator(input).setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  await give(".import-image", "secret.qcow2", encrypted);
  await chinese.locator(".notice.danger", { hasText: "映像已加密 (AES encryption)" }).waitFor();
  await give(".import-bundle", "notes.ringside", Buffer.from("just some notes, long enough for a header"));
  await chinese.locator(".notice.danger", { hasText: "这不是 .ringside 文件" }).waitFor();
  await chinese.context().close();
});

test("A snapshot that finds no room says so, leaves the former state, and the guest goes on", async () => {
  const narrow = await visit("zh-CN", async (page) => {
    const devtools = await page.context().newCDPSession(page);
    const { origin } = new URL(ringside.address);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3 * 2 ** 20 });
  });
  await typeInConsole(narrow, "echo before-$((1+1))\n");
  await expectConsole(narrow, "before-2");
  await narrow.locator('header [data-command="snapshot"] button').click();
  await narrow.locator("rs-snapshot-dialogs .do button").click();
  await narrow.locator(".notice.danger", { hasText: "浏览器拒绝存储更多内容" }).waitFor();
  await typeInConsole(narrow, "echo after-$((1+1))\n");
  await expectConsole(narrow, "after-2");
  await narrow.locator('header [data-command="snapshot-manager"] button').click();
  await narrow.locator("rs-snapshot-tree", { hasText: "此虚拟机还没有快照" }).waitFor();
  await narrow.context().close();
});
