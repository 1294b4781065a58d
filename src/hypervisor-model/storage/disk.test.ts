import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createDisk, deleteDisk } from "./disk-document.ts";
import { openDisk } from "./disk.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Change } from "./store.ts";
import { StorageFullError } from "./errors.ts";

const MIB = 1 << 20;
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

async function blankDisk(sizeMiB = 4, store = new MemoryStore()) {
  const { id } = await createDisk(store, { sizeMiB });
  return { store, id, disk: await openDisk(store, id) };
}

describe("disk", () => {
  test("a blank disk reads as zeros, at once", async () => {
    const { disk } = await blankDisk();
    expect(disk.read(0, 8192)).toEqual(new Uint8Array(8192));
  });

  test("what was just written is read at once", async () => {
    const { disk } = await blankDisk();
    expect(disk.write(512, bytes(1024, 7))).toBeUndefined();
    expect(disk.read(0, 2048)).toEqual(new Uint8Array(2048).fill(7, 512, 1536));
    await disk.close();
  });

  test("what was written is there after closing and opening", async () => {
    const { store, id, disk } = await blankDisk();
    void disk.write(3 * MIB - 512, bytes(1024, 7));
    await disk.close();
    const again = await openDisk(store, id);
    expect(await again.read(3 * MIB - 1024, 2048)).toEqual(new Uint8Array(2048).fill(7, 512, 1536));
  });

  test("one sector written over a stored block keeps the block's other sectors", async () => {
    const { store, id, disk } = await blankDisk();
    void disk.write(0, bytes(4096, 1));
    await disk.close();
    const again = await openDisk(store, id);
    void again.write(1024, bytes(512, 2));
    expect(await again.read(0, 4096)).toEqual(bytes(4096, 1).fill(2, 1024, 1536));
    void again.write(2048, bytes(512, 3));
    await again.close();
    const third = await openDisk(store, id);
    expect(await third.read(0, 4096)).toEqual(bytes(4096, 1).fill(2, 1024, 1536).fill(3, 2048, 2560));
  });

  test("a save happens by itself soon after a write", async () => {
    const { store, id } = await blankDisk();
    const disk = await openDisk(store, id, { saveDelay: 1 });
    void disk.write(0, bytes(512, 5));
    while (disk.hasUnsavedWrites) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await (await openDisk(store, id)).read(0, 512)).toEqual(bytes(512, 5));
  });

  test("zeros written over data read as zeros and take no room", async () => {
    const { store, id, disk } = await blankDisk();
    void disk.write(0, bytes(4096, 1));
    await disk.flush();
    void disk.write(0, new Uint8Array(4096));
    await disk.close();
    await store.collectGarbage();
    expect((await store.usage()).blocks).toBe(0);
    expect(await (await openDisk(store, id)).read(0, 512)).toEqual(new Uint8Array(512));
  });

  test("equal blocks are stored once", async () => {
    const { store, disk } = await blankDisk();
    void disk.write(0, bytes(MIB, 1));
    await disk.close();
    expect((await store.usage()).blocks).toBe(1);
  });

  test("a disk of 64 GiB takes room for what is in it", async () => {
    const { store, id, disk } = await blankDisk(65536);
    void disk.write(65535 * MIB, bytes(512, 3));
    await disk.close();
    expect((await store.usage()).blocks).toBe(1);
    expect(await (await openDisk(store, id)).read(65535 * MIB, 512)).toEqual(bytes(512, 3));
  });

  test("a system disk starts with its template and zeros behind", async () => {
    const store = new MemoryStore();
    const template = gzipSync(bytes(MIB + 512, 4));
    const { id } = await createDisk(store, { sizeMiB: 4, template });
    const disk = await openDisk(store, id);
    expect(await disk.read(MIB, 1024)).toEqual(bytes(1024, 4).fill(0, 512));
    expect(disk.layerOf(0)).toBe(0);
    void disk.write(0, bytes(512, 9));
    expect(disk.layerOf(0)).toBe(1);
    await disk.close();
    const other = await createDisk(store, { sizeMiB: 8, template });
    expect(await (await openDisk(store, other.id)).read(0, 512)).toEqual(bytes(512, 4));
  });

  test("a template that is no gzip file or does not fit is refused", async () => {
    const store = new MemoryStore();
    await expect(createDisk(store, { sizeMiB: 1, template: bytes(100, 1) })).rejects.toMatchObject({
      name: "FormatError",
    });
    const large = gzipSync(new Uint8Array(2 * MIB));
    await expect(createDisk(store, { sizeMiB: 1, template: large })).rejects.toMatchObject({
      name: "FormatError",
    });
  });

  test("reads and writes beyond the end or not of whole sectors are rejected, not thrown", async () => {
    const { disk } = await blankDisk(1);
    await expect(disk.read(MIB, 512)).rejects.toThrow(RangeError);
    await expect(disk.read(1, 512)).rejects.toThrow(RangeError);
    await expect(disk.write(MIB - 512, new Uint8Array(1024))).rejects.toThrow(RangeError);
  });

  test("frozen layers keep their contents while the disk goes on", async () => {
    const { store, id, disk } = await blankDisk();
    void disk.write(0, bytes(4096, 1));
    const frozen = await disk.freeze()((put) => store.commit({ put }));
    void disk.write(0, bytes(4096, 2));
    await disk.close();
    const again = await openDisk(store, id);
    expect(again.chain.map((layer) => layer.id)[0]).toBe(frozen);
    expect(again.layerOf(0)).toBe(1);
    expect(await again.read(0, 4096)).toEqual(bytes(4096, 2));
  });

  test("a write during a freeze belongs to the new layer", async () => {
    const { store, disk } = await blankDisk();
    void disk.write(0, bytes(4096, 1));
    const freezing = disk.freeze()((put) => store.commit({ put }));
    void disk.write(4096, bytes(4096, 2));
    await freezing;
    await disk.close();
    expect([disk.layerOf(0), disk.layerOf(1)]).toEqual([0, 1]);
  });

  test("a full store is reported once, keeps the writes and recovers", async () => {
    const store = new (class extends MemoryStore {
      full = false;
      override async commit(change: Change) {
        if (this.full) throw new StorageFullError("full");
        await super.commit(change);
      }
    })();
    const { id } = await createDisk(store, { sizeMiB: 1 });
    const errors: Error[] = [];
    const disk = await openDisk(store, id, { onSaveError: (error) => errors.push(error) });
    store.full = true;
    void disk.write(0, bytes(512, 1));
    await expect(disk.flush()).rejects.toMatchObject({ name: "StorageFullError" });
    await expect(disk.flush()).rejects.toMatchObject({ name: "StorageFullError" });
    expect(errors).toHaveLength(1);
    expect(disk.read(0, 512)).toEqual(bytes(512, 1));
    store.full = false;
    await disk.close();
    expect(await (await openDisk(store, id)).read(0, 512)).toEqual(bytes(512, 1));
  });

  test("a deleted disk leaves nothing but the template it shares", async () => {
    const store = new MemoryStore();
    const template = gzipSync(bytes(8192, 4));
    const one = await createDisk(store, { sizeMiB: 1, template });
    const two = await createDisk(store, { sizeMiB: 1, template });
    await deleteDisk(store, one.id);
    expect((await store.usage()).blocks).toBe(1);
    await deleteDisk(store, two.id);
    expect((await store.usage()).blocks).toBe(0);
    expect(await store.list("layers")).toEqual([]);
    expect(await store.list("layer-maps")).toEqual([]);
  });
});
