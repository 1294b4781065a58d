/**
 * The built page in headless Chromium: from opening it to the first answer of the guest's agent, its longest task while four guests boot, and
 * what six idle guests cost the computer. Rows that need Chromium or the built page are left out by name without them.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Page } from "playwright";
import { CHROMIUM_ARGUMENTS, findChromium } from "../../tools/chromium.mjs";
import { serve } from "../../tools/serve.mjs";
import { GUEST_ANSWERS, MACHINE_STARTS } from "../../src/ui/state/start-marks.ts";
import { median, type BenchmarkRow } from "./benchmark-row.ts";

const PROMPT = /\[root@\S+ ~\]#/;
const OPENINGS = 3;
const SETTLE_MS = 2500;
const IDLE_SECONDS = 20;
const CLOCK_TICKS = 100;

type Log = (line: string) => void;

export async function benchmarkPage(imagesFolder: string, log: Log): Promise<BenchmarkRow[]> {
  const folder = join(imagesFolder, "../dist/page");
  const executablePath = findChromium();
  if (executablePath === undefined || !existsSync(join(folder, "index.html"))) {
    const missing = executablePath === undefined ? "there is no Chromium" : "the page has not been built";
    log(`left out, as ${missing}: opening the page, longest task, memory and CPU of six idle guests`);
    return [];
  }
  const { server, address } = await serve({ folder });
  const browserServer = await chromium.launchServer({ executablePath, args: CHROMIUM_ARGUMENTS });
  try {
    const browser = await chromium.connect(browserServer.wsEndpoint());
    const openings: number[] = [];
    const coldBoots: number[] = [];
    for (let round = 0; round < OPENINGS; round++) {
      const page = await (await browser.newContext({ locale: "en" })).newPage();
      // A new window's own pages load meanwhile.
      await page.waitForTimeout(SETTLE_MS);
      await page.goto(address);
      openings.push((await guestAnswers(page)).answered);
      await page.evaluate(() => performance.clearMarks());
      await page.locator('[data-command="power-off"] button').click();
      await page.locator("rs-action.now button").click();
      await page.getByRole("button", { name: "from cold" }).click();
      const { started, answered } = await guestAnswers(page);
      coldBoots.push(answered - started);
      await page.context().close();
      log(
        `opening the page ${openings[round].toFixed(2)} s, cold boot in it ${coldBoots[round].toFixed(2)} s`,
      );
    }

    const page = await (await browser.newContext({ locale: "en" })).newPage();
    await page.addInitScript(() => {
      const tasks = ((globalThis as unknown as { longTasks: number[] }).longTasks = []) as number[];
      new PerformanceObserver((list) =>
        tasks.push(...list.getEntries().map((entry) => entry.duration)),
      ).observe({
        type: "longtask",
        buffered: true,
      });
    });
    await page.goto(address);
    await prompt(page);
    for (let i = 2; i <= 4; i++) await addMachine(page, `guest ${i}`);
    const tasks = await page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks);
    for (let i = 5; i <= 6; i++) await addMachine(page, `guest ${i}`);
    await page.waitForTimeout(5000);
    const pid = browserServer.process().pid!;
    const busy = cpuSeconds(pid);
    await page.waitForTimeout(IDLE_SECONDS * 1000);
    const cpu = (cpuSeconds(pid) - busy) / IDLE_SECONDS;
    return [
      row(
        "opening the page to the agent's first answer; a cold boot in that page to the same",
        median(openings),
        median(coldBoots),
        0.35,
      ),
      row("ms of the page's longest task while four guests boot; 100 ms", Math.max(0, ...tasks), 100, 1),
      row("GiB of the browser with six idle guests of 64 MiB; 1.2 GiB", memoryBytes(pid) / 2 ** 30, 1.2, 1),
      row("cores busy with them; 0.3", cpu, 0.3, 1),
    ];
  } finally {
    await browserServer.close();
    server.close();
  }
}

function row(work: string, ours: number, peer: number, limit: number): BenchmarkRow {
  return { work, ours, peer, ratio: ours / peer, limit };
}

/** Seconds from the page's opening to the marks of the machine that started last. */
async function guestAnswers(page: Page): Promise<{ started: number; answered: number }> {
  const marks = [MACHINE_STARTS, GUEST_ANSWERS];
  await page.waitForFunction((name) => performance.getEntriesByName(name).length > 0, GUEST_ANSWERS, {
    polling: 100,
    timeout: 90_000,
  });
  const [started, answered] = await page.evaluate(
    (names) => names.map((name) => performance.getEntriesByName(name).at(-1)!.startTime / 1000),
    marks,
  );
  return { started, answered };
}

async function prompt(page: Page): Promise<void> {
  await page.locator(".xterm-rows:visible").filter({ hasText: PROMPT }).waitFor({ timeout: 90_000 });
}

/** Through the wizard, as a user does. */
async function addMachine(page: Page, name: string): Promise<void> {
  await page.locator("rs-library rs-action button").click();
  const next = page.locator("rs-wizard rs-action.next button");
  await page.getByLabel("Custom (advanced)").check();
  for (let i = 0; i < 3; i++) await next.click();
  await page.getByLabel("Virtual machine name").fill(name);
  for (let i = 0; i < 5; i++) await next.click();
  await prompt(page);
}

/** The process and all that descend from it. */
function processesOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const fields = statusFields(Number(entry));
    if (fields === undefined) continue;
    const parent = Number(fields[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** proc(5), /proc/PID/stat after the name: state, parent, … */
function statusFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function cpuSeconds(pid: number): number {
  return processesOf(pid).reduce((sum, one) => {
    const fields = statusFields(one);
    return fields === undefined ? sum : sum + (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
  }, 0);
}

/** Proportional set size: memory shared by several processes is counted once. */
function memoryBytes(pid: number): number {
  return processesOf(pid).reduce((sum, one) => {
    try {
      const [, kibibytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, "latin1"))!;
      return sum + Number(kibibytes) * 1024;
    } catch {
      return sum;
    }
  }, 0);
}
