/** Every image folder holds exactly what its manifest says, and says where it comes from. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const images = join(import.meta.dirname, "../../images");
const names = readdirSync(images, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

describe.each(names)("image %s", (name) => {
  const folder = join(images, name);
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));

  test("has a README and a build script", () => {
    expect(existsSync(join(folder, "README.md"))).toBe(true);
    expect(existsSync(join(folder, "build.sh"))).toBe(true);
  });

  test("has files of the sizes and SHA-256 digests that its manifest gives", () => {
    for (const file of manifest.files) {
      const bytes = readFileSync(join(folder, file.path));
      expect({
        path: file.path,
        bytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      }).toEqual({
        path: file.path,
        bytes: file.bytes,
        sha256: file.sha256,
      });
    }
  });

  test("names version, licence and source of each package in it", () => {
    expect(manifest.packages.length).toBeGreaterThan(0);
    for (const entry of manifest.packages) {
      expect(entry).toMatchObject({
        name: expect.stringMatching(/./),
        version: expect.stringMatching(/\d/),
        licence: expect.stringMatching(/./),
        source: expect.stringMatching(/./),
      });
    }
  });
});

test("the tiny image is at most 8 MB", () => {
  const manifest = JSON.parse(readFileSync(join(images, "tiny/manifest.json"), "utf8"));
  const bytes = manifest.files
    .filter((file: { role: string }) => file.role !== "warm-state")
    .reduce((sum: number, file: { bytes: number }) => sum + file.bytes, 0);
  expect(bytes).toBeLessThanOrEqual(8_000_000);
});
