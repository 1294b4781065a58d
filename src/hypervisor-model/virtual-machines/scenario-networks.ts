/** Networks of the scenario file: VMware's address rule (.1 host adapter, .2 NAT gateway, .128 to .254 DHCP) and its checks. */
import { MAX_RANGE } from "../network/network-config.ts";
import type { Problem, ValueRefusal } from "./reasons.ts";

export interface ScenarioNetwork {
  name: string;
  kind: "nat" | "host-only" | "bridged";
  subnet?: string;
  gateway?: string;
  /** `true` is the same as left out. */
  dhcp?: boolean | ScenarioDhcp;
  /** Servers that DHCP hands out instead of the gateway. */
  dns?: string[];
  /** On unless told. */
  hostAdapter?: boolean;
  forwards?: { protocol: "tcp" | "udp"; port: number; to: string }[];
}

export interface ScenarioDhcp {
  first?: string;
  last?: string;
  leaseSeconds?: number;
}

/** A network with everything that was left out. */
export interface NetworkSettings {
  name: string;
  kind: ScenarioNetwork["kind"];
  subnet: string;
  /** NAT only. */
  gateway: string | null;
  dhcp: { first: string; last: string; leaseSeconds?: number } | null;
  dns?: string[];
  hostAdapter?: boolean;
  forwards: NonNullable<ScenarioNetwork["forwards"]>;
}

export interface Subnet {
  address: number;
  prefix: number;
  /** Last address: broadcast. */
  broadcast: number;
}

/** The simulated classroom behind a bridged network. */
export const CLASSROOM_LAN = "10.20.30.0/24";
const USUAL_SUBNETS = new Map([
  ["vmnet1", "192.168.56.0/24"],
  ["vmnet8", "192.168.10.0/24"],
]);
/** Each has one of 192.168.100.0/24, 192.168.101.0/24, … when it names none. */
export const MAX_NETWORKS = 100;

export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatIpv4(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join(".");
}

export function parseSubnet(text: string): Subnet | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const address = match === null ? undefined : parseIpv4(match[1]);
  if (match === null || address === undefined) return undefined;
  const prefix = Number(match[2]);
  if (prefix < 8 || prefix > 29) return undefined;
  const size = 2 ** (32 - prefix);
  return address % size === 0 ? { address, prefix, broadcast: address + size - 1 } : undefined;
}

const inside = ({ address, broadcast }: Subnet, value: number) => value >= address && value <= broadcast;

/** The subnet of each network that names none: VMware's usual ones, else 192.168.100.0/24 and on by its place in the list. */
export function subnetOf(network: ScenarioNetwork, index: number): string {
  if (network.kind === "bridged") return CLASSROOM_LAN;
  return network.subnet ?? USUAL_SUBNETS.get(network.name) ?? `192.168.${100 + index}.0/24`;
}

/** VMware's: .128 to .254, in a smaller subnet its upper half, in a larger one as many as a range may have. */
function usualRange({ address, broadcast }: Subnet): { first: string; last: string } {
  const first = address + Math.min(128, (broadcast - address + 1) / 2);
  const last = Math.min(broadcast - 1, first + MAX_RANGE - 1);
  return { first: formatIpv4(first), last: formatIpv4(last) };
}

export function networkSettings(networks: readonly ScenarioNetwork[]): NetworkSettings[] {
  return networks.map((network, index) => {
    const subnet = subnetOf(network, index);
    const { address } = parseSubnet(subnet)!;
    const usual = usualRange(parseSubnet(subnet)!);
    const dhcp = network.dhcp ?? true;
    const { dns, hostAdapter } = network;
    return {
      name: network.name,
      kind: network.kind,
      subnet,
      gateway: network.kind === "nat" ? (network.gateway ?? formatIpv4(address + 2)) : null,
      dhcp: dhcp === false ? null : { ...usual, ...(dhcp === true ? {} : dhcp) },
      ...(dns === undefined ? {} : { dns }),
      ...(hostAdapter === undefined ? {} : { hostAdapter }),
      forwards: network.forwards ?? [],
    };
  });
}

/** The simulated devices whose cables a fault can be put on. */
export function devicesOf({ kind, dhcp, hostAdapter }: ScenarioNetwork): string[] {
  const host = hostAdapter === false ? [] : ["host"];
  switch (kind) {
    case "nat":
      return ["gateway", ...host];
    case "bridged":
      return ["router", ...host, "teacher", "printer", "classmate"];
    case "host-only":
      return host.length === 0 && dhcp !== false ? ["dhcp"] : host;
    default:
      return kind satisfies never;
  }
}

export function networkProblems(networks: readonly ScenarioNetwork[]): Problem[] {
  const problems: Problem[] = [];
  const subnets: { name: string; subnet: Subnet }[] = [];
  for (const [i, network] of networks.entries()) {
    const refuse = (field: string, reason: ValueRefusal) =>
      problems.push({ path: `networks[${i}].${field}`, reason });
    const first = networks.findIndex(({ name }) => name === network.name);
    if (first !== i) refuse("name", { key: "duplicate", value: network.name, first: `networks[${first}]` });
    if (network.kind === "bridged" && network.subnet !== undefined && network.subnet !== CLASSROOM_LAN) {
      refuse("subnet", { key: "fixed-subnet", kind: "bridged", subnet: CLASSROOM_LAN });
    }
    if (network.kind !== "nat") {
      if (network.gateway !== undefined) refuse("gateway", { key: "only-for-kind", kind: "nat" });
      if (network.forwards !== undefined) refuse("forwards", { key: "only-for-kind", kind: "nat" });
    }
    const text = subnetOf(network, i);
    const subnet = parseSubnet(text)!;
    const other = subnets.find(
      (old) =>
        old.name !== network.name &&
        (inside(old.subnet, subnet.address) || inside(subnet, old.subnet.address)),
    );
    if (other !== undefined) refuse("subnet", { key: "subnets-overlap", other: other.name });
    subnets.push({ name: network.name, subnet });
    checkAddresses(network, text, subnet, refuse);
  }
  return problems;
}

function checkAddresses(
  network: ScenarioNetwork,
  text: string,
  subnet: Subnet,
  refuse: (field: string, reason: ValueRefusal) => void,
): void {
  const usable = (field: string, address: string): number | undefined => {
    const value = parseIpv4(address)!;
    const reserved = { address, key: "address-reserved" } as const;
    if (!inside(subnet, value)) refuse(field, { key: "outside-subnet", subnet: text, found: address });
    else if (value === subnet.address) refuse(field, { ...reserved, use: "network" });
    else if (value === subnet.address + 1) refuse(field, { ...reserved, use: "host-adapter" });
    else if (value === subnet.broadcast) refuse(field, { ...reserved, use: "broadcast" });
    else return value;
    return undefined;
  };
  const gateway = network.gateway === undefined ? subnet.address + 2 : usable("gateway", network.gateway);
  if (network.dhcp !== false) {
    const given = typeof network.dhcp === "object" ? network.dhcp : {};
    const range = { ...usualRange(subnet), ...given };
    const first = given.first === undefined ? parseIpv4(range.first) : usable("dhcp.first", range.first);
    const last = given.last === undefined ? parseIpv4(range.last) : usable("dhcp.last", range.last);
    if (first !== undefined && last !== undefined) {
      const ends = { first: range.first, last: range.last };
      const count = last - first + 1;
      if (first > last) refuse("dhcp", { key: "range-reversed", ...ends });
      else if (count > MAX_RANGE)
        refuse("dhcp", { key: "too-many", maximum: MAX_RANGE, found: String(count) });
      else if (network.kind === "nat" && gateway !== undefined && gateway >= first && gateway <= last) {
        refuse("gateway", { key: "address-in-dhcp-range", address: formatIpv4(gateway), ...ends });
      }
    }
  }
  const taken = new Map<string, string>();
  for (const [j, { protocol, port, to }] of (network.forwards ?? []).entries()) {
    usable(`forwards[${j}].to`, to.split(":")[0]);
    const value = `${protocol} ${port}`;
    const first = taken.get(value);
    if (first !== undefined) refuse(`forwards[${j}].port`, { key: "duplicate", value, first });
    else taken.set(value, `forwards[${j}]`);
  }
}
