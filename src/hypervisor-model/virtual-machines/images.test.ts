import { createHash } from "node:crypto";
import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ImageLoader } from "./images.ts";

const content = new TextEncoder().encode("kernel bytes");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function folderWith(kernel: Uint8Array | undefined, manifest?: string): ImageLoader {
  const path = mkdtempSync(join(tmpdir(), "ringside-images-"));
  mkdirSync(join(path, "tiny"));
  const files = [{ path: "vmlinuz", role: "kernel", bytes: content.length, sha256: sha256(content) }];
  writeFileSync(join(path, "tiny/manifest.json"), manifest ?? JSON.stringify({ files }));
  if (kernel !== undefined) writeFileSync(join(path, "tiny/vmlinuz"), kernel);
  return new ImageLoader({ type: "folder", path });
}

test("a file is handed out when size and digest are right", async () => {
  expect(await folderWith(content).readPath("tiny", "vmlinuz")).toEqual(content);
});

test("a shortened file is named as truncated", async () => {
  const loader = folderWith(content.subarray(0, 5));
  await expect(loader.readPath("tiny", "vmlinuz")).rejects.toMatchObject({ problem: "truncated" });
});

test("a changed byte is named as a wrong digest", async () => {
  const changed = content.slice();
  changed[3] ^= 1;
  await expect(folderWith(changed).readPath("tiny", "vmlinuz")).rejects.toMatchObject({
    problem: "wrong-digest",
  });
});

test("a missing file, a missing image and a path that leaves the folder are not found", async () => {
  const loader = folderWith(undefined);
  await expect(loader.readPath("tiny", "vmlinuz")).rejects.toMatchObject({ problem: "not-found" });
  await expect(loader.readPath("tiny", "other")).rejects.toMatchObject({ problem: "not-found" });
  await expect(loader.manifest("huge")).rejects.toMatchObject({ problem: "not-found" });
  await expect(loader.manifest("../tiny")).rejects.toMatchObject({ problem: "not-found" });
});

test("a manifest that makes no sense is no image", async () => {
  await expect(folderWith(content, "<html>").manifest("tiny")).rejects.toMatchObject({ problem: "no-image" });
  const outside = JSON.stringify({
    files: [{ path: "../secret", role: "kernel", bytes: 1, sha256: sha256(content) }],
  });
  await expect(folderWith(content, outside).manifest("tiny")).rejects.toMatchObject({ problem: "no-image" });
});

test("a server that is away is unreachable, and is asked again later", async () => {
  const server = createServer((_, response) => response.end(JSON.stringify({ files: [] })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const loader = new ImageLoader({ type: "url", base: `http://127.0.0.1:${port}/images/` });
  await new Promise((resolve) => server.close(resolve));
  await expect(loader.manifest("tiny")).rejects.toMatchObject({ problem: "unreachable" });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  expect((await loader.manifest("tiny")).files).toEqual([]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("the bytes of a file that comes over the network are counted to the last", async () => {
  const files = [{ path: "vmlinuz", role: "kernel", bytes: content.length, sha256: sha256(content) }];
  const server = createServer(({ url }, response) =>
    response.end(url?.endsWith(".json") ? JSON.stringify({ files }) : content),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const loader = new ImageLoader({ type: "url", base: `http://127.0.0.1:${port}/images/` });
  const seen: number[] = [];
  loader.onProgress = ({ doneBytes, totalBytes }) => seen.push(doneBytes, totalBytes);
  expect(await loader.readPath("tiny", "vmlinuz")).toEqual(content);
  expect(seen.slice(-2)).toEqual([content.length, content.length]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
