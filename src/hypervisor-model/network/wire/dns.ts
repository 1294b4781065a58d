/**
 * DNS messages (RFC 1035 §4, AAAA RFC 3596). Compressed names are read, with a guard against loops; names are written
 * in full. Names are text without the final dot; a byte of a label is one character.
 */
import { read16, read32 } from "./byte-order.ts";
import type { Malformed, Parsed } from "./malformed.ts";
import { isMalformed } from "./malformed.ts";

const HEADER_LENGTH = 12;
const MAX_NAME = 253;
const MAX_RECORDS = 256;

export const DNS_PORT = 53;
export const DNS_A = 1;
export const DNS_NS = 2;
export const DNS_CNAME = 5;
export const DNS_PTR = 12;
export const DNS_AAAA = 28;
export const DNS_ANY = 255;
export const DNS_CLASS_IN = 1;

export const DNS_NO_ERROR = 0;
export const DNS_FORMAT_ERROR = 1;
export const DNS_SERVER_FAILURE = 2;
export const DNS_NAME_ERROR = 3;
export const DNS_NOT_IMPLEMENTED = 4;

export interface DnsQuestion {
  name: string;
  recordType: number;
  recordClass: number;
}

export interface DnsRecordHeader {
  name: string;
  recordClass: number;
  /** Seconds. */
  timeToLive: number;
}

export type DnsRecord = DnsRecordHeader &
  (
    | { type: "A"; address: number }
    /** 16 bytes. */
    | { type: "AAAA"; address: Uint8Array }
    | { type: "CNAME" | "PTR" | "NS"; target: string }
    | { type: "other"; recordType: number; data: Uint8Array }
  );

export interface DnsMessage {
  id: number;
  response: boolean;
  opcode: number;
  authoritative: boolean;
  truncated: boolean;
  recursionDesired: boolean;
  recursionAvailable: boolean;
  responseCode: number;
  questions: DnsQuestion[];
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: DnsRecord[];
}

interface NameAt {
  name: string;
  /** Where the bytes after the name begin. */
  end: number;
}

function readName(bytes: Uint8Array, start: number): NameAt | Malformed {
  const labels: string[] = [];
  let length = 0;
  let at = start;
  let end = -1;
  // A pointer must go back, so the place read from only falls and no loop is possible.
  let limit = start;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) return "dns-name";
    if (size === 0) {
      return { name: labels.join("."), end: end < 0 ? at + 1 : end };
    }
    if ((size & 0xc0) === 0xc0) {
      if (at + 1 >= bytes.length) return "dns-name";
      const target = read16(bytes, at) & 0x3fff;
      if (target >= limit) return "dns-name";
      if (end < 0) end = at + 2;
      limit = target;
      at = target;
      continue;
    }
    if (size > 63 || at + 1 + size > bytes.length) return "dns-name";
    length += size + 1;
    if (length > MAX_NAME + 1) return "dns-name";
    let label = "";
    for (let i = at + 1; i <= at + size; i++) {
      // A dot inside a label cannot be told from a separator in our text form.
      if (bytes[i] === 0x2e) return "dns-name";
      label += String.fromCharCode(bytes[i]);
    }
    labels.push(label);
    at += size + 1;
  }
}

function writeName(out: number[], name: string): void {
  if (name !== "") {
    for (const label of name.split(".")) {
      out.push(label.length);
      for (let i = 0; i < label.length; i++) out.push(label.charCodeAt(i) & 255);
    }
  }
  out.push(0);
}

/** Labels of 1 to 63 characters, 253 in all. */
export function isDnsName(name: string): boolean {
  return name.length <= MAX_NAME && name.split(".").every((label) => label.length >= 1 && label.length <= 63);
}

interface RecordAt {
  record: DnsRecord;
  end: number;
}

function readRecord(bytes: Uint8Array, at: number): RecordAt | Malformed {
  const named = readName(bytes, at);
  if (isMalformed(named)) return named;
  const fixed = named.end;
  if (fixed + 10 > bytes.length) return "dns-record";
  const recordType = read16(bytes, fixed);
  const length = read16(bytes, fixed + 8);
  const start = fixed + 10;
  const end = start + length;
  if (end > bytes.length) return "dns-record";
  const header: DnsRecordHeader = {
    name: named.name,
    recordClass: read16(bytes, fixed + 2),
    timeToLive: read32(bytes, fixed + 4),
  };
  if (recordType === DNS_A) {
    if (length !== 4) return "dns-record";
    return { record: { type: "A", ...header, address: read32(bytes, start) }, end };
  }
  if (recordType === DNS_AAAA) {
    if (length !== 16) return "dns-record";
    return { record: { type: "AAAA", ...header, address: bytes.subarray(start, end) }, end };
  }
  if (recordType === DNS_CNAME || recordType === DNS_PTR || recordType === DNS_NS) {
    const target = readName(bytes, start);
    if (isMalformed(target)) return target;
    if (target.end !== end) return "dns-record";
    const type = recordType === DNS_CNAME ? "CNAME" : recordType === DNS_PTR ? "PTR" : "NS";
    return { record: { type, ...header, target: target.name }, end };
  }
  return { record: { type: "other", ...header, recordType, data: bytes.subarray(start, end) }, end };
}

export function parseDns(bytes: Uint8Array): Parsed<DnsMessage> {
  if (bytes.length < HEADER_LENGTH) return "dns-short";
  const flags = read16(bytes, 2);
  const message: DnsMessage = {
    id: read16(bytes, 0),
    response: (flags & 0x8000) !== 0,
    opcode: (flags >>> 11) & 15,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    responseCode: flags & 15,
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
  };
  const counts = [read16(bytes, 4), read16(bytes, 6), read16(bytes, 8), read16(bytes, 10)];
  if (counts[0] + counts[1] + counts[2] + counts[3] > MAX_RECORDS) return "dns-count";
  let at = HEADER_LENGTH;
  for (let i = 0; i < counts[0]; i++) {
    const named = readName(bytes, at);
    if (isMalformed(named)) return named;
    if (named.end + 4 > bytes.length) return "dns-record";
    message.questions.push({
      name: named.name,
      recordType: read16(bytes, named.end),
      recordClass: read16(bytes, named.end + 2),
    });
    at = named.end + 4;
  }
  for (const [section, records] of [message.answers, message.authorities, message.additionals].entries()) {
    for (let i = 0; i < counts[section + 1]; i++) {
      const found = readRecord(bytes, at);
      if (isMalformed(found)) return found;
      records.push(found.record);
      at = found.end;
    }
  }
  return message;
}

const RECORD_TYPES = { A: DNS_A, AAAA: DNS_AAAA, CNAME: DNS_CNAME, PTR: DNS_PTR, NS: DNS_NS } as const;

export function dnsRecordType(record: DnsRecord): number {
  return record.type === "other" ? record.recordType : RECORD_TYPES[record.type];
}

function push16(out: number[], value: number): void {
  out.push((value >>> 8) & 255, value & 255);
}

function writeRecord(out: number[], record: DnsRecord): void {
  writeName(out, record.name);
  push16(out, dnsRecordType(record));
  push16(out, record.recordClass);
  push16(out, record.timeToLive >>> 16);
  push16(out, record.timeToLive & 0xffff);
  const data: number[] = [];
  switch (record.type) {
    case "A":
      push16(data, record.address >>> 16);
      push16(data, record.address & 0xffff);
      break;
    case "AAAA":
      data.push(...record.address);
      break;
    case "CNAME":
    case "PTR":
    case "NS":
      writeName(data, record.target);
      break;
    case "other":
      for (const byte of record.data) data.push(byte);
      break;
    default:
      record satisfies never;
  }
  push16(out, data.length);
  for (const byte of data) out.push(byte);
}

export function serialiseDns(message: DnsMessage): Uint8Array {
  const out: number[] = [];
  push16(out, message.id);
  push16(
    out,
    (message.response ? 0x8000 : 0) |
      (message.opcode << 11) |
      (message.authoritative ? 0x0400 : 0) |
      (message.truncated ? 0x0200 : 0) |
      (message.recursionDesired ? 0x0100 : 0) |
      (message.recursionAvailable ? 0x0080 : 0) |
      message.responseCode,
  );
  for (const list of [message.questions, message.answers, message.authorities, message.additionals]) {
    push16(out, list.length);
  }
  for (const question of message.questions) {
    writeName(out, question.name);
    push16(out, question.recordType);
    push16(out, question.recordClass);
  }
  for (const list of [message.answers, message.authorities, message.additionals]) {
    for (const record of list) writeRecord(out, record);
  }
  return Uint8Array.from(out);
}
