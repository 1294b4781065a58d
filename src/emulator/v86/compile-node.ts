/** Compiles v86's WebAssembly in Node. One module serves every machine. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

let compiling: Promise<WebAssembly.Module> | undefined;

export function compileV86(): Promise<WebAssembly.Module> {
  compiling ??= readFile(createRequire(import.meta.url).resolve("v86/build/v86.wasm")).then((bytes) =>
    WebAssembly.compile(bytes),
  );
  return compiling;
}
