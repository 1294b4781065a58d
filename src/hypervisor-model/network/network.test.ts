/** A guest made of frames talks to each kind of network, at a clock that the test moves. */
import { describe, expect, it } from "vitest";
import type { NetworkConfig } from "./network-config.ts";
import { sendProbe, type Probe, type ProbeAnswer } from "./probe.ts";
import { formatAddress } from "./wire/ipv4-address.ts";
import {
  DHCP_DISCOVER,
  DHCP_REQUEST,
  OPTION_MESSAGE_TYPE,
  OPTION_REQUESTED_ADDRESS,
  OPTION_ROUTER,
  dhcpAddressOption,
  dhcpMessageType,
  parseDhcp,
  serialiseDhcp,
  words32,
  type DhcpMessage,
} from "./wire/dhcp.ts";
import { parseDns, serialiseDns, DNS_A } from "./wire/dns.ts";
import { isMalformed } from "./wire/malformed.ts";
import type { TcpConnection } from "./tcp-connection.ts";
import { address, Laboratory, natGuest, NETWORKS } from "../../../test/support/frame-laboratory.ts";

const ARP_GIVES_UP_MS = 4000;

function discover(type: number, mac: number, requested?: number): DhcpMessage {
  const options = [{ code: OPTION_MESSAGE_TYPE, data: new Uint8Array([type]) }];
  if (requested !== undefined)
    options.push({ code: OPTION_REQUESTED_ADDRESS, data: words32(requested) as Uint8Array<ArrayBuffer> });
  return {
    op: 1,
    hops: 0,
    transaction: 77,
    seconds: 0,
    broadcast: true,
    clientAddress: 0,
    yourAddress: 0,
    nextServer: 0,
    relay: 0,
    clientMac: mac,
    serverName: "",
    bootFile: "",
    options,
  };
}

/** A guest on vmnet8 that has asked for 192.168.10.200. */
const takeLease = (laboratory: Laboratory, own: string) => {
  const guest = laboratory.guest("vmnet8", "192.168.10.0/24", own, "192.168.10.2");
  const send = (message: DhcpMessage) =>
    guest.host.sendUdpFrom(0, 0xffffffff, 67, 68, serialiseDhcp(message));
  send(discover(DHCP_REQUEST, guest.mac, address("192.168.10.200")));
  laboratory.run(10);
  return guest;
};

const askFromHost = (laboratory: Laboratory, from: "adapter" | "outside", probe: Probe) => {
  let answer: ProbeAnswer | undefined;
  sendProbe(laboratory.fabric.network("vmnet8"), from, probe, 1000, (found) => (answer = found));
  laboratory.run(5000);
  return answer;
};

describe("a guest on the NAT network", () => {
  it("gets an answer with ttl 128 from the gateway", () => {
    const laboratory = new Laboratory();
    expect(laboratory.ping(natGuest(laboratory).host, "192.168.10.2")).toMatchObject({
      type: "echo-reply",
      ttl: 128,
    });
  });

  it("pings the host adapter and the simulated Internet, which answers with ttl 128", () => {
    const laboratory = new Laboratory();
    const { host } = natGuest(laboratory);
    expect(laboratory.ping(host, "192.168.10.1")?.type).toBe("echo-reply");
    expect(laboratory.ping(host, "110.242.68.4")).toMatchObject({
      type: "echo-reply",
      ttl: 128,
      source: address("110.242.68.4"),
    });
  });

  it("hears from each router in turn as the TTL grows", () => {
    const laboratory = new Laboratory();
    const { host } = natGuest(laboratory);
    const sources = [1, 2, 3].map((ttl) => laboratory.ping(host, "110.242.68.4", ttl));
    expect(sources.map((answer) => answer?.source)).toEqual(
      ["192.168.10.2", "100.64.0.1", "61.148.0.9"].map(address),
    );
    expect(sources.every((answer) => answer?.type === "time-exceeded")).toBe(true);
  });

  it("resolves www.baidu.com to an alias and its address at the gateway and at 119.29.29.29", () => {
    for (const server of ["192.168.10.2", "119.29.29.29"]) {
      const laboratory = new Laboratory();
      const { host } = natGuest(laboratory);
      let answers: unknown;
      host.onUdp(5000, ({ payload }) => {
        const message = parseDns(payload);
        if (!isMalformed(message)) answers = message.answers;
      });
      const flags = {
        id: 5,
        response: false,
        opcode: 0,
        authoritative: false,
        truncated: false,
        recursionDesired: true,
        recursionAvailable: false,
        responseCode: 0,
      };
      const questions = [{ name: "www.baidu.com", recordType: DNS_A, recordClass: 1 }];
      host.sendUdp(
        address(server),
        53,
        5000,
        serialiseDns({ ...flags, questions, answers: [], authorities: [], additionals: [] }),
      );
      laboratory.run(100);
      expect(answers, server).toMatchObject([
        { type: "CNAME", target: "www.a.shifen.com" },
        { type: "A", address: address("110.242.68.4") },
      ]);
    }
  });

  it("fetches a page of at least 1 KiB, also over a link that loses every tenth frame", () => {
    for (const lossPercent of [0, 10]) {
      const laboratory = new Laboratory();
      const { host, port } = natGuest(laboratory);
      laboratory.fabric.setFaults(port, "both", { lossPercent });
      let text = "";
      let closed = "";
      host.connect(address("110.242.68.4"), 80, {
        established: (connection) =>
          connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: www.baidu.com\r\n\r\n")),
        data: (_, bytes) => (text += new TextDecoder().decode(bytes)),
        ended: (connection) => connection.close(),
        closed: (_, reason) => (closed = reason),
      });
      laboratory.run(60_000);
      expect(closed, `loss ${lossPercent}`).toBe("finished");
      expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(text.length).toBeGreaterThan(1024 + 200);
      expect(text.endsWith("</html>\n")).toBe(true);
    }
  });

  it("takes a lease from .128 on by discover and request", () => {
    const laboratory = new Laboratory();
    const heard: DhcpMessage[] = [];
    const guest = laboratory.guest("vmnet8", "192.168.10.0/24", "192.168.10.77");
    guest.host.onUdp(68, ({ payload }) => {
      const message = parseDhcp(payload);
      if (!isMalformed(message)) heard.push(message);
    });
    const send = (message: DhcpMessage) =>
      guest.host.sendUdpFrom(0, 0xffffffff, 67, 68, serialiseDhcp(message));
    send(discover(DHCP_DISCOVER, guest.mac));
    laboratory.run(10);
    send(discover(DHCP_REQUEST, guest.mac, heard[0].yourAddress));
    laboratory.run(10);
    expect(heard.map(dhcpMessageType)).toEqual([2, 5]);
    expect(heard[1].yourAddress).toBe(address("192.168.10.128"));
    expect(laboratory.fabric.status("vmnet8").leases).toMatchObject([
      { address: "192.168.10.128", state: "leased" },
    ]);
  });

  it("is reached at its forwarded port from the host", () => {
    const laboratory = new Laboratory();
    const { host } = natGuest(laboratory);
    host.listen(80, () => ({
      established: (connection: TcpConnection) => connection.write(new Uint8Array([111, 107])),
    }));
    let heard = "";
    const outside = laboratory.fabric.network("vmnet8").outsideHost!;
    outside.connect(outside.address, 8080, { data: (_, bytes) => (heard += String.fromCharCode(...bytes)) });
    laboratory.run(100);
    expect(heard).toBe("ok");
  });

  it.each([
    ["host-only network, at its host adapter", "vmnet1", "192.168.56.0/24", "192.168.56.50", "192.168.56.1"],
    ["NAT network itself, at its host adapter", "vmnet8", "192.168.10.0/24", "192.168.10.7", "192.168.10.1"],
    ["classroom, at the host's address there", "vmnet0", "10.20.30.0/24", "10.20.30.50", "10.20.30.10"],
  ])("is reached at its forwarded port from the %s", (_, network, subnet, own, adapter) => {
    const laboratory = new Laboratory();
    const { host } = natGuest(laboratory);
    host.listen(80, () => ({
      established: (connection: TcpConnection) => connection.write(new Uint8Array([111, 107])),
    }));
    const client = laboratory.guest(network, subnet, own);
    let heard = "";
    client.host.connect(address(adapter), 8080, {
      data: (_, bytes) => (heard += String.fromCharCode(...bytes)),
    });
    let refused: string | undefined;
    client.host.connect(address(adapter), 8081, { closed: (_, reason) => (refused = reason) });
    laboratory.run(100);
    expect({ heard, refused }).toEqual({ heard: "ok", refused: "refused" });
  });
});

it("who reaches whom is as in VMware: bridged and NAT meet one way, host-only stays alone", () => {
  const laboratory = new Laboratory();
  const guests = {
    bridged: laboratory.guest("vmnet0", "10.20.30.0/24", "10.20.30.50", "10.20.30.1").host,
    nat: natGuest(laboratory).host,
    hostOnly: laboratory.guest("vmnet1", "192.168.56.0/24", "192.168.56.50").host,
  };
  const targets = {
    bridged: "10.20.30.50",
    nat: "192.168.10.130",
    hostOnly: "192.168.56.50",
    internet: "110.242.68.4",
  };
  const reached = Object.entries(guests).map(([from, host]) => [
    from,
    Object.entries(targets)
      .filter(([to]) => to !== from)
      .filter(([, target]) => laboratory.ping(host, target)?.type === "echo-reply")
      .map(([to]) => to),
  ]);
  expect(Object.fromEntries(reached)).toEqual({
    bridged: ["internet"],
    nat: ["bridged", "internet"],
    hostOnly: [],
  });
});

it("a held network lets one frame through a step and says what was decided", () => {
  const laboratory = new Laboratory();
  const { host } = natGuest(laboratory);
  laboratory.fabric.hold("vmnet8", laboratory.now);
  expect(laboratory.ping(host, "192.168.10.2")).toBeUndefined();
  const types: string[] = [];
  for (let n = 0; n < 20; n++)
    for (const decision of laboratory.fabric.step("vmnet8")?.decisions ?? []) types.push(decision.type);
  expect(types).toEqual(
    expect.arrayContaining(["switch-learned", "switch-flooded", "arp-answered", "host-answered"]),
  );
});

describe("a network that changes while it runs", () => {
  const change = (laboratory: Laboratory, vmnet8: Partial<NetworkConfig>) =>
    laboratory.fabric.configure(
      NETWORKS.map((config) => (config.name === "vmnet8" ? { ...config, ...vmnet8 } : config)),
      laboratory.now,
    );

  it("keeps the leases that its range still has, and drops the others", () => {
    const laboratory = new Laboratory();
    takeLease(laboratory, "192.168.10.77");
    change(laboratory, { dhcp: { first: "192.168.10.150", last: "192.168.10.254" } });
    expect(laboratory.fabric.status("vmnet8").leases).toMatchObject([{ address: "192.168.10.200" }]);
    change(laboratory, { dhcp: { first: "192.168.10.150", last: "192.168.10.199" } });
    expect(laboratory.fabric.status("vmnet8").leases).toEqual([]);
  });

  it("keeps translated connections while subnet and gateway stay, and its time goes on", () => {
    const laboratory = new Laboratory();
    const { host } = natGuest(laboratory);
    laboratory.ping(host, "110.242.68.4");
    const before = laboratory.fabric.status("vmnet8");
    expect(before.nat).toHaveLength(1);
    change(laboratory, { forwards: [] });
    const after = laboratory.fabric.status("vmnet8");
    expect(after.nat).toMatchObject([{ outside: before.nat[0].outside }]);
    expect(after.time).toBe(before.time);
    change(laboratory, { gateway: "192.168.10.3" });
    expect(laboratory.fabric.status("vmnet8").nat).toEqual([]);
  });

  it("keeps the faults and the state of its cables", () => {
    const laboratory = new Laboratory();
    const { host, port } = natGuest(laboratory);
    laboratory.fabric.setFaults(port, "out", { lossPercent: 100 });
    change(laboratory, { forwards: [] });
    expect(laboratory.ping(host, "192.168.10.2")).toBeUndefined();
    laboratory.fabric.setFaults(port, "out", { lossPercent: 0 });
    laboratory.run(ARP_GIVES_UP_MS);
    expect(laboratory.ping(host, "192.168.10.2")?.type).toBe("echo-reply");
    laboratory.fabric.setLink(port, false);
    change(laboratory, {});
    expect(laboratory.ping(host, "192.168.10.2")).toBeUndefined();
  });

  it("answers from another zone at once", () => {
    const laboratory = new Laboratory();
    const { host } = natGuest(laboratory);
    expect(laboratory.ping(host, "110.242.68.4")?.type).toBe("echo-reply");
    const zone = {
      hosts: [{ names: ["new.test"], address: "8.8.4.4", latencyMs: 1, hops: [] }],
      aliases: {},
    };
    laboratory.fabric.setZone(zone);
    expect(laboratory.ping(host, "110.242.68.4")).toBeUndefined();
    expect(laboratory.ping(host, "8.8.4.4")?.type).toBe("echo-reply");
  });
});

describe("faults of a network", () => {
  it("a loose plug loses contact and gets it back, and its owner is told", () => {
    const laboratory = new Laboratory();
    const { host, port } = natGuest(laboratory);
    const heard: [number, boolean, number][] = [];
    laboratory.fabric.onCarrier = (id, up) => heard.push([id, up, laboratory.now]);
    laboratory.fabric.setFlap(port, { upMs: 300, downMs: 700 });
    laboratory.run(1900);
    expect(heard.map(([id, up]) => [id, up])).toEqual([
      [port, false],
      [port, true],
      [port, false],
    ]);
    expect(laboratory.ping(host, "192.168.10.2")).toBeUndefined();
    laboratory.fabric.setFlap(port, undefined);
    laboratory.run(ARP_GIVES_UP_MS);
    expect(laboratory.ping(host, "192.168.10.2")?.type).toBe("echo-reply");
    expect(() => laboratory.fabric.setFlap(port, { upMs: 0, downMs: 0 })).toThrow(RangeError);
  });

  it("a double of the gateway takes its place in the guest's ARP table until it is gone", () => {
    const laboratory = new Laboratory();
    const { host, ethernet } = natGuest(laboratory);
    laboratory.ping(host, "192.168.10.2");
    const macs = () => ethernet.neighbours().map(({ mac }) => mac);
    const own = macs();
    const fault = { type: "duplicate-address", address: "192.168.10.2" } as const;
    const id = laboratory.fabric.addTroublemaker("vmnet8", fault, laboratory.now);
    laboratory.run(10);
    expect(macs()).not.toEqual(own);
    // The double answers for the gateway's address, and carries nothing to the Internet.
    expect(laboratory.ping(host, "192.168.10.2")?.ttl).toBe(64);
    expect(laboratory.ping(host, "110.242.68.4")).toBeUndefined();
    laboratory.fabric.removeTroublemaker(id);
    laboratory.run(61_000);
    expect(laboratory.ping(host, "192.168.10.2")?.ttl).toBe(128);
  });

  it("a second DHCP server offers its own range and gateway beside the real one", () => {
    const laboratory = new Laboratory();
    const offers: DhcpMessage[] = [];
    const guest = laboratory.guest("vmnet8", "192.168.10.0/24", "192.168.10.77");
    guest.host.onUdp(68, ({ payload }) => {
      const message = parseDhcp(payload);
      if (!isMalformed(message)) offers.push(message);
    });
    const fault = {
      type: "rogue-dhcp",
      address: "192.168.10.66",
      first: "192.168.10.100",
      last: "192.168.10.110",
    } as const;
    laboratory.fabric.addTroublemaker("vmnet8", fault, laboratory.now);
    guest.host.sendUdpFrom(0, 0xffffffff, 67, 68, serialiseDhcp(discover(DHCP_DISCOVER, guest.mac)));
    laboratory.run(10);
    expect(offers.map(({ yourAddress }) => yourAddress).sort()).toEqual(
      ["192.168.10.100", "192.168.10.128"].map(address),
    );
    const rogue = offers.find(({ yourAddress }) => yourAddress === address("192.168.10.100"))!;
    expect(dhcpAddressOption(rogue, OPTION_ROUTER)).toBe(address("192.168.10.66"));
  });

  it("a troublemaker that cannot be is refused by name", () => {
    const { fabric, now } = new Laboratory();
    const fault = { type: "duplicate-address", address: "10.0.0.1" } as const;
    expect(() => fabric.addTroublemaker("vmnet8", fault, now)).toThrowError(
      expect.objectContaining({ name: "NetworkFaultError" }) as Error,
    );
    expect(fabric.troublemakers("vmnet8")).toEqual([]);
  });
});

describe("a probe from the host", () => {
  it("pings a guest, and hears nothing from an address nobody has", () => {
    const laboratory = new Laboratory();
    natGuest(laboratory);
    expect(askFromHost(laboratory, "adapter", { type: "ping", to: "192.168.10.130" })).toMatchObject({
      type: "answered",
      by: "192.168.10.130",
      ttl: 64,
    });
    expect(askFromHost(laboratory, "adapter", { type: "ping", to: "192.168.10.131" })).toEqual({
      type: "silent",
    });
  });

  it("reaches a forwarded port from outside, and is refused where nobody listens", () => {
    const laboratory = new Laboratory();
    const { host } = natGuest(laboratory);
    const to = formatAddress(laboratory.fabric.network("vmnet8").outsideHost!.address);
    expect(askFromHost(laboratory, "outside", { type: "tcp", to, port: 8080 })).toMatchObject({
      type: "refused",
    });
    host.listen(80, () => ({
      data: (connection, bytes) => {
        connection.write(bytes);
        connection.close();
      },
    }));
    expect(askFromHost(laboratory, "outside", { type: "tcp", to, port: 8080, send: "echo" })).toMatchObject({
      type: "connected",
      received: "echo",
    });
  });

  it("cannot come from an adapter that is not there", () => {
    const laboratory = new Laboratory();
    const network = laboratory.fabric.network("vmnet1");
    expect(() => sendProbe(network, "outside", { type: "ping", to: "192.168.56.5" }, 1, () => {})).toThrow(
      /no gateway/,
    );
  });
});
