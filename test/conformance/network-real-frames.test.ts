/** Frames that two real guests sent and got: every codec reads them, gives them back as they were, and their checksums hold. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPcapng } from "../../src/hypervisor-model/network/pcapng.ts";
import { parseArp, serialiseArp } from "../../src/hypervisor-model/network/wire/arp.ts";
import { parseDhcp, serialiseDhcp } from "../../src/hypervisor-model/network/wire/dhcp.ts";
import { parseDns } from "../../src/hypervisor-model/network/wire/dns.ts";
import { parseEthernet, serialiseEthernet } from "../../src/hypervisor-model/network/wire/ethernet.ts";
import { parseIcmp, serialiseIcmp } from "../../src/hypervisor-model/network/wire/icmp.ts";
import {
  isFragment,
  parseIpv4,
  serialiseIpv4,
  type Ipv4Packet,
} from "../../src/hypervisor-model/network/wire/ipv4.ts";
import { parseIpv6, serialiseIpv6 } from "../../src/hypervisor-model/network/wire/ipv6.ts";
import { isMalformed, type Parsed } from "../../src/hypervisor-model/network/wire/malformed.ts";
import { parseNtp, serialiseNtp } from "../../src/hypervisor-model/network/wire/ntp.ts";
import { parseTcp, serialiseTcp } from "../../src/hypervisor-model/network/wire/tcp.ts";
import { parseUdp, serialiseUdp } from "../../src/hypervisor-model/network/wire/udp.ts";

const file = join(import.meta.dirname, "../fixtures/network/tiny-guests.pcapng");
const frames = readPcapng(new Uint8Array(readFileSync(file))).frames.map(({ bytes }) => bytes);

function good<T extends object>(parsed: Parsed<T>): T {
  if (isMalformed(parsed)) throw new Error(parsed);
  return parsed;
}

const ethernet = frames.map((bytes) => ({ bytes, frame: good(parseEthernet(bytes)) }));
const ofType = (type: number) =>
  ethernet.flatMap(({ frame }) =>
    frame.type === "ethernet2" && frame.etherType === type ? [frame.payload] : [],
  );
const packets = ofType(0x0800).map((bytes) => good(parseIpv4(bytes)));
const whole = (protocol: number): Ipv4Packet[] =>
  packets.filter((packet) => packet.protocol === protocol && !isFragment(packet));
const datagrams = whole(17).map(({ payload, source, destination }) =>
  good(parseUdp(payload, source, destination)),
);
const atPort = (port: number) =>
  datagrams.filter(({ sourcePort, destinationPort }) => sourcePort === port || destinationPort === port);

it("every frame has an Ethernet header that is written as it was read", () => {
  expect(frames).toHaveLength(92);
  for (const { bytes, frame } of ethernet)
    expect(serialiseEthernet(frame).subarray(0, bytes.length)).toEqual(bytes);
});

describe("read and written again as the guests' kernel wrote them:", () => {
  it("ARP", () => {
    const found = ofType(0x0806);
    expect(found).toHaveLength(4);
    for (const bytes of found) expect(serialiseArp(good(parseArp(bytes)))).toEqual(bytes.subarray(0, 28));
  });

  it("IPv4 headers, with their checksums", () => {
    const found = ofType(0x0800);
    expect(found).toHaveLength(68);
    for (const bytes of found) {
      const packet = serialiseIpv4(good(parseIpv4(bytes)));
      expect(packet).toEqual(bytes.subarray(0, packet.length));
    }
  });

  it("fragments of one large ping", () => {
    expect(packets.filter(isFragment).length).toBeGreaterThanOrEqual(4);
  });

  it("ICMP, with its checksum", () => {
    const found = whole(1);
    expect(found).toHaveLength(12);
    for (const { payload } of found) expect(serialiseIcmp(good(parseIcmp(payload)))).toEqual(payload);
  });

  it("UDP, with its checksum over the pseudo header", () => {
    const found = whole(17);
    expect(found).toHaveLength(22);
    for (const { payload, source, destination } of found) {
      const datagram = good(parseUdp(payload, source, destination));
      expect(serialiseUdp(datagram, source, destination)).toEqual(payload);
    }
  });

  it("TCP with the kernel's options, with its checksum over the pseudo header", () => {
    const found = whole(6);
    expect(found).toHaveLength(28);
    for (const { payload, source, destination } of found) {
      const segment = good(parseTcp(payload, source, destination));
      expect(serialiseTcp(segment, source, destination)).toEqual(payload);
    }
  });

  it("DHCP of udhcpc", () => {
    const found = atPort(67);
    expect(found).toHaveLength(4);
    for (const { payload } of found) {
      const message = good(parseDhcp(payload));
      expect(good(parseDhcp(serialiseDhcp(message)))).toEqual(message);
    }
  });

  it("DNS questions and answers", () => {
    const found = atPort(53).map(({ payload }) => good(parseDns(payload)));
    expect(found).toHaveLength(8);
    for (const { questions } of found) expect(questions[0].name).toBe("www.baidu.com");
  });

  it("NTP", () => {
    const found = atPort(123);
    expect(found).toHaveLength(4);
    for (const { payload } of found)
      expect(serialiseNtp(good(parseNtp(payload)))).toEqual(payload.subarray(0, 48));
  });

  it("IPv6", () => {
    const found = ofType(0x86dd);
    expect(found).toHaveLength(20);
    for (const bytes of found) {
      const packet = serialiseIpv6(good(parseIpv6(bytes)));
      expect(packet).toEqual(bytes.subarray(0, packet.length));
    }
  });
});

it("a flipped bit in the last byte of a real TCP segment or UDP datagram fails its checksum", () => {
  for (const { payload, source, destination, protocol } of [...whole(6), ...whole(17)]) {
    const broken = payload.slice();
    broken[broken.length - 1] ^= 0x10;
    const parsed =
      protocol === 6 ? parseTcp(broken, source, destination) : parseUdp(broken, source, destination);
    expect(isMalformed(parsed)).toBe(true);
  }
});

it.skipIf(spawnSync("tshark", ["--version"]).status !== 0)(
  "tshark finds 92 frames in the file and nothing malformed (skipped without tshark)",
  () => {
    const read = (...filter: string[]) =>
      execFileSync(
        "tshark",
        ["-r", file, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", ...filter],
        {
          encoding: "utf8",
        },
      );
    expect(read().trim().split("\n")).toHaveLength(92);
    expect(read("-Y", "_ws.malformed || tcp.checksum.status == 0 || udp.checksum.status == 0")).toBe("");
  },
);
