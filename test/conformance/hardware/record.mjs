/** Records the fixture of this folder on this computer's processor: node test/conformance/hardware/record.mjs SEED SCALE */
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [seed, scale] = process.argv.slice(2).map(Number);
if (!Number.isInteger(seed) || !(scale > 0)) throw new Error("usage: record.mjs SEED SCALE");
const { module } = await runnerImport(fileURLToPath(new URL("record.ts", import.meta.url)), {
  configFile: false,
  logLevel: "error",
});
console.log(module.record(fileURLToPath(new URL(".", import.meta.url)), seed, scale));
