/** NTP version 3 and 4 headers (RFC 5905 §7.3); extension fields and authentication are not read. */
import { read32, write32 } from "./byte-order.ts";
import type { Parsed } from "./malformed.ts";

const LENGTH = 48;
const ROOT_DELAY = 4;
const ROOT_DISPERSION = 8;
const REFERENCE_ID = 12;
const REFERENCE = 16;
const ORIGIN = 24;
const RECEIVE = 32;
const TRANSMIT = 40;
/** Seconds from 1900 to 1970. */
const UNIX_EPOCH = 2_208_988_800;

export const NTP_MODE_CLIENT = 3;
export const NTP_MODE_SERVER = 4;

/** 64-bit NTP timestamp as its two halves: seconds since 1900 (modulo 2^32) and fraction. */
export interface NtpTimestamp {
  seconds: number;
  fraction: number;
}

export interface NtpMessage {
  leap: number;
  version: number;
  mode: number;
  stratum: number;
  poll: number;
  precision: number;
  rootDelay: number;
  rootDispersion: number;
  referenceId: number;
  reference: NtpTimestamp;
  origin: NtpTimestamp;
  receive: NtpTimestamp;
  transmit: NtpTimestamp;
}

function readTimestamp(bytes: Uint8Array, at: number): NtpTimestamp {
  return { seconds: read32(bytes, at), fraction: read32(bytes, at + 4) };
}

function writeTimestamp(bytes: Uint8Array, at: number, time: NtpTimestamp): void {
  write32(bytes, at, time.seconds);
  write32(bytes, at + 4, time.fraction);
}

export function parseNtp(bytes: Uint8Array): Parsed<NtpMessage> {
  if (bytes.length < LENGTH) return "ntp-short";
  return {
    leap: bytes[0] >>> 6,
    version: (bytes[0] >>> 3) & 7,
    mode: bytes[0] & 7,
    stratum: bytes[1],
    poll: bytes[2],
    precision: bytes[3],
    rootDelay: read32(bytes, ROOT_DELAY),
    rootDispersion: read32(bytes, ROOT_DISPERSION),
    referenceId: read32(bytes, REFERENCE_ID),
    reference: readTimestamp(bytes, REFERENCE),
    origin: readTimestamp(bytes, ORIGIN),
    receive: readTimestamp(bytes, RECEIVE),
    transmit: readTimestamp(bytes, TRANSMIT),
  };
}

export function serialiseNtp(message: NtpMessage): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  bytes[0] = (message.leap << 6) | (message.version << 3) | message.mode;
  bytes[1] = message.stratum;
  bytes[2] = message.poll;
  bytes[3] = message.precision;
  write32(bytes, ROOT_DELAY, message.rootDelay);
  write32(bytes, ROOT_DISPERSION, message.rootDispersion);
  write32(bytes, REFERENCE_ID, message.referenceId);
  writeTimestamp(bytes, REFERENCE, message.reference);
  writeTimestamp(bytes, ORIGIN, message.origin);
  writeTimestamp(bytes, RECEIVE, message.receive);
  writeTimestamp(bytes, TRANSMIT, message.transmit);
  return bytes;
}

/** From milliseconds since 1970. */
export function ntpTimestamp(milliseconds: number): NtpTimestamp {
  const seconds = Math.floor(milliseconds / 1000);
  return {
    seconds: (seconds + UNIX_EPOCH) % 0x100000000,
    fraction: Math.floor(((milliseconds - seconds * 1000) / 1000) * 0x100000000),
  };
}
