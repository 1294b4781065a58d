import { describe, expect, it } from "vitest";
import { Random } from "../../../common/random.ts";
import { ipv4Packet, PROTOCOL_TCP, PROTOCOL_UDP, serialiseIpv4 } from "../wire/ipv4.ts";
import { serialiseArp } from "../wire/arp.ts";
import { serialiseEthernet } from "../wire/ethernet.ts";
import { serialiseIcmp } from "../wire/icmp.ts";
import { parseAddress } from "../wire/ipv4-address.ts";
import { serialiseTcp, TCP_ACK, TCP_SYN } from "../wire/tcp.ts";
import { serialiseUdp } from "../wire/udp.ts";
import { dissect, formatIpv6 } from "./dissect.ts";
import { parseFilter } from "./display-filter.ts";
import { followStream } from "./follow-stream.ts";

const GUEST = parseAddress("192.168.10.130")!;
const SERVER = parseAddress("110.242.68.4")!;
const text = (value: string) => new TextEncoder().encode(value);
const NO_BYTES = new Uint8Array(0);

function frame(etherType: number, payload: Uint8Array): Uint8Array {
  const header = { destination: 0x005056c00002, source: 0x000c292d2e6b };
  return serialiseEthernet({ type: "ethernet2", ...header, etherType, payload });
}
function ip(protocol: number, payload: Uint8Array, source = GUEST, destination = SERVER): Uint8Array {
  return frame(0x0800, serialiseIpv4(ipv4Packet({ source, destination, protocol, payload })));
}
function tcp(fromGuest: boolean, sequence: number, flags: number, payload = ""): Uint8Array {
  const [source, destination] = fromGuest ? [GUEST, SERVER] : [SERVER, GUEST];
  const [sourcePort, destinationPort] = fromGuest ? [40_001, 80] : [80, 40_001];
  const rest = { acknowledgment: 0, window: 1000, urgent: 0, options: NO_BYTES };
  const segment = { sourcePort, destinationPort, sequence, flags, ...rest, payload: text(payload) };
  return ip(PROTOCOL_TCP, serialiseTcp(segment, source, destination), source, destination);
}
const arp = frame(
  0x0806,
  serialiseArp({
    operation: 1,
    senderMac: 0x000c292d2e6b,
    senderAddress: GUEST,
    targetMac: 0,
    targetAddress: 0xc0a80a02,
  }),
);
const ping = ip(
  1,
  serialiseIcmp({ type: "echo-request", identifier: 7, sequence: 3, data: text("abcdefgh") }),
);
const udp = ip(
  PROTOCOL_UDP,
  serialiseUdp({ sourcePort: 5000, destinationPort: 6000, payload: text("secret words") }, GUEST, SERVER),
);
const request = tcp(true, 1, TCP_ACK, "GET /index.html HTTP/1.1\r\nHost: www.baidu.com\r\n\r\n");

/** The bytes that a field of a layer points to. */
const bytesOf = (bytes: Uint8Array, layer: number, name: string) => {
  const { start, end } = dissect(bytes).layers[layer].fields.find((one) => one.name === name)!;
  return [...bytes.subarray(start, end)];
};
/** The parts of the stream that a frame belongs to, as text. */
const said = (frames: Uint8Array[], index = 0) =>
  followStream(frames, index)?.parts.map(
    ({ from, bytes, missing }) =>
      `${from}${missing > 0 ? `(+${missing})` : ""}: ${new TextDecoder().decode(bytes)}`,
  );

describe("the protocol tree", () => {
  it("names layers from the outside in", () => {
    expect(dissect(request).layers.map(({ protocol }) => protocol)).toEqual([
      "ethernet",
      "ipv4",
      "tcp",
      "http",
    ]);
    expect(dissect(request)).toMatchObject({ protocol: "http", info: "GET /index.html HTTP/1.1" });
    expect(dissect(udp)).toMatchObject({ protocol: "udp", ports: { source: 5000, destination: 6000 } });
  });

  it("every field's bytes hold its value", () => {
    expect(bytesOf(ping, 1, "source")).toEqual([192, 168, 10, 130]);
    expect(bytesOf(ping, 1, "ttl")).toEqual([64]);
    expect(bytesOf(ping, 2, "sequence")).toEqual([0, 3]);
    expect(bytesOf(arp, 1, "target-address")).toEqual([192, 168, 10, 2]);
    expect(bytesOf(request, 2, "destination-port")).toEqual([0, 80]);
    expect(new TextDecoder().decode(Uint8Array.from(bytesOf(request, 3, "header")))).toBe(
      "Host: www.baidu.com",
    );
  });

  it("what is wrong with a frame is named where it is", () => {
    const broken = ping.slice();
    broken[40] ^= 1;
    expect(dissect(broken).layers.at(-1)).toMatchObject({ protocol: "icmp", malformed: "icmp-checksum" });
    expect(dissect(ping.subarray(0, 5)).layers).toMatchObject([
      { protocol: "ethernet", malformed: "ethernet-short" },
    ]);
  });

  it("stands any bytes, with ranges that lie inside the frame and one another", () => {
    const seed = 20261123;
    const random = new Random(seed);
    const samples = [arp, ping, udp, request];
    for (let n = 0; n < 20_000; n++) {
      const bytes = n % 4 === 0 ? random.bytes(random.below(200)) : samples[random.below(4)].slice();
      for (let k = random.below(4); k > 0 && bytes.length > 0; k--)
        bytes[random.below(bytes.length)] = random.below(256);
      const cut = bytes.subarray(0, random.below(bytes.length + 1));
      for (const { start, end, fields } of dissect(cut).layers) {
        const inside = start >= 0 && start <= end && end <= cut.length;
        const kept = fields.every(
          (field) => field.start >= start && field.end <= end && field.start <= field.end,
        );
        if (!inside || !kept) expect.fail(`seed ${seed}, frame ${n}: ${JSON.stringify(dissect(cut))}`);
      }
    }
  });

  it("writes IPv6 addresses in their short form", () => {
    const address = new Uint8Array(16);
    address.set([0xfe, 0x80]);
    address[15] = 1;
    expect(formatIpv6(address)).toBe("fe80::1");
    expect(formatIpv6(new Uint8Array(16))).toBe("::");
  });
});

describe("the display filter", () => {
  const frames = { arp, ping, udp, request };
  const shown = (filter: string) => {
    const test = parseFilter(filter);
    return Object.entries(frames)
      .filter(([, bytes]) => test(dissect(bytes), bytes))
      .map(([name]) => name);
  };

  it.each([
    ["", ["arp", "ping", "udp", "request"]],
    ["ip", ["ping", "udp", "request"]],
    ["icmp or arp", ["arp", "ping"]],
    ["not ip", ["arp"]],
    ["tcp and port:80", ["request"]],
    ["udp port:80", []],
    ["192.168.10.130 udp", ["udp"]],
    ["192.168.10.2", ["arp"]],
    ["110.242.", ["ping", "udp", "request"]],
    ["00:0c:29:2d:2e:6b", ["arp", "ping", "udp", "request"]],
    ['"secret words"', ["udp"]],
    ['"index.HTML"', ["request"]],
    ["port:6000 or port:80 not http", ["udp"]],
  ])("%j shows %j", (filter, names) => {
    expect(shown(filter)).toEqual(names);
  });

  it.each([
    ["tcp and prot:80", "prot:80", 8],
    ["port:70000", "port:70000", 0],
    ["arp or", "or", 4],
    ["not", "not", 0],
    ['"open', '"open', 0],
  ])("%j is refused at the word that is wrong", (filter, word, position) => {
    expect(() => parseFilter(filter)).toThrowError(
      expect.objectContaining({ name: "FilterError", word, position }) as Error,
    );
  });
});

describe("following a TCP stream", () => {
  it("puts both sides in order, whatever was repeated or overtaken", () => {
    const frames = [
      tcp(true, 0xffffffff, TCP_SYN),
      tcp(false, 999, TCP_SYN | TCP_ACK),
      tcp(true, 0, TCP_ACK, "hello "),
      tcp(true, 11, TCP_ACK, "!"),
      udp,
      tcp(true, 0, TCP_ACK, "hello "),
      tcp(true, 3, TCP_ACK, "lo there"),
      tcp(false, 1000, TCP_ACK, "yes"),
    ];
    expect(said(frames, 4)).toBeUndefined();
    expect(said(frames, 7)).toEqual(["client: hello ", "client: there", "client: !", "server: yes"]);
    expect(followStream(frames, 7)).toMatchObject({
      client: "192.168.10.130:40001",
      server: "110.242.68.4:80",
    });
  });

  it("tells how many bytes the capture misses", () => {
    expect(said([tcp(true, 100, TCP_ACK, "ab"), tcp(true, 110, TCP_ACK, "cd")])).toEqual([
      "client: ab",
      "client(+8): cd",
    ]);
  });
});
