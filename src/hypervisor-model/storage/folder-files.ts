/** Files of a folder store: its header, files that are put in place in one step, and what the system says when it is full. */
import { open, readdir, readFile, rename, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { newFingerprintKey } from "./block-id.ts";
import { DamagedError, NewerVersionError, StorageFullError } from "./errors.ts";

const VERSION = 1;

/** The fingerprint key; makes the store when the folder has none of its files. */
export async function readKey(folder: string): Promise<Uint32Array> {
  const path = join(folder, "store.json");
  let text: string | undefined;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const names = await readdir(folder);
  const isMissing = (name: string) => !names.includes(name);
  const isUsed = names.some((name) => name === "journal" || name.startsWith("blocks-"));
  if (isUsed && (text === undefined || isMissing("journal"))) {
    const missing = text === undefined ? "store.json" : "journal";
    throw new DamagedError(
      `the store in ${folder} has lost its ${missing}; nothing in it was changed`,
      names.sort().join(", "),
      missing,
    );
  }
  if (text === undefined) {
    const key = newFingerprintKey();
    const text = JSON.stringify({ version: VERSION, fingerprintKey: [...key] });
    await replaceFile(folder, "store.json", [new TextEncoder().encode(text)]);
    return key;
  }
  let header: { version?: unknown; fingerprintKey?: unknown };
  try {
    header = JSON.parse(text) as typeof header;
  } catch {
    header = {};
  }
  if (typeof header.version === "number" && header.version > VERSION) {
    throw new NewerVersionError(
      `the store in ${folder} has version ${header.version}, this program knows ${VERSION}`,
      String(header.version),
      String(VERSION),
    );
  }
  const words = header.fingerprintKey;
  if (header.version !== VERSION || !Array.isArray(words) || words.length !== 4) {
    throw new DamagedError(`${path} is damaged`, text.slice(0, 80), "a store header");
  }
  return Uint32Array.from(words as number[]);
}

/** Puts a file in place of another, or none, in one step. */
export async function replaceFile(folder: string, name: string, parts: Uint8Array[]): Promise<void> {
  const temporary = join(folder, `${name}.new`);
  const file = await open(temporary, "w");
  try {
    for (const part of parts) await writeAll(file, part, undefined);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
  const directory = await open(folder, "r");
  await directory.sync().catch(() => {}); // not every system can
  await directory.close();
}

export async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  position: number | undefined,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(
      bytes,
      at,
      bytes.length - at,
      position === undefined ? null : position + at,
    );
    at += bytesWritten;
  }
}

/** A full disk by its own name. */
export function namedError(error: NodeJS.ErrnoException): Error {
  if (error.code === "ENOSPC" || error.code === "EDQUOT" || error.code === "EFBIG") {
    return new StorageFullError("there is no more room for the store", error.code, "free space");
  }
  return error;
}
