/** TCP segments over IPv4 (RFC 9293 §3.1). Options stay raw; the ones in use have readers below. */
import { read16, read32, write16, write32 } from "./byte-order.ts";
import { addWords, finishChecksum, pseudoHeaderSum } from "./checksum.ts";
import { PROTOCOL_TCP } from "./ipv4.ts";
import type { Parsed } from "./malformed.ts";

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const SEQUENCE = 4;
const ACKNOWLEDGMENT = 8;
const DATA_OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;
export const TCP_CHECKSUM = 16;
const URGENT = 18;
const HEADER_LENGTH = 20;

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;

export interface TcpSegment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  /** TCP_FIN | TCP_SYN | … : the eight control bits. */
  flags: number;
  window: number;
  urgent: number;
  /** A multiple of 4 bytes, at most 40. */
  options: Uint8Array;
  payload: Uint8Array;
}

export function parseTcp(bytes: Uint8Array, source: number, destination: number): Parsed<TcpSegment> {
  if (bytes.length < HEADER_LENGTH) return "tcp-short";
  const headerLength = (bytes[DATA_OFFSET] >>> 4) * 4;
  if (headerLength < HEADER_LENGTH || headerLength > bytes.length) return "tcp-header-length";
  const sum = addWords(pseudoHeaderSum(source, destination, PROTOCOL_TCP, bytes.length), bytes);
  if (finishChecksum(sum) !== 0) return "tcp-checksum";
  return {
    sourcePort: read16(bytes, SOURCE_PORT),
    destinationPort: read16(bytes, DESTINATION_PORT),
    sequence: read32(bytes, SEQUENCE),
    acknowledgment: read32(bytes, ACKNOWLEDGMENT),
    flags: bytes[FLAGS],
    window: read16(bytes, WINDOW),
    urgent: read16(bytes, URGENT),
    options: bytes.subarray(HEADER_LENGTH, headerLength),
    payload: bytes.subarray(headerLength),
  };
}

export function serialiseTcp(segment: TcpSegment, source: number, destination: number): Uint8Array {
  const headerLength = HEADER_LENGTH + segment.options.length;
  const bytes = new Uint8Array(headerLength + segment.payload.length);
  write16(bytes, SOURCE_PORT, segment.sourcePort);
  write16(bytes, DESTINATION_PORT, segment.destinationPort);
  write32(bytes, SEQUENCE, segment.sequence);
  write32(bytes, ACKNOWLEDGMENT, segment.acknowledgment);
  bytes[DATA_OFFSET] = (headerLength >>> 2) << 4;
  bytes[FLAGS] = segment.flags;
  write16(bytes, WINDOW, segment.window);
  write16(bytes, URGENT, segment.urgent);
  bytes.set(segment.options, HEADER_LENGTH);
  bytes.set(segment.payload, headerLength);
  const sum = addWords(pseudoHeaderSum(source, destination, PROTOCOL_TCP, bytes.length), bytes);
  write16(bytes, TCP_CHECKSUM, finishChecksum(sum));
  return bytes;
}

/** The maximum segment size option (RFC 9293 §3.7.1), if there is a well-formed one. */
export function maximumSegmentSize(options: Uint8Array): number | undefined {
  let at = 0;
  while (at < options.length) {
    const kind = options[at];
    if (kind === OPTION_END) return undefined;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = options[at + 1];
    if (length === undefined || length < 2 || at + length > options.length) return undefined;
    if (kind === OPTION_MSS && length === 4) return read16(options, at + 2);
    at += length;
  }
  return undefined;
}

export function maximumSegmentSizeOption(size: number): Uint8Array {
  return new Uint8Array([OPTION_MSS, 4, size >>> 8, size & 255]);
}

const FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/** "SYN, ACK" */
export function formatTcpFlags(flags: number): string {
  return FLAG_NAMES.filter((_, bit) => (flags & (1 << bit)) !== 0).join(", ");
}
