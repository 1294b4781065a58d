/** What the page must load before it paints: index.html, its scripts and their static imports, and style sheets. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const page = join(import.meta.dirname, "../../dist/page");

/** Files that load before the first paint, found by following static imports from index.html. */
function firstPaintFiles(): string[] {
  const html = readFileSync(join(page, "index.html"), "utf8");
  const found = new Set(["index.html"]);
  const queue = [...html.matchAll(/(?:src|href)="\.?\/?([^"]+\.(?:js|css))"/g)].map((match) => match[1]);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    if (!file.endsWith(".js")) continue;
    const text = readFileSync(join(page, file), "utf8");
    for (const match of text.matchAll(/(?:from|import)\s*"(\.[^"]+\.js)"/g))
      queue.push(join(dirname(file), match[1]));
  }
  return [...found];
}

test.skipIf(!existsSync(join(page, "index.html")))("the first paint needs at most 300 KiB gzipped", () => {
  const bytes = firstPaintFiles().reduce(
    (sum, file) => sum + gzipSync(readFileSync(join(page, file)), { level: 9 }).length,
    0,
  );
  expect(bytes).toBeLessThanOrEqual(300 * 1024);
});
