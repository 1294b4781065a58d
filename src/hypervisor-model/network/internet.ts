/** The simulated Internet behind an uplink: routers that lower the TTL, distance, loss, and the hosts of a zone. */
import type { Random } from "../../common/random.ts";
import type { Observe } from "./decision.ts";
import { DnsServer } from "./dns-server.ts";
import { httpService } from "./http-service.ts";
import { IpHost } from "./ip-host.ts";
import type { Scheduler, Way } from "./scheduler.ts";
import { quotedPacket, serialiseIcmp, UNREACHABLE_NET } from "./wire/icmp.ts";
import { formatAddress, isPrivateAddress, parseAddress } from "./wire/ipv4-address.ts";
import { ipv4Packet, parseIpv4, PROTOCOL_ICMP, serialiseIpv4 } from "./wire/ipv4.ts";
import { isMalformed } from "./wire/malformed.ts";
import { ntpTimestamp, NTP_MODE_CLIENT, NTP_MODE_SERVER, parseNtp, serialiseNtp } from "./wire/ntp.ts";
import type { Zone, ZoneHost } from "./zone.ts";

export interface InternetOptions {
  /** The router at this end of the uplink, by name. */
  uplink: string;
  zone: Zone;
  scheduler: Scheduler;
  random: Random;
  /** Milliseconds since 1970 at virtual time 0, for the time servers. */
  startTime: number;
  /** A packet that comes back to the uplink. */
  deliver: (packet: Uint8Array) => void;
}

interface Station {
  zone: ZoneHost;
  hops: number[];
  host: IpHost;
  /** From the uplink to it. */
  way: Way;
}

/** Routers every packet passes before the roads part: they answer for addresses that do not exist. */
const FIRST_HOP = "100.64.0.1";

export class Internet {
  readonly dns: DnsServer;
  #observe: Observe;
  readonly #options: InternetOptions;
  readonly #zoneHosts = new Map<number, ZoneHost>();
  readonly #stations = new Map<number, Station>();

  constructor(options: InternetOptions) {
    this.#options = options;
    this.dns = new DnsServer("internet", options.zone);
    this.setZone(options.zone);
  }

  /** Hosts whose description did not change keep their connections. */
  setZone(zone: Zone): void {
    this.dns.setZone(zone);
    this.#zoneHosts.clear();
    for (const host of zone.hosts) this.#zoneHosts.set(parseAddress(host.address)!, host);
    for (const [address, station] of this.#stations) {
      const now = this.#zoneHosts.get(address);
      if (JSON.stringify(now) !== JSON.stringify(station.zone)) this.#stations.delete(address);
    }
  }

  set observe(observe: Observe) {
    this.#observe = observe;
    this.dns.observe = observe;
    for (const station of this.#stations.values()) station.host.observe = observe;
  }

  /** A packet from the uplink. */
  send(bytes: Uint8Array): void {
    const packet = parseIpv4(bytes);
    if (isMalformed(packet)) return;
    const destination = formatAddress(packet.destination);
    const station = this.#station(packet.destination);
    const hops = station?.hops ?? [parseAddress(FIRST_HOP)!];
    const latency = station?.zone.latencyMs ?? 4;
    if (packet.ttl <= hops.length) {
      const router = hops[Math.max(0, packet.ttl - 1)];
      this.#observe?.({
        device: "internet",
        type: "route-expired",
        router: formatAddress(router),
        destination,
      });
      return this.#error(router, bytes, "time-exceeded", 0, (latency * packet.ttl) / (hops.length + 1));
    }
    if (station === undefined) {
      this.#observe?.({ device: "internet", type: "route-dropped", reason: "unknown-host", destination });
      // A provider's router refuses private addresses; of others nobody knows that they are unused.
      if (isPrivateAddress(packet.destination))
        this.#error(hops[0], bytes, "unreachable", UNREACHABLE_NET, latency);
      return;
    }
    const loss = station.zone.lossPercent ?? 0;
    if (loss > 0 && this.#options.random.fraction() * 100 < loss) {
      this.#observe?.({ device: "internet", type: "route-dropped", reason: "lost", destination });
      return;
    }
    this.#observe?.({
      device: "internet",
      type: "route-forwarded",
      destination,
      hops: hops.length,
      milliseconds: latency / 2,
    });
    this.#options.scheduler.deliverAfter(latency / 2, station.way, bytes.slice());
  }

  #error(
    router: number,
    bytes: Uint8Array,
    type: "unreachable" | "time-exceeded",
    code: number,
    delay: number,
  ): void {
    const packet = parseIpv4(bytes);
    // No errors about errors (RFC 1122 §3.2.2).
    if (isMalformed(packet) || (packet.protocol === PROTOCOL_ICMP && packet.payload[0] !== 8)) return;
    const payload = serialiseIcmp({ type, code, rest: 0, original: quotedPacket(bytes) });
    const error = serialiseIpv4(
      ipv4Packet({ source: router, destination: packet.source, protocol: PROTOCOL_ICMP, ttl: 64, payload }),
    );
    this.#options.scheduler.deliverAfter(delay, this.#back(formatAddress(router)), error);
  }

  /** The way to the uplink from a host or router. */
  #back(from: string): Way {
    const { uplink, deliver } = this.#options;
    return { from, to: uplink, carries: "packets", arrive: deliver };
  }

  /** A host of the zone by its address. */
  host(address: string): IpHost | undefined {
    const parsed = parseAddress(address);
    return parsed === undefined ? undefined : this.#station(parsed)?.host;
  }

  #station(address: number): Station | undefined {
    const known = this.#stations.get(address);
    if (known !== undefined) return known;
    const zone = this.#zoneHosts.get(address);
    if (zone === undefined) return undefined;
    const { scheduler, random, startTime, uplink } = this.#options;
    const name = zone.names[0] ?? zone.address;
    const back = this.#back(name);
    const host = new IpHost({
      name,
      address,
      ttl: 64 - zone.hops.length,
      scheduler,
      random,
      send: (packet, destination) => {
        const other = this.#station(destination);
        if (other === undefined) return scheduler.deliverAfter(zone.latencyMs / 2, back, packet);
        const way: Way = { ...other.way, from: name };
        scheduler.deliverAfter((zone.latencyMs + other.zone.latencyMs) / 2, way, packet);
      },
    });
    host.observe = this.#observe;
    host.answersPing = zone.ping ?? true;
    if (zone.dns === true) serveDns(host, this.dns);
    if (zone.ntp === true) serveTime(host, () => startTime + scheduler.now);
    if (zone.http !== undefined) host.listen(80, httpService(zone.http));
    const way: Way = { from: uplink, to: name, carries: "packets", arrive: (bytes) => host.receive(bytes) };
    const station = { zone, hops: zone.hops.map((hop) => parseAddress(hop)!), host, way };
    this.#stations.set(address, station);
    return station;
  }
}

export function serveDns(host: IpHost, dns: DnsServer): void {
  host.onUdp(53, ({ source, sourcePort, payload }) => {
    const answer = dns.answer(payload);
    if (answer !== undefined) host.sendUdp(source, sourcePort, 53, answer);
  });
}

function serveTime(host: IpHost, now: () => number): void {
  host.onUdp(123, ({ source, sourcePort, payload }) => {
    const query = parseNtp(payload);
    if (isMalformed(query) || query.mode !== NTP_MODE_CLIENT) return;
    const time = ntpTimestamp(now());
    const answer = serialiseNtp({
      ...query,
      leap: 0,
      mode: NTP_MODE_SERVER,
      stratum: 2,
      precision: 0xec,
      rootDelay: 0,
      rootDispersion: 0,
      referenceId: host.address,
      reference: time,
      origin: query.transmit,
      receive: time,
      transmit: time,
    });
    host.sendUdp(source, sourcePort, 123, answer);
  });
}
