/**
 * "Why did this ping fail?": follows an echo request and its answer hop by hop through the state of guests and networks,
 * as a teacher would at the board, and stops at the first thing that is wrong. Nothing is sent; what it says is what the
 * tables say. Each step is a key with parameters for a sentence in the page's language.
 */
import type { ResolvedNetwork } from "./network-config.ts";
import { formatAddress, inSubnet, parseAddress, prefixMask, type Subnet } from "./wire/ipv4-address.ts";
import type { Zone } from "./zone.ts";

export interface GuestInterface {
  name: string;
  network: string;
  /** The cable is in and its link is up. */
  cable: boolean;
  /** Set up in the guest. */
  up: boolean;
  /** "192.168.10.130/24" */
  addresses: string[];
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
}

export interface LaboratoryState {
  guests: GuestState[];
  networks: ResolvedNetwork[];
  zone: Zone;
}

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
  | { type: "duplicate-address"; address: string; owners: string }
  | { type: "not-forwarding"; address: string }
  | { type: "translated"; address: string }
  | { type: "unknown-host"; address: string }
  | { type: "ping-ignored" }
  | { type: "answers"; address: string }
  | { type: "loop" }
);

const MAX_HOPS = 16;

interface Owner {
  device: string;
  guest?: GuestState;
  interface?: GuestInterface;
  role: "guest" | "host" | "gateway";
}

/** From a guest to an address or name; the answer's way back is followed too. */
export function explainPing(laboratory: LaboratoryState, from: string, target: string): PingStep[] {
  const source = laboratory.guests.find(({ name }) => name === from);
  if (source === undefined) throw new RangeError(`no guest "${from}"`);
  const steps: PingStep[] = [];
  const address = resolve(laboratory, source, target, steps);
  if (address === undefined) return steps;
  const used = route(laboratory, source, address, steps);
  if (used === undefined) return steps;
  const { end, sourceAddress } = used;
  if (end.guest === undefined) return steps;
  // The answer has to find its way back.
  if (end.guest !== source) route(laboratory, end.guest, sourceAddress, steps);
  return steps;
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

/** Where a packet ends, when it gets there. */
function route(
  laboratory: LaboratoryState,
  start: GuestState,
  address: number,
  steps: PingStep[],
): { end: Owner; sourceAddress: number } | undefined {
  let guest = start;
  let sourceAddress: number | undefined;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const device = guest.name;
    const own = guest.interfaces.some(({ addresses }) =>
      addresses.some((text) => parseCidr(text)?.own === address),
    );
    if (own) {
      const ok = guest.ignoresPing !== true;
      steps.push(
        ok
          ? { device, ok, type: "answers", address: formatAddress(address) }
          : { device, ok, type: "ping-ignored" },
      );
      return ok
        ? { end: { device, guest, role: "guest" }, sourceAddress: sourceAddress ?? address }
        : undefined;
    }
    if (guest !== start && !guest.forwards) {
      steps.push({ device, ok: false, type: "not-forwarding", address: formatAddress(address) });
      return undefined;
    }
    const next = chooseRoute(guest, address, steps);
    if (next === undefined) return undefined;
    sourceAddress ??= next.own;
    const network = laboratory.networks.find(({ name }) => name === next.interface.network);
    const owner = network && findOwner(laboratory, network, next.hop, guest, steps);
    if (network === undefined || owner === undefined) return undefined;
    if (owner.role === "guest") {
      guest = owner.guest!;
      continue;
    }
    if (owner.role === "host" || next.hop === address) {
      if (next.hop !== address) {
        steps.push({
          device: owner.device,
          ok: false,
          type: "not-forwarding",
          address: formatAddress(address),
        });
        return undefined;
      }
      steps.push({ device: owner.device, ok: true, type: "answers", address: formatAddress(address) });
      return { end: owner, sourceAddress };
    }
    return beyondGateway(laboratory, owner, address, sourceAddress, steps);
  }
  steps.push({ device: guest.name, ok: false, type: "loop" });
  return undefined;
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
  asker: GuestState,
  steps: PingStep[],
): Owner | undefined {
  const everywhere = laboratory.networks.flatMap((other) =>
    owners(laboratory, other, address).map((owner) => ({ owner, network: other })),
  );
  const here = everywhere.filter((found) => found.network === network).map(({ owner }) => owner);
  const device = asker.name;
  const text = formatAddress(address);
  if (here.length > 1) {
    const names = here.map((owner) => owner.device).join(", ");
    steps.push({ device, ok: false, type: "duplicate-address", address: text, owners: names });
    return undefined;
  }
  if (here.length === 1) return here[0];
  const there = everywhere[0];
  if (there === undefined)
    steps.push({ device, ok: false, type: "arp-unanswered", address: text, network: network.name });
  else {
    const where = { network: network.name, owner: there.owner.device, on: there.network.name };
    steps.push({ device, ok: false, type: "other-network", address: text, ...where });
  }
  return undefined;
}

function owners({ guests }: LaboratoryState, network: ResolvedNetwork, address: number): Owner[] {
  const found: Owner[] = [];
  if (network.gateway === address) found.push({ device: `${network.name} gateway`, role: "gateway" });
  if (network.hostAddress === address) found.push({ device: "host", role: "host" });
  for (const guest of guests) {
    for (const one of guest.interfaces) {
      if (one.network !== network.name || !one.cable || !one.up) continue;
      if (!one.addresses.some((text) => parseCidr(text)?.own === address)) continue;
      found.push({ device: guest.name, guest, interface: one, role: "guest" });
    }
  }
  return found;
}

function beyondGateway(
  laboratory: LaboratoryState,
  gateway: Owner,
  address: number,
  sourceAddress: number,
  steps: PingStep[],
): { end: Owner; sourceAddress: number } | undefined {
  const text = formatAddress(address);
  const { device } = gateway;
  steps.push({ device, ok: true, type: "translated", address: text });
  // Behind a NAT lies the classroom's LAN, where a bridged guest is.
  const lan = laboratory.networks.find(({ kind, subnet }) => kind === "bridged" && inSubnet(address, subnet));
  const there = lan === undefined ? [] : owners(laboratory, lan, address);
  if (there.length === 1 && there[0].guest?.ignoresPing !== true) {
    steps.push({ device: there[0].device, ok: true, type: "answers", address: text });
    // The host on the LAN asks, so the answer needs no route of the guest's own.
    return { end: { ...there[0], guest: undefined }, sourceAddress };
  }
  const host = laboratory.zone.hosts.find((one) => one.address === text);
  if (host === undefined) {
    steps.push({ device, ok: false, type: "unknown-host", address: text });
    return undefined;
  }
  const name = host.names[0] ?? text;
  if (host.ping === false) {
    steps.push({ device: name, ok: false, type: "ping-ignored" });
    return undefined;
  }
  steps.push({ device: name, ok: true, type: "answers", address: text });
  return { end: { device: name, role: "host" }, sourceAddress };
}

/** "192.168.10.130/24": the address and the subnet that its prefix makes. */
function parseCidr(text: string): { own: number; subnet: Subnet } | undefined {
  const [addressText, prefixText] = text.split("/");
  const own = parseAddress(addressText);
  const prefix = Number(prefixText);
  if (own === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > 32) return undefined;
  return { own, subnet: { address: (own & prefixMask(prefix)) >>> 0, prefix } };
}
