/**
 * "Why did this ping fail?": follows an echo request and its answer hop by hop through the state of guests, cables and
 * networks, as a teacher would at the board, and stops at the first thing that is wrong. Nothing is sent; what it says is
 * what the tables say. Each step is a key with parameters for a sentence in the page's language.
 */
import type { CableFaults, Direction } from "./link.ts";
import type { NetworkStatus } from "./network.ts";
import type { ResolvedNetwork } from "./network-config.ts";
import {
  formatAddress,
  inSubnet,
  isPrivateAddress,
  parseAddress,
  prefixMask,
  type Subnet,
} from "./wire/ipv4-address.ts";
import type { Zone } from "./zone.ts";

export interface GuestInterface {
  name: string;
  network: string;
  /** Its cable as the switch calls it: "vmnet8/web-1:ens33". */
  port: string;
  /** The cable is in and its link is up. */
  cable: boolean;
  /** Set up in the guest. */
  up: boolean;
  /** "192.168.10.130/24" */
  addresses: string[];
  mac?: string;
}

export interface GuestRoute {
  /** "default" or "192.168.56.0/24" */
  to: string;
  via?: string;
  device: string;
}

/** What is known of a guest: its own tables, as its agent tells them, and its cables. */
export interface GuestState {
  name: string;
  interfaces: GuestInterface[];
  /** Besides the subnets of its own addresses. */
  routes: GuestRoute[];
  nameServers: string[];
  /** net.ipv4.ip_forward */
  forwards: boolean;
  /** Its firewall or kernel drops echo requests. */
  ignoresPing?: boolean;
  /** Its ARP table. */
  neighbours?: { address: string; mac: string }[];
}

/** A device that the fabric simulates: host adapter, gateway, neighbour, troublemaker. */
export interface DeviceState {
  name: string;
  network: string;
  address: string;
  mac: string;
}

export interface CableState {
  /** "vmnet8/gateway" */
  name: string;
  up: boolean;
  faults?: CableFaults;
  /** Of its switch port, where it has one of its own. */
  vlan?: number;
}

export interface LaboratoryState {
  guests: GuestState[];
  networks: ResolvedNetwork[];
  zone: Zone;
  devices: DeviceState[];
  cables: CableState[];
}

/** Devices and cables as the switches tell them. */
export function simulatedState(
  statuses: Iterable<NetworkStatus>,
): Pick<LaboratoryState, "devices" | "cables"> {
  const devices: DeviceState[] = [];
  const cables: CableState[] = [];
  for (const status of statuses) {
    for (const device of status.devices) devices.push({ ...device, network: status.name });
    for (const { name, up, faults, mode } of status.ports) {
      const vlan = mode?.type === "access" ? mode.vlan : undefined;
      cables.push({ name, up, faults, vlan });
    }
  }
  return { devices, cables };
}

/** Who pings: a guest, a simulated device on a network, or a host of the simulated Internet. */
export type PingSource =
  | { type: "guest"; name: string }
  | { type: "device"; network: string; name: string }
  | { type: "internet"; address: string };

/** `ok` steps are on the way; the last step is the cause when it is not ok. */
export type PingStep = { device: string; ok: boolean } & (
  | { type: "name-resolved"; name: string; address: string; server: string }
  | { type: "no-name-server" | "unknown-name" | "name-server-unreachable"; name: string }
  | { type: "no-address" | "interface-down" | "cable-out"; interface: string }
  | { type: "direct"; address: string; interface: string }
  | { type: "by-gateway"; address: string; gateway: string; interface: string }
  | { type: "no-route"; address: string }
  | { type: "gateway-not-in-subnet"; gateway: string; interface: string }
  | { type: "arp-unanswered"; address: string; network: string }
  /** Somebody has it, on another network. */
  | { type: "other-network"; address: string; network: string; owner: string; on: string }
  | { type: "other-vlan"; address: string; owner: string; vlan: number; other: number }
  /** `believed`: whose MAC address the asker's ARP table has for it, empty when it has none. */
  | { type: "duplicate-address"; address: string; owners: string; believed: string }
  /** The asker's own: answers may go to the other. */
  | { type: "duplicate-own"; address: string; owners: string }
  | { type: "not-forwarding" | "no-router" | "rogue-gateway"; address: string }
  | { type: "translated"; address: string }
  | { type: "unknown-host"; address: string }
  /** Nobody outside can begin: the NAT has no entry. */
  | { type: "behind-nat"; address: string; owner: string; network: string }
  | { type: "cable-down"; cable: string }
  | { type: "cable-loses" | "cable-corrupts"; cable: string; direction: Direction; percent: number }
  | { type: "cable-delays"; cable: string; direction: Direction; milliseconds: number }
  /** Some frames are lost or spoilt: the ping may fail. */
  | { type: "cable-faulty"; cable: string; direction: Direction }
  | { type: "ping-ignored" }
  | { type: "answers"; address: string }
  | { type: "loop" }
);

const MAX_HOPS = 16;

/** Longer than ping waits for an answer by itself. */
const LONG_DELAY_MS = 2000;

interface Owner {
  /** As steps name it: a guest's name, or "vmnet8 gateway". */
  device: string;
  guest?: GuestState;
  mac: string;
  /** Its cable. */
  port: string;
  role: "guest" | "gateway" | "host" | "rogue";
}

/** One network crossed: by which cable to the switch, by which from it. */
interface Segment {
  from: string;
  to: string;
}

/** From a source to an address or name; the answer's way back is followed too. Throws `RangeError` for a source unknown. */
export function explainPing(laboratory: LaboratoryState, from: PingSource, target: string): PingStep[] {
  const steps: PingStep[] = [];
  if (from.type === "internet") {
    fromInternet(laboratory, from.address, target, steps);
    return steps;
  }
  const source = from.type === "guest" ? findGuest(laboratory, from.name) : deviceAsGuest(laboratory, from);
  const address = resolve(laboratory, source, target, steps);
  if (address === undefined) return steps;
  const used = route(laboratory, source, address, steps);
  if (used === undefined) return steps;
  const { end, sourceAddress, segments } = used;
  // The answer has to find its way back: by the tables of a guest, else the way it came.
  if (end.guest !== undefined) {
    if (end.guest !== source) route(laboratory, end.guest, sourceAddress, steps);
    return steps;
  }
  for (const { from: sent, to } of segments.toReversed()) {
    if (!crosses(laboratory, to, "in", steps) || !crosses(laboratory, sent, "out", steps)) break;
  }
  return steps;
}

function findGuest({ guests }: LaboratoryState, wanted: string): GuestState {
  const guest = guests.find(({ name }) => name === wanted);
  if (guest === undefined) throw new RangeError(`no guest "${wanted}"`);
  return guest;
}

/** A simulated device has one interface; all but the host's adapter use the network's gateway. */
function deviceAsGuest(
  { devices, networks, cables }: LaboratoryState,
  from: { network: string; name: string },
): GuestState {
  const device = devices.find(({ name, network }) => name === from.name && network === from.network);
  const network = networks.find(({ name }) => name === from.network);
  if (device === undefined || network === undefined) {
    throw new RangeError(`no device "${from.name}" on "${from.network}"`);
  }
  const port = `${device.network}/${device.name}`;
  const gateway = network.gateway === undefined ? undefined : formatAddress(network.gateway);
  const routed = gateway !== undefined && gateway !== device.address && device.name !== "host";
  return {
    name: stationName(device),
    interfaces: [
      {
        name: device.name,
        network: device.network,
        port,
        cable: cables.find(({ name }) => name === port)?.up !== false,
        up: true,
        addresses: [`${device.address}/${network.subnet.prefix}`],
        mac: device.mac,
      },
    ],
    routes: routed ? [{ to: "default", via: gateway, device: device.name }] : [],
    nameServers: gateway === undefined ? [] : [gateway],
    forwards: false,
  };
}

/** Devices that several networks have are told apart by the network. */
function stationName({ name, network }: DeviceState): string {
  return name === "gateway" || name === "router" || name === "host" ? `${network} ${name}` : name;
}

/** No router of the Internet leads to a private address; what a guest has not begun does not pass a NAT. */
function fromInternet(laboratory: LaboratoryState, from: string, target: string, steps: PingStep[]): void {
  const { zone, networks } = laboratory;
  const device = zone.hosts.find(({ address }) => address === from)?.names[0] ?? from;
  const address = parseAddress(target) ?? parseAddress(lookUp(zone, target) ?? "");
  if (address === undefined)
    return void steps.push({ device, ok: false, type: "unknown-name", name: target });
  const text = formatAddress(address);
  const host = zone.hosts.find((one) => one.address === text);
  if (host !== undefined) {
    const name = host.names[0] ?? text;
    if (host.ping === false) steps.push({ device: name, ok: false, type: "ping-ignored" });
    else steps.push({ device: name, ok: true, type: "answers", address: text });
    return;
  }
  for (const network of networks) {
    const [owner] = owners(laboratory, network, address);
    if (owner === undefined) continue;
    const behind = { address: text, owner: owner.device, network: network.name };
    return void steps.push({ device, ok: false, type: "behind-nat", ...behind });
  }
  const type = isPrivateAddress(address) ? "no-route" : "unknown-host";
  steps.push({ device, ok: false, type, address: text });
}

function resolve(
  laboratory: LaboratoryState,
  guest: GuestState,
  target: string,
  steps: PingStep[],
): number | undefined {
  const literal = parseAddress(target);
  if (literal !== undefined) return literal;
  const device = guest.name;
  if (guest.nameServers.length === 0) {
    steps.push({ device, ok: false, type: "no-name-server", name: target });
    return undefined;
  }
  const server = guest.nameServers[0];
  const way: PingStep[] = [];
  const serverAddress = parseAddress(server);
  const reached = serverAddress === undefined ? undefined : route(laboratory, guest, serverAddress, way);
  const answers =
    reached !== undefined &&
    (reached.end.role === "gateway" ||
      laboratory.zone.hosts.some(({ address, dns }) => address === server && dns === true));
  if (!answers) {
    steps.push(...way.filter(({ type }) => type !== "answers"));
    steps.push({ device, ok: false, type: "name-server-unreachable", name: target });
    return undefined;
  }
  const found = lookUp(laboratory.zone, target);
  if (found === undefined) {
    steps.push({ device: server, ok: false, type: "unknown-name", name: target });
    return undefined;
  }
  steps.push({ device, ok: true, type: "name-resolved", name: target, address: found, server });
  return parseAddress(found);
}

function lookUp(zone: Zone, name: string): string | undefined {
  let key = name.toLowerCase();
  for (let n = 0; n < MAX_HOPS; n++) {
    const alias = Object.entries(zone.aliases).find(([from]) => from.toLowerCase() === key);
    if (alias === undefined) break;
    key = alias[1].toLowerCase();
  }
  return zone.hosts.find(({ names }) => names.some((own) => own.toLowerCase() === key))?.address;
}

interface Arrival {
  end: Owner;
  sourceAddress: number;
  segments: Segment[];
}

/** Where a packet ends, when it gets there. */
function route(
  laboratory: LaboratoryState,
  start: GuestState,
  address: number,
  steps: PingStep[],
): Arrival | undefined {
  let guest = start;
  let sourceAddress: number | undefined;
  const segments: Segment[] = [];
  const text = formatAddress(address);
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const device = guest.name;
    const own = guest.interfaces.some(({ addresses }) =>
      addresses.some((cidr) => parseCidr(cidr)?.own === address),
    );
    if (own) {
      if (guest.ignoresPing === true) return void steps.push({ device, ok: false, type: "ping-ignored" });
      steps.push({ device, ok: true, type: "answers", address: text });
      const end: Owner = { device, guest, role: "guest", port: "", mac: "" };
      return { end, sourceAddress: sourceAddress ?? address, segments };
    }
    if (guest !== start && !guest.forwards) {
      return void steps.push({ device, ok: false, type: "not-forwarding", address: text });
    }
    const next = chooseRoute(guest, address, steps);
    if (next === undefined) return undefined;
    const { port } = next.interface;
    const network = laboratory.networks.find(({ name }) => name === next.interface.network);
    if (network === undefined) return undefined;
    if (sourceAddress === undefined) {
      sourceAddress = next.own;
      const same = owners(laboratory, network, next.own);
      if (same.length > 1) {
        const names = same.map((owner) => owner.device).join(", ");
        const step = { address: formatAddress(next.own), owners: names };
        return void steps.push({ device, ok: false, type: "duplicate-own", ...step });
      }
    }
    if (!crosses(laboratory, port, "in", steps)) return undefined;
    const owner = findOwner(laboratory, network, next.hop, { guest, port }, steps);
    if (owner === undefined || !crosses(laboratory, owner.port, "out", steps)) return undefined;
    segments.push({ from: port, to: owner.port });
    if (owner.role === "guest") {
      guest = owner.guest!;
      continue;
    }
    if (next.hop === address) {
      steps.push({ device: owner.device, ok: true, type: "answers", address: text });
      return { end: owner, sourceAddress, segments };
    }
    if (owner.role === "gateway") {
      const end = beyondGateway(laboratory, owner, address, steps);
      return end && { end, sourceAddress, segments };
    }
    const type = owner.role === "rogue" ? "rogue-gateway" : "no-router";
    return void steps.push({ device: owner.device, ok: false, type, address: text });
  }
  return void steps.push({ device: guest.name, ok: false, type: "loop" });
}

/** Whether frames pass a cable in a direction; a step where its state or faults matter. */
function crosses(
  { cables }: LaboratoryState,
  port: string,
  direction: Direction,
  steps: PingStep[],
): boolean {
  const cable = cables.find(({ name }) => name === port);
  if (cable === undefined) return true;
  const [network] = port.split("/");
  const at = { device: network, cable: port.slice(network.length + 1) };
  if (!cable.up) {
    steps.push({ ...at, ok: false, type: "cable-down" });
    return false;
  }
  const lane = cable.faults?.lanes[direction];
  if (lane === undefined) return true;
  const { lossPercent, corruptPercent, delayMs, jitterMs } = lane;
  if (lossPercent >= 100) {
    steps.push({ ...at, ok: false, type: "cable-loses", direction, percent: lossPercent });
    return false;
  }
  if (corruptPercent >= 100) {
    steps.push({ ...at, ok: false, type: "cable-corrupts", direction, percent: corruptPercent });
    return false;
  }
  if (delayMs >= LONG_DELAY_MS) {
    steps.push({ ...at, ok: false, type: "cable-delays", direction, milliseconds: delayMs });
    return false;
  }
  const may = lossPercent > 0 || corruptPercent > 0 || delayMs + jitterMs >= LONG_DELAY_MS;
  if (may || cable.faults?.flap !== undefined) {
    steps.push({ ...at, ok: true, type: "cable-faulty", direction });
  }
  return true;
}

/** The guest's own table: the longest prefix wins. */
function chooseRoute(
  guest: GuestState,
  address: number,
  steps: PingStep[],
): { interface: GuestInterface; hop: number; own: number } | undefined {
  const device = guest.name;
  const usable: { interface: GuestInterface; own: number; subnet: Subnet }[] = [];
  for (const one of guest.interfaces) {
    if (!one.up) continue;
    for (const text of one.addresses) {
      const cidr = parseCidr(text);
      if (cidr !== undefined) usable.push({ interface: one, ...cidr });
    }
  }
  if (usable.length === 0) {
    const first = guest.interfaces[0];
    const down =
      guest.interfaces.find(({ up, addresses }) => !up && addresses.length > 0) ??
      (first?.up === false ? first : undefined);
    const type = down === undefined ? "no-address" : "interface-down";
    steps.push({ device, ok: false, type, interface: (down ?? first)?.name ?? "" });
    return undefined;
  }
  let best: { prefix: number; interface: GuestInterface; own: number; via?: number } | undefined;
  for (const { subnet, ...entry } of usable) {
    if (inSubnet(address, subnet) && subnet.prefix > (best?.prefix ?? -1))
      best = { prefix: subnet.prefix, ...entry };
  }
  for (const { to, via, device: name } of guest.routes) {
    const cidr = to === "default" ? { subnet: { address: 0, prefix: 0 } } : parseCidr(to);
    const out = usable.find((entry) => entry.interface.name === name);
    if (cidr === undefined || out === undefined || !inSubnet(address, cidr.subnet)) continue;
    if (cidr.subnet.prefix <= (best?.prefix ?? -1)) continue;
    best = {
      prefix: cidr.subnet.prefix,
      interface: out.interface,
      own: out.own,
      via: via === undefined ? undefined : parseAddress(via),
    };
  }
  if (best === undefined) {
    steps.push({ device, ok: false, type: "no-route", address: formatAddress(address) });
    return undefined;
  }
  const chosen = best;
  const { name } = chosen.interface;
  if (!chosen.interface.cable) {
    steps.push({ device, ok: false, type: "cable-out", interface: name });
    return undefined;
  }
  if (chosen.via === undefined) {
    steps.push({ device, ok: true, type: "direct", address: formatAddress(address), interface: name });
    return { interface: chosen.interface, hop: address, own: chosen.own };
  }
  const gateway = formatAddress(chosen.via);
  const near = usable.some(
    (entry) => entry.interface === chosen.interface && inSubnet(chosen.via!, entry.subnet),
  );
  if (!near) {
    steps.push({ device, ok: false, type: "gateway-not-in-subnet", gateway, interface: name });
    return undefined;
  }
  steps.push({
    device,
    ok: true,
    type: "by-gateway",
    address: formatAddress(address),
    gateway,
    interface: name,
  });
  return { interface: chosen.interface, hop: chosen.via, own: chosen.own };
}

/** Who answers ARP for the address on the network. */
function findOwner(
  laboratory: LaboratoryState,
  network: ResolvedNetwork,
  address: number,
  asker: { guest: GuestState; port: string },
  steps: PingStep[],
): Owner | undefined {
  const device = asker.guest.name;
  const text = formatAddress(address);
  const all = owners(laboratory, network, address);
  const vlan = vlanOf(laboratory, network, asker.port);
  const here = all.filter(({ port }) => vlanOf(laboratory, network, port) === vlan);
  if (here.length > 1) {
    const names = here.map((owner) => owner.device).join(", ");
    const mac = asker.guest.neighbours?.find((entry) => entry.address === text)?.mac.toLowerCase();
    const believed = here.find((owner) => owner.mac === mac)?.device ?? "";
    return void steps.push({
      device,
      ok: false,
      type: "duplicate-address",
      address: text,
      owners: names,
      believed,
    });
  }
  if (here.length === 1) return here[0];
  const [apart] = all;
  if (apart !== undefined) {
    const other = vlanOf(laboratory, network, apart.port);
    const step = { address: text, owner: apart.device, vlan, other };
    return void steps.push({ device, ok: false, type: "other-vlan", ...step });
  }
  for (const other of laboratory.networks) {
    const [owner] = owners(laboratory, other, address);
    if (owner === undefined) continue;
    const where = { network: network.name, owner: owner.device, on: other.name };
    return void steps.push({ device, ok: false, type: "other-network", address: text, ...where });
  }
  return void steps.push({ device, ok: false, type: "arp-unanswered", address: text, network: network.name });
}

/** A port without a VLAN of its own is in VLAN 1 as soon as another has one (ethernet-switch.ts). */
function vlanOf({ cables }: LaboratoryState, { name }: ResolvedNetwork, port: string): number {
  const aware = cables.some((cable) => cable.vlan !== undefined && cable.name.startsWith(`${name}/`));
  return aware ? (cables.find((cable) => cable.name === port)?.vlan ?? 1) : 0;
}

function owners({ guests, devices }: LaboratoryState, network: ResolvedNetwork, address: number): Owner[] {
  const found: Owner[] = [];
  for (const device of devices) {
    if (device.network !== network.name || device.address !== formatAddress(address)) continue;
    const { name, mac } = device;
    const role =
      name === "gateway" || name === "router" ? "gateway" : name.startsWith("rogue-dhcp") ? "rogue" : "host";
    found.push({ device: stationName(device), mac, port: `${network.name}/${name}`, role });
  }
  for (const guest of guests) {
    for (const one of guest.interfaces) {
      if (one.network !== network.name || !one.cable || !one.up) continue;
      if (!one.addresses.some((text) => parseCidr(text)?.own === address)) continue;
      const { port, mac = "" } = one;
      found.push({ device: guest.name, guest, mac: mac.toLowerCase(), port, role: "guest" });
    }
  }
  return found;
}

function beyondGateway(
  laboratory: LaboratoryState,
  { device, port, mac }: Owner,
  address: number,
  steps: PingStep[],
): Owner | undefined {
  const { networks, zone } = laboratory;
  const text = formatAddress(address);
  steps.push({ device, ok: true, type: "translated", address: text });
  // Behind a NAT lies the classroom's LAN, where a bridged guest is.
  const lan = networks.find(({ kind, subnet }) => kind === "bridged" && inSubnet(address, subnet));
  const there = lan === undefined ? [] : owners(laboratory, lan, address);
  if (there.length === 1) {
    const [owner] = there;
    if (!crosses(laboratory, owner.port, "out", steps)) return undefined;
    if (owner.guest?.ignoresPing === true) {
      return void steps.push({ device: owner.device, ok: false, type: "ping-ignored" });
    }
    steps.push({ device: owner.device, ok: true, type: "answers", address: text });
    // The host on the LAN asks, so the answer needs no route of the guest's own.
    return { ...owner, guest: undefined };
  }
  const host = zone.hosts.find((one) => one.address === text);
  if (host === undefined) {
    for (const network of networks) {
      const [owner] = network.kind === "bridged" ? [] : owners(laboratory, network, address);
      if (owner === undefined) continue;
      const behind = { address: text, owner: owner.device, network: network.name };
      return void steps.push({ device, ok: false, type: "behind-nat", ...behind });
    }
    return void steps.push({ device, ok: false, type: "unknown-host", address: text });
  }
  const name = host.names[0] ?? text;
  if (host.ping === false) return void steps.push({ device: name, ok: false, type: "ping-ignored" });
  steps.push({ device: name, ok: true, type: "answers", address: text });
  return { device: name, role: "host", port, mac };
}

/** "192.168.10.130/24": the address and the subnet that its prefix makes. */
function parseCidr(text: string): { own: number; subnet: Subnet } | undefined {
  const [addressText, prefixText] = text.split("/");
  const own = parseAddress(addressText);
  const prefix = Number(prefixText);
  if (own === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > 32) return undefined;
  return { own, subnet: { address: (own & prefixMask(prefix)) >>> 0, prefix } };
}
