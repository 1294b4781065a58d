/**
 * Builds dist/page (the page) and dist/node (the command line and its Workers), each only when a source is newer.
 * Usage: node tools/build.mjs [--page] [--node] [--force]; neither target named means both.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  lstatSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkNodeVersion, installPackages, root } from "./install.mjs";

/** Programs of dist/node: output name to source. Those that do not exist yet are left out. */
const NODE_ENTRIES = {
  ringside: "src/cli/main.ts",
  "machine-worker": "src/hypervisor-model/virtual-machines/machine-worker.ts",
  "warm-start-maker": "src/hypervisor-model/virtual-machines/warm-start-maker.ts",
  "bare-v86-thread": "test/benchmarks/bare-v86-thread.ts",
  "fabric-worker": "src/hypervisor-model/network/fabric-worker.ts",
};

function sourceFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourceFiles(path);
    return path.endsWith(".test.ts") ? [] : [path];
  });
}

/** Changes whenever a source changes. */
function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    const { mtimeMs, size } = lstatSync(join(root, path));
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest("hex");
}

function buildWhenStale(name, paths, force, build) {
  const folder = join(root, "dist", name);
  const stamp = join(root, "dist", `${name}.stamp`);
  const wanted = fingerprint(paths);
  const isFresh = () => existsSync(folder) && textOf(stamp) === wanted;
  if (!force && isFresh()) return;
  mkdirSync(join(root, "dist"), { recursive: true });
  const unlock = lock(join(root, "dist", `${name}.lock`));
  try {
    if (!force && isFresh()) return;
    rmSync(stamp, { force: true });
    build(folder);
    writeFileSync(stamp, wanted);
  } finally {
    unlock();
  }
}

/** Waits while another process builds the same; the file holds its process id, so that a dead one's lock does not count. */
function lock(path) {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!isAlive(readOwner(path))) rmSync(path, { force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

/** `undefined` while the owner has not written its id yet, or has just gone. */
function readOwner(path) {
  const text = textOf(path);
  return text ? Number(text) : undefined;
}

/** `undefined` where there is no such file. */
function textOf(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  if (pid === undefined) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function vite(...args) {
  const result = spawnSync(
    process.execPath,
    [join(root, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn", ...args],
    { cwd: root, stdio: ["ignore", 2, 2] },
  );
  if (result.status !== 0) {
    throw new Error("the build failed; the reason stands above");
  }
}

const COMMON_SOURCES = [
  "package-lock.json",
  "vite.config.ts",
  "tools/build.mjs",
  "tools/vite.node.config.ts",
];

export function buildNode(force = false) {
  const sources = [
    ...COMMON_SOURCES,
    ...["src/common", "src/emulator", "src/hypervisor-model", "src/labs", "src/cli", "test/benchmarks"]
      .filter((f) => existsSync(join(root, f)))
      .flatMap(sourceFiles),
  ];
  buildWhenStale("node", sources, force, () => {
    const entries = Object.entries(NODE_ENTRIES).filter(([, source]) => existsSync(join(root, source)));
    process.env.RINGSIDE_NODE_ENTRIES = JSON.stringify(Object.fromEntries(entries));
    vite("--config", join(root, "tools/vite.node.config.ts"));
  });
}

/** Copies what the manifests name, and nothing else, beside the page. */
function copyImages(target) {
  for (const entry of readdirSync(join(root, "images"), { withFileTypes: true })) {
    const manifestPath = join(root, "images", entry.name, "manifest.json");
    if (!entry.isDirectory() || !existsSync(manifestPath)) continue;
    const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
    for (const path of ["manifest.json", ...manifest.files.map((file) => file.path)]) {
      const to = join(target, entry.name, path);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(root, "images", entry.name, path), to);
    }
  }
}

export function buildPage(force = false) {
  const sources = [...COMMON_SOURCES, "index.html", ...["src", "images"].flatMap(sourceFiles)];
  buildWhenStale("page", sources, force, (folder) => {
    vite();
    copyImages(join(folder, "images"));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  checkNodeVersion();
  installPackages();
  const all = !process.argv.includes("--page") && !process.argv.includes("--node");
  const force = process.argv.includes("--force");
  if (all || process.argv.includes("--node")) buildNode(force);
  if (all || process.argv.includes("--page")) buildPage(force);
}
