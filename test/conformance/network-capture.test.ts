/** An exported capture is read by our reader and by tshark, with no malformed packet. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CaptureRing } from "../../src/hypervisor-model/network/capture-ring.ts";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import { Fabric } from "../../src/hypervisor-model/network/fabric.ts";
import { DEFAULT_NETWORKS } from "../../src/hypervisor-model/network/network-config.ts";
import { readPcapng, writePcapng } from "../../src/hypervisor-model/network/pcapng.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;

/** The host adapter fetches a page, resolves and pings through a network with two of its own devices talking. */
function capture() {
  const fabric = new Fabric({
    networks: DEFAULT_NETWORKS,
    zone: DEFAULT_ZONE,
    seed: 1,
    now: 0,
    startTime: 1.7e12,
  });
  const network = fabric.network("vmnet0");
  const ring = new CaptureRing(1000, 1 << 20);
  network.tap = (frame, _port, time) => ring.add(0, 1.7e12 + time, frame);
  const { host } = network.hostAdapter!;
  host.sendIcmp(0x0a141e01, { type: "echo-request", identifier: 1, sequence: 1, data: new Uint8Array(56) });
  host.connect(0x0a141e0b, 80, {
    established: (connection) =>
      connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: teacher\r\n\r\n")),
    ended: (connection) => connection.close(),
  });
  for (let now = 0; now < 500; now++) fabric.tick(now);
  return writePcapng({
    interfaces: ["vmnet0"],
    frames: Array.from({ length: ring.size }, (_, i) => ring.at(i)!),
    dropped: ring.dropped,
  });
}

it("a written capture reads back the same", () => {
  const file = capture();
  const read = readPcapng(file);
  expect(read.interfaces).toEqual(["vmnet0"]);
  expect(read.frames.length).toBeGreaterThan(10);
  expect(writePcapng(read)).toEqual(file);
});

it.skipIf(!tshark)(
  "tshark finds ARP, ICMP and HTTP in it and nothing malformed (skipped without tshark)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "ringside-"));
    try {
      const file = join(folder, "capture.pcapng");
      writeFileSync(file, capture());
      const fields = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
        "-T",
        "fields",
        "-e",
        "_ws.col.Protocol",
        "-e",
        "frame.interface_name",
      ];
      const rows = execFileSync("tshark", ["-r", file, ...fields], { encoding: "utf8" })
        .trim()
        .split("\n");
      expect(new Set(rows.map((row) => row.split("\t")[1]))).toEqual(new Set(["vmnet0"]));
      const protocols = new Set(rows.map((row) => row.split("\t")[0]));
      for (const protocol of ["ARP", "ICMP", "TCP", "HTTP"]) expect([...protocols]).toContain(protocol);
      const bad =
        "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || tcp.analysis.retransmission";
      expect(execFileSync("tshark", ["-r", file, ...fields, "-Y", bad], { encoding: "utf8" })).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

it("a full ring keeps the newest frames and counts the others", () => {
  const ring = new CaptureRing(100, 1000);
  for (let n = 0; n < 500; n++) ring.add(0, n, new Uint8Array((n * 7) % 90).fill(n));
  expect(ring.size + ring.dropped).toBe(500);
  expect(ring.size).toBeGreaterThan(5);
  for (let i = 0; i < ring.size; i++) {
    const frame = ring.at(i)!;
    expect(frame.bytes).toEqual(new Uint8Array((frame.time * 7) % 90).fill(frame.time));
  }
});
