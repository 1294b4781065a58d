/** Changes that the Virtual Network Editor makes to its list of networks before it is applied. */
import { parseSubnet, formatSubnet } from "../../hypervisor-model/network/wire/ipv4-address.ts";
import type { NetworkConfig, NetworkConfigError } from "../../hypervisor-model/network/network-config.ts";
import type { Messages } from "../i18n/messages.ts";

/** What a kind of network does not have goes when the kind changes; what follows from another subnet goes with the old. */
export function changedConfigs(
  configs: readonly NetworkConfig[],
  index: number,
  change: Partial<NetworkConfig>,
): NetworkConfig[] {
  return configs.map((old, i) => {
    if (i !== index) return old;
    const next = { ...old, ...change };
    if (change.kind !== undefined && change.kind !== old.kind) {
      delete next.gateway;
      delete next.forwards;
      delete next.dns;
      if (change.kind === "bridged" || old.kind === "bridged") delete next.subnet;
      if (change.kind !== "bridged") next.subnet ??= subnetText(configs);
    }
    const { subnet } = change;
    if (subnet !== undefined && parseSubnet(subnet) && parseSubnet(subnet)?.address !== subnetAddress(old)) {
      delete next.gateway;
      if (next.dhcp !== false && next.dhcp !== undefined) {
        const { leaseSeconds } = next.dhcp;
        next.dhcp = leaseSeconds === undefined ? {} : { leaseSeconds };
      }
    }
    for (const key of Object.keys(next) as (keyof NetworkConfig)[]) {
      if (next[key] === undefined) delete next[key];
    }
    return next;
  });
}

function subnetAddress({ subnet }: NetworkConfig): number | undefined {
  return subnet === undefined ? undefined : parseSubnet(subnet)?.address;
}

/** vmnet2, vmnet3, …: the first that no network has. */
export function freeNetworkName(configs: readonly NetworkConfig[]): string {
  for (let n = 2; ; n++) {
    const name = `vmnet${n}`;
    if (!configs.some((config) => config.name === name)) return name;
  }
}

/** 192.168.N.0/24 that no network has, from N = 57 on. */
export function subnetText(configs: readonly NetworkConfig[]): string {
  const used = new Set(configs.map(subnetAddress));
  for (let n = 57; ; n++) {
    const address = 0xc0a80000 + (n % 256) * 256;
    if (!used.has(address) || n > 400) return formatSubnet({ address, prefix: 24 });
  }
}

/** Why the networks cannot be so. */
export function networkRefusalText({ networks }: Messages, { key, values }: NetworkConfigError): string {
  return (networks.refusal[key] as (...values: string[]) => string)(...values);
}
