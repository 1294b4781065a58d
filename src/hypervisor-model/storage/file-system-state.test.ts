import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { fileSystemState } from "./file-system-state.ts";

// mke2fs made it.
const image = () => gunzipSync(readFileSync("images/tiny/system-disk.img.gz")).subarray(0, 4096);

test("A file system that nobody has mounted yet is clean", () => {
  expect(fileSystemState(image())).toBe("clean");
});

test("One whose journal holds what is not in its place needs recovery", () => {
  const start = Uint8Array.from(image());
  start[1024 + 0x60] |= 4; // EXT4_FEATURE_INCOMPAT_RECOVER: the kernel sets it while the file system is mounted
  expect(fileSystemState(start)).toBe("needs-recovery");
});

test("A blank disk and a boot sector have no such file system", () => {
  expect(fileSystemState(new Uint8Array(4096))).toBeUndefined();
  expect(fileSystemState(new Uint8Array(512))).toBeUndefined();
});
