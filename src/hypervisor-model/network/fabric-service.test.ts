import { expect, it } from "vitest";
import { DEFAULT_ZONE } from "./default-zone.ts";
import { FabricService } from "./fabric-service.ts";
import { DEFAULT_NETWORKS } from "./network-config.ts";
import { readPcapng } from "./pcapng.ts";
import { ARP_REPLY, ARP_REQUEST, parseArp, serialiseArp } from "./wire/arp.ts";
import { serialiseEthernet } from "./wire/ethernet.ts";

it("a NIC's MessagePort carries frames both ways, and a capture holds both", async () => {
  const service = new FabricService({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: 1 });
  const { port1, port2 } = new MessageChannel();
  try {
    service.attach("vmnet8", "web-1:ens33", port2);
    service.startCapture("vmnet8", 100, 65_536);
    const answer = new Promise<Uint8Array>((resolve) => (port1.onmessage = (event) => resolve(event.data)));
    const own = { senderMac: 0x000c292d2e6b, senderAddress: 0xc0a80a82 };
    const payload = serialiseArp({ operation: ARP_REQUEST, ...own, targetMac: 0, targetAddress: 0xc0a80a02 });
    const frame = serialiseEthernet({
      type: "ethernet2",
      destination: 0xffffffffffff,
      source: own.senderMac,
      etherType: 0x0806,
      payload,
    });
    port1.postMessage(frame, [frame.buffer as ArrayBuffer]);
    expect(parseArp((await answer).subarray(14))).toMatchObject({
      operation: ARP_REPLY,
      senderAddress: 0xc0a80a02,
    });
    expect(readPcapng(service.exportCapture("vmnet8")).frames.length).toBe(2);
    expect(service.status("vmnet8").addresses.map(({ mac }) => mac)).toContain("00:0c:29:2d:2e:6b");
  } finally {
    port1.close();
    service.close();
  }
});

it("a cable's own capture has a direction for each of its two interfaces, before the faults", async () => {
  const service = new FabricService({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: 1 });
  const { port1, port2 } = new MessageChannel();
  try {
    const port = service.attach("vmnet8", "web-1:ens33", port2);
    service.startCapture(port, 100, 65_536);
    service.setFaults(port, "out", { lossPercent: 100 });
    const own = { senderMac: 0x000c292d2e6b, senderAddress: 0xc0a80a82 };
    const payload = serialiseArp({ operation: ARP_REQUEST, ...own, targetMac: 0, targetAddress: 0xc0a80a02 });
    const header = { destination: 0xffffffffffff, source: own.senderMac, etherType: 0x0806 };
    port1.postMessage(serialiseEthernet({ type: "ethernet2", ...header, payload }));
    await expect.poll(() => service.captured(port).size).toBe(2);
    const file = readPcapng(service.exportCapture(port));
    expect(file.interfaces).toEqual(["web-1:ens33 sent", "web-1:ens33 received"]);
    expect(file.frames.map((frame) => frame.interface)).toEqual([0, 1]);
  } finally {
    port1.close();
    service.close();
  }
});

it("probes the Internet from the host and tells what was decided meanwhile", async () => {
  const service = new FabricService({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: 1 });
  const told: string[] = [];
  try {
    service.watchDecisions("vmnet8", ({ decisions }) => told.push(...decisions.map(({ type }) => type)));
    const answer = await service.probe("vmnet8", "adapter", { type: "ping", to: "192.168.10.2" });
    expect(answer).toMatchObject({ type: "answered", by: "192.168.10.2", ttl: 128 });
    await expect
      .poll(() => told)
      .toEqual(expect.arrayContaining(["arp-asked", "arp-answered", "host-answered"]));
    service.watchDecisions("vmnet8", undefined);
  } finally {
    service.close();
  }
});

it("a capture's times are the network's own, also when its thread comes late", async () => {
  const service = new FabricService({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: 1 });
  const { port1, port2 } = new MessageChannel();
  try {
    const port = service.attach("vmnet8", "web-1:ens33", port2);
    service.startCapture(port, 100, 65_536);
    service.setFaults(port, "in", { delayMs: 50 });
    const own = { senderMac: 0x000c292d2e6b, senderAddress: 0xc0a80a82 };
    const payload = serialiseArp({ operation: ARP_REQUEST, ...own, targetMac: 0, targetAddress: 0xc0a80a02 });
    const header = { destination: 0xffffffffffff, source: own.senderMac, etherType: 0x0806 };
    port1.postMessage(serialiseEthernet({ type: "ethernet2", ...header, payload }));
    await expect.poll(() => service.captured(port).size, { interval: 1 }).toBe(1);
    const busyUntil = performance.now() + 200;
    while (performance.now() < busyUntil);
    await expect.poll(() => service.captured(port).size).toBe(2);
    const [request, answer] = service.frames(port, 0, 2);
    expect(answer.time - request.time).toBeCloseTo(50, 1);
  } finally {
    port1.close();
    service.close();
  }
});
