/**
 * One process at a time uses a folder store: a file `lock` names it. A lock whose process has ended is taken over.
 */
import { readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InUseError } from "./errors.ts";

interface Holder {
  pid: number;
  /** When the process started, milliseconds since 1970: in a container a later process may have the same pid. */
  started: number;
}

const processStart = () => Math.round(Date.now() - process.uptime() * 1000);

export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "lock");
  const own: Holder = { pid: process.pid, started: processStart() };
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      await writeFile(path, JSON.stringify(own), { flag: "wx" });
      return async () => {
        await unlink(path).catch(() => {});
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await readHolder(path);
    if (holder && isRunning(holder)) {
      throw new InUseError(
        `the store in ${folder} is in use by process ${holder.pid}`,
        `in use by process ${holder.pid}`,
        "a store that no other process uses",
      );
    }
    if (holder) await unlink(path).catch(() => {});
    // A file without text yet is being written by somebody this very moment, or was left by a crash: look again.
    else await new Promise((resolve) => setTimeout(resolve, 30));
    if (!holder && attempt === 5) await unlink(path).catch(() => {});
  }
  throw new InUseError(
    `the lock of the store in ${folder} cannot be taken`,
    "a contended lock",
    "a free lock",
  );
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, "utf8")) as Holder;
    return Number.isInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(holder: Holder): boolean {
  if (holder.pid === process.pid) return Math.abs(holder.started - processStart()) < 2000;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
