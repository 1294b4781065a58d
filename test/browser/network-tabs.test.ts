/** Two tabs of one browser and their networks: what one stores is in force in the other, and a LAN outlives a reload. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { newVisitor, openRingside, type Ringside } from "./page.ts";

let ringside: Ringside;
let tabs: [Page, Page];
beforeAll(async () => {
  ringside = await openRingside();
  const visitor = await newVisitor(ringside);
  tabs = [await visitor.newPage(), await visitor.newPage()];
  for (const tab of tabs) {
    await tab.goto(`${ringside.address}#/network/editor/vmnet1`);
    await tab.locator("rs-network-editor").waitFor();
  }
});
afterAll(() => ringside.close());

const subnet = (tab: Page) => tab.locator("rs-network-editor input.address").first();
const press = (tab: Page, selector: string) => tab.locator(`${selector} button`).click();
const listed = (tab: Page, text: string) => tab.locator(`rs-network-editor td:has-text("${text}")`).waitFor();

test("What one tab stores is shown in the other tab's editor that has no changes of its own", async () => {
  const [first, second] = tabs;
  await subnet(first).fill("192.168.71.0/24");
  await press(first, "rs-network-editor .save");
  await listed(second, "192.168.71.0/24");
  expect(await subnet(second).inputValue()).toBe("192.168.71.0/24");
});

test("A tab whose changes are overtaken says so, keeps them, and takes the other's over on demand", async () => {
  const [first, second] = tabs;
  await subnet(second).fill("192.168.72.0/24");
  await subnet(first).fill("192.168.73.0/24");
  await press(first, "rs-network-editor .save");
  await second.locator("rs-network-editor .overtaken").waitFor();
  expect(await subnet(second).inputValue()).toBe("192.168.72.0/24");
  await press(second, "rs-network-editor .cancel");
  await listed(second, "192.168.73.0/24");
});

test("A tab whose changes are overtaken puts its own in place of the other's on demand", async () => {
  const [first, second] = tabs;
  await subnet(second).fill("192.168.74.0/24");
  await subnet(first).fill("192.168.75.0/24");
  await press(first, "rs-network-editor .save");
  await second.locator("rs-network-editor .overtaken").waitFor();
  await press(second, "rs-network-editor .save");
  await listed(first, "192.168.74.0/24");
});

test("A network that has joined a LAN of other tabs has joined it again after a reload", async () => {
  const [first] = tabs;
  await press(first, 'rs-outside rs-action[label="Join other tabs"]');
  await first.locator('rs-outside li:has-text("connected")').waitFor();
  await first.reload();
  await first.locator('rs-outside li:has-text("vmnet1 ↔ other tabs, LAN “classroom”")').waitFor();
  await press(first, 'rs-outside rs-action[label="Leave"]');
  await first.locator("rs-outside li").waitFor({ state: "detached" });
  await first.reload();
  await first.locator("rs-outside").waitFor();
  expect(await first.locator("rs-outside li").count()).toBe(0);
});
