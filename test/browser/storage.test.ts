/** The store in IndexedDB, in Chromium: its contract, reloads, kills of the browser, quota, refusal. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../src/common/random.ts";
import { CHROMIUM_ARGUMENTS, findOrInstallChromium } from "../../tools/chromium.mjs";
import { serve } from "../../tools/serve.mjs";
import { buildStoragePage, cutLastRecord, databaseLog, inOwnBrowser } from "./storage-browser.ts";
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
  await buildStoragePage(join(folder, "page"));
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

test("A live snapshot beyond the quota is refused by name, the former state stays, and a smaller one is taken", async () => {
  const page = await openPage();
  const devtools = await page.context().newCDPSession(page);
  const { origin } = new URL(address);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 8 * MIB });
  const take = (bytes: number, seed: number) =>
    page.evaluate(([bytes, seed]) => storagePage.snapshotOf(bytes, seed), [bytes, seed]);
  expect(await take(MIB, 1)).toBe("no error, 1 snapshots, 2 layers, 1");
  expect(await take(16 * MIB, 2)).toBe("StorageFullError, 1 snapshots, 2 layers, 2");
  expect(await take(MIB, 3)).toBe("no error, 2 snapshots, 3 layers, 3");
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
    await inOwnBrowser(profile, address, async (page, killNow) => {
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
    await inOwnBrowser(profile, address, async (page) => {
      const newest = await page.evaluate(() => storagePage.checkCommits());
      expect(newest, `kill ${kill} after ${milliseconds} ms`).toBeGreaterThanOrEqual(reported);
      expect(reported).toBeGreaterThanOrEqual(first);
      reported = newest;
    });
  }
});

/**
 * What the store of a browser of this profile has when it is opened; adds `number`, then kills the browser. A database that was
 * there begins its log anew, in the browser's own time.
 */
async function addNumber(profile: string, number: number): Promise<{ before: string[]; losses: string[] }> {
  const old = await databaseLog(profile);
  let found = { before: [] as string[], losses: [] as string[] };
  await inOwnBrowser(profile, address, async (page, kill) => {
    found = await page.evaluate((number) => storagePage.addNumber(number), number);
    if (found.before.length > 0)
      await expect.poll(() => databaseLog(profile), { timeout: 60_000 }).not.toBe(old);
    await kill();
  });
  return found;
}

test("Nothing is lost at the second start after a kill in the middle of a record of the database's log", async () => {
  const profile = join(folder, "cut");
  await addNumber(profile, 1);
  await addNumber(profile, 2);
  await cutLastRecord((await databaseLog(profile))!);
  const [first] = (await addNumber(profile, 3)).before;
  expect(first).toBe("1");
  const { before, losses } = await addNumber(profile, 4);
  expect(losses).toEqual([]);
  expect(before).toEqual(expect.arrayContaining(["1", "3"]));
});

test("A database that the browser found damaged and deleted is told of, once it is opened again", async () => {
  const profile = join(folder, "damaged");
  await addNumber(profile, 1);
  const log = (await databaseLog(profile))!;
  const bytes = await readFile(log);
  bytes.fill(0xff, 20, 40);
  await writeFile(log, bytes);
  expect(await addNumber(profile, 2)).toEqual({ before: [], losses: [expect.stringMatching(/corrupt/)] });
  expect((await addNumber(profile, 3)).losses).toHaveLength(1);
});
