/**
 * One running network: its switch, the links to it, and the devices its kind has (host adapter, NAT gateway or classroom
 * router with the Internet behind it, DHCP, a few neighbours). It has its own virtual time, which can be held.
 */
import { Random } from "../../common/random.ts";
import type { Decision, Observe } from "./decision.ts";
import { DhcpServer, type Lease } from "./dhcp-server.ts";
import { serveDhcp } from "./dhcp-service.ts";
import { EthernetInterface, type Neighbour } from "./ethernet-interface.ts";
import { EthernetSwitch, type LearnedAddress, type PortMode } from "./ethernet-switch.ts";
import { Internet, serveDns } from "./internet.ts";
import { httpService } from "./http-service.ts";
import { IpHost } from "./ip-host.ts";
import { Link, type CableFaults } from "./link.ts";
import { Nat, type NatEntry } from "./nat.ts";
import type { NatTable } from "./nat-table.ts";
import { HOST_LAN_ADDRESS, type ResolvedNetwork } from "./network-config.ts";
import { Scheduler, type Way } from "./scheduler.ts";
import { quotedPacket } from "./wire/icmp.ts";
import { formatAddress, inSubnet, subnetBroadcast } from "./wire/ipv4-address.ts";
import { formatMac } from "./wire/mac-address.ts";
import type { Zone } from "./zone.ts";

export interface NetworkOptions {
  config: ResolvedNetwork;
  zone: Zone;
  seed: number;
  now: number;
  /** Milliseconds since 1970 at virtual time 0. */
  startTime: number;
  /** Packets of the NAT for the host's own LAN; false when there is none. */
  toLan?: (packet: Uint8Array, destination: number) => boolean;
  /** The network that this one takes the place of: time goes on, leases and translations stay where they still fit. */
  before?: Network;
  /** Looks at packets for the host PC's adapter first; true when they were for a NAT network. */
  toHost?: (packet: Uint8Array) => boolean;
  /** Looks at packets of the NAT for the host PC first; true when they were answers to another network's guest. */
  backToHost?: (packet: Uint8Array) => boolean;
}

export interface NetworkStatus {
  name: string;
  time: number;
  held: boolean;
  framesInFlight: number;
  ports: {
    port: number;
    name: string;
    up: boolean;
    framesIn: number;
    framesOut: number;
    bytesIn: number;
    bytesOut: number;
    /** Left out when nothing is wrong on purpose. */
    faults?: CableFaults;
    mode?: PortMode;
  }[];
  /** Those of the network itself, and troublemakers. */
  devices: { name: string; address: string; mac: string }[];
  addresses: LearnedAddress[];
  leases: Lease[];
  nat: NatEntry[];
  neighbours: { device: string; entries: Neighbour[] }[];
  switchDrops: Record<string, number>;
}

/** One frame, one hop. */
export interface NetworkStep {
  /** Milliseconds of the network's own time. */
  time: number;
  hop?: { from: string; to: string; carries: Way["carries"]; bytes: Uint8Array };
  /** In the order they were made; those of the sender come first. */
  decisions: Decision[];
}

export interface Device {
  name: string;
  /** Its switch port. */
  port: number;
  ethernet: EthernetInterface;
  host: IpHost;
}

/** Where the classroom's router meets its provider. */
const CLASSROOM_UPLINK = 0x64400307;
const MAX_LISTED = 1000;

export class SwitchFullError extends Error {
  override name = "SwitchFullError";
  constructor(network: string) {
    super(`the switch of "${network}" has no free port`);
  }
}

export class Network {
  readonly config: ResolvedNetwork;
  readonly scheduler: Scheduler;
  readonly switch: EthernetSwitch;
  readonly links = new Map<number, Link>();
  readonly devices: Device[] = [];
  hostAdapter: Device | undefined;
  nat: Nat | undefined;
  dhcp: DhcpServer | undefined;
  internet: Internet | undefined;
  /** The host PC as the NAT's outside sees it: probes to a port forward come from here. */
  outsideHost: IpHost | undefined;
  /** Sees each frame once, as it enters the switch. */
  tap: ((frame: Uint8Array, port: number, time: number) => void) | undefined;
  /** Who listens from outside, and while held the list of the step to come. */
  #listener: Observe;
  #decisions: Decision[] | undefined;
  /** What the parts call. */
  #observe: Observe;
  readonly #random: Random;
  #options: NetworkOptions;
  #held = false;
  /** Held, and time goes on until a frame is due. */
  #seeking = false;
  /** Host time minus virtual time. */
  #offset: number;

  constructor(options: NetworkOptions) {
    const { config, seed, now } = options;
    this.#options = options;
    this.config = config;
    this.#random = new Random(seed);
    const { before } = options;
    this.#offset = before === undefined ? now : before.#offset;
    this.#held = before?.held ?? false;
    if (this.#held) this.#decisions = [];
    this.scheduler = new Scheduler(before?.scheduler.now);
    this.switch = new EthernetSwitch({
      name: config.name,
      transmit: (port, frame) => this.links.get(port)?.send("out", frame),
    });
    this.#build();
    this.#install();
    // Else every change would keep all networks before it in memory.
    this.#options = { ...options, before: undefined };
  }

  get held(): boolean {
    return this.#held;
  }

  get observed(): Observe {
    return this.#listener;
  }

  set observe(observe: Observe) {
    this.#listener = observe;
    this.#install();
  }

  #install(): void {
    const listener = this.#listener;
    const list = this.#decisions;
    const observe: Observe =
      list === undefined
        ? listener
        : (decision) => {
            if (list.length < MAX_LISTED) list.push(decision);
            listener?.(decision);
          };
    this.#observe = observe;
    this.switch.observe = observe;
    for (const link of this.links.values()) link.observe = observe;
    for (const device of this.devices) device.ethernet.observe = device.host.observe = observe;
    if (this.nat !== undefined) this.nat.observe = observe;
    if (this.dhcp !== undefined) this.dhcp.observe = observe;
    if (this.internet !== undefined) this.internet.observe = observe;
    if (this.outsideHost !== undefined) this.outsideHost.observe = observe;
  }

  /** Somebody wants to know what is decided. */
  get listening(): boolean {
    return this.#observe !== undefined;
  }

  tell(decision: Decision): void {
    this.#observe?.(decision);
  }

  /** Adds a cable; undefined when the switch has no port left. */
  plug(name: string, deliver: (frame: Uint8Array) => void, mode?: PortMode): number | undefined {
    const port = this.switch.addPort(mode);
    if (port === undefined) return undefined;
    const link = new Link({
      device: name,
      switch: this.config.name,
      scheduler: this.scheduler,
      random: this.#random,
      deliver: {
        in: (frame) => {
          this.tap?.(frame, port, this.scheduler.now);
          this.switch.receive(port, frame, this.scheduler.now);
        },
        out: deliver,
      },
    });
    link.observe = this.#observe;
    this.links.set(port, link);
    return port;
  }

  unplug(port: number): void {
    const link = this.links.get(port);
    if (link === undefined) return;
    link.onCarrier = undefined;
    link.setFlap(undefined);
    link.setUp(false);
    this.links.delete(port);
    this.switch.removePort(port);
  }

  /** What the host's clock showed, or will show, at the network's own present moment. */
  get hostTime(): number {
    return this.scheduler.now + this.#offset;
  }

  /** Does what is due; the time stands still while held. */
  advance(now: number): void {
    if (!this.#held) this.scheduler.advance(now - this.#offset);
    else if (this.#seeking) {
      if (this.stepDue || this.scheduler.advanceToFrame(now - this.#offset)) this.#seeking = false;
    }
  }

  /** Host time at which something is due next. */
  nextTime(): number | undefined {
    const next = this.#held && !this.#seeking ? undefined : this.scheduler.nextTime();
    return next === undefined ? undefined : next + this.#offset;
  }

  hold(now: number): void {
    if (this.#held) return;
    this.advance(now);
    this.#held = true;
    this.#decisions = [];
    this.#install();
  }

  release(now: number): void {
    if (!this.#held) return;
    this.#held = this.#seeking = false;
    this.#offset = now - this.scheduler.now;
    this.#decisions = undefined;
    this.#install();
  }

  /** Held, and a frame waits for its step, or something was decided and none is on its way. */
  get stepDue(): boolean {
    if (!this.#held) return false;
    const { frameDue, framesInFlight } = this.scheduler;
    return frameDue || (framesInFlight === 0 && this.#decisions!.length > 0);
  }

  /** On a held network: lets time and timers go on until a step is due or `stopSeeking` is called. */
  seek(now: number): void {
    if (!this.#held) return;
    this.#offset = now - this.scheduler.now;
    this.#seeking = true;
    this.advance(now);
  }

  stopSeeking(now: number): void {
    this.advance(now);
    this.#seeking = false;
  }

  /**
   * Lets the frame that is due go one hop while held, with what devices decided about it and since the step before. With
   * none due: what was decided meanwhile (a frame lost on its cable never sets out), or undefined.
   */
  step(): NetworkStep | undefined {
    if (!this.stepDue) return undefined;
    const hop = this.scheduler.step();
    const decisions = this.#decisions!;
    this.#decisions = [];
    this.#install();
    const step = { time: this.scheduler.now, decisions };
    if (hop === undefined) return step;
    const { from, to, carries } = hop.way;
    return { ...step, hop: { from, to, carries, bytes: hop.bytes.slice() } };
  }

  status(): NetworkStatus {
    const { now } = this.scheduler;
    return {
      name: this.config.name,
      time: now,
      held: this.#held,
      framesInFlight: this.scheduler.framesInFlight,
      ports: [...this.links].map(([port, link]) => ({
        port,
        name: link.name,
        up: link.up,
        framesIn: link.frames.in,
        framesOut: link.frames.out,
        bytesIn: link.bytes.in,
        bytesOut: link.bytes.out,
        faults: link.cableFaults,
        mode: this.switch.mode(port),
      })),
      devices: this.devices.map(({ name, host, ethernet }) => ({
        name,
        address: formatAddress(host.address),
        mac: formatMac(ethernet.options.mac),
      })),
      addresses: this.switch.table(now).slice(0, MAX_LISTED),
      leases: this.dhcp?.leases(now).slice(0, MAX_LISTED) ?? [],
      nat: this.nat?.entries(now).slice(0, MAX_LISTED) ?? [],
      neighbours: this.devices.map(({ name, ethernet }) => ({
        device: name,
        entries: ethernet.neighbours(),
      })),
      switchDrops: { ...this.switch.drops },
    };
  }

  #build(): void {
    const { config, zone, startTime, before } = this.#options;
    const nat = config.kind === "nat";
    if (config.hostAddress !== undefined) {
      this.hostAdapter = this.addDevice("host", config.hostAddress, 128, (device, packet) => {
        if (this.#options.toHost?.(packet) === true) return;
        device.host.receive(packet, subnetBroadcast(config.subnet));
      });
    }
    let service = this.hostAdapter;
    if (config.gateway !== undefined) {
      const outside = nat ? HOST_LAN_ADDRESS : CLASSROOM_UPLINK;
      this.nat = new Nat({
        name: nat ? "gateway" : "router",
        outsideAddress: outside,
        forwards: config.forwards,
        inboundTtl: nat ? 128 : undefined,
        table: this.#tableBefore(),
      });
      const gateway = this.addDevice(
        nat ? "gateway" : "router",
        config.gateway,
        nat ? 128 : 64,
        (device, packet) => this.#gatewayReceives(device, packet),
      );
      service = gateway;
      this.internet = new Internet({
        uplink: nat ? "gateway" : "router",
        zone,
        scheduler: this.scheduler,
        random: this.#random,
        startTime,
        deliver: (packet) => this.fromOutside(packet),
      });
      const toItself: Way = {
        from: "host",
        to: nat ? "gateway" : "router",
        carries: "packets",
        arrive: (packet) => this.fromOutside(packet),
      };
      this.outsideHost = new IpHost({
        name: "host",
        address: outside,
        ttl: 128,
        scheduler: this.scheduler,
        random: this.#random,
        send: (packet, destination) => {
          if (destination === outside) this.scheduler.deliverAfter(0, toItself, packet);
          else this.internet?.send(packet);
        },
      });
      serveDns(gateway.host, this.internet.dns);
    }
    if (config.dhcp !== undefined) {
      this.dhcp = new DhcpServer({
        name: "dhcp",
        serverAddress: config.dhcp.server,
        subnet: config.subnet,
        first: config.dhcp.first,
        last: config.dhcp.last,
        leaseSeconds: config.dhcp.leaseSeconds,
        router: config.gateway,
        dns: config.dns,
        reserved: [config.dhcp.server],
      });
      if (before?.dhcp !== undefined) this.dhcp.adopt(before.dhcp);
      service ??= this.addDevice("dhcp", config.dhcp.server, 128, (device, packet) =>
        device.host.receive(packet),
      );
      serveDhcp(service, this.dhcp, this.scheduler);
    }
    if (config.kind === "bridged") this.#addNeighbours();
  }

  /** A simulated host on a switch port of its own. */
  addDevice(
    name: string,
    address: number,
    ttl: number,
    receive: (device: Device, packet: Uint8Array) => void,
  ): Device {
    const { config } = this;
    // VMware's own vendor prefix for the adapters it makes: 00:50:56.
    const mac = 0x005056c00000 + (this.#random.below(0x100) << 8) + (address & 255);
    const gateway = name === "host" || name === "gateway" || name === "router" ? undefined : config.gateway;
    const ethernet: EthernetInterface = new EthernetInterface({
      name,
      mac,
      address,
      subnet: config.subnet,
      gateway,
      scheduler: this.scheduler,
      transmit: (frame) => this.links.get(device.port)?.send("in", frame),
      receive: (packet) => receive(device, packet),
    });
    const host = new IpHost({
      name,
      address,
      ttl,
      scheduler: this.scheduler,
      random: this.#random,
      send: (packet, destination) => ethernet.send(packet, destination),
    });
    const port = this.plug(name, (frame) => ethernet.receive(frame));
    if (port === undefined) throw new SwitchFullError(this.config.name);
    ethernet.observe = host.observe = this.#observe;
    const device: Device = { name, port, ethernet, host };
    this.devices.push(device);
    return device;
  }

  removeDevice(device: Device): void {
    this.unplug(device.port);
    this.devices.splice(this.devices.indexOf(device), 1);
  }

  /** Translated connections stay when the network keeps its kind, subnet and gateway. */
  #tableBefore(): NatTable | undefined {
    const { config, before } = this.#options;
    const was = before?.config;
    const same =
      was?.kind === config.kind &&
      was.gateway === config.gateway &&
      was.subnet.address === config.subnet.address &&
      was.subnet.prefix === config.subnet.prefix;
    return same ? before?.nat?.table : undefined;
  }

  reseed(seed: number): void {
    this.#random.restore(new Random(seed).save());
  }

  setZone(zone: Zone): void {
    this.internet?.setZone(zone);
  }

  #gatewayReceives(device: Device, bytes: Uint8Array): void {
    const { subnet } = this.config;
    const destination =
      bytes.length < 20 ? 0 : ((bytes[16] << 24) | (bytes[17] << 16) | (bytes[18] << 8) | bytes[19]) >>> 0;
    if (
      destination === device.host.address ||
      destination === subnetBroadcast(subnet) ||
      destination >>> 28 >= 0xe
    ) {
      return device.host.receive(bytes, subnetBroadcast(subnet));
    }
    if (inSubnet(destination, subnet)) {
      return this.#observe?.({ device: device.name, type: "host-dropped", reason: "not-for-me" });
    }
    const translated = this.nat!.outbound(bytes, this.scheduler.now);
    if (translated.type === "pass") return this.#toOutside(translated.packet, translated.destination);
    if (translated.type === "drop" && translated.reason === "ttl-expired") {
      const source = ((bytes[12] << 24) | (bytes[13] << 16) | (bytes[14] << 8) | bytes[15]) >>> 0;
      device.host.sendIcmp(source, {
        type: "time-exceeded",
        code: 0,
        rest: 0,
        original: quotedPacket(bytes),
      });
    }
  }

  #toOutside(packet: Uint8Array, destination: number): void {
    if (destination === this.outsideHost!.address) {
      if (this.#options.backToHost?.(packet) !== true) this.outsideHost!.receive(packet);
      return;
    }
    if (this.#options.toLan?.(packet, destination) === true) return;
    this.internet!.send(packet);
  }

  /** Whether a packet to the outside address belongs to a translated connection or a port forward. */
  claims(packet: Uint8Array): boolean {
    return this.nat?.claims(packet) ?? false;
  }

  /** A packet that came to the NAT's outside address. */
  fromOutside(packet: Uint8Array): boolean {
    const translated = this.nat!.inbound(packet, this.scheduler.now);
    if (translated.type !== "pass") {
      const reason = translated.type === "drop" ? translated.reason : undefined;
      if (reason === "no-entry" || reason === "entry-expired") this.outsideHost!.receive(packet);
      return false;
    }
    this.devices
      .find(({ host }) => host.address === this.config.gateway)!
      .ethernet.send(translated.packet, translated.destination);
    return true;
  }

  #addNeighbours(): void {
    const neighbours: [string, number, number, string?][] = [
      ["teacher", 11, 128, "Lecture notes"],
      ["printer", 12, 255],
      ["classmate", 13, 64],
    ];
    for (const [name, offset, ttl, title] of neighbours) {
      const device = this.addDevice(name, this.config.subnet.address + offset, ttl, ({ host }, packet) =>
        host.receive(packet, subnetBroadcast(this.config.subnet)),
      );
      if (title === undefined) continue;
      const body = `<!doctype html><title>${title}</title><h1>${title}</h1>\n<p>${name} ${formatAddress(device.host.address)} ${formatMac(device.ethernet.options.mac)}</p>\n`;
      device.host.listen(80, httpService({ "/": { contentType: "text/html; charset=utf-8", body } }));
    }
  }
}
