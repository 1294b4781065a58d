/** The Network workspace on the built page, with a guest that runs: editor, drawing, capture, step mode, explained ping. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { dissect } from "../../src/hypervisor-model/network/capture/dissect.ts";
import { parseScenario } from "../../src/hypervisor-model/virtual-machines/scenario.ts";
import type { Zone } from "../../src/hypervisor-model/network/zone.ts";
import { readPcapng } from "../../src/hypervisor-model/network/pcapng.ts";
import {
  axeProblems,
  PROMPT,
  consoleText,
  expectConsole,
  newVisitor,
  openRingside,
  typeInConsole,
  type Ringside,
} from "./page.ts";

let ringside: Ringside;
let page: Page;
let machine = "";
beforeAll(async () => {
  ringside = await openRingside();
  page = await (await newVisitor(ringside)).newPage();
  await page.goto(ringside.address);
  await expectConsole(page, PROMPT);
  machine = await page.evaluate(() => location.hash);
  await typeInConsole(page, "udhcpc -i ens33 -q\n");
  await expectConsole(page, /lease of 192\.168\.10\.\d+ obtained/);
});
afterAll(() => ringside.close());

async function at(hash: string): Promise<void> {
  await page.evaluate((to) => (location.hash = to), hash);
}

async function run(command: string): Promise<void> {
  await at(machine);
  await typeInConsole(page, `clear; ${command}\n`);
}

function press(component: string, label: string) {
  return page.locator(`${component} rs-action[label="${label}"] button`).click();
}

test("The drawing is walked by keyboard, and a cable is pulled out and plugged in again from its menu", async () => {
  await at("#/network");
  const cable = page.locator('rs-topology g.link[data-id$=":0"]');
  await page.locator('rs-topology g[data-id^="machine:"]').focus();
  await page.keyboard.press("ArrowUp");
  expect(await cable.evaluate((item) => item === (item.getRootNode() as ShadowRoot).activeElement)).toBe(
    true,
  );
  await page.keyboard.press("Enter");
  await page.locator("rs-item-menu button").first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator('rs-link-table td.state:has-text("not plugged in")').waitFor();
  await cable.focus();
  await page.keyboard.press("Enter");
  await page.locator("rs-item-menu button").first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator("rs-link-table tbody tr").first().locator("td.state.up").waitFor();
});

test("A cable that is dragged to another switch is plugged in there", async () => {
  await at("#/network");
  const drag = async (to: string) => {
    const plug = (await page.locator("rs-topology .plug").boundingBox())!;
    const target = (await page.locator(`rs-topology g[data-id="switch:${to}"]`).boundingBox())!;
    await page.mouse.move(plug.x + plug.width / 2, plug.y + plug.height / 2);
    await page.mouse.down();
    await page.mouse.move(target.x + 40, target.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.locator("rs-link-table tbody tr").first().locator(`a:has-text("${to}")`).waitFor();
  };
  await drag("vmnet1");
  await drag("vmnet8");
});

test("A frame that was captured shows its fields, marks their bytes, and is exported as pcapng", async () => {
  await at("#/network/vmnet8/capture");
  await press("rs-capture", "Start capturing");
  await page.locator("rs-frame-list").waitFor();
  await run("ping -c 3 192.168.10.2");
  await expectConsole(page, "3 packets received");
  await at("#/network/vmnet8/capture");
  const filter = page.locator("rs-capture .filter");
  await filter.fill("icmp or");
  await page.locator("rs-capture .filter.wrong").waitFor();
  await filter.fill('icmp "echo-reply"');
  await page.locator('rs-capture [role=status]:has-text("3 of")').waitFor();
  await page.locator("rs-frame-list [role=grid]").focus();
  await page.keyboard.press("Home");
  await page.locator('rs-frame-details button:has-text("Time to live: 128")').click();
  expect(await page.locator("rs-frame-details mark").allInnerTexts()).toEqual(["80", "·"]);
  const download = page.waitForEvent("download");
  await press("rs-capture", "Export pcapng");
  const file = readPcapng(readFileSync(await (await download).path()));
  expect(file.interfaces).toEqual(["vmnet8"]);
  expect(file.frames.filter(({ bytes }) => dissect(bytes).info.startsWith("echo-reply"))).toHaveLength(3);
});

test("A held network goes on frame by frame, each with what was decided, while its machine stands still", async () => {
  await run("ping -c 1 -W 2 192.168.10.2 && echo went-$((1+1))");
  await expectConsole(page, "went-2");
  await at("#/network/vmnet8/step");
  await press("rs-step-panel", "Step");
  await page.locator('rs-library a:has-text("Paused")').waitFor();
  await run("ping -c 1 -W 2 192.168.10.2");
  await at("#/network/vmnet8/step");
  const forward = page.locator("rs-step-panel .forward button");
  const rows = page.locator("rs-step-panel tbody tr");
  for (let n = 0; n < 40 && (await rows.filter({ hasText: "echo-reply" }).count()) < 2; n++) {
    await page.locator("rs-step-panel .forward button:not([aria-disabled])").waitFor();
    await forward.click();
  }
  await page.locator("rs-topology [data-frame]").waitFor();
  const inHand = page.locator("rs-step-panel tr[data-chosen] button");
  const newest = Number(await inHand.innerText());
  await press("rs-step-panel", "Back");
  expect(Number(await inHand.innerText())).toBe(newest - 1);
  await rows.filter({ hasText: "echo-request" }).first().locator("button").click();
  expect(await page.locator("rs-step-panel .hand li").allInnerTexts()).toContainEqual(
    expect.stringMatching(/^vmnet8: forwarded it to port \d+, where it has learned /),
  );
  await run("ping -c 2 -W 2 192.168.10.2");
  await at("#/network/vmnet8/step");
  await page.locator("rs-step-panel select").selectOption({ label: "10 frames/s" });
  await press("rs-step-panel", "Play");
  await expect
    .poll(() => rows.filter({ hasText: "echo-reply" }).count(), { timeout: 60_000 })
    .toBeGreaterThan(3);
  await press("rs-step-panel", "Pause");
  await press("rs-step-panel", "Live");
  await page.locator('rs-library a:has-text("Running")').waitFor();
  await at(machine);
  await expectConsole(page, "2 packets received");
});

/** Opens the menu of an item of the drawing by keyboard and takes the line with this label. */
async function takeFromMenu(item: string, label: string): Promise<void> {
  await at("#/network");
  await page.locator(`rs-topology g[data-id${item}]`).focus();
  await page.keyboard.press("Enter");
  await page.locator("rs-item-menu button", { hasText: label }).click();
}

async function explain(target: string, from = "Linux"): Promise<void> {
  await at("#/network/ping");
  await page.locator("rs-ping-panel select").selectOption({ label: from });
  await page.locator("rs-ping-panel input").fill(target);
  await press("rs-ping-panel", "Ping and explain");
}

/** Sets one fault of a cable, in the direction away from the switch, and applies it; empty takes all away. */
async function setFault(item: string, field: string, value: string): Promise<void> {
  await takeFromMenu(item, "Faults…");
  const dialog = page.locator("rs-cable-faults");
  if (field === "") await press("rs-cable-faults", "No faults");
  else await dialog.getByLabel(`${field}, from the switch`).fill(value);
  await page.locator("rs-cable-faults .save button").click();
  await dialog.waitFor({ state: "detached" });
}

test("A fault on the machine's own cable is noticed by the guest, until it is taken away", async () => {
  await setFault('$=":0"', "Duplicated (%)", "100");
  await page.locator('rs-link-table tbody tr:first-child td:has-text("with faults")').waitFor();
  await run("ping -c 2 192.168.10.2");
  await expectConsole(page, "DUP!");
  await setFault('$=":0"', "", "");
  await run("ping -c 2 192.168.10.2; echo mended-$((1+1))");
  await expectConsole(page, "mended-2");
  expect(await consoleText(page)).not.toContain("DUP!");
});

test("A fault on the gateway's cable is what explains the guest's ping, and the machine's own is what it was", async () => {
  await setFault('="vmnet8/gateway"', "Loss (%)", "100");
  await explain("192.168.10.2");
  await page
    .locator('rs-ping-panel li.wrong:has-text("the fault on the cable of NAT gateway loses 100%")')
    .waitFor();
  await setFault('="vmnet8/gateway"', "", "");
  await explain("192.168.10.2");
  await page.locator('rs-ping-panel h2:has-text("Linux got an answer from 192.168.10.2")').waitFor();
});

test("A duplicate address on the network is named with the device that has it", async () => {
  await takeFromMenu('="switch:vmnet8"', "Troublemakers");
  const dialog = page.locator("rs-troublemakers");
  await dialog.locator("input").fill("192.168.10.2");
  await press("rs-troublemakers", "Add a duplicate address");
  await dialog.locator("li").waitFor();
  await page.keyboard.press("Escape");
  await explain("192.168.10.2");
  await page.locator('rs-ping-panel li.wrong:has-text("more than one has it")').waitFor();
  await takeFromMenu('="switch:vmnet8"', "Troublemakers");
  await press("rs-troublemakers li", "Remove");
  await dialog.locator("li").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
});

test("A simulated neighbour pings, and the way of its packet is told", async () => {
  await explain("www.baidu.com", "vmnet0: teacher");
  await page.locator('rs-ping-panel pre:has-text("Answer from 110.242.68.4")').waitFor();
  await page.locator('rs-ping-panel li:last-child:has-text("has 110.242.68.4 and answers")').waitFor();
});

test("A machine that is put into a VLAN of its own reaches the gateway no more", async () => {
  const setVlan = async (vlan: string) => {
    await takeFromMenu('$=":0"', "Network and VLAN…");
    await page.locator("rs-connect-nic input").fill(vlan);
    await press("rs-connect-nic", "Set VLAN");
    await page.locator("rs-connect-nic").waitFor({ state: "detached" });
  };
  await setVlan("10");
  await page.locator('rs-link-table tbody tr:first-child td:has-text("VLAN 10")').waitFor();
  await run("ping -c 1 -W 2 192.168.10.2 || echo apart-$((1+1))");
  await expectConsole(page, "apart-2");
  await setVlan("");
  // The dialog is gone before the switch port has changed: a single ping may still be lost.
  await run("until ping -c 1 -W 1 192.168.10.2; do sleep 1; done; echo together-$((1+1))");
  await expectConsole(page, "together-2");
});

test("The gateway's cable is captured, and its export is opened again to look at", async () => {
  await takeFromMenu('="vmnet8/gateway"', "Capture this cable");
  await press("rs-capture", "Start capturing");
  await page.locator("rs-frame-list").waitFor();
  const captured = await page.evaluate(() => location.hash);
  await run("ping -c 2 192.168.10.2");
  await expectConsole(page, "2 packets received");
  await at(captured);
  await page.locator("rs-capture .filter").fill("icmp");
  await page.locator('rs-capture [role=status]:has-text("4 of")').waitFor();
  const download = page.waitForEvent("download");
  await press("rs-capture", "Export pcapng");
  const path = await (await download).path();
  expect(readPcapng(readFileSync(path)).interfaces).toEqual([
    "vmnet8/gateway sent",
    "vmnet8/gateway received",
  ]);
  const file = { name: "lesson.pcapng", mimeType: "application/octet-stream", buffer: readFileSync(path) };
  await page.locator('rs-capture input[type="file"]').setInputFiles(file);
  await page.locator('rs-capture select:has(option:checked:text("lesson.pcapng"))').waitFor();
  await page.locator("rs-capture .filter").fill("icmp");
  await page.locator('rs-capture [role=status]:has-text("4 of")').waitFor();
});

test("A pcapng file that is damaged is refused with the offset of what is wrong", async () => {
  await at("#/network/vmnet8/capture");
  const buffer = readFileSync(join(import.meta.dirname, "../fixtures/network/tiny-guests.pcapng")).subarray(
    0,
    1000,
  );
  const file = { name: "cut.pcapng", mimeType: "application/octet-stream", buffer };
  await page.locator('rs-capture input[type="file"]').setInputFiles(file);
  await page.locator("rs-capture [role=alert]", { hasText: /“cut.pcapng”.*wrong at byte \d+/ }).waitFor();
});

test("A ping that fails is explained by its cause", async () => {
  await explain("10.9.9.9");
  await page.locator('rs-ping-panel li.wrong:has-text("the simulated Internet has none")').waitFor();
});

test("The Internet is saved as a zone file, which is opened again; a damaged one is refused with its path", async () => {
  await at("#/network/internet");
  const download = page.waitForEvent("download");
  await press("rs-zone-editor", "Save as a zone file");
  const zone = JSON.parse(readFileSync(await (await download).path(), "utf8")) as Zone;
  const open = (value: unknown) =>
    page.locator('rs-zone-editor input[type="file"]').setInputFiles({
      name: "zone.json",
      mimeType: "application/json",
      buffer: Buffer.from(JSON.stringify(value)),
    });
  zone.hosts[1].address = "1.2.3";
  await open(zone);
  await page
    .locator("rs-zone-editor [role=alert]", { hasText: "“zone.json” was refused: hosts[1].address: " })
    .waitFor();
  zone.hosts[1].address = "203.0.113.77";
  await open(zone);
  await page.locator('rs-zone-editor td:has-text("203.0.113.77")').waitFor();
  await page.locator("rs-zone-editor .cancel button").click();
});

test("A second DNS server that is none is refused beside its field", async () => {
  await at("#/network/editor/vmnet8");
  const servers = page.getByLabel("DNS servers");
  await servers.fill("119.29.29.29 1.2.3");
  await page
    .locator('rs-network-editor label:has-text("DNS servers") [role=alert]:has-text("1.2.3")')
    .waitFor();
  await page.locator("rs-network-editor .cancel button").click();
});

test("A scenario that is refused says why in the page's language", async () => {
  const visitor = await newVisitor(ringside, "zh-CN");
  const other = await visitor.newPage();
  await other.goto(`${ringside.address}#/network/editor/vmnet8`);
  const scenario = {
    ringside: 1,
    networks: [{ name: "vmnet5", kind: "host-only", subnet: "x" }],
    machines: [],
  };
  await other.locator('rs-outside input[type="file"]').setInputFiles({
    name: "bad.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(scenario)),
  });
  await other.locator("rs-outside [role=alert]", { hasText: "networks[0].subnet: 应为子网" }).waitFor();
  await visitor.close();
});

test("The editor refuses a subnet that overlaps, and a good one is there at once and after a reload", async () => {
  await at("#/network/editor/vmnet8");
  const subnet = page.locator("rs-network-editor input.address").first();
  await subnet.fill("192.168.56.0/24");
  await page
    .locator('rs-network-editor [role=alert]:has-text("overlaps 192.168.56.0/24 of vmnet1")')
    .waitFor();
  await subnet.fill("192.168.20.0/24");
  await press("rs-network-editor", "Apply");
  await page.locator('rs-network-editor .save button[aria-disabled="true"]').waitFor();
  await run("udhcpc -i ens33 -q && ping -c 1 192.168.20.2");
  await expectConsole(page, /from 192\.168\.20\.2.*ttl=128/);
  await at("#/network/editor/vmnet8");
  await page.reload();
  await page.locator('rs-network-editor td:has-text("192.168.20.0/24")').waitFor();
  await press("rs-network-editor", "Restore defaults");
  await press("rs-network-editor", "Apply");
});

test("The exported scenario is one that the command line plays, and another page takes it over", async () => {
  await at("#/network/editor/vmnet8");
  const download = page.waitForEvent("download");
  await press("rs-outside", "Export the laboratory");
  const path = await (await download).path();
  const read = parseScenario(readFileSync(path, "utf8"));
  expect(read.type === "ok" && read.value.machines.map(({ name }) => name)).toEqual(["Linux"]);
  const other = await (await newVisitor(ringside)).newPage();
  await other.goto(`${ringside.address}#/network/editor/vmnet8`);
  await other.locator('rs-outside input[type="file"]').setInputFiles(path);
  await other.locator('rs-library a:has-text("Linux")').waitFor();
  await other.context().close();
});

test.each(["en", "zh-CN"])("Every part of the workspace is free of axe's findings in %s", async (locale) => {
  const visitor = await newVisitor(ringside, locale, locale === "zh-CN");
  const other = await visitor.newPage();
  const problems: string[] = [];
  for (const part of ["", "/vmnet8/capture", "/vmnet8/step", "/editor/vmnet8", "/internet", "/ping"]) {
    await other.goto(`${ringside.address}#/network${part}`);
    await other.locator("rs-network nav a").first().waitFor();
    problems.push(...(await axeProblems(other)).map((problem) => `${part} ${problem}`));
  }
  expect(problems).toEqual([]);
  await visitor.close();
});
