import { expect, test } from "vitest";
import { createDisk } from "../storage/disk-document.ts";
import { openDisk } from "../storage/disk.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { ImageLoader } from "./images.ts";
import { StoreContents } from "./machine-contents.ts";

test("A disk that was imported for a new machine keeps its contents when the machine is made", async () => {
  const store = new MemoryStore();
  const id = "11111111-2222-4333-8444-555555555555";
  await createDisk(store, { id, name: "own", sizeMiB: 1 });
  const imported = await openDisk(store, id);
  await imported.write(512, new Uint8Array(512).fill(7));
  await imported.close();
  const contents = new StoreContents(store, new ImageLoader({ type: "folder", path: "images" }));
  await contents.createDisk({ id, name: "own", sizeMiB: 1 });
  const disk = await openDisk(store, id);
  expect((await disk.read(512, 512))[0]).toBe(7);
  await disk.close();
});
