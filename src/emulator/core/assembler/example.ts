/** An example program: its first two lines are its titles, `; en: …` and `; zh: …`. */
export interface ExampleProgram {
  titles: { en: string; zh: string };
  source: string;
}

export function parseExample(source: string): ExampleProgram {
  const title = (language: string) => new RegExp(`^; ${language}: (.+)$`, "m").exec(source)?.[1].trim() ?? "";
  return { titles: { en: title("en"), zh: title("zh") }, source };
}
