/** Recovery of a journal against what debugfs (e2fsprogs) recovers of the same one. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { bytesSource } from "../formats/image.ts";
import { ExtFileSystem } from "./ext.ts";
import { recovered } from "./journal.ts";

const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
const hasTools = ["mke2fs", "debugfs"].every((tool) => spawnSync(tool, ["-V"], { env }).status === 0);
/** Not used by anything else of an empty file system of 16 MiB. */
const FREE = 3000;
const MAGIC = [0xc0, 0x3b, 0x39, 0x98];

describe.skipIf(!hasTools)("a file system whose journal holds what is not in its place", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ringside-journal-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each([
    ["plain", "^metadata_csum,^64bit"],
    ["checksums and wide block numbers", "metadata_csum,64bit"],
  ])("reads as after the recovery (%s)", async (name, features) => {
    const image = join(folder, `${name.slice(0, 5)}.img`);
    const make = ["-q", "-F", "-t", "ext4", "-b", "4096", "-O", features, image, "16M"];
    execFileSync("mke2fs", make, { env });
    const random = new Random(7);
    const debug = async (...commands: string[]) => {
      await writeFile(join(folder, "commands"), commands.join("\n"));
      execFileSync("debugfs", ["-w", "-f", join(folder, "commands"), image], { env, stdio: "pipe" });
    };
    const contents = async (file: string, bytes: Uint8Array) => {
      await writeFile(join(folder, file), bytes);
      return join(folder, file);
    };
    const escaped = random.bytes(4096);
    escaped.set(MAGIC);
    const first = await contents("first", Buffer.concat([random.bytes(4096), escaped, random.bytes(4096)]));
    const second = await contents("second", random.bytes(4096));
    await debug(
      "journal_open",
      `journal_write -b ${FREE},${FREE + 1},${FREE + 2} ${first}`,
      `journal_write -b ${FREE + 2} ${second}`,
      `journal_write -r ${FREE}`,
      "journal_close",
    );
    const before = await readFile(image);
    const source = bytesSource(before);
    const system = await ExtFileSystem.open(source);
    const ours = await (await recovered(source, system)).read(FREE * 4096, 3 * 4096);
    await debug("journal_run");
    const after = await readFile(image);
    const theirs = after.subarray(FREE * 4096, (FREE + 3) * 4096);
    expect(Buffer.compare(ours, theirs)).toBe(0);
    // The journal was needed, a block was written twice, one was revoked, one begins as the journal's own blocks do.
    expect(Buffer.compare(theirs.subarray(8192), await readFile(second))).toBe(0);
    expect(theirs.subarray(0, 4096).every((byte) => byte === 0)).toBe(true);
    expect([...theirs.subarray(4096, 4100)]).toEqual(MAGIC);
    expect(Buffer.compare(before.subarray(FREE * 4096, (FREE + 3) * 4096), theirs)).not.toBe(0);
    const clean = bytesSource(after);
    expect(await recovered(clean, await ExtFileSystem.open(clean))).toBe(clean);
  });
});
