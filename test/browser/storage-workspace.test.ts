/** Snapshots, clones, templates, chains and bundles as a student uses them. */
import { readFileSync } from "node:fs";
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
beforeAll(async () => {
  ringside = await openRingside();
  page = await (await newVisitor(ringside)).newPage();
  page.setDefaultTimeout(30_000);
  // The picker cannot be driven from here; without it files are downloaded.
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, "showSaveFilePicker"));
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
});
afterAll(() => ringside.close());

const node = (name: string) => page.locator("rs-snapshot-tree button.node", { hasText: name });
const confirm = () => page.locator("rs-snapshot-dialogs .do button").click();
const tool = (id: string) => page.locator(`header [data-command="${id}"] button`);
const machine = (name: string) =>
  page.locator("rs-library a").filter({ has: page.locator(`.name[title="${name}"]`) });

async function powerOff(): Promise<void> {
  await tool("power-off").click();
  await page.locator("rs-action.now button").click();
  await page.locator(".summary .columns").waitFor();
}

test("A revert gives a running guest its file back, and what was there in between is kept as a snapshot", async () => {
  await typeInConsole(page, "echo before > /root/note; sync; echo done-$((1+1))\n");
  await expectConsole(page, "done-2");
  await tool("snapshot").click();
  await page.getByLabel("Name", { exact: true }).fill("clean");
  await page.keyboard.press("Enter");
  await page.locator("rs-task-log", { hasText: "snapshot “clean” taken (" }).waitFor();
  await typeInConsole(page, "rm /root/note; sync; ls /root; echo gone-$((1+1))\n");
  await expectConsole(page, "gone-2");
  await tool("revert").click();
  expect(await page.getByLabel("Snapshot the present state first").isChecked()).toBe(true);
  await confirm();
  await page.locator("rs-task-log", { hasText: "went back to “clean” (" }).waitFor();
  await typeInConsole(page, "\ncat /root/note; echo again-$((1+1))\n");
  await expectConsole(page, /before\s*again-2/);
  await tool("snapshot-manager").click();
  await node("Before the revert").waitFor();
  await page.locator("rs-snapshot-tree .here", { hasText: "You are here" }).waitFor();
});

test("The tree is walked with the arrow keys, and two snapshots are compared", async () => {
  await node("clean").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => node("Before the revert").getAttribute("aria-pressed")).toBe("true");
  await page.getByLabel("Compare with").selectOption({ label: "clean" });
  await page.locator(".differences", { hasText: /system: [1-9]\d* blocks of 4 KiB differ/ }).waitFor();
  await page.locator(".differences", { hasText: /Memory: [1-9]\d* pages differ/ }).waitFor();
  await page.locator(".differences", { hasText: "/upper/root/note: only in the earlier one" }).waitFor();
});

test("Axe finds nothing in the snapshot manager, its dialogs and what is stored, in Chinese and dark too", async () => {
  const problems = await axeProblems(page);
  await page.locator('[data-do="clone"] button').click();
  await page.locator("rs-snapshot-dialogs fieldset").waitFor();
  problems.push(...(await axeProblems(page)));
  await page.keyboard.press("Escape");
  await tool("language").click();
  await tool("theme").click();
  await page.locator("rs-snapshot-tree .here", { hasText: "您在此处" }).waitFor();
  problems.push(...(await axeProblems(page)));
  await page.getByRole("link", { name: "已存储的内容" }).click();
  await page.locator("rs-room table").waitFor();
  problems.push(...(await axeProblems(page)));
  await tool("language").click();
  await tool("theme").click();
  expect(problems).toEqual([]);
});

test("A template's clone stands on its snapshot, and neither can be deleted before the clone", async () => {
  await machine("Linux").click();
  await powerOff();
  await tool("snapshot-manager").click();
  await node("clean").click();
  await page.locator('[data-do="clone"] button').click();
  await confirm();
  await confirm();
  await page.getByLabel("Name of the clone").fill("web-1");
  await confirm();
  await page.locator(".summary h1", { hasText: "web-1" }).waitFor();
  await machine("Linux").click();
  await tool("snapshot-manager").click();
  await node("clean").click();
  await page.locator('[data-do="deleteSnapshot"] button').click();
  await page.locator("rs-snapshot-dialogs [role=alert]", { hasText: "web-1" }).waitFor();
  await page.keyboard.press("Escape");
  await machine("Linux").click();
  await page.keyboard.press("Control+D");
  await page.locator("rs-settings nav button", { hasText: "Advanced" }).click();
  await page.locator("rs-template-options .selinux", { hasText: "not read yet" }).waitFor();
  await page.locator("rs-template-options input.template").click();
  await machine("Linux").filter({ hasText: "Template" }).waitFor({ state: "attached" });
  await page.keyboard.press("Escape");
  expect(await tool("power-on").getAttribute("aria-disabled")).toBe("true");
  await page.keyboard.press("Control+Shift+P");
  await page.keyboard.type("Delete…");
  await page.keyboard.press("Enter");
  await page.locator("rs-dialogs [role=alert]", { hasText: "Linked clones stand on it: web-1" }).waitFor();
  await page.keyboard.press("Escape");
});

test("A parent that was edited is found by its CID, and the chain is repaired", async () => {
  await machine("web-1").click();
  await tool("snapshot-manager").click();
  await page.locator("rs-disk-chain .layer").nth(1).waitFor();
  await page.locator("rs-disk-chain .break-edit button").click();
  const alert = page.locator("rs-disk-chain [role=alert]", { hasText: "content ID of the parent" });
  await alert.waitFor();
  await page.locator("rs-disk-chain .repair button").click();
  await page.locator("rs-disk-chain .chain", { hasText: "The chain is whole" }).waitFor();
});

test("Each block names the layer it is read from", async () => {
  await page.locator("rs-disk-chain label", { hasText: "Block (4 KiB)" }).locator("input").fill("0");
  await page
    .locator("rs-disk-chain .walk", { hasText: /Block 0 is read from system(-\d+)?\.vmdk/ })
    .waitFor();
  await page.locator("rs-disk-chain label", { hasText: "Block (4 KiB)" }).locator("input").fill("16000");
  await page.locator("rs-disk-chain .walk", { hasText: "reads as zeros" }).waitFor();
});

test("A file of the guest names its blocks and layer, and a block its file; descriptors are there to read", async () => {
  const chain = page.locator("rs-disk-chain");
  await chain.locator(".read-files button").click();
  await chain.locator("input[type=search]").fill("root/note");
  await chain.locator(".files button", { hasText: "/upper/root/note" }).click();
  await chain.locator(".chosen", { hasText: /\d+ blocks? from system(-\d+)?\.vmdk/ }).waitFor();
  await chain.locator(".owner", { hasText: /belongs to .*\/upper\/root\/note/ }).waitFor();
  await chain.locator(".layer.serves", { hasText: "is read here" }).waitFor();
  await page.locator("rs-disk-chain label", { hasText: "Block (4 KiB)" }).locator("input").fill("0");
  await chain.locator(".owner", { hasText: "the superblock" }).waitFor();
  expect(
    await chain.locator("pre", { hasText: /CID=[0-9a-f]{8}\s+parentCID=[0-9a-f]{8}/ }).count(),
  ).toBeGreaterThan(1);
  expect(await chain.locator("pre", { hasText: 'displayName = "web-1"' }).count()).toBe(1);
  expect(await chain.locator("pre", { hasText: /cluster/ }).count()).toBeGreaterThan(1);
  expect(await axeProblems(page)).toEqual([]);
});

test("A machine goes out as one file and comes back with its snapshots as a copy that starts", async () => {
  await page.getByRole("link", { name: "What is stored" }).click();
  const row = page.locator("rs-room tr", { hasText: "web-1" });
  const downloading = page.waitForEvent("download");
  await row.locator(".export button").click();
  const bytes = readFileSync(await (await downloading).path());
  await page.locator(".import-bundle").setInputFiles({
    name: "web-1.ringside",
    mimeType: "application/octet-stream",
    buffer: bytes,
  });
  await page.locator(".notice", { hasText: "Imported: web-1 (2)" }).waitFor();
  await machine("web-1 (2)").click();
  await page.locator(".power-on button").click();
  await expectConsole(page, PROMPT);
  await typeInConsole(page, "cat /root/note; hostname\n");
  await expectConsole(page, /before\s*web-1-2/);
});

test("A disk is enlarged, taken out, exported as qcow2, put in again and found in the machine", async () => {
  await machine("web-1 (2)").click();
  await powerOff();
  await page.keyboard.press("Control+D");
  await page.locator("rs-settings nav rs-action", { hasText: "Hard disk" }).locator("button").click();
  await page.locator("rs-settings input[type=number]").fill("80");
  await page.locator("rs-settings").getByLabel("Allocate all disk space now").check();
  await page.locator("rs-settings").getByLabel("Split virtual disk into multiple files").check();
  await page.locator("rs-settings .save button").click();
  await page.locator(".summary dt", { hasText: "Hard disk 2" }).waitFor();
  await tool("snapshot-manager").click();
  const chain = page.locator("rs-disk-chain");
  await chain.locator("select").first().selectOption({ label: "disk 2" });
  await chain.locator("legend", { hasText: "80 MiB, pre-allocated, split into files of 2 GiB" }).waitFor();
  await chain
    .locator("pre", { hasText: /twoGbMaxExtent(Sparse|Flat)/ })
    .first()
    .waitFor({ state: "attached" });
  await page.getByLabel("New size (MiB)").fill("100");
  await chain.getByRole("button", { name: "Enlarge" }).click();
  await chain.locator("legend", { hasText: "disk 2, 100 MiB" }).waitFor();
  await page.getByLabel("Export as").selectOption("qcow2");
  const downloading = page.waitForEvent("download");
  await chain.locator(".export-disk button").click();
  const image = readFileSync(await (await downloading).path());
  // "QFI" and 0xfb, version 3 or 2, virtual size at byte 24 (qcow2 header)
  expect(image.subarray(0, 4).toString("latin1")).toBe("QFI\xfb");
  expect(Number(image.readBigUInt64BE(24))).toBe(100 * 2 ** 20);
  await chain.getByRole("button", { name: "Detach" }).click();
  await page.getByRole("link", { name: "What is stored" }).click();
  await page.locator("rs-room .free select").selectOption({ label: "web-1 (2)" });
  await page.getByRole("button", { name: "Attach disk 2 to web-1 (2)" }).click();
  await machine("web-1 (2)").click();
  await page.locator(".summary dd", { hasText: "100 MiB" }).waitFor();
});

test("Who stays when the page would close with a machine running is offered to suspend it", async () => {
  await page.locator(".power-on button").click();
  await expectConsole(page, PROMPT);
  await typeInConsole(page, "true\n");
  page.once("dialog", (question) => void question.dismiss());
  await page.evaluate(() => location.reload());
  await page.getByRole("button", { name: "Suspend all now" }).click();
  await page.locator(".summary", { hasText: "suspended" }).waitFor();
});

test("A bundle that was cut off is refused, and everything stays", async () => {
  const before = await page.locator("rs-library a").count();
  await page.locator("nav.tabs a", { hasText: "Storage" }).click();
  await page.locator(".import-bundle").setInputFiles({
    name: "broken.ringside",
    mimeType: "application/octet-stream",
    buffer: Buffer.from("no bundle at all"),
  });
  await page.locator(".notice.danger", { hasText: "broken.ringside" }).waitFor();
  expect(await page.locator("rs-library a").count()).toBe(before);
});
