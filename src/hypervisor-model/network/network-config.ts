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

export class NetworkConfigError extends Error {
  override name = "NetworkConfigError";
  readonly path: string;
  readonly reason: string;
  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}

export const CLASSROOM_SUBNET = "10.20.30.0/24";
/** The host PC in the classroom. */
export const HOST_LAN_ADDRESS = 0x0a141e0a;
const DEFAULT_SUBNETS = { nat: "192.168.10.0/24", "host-only": "192.168.56.0/24", bridged: CLASSROOM_SUBNET };
const DEFAULT_LEASE = 1800;

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
        throw new NetworkConfigError(`networks[${i}].name`, `another network is called "${network.name}"`);
      }
      if (other.kind === "bridged" && network.kind === "bridged") {
        throw new NetworkConfigError(
          `networks[${i}].kind`,
          `"${other.name}" is bridged to the classroom already`,
        );
      }
      if (inSubnet(other.subnet.address, network.subnet) || inSubnet(network.subnet.address, other.subnet)) {
        const reason = `${formatSubnet(network.subnet)} overlaps ${formatSubnet(other.subnet)} of "${other.name}"`;
        throw new NetworkConfigError(`networks[${i}].subnet`, reason);
      }
    }
    resolved.push(network);
  }
  return resolved;
}

export function resolveNetwork(config: NetworkConfig, path: string): ResolvedNetwork {
  const fail = (field: string, reason: string): never => {
    throw new NetworkConfigError(`${path}.${field}`, reason);
  };
  if (typeof config.name !== "string" || config.name === "") fail("name", "expected a name");
  if (!Object.hasOwn(DEFAULT_SUBNETS, config.kind)) fail("kind", "expected nat, host-only or bridged");
  const text = config.subnet ?? DEFAULT_SUBNETS[config.kind];
  const subnet = parseSubnet(text) ?? fail("subnet", `"${text}" is not a subnet such as 192.168.10.0/24`);
  if (subnet.prefix < 8 || subnet.prefix > 29) fail("subnet", "the prefix must be from 8 to 29");
  const last = subnetBroadcast(subnet);
  const host = (offset: number) => subnet.address + offset;
  const inside = (field: string, value: string): number => {
    const found = parseAddress(value) ?? fail(field, `"${value}" is not an IPv4 address`);
    if (!inSubnet(found, subnet)) fail(field, `${value} is outside ${formatSubnet(subnet)}`);
    if (found === subnet.address || found === last)
      fail(field, `${value} is the network's or the broadcast address`);
    return found;
  };
  let gateway: number | undefined;
  if (config.gateway !== undefined) {
    if (config.kind === "host-only") fail("gateway", "a host-only network has no gateway");
    gateway = inside("gateway", config.gateway);
  } else if (config.kind !== "host-only") gateway = host(config.kind === "nat" ? 2 : 1);
  const wantsHost = config.hostAdapter ?? true;
  const hostAddress = !wantsHost ? undefined : config.kind === "bridged" ? host(10) : host(1);
  if (gateway !== undefined && gateway === hostAddress) {
    fail("gateway", `${formatAddress(gateway)} is the host adapter's address`);
  }
  const dns = (config.dns ?? []).map(
    (entry, i) => parseAddress(entry) ?? fail(`dns[${i}]`, `"${entry}" is not an IPv4 address`),
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
    const end = range.last === undefined ? last - 1 : inside("dhcp.last", range.last);
    if (first > end) fail("dhcp.last", `${formatAddress(end)} lies before ${formatAddress(first)}`);
    if (end - first >= 65_536) fail("dhcp.last", "the range has more than 65536 addresses");
    if (gateway !== undefined && gateway >= first && gateway <= end) {
      fail("gateway", `${formatAddress(gateway)} lies inside the DHCP range`);
    }
    if (hostAddress !== undefined && hostAddress >= first && hostAddress <= end) {
      fail("dhcp.first", `the host adapter's address ${formatAddress(hostAddress)} lies inside the range`);
    }
    const leaseSeconds = range.leaseSeconds ?? DEFAULT_LEASE;
    if (!Number.isInteger(leaseSeconds) || leaseSeconds < 10 || leaseSeconds > 31_536_000) {
      fail("dhcp.leaseSeconds", "expected whole seconds from 10 to 31536000");
    }
    // Without a gateway or host adapter the service has an address of its own, as VMware's has: the last one.
    resolved.dhcp = { server: gateway ?? hostAddress ?? last - 1, first, last: end, leaseSeconds };
  }
  for (const [i, rule] of (config.forwards ?? []).entries()) {
    if (config.kind !== "nat") fail("forwards", "only a NAT network forwards ports");
    if (rule.protocol !== "tcp" && rule.protocol !== "udp")
      fail(`forwards[${i}].protocol`, "expected tcp or udp");
    const port = (value: unknown, field: string) =>
      Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535
        ? (value as number)
        : fail(`forwards[${i}].${field}`, "expected a port from 1 to 65535");
    const [to, toPort] = String(rule.to).split(":");
    if (
      config
        .forwards!.slice(0, i)
        .some((other) => other.protocol === rule.protocol && other.port === rule.port)
    ) {
      fail(`forwards[${i}].port`, `${rule.protocol} port ${rule.port} is forwarded already`);
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
