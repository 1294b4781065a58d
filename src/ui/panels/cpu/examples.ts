/** The example programs that come with the assembler. */
import { parseExample, type ExampleProgram } from "../../../emulator/core/assembler/example.ts";
import type { Language } from "../../i18n/messages.ts";

const files = import.meta.glob<string>("../../../emulator/core/assembler/examples/*.asm", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const EXAMPLES: readonly ExampleProgram[] = Object.keys(files)
  .toSorted()
  .map((name) => parseExample(files[name]));

/** With its explanation in this language. */
export function exampleSource({ sources }: ExampleProgram, language: Language): string {
  return language === "zh-CN" ? sources.zh : sources.en;
}

/** Number of the example that this source is, in either language, or -1. */
export function exampleOf(source: string): number {
  return EXAMPLES.findIndex(({ sources }) => sources.en === source || sources.zh === source);
}
