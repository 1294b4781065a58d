/** The page of the storage tests, and browsers with a profile that lasts and a process that can be killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type Page } from "playwright";
import { build } from "vite";
import { CHROMIUM_ARGUMENTS, findOrInstallChromium } from "../../tools/chromium.mjs";

/** Builds storage-page.ts as a page into `folder`. */
export async function buildStoragePage(folder: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir: folder,
      lib: {
        entry: join(import.meta.dirname, "storage-page.ts"),
        formats: ["iife"],
        name: "page",
        fileName: () => "page.js",
      },
    },
  });
  await writeFile(
    join(folder, "index.html"),
    "<!doctype html><title>storage</title><script src=page.js></script>",
  );
}

/** A browser with a profile that lasts and a process that can be killed. */
export async function inOwnBrowser(
  profile: string,
  address: string,
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

/** The log of IndexedDB's LevelDB, of the one origin that browsers of the profile have visited. */
export async function databaseLog(profile: string): Promise<string | undefined> {
  const folder = join(profile, "Default", "IndexedDB");
  const database = (await readdir(folder).catch(() => [])).find((name) => name.endsWith(".leveldb"));
  if (database === undefined) return undefined;
  const logs = (await readdir(join(folder, database))).filter((name) => name.endsWith(".log"));
  return join(folder, database, logs.sort().at(-1)!);
}

/** Leaves of the log's last record its header alone, as a kill does between the two writes that make a record. */
export async function cutLastRecord(log: string): Promise<void> {
  const BLOCK = 32768;
  const HEADER = 7;
  const bytes = await readFile(log);
  let last = 0;
  for (let at = 0; at + HEADER <= bytes.length;) {
    if (BLOCK - (at % BLOCK) < HEADER) {
      at += BLOCK - (at % BLOCK);
      continue;
    }
    last = at;
    at += HEADER + bytes.readUInt16LE(at + 4);
  }
  await truncate(log, last + HEADER);
}
