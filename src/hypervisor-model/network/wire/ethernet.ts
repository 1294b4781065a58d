/**
 * Ethernet II frames with an optional 802.1Q tag (IEEE 802.3 clause 3, 802.1Q clause 9), and 802.3 frames with an LLC
 * header (802.2) as far as telling them apart. Frames carry no FCS.
 */
import { read16, write16 } from "./byte-order.ts";
import { readMac, writeMac } from "./mac-address.ts";
import type { Parsed } from "./malformed.ts";

const DESTINATION = 0;
const SOURCE = 6;
const TYPE = 12;
const HEADER_LENGTH = 14;
const TAG_LENGTH = 4;
const LLC_LENGTH = 3;
/** Values of the type field up to this are lengths. */
const MAX_LENGTH = 1500;
const MIN_TYPE = 0x600;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;

export interface VlanTag {
  /** 0 to 4095. */
  id: number;
  /** 0 to 7. */
  priority: number;
  dropEligible: boolean;
}

interface EthernetHeader {
  destination: number;
  source: number;
  vlan?: VlanTag;
}

export interface Ethernet2Frame extends EthernetHeader {
  type: "ethernet2";
  etherType: number;
  /** May end in padding: the protocol inside knows its own length. */
  payload: Uint8Array;
}

export interface LlcFrame extends EthernetHeader {
  type: "llc";
  dsap: number;
  ssap: number;
  control: number;
  payload: Uint8Array;
}

export type EthernetFrame = Ethernet2Frame | LlcFrame;

export function parseEthernet(bytes: Uint8Array): Parsed<EthernetFrame> {
  if (bytes.length < HEADER_LENGTH) return "ethernet-short";
  const header: EthernetHeader = { destination: readMac(bytes, DESTINATION), source: readMac(bytes, SOURCE) };
  let at = TYPE;
  let type = read16(bytes, at);
  if (type === ETHERTYPE_VLAN) {
    if (bytes.length < HEADER_LENGTH + TAG_LENGTH) return "ethernet-short";
    const control = read16(bytes, at + 2);
    header.vlan = { id: control & 0xfff, priority: control >>> 13, dropEligible: (control & 0x1000) !== 0 };
    at += TAG_LENGTH;
    type = read16(bytes, at);
  }
  const start = at + 2;
  if (type >= MIN_TYPE) {
    return { type: "ethernet2", ...header, etherType: type, payload: bytes.subarray(start) };
  }
  if (type > MAX_LENGTH) return "ethernet-type";
  if (type < LLC_LENGTH || start + type > bytes.length) return "llc-length";
  return {
    type: "llc",
    ...header,
    dsap: bytes[start],
    ssap: bytes[start + 1],
    control: bytes[start + 2],
    payload: bytes.subarray(start + LLC_LENGTH, start + type),
  };
}

export function serialiseEthernet(frame: EthernetFrame): Uint8Array {
  const tag = frame.vlan === undefined ? 0 : TAG_LENGTH;
  const llc = frame.type === "llc" ? LLC_LENGTH : 0;
  const bytes = new Uint8Array(HEADER_LENGTH + tag + llc + frame.payload.length);
  writeMac(bytes, DESTINATION, frame.destination);
  writeMac(bytes, SOURCE, frame.source);
  let at = TYPE;
  if (frame.vlan !== undefined) {
    write16(bytes, at, ETHERTYPE_VLAN);
    write16(
      bytes,
      at + 2,
      (frame.vlan.priority << 13) | (frame.vlan.dropEligible ? 0x1000 : 0) | frame.vlan.id,
    );
    at += TAG_LENGTH;
  }
  if (frame.type === "llc") {
    write16(bytes, at, LLC_LENGTH + frame.payload.length);
    bytes[at + 2] = frame.dsap;
    bytes[at + 3] = frame.ssap;
    bytes[at + 4] = frame.control;
    at += LLC_LENGTH;
  } else {
    write16(bytes, at, frame.etherType);
  }
  bytes.set(frame.payload, at + 2);
  return bytes;
}
