/**
 * Networks as data, by VMware's address rule: .1 the host's adapter, .2 the NAT gateway, .128 to .254 DHCP. Checking names
 * the path of what is wrong and why.
 */
import type { PortForward } from "./nat.ts";
import {
  formatAddress,
  formatSubnet,
  inSubnet,
  parseAddress,
  parseSubnet,
  subnetBroadcast,
  type Subnet,
} from "./wire/ipv4-address.ts";

export interface NetworkConfig {
  name: string;
  kind: "nat" | "host-only" | "bridged";
  subnet?: string;
  /** NAT: the gateway's own address. */
  gateway?: string;
  dhcp?: false | { first?: string; last?: string; leaseSeconds?: number };
  /** "Connect a host virtual adapter": on unless told. */
  hostAdapter?: boolean;
  /** DNS servers that DHCP hands out; the gateway unless told. */
  dns?: string[];
  forwards?: { protocol: "tcp" | "udp"; port: number; to: string }[];
}

export interface ResolvedNetwork {
  name: string;
  kind: NetworkConfig["kind"];
  subnet: Subnet;
  /** NAT gateway or classroom router. */
  gateway?: number;
  hostAddress?: number;
  dhcp?: { server: number; first: number; last: number; leaseSeconds: number };
  dns: number[];
  forwards: PortForward[];
}

/** Why a value is refused, in English; the page says the same by key in its languages. */
const REASONS = {
  "name-missing": () => "expected a name",
  "name-used": (name: string) => `another network is called "${name}"`,
  kind: () => "expected nat, host-only or bridged",
  "second-bridge": (other: string) => `"${other}" is bridged to the classroom already`,
  overlap: (subnet: string, other: string, name: string) => `${subnet} overlaps ${other} of "${name}"`,
  "no-subnet": (text: string) => `"${text}" is not a subnet such as 192.168.10.0/24`,
  prefix: () => "the prefix must be from 8 to 29",
  "no-address": (text: string) => `"${text}" is not an IPv4 address`,
  outside: (address: string, subnet: string) => `${address} is outside ${subnet}`,
  reserved: (address: string) => `${address} is the network's or the broadcast address`,
  "no-gateway": () => "a host-only network has no gateway",
  "gateway-is-host": (address: string) => `${address} is the host adapter's address`,
  "range-order": (last: string, first: string) => `${last} lies before ${first}`,
  "range-long": () => `the range has more than ${MAX_RANGE} addresses`,
  "gateway-in-range": (address: string) => `${address} lies inside the DHCP range`,
  "host-in-range": (address: string) => `the host adapter's address ${address} lies inside the range`,
  lease: () => "expected whole seconds from 10 to 31536000",
  "forwards-nat-only": () => "only a NAT network forwards ports",
  "forward-protocol": () => "expected tcp or udp",
  "forward-port": () => "expected a port from 1 to 65535",
  "forward-used": (protocol: string, port: string) => `${protocol} port ${port} is forwarded already`,
} satisfies Record<string, (...values: string[]) => string>;

export type NetworkConfigReason = keyof typeof REASONS;

export class NetworkConfigError extends Error {
  override name = "NetworkConfigError";
  /** Such as `networks[1].dhcp.first`. */
  readonly path: string;
  readonly key: NetworkConfigReason;
  /** What the reason speaks of, in the order of its parameters. */
  readonly values: string[];
  constructor(path: string, key: NetworkConfigReason, ...values: string[]) {
    super(`${path}: ${(REASONS[key] as (...values: string[]) => string)(...values)}`);
    this.path = path;
    this.key = key;
    this.values = values;
  }

  get reason(): string {
    return this.message.slice(this.path.length + 2);
  }
}

export const CLASSROOM_SUBNET = "10.20.30.0/24";
/** The host PC in the classroom. */
export const HOST_LAN_ADDRESS = 0x0a141e0a;
const DEFAULT_SUBNETS = { nat: "192.168.10.0/24", "host-only": "192.168.56.0/24", bridged: CLASSROOM_SUBNET };
const DEFAULT_LEASE = 1800;
/** Addresses that one DHCP server leases at most. */
export const MAX_RANGE = 65_536;

export const DEFAULT_NETWORKS: NetworkConfig[] = [
  { name: "vmnet0", kind: "bridged" },
  { name: "vmnet1", kind: "host-only", subnet: "192.168.56.0/24" },
  { name: "vmnet8", kind: "nat", subnet: "192.168.10.0/24" },
];

/** Throws `NetworkConfigError` for the first thing that is wrong. */
export function resolveNetworks(configs: readonly NetworkConfig[]): ResolvedNetwork[] {
  const resolved: ResolvedNetwork[] = [];
  for (const [i, config] of configs.entries()) {
    const network = resolveNetwork(config, `networks[${i}]`);
    for (const other of resolved) {
      if (other.name === network.name) {
        throw new NetworkConfigError(`networks[${i}].name`, "name-used", network.name);
      }
      if (other.kind === "bridged" && network.kind === "bridged") {
        throw new NetworkConfigError(`networks[${i}].kind`, "second-bridge", other.name);
      }
      if (inSubnet(other.subnet.address, network.subnet) || inSubnet(network.subnet.address, other.subnet)) {
        throw new NetworkConfigError(
          `networks[${i}].subnet`,
          "overlap",
          formatSubnet(network.subnet),
          formatSubnet(other.subnet),
          other.name,
        );
      }
    }
    resolved.push(network);
  }
  return resolved;
}

export function resolveNetwork(config: NetworkConfig, path: string): ResolvedNetwork {
  const fail = (field: string, key: NetworkConfigReason, ...values: string[]): never => {
    throw new NetworkConfigError(`${path}.${field}`, key, ...values);
  };
  if (typeof config.name !== "string" || config.name === "") fail("name", "name-missing");
  if (!Object.hasOwn(DEFAULT_SUBNETS, config.kind)) fail("kind", "kind");
  const text = config.subnet ?? DEFAULT_SUBNETS[config.kind];
  const subnet = parseSubnet(text) ?? fail("subnet", "no-subnet", text);
  if (subnet.prefix < 8 || subnet.prefix > 29) fail("subnet", "prefix");
  const last = subnetBroadcast(subnet);
  const host = (offset: number) => subnet.address + offset;
  const inside = (field: string, value: string): number => {
    const found = parseAddress(value) ?? fail(field, "no-address", value);
    if (!inSubnet(found, subnet)) fail(field, "outside", value, formatSubnet(subnet));
    if (found === subnet.address || found === last) fail(field, "reserved", value);
    return found;
  };
  let gateway: number | undefined;
  if (config.gateway !== undefined) {
    if (config.kind === "host-only") fail("gateway", "no-gateway");
    gateway = inside("gateway", config.gateway);
  } else if (config.kind !== "host-only") gateway = host(config.kind === "nat" ? 2 : 1);
  const wantsHost = config.hostAdapter ?? true;
  const hostAddress = !wantsHost ? undefined : config.kind === "bridged" ? host(10) : host(1);
  if (gateway !== undefined && gateway === hostAddress) {
    fail("gateway", "gateway-is-host", formatAddress(gateway));
  }
  const dns = (config.dns ?? []).map(
    (entry, i) => parseAddress(entry) ?? fail(`dns[${i}]`, "no-address", entry),
  );
  const resolved: ResolvedNetwork = {
    name: config.name,
    kind: config.kind,
    subnet,
    gateway,
    hostAddress,
    dns,
    forwards: [],
  };
  if (dns.length === 0 && gateway !== undefined) dns.push(gateway);
  if (config.dhcp !== false) {
    const range = config.dhcp ?? {};
    const size = last - subnet.address + 1;
    const half = Math.min(128, size / 2);
    const first = range.first === undefined ? host(half) : inside("dhcp.first", range.first);
    const end =
      range.last === undefined ? Math.min(last - 1, first + MAX_RANGE - 1) : inside("dhcp.last", range.last);
    if (first > end) fail("dhcp.last", "range-order", formatAddress(end), formatAddress(first));
    if (end - first >= MAX_RANGE) fail("dhcp.last", "range-long");
    if (gateway !== undefined && gateway >= first && gateway <= end) {
      fail("gateway", "gateway-in-range", formatAddress(gateway));
    }
    if (hostAddress !== undefined && hostAddress >= first && hostAddress <= end) {
      fail("dhcp.first", "host-in-range", formatAddress(hostAddress));
    }
    const leaseSeconds = range.leaseSeconds ?? DEFAULT_LEASE;
    if (!Number.isInteger(leaseSeconds) || leaseSeconds < 10 || leaseSeconds > 31_536_000) {
      fail("dhcp.leaseSeconds", "lease");
    }
    // Without a gateway or host adapter the service has an address of its own, as VMware's has: the last one.
    resolved.dhcp = { server: gateway ?? hostAddress ?? last - 1, first, last: end, leaseSeconds };
  }
  for (const [i, rule] of (config.forwards ?? []).entries()) {
    if (config.kind !== "nat") fail("forwards", "forwards-nat-only");
    if (rule.protocol !== "tcp" && rule.protocol !== "udp")
      fail(`forwards[${i}].protocol`, "forward-protocol");
    const port = (value: unknown, field: string) =>
      Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535
        ? (value as number)
        : fail(`forwards[${i}].${field}`, "forward-port");
    const [to, toPort] = String(rule.to).split(":");
    if (
      config
        .forwards!.slice(0, i)
        .some((other) => other.protocol === rule.protocol && other.port === rule.port)
    ) {
      fail(`forwards[${i}].port`, "forward-used", rule.protocol, String(rule.port));
    }
    resolved.forwards.push({
      protocol: rule.protocol,
      port: port(rule.port, "port"),
      address: inside(`forwards[${i}].to`, to),
      toPort: port(Number(toPort), "to"),
    });
  }
  return resolved;
}
