/** What the assembler finds wrong, in the page's language. */
import { fillIn, type AssemblyProblem } from "../../../emulator/core/assembler/problem.ts";
import { messages } from "../../i18n/messages.ts";

export function problemText({ code, details }: AssemblyProblem): string {
  const { problem } = messages().cpu;
  const words: Readonly<Record<string, string>> = messages().cpu.words;
  return fillIn(
    problem[code],
    details.map((word) => words[word] ?? word),
  );
}
