/**
 * "Why did this ping fail?": follows an echo request and its answer hop by hop through the state of guests, cables and
 * networks, as a teacher would at the board, and stops at the first thing that is wrong. Nothing is sent; what it says is
 * what the tables say. Each step is a key with parameters for a sentence in the page's language.
 */
import { findOwner, owners, parseCidr, stationName, type Owner } from "./address-owner.ts";
import type { GuestInterface, GuestState, LaboratoryState } from "./laboratory-state.ts";
import type { Direction } from "./link.ts";
import type { PingSource, PingStep } from "./ping-step.ts";
import { formatAddress, inSubnet, isPrivateAddress, parseAddress, type Subnet } from "./wire/ipv4-address.ts";
import type { Zone } from "./zone.ts";

const MAX_HOPS = 16;

/** Longer than ping waits for an answer by itself. */
const LONG_DELAY_MS = 2000;

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
