/** What the switch and the NAT cost, on one core: frames a second, and how cost grows with ports and connections. */
import { EthernetSwitch } from "../../src/hypervisor-model/network/ethernet-switch.ts";
import { Nat } from "../../src/hypervisor-model/network/nat.ts";
import { ipv4Packet, serialiseIpv4 } from "../../src/hypervisor-model/network/wire/ipv4.ts";
import { writeMac } from "../../src/hypervisor-model/network/wire/mac-address.ts";
import { serialiseUdp } from "../../src/hypervisor-model/network/wire/udp.ts";

import type { Row } from "./bench.ts";

const ROUNDS = 5;

/** Best of a few rounds: seconds a piece. */
function best(count: number, work: (count: number) => void): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    work(count);
    least = Math.min(least, performance.now() - start);
  }
  return least / 1000 / count;
}

function switchCost(ports: number): number {
  let sent = 0;
  const device = new EthernetSwitch({ name: "bench", transmit: () => sent++ });
  const frames: Uint8Array[] = [];
  for (let port = 0; port < ports; port++) {
    device.addPort();
    const frame = new Uint8Array(64);
    writeMac(frame, 0, 0x020000000000 + ((port + 1) % ports));
    writeMac(frame, 6, 0x020000000000 + port);
    frame[12] = 8;
    frames.push(frame);
  }
  for (let port = 0; port < ports; port++) device.receive(port, frames[port], 0);
  const cost = best(1_000_000, (count) => {
    for (let n = 0, port = 0; n < count; n++) {
      device.receive(port, frames[port], n * 0.001);
      if (++port === ports) port = 0;
    }
  });
  if (sent < 1_000_000) throw new Error(`the switch passed on ${sent} frames of 5,000,000`);
  return cost;
}

function natCost(connections: number): { seconds: number; bytes: number } {
  const nat = new Nat({ name: "bench", outsideAddress: 0x0a141e0a, forwards: [] });
  const packets = Array.from({ length: connections }, (_, i) => {
    const source = 0xc0a80a80 + (i % 100);
    const payload = serialiseUdp(
      { sourcePort: 1024 + Math.floor(i / 100), destinationPort: 53, payload: new Uint8Array(20) },
      source,
      0x771d1d1d,
    );
    return serialiseIpv4(ipv4Packet({ source, destination: 0x771d1d1d, protocol: 17, payload }));
  });
  for (const packet of packets) nat.outbound(packet, 0);
  if (nat.table.size !== connections)
    throw new Error(`${nat.table.size} connections tracked, expected ${connections}`);
  // The same 50 packets each time, spread over the table: the packets' own cache misses are not the table's cost.
  const probe = packets.filter((_, i) => i % (connections / 50) === 0);
  const seconds = best(200_000, (count) => {
    for (let n = 0; n < count; n++) nat.outbound(probe[n % 50], 1);
  });
  return { seconds, bytes: nat.table.byteLength / connections };
}

/** Times in nanoseconds. */
export function benchmarkNetwork(): Row[] {
  const [four, sixteen, many] = [4, 16, 256].map((ports) => switchCost(ports) * 1e9);
  const few = natCost(50);
  const full = natCost(50_000);
  return [
    row("switch: a 64-byte frame through 16 ports, against 500,000 frames a second", sixteen, 2000, 1),
    row("switch: a frame at 256 ports, against 4 ports", many, four, 1.5),
    row("NAT: a packet with 50,000 connections, against 50", full.seconds * 1e9, few.seconds * 1e9, 1.5),
    row("NAT: bytes a connection at 50,000, against 300", full.bytes, 300, 1),
  ];
}

function row(work: string, ours: number, peer: number, limit: number): Row {
  return { work, ours, peer, ratio: ours / peer, limit };
}
