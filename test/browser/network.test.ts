/** Guests on the page's virtual networks: addresses by DHCP, the gateway's answers, cables moved while the guest runs. */
import { afterAll, beforeAll, test } from "vitest";
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

async function run(command: string): Promise<void> {
  await typeInConsole(page, `clear; ${command}\n`);
}

async function chooseNetwork(name: string): Promise<void> {
  await page.locator('[data-command="settings"] button, rs-menu-bar').first().waitFor();
  await page.keyboard.press("Control+Shift+P");
  await page.getByLabel("Type a command in English or Chinese").fill("settings");
  await page.locator("rs-dialogs rs-dialog li rs-action button").first().click();
  await page.locator("rs-settings nav button", { hasText: "Network adapter" }).first().click();
  await page.locator("rs-settings select").first().selectOption(name);
  await page.locator("rs-settings .save button").click();
  await page.locator("rs-settings").waitFor({ state: "detached" });
}

test("On NAT the guest gets an address by DHCP and the gateway answers with a TTL of 128", async () => {
  await run("udhcpc -i ens33 -q && ping -c 1 192.168.10.2");
  await expectConsole(page, /from 192\.168\.10\.2.*ttl=128/);
});

test("A running guest moved to the host-only network gets an address there", async () => {
  await chooseNetwork("vmnet1");
  await run("udhcpc -i ens33 -q && ping -c 1 192.168.56.1");
  await expectConsole(page, /from 192\.168\.56\.1/);
});

test("A cable that is pulled out carries nothing, and works again when it is back", async () => {
  await chooseNetwork("");
  await run("ping -c 1 -W 2 192.168.56.1 || echo gone-$((1+1))");
  await expectConsole(page, "gone-2");
  await chooseNetwork("vmnet8");
  await run("udhcpc -i ens33 -q && ping -c 1 192.168.10.2");
  await expectConsole(page, /from 192\.168\.10\.2.*ttl=128/);
});
