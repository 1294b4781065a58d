/**
 * Which frames of a capture are shown. Terms stand side by side and all must hold; "or" between two groups, "not" before a
 * term. A term is a protocol (tcp), an address or a beginning of one that ends in a dot (192.168.10.), a MAC address,
 * port:80, or text in quotes that the frame's bytes or its line in the list contain.
 */
import { parseAddress } from "../wire/ipv4-address.ts";
import { parseMac, formatMac } from "../wire/mac-address.ts";
import type { Dissection, ProtocolName } from "./dissect.ts";

export type DisplayFilter = (frame: Dissection, bytes: Uint8Array) => boolean;

export class FilterError extends Error {
  override name = "FilterError";
  /** The word that was not understood, and where it begins. */
  readonly word: string;
  readonly position: number;
  constructor(word: string, position: number) {
    super(`at ${position + 1}: "${word}" is no protocol, address, port:N or "text"`);
    this.word = word;
    this.position = position;
  }
}

const PROTOCOLS: Record<string, ProtocolName[]> = {
  ethernet: ["ethernet"],
  vlan: ["vlan"],
  llc: ["llc"],
  arp: ["arp"],
  ip: ["ipv4"],
  ipv4: ["ipv4"],
  ipv6: ["ipv6"],
  icmp: ["icmp"],
  icmpv6: ["icmpv6"],
  tcp: ["tcp"],
  udp: ["udp"],
  dhcp: ["dhcp"],
  dns: ["dns"],
  ntp: ["ntp"],
  http: ["http"],
};

/** Throws `FilterError`. An empty filter shows every frame. */
export function parseFilter(text: string): DisplayFilter {
  const groups: DisplayFilter[][] = [[]];
  let negate = false;
  let last = { word: "", position: 0 };
  for (const match of text.matchAll(/"([^"]*)"|"[^"]*$|\S+/g)) {
    const [word, quoted] = match;
    last = { word, position: match.index };
    const lower = word.toLowerCase();
    if (lower === "and" || word === "&&") continue;
    if (lower === "or" || word === "||") {
      if (groups.at(-1)!.length === 0 || negate) throw new FilterError(word, match.index);
      groups.push([]);
    } else if (lower === "not" || word === "!") negate = !negate;
    else {
      const test = quoted === undefined ? term(lower, word, match.index) : containing(quoted);
      const negated = negate;
      groups.at(-1)!.push((frame, bytes) => test(frame, bytes) !== negated);
      negate = false;
    }
  }
  if (negate || (groups.length > 1 && groups.at(-1)!.length === 0))
    throw new FilterError(last.word, last.position);
  return (frame, bytes) => groups.some((tests) => tests.every((test) => test(frame, bytes)));
}

function term(word: string, original: string, position: number): DisplayFilter {
  if (Object.hasOwn(PROTOCOLS, word)) {
    const names = PROTOCOLS[word];
    return ({ layers }) => layers.some(({ protocol }) => names.includes(protocol));
  }
  if (word === "malformed") return ({ layers }) => layers.some(({ malformed }) => malformed !== undefined);
  const port = /^port:(\d{1,5})$/.exec(word);
  if (port !== null && Number(port[1]) <= 65_535) {
    const wanted = Number(port[1]);
    return ({ ports }) => ports?.source === wanted || ports?.destination === wanted;
  }
  const mac = parseMac(word);
  if (mac !== undefined) return anyAddress((value) => value === formatMac(mac));
  if (parseAddress(word) !== undefined) return anyAddress((value) => value === word);
  if (/^\d{1,3}\.(\d{1,3}\.){0,2}$/.test(word)) return anyAddress((value) => value.startsWith(word));
  if (/^[0-9a-f:]*::?[0-9a-f:]*$/.test(word)) return anyAddress((value) => value === word);
  throw new FilterError(original, position);
}

const ADDRESS_FIELDS = new Set([
  "source",
  "destination",
  "sender-mac",
  "sender-address",
  "target-mac",
  "target-address",
  "client-mac",
  "client-address",
  "your-address",
]);

function anyAddress(wanted: (value: string) => boolean): DisplayFilter {
  return ({ layers }) =>
    layers.some(({ fields }) => fields.some(({ name, value }) => ADDRESS_FIELDS.has(name) && wanted(value)));
}

function containing(text: string): DisplayFilter {
  const lower = text.toLowerCase();
  const wanted = new TextEncoder().encode(text);
  return ({ info }, bytes) => info.toLowerCase().includes(lower) || indexOf(bytes, wanted) >= 0;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  outer: for (let i = 0; i + wanted.length <= bytes.length; i++) {
    for (let j = 0; j < wanted.length; j++) if (bytes[i + j] !== wanted[j]) continue outer;
    return i;
  }
  return -1;
}
