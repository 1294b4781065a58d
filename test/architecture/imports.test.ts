/** Imports point down only: the table of docs/architecture.md, checked on every source file. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Folder of src to the folders it may import besides itself. */
const ALLOWED: Record<string, string[]> = {
  common: [],
  emulator: ["common"],
  "hypervisor-model": ["common", "emulator"],
  labs: ["common", "emulator", "hypervisor-model"],
  cli: ["common", "emulator", "hypervisor-model", "labs"],
  ui: ["common", "emulator", "hypervisor-model", "labs"],
};

const IMPORT = /(?:import|export)\s[^"';]*?from\s*"([^"]+)"|import\s*\(\s*"([^"]+)"|import\s+"([^"]+)"/g;

const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(root, "src", name));

function importsOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3]);
}

test("every source file imports only from the folders below it", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = relative(join(root, "src"), file).split(/[\\/]/)[0];
    for (const target of importsOf(file).filter((name) => name.startsWith("."))) {
      const to = relative(join(root, "src"), normalize(join(dirname(file), target))).split(/[\\/]/)[0];
      if (to === ".." || to === from || ALLOWED[from]?.includes(to)) continue;
      wrong.push(`${relative(root, file)} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("npm v86 is imported in src/emulator/v86 alone", () => {
  const importers = files
    .filter((file) => importsOf(file).some((name) => name === "v86" || name.startsWith("v86/")))
    .map((file) => relative(root, file))
    .filter((file) => !file.startsWith(join("src", "emulator", "v86")));
  expect(importers).toEqual([]);
});

test("the core imports no npm package", () => {
  const wrong = files
    .filter(
      (file) =>
        relative(root, file).startsWith(join("src", "emulator", "core")) && !file.endsWith(".test.ts"),
    )
    .flatMap((file) => importsOf(file).filter((name) => !name.startsWith(".")));
  expect(wrong).toEqual([]);
});
