/** ARP for IPv4 over Ethernet (RFC 826, RFC 5227 for probes and announcements). */
import { read16, read32, write16, write32 } from "./byte-order.ts";
import { readMac, writeMac } from "./mac-address.ts";
import type { Parsed } from "./malformed.ts";

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const PROTOCOL_LENGTH = 5;
const OPERATION = 6;
const SENDER_MAC = 8;
const SENDER_ADDRESS = 14;
const TARGET_MAC = 18;
const TARGET_ADDRESS = 24;
const LENGTH = 28;

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export interface ArpPacket {
  /** 1 request, 2 reply; others are kept as they are. */
  operation: number;
  senderMac: number;
  senderAddress: number;
  targetMac: number;
  targetAddress: number;
}

export function parseArp(bytes: Uint8Array): Parsed<ArpPacket> {
  if (bytes.length < LENGTH) return "arp-short";
  if (
    read16(bytes, HARDWARE_TYPE) !== 1 ||
    read16(bytes, PROTOCOL_TYPE) !== 0x0800 ||
    bytes[HARDWARE_LENGTH] !== 6 ||
    bytes[PROTOCOL_LENGTH] !== 4
  ) {
    return "arp-kind";
  }
  return {
    operation: read16(bytes, OPERATION),
    senderMac: readMac(bytes, SENDER_MAC),
    senderAddress: read32(bytes, SENDER_ADDRESS),
    targetMac: readMac(bytes, TARGET_MAC),
    targetAddress: read32(bytes, TARGET_ADDRESS),
  };
}

export function serialiseArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  write16(bytes, HARDWARE_TYPE, 1);
  write16(bytes, PROTOCOL_TYPE, 0x0800);
  bytes[HARDWARE_LENGTH] = 6;
  bytes[PROTOCOL_LENGTH] = 4;
  write16(bytes, OPERATION, packet.operation);
  writeMac(bytes, SENDER_MAC, packet.senderMac);
  write32(bytes, SENDER_ADDRESS, packet.senderAddress);
  writeMac(bytes, TARGET_MAC, packet.targetMac);
  write32(bytes, TARGET_ADDRESS, packet.targetAddress);
  return bytes;
}
