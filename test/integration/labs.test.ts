/** Labs played by their bots through the real command. RINGSIDE_LABS names others than these, or "all". */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LAB_IDS } from "../../src/labs/catalogue.ts";
import { loadBot } from "../../src/labs/bots.ts";

const root = join(import.meta.dirname, "../..");
/** One of each kind: one guest and the frames of a network, several guests and networks, snapshots, clones. */
const SOME = ["L15", "L16", "L21", "L24"];
const wanted = process.env.RINGSIDE_LABS ?? SOME.join(",");
const labs = wanted === "all" ? LAB_IDS : wanted.split(",");
const LAB_MS = 300_000;

function lab(...argv: string[]) {
  const all = [join(root, "src/cli/ringside.mjs"), "lab", ...argv, "--json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: "utf8", timeout: LAB_MS });
  if (stdout === "") throw new Error(stderr);
  return {
    status,
    ...(JSON.parse(stdout) as {
      checks: { step: string; check: string; ok: boolean; sentence: string | null }[];
    }),
  };
}

const failed = ({ checks }: ReturnType<typeof lab>) =>
  checks.filter(({ ok }) => !ok).map(({ step, check, sentence }) => `${step}/${check}: ${sentence}`);

describe.each(labs)("lab %s", (id) => {
  test("its bot solves it", { timeout: LAB_MS }, () => {
    const result = lab("solve", id, "--seed", "11");
    expect(failed(result)).toEqual([]);
    expect(result.status).toBe(0);
  });

  test("doing nothing fails every check", { timeout: LAB_MS }, () => {
    const result = lab("check", id);
    expect(result.checks.filter(({ ok }) => ok)).toEqual([]);
    expect(result.checks.length).toBeGreaterThan(0);
  });

  test("each wrong way fails at its check", { timeout: 3 * LAB_MS }, async () => {
    const { wrongWays } = await loadBot(id);
    for (const [i, { failsAt }] of wrongWays.entries()) {
      const result = lab("solve", id, "--wrong", String(i + 1));
      expect(failed(result).map((line) => line.split(":")[0])).toContain(failsAt);
      expect(result.status).toBe(0);
    }
  });
});
