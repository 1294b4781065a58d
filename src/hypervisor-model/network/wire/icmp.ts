/** ICMP (RFC 792; next-hop MTU of RFC 1191 inside `rest`). */
import { read16, read32, write16, write32 } from "./byte-order.ts";
import { checksum } from "./checksum.ts";
import type { Parsed } from "./malformed.ts";

const CHECKSUM = 2;
const REST = 4;
const HEADER_LENGTH = 8;

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_ECHO_REQUEST = 8;
export const ICMP_TIME_EXCEEDED = 11;

export const UNREACHABLE_NET = 0;
export const UNREACHABLE_HOST = 1;
export const UNREACHABLE_PORT = 3;
export const UNREACHABLE_FRAGMENTATION_NEEDED = 4;
export const UNREACHABLE_PROHIBITED = 13;

export type IcmpMessage =
  | { type: "echo-request" | "echo-reply"; identifier: number; sequence: number; data: Uint8Array }
  /** `original` is the header and first bytes of the packet that could not go on. */
  | { type: "unreachable" | "time-exceeded"; code: number; rest: number; original: Uint8Array }
  | { type: "other"; icmpType: number; code: number; rest: number; data: Uint8Array };

export function parseIcmp(bytes: Uint8Array): Parsed<IcmpMessage> {
  if (bytes.length < HEADER_LENGTH) return "icmp-short";
  if (checksum(bytes) !== 0) return "icmp-checksum";
  const code = bytes[1];
  const rest = read32(bytes, REST);
  const data = bytes.subarray(HEADER_LENGTH);
  switch (bytes[0]) {
    case ICMP_ECHO_REQUEST:
    case ICMP_ECHO_REPLY:
      if (code !== 0) break;
      return {
        type: bytes[0] === ICMP_ECHO_REQUEST ? "echo-request" : "echo-reply",
        identifier: read16(bytes, REST),
        sequence: read16(bytes, REST + 2),
        data,
      };
    case ICMP_UNREACHABLE:
      return { type: "unreachable", code, rest, original: data };
    case ICMP_TIME_EXCEEDED:
      return { type: "time-exceeded", code, rest, original: data };
  }
  return { type: "other", icmpType: bytes[0], code, rest, data };
}

export function serialiseIcmp(message: IcmpMessage): Uint8Array {
  const data = "original" in message ? message.original : message.data;
  const bytes = new Uint8Array(HEADER_LENGTH + data.length);
  switch (message.type) {
    case "echo-request":
    case "echo-reply":
      bytes[0] = message.type === "echo-request" ? ICMP_ECHO_REQUEST : ICMP_ECHO_REPLY;
      write16(bytes, REST, message.identifier);
      write16(bytes, REST + 2, message.sequence);
      break;
    case "unreachable":
    case "time-exceeded":
      bytes[0] = message.type === "unreachable" ? ICMP_UNREACHABLE : ICMP_TIME_EXCEEDED;
      bytes[1] = message.code;
      write32(bytes, REST, message.rest);
      break;
    case "other":
      bytes[0] = message.icmpType;
      bytes[1] = message.code;
      write32(bytes, REST, message.rest);
      break;
    default:
      message satisfies never;
  }
  bytes.set(data, HEADER_LENGTH);
  write16(bytes, CHECKSUM, checksum(bytes));
  return bytes;
}

/** The part of a dropped packet that an error quotes: its header and 8 bytes more (RFC 792). */
export function quotedPacket(packet: Uint8Array): Uint8Array {
  const headerLength = (packet[0] & 15) * 4;
  return packet.slice(0, headerLength + 8);
}
