import { expect, test } from "vitest";
import { catalogues, preferredLanguage } from "./messages.ts";

function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function")
    return [[path, String((value as (...a: unknown[]) => string)("«1»", "«2»", "«3»"))]];
  return Object.entries(value as object).flatMap(([key, inner]) =>
    texts(inner, path ? `${path}.${key}` : key),
  );
}
const english = new Map(texts(catalogues.en));
const chinese = new Map(texts(catalogues["zh-CN"]));

test("Both languages have the same keys", () =>
  expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort()));
test("No text is empty", () =>
  expect([...english, ...chinese].filter(([, text]) => text.trim() === "")).toEqual([]));
test("A Chinese sentence is not left in English", () => {
  const own = /^(language|command\.toggleLanguage|keysPad)/;
  const left = [...chinese].filter(
    ([key, text]) =>
      !own.test(key) && /[a-z]{4,} [a-z]{3,} [a-z]{3,}/i.test(text) && !/[\u4e00-\u9fff]/.test(text),
  );
  expect(left).toEqual([]);
});
test("Both languages use the same parameters", () => {
  const used = (text: string | undefined) => [...new Set(text?.match(/«\d»/g))].sort().join();
  const skipped = new Set(["status.load", "device.disk", "device.network", "status.guests"]);
  expect(
    [...english].filter(([key, text]) => !skipped.has(key) && used(text) !== used(chinese.get(key))),
  ).toEqual([]);
});
test("A Chinese browser gets Chinese", () => expect(preferredLanguage(["zh-HK", "en"])).toBe("zh-CN"));
test("A browser of another language gets English", () => expect(preferredLanguage(["de"])).toBe("en"));

test("A refusal that is a sentence of its own ends with one full stop", () => {
  const { en, "zh-CN": zhCn } = catalogues;
  expect(en.outside.refused("a", en.internet.refusal.list())).toBe(
    "“a” was refused: A list is missing. Nothing was changed.",
  );
  expect(zhCn.outside.refused("a", zhCn.internet.refusal.list())).toBe("“a”被拒绝：缺少列表。没有任何更改。");
});
