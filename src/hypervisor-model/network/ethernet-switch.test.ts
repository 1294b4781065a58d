import { describe, expect, it } from "vitest";
import { EthernetSwitch } from "./ethernet-switch.ts";
import { serialiseEthernet, type VlanTag } from "./wire/ethernet.ts";

function build(options: { floodsPerSecond?: number } = {}) {
  const sent: { port: number; frame: Uint8Array }[] = [];
  const device = new EthernetSwitch({
    name: "sw",
    transmit: (port, frame) => sent.push({ port, frame }),
    ...options,
  });
  const ports = (act: () => void) => {
    sent.length = 0;
    act();
    return sent.map(({ port }) => port);
  };
  return { device, sent, ports };
}

function frame(destination: number, source: number, vlan?: VlanTag): Uint8Array {
  const header = vlan === undefined ? { destination, source } : { destination, source, vlan };
  return serialiseEthernet({ type: "ethernet2", ...header, etherType: 0x9999, payload: new Uint8Array(46) });
}

const A = 0x020000000001;
const B = 0x020000000002;

describe("a switch", () => {
  it("floods what it does not know, forwards what it learned, and forgets it after 300 s", () => {
    const { device, ports } = build();
    for (let n = 0; n < 3; n++) device.addPort();
    expect(ports(() => device.receive(0, frame(B, A), 0))).toEqual([1, 2]);
    expect(ports(() => device.receive(1, frame(A, B), 1))).toEqual([0]);
    expect(ports(() => device.receive(0, frame(B, A), 2))).toEqual([1]);
    expect(ports(() => device.receive(0, frame(B, A), 300_002))).toEqual([1, 2]);
  });

  it("follows an address that moves to another port", () => {
    const { device, ports } = build();
    for (let n = 0; n < 3; n++) device.addPort();
    device.receive(1, frame(A, B), 0);
    device.receive(2, frame(A, B), 1);
    expect(ports(() => device.receive(0, frame(B, A), 2))).toEqual([2]);
  });

  it("keeps VLANs apart and tags frames on a trunk", () => {
    const { device, ports, sent } = build();
    device.addPort({ type: "access", vlan: 10 });
    device.addPort({ type: "access", vlan: 20 });
    device.addPort({ type: "access", vlan: 10 });
    device.addPort({ type: "trunk", vlans: [10, 20] });
    expect(ports(() => device.receive(0, frame(B, A), 0))).toEqual([2, 3]);
    expect(sent[0].frame).toEqual(frame(B, A));
    expect(sent[1].frame).toEqual(frame(B, A, { id: 10, priority: 0, dropEligible: false }));
    expect(
      ports(() => device.receive(3, frame(B, A, { id: 20, priority: 0, dropEligible: false }), 0)),
    ).toEqual([1]);
  });

  it("stops a broadcast storm from one port and lets another port's frames pass", () => {
    const { device, ports } = build({ floodsPerSecond: 100 });
    device.addPort();
    device.addPort();
    const storm = ports(() => {
      for (let n = 0; n < 1000; n++) device.receive(0, frame(0xffffffffffff, A), 0);
    });
    expect(storm.length).toBe(100);
    expect(device.drops.storm).toBe(900);
    expect(ports(() => device.receive(1, frame(0xffffffffffff, B), 0))).toEqual([0]);
  });

  it("has 256 ports and no more", () => {
    const { device } = build();
    for (let n = 0; n < 256; n++) expect(device.addPort()).toBe(n);
    expect(device.addPort()).toBeUndefined();
  });
});
