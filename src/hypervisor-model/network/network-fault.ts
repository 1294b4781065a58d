/**
 * Troublemakers on a network, for finding faults: a device that has somebody else's address, and a DHCP server that nobody
 * asked for. (What goes wrong on one cable is in link.ts.)
 */
import { DhcpServer } from "./dhcp-server.ts";
import { serveDhcp } from "./dhcp-service.ts";
import type { Device, Network } from "./network.ts";
import { formatSubnet, inSubnet, parseAddress, subnetBroadcast, type Subnet } from "./wire/ipv4-address.ts";
import { ARP_REPLY, serialiseArp } from "./wire/arp.ts";
import { ETHERTYPE_ARP, serialiseEthernet } from "./wire/ethernet.ts";
import { BROADCAST_MAC } from "./wire/mac-address.ts";

export type NetworkFault =
  /** Answers ARP and ping for this address, and announces it when it comes. */
  | { type: "duplicate-address"; address: string }
  /** Leases addresses of its own range with a gateway and name server that lead nowhere unless told. */
  | { type: "rogue-dhcp"; address: string; first: string; last: string; gateway?: string; dns?: string };

export class NetworkFaultError extends Error {
  override name = "NetworkFaultError";
  readonly field: string;
  readonly reason: string;
  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.field = field;
    this.reason = reason;
  }
}

const LEASE_SECONDS = 600;

interface FaultAddresses {
  address: number;
  first: number;
  last: number;
  router: number;
  dns: number;
}

/** The fault's addresses as numbers. Throws `NetworkFaultError` where one cannot be on this subnet. */
export function checkNetworkFault(subnet: Subnet, fault: NetworkFault): FaultAddresses {
  const inside = (field: string, text: string): number => {
    const address = parseAddress(text);
    if (address === undefined) throw new NetworkFaultError(field, `"${text}" is not an IPv4 address`);
    if (!inSubnet(address, subnet) || address === subnet.address || address === subnetBroadcast(subnet)) {
      throw new NetworkFaultError(field, `${text} is not a host's address in ${formatSubnet(subnet)}`);
    }
    return address;
  };
  const address = inside("address", fault.address);
  if (fault.type === "duplicate-address")
    return { address, first: address, last: address, router: address, dns: address };
  const first = inside("first", fault.first);
  const last = inside("last", fault.last);
  if (first > last) throw new NetworkFaultError("last", `${fault.last} lies before ${fault.first}`);
  const router = fault.gateway === undefined ? address : inside("gateway", fault.gateway);
  const dns = fault.dns === undefined ? address : parseAddress(fault.dns);
  if (dns === undefined) throw new NetworkFaultError("dns", `"${fault.dns}" is not an IPv4 address`);
  return { address, first, last, router, dns };
}

/** Puts the troublemaker on the network; gives its device. Throws `NetworkFaultError`, and then nothing was changed. */
export function addTroublemaker(network: Network, fault: NetworkFault): Device {
  const { subnet } = network.config;
  const { address, first, last, router, dns } = checkNetworkFault(subnet, fault);
  const receive = ({ host }: Device, packet: Uint8Array) => host.receive(packet, subnetBroadcast(subnet));
  switch (fault.type) {
    case "duplicate-address": {
      const device = network.addDevice(freeName(network, "double"), address, 64, receive);
      announce(device, address);
      return device;
    }
    case "rogue-dhcp": {
      const device = network.addDevice(freeName(network, "rogue-dhcp"), address, 64, receive);
      const server = new DhcpServer({
        name: device.name,
        serverAddress: address,
        subnet,
        first,
        last,
        leaseSeconds: LEASE_SECONDS,
        router,
        dns: [dns],
        reserved: [address],
      });
      serveDhcp(device, server, network.scheduler);
      return device;
    }
    default:
      return fault satisfies never;
  }
}

/** "double", "double-2", …: cables are told apart by the device's name. */
function freeName({ devices }: Network, wanted: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!devices.some((device) => device.name === name)) return name;
  }
}

/** A gratuitous ARP (RFC 5227 §2.3): whoever knew the address before now knows this device. */
function announce({ ethernet }: Device, address: number): void {
  const { mac, transmit } = ethernet.options;
  const payload = serialiseArp({
    operation: ARP_REPLY,
    senderMac: mac,
    senderAddress: address,
    targetMac: BROADCAST_MAC,
    targetAddress: address,
  });
  transmit(
    serialiseEthernet({
      type: "ethernet2",
      destination: BROADCAST_MAC,
      source: mac,
      etherType: ETHERTYPE_ARP,
      payload,
    }),
  );
}
