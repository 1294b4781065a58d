/** Who has an address: on a network, as ARP would find out, and elsewhere in the laboratory. */
import type { DeviceState, GuestState, LaboratoryState } from "./laboratory-state.ts";
import type { ResolvedNetwork } from "./network-config.ts";
import type { PingStep } from "./ping-step.ts";
import { formatAddress, parseAddress, prefixMask, type Subnet } from "./wire/ipv4-address.ts";

export interface Owner {
  /** As steps name it: a guest's name, or "vmnet8 gateway". */
  device: string;
  guest?: GuestState;
  mac: string;
  /** Its cable. */
  port: string;
  role: "guest" | "gateway" | "host" | "rogue";
}

/** Devices that several networks have are told apart by the network. */
export function stationName({ name, network }: DeviceState): string {
  return name === "gateway" || name === "router" || name === "host" ? `${network} ${name}` : name;
}

/** Who answers ARP for the address on the network. */
export function findOwner(
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

export function owners(
  { guests, devices }: LaboratoryState,
  network: ResolvedNetwork,
  address: number,
): Owner[] {
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

/** "192.168.10.130/24": the address and the subnet that its prefix makes. */
export function parseCidr(text: string): { own: number; subnet: Subnet } | undefined {
  const [addressText, prefixText] = text.split("/");
  const own = parseAddress(addressText);
  const prefix = Number(prefixText);
  if (own === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > 32) return undefined;
  return { own, subnet: { address: (own & prefixMask(prefix)) >>> 0, prefix } };
}
