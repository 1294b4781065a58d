/** The labs that come with Ringside: each is a folder here. Documents and texts are loaded when a lab is opened. */

export type LabLanguage = "zh-CN" | "en";

const documents = import.meta.glob<unknown>("./*/lab.json", { import: "default" });
const texts = import.meta.glob<string>("./*/text.*.md", { query: "?raw", import: "default" });

/** Ids in the order of the course. */
export const LAB_IDS: readonly string[] = Object.keys(documents)
  .map((path) => path.split("/")[1])
  .sort();

export class NoSuchLabError extends Error {
  override name = "NoSuchLabError";
  constructor(id: string) {
    super(`there is no lab "${id}"; there are ${LAB_IDS.join(", ")}`);
  }
}

/** Contents of lab.json, not yet checked. Throws `NoSuchLabError`. */
export function loadLabDocument(id: string): Promise<unknown> {
  const load = documents[`./${id}/lab.json`];
  if (load === undefined) throw new NoSuchLabError(id);
  return load();
}

/** The Markdown of a lab's text. Throws `NoSuchLabError`. */
export function loadLabText(id: string, language: LabLanguage): Promise<string> {
  const load = texts[`./${id}/text.${language}.md`];
  if (load === undefined) throw new NoSuchLabError(id);
  return load();
}
