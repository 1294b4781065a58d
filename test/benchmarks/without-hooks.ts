/**
 * The core built by Vite twice in the same way: as it is, and with every place taken out where a debugger or a debug register
 * looks in (`cpu.watch`). Both are loaded into this process, each with its own copy of the code.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin, Rollup } from "vite";

type BarePcModule = typeof import("../../src/emulator/core/debug/bare-pc.ts");

const ENTRY = "src/emulator/core/debug/bare-pc.ts";
const HOOK = /\b(?:this|cpu)\.watch !== null/g;
/** Fewer would mean that the sources have changed and the peer is no peer any more. */
const LEAST_HOOKS = 8;

export async function loadBoth(): Promise<{ plain: BarePcModule; stripped: BarePcModule; hooks: number }> {
  const root = process.env.RINGSIDE_ROOT ?? process.cwd();
  let hooks = 0;
  const strip: Plugin = {
    name: "without-hooks",
    enforce: "pre",
    transform: (code, id) =>
      // The debugger's own file turns them on and off.
      id.includes("/src/emulator/core/") && !id.endsWith("/watch.ts")
        ? code.replace(HOOK, () => (hooks++, "false"))
        : undefined,
  };
  const folder = mkdtempSync(join(tmpdir(), "ringside-bench-"));
  try {
    const plain = await load(root, folder, "plain", []);
    const stripped = await load(root, folder, "stripped", [strip]);
    if (hooks < LEAST_HOOKS) throw new Error(`only ${hooks} hooks were found to strip`);
    return { plain, stripped, hooks };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function load(root: string, folder: string, name: string, plugins: Plugin[]): Promise<BarePcModule> {
  // Only here: every other command would wait for it.
  const { build } = await import("vite");
  const built = (await build({
    root,
    configFile: false,
    logLevel: "error",
    plugins,
    ssr: { noExternal: true },
    build: { ssr: join(root, ENTRY), write: false, target: "node20", minify: false },
  })) as Rollup.RollupOutput;
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, built.output[0].code);
  return (await import(pathToFileURL(path).href)) as BarePcModule;
}
