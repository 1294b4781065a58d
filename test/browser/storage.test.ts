/** The store in IndexedDB, in Chromium: its contract, reloads, kills of the browser, quota, refusal. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../src/common/random.ts";
import { CHROMIUM_ARGUMENTS, findOrInstallChromium } from "../../tools/chromium.mjs";
import { serve } from "../../tools/serve.mjs";
import type { StoragePage } from "./storage-page.ts";

const KILLS = 5;
const SEED = 20261123;
const MIB = 1 << 20;

declare const storagePage: StoragePage;
let folder: string;
let address: string;
let closeServer: () => void;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringside-storage-"));
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir: join(folder, "page"),
      lib: {
        entry: join(import.meta.dirname, "storage-page.ts"),
        formats: ["iife"],
        name: "page",
        fileName: () => "page.js",
      },
    },
  });
  await writeFile(
    join(folder, "page", "index.html"),
    "<!doctype html><title>storage</title><script src=page.js></script>",
  );
  const served = await serve({ folder: join(folder, "page") });
  address = served.address;
  closeServer = () => served.server.close();
  browser = await chromium.launch({
    executablePath: findOrInstallChromium(),
    args: CHROMIUM_ARGUMENTS,
  });
});

afterAll(async () => {
  await browser?.close();
  closeServer?.();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function openPage(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(address);
  return page;
}

test("The store in IndexedDB keeps the contract of every store", async () => {
  const page = await openPage();
  const names = await page.evaluate(() => storagePage.caseNames());
  expect(names.length).toBeGreaterThan(8);
  for (const [number, name] of names.entries()) {
    const problem = await page.evaluate(
      (number) =>
        storagePage.runCase(number).then(
          () => undefined,
          (error: Error) => String(error),
        ),
      number,
    );
    expect(problem, name).toBeUndefined();
  }
  await page.context().close();
});

test("A disk's bytes are there after a reload of the page", async () => {
  const page = await openPage();
  await page.evaluate(() => storagePage.writeDisk("d"));
  await page.reload();
  expect(await page.evaluate(() => storagePage.differencesOfDisk("d"))).toEqual([]);
  await page.context().close();
});

test("A commit beyond the quota is refused by name and leaves what was stored before", async () => {
  const page = await openPage();
  const devtools = await page.context().newCDPSession(page);
  // Before anything is stored: the browser reckons with the room it has found for a while.
  await devtools.send("Storage.overrideQuotaForOrigin", {
    origin: new URL(address).origin,
    quotaSize: 8 * MIB,
  });
  expect(await page.evaluate((bytes) => storagePage.storeRandom("before", bytes, 1), MIB)).toBe("no error");
  expect(await page.evaluate((bytes) => storagePage.storeTwice("large", bytes, 2), 16 * MIB)).toEqual([
    "StorageFullError",
    "StorageFullError",
    "256 blocks",
  ]);
  expect(await page.evaluate(() => storagePage.documentIsWhole("before"))).toBe(true);
  expect(await page.evaluate(() => storagePage.documentIsWhole("large"))).toBe(false);
  expect(await page.evaluate((bytes) => storagePage.storeRandom("small", bytes, 3), MIB)).toBe("no error");
  expect(await page.evaluate(() => storagePage.documentIsWhole("small"))).toBe(true);
  await page.context().close();
});

test("A page that is denied IndexedDB gets StorageUnavailableError", async () => {
  const page = await openPage();
  await page.setContent(`<iframe sandbox="allow-scripts" src="${address}index.html"></iframe>`);
  const frame = page.frames()[1];
  await frame.waitForFunction(() => typeof storagePage !== "undefined");
  expect(await frame.evaluate(() => storagePage.openError())).toBe("StorageUnavailableError");
  await page.context().close();
});

test("A page without IndexedDB gets StorageUnavailableError", async () => {
  const page = await openPage();
  await page.evaluate(() => Object.defineProperty(globalThis, "indexedDB", { value: undefined }));
  expect(await page.evaluate(() => storagePage.openError())).toBe("StorageUnavailableError");
  await page.context().close();
});

test(`No reported commit is lost by ${KILLS} kills of the browser (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const profile = join(folder, "profile");
  let reported = -1;
  for (let kill = 0; kill < KILLS; kill++) {
    const first = reported + 1;
    const milliseconds = 20 + random.below(600);
    await inOwnBrowser(profile, async (page, killNow) => {
      const progress = new Promise<void>((resolve) => {
        page.on("console", (message) => {
          if (!message.text().startsWith("stored ")) return;
          reported = Math.max(reported, Number(message.text().slice(7)));
          resolve();
        });
      });
      page
        .evaluate(
          (first) => storagePage.commitForever(first, (number) => console.log(`stored ${number}`)),
          first,
        )
        .catch(() => {}); // it ends with the browser
      await progress;
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await killNow();
    });
    await inOwnBrowser(profile, async (page) => {
      const newest = await page.evaluate(() => storagePage.checkCommits());
      expect(newest, `kill ${kill} after ${milliseconds} ms`).toBeGreaterThanOrEqual(reported);
      expect(reported).toBeGreaterThanOrEqual(first);
      reported = newest;
    });
  }
});

/** A browser with a profile that lasts and a process that can be killed. */
async function inOwnBrowser(
  profile: string,
  use: (page: Page, kill: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const child = spawn(
    findOrInstallChromium(),
    [
      ...CHROMIUM_ARGUMENTS,
      "--headless=new",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    { detached: true, stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const kill = async () => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // it has ended
    }
    await ended;
  };
  try {
    const remote = await chromium.connectOverCDP(await debuggerAddress(child));
    const page = await remote.contexts()[0].newPage();
    await page.goto(address);
    await use(page, kill);
  } finally {
    await kill();
  }
}

function debuggerAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stderr!.on("data", (data) => {
      output += String(data);
      const match = /DevTools listening on (ws:\S+)/.exec(output);
      if (match) resolve(match[1]);
    });
    child.once("close", () => reject(new Error(`Chromium ended: ${output}`)));
  });
}
