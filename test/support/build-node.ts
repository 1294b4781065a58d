/** Before whole-machine tests: dist/node holds the Workers as the sources are now. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export default function buildNode(): void {
  const root = join(import.meta.dirname, "../..");
  const { status } = spawnSync(process.execPath, ["tools/build.mjs", "--node"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("dist/node could not be built; the reason stands above");
}
