/** IPv4 (RFC 791): header with options; fragments are recognised and left to the receiver to put together. */
import { read16, read32, write16, write32 } from "./byte-order.ts";
import { checksum } from "./checksum.ts";
import type { Parsed } from "./malformed.ts";

export const IPV4_HEADER_LENGTH = 20;
/** Offsets that the NAT rewrites in place. */
export const IPV4_TTL = 8;
export const IPV4_CHECKSUM = 10;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;
const TYPE_OF_SERVICE = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FRAGMENT = 6;
const PROTOCOL = 9;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

export interface Ipv4Packet {
  source: number;
  destination: number;
  protocol: number;
  ttl: number;
  typeOfService: number;
  identification: number;
  dontFragment: boolean;
  moreFragments: boolean;
  /** In bytes, a multiple of 8. */
  fragmentOffset: number;
  /** Raw options, a multiple of 4 bytes, at most 40. */
  options: Uint8Array;
  payload: Uint8Array;
}

export function parseIpv4(bytes: Uint8Array): Parsed<Ipv4Packet> {
  if (bytes.length < IPV4_HEADER_LENGTH) return "ipv4-short";
  if (bytes[0] >>> 4 !== 4) return "ipv4-version";
  const headerLength = (bytes[0] & 15) * 4;
  if (headerLength < IPV4_HEADER_LENGTH || headerLength > bytes.length) return "ipv4-header-length";
  const totalLength = read16(bytes, TOTAL_LENGTH);
  if (totalLength < headerLength || totalLength > bytes.length) return "ipv4-total-length";
  if (checksum(bytes, 0, headerLength) !== 0) return "ipv4-checksum";
  const fragment = read16(bytes, FRAGMENT);
  const fragmentOffset = (fragment & 0x1fff) * 8;
  if (fragmentOffset + totalLength - headerLength > 0xffff) return "ipv4-fragment";
  return {
    source: read32(bytes, IPV4_SOURCE),
    destination: read32(bytes, IPV4_DESTINATION),
    protocol: bytes[PROTOCOL],
    ttl: bytes[IPV4_TTL],
    typeOfService: bytes[TYPE_OF_SERVICE],
    identification: read16(bytes, IDENTIFICATION),
    dontFragment: (fragment & DONT_FRAGMENT) !== 0,
    moreFragments: (fragment & MORE_FRAGMENTS) !== 0,
    fragmentOffset,
    options: bytes.subarray(IPV4_HEADER_LENGTH, headerLength),
    payload: bytes.subarray(headerLength, totalLength),
  };
}

export function serialiseIpv4(packet: Ipv4Packet): Uint8Array {
  const headerLength = IPV4_HEADER_LENGTH + packet.options.length;
  const bytes = new Uint8Array(headerLength + packet.payload.length);
  bytes[0] = 0x40 | (headerLength >>> 2);
  bytes[TYPE_OF_SERVICE] = packet.typeOfService;
  write16(bytes, TOTAL_LENGTH, bytes.length);
  write16(bytes, IDENTIFICATION, packet.identification);
  write16(
    bytes,
    FRAGMENT,
    (packet.dontFragment ? DONT_FRAGMENT : 0) |
      (packet.moreFragments ? MORE_FRAGMENTS : 0) |
      (packet.fragmentOffset >>> 3),
  );
  bytes[IPV4_TTL] = packet.ttl;
  bytes[PROTOCOL] = packet.protocol;
  write32(bytes, IPV4_SOURCE, packet.source);
  write32(bytes, IPV4_DESTINATION, packet.destination);
  bytes.set(packet.options, IPV4_HEADER_LENGTH);
  write16(bytes, IPV4_CHECKSUM, checksum(bytes, 0, headerLength));
  bytes.set(packet.payload, headerLength);
  return bytes;
}

const NO_OPTIONS = new Uint8Array(0);

/** A packet with the fields that most senders do not care about filled in. */
export function ipv4Packet(
  fields: Pick<Ipv4Packet, "source" | "destination" | "protocol" | "payload"> & Partial<Ipv4Packet>,
): Ipv4Packet {
  return {
    ttl: 64,
    typeOfService: 0,
    identification: 0,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    options: NO_OPTIONS,
    ...fields,
  };
}

export function isFragment(packet: Ipv4Packet): boolean {
  return packet.moreFragments || packet.fragmentOffset !== 0;
}
