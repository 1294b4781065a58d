import { expect, test } from "vitest";
import { CaptureRing } from "../../hypervisor-model/network/capture-ring.ts";
import { matchingFrames } from "../../hypervisor-model/network/capture/capture-query.ts";
import { ARP_REQUEST, serialiseArp } from "../../hypervisor-model/network/wire/arp.ts";
import { ETHERTYPE_ARP, serialiseEthernet } from "../../hypervisor-model/network/wire/ethernet.ts";
import { BROADCAST_MAC } from "../../hypervisor-model/network/wire/mac-address.ts";
import { Capture } from "./capture.ts";
import type { CaptureSource } from "./capture-source.ts";

const request = { operation: ARP_REQUEST, senderMac: 2, senderAddress: 1, targetMac: 0, targetAddress: 2 };

/** Room for 10 frames; every third is ARP. */
function captureOf(count: number): Capture {
  const ring = new CaptureRing(10, 4096);
  for (let n = 1; n <= count; n++) {
    const isArp = n % 3 === 0;
    const payload = isArp ? serialiseArp(request) : new Uint8Array(46);
    const etherType = isArp ? ETHERTYPE_ARP : 0x88b5;
    ring.add(
      0,
      n,
      serialiseEthernet({ type: "ethernet2", destination: BROADCAST_MAC, source: 2, etherType, payload }),
    );
  }
  const source: CaptureSource = {
    state: async () => ({ size: ring.size, dropped: ring.dropped }),
    frames: async (from, amount) =>
      Array.from({ length: amount }, (_, i) => ring.at(from + i)).filter((frame) => frame !== undefined),
    matches: async (filter, from, limit) => matchingFrames(ring, filter, from, limit),
    stream: async () => undefined,
    pcapng: async () => new Uint8Array(0),
  };
  return new Capture(source);
}

async function settled(capture: Capture): Promise<void> {
  capture.watch();
  await new Promise((resolve) => setTimeout(resolve, 20));
  capture.unwatch();
}

test("Rows name frames by number, also when the oldest have made room", async () => {
  const capture = captureOf(14);
  await settled(capture);
  expect([capture.count, capture.numberAt(0), capture.numberAt(9), capture.rowOf(5)]).toEqual([10, 5, 14, 0]);
});
test("A filter leaves the rows it shows", async () => {
  const capture = captureOf(14);
  capture.setFilter("arp");
  await settled(capture);
  expect(Array.from({ length: capture.count }, (_, row) => capture.numberAt(row))).toEqual([6, 9, 12]);
});
test("Words that are no filter leave the list as it was, and say which word", async () => {
  const capture = captureOf(3);
  expect(capture.setFilter("arp and nonsense")).toBe(false);
  expect([capture.filter, capture.filterError?.word]).toEqual(["", "nonsense"]);
});
test("Rows in sight are there after they were asked for", async () => {
  const capture = captureOf(14);
  await settled(capture);
  await capture.need(1, 3);
  expect([capture.at(1)?.dissection.protocol, capture.at(2)?.number]).toEqual(["arp", 7]);
});
test("A paused list stands still", async () => {
  const capture = captureOf(5);
  capture.setPaused(true);
  await settled(capture);
  expect(capture.count).toBe(0);
});
