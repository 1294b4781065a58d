/**
 * An example program. It begins with `; en: …` and `; zh: …` lines: the first of a language is the title, the others explain
 * it. Who reads it in one language sees those lines as plain comments, and not the other's.
 */
export interface ExampleProgram {
  titles: { en: string; zh: string };
  sources: { en: string; zh: string };
}

function header(source: string, language: string): string[] {
  return [...source.matchAll(new RegExp(`^; ${language}: (.+)$`, "gm"))].map(([, text]) => text.trim());
}

export function parseExample(text: string): ExampleProgram {
  const [en, zh] = [header(text, "en"), header(text, "zh")];
  const body = text.replace(/^(?:; (?:en|zh): .*\n)+/, "");
  const source = (lines: string[]) => [...lines.map((line) => `; ${line}`), body].join("\n");
  return { titles: { en: en[0] ?? "", zh: zh[0] ?? "" }, sources: { en: source(en), zh: source(zh) } };
}
