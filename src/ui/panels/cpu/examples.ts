/** The example programs that come with the assembler. */
import { parseExample, type ExampleProgram } from "../../../emulator/core/assembler/example.ts";

const files = import.meta.glob<string>("../../../emulator/core/assembler/examples/*.asm", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const EXAMPLES: readonly ExampleProgram[] = Object.keys(files)
  .toSorted()
  .map((name) => parseExample(files[name]));
