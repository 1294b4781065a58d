import { expect, test } from "vitest";
import { DEFAULT_NETWORKS, resolveNetworks } from "../../hypervisor-model/network/network-config.ts";
import { changedConfigs, freeNetworkName, subnetText } from "./network-draft.ts";

const nat = DEFAULT_NETWORKS.findIndex(({ kind }) => kind === "nat");

test("Another subnet takes the gateway and the range of the old one away, and keeps the lease time", () => {
  const before = changedConfigs(DEFAULT_NETWORKS, nat, {
    gateway: "192.168.10.3",
    dhcp: { first: "192.168.10.50", last: "192.168.10.60", leaseSeconds: 90 },
  });
  const after = changedConfigs(before, nat, { subnet: "192.168.20.0/24" });
  expect(after[nat]).toEqual({
    name: "vmnet8",
    kind: "nat",
    subnet: "192.168.20.0/24",
    dhcp: { leaseSeconds: 90 },
  });
});
test("A subnet that is half typed changes nothing else", () => {
  const before = changedConfigs(DEFAULT_NETWORKS, nat, { gateway: "192.168.10.3" });
  expect(changedConfigs(before, nat, { subnet: "192.168." })[nat].gateway).toBe("192.168.10.3");
});
test("A NAT network that becomes host-only loses gateway and port forwards", () => {
  const forwards = [{ protocol: "tcp" as const, port: 8080, to: "192.168.10.130:80" }];
  const before = changedConfigs(DEFAULT_NETWORKS, nat, { forwards });
  expect(() => resolveNetworks(changedConfigs(before, nat, { kind: "host-only" }))).not.toThrow();
});
test("An added network fits beside the others", () => {
  const added = { name: freeNetworkName(DEFAULT_NETWORKS), kind: "host-only" as const };
  const all = [...DEFAULT_NETWORKS, { ...added, subnet: subnetText(DEFAULT_NETWORKS) }];
  expect(resolveNetworks(all).at(-1)?.name).toBe("vmnet2");
});
