/** Every codec gives back what it wrote, refuses cut-off bytes with a reason, and agrees with frames recorded on real wires. */
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { parseArp, serialiseArp } from "./arp.ts";
import { checksum, updateChecksum, updateChecksum32 } from "./checksum.ts";
import { write16, write32 } from "./byte-order.ts";
import { parseDhcp, serialiseDhcp } from "./dhcp.ts";
import { parseDns, serialiseDns } from "./dns.ts";
import type { DnsRecord } from "./dns.ts";
import { parseEthernet, serialiseEthernet } from "./ethernet.ts";
import type { EthernetFrame } from "./ethernet.ts";
import { parseIcmp, serialiseIcmp } from "./icmp.ts";
import type { IcmpMessage } from "./icmp.ts";
import { formatAddress, inSubnet, parseAddress, parseSubnet } from "./ipv4-address.ts";
import { parseIpv4, serialiseIpv4 } from "./ipv4.ts";
import { formatIpv6, parseIcmpv6, parseIpv6, serialiseIcmpv6, serialiseIpv6 } from "./ipv6.ts";
import { formatMac, parseMac } from "./mac-address.ts";
import { ntpTimestamp, parseNtp, serialiseNtp } from "./ntp.ts";
import { maximumSegmentSize, maximumSegmentSizeOption, parseTcp, serialiseTcp } from "./tcp.ts";
import { parseUdp, serialiseUdp } from "./udp.ts";

const SEED = 20260101;
const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void) =>
  fc.assert(
    fc.property(arbitrary, (value) => {
      property(value);
    }),
    { seed: SEED, numRuns: 300 },
  );

const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const mac = fc.integer({ min: 0, max: 0xffffffffffff });
const bytes = (max: number, min = 0) => fc.uint8Array({ minLength: min, maxLength: max });
const plain = <T>(value: T): T => structuredClone(value);

function hex(text: string): Uint8Array {
  const digits = text.replace(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.substr(i * 2, 2), 16),
  );
}

const vlan = fc.record({
  id: fc.integer({ min: 0, max: 4095 }),
  priority: fc.integer({ min: 0, max: 7 }),
  dropEligible: fc.boolean(),
});
const header = { destination: mac, source: mac };
const ethernet2: fc.Arbitrary<EthernetFrame> = fc
  .record({
    type: fc.constant("ethernet2" as const),
    ...header,
    etherType: fc.integer({ min: 0x600, max: 0xffff }).filter((type) => type !== 0x8100),
    payload: bytes(200),
  })
  .chain((frame) =>
    fc.option(vlan, { nil: undefined }).map((tag) => (tag ? { ...frame, vlan: tag } : frame)),
  );
const llc: fc.Arbitrary<EthernetFrame> = fc.record({
  type: fc.constant("llc" as const),
  ...header,
  dsap: u8,
  ssap: u8,
  control: u8,
  payload: bytes(200),
});

const icmp: fc.Arbitrary<IcmpMessage> = fc.oneof(
  fc.record({
    type: fc.constantFrom("echo-request" as const, "echo-reply" as const),
    identifier: u16,
    sequence: u16,
    data: bytes(80),
  }),
  fc.record({
    type: fc.constantFrom("unreachable" as const, "time-exceeded" as const),
    code: u8,
    rest: u32,
    original: bytes(60),
  }),
  fc.record({
    type: fc.constant("other" as const),
    icmpType: fc.integer({ min: 12, max: 255 }),
    code: u8,
    rest: u32,
    data: bytes(60),
  }),
);

const ipv4 = fc.record({
  source: u32,
  destination: u32,
  protocol: u8,
  ttl: u8,
  typeOfService: u8,
  identification: u16,
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffset: fc.integer({ min: 0, max: 8000 }).map((n) => n * 8),
  options: fc.integer({ min: 0, max: 10 }).chain((n) => bytes(n * 4, n * 4)),
  payload: bytes(300),
});

const tcp = fc.record({
  sourcePort: u16,
  destinationPort: u16,
  sequence: u32,
  acknowledgment: u32,
  flags: u8,
  window: u16,
  urgent: u16,
  options: fc.integer({ min: 0, max: 10 }).chain((n) => bytes(n * 4, n * 4)),
  payload: bytes(300),
});

const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
const name = fc.array(label, { minLength: 0, maxLength: 6 }).map((labels) => labels.join("."));
const recordHeader = { name, recordClass: u16, timeToLive: u32 };
const dnsRecord: fc.Arbitrary<DnsRecord> = fc.oneof(
  fc.record({ type: fc.constant("A" as const), ...recordHeader, address: u32 }),
  fc.record({ type: fc.constant("AAAA" as const), ...recordHeader, address: bytes(16, 16) }),
  fc.record({
    type: fc.constantFrom("CNAME" as const, "PTR" as const, "NS" as const),
    ...recordHeader,
    target: name,
  }),
  fc.record({
    type: fc.constant("other" as const),
    ...recordHeader,
    recordType: fc.integer({ min: 29, max: 0xffff }),
    data: bytes(50),
  }),
);
const dns = fc.record({
  id: u16,
  response: fc.boolean(),
  opcode: fc.integer({ min: 0, max: 15 }),
  authoritative: fc.boolean(),
  truncated: fc.boolean(),
  recursionDesired: fc.boolean(),
  recursionAvailable: fc.boolean(),
  responseCode: fc.integer({ min: 0, max: 15 }),
  questions: fc.array(fc.record({ name, recordType: u16, recordClass: u16 }), { maxLength: 3 }),
  answers: fc.array(dnsRecord, { maxLength: 4 }),
  authorities: fc.array(dnsRecord, { maxLength: 2 }),
  additionals: fc.array(dnsRecord, { maxLength: 2 }),
});

const dhcp = fc.record({
  op: u8,
  hops: u8,
  transaction: u32,
  seconds: u16,
  broadcast: fc.boolean(),
  clientAddress: u32,
  yourAddress: u32,
  nextServer: u32,
  relay: u32,
  clientMac: mac,
  serverName: fc.stringMatching(/^[a-z]{0,63}$/),
  bootFile: fc.stringMatching(/^[a-z/.]{0,127}$/),
  options: fc.array(fc.record({ code: fc.integer({ min: 1, max: 254 }), data: bytes(60) }), { maxLength: 8 }),
});

const time = fc.record({ seconds: u32, fraction: u32 });
const ntp = fc.record({
  leap: fc.integer({ min: 0, max: 3 }),
  version: fc.integer({ min: 0, max: 7 }),
  mode: fc.integer({ min: 0, max: 7 }),
  stratum: u8,
  poll: u8,
  precision: u8,
  rootDelay: u32,
  rootDispersion: u32,
  referenceId: u32,
  reference: time,
  origin: time,
  receive: time,
  transmit: time,
});

const address6 = bytes(16, 16);
const ipv6 = fc.record({
  trafficClass: u8,
  flowLabel: fc.integer({ min: 0, max: 0xfffff }),
  nextHeader: u8,
  hopLimit: u8,
  source: address6,
  destination: address6,
  payload: bytes(200),
});

describe("a codec reads back what it wrote:", () => {
  it("Ethernet II, tagged and untagged", () =>
    check(ethernet2, (x) => expect(plain(parseEthernet(serialiseEthernet(x)))).toEqual(x)));
  it("802.3 with LLC", () =>
    check(llc, (x) => expect(plain(parseEthernet(serialiseEthernet(x)))).toEqual(x)));
  it("ARP", () =>
    check(
      fc.record({ operation: u16, senderMac: mac, senderAddress: u32, targetMac: mac, targetAddress: u32 }),
      (x) => expect(parseArp(serialiseArp(x))).toEqual(x),
    ));
  it("IPv4", () =>
    check(ipv4, (x) => {
      const parsed = parseIpv4(serialiseIpv4(x));
      if (x.fragmentOffset + x.payload.length > 0xffff) expect(parsed).toBe("ipv4-fragment");
      else expect(plain(parsed)).toEqual(x);
    }));
  it("ICMP", () => check(icmp, (x) => expect(plain(parseIcmp(serialiseIcmp(x)))).toEqual(x)));
  it("UDP", () =>
    check(
      fc.tuple(fc.record({ sourcePort: u16, destinationPort: u16, payload: bytes(200) }), u32, u32),
      ([x, a, b]) => expect(plain(parseUdp(serialiseUdp(x, a, b), a, b))).toEqual(x),
    ));
  it("TCP", () =>
    check(fc.tuple(tcp, u32, u32), ([x, a, b]) =>
      expect(plain(parseTcp(serialiseTcp(x, a, b), a, b))).toEqual(x),
    ));
  it("DHCP", () => check(dhcp, (x) => expect(plain(parseDhcp(serialiseDhcp(x)))).toEqual(x)));
  it("DNS", () => check(dns, (x) => expect(plain(parseDns(serialiseDns(x)))).toEqual(x)));
  it("NTP", () => check(ntp, (x) => expect(parseNtp(serialiseNtp(x))).toEqual(x)));
  it("IPv6", () => check(ipv6, (x) => expect(plain(parseIpv6(serialiseIpv6(x)))).toEqual(x)));
  it("ICMPv6", () =>
    check(fc.tuple(fc.record({ icmpType: u8, code: u8, body: bytes(80) }), address6, address6), ([x, a, b]) =>
      expect(plain(parseIcmpv6(serialiseIcmpv6(x, a, b), a, b))).toEqual(x),
    ));
  it("an address as text", () => check(u32, (x) => expect(parseAddress(formatAddress(x))).toBe(x)));
  it("a MAC as text", () => check(mac, (x) => expect(parseMac(formatMac(x))).toBe(x)));
});

const cuts = (whole: Uint8Array, parse: (bytes: Uint8Array) => unknown) => {
  for (let length = 0; length < whole.length; length++) {
    expect(parse(whole.subarray(0, length)), `first ${length} of ${whole.length} bytes`).toBeTypeOf("string");
  }
};

describe("a codec refuses any strict prefix of", () => {
  it("an ARP packet", () =>
    cuts(
      serialiseArp({ operation: 1, senderMac: 1, senderAddress: 2, targetMac: 3, targetAddress: 4 }),
      parseArp,
    ));
  it("an IPv4 packet", () =>
    check(
      ipv4.map((x) => ({ ...x, fragmentOffset: 0 })),
      (x) => cuts(serialiseIpv4(x), parseIpv4),
    ));
  it("a TCP segment", () =>
    check(fc.tuple(tcp, u32), ([x, a]) => {
      const whole = serialiseTcp(x, a, 1);
      // The length is part of the checksum, so a cut segment can only pass by a collision of zeros.
      expect(parseTcp(whole.subarray(0, 19), a, 1)).toBe("tcp-short");
    }));
  it("a UDP datagram", () =>
    cuts(serialiseUdp({ sourcePort: 1, destinationPort: 2, payload: hex("0102030405") }, 1, 2), (b) =>
      parseUdp(b, 1, 2),
    ));
  it("a DNS message", () =>
    check(
      dns.filter((x) => x.questions.length > 0),
      (x) => cuts(serialiseDns(x), parseDns),
    ));
});

describe("the Internet checksum", () => {
  it("is 0xddf2 complemented for the example of RFC 1071", () => {
    expect(checksum(hex("0001 f203 f4f5 f6f7"))).toBe(0xddf2 ^ 0xffff);
  });
  it("updates incrementally to what a full sum gives (RFC 1624)", () =>
    check(fc.tuple(bytes(60, 20), u16, u32), ([data, word, long]) => {
      const even = data.slice(0, data.length & ~1);
      // All zeros has no one's-complement twin on the wire: a real header is never all zero.
      even[12] = 0x45;
      const before = checksum(even);
      const old16 = (even[0] << 8) | even[1];
      const old32 = ((even[4] << 24) | (even[5] << 16) | (even[6] << 8) | even[7]) >>> 0;
      write16(even, 0, word);
      write32(even, 4, long);
      expect(updateChecksum32(updateChecksum(before, old16, word), old32, long)).toBe(checksum(even));
    }));
  it("catches every single flipped bit of an IPv4 header", () => {
    const header = serialiseIpv4({
      source: 1,
      destination: 2,
      protocol: 17,
      ttl: 64,
      typeOfService: 0,
      identification: 7,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      options: new Uint8Array(0),
      payload: new Uint8Array(0),
    });
    for (let bit = 0; bit < header.length * 8; bit++) {
      const damaged = header.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      expect(parseIpv4(damaged), `bit ${bit}`).toBeTypeOf("string");
    }
  });
});

describe("frames recorded elsewhere", () => {
  it("the IPv4 header of RFC 1071 discussions has checksum b861", () => {
    const header = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
    expect(checksum(header)).toBe(0);
    write16(header, 10, 0);
    expect(checksum(header)).toBe(0xb861);
  });
  it("a compressed DNS answer follows its pointers", () => {
    const message = parseDns(
      hex(`1234 8180 0001 0002 0000 0000 03777777 05626169 6475 03636f6d 00 0001 0001
           c00c 0005 0001 0000012c 000f 03777777 0161 06736869 66656e c016
           c02b 0001 0001 0000012c 0004 6ef24404`),
    );
    expect(message).toMatchObject({
      questions: [{ name: "www.baidu.com" }],
      answers: [
        { type: "CNAME", name: "www.baidu.com", target: "www.a.shifen.com" },
        { type: "A", name: "www.a.shifen.com", address: 0x6ef24404 },
      ],
    });
  });
  it("a DNS name that points at itself is refused", () => {
    expect(parseDns(hex("0001 0100 0001 0000 0000 0000 c00c 0001 0001"))).toBe("dns-name");
  });
  it("two DNS names that point at each other are refused", () => {
    expect(parseDns(hex("0001 0100 0001 0000 0000 0000 c00e c00c 0001 0001"))).toBe("dns-name");
  });
});

describe("small readers", () => {
  it("MSS is found behind no-operations", () => {
    expect(maximumSegmentSize(hex("01 01 02 04 05b4 0000"))).toBe(1460);
    expect(maximumSegmentSize(maximumSegmentSizeOption(536))).toBe(536);
  });
  it("a cut-off TCP option is no option", () => {
    expect(maximumSegmentSize(hex("0204 05"))).toBeUndefined();
    expect(maximumSegmentSize(hex("0300"))).toBeUndefined();
  });
  it("a subnet must have zero host bits", () => {
    expect(parseSubnet("192.168.10.0/24")).toEqual({ address: 0xc0a80a00, prefix: 24 });
    expect(parseSubnet("192.168.10.1/24")).toBeUndefined();
    expect(inSubnet(0xc0a80aff, { address: 0xc0a80a00, prefix: 24 })).toBe(true);
    expect(inSubnet(0xc0a80b00, { address: 0xc0a80a00, prefix: 24 })).toBe(false);
  });
  it("addresses with leading zeros, signs or too large parts are refused", () => {
    for (const text of ["01.2.3.4", "1.2.3", "1.2.3.256", "1.2.3.-4", "1.2.3.4.5", "", "a.b.c.d"]) {
      expect(parseAddress(text), text).toBeUndefined();
    }
  });
  it("IPv6 addresses are shortened as RFC 5952 asks", () => {
    expect(formatIpv6(hex("fe80000000000000 81a22c898b27a756"))).toBe("fe80::81a2:2c89:8b27:a756");
    expect(formatIpv6(new Uint8Array(16))).toBe("::");
    expect(formatIpv6(hex("20010db8000000010000000000000001"))).toBe("2001:db8:0:1::1");
  });
  it("1970 is 2208988800 seconds after 1900", () => {
    expect(ntpTimestamp(500)).toEqual({ seconds: 2_208_988_800, fraction: 0x80000000 });
  });
});
