/**
 * Kills the browser at seeded random moments of what a user does with storage: afterwards the store opens, and every machine
 * and snapshot is what it was before the step that was cut off, or what it is after it; nothing else is stored.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../src/common/random.ts";
import { serve } from "../../tools/serve.mjs";
import { buildStoragePage, inOwnBrowser } from "./storage-browser.ts";
import type { StoragePage } from "./storage-page.ts";
import type { Step } from "./storage-work.ts";

const KILLS = process.env.RINGSIDE_LONG === "1" ? 120 : 20;
const SEED = Number(process.env.RINGSIDE_SEED ?? 20261124);

/** Each is cut off in turn, some time after it began. */
const KINDS = ["snapshot", "delete and merge", "revert", "import", "delete with children", "clone"];

declare const storagePage: StoragePage;
let folder: string;
let address: string;
let closeServer: () => void;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringside-crash-"));
  await buildStoragePage(join(folder, "page"));
  const served = await serve({ folder: join(folder, "page") });
  address = served.address;
  closeServer = () => served.server.close();
});

afterAll(async () => {
  closeServer?.();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

test(
  `no machine, snapshot or block is lost by ${KILLS} kills in the middle of work on storage (seed ${SEED})`,
  { timeout: KILLS * 30_000 },
  async () => {
    const random = new Random(SEED);
    let last: Step | undefined;
    for (let life = 0; life <= KILLS; life++) {
      await inOwnBrowser(join(folder, "profile"), address, async (page, killNow) => {
        const { digests, blocks } = await page.evaluate((seed) => storagePage.openWork(seed), SEED + life);
        const where = `life ${life}, after ${last?.what} (step ${last?.number}) of seed ${SEED + life - 1}`;
        if (last !== undefined) expect([last.before, last.after], where).toContainEqual(digests);
        expect(blocks.missing, where).toBe(0);
        // A pack of 64 blocks is written anew when less than half of it is used.
        expect(blocks.unused, where).toBeLessThanOrEqual(blocks.used);
        if (life === KILLS) return;
        const kind = KINDS[life % KINDS.length];
        const milliseconds = random.below(80);
        let isCutOff = false;
        await new Promise<void>((resolve, reject) => {
          const announce = (step: Step) => {
            last = step;
            if (!isCutOff && step.what.startsWith(kind))
              isCutOff = Boolean(setTimeout(resolve, milliseconds));
          };
          page
            .exposeFunction("announce", announce)
            .then(() => page.evaluate(() => storagePage.workForever()))
            .catch((error: Error) => {
              if (!isCutOff) reject(error);
            });
        });
        await killNow();
      });
    }
  },
);
