/** Our reading of file systems that mke2fs made, before debugfs (Debian's e2fsprogs). Skipped where there is none. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, mkdir, readFile, rm, writeFile, symlink, link } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { bytesSource } from "../formats/image.ts";
import { ExtFileSystem } from "./ext.ts";
import { FileMap } from "./file-map.ts";

const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
const run = (program: string, ...parameters: string[]) =>
  execFileSync(program, parameters, { encoding: "utf8", stdio: "pipe", env: { ...process.env, PATH } });
const hasTools = ["mke2fs", "debugfs"].every(
  (tool) => spawnSync(tool, ["-V"], { env: { ...process.env, PATH } }).status === 0,
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringside-ext-"));
  const root = join(folder, "root");
  await mkdir(join(root, "deep", "er"), { recursive: true });
  await mkdir(join(root, "many"));
  const random = new Random(3);
  await writeFile(join(root, "empty"), "");
  await writeFile(join(root, "small"), random.bytes(700));
  await writeFile(join(root, "deep", "er", "large"), random.bytes(3_000_000));
  await writeFile(join(root, "deep", "文件 with spaces"), random.bytes(20_000));
  await symlink("small", join(root, "short-link"));
  await symlink("x".repeat(90), join(root, "long-link"));
  await link(join(root, "small"), join(root, "deep", "small-again"));
  for (let number = 0; number < 300; number++)
    await writeFile(
      join(root, "many", `a file of a rather long name, number ${number}`),
      random.bytes(number * 40),
    );
});
afterAll(() => rm(folder, { recursive: true }));

/** An image of the folder, with a file that has holes and one in many pieces. */
async function makeImage(name: string, ...options: string[]): Promise<Uint8Array> {
  const image = join(folder, name);
  run("mke2fs", "-q", "-F", "-d", join(folder, "root"), ...options, image, "24M");
  await writeFile(join(folder, "piece"), new Random(9).bytes(60_000));
  const commands = Array.from(
    { length: 12 },
    (_, number) => `write ${join(folder, "piece")} piece-${number}`,
  );
  for (let number = 0; number < 12; number += 2) commands.push(`rm piece-${number}`);
  commands.push(`write ${join(folder, "root", "deep", "er", "large")} scattered`);
  await writeFile(join(folder, "commands"), commands.join("\n"));
  run("debugfs", "-w", "-f", join(folder, "commands"), image);
  return readFile(image);
}

/** Numbers of the blocks that debugfs says files have, indirect and extent blocks with them. */
async function blocksByDebugfs(image: string, paths: readonly string[]): Promise<number[][]> {
  const commands = join(folder, "blocks");
  await writeFile(commands, paths.map((path) => `blocks "${path}"\n`).join(""));
  const output = run("debugfs", "-f", commands, join(folder, image));
  // Each command is said again before its answer.
  const answers = output.split(/^debugfs: blocks .*\n/m).slice(1);
  expect(answers).toHaveLength(paths.length);
  return answers.map((answer) => answer.trim().split(/\s+/).filter(Boolean).map(Number));
}

const KINDS = {
  "ext2 of 1 KiB": ["-t", "ext2", "-b", "1024"],
  "ext3 of 4 KiB": ["-t", "ext3", "-b", "4096"],
  "ext4 of 1 KiB": ["-t", "ext4", "-b", "1024"],
  "ext4 of 4 KiB": ["-t", "ext4", "-b", "4096"],
  "ext4 without 64bit, of 2 KiB": ["-t", "ext4", "-b", "2048", "-O", "^64bit,^flex_bg"],
  "ext4 with inline data": ["-t", "ext4", "-b", "4096", "-I", "256", "-O", "inline_data"],
};

describe.skipIf(!hasTools).each(Object.entries(KINDS))("%s", (name, options) => {
  const image = name.replaceAll(" ", "-");
  let bytes: Uint8Array;
  let map: FileMap;
  beforeAll(async () => {
    bytes = await makeImage(image, ...options);
    map = await FileMap.read(bytesSource(bytes));
  });

  test("it is recognised", () => {
    expect(map.problems).toEqual([]);
    expect(map.fileSystems.map(({ kind }) => kind)).toEqual([name.slice(0, 4)]);
    expect(map.isCut).toBe(false);
  });

  test("every file has the blocks that debugfs says it has", async () => {
    const { blockSize } = map.fileSystems[0];
    expect(map.files.length).toBeGreaterThan(310);
    const checked = map.files.filter(({ type }) => type !== "link");
    const told = await blocksByDebugfs(
      image,
      checked.map(({ path }) => path),
    );
    for (const [at, file] of checked.entries()) {
      const expected = new Set(told[at].map((block) => Math.floor((block * blockSize) / 4096)));
      expect(map.blocksOf(file), file.path).toEqual([...expected].sort((a, b) => a - b));
    }
  });

  test("every block of a file is said to be of that file", () => {
    for (const file of map.files)
      for (const block of map.blocksOf(file))
        expect(map.usesOf(block), `block ${block}`).toContainEqual({ type: "file", file });
  });

  test("a file's bytes, put together from its blocks, are those that were written", async () => {
    const system = await ExtFileSystem.open(bytesSource(bytes));
    const root = (await system.root())!;
    const entry = (await system.entriesOf(root)).find((one) => one.name === "scattered")!;
    const inode = (await system.inode(entry.inode))!;
    const found = new Uint8Array(inode.sizeBytes);
    for (const { first, count, use, at } of await system.runsOf(inode)) {
      if (use !== "data") continue;
      const start = at! * system.blockSize;
      const from = first * system.blockSize;
      found.set(bytes.subarray(from, from + Math.min(count * system.blockSize, found.length - start)), start);
    }
    const written = await readFile(join(folder, "root", "deep", "er", "large"));
    expect(Buffer.compare(found, written)).toBe(0);
  });

  test("what debugfs says is in use is of a file or of the file system itself", () => {
    const { blockSize } = map.fileSystems[0];
    const last = bytes.length / blockSize - 1;
    const output = run("debugfs", "-R", `testb 1 ${last}`, join(folder, image));
    const inUse = [...output.matchAll(/Block (\d+) marked in use/g)].map(([, block]) => Number(block));
    const unknown = inUse.filter((block) => map.usesOf(Math.floor((block * blockSize) / 4096)).length === 0);
    expect(inUse.length).toBeGreaterThan(500);
    expect(unknown).toEqual([]);
  });
});

test.skipIf(!hasTools)("a file system in a partition is found there", async () => {
  const inside = await makeImage("inside", "-t", "ext4");
  const disk = new Uint8Array(inside.length + (2 << 20));
  disk.set(inside, 1 << 20);
  const record = new DataView(disk.buffer);
  record.setUint8(446 + 16 + 4, 0x83);
  record.setUint32(446 + 16 + 8, 2048, true);
  record.setUint32(446 + 16 + 12, inside.length / 512, true);
  record.setUint16(510, 0xaa55, true);
  const map = await FileMap.read(bytesSource(disk));
  expect(map.fileSystems.map(({ partition }) => partition.number)).toEqual([2]);
  const file = map.find("/small")!;
  const [[block]] = await blocksByDebugfs("inside", ["/small"]);
  const { blockSize } = map.fileSystems[0];
  expect(map.blocksOf(file)).toEqual([Math.floor(((1 << 20) + block * blockSize) / 4096)]);
});

const MUTATIONS = Number(process.env.RINGSIDE_LONG === "1" ? 10_000 : 300);
const SEED = 20261124;

test.skipIf(!hasTools)(
  `${MUTATIONS} damaged file systems are read or refused, in bounded time (seed ${SEED})`,
  { timeout: 1_800_000 },
  async () => {
    const random = new Random(SEED);
    for (const [name, options] of Object.entries(KINDS)) {
      const image = name.replaceAll(" ", "-");
      const whole = await makeImage(image, ...options);
      const places = metadataPlaces(await FileMap.read(bytesSource(whole)), whole.length);
      const bytes = whole.slice();
      for (let round = 0; round < MUTATIONS / Object.keys(KINDS).length; round++) {
        const changed: number[] = [];
        for (let count = 1 + random.below(6); count > 0; count--) {
          const at =
            round % 3 === 0
              ? 1024 + random.below(360)
              : places[random.below(places.length)] + random.below(4096);
          bytes[at] = random.below(3) === 0 ? 0xff : random.below(256);
          changed.push(at);
        }
        const map = await FileMap.read(bytesSource(bytes));
        for (const { error } of map.problems)
          expect(["FormatError", "UnsupportedFormatError"]).toContain(error.name);
        for (const file of map.files.slice(0, 3))
          for (const block of map.blocksOf(file).slice(0, 50))
            expect(block * 4096).toBeLessThan(whole.length);
        for (const at of changed) bytes[at] = whole[at];
      }
    }
  },
);

/** Where a change means something: all that is the file system's own, and its directories. */
function metadataPlaces(map: FileMap, byteLength: number): number[] {
  const places: number[] = [];
  for (let block = 0; (block + 1) * 4096 <= byteLength; block++) {
    const isOurs = map
      .usesOf(block)
      .some((use) => (use.type === "metadata" ? use.what !== "journal" : use.file.type === "directory"));
    if (isOurs) places.push(block * 4096);
  }
  return places;
}
