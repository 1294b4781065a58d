/**
 * Address and port translation (RFC 3022, RFC 4787, 5382, 5508): TCP, UDP, ICMP echo and the errors that quote them.
 * Packets are rewritten in a copy with incremental checksums.
 */
import type { NatDrop, Observe } from "./decision.ts";
import { NatTable } from "./nat-table.ts";
import { Reassembler } from "./reassembler.ts";
import { read16, read32, write16, write32 } from "./wire/byte-order.ts";
import { checksum, updateChecksum, updateChecksum32 } from "./wire/checksum.ts";
import { formatAddress } from "./wire/ipv4-address.ts";
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_SOURCE,
  IPV4_TTL,
  isFragment,
  parseIpv4,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  serialiseIpv4,
} from "./wire/ipv4.ts";
import { isMalformed } from "./wire/malformed.ts";
import { TCP_CHECKSUM, TCP_FIN, TCP_RST, TCP_SYN } from "./wire/tcp.ts";
import { UDP_CHECKSUM } from "./wire/udp.ts";

export interface PortForward {
  protocol: "tcp" | "udp";
  /** Port at the outside address. */
  port: number;
  address: number;
  toPort: number;
}

export interface NatOptions {
  name: string;
  outsideAddress: number;
  forwards: readonly PortForward[];
  /** TTL of packets handed inside, as VMware's NAT sets it; left out, it is lowered by one as a router does. */
  inboundTtl?: number;
  table?: NatTable;
}

export type Translated =
  | { type: "pass"; packet: Uint8Array; destination: number }
  | { type: "drop"; reason: NatDrop }
  /** Kept until the other fragments are there. */
  | { type: "wait" };

export interface NatEntry {
  protocol: "tcp" | "udp" | "icmp";
  inside: string;
  outside: string;
  remote: string;
  /** Milliseconds until it is forgotten. */
  expiresIn: number;
}

const ICMP_MS = 30_000;
const UDP_MS = 120_000;
const TCP_OPENING_MS = 30_000;
const TCP_ESTABLISHED_MS = 7_440_000;
const TCP_CLOSING_MS = 10_000;
const FIRST_PORT = 1024;
const STATE_ANSWERED = 1;
const STATE_CLOSING = 2;
const SWEEP = 2;
const PORT_TRIES = 64;

const NAMES: Record<number, NatEntry["protocol"]> = { 1: "icmp", 6: "tcp", 17: "udp" };

export class Nat {
  readonly options: NatOptions;
  readonly table: NatTable;
  observe: Observe;
  readonly drops: Partial<Record<NatDrop, number>> = {};
  readonly #reassembler = new Reassembler();
  #nextPort = 40_000;

  constructor(options: NatOptions) {
    this.options = options;
    this.table = options.table ?? new NatTable();
  }

  entries(now: number): NatEntry[] {
    return [...this.table.entries()]
      .filter((i) => this.table.expires[i] > now)
      .map((i) => ({ ...this.#describe(i), expiresIn: this.table.expires[i] - now }));
  }

  outbound(bytes: Uint8Array, now: number): Translated {
    this.table.sweep(now, SWEEP, this.observe === undefined ? undefined : (i) => this.#say("nat-expired", i));
    const copy = this.#prepare(bytes, now);
    if (!(copy instanceof Uint8Array)) return copy;
    if (copy[IPV4_TTL] <= 1) return this.#drop("ttl-expired");
    const at = (copy[0] & 15) * 4;
    const protocol = copy[9];
    if (!hasPorts(copy, at)) return this.#drop("protocol");
    const echo = protocol === PROTOCOL_ICMP;
    if (echo && copy[at] !== 8) return this.#drop("protocol");
    const source = read32(copy, IPV4_SOURCE);
    const destination = read32(copy, IPV4_DESTINATION);
    const port = read16(copy, echo ? at + 4 : at);
    const remotePort = echo ? 0 : read16(copy, at + 2);
    let entry = this.table.findInside(protocol, source, port, destination, remotePort);
    if (entry >= 0 && this.table.expires[entry] <= now) {
      this.table.remove(entry);
      entry = -1;
    }
    if (entry < 0) {
      const outside = this.#choosePort(protocol, source, port, destination, remotePort);
      if (outside === undefined) return this.#drop("no-port");
      entry = this.table.add(protocol, source, port, destination, remotePort, outside);
      this.#touch(entry, copy, at, now, false);
      this.#say("nat-created", entry);
    } else this.#touch(entry, copy, at, now, false);
    setTtl(copy, copy[IPV4_TTL] - 1);
    rewrite(
      copy,
      at,
      IPV4_SOURCE,
      this.options.outsideAddress,
      echo ? at + 4 : at,
      this.table.outsidePort[entry],
    );
    this.#translated("out", entry);
    return { type: "pass", packet: copy, destination };
  }

  inbound(bytes: Uint8Array, now: number): Translated {
    const copy = this.#prepare(bytes, now);
    if (!(copy instanceof Uint8Array)) return copy;
    const at = (copy[0] & 15) * 4;
    const protocol = copy[9];
    if (!hasPorts(copy, at)) return this.#drop("protocol");
    if (protocol === PROTOCOL_ICMP && copy[at] !== 0) return this.#inboundError(copy, at, now);
    const source = read32(copy, IPV4_SOURCE);
    const echo = protocol === PROTOCOL_ICMP;
    const remotePort = echo ? 0 : read16(copy, at);
    const port = read16(copy, echo ? at + 4 : at + 2);
    let entry = this.table.findOutside(protocol, port, source, remotePort);
    const expired = entry >= 0 && this.table.expires[entry] <= now;
    if (entry < 0 || expired) {
      const name = NAMES[protocol];
      const forward = this.options.forwards.find((rule) => rule.protocol === name && rule.port === port);
      if (forward === undefined) return this.#drop(expired ? "entry-expired" : "no-entry");
      entry = this.table.findInside(protocol, forward.address, forward.toPort, source, remotePort);
      if (entry >= 0) this.table.remove(entry);
      entry = this.table.add(protocol, forward.address, forward.toPort, source, remotePort, port);
      this.#say("nat-created", entry);
    }
    this.#touch(entry, copy, at, now, true);
    const destination = this.table.insideAddress[entry];
    this.#lowerInboundTtl(copy);
    rewrite(copy, at, IPV4_DESTINATION, destination, echo ? at + 4 : at + 2, this.table.insidePort[entry]);
    this.#translated("in", entry);
    return { type: "pass", packet: copy, destination };
  }

  /** Whether `inbound` would find a connection or a port forward for it. */
  claims(bytes: Uint8Array): boolean {
    const packet = parseIpv4(bytes);
    if (isMalformed(packet) || packet.destination !== this.options.outsideAddress) return false;
    const at = (bytes[0] & 15) * 4;
    const echo = packet.protocol === PROTOCOL_ICMP;
    if (packet.payload.length < 8 || packet.fragmentOffset !== 0) return false;
    // An error is looked at closely by `inbound`; one that fits no connection is dropped there.
    if (echo && bytes[at] !== 0) return bytes[at] === 3 || bytes[at] === 11;
    const port = read16(bytes, echo ? at + 4 : at + 2);
    const remotePort = echo ? 0 : read16(bytes, at);
    if (this.table.findOutside(packet.protocol, port, packet.source, remotePort) >= 0) return true;
    return this.options.forwards.some(
      (rule) => rule.protocol === NAMES[packet.protocol] && rule.port === port,
    );
  }

  /** An ICMP error quotes a packet that we sent: both its header and ours are turned back (RFC 5508 §4). */
  #inboundError(copy: Uint8Array, at: number, now: number): Translated {
    const type = copy[at];
    if (type !== 3 && type !== 11 && type !== 12) return this.#drop("protocol");
    const inner = at + 8;
    if (inner + 28 > copy.length || copy[inner] >>> 4 !== 4) return this.#drop("malformed");
    const ports = inner + (copy[inner] & 15) * 4;
    if (ports + 8 > copy.length || ports < inner + 20) return this.#drop("malformed");
    const protocol = copy[inner + 9];
    const echo = protocol === PROTOCOL_ICMP;
    const port = read16(copy, echo ? ports + 4 : ports);
    const remotePort = echo ? 0 : read16(copy, ports + 2);
    const entry = this.table.findOutside(protocol, port, read32(copy, inner + IPV4_DESTINATION), remotePort);
    if (entry < 0) return this.#drop("no-entry");
    if (this.table.expires[entry] <= now) return this.#drop("entry-expired");
    const destination = this.table.insideAddress[entry];
    write32(copy, inner + IPV4_SOURCE, destination);
    write16(copy, echo ? ports + 4 : ports, this.table.insidePort[entry]);
    write16(copy, inner + IPV4_CHECKSUM, 0);
    write16(copy, inner + IPV4_CHECKSUM, checksum(copy, inner, ports));
    write16(copy, at + 2, 0);
    write16(copy, at + 2, checksum(copy, at));
    write32(copy, IPV4_DESTINATION, destination);
    this.#lowerInboundTtl(copy);
    write16(copy, IPV4_CHECKSUM, 0);
    write16(copy, IPV4_CHECKSUM, checksum(copy, 0, at));
    this.#translated("in", entry);
    return { type: "pass", packet: copy, destination };
  }

  /** A whole packet of our own to rewrite, cut to its length. */
  #prepare(bytes: Uint8Array, now: number): Uint8Array | Translated {
    const packet = parseIpv4(bytes);
    if (isMalformed(packet)) return this.#drop("malformed");
    if (!isFragment(packet)) return bytes.slice(0, read16(bytes, 2));
    const whole = this.#reassembler.add(packet, now);
    return whole === undefined ? { type: "wait" } : serialiseIpv4(whole);
  }

  #lowerInboundTtl(copy: Uint8Array): void {
    setTtl(copy, this.options.inboundTtl ?? Math.max(1, copy[IPV4_TTL] - 1));
  }

  #touch(entry: number, copy: Uint8Array, at: number, now: number, inbound: boolean): void {
    const { table } = this;
    if (inbound) table.state[entry] |= STATE_ANSWERED;
    let life = ICMP_MS;
    if (copy[9] === PROTOCOL_UDP) life = UDP_MS;
    else if (copy[9] === PROTOCOL_TCP) {
      const flags = copy[at + 13];
      if ((flags & (TCP_FIN | TCP_RST)) !== 0) table.state[entry] |= STATE_CLOSING;
      else if ((flags & TCP_SYN) !== 0) table.state[entry] &= ~STATE_CLOSING;
      const state = table.state[entry];
      if ((state & STATE_CLOSING) !== 0) life = TCP_CLOSING_MS;
      else life = (state & STATE_ANSWERED) !== 0 ? TCP_ESTABLISHED_MS : TCP_OPENING_MS;
    }
    table.expires[entry] = now + life;
  }

  #choosePort(
    protocol: number,
    source: number,
    port: number,
    remote: number,
    remotePort: number,
  ): number | undefined {
    // A forwarded service answers from its forwarded port.
    const name = NAMES[protocol];
    for (const rule of this.options.forwards) {
      if (rule.protocol === name && rule.address === source && rule.toPort === port) {
        if (this.table.findOutside(protocol, rule.port, remote, remotePort) < 0) return rule.port;
      }
    }
    for (let n = 0; n < PORT_TRIES; n++) {
      this.#nextPort = this.#nextPort >= 0xffff ? FIRST_PORT : this.#nextPort + 1;
      const candidate = this.#nextPort;
      if (this.options.forwards.some((rule) => rule.protocol === name && rule.port === candidate)) continue;
      if (this.table.findOutside(protocol, candidate, remote, remotePort) < 0) return candidate;
    }
    return undefined;
  }

  #describe(i: number): Omit<NatEntry, "expiresIn"> {
    const { table } = this;
    return {
      protocol: NAMES[table.protocol[i]],
      inside: pair(table.insideAddress[i], table.insidePort[i]),
      outside: pair(this.options.outsideAddress, table.outsidePort[i]),
      remote: pair(table.remoteAddress[i], table.remotePort[i]),
    };
  }

  #say(type: "nat-created" | "nat-expired", entry: number): void {
    if (this.observe !== undefined) {
      this.observe({ device: this.options.name, type, ...this.#describe(entry) });
    }
  }

  #translated(direction: "in" | "out", entry: number): void {
    if (this.observe === undefined) return;
    const { protocol, inside, outside } = this.#describe(entry);
    const [from, to] = direction === "out" ? [inside, outside] : [outside, inside];
    this.observe({ device: this.options.name, type: "nat-translated", direction, protocol, from, to });
  }

  #drop(reason: NatDrop): Translated {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
    this.observe?.({ device: this.options.name, type: "nat-dropped", reason });
    return { type: "drop", reason };
  }
}

function hasPorts(packet: Uint8Array, at: number): boolean {
  const needed =
    packet[9] === PROTOCOL_TCP
      ? 20
      : packet[9] === PROTOCOL_UDP || packet[9] === PROTOCOL_ICMP
        ? 8
        : Infinity;
  return at + needed <= packet.length;
}

function setTtl(packet: Uint8Array, ttl: number): void {
  const protocol = packet[9];
  const sum = updateChecksum(
    read16(packet, IPV4_CHECKSUM),
    (packet[IPV4_TTL] << 8) | protocol,
    (ttl << 8) | protocol,
  );
  write16(packet, IPV4_CHECKSUM, sum);
  packet[IPV4_TTL] = ttl;
}

/** Puts an address and a port (or echo identifier) in place and mends the checksums that cover them. */
function rewrite(
  packet: Uint8Array,
  at: number,
  field: number,
  address: number,
  portAt: number,
  port: number,
): void {
  const oldAddress = read32(packet, field);
  const oldPort = read16(packet, portAt);
  write32(packet, field, address);
  write16(packet, portAt, port);
  write16(packet, IPV4_CHECKSUM, updateChecksum32(read16(packet, IPV4_CHECKSUM), oldAddress, address));
  const protocol = packet[9];
  const sumAt =
    at + (protocol === PROTOCOL_TCP ? TCP_CHECKSUM : protocol === PROTOCOL_UDP ? UDP_CHECKSUM : 2);
  const old = read16(packet, sumAt);
  if (protocol === PROTOCOL_UDP && old === 0) return;
  let sum = updateChecksum(old, oldPort, port);
  // ICMP has no pseudo header.
  if (protocol !== PROTOCOL_ICMP) sum = updateChecksum32(sum, oldAddress, address);
  write16(packet, sumAt, protocol === PROTOCOL_UDP && sum === 0 ? 0xffff : sum);
}

/** A copy of a TCP or UDP packet with another source or destination address; undefined for what is none, or a piece. */
export function readdressed(
  bytes: Uint8Array,
  field: typeof IPV4_SOURCE | typeof IPV4_DESTINATION,
  address: number,
): Uint8Array | undefined {
  const packet = parseIpv4(bytes);
  if (isMalformed(packet) || isFragment(packet) || packet.protocol === PROTOCOL_ICMP) return undefined;
  const copy = bytes.slice(0, read16(bytes, 2));
  const at = (copy[0] & 15) * 4;
  if (!hasPorts(copy, at)) return undefined;
  const portAt = field === IPV4_SOURCE ? at : at + 2;
  rewrite(copy, at, field, address, portAt, read16(copy, portAt));
  return copy;
}

function pair(address: number, port: number): string {
  return `${formatAddress(address)}:${port}`;
}
