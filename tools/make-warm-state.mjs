/**
 * Boots an image and writes its warm states beside it: images/<image>/warm/<shape>.state.gz, listed in manifest.json.
 * Usage: node tools/make-warm-state.mjs [image] [folder of images]. To be run after every change of the image or of v86.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { buildNode } from "./build.mjs";
import { root } from "./install.mjs";

const [image = "tiny", folder = join(root, "images")] = process.argv.slice(2);
buildNode();
const { makeWarmState, WARM_SHAPES } = await import(join(root, "dist/node/warm-start-maker.js"));

const directory = join(resolve(folder), image);
const manifestPath = join(directory, "manifest.json");
const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
manifest.files = manifest.files.filter((file) => file.role !== "warm-state");
const save = () => writeFileSync(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
save();
rmSync(join(directory, "warm"), { recursive: true, force: true });
mkdirSync(join(directory, "warm"));

for (const shape of Object.keys(WARM_SHAPES)) {
  const { key, file } = await makeWarmState(resolve(folder), image, shape);
  const path = `warm/${shape}.state.gz`;
  const bytes = gzipSync(file, { level: 9 });
  writeFileSync(join(directory, path), bytes);
  manifest.files.push({
    path,
    role: "warm-state",
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    key,
  });
  console.log(`${path}: ${bytes.length} bytes (${file.length} uncompressed)`);
}
save();
process.exit(0);
