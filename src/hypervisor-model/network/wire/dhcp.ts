/** DHCP messages (RFC 2131 §2, options RFC 2132). Options keep the order of the wire. */
import { read16, read32, write16, write32 } from "./byte-order.ts";
import { readMac, writeMac } from "./mac-address.ts";
import type { Parsed } from "./malformed.ts";

const OP = 0;
const HARDWARE_TYPE = 1;
const HARDWARE_LENGTH = 2;
const HOPS = 3;
const TRANSACTION = 4;
const SECONDS = 8;
const FLAGS = 10;
const CLIENT_ADDRESS = 12;
const YOUR_ADDRESS = 16;
const NEXT_SERVER = 20;
const RELAY = 24;
const CLIENT_MAC = 28;
const SERVER_NAME = 44;
const BOOT_FILE = 108;
const COOKIE = 236;
const OPTIONS = 240;
const MAGIC_COOKIE = 0x63825363;
const BROADCAST_FLAG = 0x8000;
/** BOOTP relays and old clients expect messages of at least this length (RFC 1542 §2.1). */
const MINIMUM_LENGTH = 300;

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

export const DHCP_DISCOVER = 1;
export const DHCP_OFFER = 2;
export const DHCP_REQUEST = 3;
export const DHCP_DECLINE = 4;
export const DHCP_ACK = 5;
export const DHCP_NAK = 6;
export const DHCP_RELEASE = 7;
export const DHCP_INFORM = 8;

const OPTION_PAD = 0;
const OPTION_END = 255;
export const OPTION_SUBNET_MASK = 1;
export const OPTION_ROUTER = 3;
export const OPTION_DNS = 6;
export const OPTION_HOST_NAME = 12;
export const OPTION_DOMAIN_NAME = 15;
export const OPTION_BROADCAST = 28;
export const OPTION_REQUESTED_ADDRESS = 50;
export const OPTION_LEASE_SECONDS = 51;
export const OPTION_MESSAGE_TYPE = 53;
export const OPTION_SERVER_ID = 54;
export const OPTION_MESSAGE = 56;
export const OPTION_RENEWAL_SECONDS = 58;
export const OPTION_REBINDING_SECONDS = 59;
export const OPTION_CLIENT_ID = 61;
export const OPTION_BOOT_FILE = 67;

export interface DhcpOption {
  code: number;
  data: Uint8Array;
}

export interface DhcpMessage {
  /** 1 from client, 2 from server. */
  op: number;
  hops: number;
  transaction: number;
  seconds: number;
  broadcast: boolean;
  clientAddress: number;
  yourAddress: number;
  nextServer: number;
  relay: number;
  clientMac: number;
  serverName: string;
  bootFile: string;
  options: DhcpOption[];
}

function readText(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

function writeText(bytes: Uint8Array, at: number, length: number, text: string): void {
  for (let i = 0; i < Math.min(text.length, length); i++) bytes[at + i] = text.charCodeAt(i);
}

export function parseDhcp(bytes: Uint8Array): Parsed<DhcpMessage> {
  if (bytes.length < OPTIONS) return "dhcp-short";
  if (read32(bytes, COOKIE) !== MAGIC_COOKIE) return "dhcp-cookie";
  if (bytes[HARDWARE_TYPE] !== 1 || bytes[HARDWARE_LENGTH] !== 6) return "dhcp-kind";
  const options: DhcpOption[] = [];
  let at = OPTIONS;
  while (at < bytes.length && bytes[at] !== OPTION_END) {
    if (bytes[at] === OPTION_PAD) {
      at++;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) return "dhcp-option";
    options.push({ code: bytes[at], data: bytes.subarray(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return {
    op: bytes[OP],
    hops: bytes[HOPS],
    transaction: read32(bytes, TRANSACTION),
    seconds: read16(bytes, SECONDS),
    broadcast: (read16(bytes, FLAGS) & BROADCAST_FLAG) !== 0,
    clientAddress: read32(bytes, CLIENT_ADDRESS),
    yourAddress: read32(bytes, YOUR_ADDRESS),
    nextServer: read32(bytes, NEXT_SERVER),
    relay: read32(bytes, RELAY),
    clientMac: readMac(bytes, CLIENT_MAC),
    serverName: readText(bytes, SERVER_NAME, 64),
    bootFile: readText(bytes, BOOT_FILE, 128),
    options,
  };
}

export function serialiseDhcp(message: DhcpMessage): Uint8Array {
  const optionBytes = message.options.reduce((sum, option) => sum + 2 + option.data.length, 0);
  const bytes = new Uint8Array(Math.max(MINIMUM_LENGTH, OPTIONS + optionBytes + 1));
  bytes[OP] = message.op;
  bytes[HARDWARE_TYPE] = 1;
  bytes[HARDWARE_LENGTH] = 6;
  bytes[HOPS] = message.hops;
  write32(bytes, TRANSACTION, message.transaction);
  write16(bytes, SECONDS, message.seconds);
  write16(bytes, FLAGS, message.broadcast ? BROADCAST_FLAG : 0);
  write32(bytes, CLIENT_ADDRESS, message.clientAddress);
  write32(bytes, YOUR_ADDRESS, message.yourAddress);
  write32(bytes, NEXT_SERVER, message.nextServer);
  write32(bytes, RELAY, message.relay);
  writeMac(bytes, CLIENT_MAC, message.clientMac);
  writeText(bytes, SERVER_NAME, 64, message.serverName);
  writeText(bytes, BOOT_FILE, 128, message.bootFile);
  write32(bytes, COOKIE, MAGIC_COOKIE);
  let at = OPTIONS;
  for (const option of message.options) {
    bytes[at] = option.code;
    bytes[at + 1] = option.data.length;
    bytes.set(option.data, at + 2);
    at += 2 + option.data.length;
  }
  bytes[at] = OPTION_END;
  return bytes;
}

export function dhcpOption(message: DhcpMessage, code: number): Uint8Array | undefined {
  return message.options.find((option) => option.code === code)?.data;
}

export function dhcpMessageType(message: DhcpMessage): number | undefined {
  const data = dhcpOption(message, OPTION_MESSAGE_TYPE);
  return data?.length === 1 ? data[0] : undefined;
}

/** An option that holds one address. */
export function dhcpAddressOption(message: DhcpMessage, code: number): number | undefined {
  const data = dhcpOption(message, code);
  return data?.length === 4 ? read32(data, 0) : undefined;
}

/** Option data of one or more 32-bit values: addresses or seconds. */
export function words32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  for (const [i, value] of values.entries()) write32(bytes, i * 4, value);
  return bytes;
}
