import type { TemplateResult } from "lit";
import { expect, test } from "vitest";
import { drawMarkdown } from "./markdown.ts";

/** The static parts of all templates, which alone become markup, and the texts between them. */
function partsOf(drawn: unknown): { markup: string; texts: string[] } {
  const markup: string[] = [];
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === "string") texts.push(value);
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === "object" && value !== null && "strings" in value) {
      const { strings, values } = value as TemplateResult;
      markup.push(...strings);
      values.forEach(walk);
    }
  };
  walk(drawn);
  return { markup: markup.join(""), texts };
}

const draw = (text: string) => partsOf(drawMarkdown(text, (code) => `code: ${code}`));

test.each([
  ["<script>alert(1)</script>"],
  ["a <img src=x onerror=alert(1)> b"],
  ["<div onclick='x()'>q</div>"],
  ["![picture](https://example.org/x.png)"],
  ["<!-- -->&lt;b&gt;"],
])("%j is shown as text, never markup", (text) => {
  const { markup, texts } = draw(text);
  expect(markup).toMatch(/^(<\/?p>)*$/);
  expect(texts.join("")).toBe(text);
});

test("A link that leads out of the page is not followed", () => {
  const { markup, texts } = draw("[go](javascript:alert(1)) [in](#/network)");
  expect(markup.match(/href/g)).toHaveLength(1);
  expect(texts).toContain("javascript:alert(1)");
  expect(texts).toContain("#/network");
});

test("Text, code and lists come out as they were written", () => {
  expect(draw("a **b** `x < y && z`").texts.join("")).toBe("a b x < y && z");
  expect(draw("```sh\nls -l\n```").texts).toEqual(["code: ls -l"]);
  expect(draw("1. one\n2. two").texts).toEqual(["one", "two"]);
});

test("A line break inside a Chinese sentence is no space, one inside an English sentence is", () => {
  expect(draw("虚拟\n机").texts.join("")).toBe("虚拟机");
  expect(draw("a\nb").texts.join("")).toBe("a\nb");
});
