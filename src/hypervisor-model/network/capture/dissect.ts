/**
 * A captured frame as a tree of protocols and fields, each with the bytes it came from, as an analyser's middle pane shows
 * it. Names and values are data (keys and text as on the wire), so that the page can say them in its language. Whatever the
 * bytes are, nothing is thrown: a part that cannot be read is named malformed and keeps its bytes.
 */
import { parseArp } from "../wire/arp.ts";
import { read16, read32 } from "../wire/byte-order.ts";
import { dhcpMessageType, parseDhcp } from "../wire/dhcp.ts";
import { dnsRecordType, parseDns, type DnsRecord } from "../wire/dns.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, parseEthernet } from "../wire/ethernet.ts";
import { parseIcmp } from "../wire/icmp.ts";
import { formatAddress } from "../wire/ipv4-address.ts";
import { isFragment, parseIpv4, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/ipv4.ts";
import { NEXT_HEADER_ICMPV6, parseIpv6 } from "../wire/ipv6.ts";
import { formatMac } from "../wire/mac-address.ts";
import { isMalformed, type Malformed } from "../wire/malformed.ts";
import { formatTcpFlags, parseTcp } from "../wire/tcp.ts";
import { parseUdp } from "../wire/udp.ts";

export type ProtocolName =
  | "ethernet"
  | "vlan"
  | "llc"
  | "arp"
  | "ipv4"
  | "ipv6"
  | "icmp"
  | "icmpv6"
  | "tcp"
  | "udp"
  | "dhcp"
  | "dns"
  | "ntp"
  | "http"
  | "data";

/** Bytes `start` to `end` (not included) of the frame. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface Field extends ByteRange {
  name: string;
  value: string;
}

export interface Layer extends ByteRange {
  protocol: ProtocolName;
  fields: Field[];
  malformed?: Malformed;
}

export interface Dissection {
  layers: Layer[];
  /** What the list shows: the innermost protocol, who to whom, and a line about it. */
  protocol: ProtocolName;
  source: string;
  destination: string;
  info: string;
  ports?: { source: number; destination: number };
}

const HTTP_PORT = 80;
const DNS_PORT = 53;
const NTP_PORT = 123;
const DHCP_PORTS = [67, 68];
const ICMP_KINDS: Record<number, string> = {
  0: "echo-reply",
  3: "unreachable",
  8: "echo-request",
  11: "time-exceeded",
};
const DHCP_TYPES = ["", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform"];
const DNS_TYPES: Record<number, string> = { 1: "A", 2: "NS", 5: "CNAME", 12: "PTR", 28: "AAAA", 255: "ANY" };

/** Builds the layers; `at` is where the layer begins in the frame. */
class Dissector {
  readonly result: Dissection = { layers: [], protocol: "data", source: "", destination: "", info: "" };
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  ethernet(): void {
    const bytes = this.#bytes;
    const frame = parseEthernet(bytes);
    const tagged = bytes.length >= 18 && read16(bytes, 12) === 0x8100;
    if (isMalformed(frame)) return this.#malformed("ethernet", 0, bytes.length, frame);
    this.result.source = formatMac(frame.source);
    this.result.destination = formatMac(frame.destination);
    const layer = this.#layer("ethernet", 0, 14);
    field(layer, "destination", this.result.destination, 0, 6);
    field(layer, "source", this.result.source, 6, 6);
    if (tagged) field(layer, "type", hex(0x8100), 12, 2);
    else if (frame.type === "ethernet2") field(layer, "type", hex(frame.etherType), 12, 2);
    else field(layer, "length", String(read16(bytes, 12)), 12, 2);
    let at = 14;
    if (frame.vlan !== undefined) {
      const tag = this.#layer("vlan", 14, 18);
      field(tag, "priority", String(frame.vlan.priority), 14, 1);
      field(tag, "id", String(frame.vlan.id), 14, 2);
      field(tag, "type", hex(read16(bytes, 16)), 16, 2);
      at = 18;
    }
    if (frame.type === "llc") {
      const llc = this.#layer("llc", at, at + 3);
      field(llc, "dsap", hex(frame.dsap, 2), at, 1);
      field(llc, "ssap", hex(frame.ssap, 2), at + 1, 1);
      field(llc, "control", hex(frame.control, 2), at + 2, 1);
      return this.#data(at + 3, at + 3 + frame.payload.length);
    }
    if (frame.etherType === ETHERTYPE_ARP) return this.#arp(at);
    if (frame.etherType === ETHERTYPE_IPV4) return this.#ipv4(at);
    if (frame.etherType === ETHERTYPE_IPV6) return this.#ipv6(at);
    this.#data(at, bytes.length);
  }

  #arp(at: number): void {
    const arp = parseArp(this.#bytes.subarray(at));
    if (isMalformed(arp)) return this.#malformed("arp", at, this.#bytes.length, arp);
    const layer = this.#layer("arp", at, at + 28);
    const sender = formatAddress(arp.senderAddress);
    const target = formatAddress(arp.targetAddress);
    field(layer, "operation", String(arp.operation), at + 6, 2);
    field(layer, "sender-mac", formatMac(arp.senderMac), at + 8, 6);
    field(layer, "sender-address", sender, at + 14, 4);
    field(layer, "target-mac", formatMac(arp.targetMac), at + 18, 6);
    field(layer, "target-address", target, at + 24, 4);
    this.result.info =
      arp.operation === 1
        ? `who-has ${target} tell ${sender}`
        : `${sender} is-at ${formatMac(arp.senderMac)}`;
  }

  #ipv4(at: number): void {
    const bytes = this.#bytes;
    const packet = parseIpv4(bytes.subarray(at));
    if (isMalformed(packet)) return this.#malformed("ipv4", at, bytes.length, packet);
    const start = at + (bytes[at] & 15) * 4;
    const end = start + packet.payload.length;
    const layer = this.#layer("ipv4", at, start);
    this.result.source = formatAddress(packet.source);
    this.result.destination = formatAddress(packet.destination);
    field(layer, "header-length", String(start - at), at, 1);
    field(layer, "total-length", String(end - at), at + 2, 2);
    field(layer, "identification", hex(packet.identification), at + 4, 2);
    const flags = [packet.dontFragment ? "DF" : "", packet.moreFragments ? "MF" : ""]
      .filter(Boolean)
      .join(" ");
    field(layer, "flags", flags, at + 6, 1);
    field(layer, "fragment-offset", String(packet.fragmentOffset), at + 6, 2);
    field(layer, "ttl", String(packet.ttl), at + 8, 1);
    field(layer, "protocol", String(packet.protocol), at + 9, 1);
    field(layer, "checksum", hex(read16(bytes, at + 10)), at + 10, 2);
    field(layer, "source", this.result.source, at + 12, 4);
    field(layer, "destination", this.result.destination, at + 16, 4);
    if (packet.options.length > 0)
      field(layer, "options", hexBytes(packet.options), at + 20, packet.options.length);
    if (isFragment(packet)) {
      this.result.info = `fragment ${packet.fragmentOffset}`;
      return this.#data(start, end);
    }
    if (packet.protocol === PROTOCOL_ICMP) return this.#icmp(start, end);
    if (packet.protocol === PROTOCOL_UDP) return this.#udp(start, end, packet.source, packet.destination);
    if (packet.protocol === PROTOCOL_TCP) return this.#tcp(start, end, packet.source, packet.destination);
    this.#data(start, end);
  }

  #ipv6(at: number): void {
    const bytes = this.#bytes;
    const packet = parseIpv6(bytes.subarray(at));
    if (isMalformed(packet)) return this.#malformed("ipv6", at, bytes.length, packet);
    const layer = this.#layer("ipv6", at, at + 40);
    this.result.source = formatIpv6(packet.source);
    this.result.destination = formatIpv6(packet.destination);
    field(layer, "payload-length", String(packet.payload.length), at + 4, 2);
    field(layer, "next-header", String(packet.nextHeader), at + 6, 1);
    field(layer, "hop-limit", String(packet.hopLimit), at + 7, 1);
    field(layer, "source", this.result.source, at + 8, 16);
    field(layer, "destination", this.result.destination, at + 24, 16);
    const end = at + 40 + packet.payload.length;
    if (packet.nextHeader !== NEXT_HEADER_ICMPV6 || packet.payload.length < 4)
      return this.#data(at + 40, end);
    const inner = this.#layer("icmpv6", at + 40, end);
    field(inner, "type", String(bytes[at + 40]), at + 40, 1);
    field(inner, "code", String(bytes[at + 41]), at + 41, 1);
    field(inner, "checksum", hex(read16(bytes, at + 42)), at + 42, 2);
    this.result.info = `type ${bytes[at + 40]}`;
  }

  #icmp(at: number, end: number): void {
    const bytes = this.#bytes;
    const message = parseIcmp(bytes.subarray(at, end));
    if (isMalformed(message)) return this.#malformed("icmp", at, end, message);
    const layer = this.#layer("icmp", at, end);
    const kind = ICMP_KINDS[bytes[at]] ?? `type ${bytes[at]}`;
    field(layer, "type", `${bytes[at]} ${ICMP_KINDS[bytes[at]] ?? ""}`.trim(), at, 1);
    field(layer, "code", String(bytes[at + 1]), at + 1, 1);
    field(layer, "checksum", hex(read16(bytes, at + 2)), at + 2, 2);
    this.result.info = kind;
    if (message.type === "echo-request" || message.type === "echo-reply") {
      field(layer, "identifier", String(message.identifier), at + 4, 2);
      field(layer, "sequence", String(message.sequence), at + 6, 2);
      this.result.info += ` id=${message.identifier} seq=${message.sequence}`;
    }
    if (end > at + 8) field(layer, "data", `${end - at - 8}`, at + 8, end - at - 8);
  }

  #udp(at: number, end: number, source: number, destination: number): void {
    const bytes = this.#bytes;
    const datagram = parseUdp(bytes.subarray(at, end), source, destination);
    if (isMalformed(datagram)) return this.#malformed("udp", at, end, datagram);
    const { sourcePort, destinationPort, payload } = datagram;
    const layer = this.#layer("udp", at, at + 8);
    field(layer, "source-port", String(sourcePort), at, 2);
    field(layer, "destination-port", String(destinationPort), at + 2, 2);
    field(layer, "length", String(read16(bytes, at + 4)), at + 4, 2);
    field(layer, "checksum", hex(read16(bytes, at + 6)), at + 6, 2);
    this.result.ports = { source: sourcePort, destination: destinationPort };
    this.result.info = `${sourcePort} → ${destinationPort} length ${payload.length}`;
    const ports = [sourcePort, destinationPort];
    const start = at + 8;
    const stop = start + payload.length;
    if (ports.every((port) => DHCP_PORTS.includes(port))) return this.#dhcp(start, stop);
    if (ports.includes(DNS_PORT)) return this.#dns(start, stop);
    if (ports.includes(NTP_PORT) && payload.length >= 48) return this.#ntp(start, stop);
    this.#data(start, stop);
  }

  #tcp(at: number, end: number, source: number, destination: number): void {
    const bytes = this.#bytes;
    const segment = parseTcp(bytes.subarray(at, end), source, destination);
    if (isMalformed(segment)) return this.#malformed("tcp", at, end, segment);
    const start = end - segment.payload.length;
    const layer = this.#layer("tcp", at, start);
    const flags = formatTcpFlags(segment.flags);
    field(layer, "source-port", String(segment.sourcePort), at, 2);
    field(layer, "destination-port", String(segment.destinationPort), at + 2, 2);
    field(layer, "sequence", String(segment.sequence), at + 4, 4);
    field(layer, "acknowledgment", String(segment.acknowledgment), at + 8, 4);
    field(layer, "header-length", String(start - at), at + 12, 1);
    field(layer, "flags", flags, at + 13, 1);
    field(layer, "window", String(segment.window), at + 14, 2);
    field(layer, "checksum", hex(read16(bytes, at + 16)), at + 16, 2);
    field(layer, "urgent", String(segment.urgent), at + 18, 2);
    if (start > at + 20) field(layer, "options", hexBytes(segment.options), at + 20, start - at - 20);
    this.result.ports = { source: segment.sourcePort, destination: segment.destinationPort };
    this.result.info = `${segment.sourcePort} → ${segment.destinationPort} [${flags}] seq=${segment.sequence} length ${segment.payload.length}`;
    if (segment.payload.length === 0) return;
    if (segment.sourcePort === HTTP_PORT || segment.destinationPort === HTTP_PORT)
      return this.#http(start, end);
    this.#data(start, end);
  }

  #dhcp(at: number, end: number): void {
    const bytes = this.#bytes;
    const message = parseDhcp(bytes.subarray(at, end));
    if (isMalformed(message)) return this.#malformed("dhcp", at, end, message);
    const layer = this.#layer("dhcp", at, end);
    field(layer, "operation", String(message.op), at, 1);
    field(layer, "transaction", hex(message.transaction, 8), at + 4, 4);
    field(layer, "client-address", formatAddress(message.clientAddress), at + 12, 4);
    field(layer, "your-address", formatAddress(message.yourAddress), at + 16, 4);
    field(layer, "client-mac", formatMac(message.clientMac), at + 28, 6);
    for (const { code, data } of message.options) {
      const place = data.byteOffset - bytes.byteOffset - 2;
      const value = code === 53 ? (DHCP_TYPES[data[0]] ?? "") : addressOption(code, data);
      field(layer, `option-${code}`, value, place, data.length + 2);
    }
    this.result.info = DHCP_TYPES[dhcpMessageType(message) ?? 0] ?? "";
    if (message.yourAddress !== 0) this.result.info += ` ${formatAddress(message.yourAddress)}`;
  }

  #dns(at: number, end: number): void {
    const message = parseDns(this.#bytes.subarray(at, end));
    if (isMalformed(message)) return this.#malformed("dns", at, end, message);
    const layer = this.#layer("dns", at, end);
    field(layer, "id", hex(message.id), at, 2);
    field(layer, "response", String(message.response), at + 2, 1);
    field(layer, "response-code", String(message.responseCode), at + 3, 1);
    field(layer, "questions", String(message.questions.length), at + 4, 2);
    field(layer, "answers", String(message.answers.length), at + 6, 2);
    // Names may be compressed, so records are shown with the bytes of all records.
    for (const { name, recordType } of message.questions) {
      field(layer, "question", `${name} ${DNS_TYPES[recordType] ?? recordType}`, at + 12, end - at - 12);
    }
    for (const record of message.answers)
      field(layer, "answer", describeRecord(record), at + 12, end - at - 12);
    const name = message.questions[0]?.name ?? "";
    this.result.info = message.response
      ? `response ${name} ${message.answers.map(describeData).join(", ")}`.trimEnd()
      : `query ${name}`;
  }

  #ntp(at: number, end: number): void {
    const layer = this.#layer("ntp", at, end);
    const first = this.#bytes[at];
    field(layer, "version", String((first >>> 3) & 7), at, 1);
    field(layer, "mode", String(first & 7), at, 1);
    field(layer, "stratum", String(this.#bytes[at + 1]), at + 1, 1);
    field(layer, "transmit", String(read32(this.#bytes, at + 40)), at + 40, 8);
    this.result.info = `mode ${first & 7}`;
  }

  #http(at: number, end: number): void {
    const layer = this.#layer("http", at, end);
    let line = at;
    // The header lines of this segment; a segment from the middle of a page has none.
    const first = ascii(this.#bytes, at, lineEnd(this.#bytes, at, end));
    if (!/^[A-Z]+ \S+ HTTP\/|^HTTP\/\d/.test(first)) {
      field(layer, "data", String(end - at), at, end - at);
      this.result.info = `continued, ${end - at} bytes`;
      return;
    }
    this.result.info = first;
    while (line < end) {
      const stop = lineEnd(this.#bytes, line, end);
      if (stop === line) break;
      field(layer, line === at ? "start-line" : "header", ascii(this.#bytes, line, stop), line, stop - line);
      line = Math.min(end, stop + 2);
    }
    const body = Math.min(end, line + 2);
    if (body < end) field(layer, "data", String(end - body), body, end - body);
  }

  #data(start: number, end: number): void {
    if (end <= start) return;
    const { protocol } = this.result;
    field(this.#layer("data", start, end), "data", String(end - start), start, end - start);
    this.result.protocol = protocol;
  }

  #layer(protocol: ProtocolName, start: number, end: number): Layer {
    const layer: Layer = { protocol, start, end, fields: [] };
    this.result.layers.push(layer);
    this.result.protocol = protocol;
    return layer;
  }

  #malformed(protocol: ProtocolName, start: number, end: number, malformed: Malformed): void {
    this.#layer(protocol, start, end).malformed = malformed;
    this.result.info = malformed;
  }
}

export function dissect(bytes: Uint8Array): Dissection {
  const dissector = new Dissector(bytes);
  dissector.ethernet();
  return dissector.result;
}

function field(layer: Layer, name: string, value: string, start: number, length: number): void {
  layer.fields.push({ name, value, start, end: start + length });
}

function hex(value: number, digits = 4): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** RFC 5952: lower case, the longest run of zero groups cut out. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => read16(bytes, i * 2).toString(16));
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}

function addressOption(code: number, data: Uint8Array): string {
  const holdsAddresses = [1, 3, 6, 28, 50, 54].includes(code) && data.length % 4 === 0;
  if (!holdsAddresses) return hexBytes(data);
  return Array.from({ length: data.length / 4 }, (_, i) => formatAddress(read32(data, i * 4))).join(", ");
}

function describeData(record: DnsRecord): string {
  switch (record.type) {
    case "A":
      return formatAddress(record.address);
    case "AAAA":
      return formatIpv6(record.address);
    case "CNAME":
    case "PTR":
    case "NS":
      return record.target;
    case "other":
      return hexBytes(record.data);
    default:
      return record satisfies never;
  }
}

function describeRecord(record: DnsRecord): string {
  const type = dnsRecordType(record);
  return `${record.name} ${DNS_TYPES[type] ?? type} ${describeData(record)}`;
}

/** Where the line that begins at `at` ends: before its CR LF. */
function lineEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i + 1 < end; i++) if (bytes[i] === 13 && bytes[i + 1] === 10) return i;
  return end;
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++)
    text += bytes[i] >= 32 && bytes[i] < 127 ? String.fromCharCode(bytes[i]) : ".";
  return text;
}
