/** UDP over IPv4 (RFC 768). Addresses are needed for the pseudo header. */
import { read16, write16 } from "./byte-order.ts";
import { addWords, finishChecksum, pseudoHeaderSum } from "./checksum.ts";
import { PROTOCOL_UDP } from "./ipv4.ts";
import type { Parsed } from "./malformed.ts";

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
export const UDP_CHECKSUM = 6;
const HEADER_LENGTH = 8;

export interface UdpDatagram {
  sourcePort: number;
  destinationPort: number;
  payload: Uint8Array;
}

export function parseUdp(bytes: Uint8Array, source: number, destination: number): Parsed<UdpDatagram> {
  if (bytes.length < HEADER_LENGTH) return "udp-short";
  const length = read16(bytes, LENGTH);
  if (length < HEADER_LENGTH || length > bytes.length) return "udp-length";
  // A checksum of zero means the sender made none.
  if (read16(bytes, UDP_CHECKSUM) !== 0) {
    const sum = addWords(pseudoHeaderSum(source, destination, PROTOCOL_UDP, length), bytes, 0, length);
    if (finishChecksum(sum) !== 0) return "udp-checksum";
  }
  return {
    sourcePort: read16(bytes, SOURCE_PORT),
    destinationPort: read16(bytes, DESTINATION_PORT),
    payload: bytes.subarray(HEADER_LENGTH, length),
  };
}

export function serialiseUdp(datagram: UdpDatagram, source: number, destination: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + datagram.payload.length);
  write16(bytes, SOURCE_PORT, datagram.sourcePort);
  write16(bytes, DESTINATION_PORT, datagram.destinationPort);
  write16(bytes, LENGTH, bytes.length);
  bytes.set(datagram.payload, HEADER_LENGTH);
  const sum = finishChecksum(
    addWords(pseudoHeaderSum(source, destination, PROTOCOL_UDP, bytes.length), bytes),
  );
  write16(bytes, UDP_CHECKSUM, sum === 0 ? 0xffff : sum);
  return bytes;
}
