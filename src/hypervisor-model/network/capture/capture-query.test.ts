import { expect, test } from "vitest";
import { CaptureRing } from "../capture-ring.ts";
import { ETHERTYPE_ARP, serialiseEthernet } from "../wire/ethernet.ts";
import { ARP_REQUEST, serialiseArp } from "../wire/arp.ts";
import { BROADCAST_MAC } from "../wire/mac-address.ts";
import { matchingFrames, streamOf } from "./capture-query.ts";

function frame(isArp: boolean): Uint8Array {
  const request = {
    operation: ARP_REQUEST,
    senderMac: 2,
    senderAddress: 1,
    targetMac: 0,
    targetAddress: 2,
  };
  return serialiseEthernet({
    type: "ethernet2",
    destination: BROADCAST_MAC,
    source: 2,
    etherType: isArp ? ETHERTYPE_ARP : 0x88b5,
    payload: isArp ? serialiseArp(request) : new Uint8Array(46),
  });
}

/** Room for 10 frames; every third is ARP. */
function ringOf(count: number): CaptureRing {
  const ring = new CaptureRing(10, 4096);
  for (let n = 1; n <= count; n++) ring.add(0, n, frame(n % 3 === 0));
  return ring;
}

test("Frames are named by number, also after the oldest have made room", () => {
  expect([...matchingFrames(ringOf(14), "arp", 1, 100).numbers]).toEqual([6, 9, 12]);
});
test("A search goes on where it stopped", () => {
  const ring = ringOf(9);
  const first = matchingFrames(ring, "arp", 1, 4);
  const rest = matchingFrames(ring, "arp", first.next, 100);
  expect([first.next, [...first.numbers, ...rest.numbers], rest.next]).toEqual([5, [3, 6, 9], 10]);
});
test("A search beyond the last frame finds nothing and waits there", () => {
  expect(matchingFrames(ringOf(5), "", 6, 100)).toEqual({ numbers: new Uint32Array(0), next: 6 });
});
test("A frame that is no TCP belongs to no connection", () => {
  expect(streamOf(ringOf(3), 3)).toBeUndefined();
});
