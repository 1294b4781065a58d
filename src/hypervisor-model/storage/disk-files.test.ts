import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { createDisk, listDisks } from "./disk-document.ts";
import { contentsOfDisk, importDisk } from "./disk-files.ts";
import { openDisk } from "./disk.ts";
import { bytesSource, type ByteSink, type DiskContents } from "./formats/image.ts";
import { serialiseQcow2 } from "./formats/qcow2.ts";
import { serialiseRaw } from "./formats/raw.ts";
import { serialiseVmdk } from "./formats/vmdk.ts";
import { MemoryStore } from "./memory-store.ts";

const MIB = 1 << 20;

const writers: Record<string, (contents: DiskContents, sink: ByteSink) => Promise<void>> = {
  raw: serialiseRaw,
  qcow2: serialiseQcow2,
  vmdk: (contents, sink) => serialiseVmdk(contents, "d.vmdk", "1234abcd", sink),
};

async function exported(format: string) {
  const store = new MemoryStore();
  const { id } = await createDisk(store, { sizeMiB: 8 });
  const disk = await openDisk(store, id);
  void disk.write(0, new Random(1).bytes(100_352));
  void disk.write(8 * MIB - 512, new Uint8Array(512).fill(5));
  await disk.flush();
  const parts: Uint8Array[] = [];
  await writers[format](contentsOfDisk(disk), (bytes) => void parts.push(bytes.slice()));
  return { store, file: Buffer.concat(parts), bytes: await disk.read(0, 8 * MIB) };
}

test.each(Object.keys(writers))("a disk exported as %s is imported with the same bytes", async (format) => {
  const { file, bytes } = await exported(format);
  const store = new MemoryStore();
  const { id, name } = await importDisk(store, "lab.img", () => bytesSource(file));
  expect(name).toBe("lab");
  const found = await (await openDisk(store, id)).read(0, 8 * MIB);
  expect(Buffer.compare(found, bytes)).toBe(0);
});

test("an import that fails in the middle leaves nothing", async () => {
  const { file } = await exported("qcow2");
  const store = new MemoryStore();
  const cut = file.subarray(0, file.length - 2 * 65536);
  await expect(importDisk(store, "d", () => bytesSource(cut))).rejects.toMatchObject({ name: "FormatError" });
  expect(await listDisks(store)).toEqual([]);
  expect(await store.list("layers")).toEqual([]);
  expect((await store.usage()).blocks).toBe(0);
});
