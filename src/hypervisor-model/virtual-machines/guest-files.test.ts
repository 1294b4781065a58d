import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { createDisk } from "../storage/disk-document.ts";
import { openDisk } from "../storage/disk.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { takeSnapshot } from "../storage/snapshots.ts";
import { GuestFiles } from "./guest-files.ts";

const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
const hasTools = ["mke2fs", "debugfs"].every((tool) => spawnSync(tool, ["-V"], { env }).status === 0);
const SIZE_MIB = 16;

describe.skipIf(!hasTools)("the guest's files on a disk of the store", () => {
  let folder: string;
  let image: string;
  const store = new MemoryStore();
  const files = new GuestFiles({ store });
  let disk: string;
  const snapshots: string[] = [];

  /** What debugfs changes is what the guest has written; then a snapshot. */
  async function write(...commands: string[]): Promise<void> {
    await writeFile(join(folder, "commands"), commands.join("\n"));
    if (commands.length > 0)
      execFileSync("debugfs", ["-w", "-f", join(folder, "commands"), image], { env, stdio: "pipe" });
    const open = await openDisk(store, disk);
    await open.write(0, await readFile(image));
    await open.close();
    const name = `s${snapshots.length}`;
    snapshots.push(
      (await takeSnapshot(store, { machine: "m", name, definition: {}, disks: [disk], now: 0 })).id,
    );
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ringside-files-"));
    image = join(folder, "image");
    const random = new Random(5);
    for (const [name, bytes] of Object.entries({ one: 40_000, two: 90_000, three: 20_000 }))
      await writeFile(join(folder, name), random.bytes(bytes));
    execFileSync("mke2fs", ["-q", "-F", "-t", "ext4", "-b", "4096", image, `${SIZE_MIB}M`], { env });
    ({ id: disk } = await createDisk(store, { sizeMiB: SIZE_MIB }));
    await write(`write ${join(folder, "one")} one`, `write ${join(folder, "two")} two`);
    await write(`write ${join(folder, "three")} three`, "rm one");
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("a file's blocks are those that hold what was written to it", async () => {
    const map = await files.on(disk);
    const open = await openDisk(store, disk, { readOnly: true });
    const parts: Uint8Array[] = [];
    for (const block of map.blocksOf(map.find("/two")!)) parts.push(await open.read(block * 4096, 4096));
    const written = await readFile(join(folder, "two"));
    expect(Buffer.concat(parts).subarray(0, written.length).equals(written)).toBe(true);
  });

  test("the difference of two snapshots names the files that came, went and stayed", async () => {
    const [difference] = await files.compare("m", snapshots[0], snapshots[1]);
    expect(difference.isKnown).toBe(true);
    const byPath = Object.fromEntries(
      difference.files.map(({ path, change, blocks }) => [path, { change, blocks }]),
    );
    expect(byPath["/three"]).toEqual({ change: "added", blocks: 5 });
    expect(byPath["/one"].change).toBe("gone");
    expect(byPath["/two"]).toBeUndefined();
    expect(byPath["/"]).toEqual({ change: "changed", blocks: 1 });
    expect(difference.metadata.map(({ what }) => what)).toContain("inode-table");
  });

  test("two snapshots of the same content differ in nothing", async () => {
    await write();
    expect(await files.compare("m", snapshots[1], snapshots[2])).toEqual([]);
  });
});

test("a disk without a file system has no files", async () => {
  const store = new MemoryStore();
  const { id } = await createDisk(store, { sizeMiB: 1 });
  const map = await new GuestFiles({ store }).on(id);
  expect(map.fileSystems).toEqual([]);
  expect(map.files).toEqual([]);
  expect(map.usesOf(3)).toEqual([]);
});
