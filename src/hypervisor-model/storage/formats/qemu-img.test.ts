/** Our images before qemu-img, and its images before us. Skipped where there is none (Debian's qemu-utils). */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { bytesSource, type ByteSink, type DiskContents } from "./image.ts";
import { openImageChain } from "./open-image.ts";
import { serialiseQcow2 } from "./qcow2.ts";
import { serialiseVmdk, splitVmdk } from "./vmdk.ts";

const hasQemuImg = spawnSync("qemu-img", ["--version"]).status === 0;
const SIZE = (12 << 20) + 512;
let folder: string;
let disk: Uint8Array;

const qemuImg = (...parameters: string[]) =>
  execFileSync("qemu-img", parameters, { cwd: folder, encoding: "utf8", stdio: "pipe" });

function contents(): DiskContents {
  return {
    sizeBytes: disk.length,
    hasData: (offset, length) => disk.subarray(offset, offset + length).some((byte) => byte !== 0),
    read: (offset, length) => disk.subarray(offset, offset + length),
  };
}

async function writeImage(name: string, write: (sink: ByteSink) => Promise<void>): Promise<void> {
  const parts: Uint8Array[] = [];
  await write((bytes) => void parts.push(bytes.slice()));
  await writeFile(join(folder, name), Buffer.concat(parts));
}

async function read(name: string): Promise<Uint8Array> {
  const chain = await openImageChain(name, (name) => {
    const path = join(folder, basename(name));
    return existsSync(path) ? bytesSource(readFileSync(path)) : undefined;
  });
  const bytes = new Uint8Array(chain.at(-1)!.sizeBytes);
  for (const image of chain)
    for await (const cluster of image.clusters())
      if (cluster.offset < bytes.length)
        bytes.set(cluster.bytes.subarray(0, bytes.length - cluster.offset), cluster.offset);
  return bytes;
}

describe.skipIf(!hasQemuImg)("disk images and qemu-img", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ringside-images-"));
    const random = new Random(7);
    disk = new Uint8Array(SIZE);
    disk.set(random.bytes(200_000), 0);
    disk.fill(0x41, 1 << 20, 3 << 20);
    disk.set(random.bytes(4096), 8 << 20);
    disk.set(random.bytes(1024), SIZE - 1024);
    await writeFile(join(folder, "disk.raw"), disk);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("an exported qcow2 image passes check and has the disk's content", async () => {
    await writeImage("ours.qcow2", (sink) => serialiseQcow2(contents(), sink));
    expect(qemuImg("check", "-f", "qcow2", "ours.qcow2")).toContain("No errors");
    expect(qemuImg("compare", "-f", "raw", "-F", "qcow2", "disk.raw", "ours.qcow2")).toContain("identical");
  });

  test("an exported VMDK of one file passes check and has the disk's content", async () => {
    await writeImage("ours.vmdk", (sink) => serialiseVmdk(contents(), "ours.vmdk", "89abcdef", sink));
    expect(qemuImg("check", "-f", "vmdk", "ours.vmdk")).toContain("No errors");
    expect(qemuImg("compare", "-f", "raw", "-F", "vmdk", "disk.raw", "ours.vmdk")).toContain("identical");
  });

  test("an exported split VMDK has the disk's content", async () => {
    for (const { name, write } of splitVmdk(contents(), "split.vmdk", "89abcdef"))
      await writeImage(name, write);
    expect(qemuImg("compare", "-f", "raw", "-F", "vmdk", "disk.raw", "split.vmdk")).toContain("identical");
  });

  test.each([
    ["qcow2", ["-O", "qcow2"]],
    ["compressed qcow2", ["-c", "-O", "qcow2"]],
    ["qcow2 of version 2", ["-O", "qcow2", "-o", "compat=0.10"]],
    ["qcow2 with clusters of 512 bytes", ["-O", "qcow2", "-o", "cluster_size=512"]],
    ["compressed qcow2 with clusters of 2 MiB", ["-c", "-O", "qcow2", "-o", "cluster_size=2M"]],
    ["VMDK", ["-O", "vmdk"]],
    ["split VMDK", ["-O", "vmdk", "-o", "subformat=twoGbMaxExtentSparse"]],
  ])("a %s image made by qemu-img is read", async (kind, options) => {
    const name = `theirs-${kind.replaceAll(" ", "-")}.img`;
    qemuImg("convert", "-f", "raw", ...options, "disk.raw", name);
    expect(Buffer.compare((await read(name)).subarray(0, SIZE), disk)).toBe(0);
  });

  test.each(["qcow2", "vmdk"])("a %s chain of a base and two overlays is read", async (format) => {
    const [base, middle, top] = ["base", "middle", "top"].map((name) => `${name}.${format}`);
    qemuImg("convert", "-f", "raw", "-O", format, "disk.raw", base);
    const expected = (await read(base)).slice();
    const random = new Random(8);
    for (const [below, image] of [
      [base, middle],
      [middle, top],
    ]) {
      qemuImg("create", "-f", format, "-b", below, "-F", format, image);
      const at = random.below(expected.length / 4096 - 20) * 4096;
      const value = 1 + random.below(255);
      execFileSync("qemu-io", ["-f", format, "-c", `write -P ${value} ${at} 69632`, image], {
        cwd: folder,
        stdio: "pipe",
      });
      expected.fill(value, at, at + 69632);
    }
    expect(Buffer.compare(await read(top), expected)).toBe(0);
  });

  test.each([
    [["-O", "vmdk", "-o", "subformat=streamOptimized"], "streamOptimized"],
    [["-O", "vmdk", "-o", "subformat=monolithicFlat"], "monolithicFlat"],
    [["-O", "qcow2", "-o", "extended_l2=on"], "extended L2 entries"],
    [["-O", "vdi"], "VDI"],
  ])("an image made with %j is refused by name", async (options, found) => {
    qemuImg("convert", "-f", "raw", ...options, "disk.raw", "refused.img");
    await expect(read("refused.img")).rejects.toMatchObject({ name: "UnsupportedFormatError", found });
  });
});
