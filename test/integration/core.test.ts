/** The core as a machine's engine, played by the real command: the same Linux as on v86, and both on one network. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ringside-core-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ringside = (...argv: string[]) =>
  spawnSync(process.execPath, [join(root, "src/cli/ringside.mjs"), ...argv], {
    encoding: "utf8",
    timeout: 280_000,
  });

test(
  "a guest on v86 and a guest on the core ping each other, and the core's guest powers itself off",
  {
    timeout: 300_000,
  },
  () => {
    const up = (address: string) => `ip addr add ${address}/24 dev ens33 && ip link set ens33 up`;
    const ping = (address: string) => `ping -c 3 -W 10 ${address}`;
    const answered = { exit: 0, output: "0% packet loss" };
    const file = join(folder, "both.json");
    const document = {
      ringside: 1,
      networks: [{ name: "lan", kind: "host-only" }],
      machines: [
        { name: "a", engine: "v86", nics: [{ network: "lan" }] },
        { name: "b", engine: "core", nics: [{ network: "lan", model: "virtio" }] },
      ],
      steps: [
        { on: "a", run: up("10.0.0.1"), expect: { exit: 0 } },
        { on: "b", run: up("10.0.0.2"), expect: { exit: 0 } },
        { on: "b", run: ping("10.0.0.1"), expect: answered },
        { on: "a", run: ping("10.0.0.2"), expect: answered },
        { on: "b", run: "grep -o 'Ringside core' /proc/cpuinfo", expect: { exit: 0 } },
        // The virtio console, which the kernel has found and bound.
        { on: "b", run: "echo through the ring > /dev/hvc0", expect: { exit: 0 } },
        { power: "b", to: "shutdown" },
      ],
    };
    writeFileSync(file, JSON.stringify(document));
    const { status, stdout, stderr } = ringside("run", file, "--json");
    expect(stdout, stderr).not.toBe("");
    const { steps } = JSON.parse(stdout) as { steps: { ok: boolean; error: string | null }[] };
    expect(steps.map(({ ok, error }) => (ok ? "ok" : error))).toEqual(Array(7).fill("ok"));
    expect(status).toBe(0);
  },
);
