import { expect, test } from "vitest";
import {
  DEFAULT_NETWORKS,
  NetworkConfigError,
  resolveNetworks,
  type NetworkConfig,
} from "./network-config.ts";

/** The default networks, with the NAT network changed. */
function refusal(change: Partial<NetworkConfig>): string {
  const configs = DEFAULT_NETWORKS.map((network) =>
    network.kind === "nat" ? { ...network, ...change } : network,
  );
  try {
    resolveNetworks(configs);
    return "";
  } catch (error) {
    if (!(error instanceof NetworkConfigError)) throw error;
    return `${error.path} ${error.key}`;
  }
}
const forward = (change: object) => ({
  forwards: [{ protocol: "tcp" as const, port: 80, to: "192.168.10.130:80", ...change }],
});

test("By VMware's rule the host adapter is .1, the NAT gateway .2, and .128 to .254 are leased", () => {
  const nat = resolveNetworks(DEFAULT_NETWORKS).find(({ kind }) => kind === "nat")!;
  const last = (address?: number) => (address ?? 0) & 255;
  expect([nat.hostAddress, nat.gateway, nat.dhcp?.first, nat.dhcp?.last].map(last)).toEqual([1, 2, 128, 254]);
});

test.each<[string, Partial<NetworkConfig>, string]>([
  ["overlapping subnets", { subnet: "192.168.56.0/24" }, "networks[2].subnet overlap"],
  ["a subnet inside another", { subnet: "192.168.56.64/26" }, "networks[2].subnet overlap"],
  ["a subnet with host bits", { subnet: "192.168.10.5/24" }, "networks[2].subnet no-subnet"],
  ["a prefix too long", { subnet: "192.168.10.0/30" }, "networks[2].subnet prefix"],
  ["a name in use", { name: "vmnet1" }, "networks[2].name name-used"],
  ["a second bridge", { kind: "bridged", subnet: undefined }, "networks[2].kind second-bridge"],
  ["a range outside the subnet", { dhcp: { first: "192.168.11.128" } }, "networks[2].dhcp.first outside"],
  [
    "a range that ends before it begins",
    { dhcp: { last: "192.168.10.100" } },
    "networks[2].dhcp.last range-order",
  ],
  [
    "a range that ends with the broadcast address",
    { dhcp: { last: "192.168.10.255" } },
    "networks[2].dhcp.last reserved",
  ],
  [
    "the host's adapter inside the range",
    { gateway: "192.168.10.120", dhcp: { first: "192.168.10.1", last: "192.168.10.100" } },
    "networks[2].dhcp.first host-in-range",
  ],
  ["a gateway inside the pool", { gateway: "192.168.10.200" }, "networks[2].gateway gateway-in-range"],
  ["a gateway outside the subnet", { gateway: "192.168.11.2" }, "networks[2].gateway outside"],
  [
    "the host adapter's address as gateway",
    { gateway: "192.168.10.1" },
    "networks[2].gateway gateway-is-host",
  ],
  ["a gateway that is no address", { gateway: "192.168.10" }, "networks[2].gateway no-address"],
  ["a name server that is no address", { dns: ["119.29.29.29", "dns"] }, "networks[2].dns[1] no-address"],
  ["a lease of no time", { dhcp: { leaseSeconds: 0 } }, "networks[2].dhcp.leaseSeconds lease"],
  ["a forward to no port", forward({ port: 70_000 }), "networks[2].forwards[0].port forward-port"],
  ["a forward out of the subnet", forward({ to: "10.0.0.1:80" }), "networks[2].forwards[0].to outside"],
  [
    "two forwards of one port",
    { forwards: [...forward({}).forwards, ...forward({}).forwards] },
    "networks[2].forwards[1].port forward-used",
  ],
])("%s is refused at the field it is about", (_, change, path) => {
  expect(refusal(change)).toBe(path);
});
