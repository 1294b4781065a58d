/** Snapshots of a live guest in Chromium: the page's longest task meanwhile, and the time until they are in IndexedDB. */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright";
import { build } from "vite";
import { CHROMIUM_ARGUMENTS, findChromium } from "../../tools/chromium.mjs";
import { serve } from "../../tools/serve.mjs";
import type { Row, Wants } from "./bench.ts";
import type { SnapshotPage } from "./snapshot-page-entry.ts";

declare const snapshotPage: SnapshotPage;

export async function benchmarkStoragePage(
  imagesFolder: string,
  log: (line: string) => void,
  wants: Wants,
): Promise<Row[]> {
  const sizes = [64, 256].filter((memoryMiB) => wants(`page-${memoryMiB}`));
  if (sizes.length === 0) return [];
  const executablePath = findChromium();
  if (executablePath === undefined) {
    log("left out, as there is no Chromium: the page's longest task during a snapshot");
    return [];
  }
  const folder = await mkdtemp(join(tmpdir(), "ringside-snapshot-page-"));
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html><title>snapshots</title><script type=module src=${JSON.stringify(join(imagesFolder, "../test/benchmarks/snapshot-page-entry.ts"))}></script>`,
  );
  await build({
    configFile: false,
    root: folder,
    base: "./",
    logLevel: "error",
    worker: { format: "es" },
    build: { outDir: join(folder, "page"), target: "chrome125", assetsInlineLimit: 0 },
  });
  await cp(imagesFolder, join(folder, "page", "images"), { recursive: true });
  const { server, address } = await serve({ folder: join(folder, "page") });
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
  const rows: Row[] = [];
  try {
    for (const memoryMiB of sizes) {
      const page = await (await browser.newContext()).newPage();
      await page.goto(address);
      await page.waitForFunction(() => typeof snapshotPage !== "undefined");
      await page.evaluate((memoryMiB) => snapshotPage.start(memoryMiB), memoryMiB);
      const first = await page.evaluate(() => snapshotPage.snapshot());
      const second = await page.evaluate(() => snapshotPage.snapshot());
      log(`Chromium, ${memoryMiB} MiB: ${JSON.stringify([first, second])}`);
      const longest = Math.max(first.longestTask, second.longestTask);
      rows.push(
        row(`Chromium: ms of the page's longest task during snapshots of ${memoryMiB} MiB; 50`, longest, 50),
        row(`Chromium: ms until the first of ${memoryMiB} MiB is committed; 1.5 s`, first.commit, 1500),
      );
      await page.context().close();
    }
  } finally {
    await browser.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
  return rows;
}

function row(work: string, ours: number, peer: number): Row {
  return { work, ours, peer, ratio: ours / peer, limit: 1 };
}
