/** The networks of a scenario, played on a real guest by the real command. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ringside-scenario-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a guest on the NAT network reaches the gateway, loses it by faults on either's cable and gets it back, all captured", () => {
  const ping = "ping -c 2 -W 2 192.168.10.2";
  const fault = (linkUp: boolean) => ({ fault: { network: "vmnet8", machine: "a", linkUp } });
  const file = join(folder, "nat.json");
  const document = {
    ringside: 1,
    networks: [{ name: "vmnet8", kind: "nat", subnet: "192.168.10.0/24", gateway: "192.168.10.2" }],
    machines: [{ name: "a", nics: [{ network: "vmnet8", mac: "00:0c:29:2d:2e:6b" }] }],
    steps: [
      {
        on: "a",
        run: "ip addr add 192.168.10.130/24 dev ens33 && ip link set ens33 up",
        expect: { exit: 0 },
      },
      { on: "a", run: ping, expect: { exit: 0, output: "2 packets received" } },
      fault(false),
      { on: "a", run: ping, expect: { exit: "nonzero" } },
      fault(true),
      { on: "a", run: ping, expect: { exit: 0 } },
      { fault: { network: "vmnet8", device: "gateway", direction: "in", lossPercent: 100 } },
      { on: "a", run: ping, expect: { exit: "nonzero" } },
      { fault: { network: "vmnet8", device: "gateway", lossPercent: 0 } },
      { on: "a", run: ping, expect: { exit: 0 } },
    ],
  };
  writeFileSync(file, JSON.stringify(document));
  const argv = [join(root, "src/cli/ringside.mjs"), "run", file, "--json", "--pcap", join(folder, "pcap")];
  const { status, stdout } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 110_000 });
  const { steps } = JSON.parse(stdout) as { steps: { ok: boolean; error: string | null }[] };
  expect(steps.map(({ ok, error }) => (ok ? "ok" : error))).toEqual(Array(10).fill("ok"));
  expect(status).toBe(0);
  const capture = readFileSync(join(folder, "pcap/vmnet8.pcapng"));
  expect(capture.readUInt32LE(0)).toBe(0x0a0d0d0a);
  expect(capture.includes(Buffer.from("000c292d2e6b", "hex"))).toBe(true);
});
