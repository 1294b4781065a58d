#!/usr/bin/env node
/** `ringside`: builds dist/node when it is missing or older than its sources, saying nothing, then runs it. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const build = spawnSync(process.execPath, [join(root, "tools/build.mjs"), "--node"], {
  stdio: ["ignore", "pipe", "pipe"],
});
if (build.status !== 0) {
  process.stderr.write(build.stdout);
  process.stderr.write(build.stderr);
  process.exit(2);
}
process.env.RINGSIDE_ROOT ??= root;
await import(pathToFileURL(join(root, "dist/node/ringside.js")).href);
