/**
 * IPv6 headers (RFC 8200) and ICMPv6 (RFC 4443, 4861) as far as naming them: switches forward them and the capture shows
 * them; no host of ours speaks IPv6.
 */
import { read16, read32, write16, write32 } from "./byte-order.ts";
import { addWords, finishChecksum } from "./checksum.ts";
import type { Parsed } from "./malformed.ts";

const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SOURCE = 8;
const DESTINATION = 24;
const HEADER_LENGTH = 40;

export const NEXT_HEADER_ICMPV6 = 58;

export interface Ipv6Packet {
  trafficClass: number;
  flowLabel: number;
  nextHeader: number;
  hopLimit: number;
  /** 16 bytes. */
  source: Uint8Array;
  destination: Uint8Array;
  payload: Uint8Array;
}

export function parseIpv6(bytes: Uint8Array): Parsed<Ipv6Packet> {
  if (bytes.length < HEADER_LENGTH) return "ipv6-short";
  const first = read32(bytes, 0);
  if (first >>> 28 !== 6) return "ipv6-version";
  const length = read16(bytes, PAYLOAD_LENGTH);
  if (HEADER_LENGTH + length > bytes.length) return "ipv6-length";
  return {
    trafficClass: (first >>> 20) & 255,
    flowLabel: first & 0xfffff,
    nextHeader: bytes[NEXT_HEADER],
    hopLimit: bytes[HOP_LIMIT],
    source: bytes.subarray(SOURCE, SOURCE + 16),
    destination: bytes.subarray(DESTINATION, DESTINATION + 16),
    payload: bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + length),
  };
}

export function serialiseIpv6(packet: Ipv6Packet): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + packet.payload.length);
  write32(bytes, 0, ((6 << 28) | (packet.trafficClass << 20) | packet.flowLabel) >>> 0);
  write16(bytes, PAYLOAD_LENGTH, packet.payload.length);
  bytes[NEXT_HEADER] = packet.nextHeader;
  bytes[HOP_LIMIT] = packet.hopLimit;
  bytes.set(packet.source, SOURCE);
  bytes.set(packet.destination, DESTINATION);
  bytes.set(packet.payload, HEADER_LENGTH);
  return bytes;
}

export interface Icmpv6Message {
  icmpType: number;
  code: number;
  body: Uint8Array;
}

function icmpv6Sum(bytes: Uint8Array, source: Uint8Array, destination: Uint8Array): number {
  return addWords(addWords(addWords(bytes.length + NEXT_HEADER_ICMPV6, source), destination), bytes);
}

export function parseIcmpv6(
  bytes: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array,
): Parsed<Icmpv6Message> {
  if (bytes.length < 4) return "icmpv6-short";
  if (finishChecksum(icmpv6Sum(bytes, source, destination)) !== 0) return "icmpv6-checksum";
  return { icmpType: bytes[0], code: bytes[1], body: bytes.subarray(4) };
}

export function serialiseIcmpv6(
  message: Icmpv6Message,
  source: Uint8Array,
  destination: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(4 + message.body.length);
  bytes[0] = message.icmpType;
  bytes[1] = message.code;
  bytes.set(message.body, 4);
  write16(bytes, 2, finishChecksum(icmpv6Sum(bytes, source, destination)));
  return bytes;
}

/** RFC 5952: lower case, longest run of zero groups as "::". */
export function formatIpv6(address: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(read16(address, i));
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    if (end > i) i = end;
  }
  const text = groups.map((group) => group.toString(16));
  if (bestStart < 0) return text.join(":");
  return `${text.slice(0, bestStart).join(":")}::${text.slice(bestStart + bestLength).join(":")}`;
}
