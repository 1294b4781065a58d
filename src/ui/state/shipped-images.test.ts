import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { leastMemory, SHIPPED_IMAGES } from "./shipped-images.ts";

test.each(Object.entries(SHIPPED_IMAGES))("%s needs the memory its manifest names", (name, memory) => {
  const file = new URL(`../../../images/${name}/manifest.json`, import.meta.url);
  expect((JSON.parse(readFileSync(file, "utf8")) as { memoryMiB: unknown }).memoryMiB).toEqual(memory);
});
test("A machine without an image may be as small as any", () =>
  expect(leastMemory({ type: "none" })).toBe(4));
