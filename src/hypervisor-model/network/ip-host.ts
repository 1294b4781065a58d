/**
 * The IPv4 side of a simulated host: answers ping (RFC 792), UDP sockets, TCP listeners and connections, fragments put
 * together within bounds. It hands finished packets to whoever carries them: an Ethernet interface or the Internet.
 */
import type { Random } from "../../common/random.ts";
import type { Observe } from "./decision.ts";
import { Reassembler } from "./reassembler.ts";
import type { Scheduler } from "./scheduler.ts";
import { TcpConnection, type TcpEvents } from "./tcp-connection.ts";
import { parseIcmp, quotedPacket, serialiseIcmp, UNREACHABLE_PORT, type IcmpMessage } from "./wire/icmp.ts";
import { formatAddress, isMulticastAddress } from "./wire/ipv4-address.ts";
import {
  ipv4Packet,
  isFragment,
  parseIpv4,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  serialiseIpv4,
  type Ipv4Packet,
} from "./wire/ipv4.ts";
import { isMalformed } from "./wire/malformed.ts";
import { parseTcp, serialiseTcp, TCP_ACK, TCP_RST, TCP_SYN, type TcpSegment } from "./wire/tcp.ts";
import { parseUdp, serialiseUdp } from "./wire/udp.ts";

export interface IpHostOptions {
  name: string;
  address: number;
  /** 64 for Unix, 128 for Windows and VMware's NAT. */
  ttl: number;
  scheduler: Scheduler;
  random: Random;
  /** A whole IPv4 packet to carry. */
  send: (packet: Uint8Array, destination: number) => void;
}

export interface UdpReceived {
  source: number;
  sourcePort: number;
  destination: number;
  payload: Uint8Array;
}

export type UdpHandler = (received: UdpReceived) => void;

const MAX_CONNECTIONS = 1024;
/** Half-open connections: a SYN flood replaces the oldest of these and nothing else. */
const MAX_HALF_OPEN = 128;
const MTU = 1500;
const FIRST_EPHEMERAL_PORT = 49_152;

export class IpHost {
  readonly name: string;
  readonly address: number;
  observe: Observe;
  /** Off: a host that does not answer ping. */
  answersPing = true;
  /** ICMP messages that are not echo requests: replies and errors, for probes. */
  onIcmp: ((message: IcmpMessage, packet: Ipv4Packet) => void) | undefined;
  readonly drops = new Map<string, number>();
  readonly #options: IpHostOptions;
  readonly #udp = new Map<number, UdpHandler>();
  readonly #listeners = new Map<number, () => TcpEvents>();
  readonly #connections = new Map<string, TcpConnection>();
  readonly #reassembler: Reassembler;
  #identification: number;
  #nextPort: number;

  constructor(options: IpHostOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.#identification = options.random.below(0x10000);
    this.#nextPort = FIRST_EPHEMERAL_PORT + options.random.below(8192);
    this.#reassembler = new Reassembler();
  }

  get tcpConnections(): number {
    return this.#connections.size;
  }

  onUdp(port: number, handler: UdpHandler | undefined): void {
    if (handler === undefined) this.#udp.delete(port);
    else this.#udp.set(port, handler);
  }

  /** `events` is asked for once for each connection. */
  listen(port: number, events: (() => TcpEvents) | undefined): void {
    if (events === undefined) this.#listeners.delete(port);
    else this.#listeners.set(port, events);
  }

  connect(remoteAddress: number, remotePort: number, events: TcpEvents): TcpConnection | undefined {
    if (this.#connections.size >= MAX_CONNECTIONS) return undefined;
    const connection = this.#newConnection(remoteAddress, remotePort, this.freePort(), events);
    connection.connect();
    return connection;
  }

  freePort(): number {
    this.#nextPort = this.#nextPort >= 0xffff ? FIRST_EPHEMERAL_PORT : this.#nextPort + 1;
    return this.#nextPort;
  }

  sendUdp(destination: number, destinationPort: number, sourcePort: number, payload: Uint8Array): void {
    this.sendUdpFrom(this.address, destination, destinationPort, sourcePort, payload);
  }

  sendUdpFrom(
    source: number,
    destination: number,
    destinationPort: number,
    sourcePort: number,
    payload: Uint8Array,
  ): void {
    const datagram = serialiseUdp({ sourcePort, destinationPort, payload }, source, destination);
    this.#sendPacket(destination, PROTOCOL_UDP, datagram, { source });
  }

  sendIcmp(destination: number, message: IcmpMessage, ttl?: number): void {
    this.#sendPacket(destination, PROTOCOL_ICMP, serialiseIcmp(message), ttl === undefined ? {} : { ttl });
  }

  /** A packet that arrived here. Those for someone else are counted and dropped. */
  receive(bytes: Uint8Array, broadcastAddress = 0xffffffff): void {
    let packet = parseIpv4(bytes);
    if (isMalformed(packet)) return this.#drop(packet);
    const toAll =
      packet.destination === 0xffffffff ||
      packet.destination === broadcastAddress ||
      isMulticastAddress(packet.destination);
    if (packet.destination !== this.address && !toAll) return this.#drop("not-for-me");
    if (isFragment(packet)) {
      const whole = this.#reassembler.add(packet, this.#options.scheduler.now);
      if (whole === undefined) return;
      packet = whole;
    }
    switch (packet.protocol) {
      case PROTOCOL_ICMP:
        return this.#receiveIcmp(packet, toAll);
      case PROTOCOL_UDP:
        return this.#receiveUdp(packet, bytes, toAll);
      case PROTOCOL_TCP:
        if (!toAll) this.#receiveTcp(packet);
        return;
      default:
        this.#drop("protocol");
    }
  }

  #receiveIcmp(packet: Ipv4Packet, toAll: boolean): void {
    const message = parseIcmp(packet.payload);
    if (isMalformed(message)) return this.#drop(message);
    if (message.type !== "echo-request") {
      this.#received("icmp", packet, 0);
      this.onIcmp?.(message, packet);
      return;
    }
    if (toAll || !this.answersPing) return this.#drop("echo-ignored");
    this.observe?.({
      device: this.name,
      type: "host-answered",
      protocol: "icmp",
      to: formatAddress(packet.source),
    });
    this.sendIcmp(packet.source, { ...message, type: "echo-reply" });
  }

  #receiveUdp(packet: Ipv4Packet, bytes: Uint8Array, toAll: boolean): void {
    const datagram = parseUdp(packet.payload, packet.source, packet.destination);
    if (isMalformed(datagram)) return this.#drop(datagram);
    const handler = this.#udp.get(datagram.destinationPort);
    if (handler === undefined) {
      this.#drop("udp-closed-port");
      if (toAll) return;
      const original = quotedPacket(bytes);
      this.sendIcmp(packet.source, { type: "unreachable", code: UNREACHABLE_PORT, rest: 0, original });
      return;
    }
    this.#received("udp", packet, datagram.destinationPort);
    handler({
      source: packet.source,
      sourcePort: datagram.sourcePort,
      destination: packet.destination,
      payload: datagram.payload,
    });
  }

  #receiveTcp(packet: Ipv4Packet): void {
    const segment = parseTcp(packet.payload, packet.source, packet.destination);
    if (isMalformed(segment)) return this.#drop(segment);
    this.#received("tcp", packet, segment.destinationPort);
    const key = connectionKey(packet.source, segment.sourcePort, segment.destinationPort);
    const existing = this.#connections.get(key);
    if (existing !== undefined) return existing.receive(segment);
    if ((segment.flags & TCP_RST) !== 0) return;
    const events = this.#listeners.get(segment.destinationPort);
    const isSyn = (segment.flags & (TCP_SYN | TCP_ACK)) === TCP_SYN;
    if (events === undefined || !isSyn) {
      this.#drop("tcp-closed-port");
      return this.#reset(packet.source, segment);
    }
    if (!this.#makeRoom()) return this.#drop("tcp-too-many");
    this.#newConnection(packet.source, segment.sourcePort, segment.destinationPort, events()).accept(segment);
  }

  /** RFC 9293 §3.10.7.1: what is answered to a segment for no connection. */
  #reset(destination: number, segment: TcpSegment): void {
    const acknowledges = (segment.flags & TCP_ACK) !== 0;
    const length = segment.payload.length + ((segment.flags & TCP_SYN) !== 0 ? 1 : 0) + (segment.flags & 1);
    this.#sendSegment(destination, {
      sourcePort: segment.destinationPort,
      destinationPort: segment.sourcePort,
      sequence: acknowledges ? segment.acknowledgment : 0,
      acknowledgment: acknowledges ? 0 : (segment.sequence + length) >>> 0,
      flags: acknowledges ? TCP_RST : TCP_RST | TCP_ACK,
      window: 0,
      urgent: 0,
      options: new Uint8Array(0),
      payload: new Uint8Array(0),
    });
  }

  #makeRoom(): boolean {
    let halfOpen = 0;
    let oldest: string | undefined;
    for (const [key, connection] of this.#connections) {
      if (connection.state !== "syn-received") continue;
      oldest ??= key;
      halfOpen++;
    }
    if (halfOpen >= MAX_HALF_OPEN && oldest !== undefined) this.#connections.get(oldest)?.abort();
    return this.#connections.size < MAX_CONNECTIONS;
  }

  #newConnection(
    remoteAddress: number,
    remotePort: number,
    localPort: number,
    events: TcpEvents,
  ): TcpConnection {
    const key = connectionKey(remoteAddress, remotePort, localPort);
    const connection = new TcpConnection({
      localAddress: this.address,
      localPort,
      remoteAddress,
      remotePort,
      scheduler: this.#options.scheduler,
      initialSequence: this.#options.random.uint32(),
      send: (segment) => this.#sendSegment(remoteAddress, segment),
      forget: () => this.#connections.delete(key),
      events,
    });
    this.#connections.set(key, connection);
    return connection;
  }

  #sendSegment(destination: number, segment: TcpSegment): void {
    const bytes = serialiseTcp(segment, this.address, destination);
    this.#sendPacket(destination, PROTOCOL_TCP, bytes, { dontFragment: true });
  }

  #sendPacket(destination: number, protocol: number, payload: Uint8Array, fields: Partial<Ipv4Packet>): void {
    this.#identification = (this.#identification + 1) & 0xffff;
    const packet = ipv4Packet({
      source: this.address,
      destination,
      protocol,
      ttl: this.#options.ttl,
      identification: this.#identification,
      payload,
      ...fields,
    });
    for (const piece of fragments(packet)) this.#options.send(serialiseIpv4(piece), destination);
  }

  #received(protocol: "icmp" | "udp" | "tcp", { source }: Ipv4Packet, port: number): void {
    const { name: device, observe } = this;
    observe?.({ device, type: "host-received", protocol, from: formatAddress(source), port });
  }

  #drop(reason: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    this.observe?.({ device: this.name, type: "host-dropped", reason });
  }
}

function connectionKey(remoteAddress: number, remotePort: number, localPort: number): string {
  return `${remoteAddress}:${remotePort}:${localPort}`;
}

/** Cuts a packet that is too large for an Ethernet frame (RFC 791 §2.3). */
function fragments(packet: Ipv4Packet): Ipv4Packet[] {
  const room = (MTU - 20) & ~7;
  if (packet.payload.length + 20 <= MTU) return [packet];
  const pieces: Ipv4Packet[] = [];
  for (let offset = 0; offset < packet.payload.length; offset += room) {
    const payload = packet.payload.subarray(offset, offset + room);
    const moreFragments = offset + room < packet.payload.length;
    pieces.push({ ...packet, fragmentOffset: offset, moreFragments, payload });
  }
  return pieces;
}
