/**
 * Port forwards as the host PC offers them: VMware's NAT service listens on every adapter of the host. A guest of any
 * network that speaks to the host's address at a forwarded port is passed on to the guest behind the NAT; there the host is
 * seen as the client, so the answers find their way back without any other way between the two networks.
 */
import { Nat, readdressed } from "./nat.ts";
import type { Network } from "./network.ts";
import { HOST_LAN_ADDRESS } from "./network-config.ts";
import { read32 } from "./wire/byte-order.ts";
import { inSubnet } from "./wire/ipv4-address.ts";
import { IPV4_DESTINATION, IPV4_SOURCE } from "./wire/ipv4.ts";
import { NatTable } from "./nat-table.ts";

const MAX_CONNECTIONS = 4096;

export class HostForwards {
  readonly #networks: ReadonlyMap<string, Network>;
  readonly #clients = new Nat({
    name: "host",
    outsideAddress: HOST_LAN_ADDRESS,
    forwards: [],
    table: new NatTable(MAX_CONNECTIONS),
  });

  constructor(networks: ReadonlyMap<string, Network>) {
    this.#networks = networks;
  }

  /** A packet for the host's adapter on a network; true when it was for a port forward or a NAT's connection. */
  toHost(network: Network, packet: Uint8Array): boolean {
    // In the classroom the host has the address that every NAT has outside.
    if (network.config.kind === "bridged") return this.#deliver(packet);
    const toOutside = readdressed(packet, IPV4_DESTINATION, HOST_LAN_ADDRESS);
    if (toOutside === undefined || this.#nat(toOutside) === undefined) return false;
    const asHost = this.#clients.outbound(toOutside, network.hostTime);
    return asHost.type === "pass" && this.#deliver(asHost.packet);
  }

  /** A NAT's packet for the host; true when it answers a guest that `toHost` has passed on. */
  back(packet: Uint8Array): boolean {
    if (!this.#clients.claims(packet)) return false;
    const now = Math.max(...[...this.#networks.values()].map(({ hostTime }) => hostTime));
    const forClient = this.#clients.inbound(packet, now);
    if (forClient.type !== "pass") return false;
    const { destination } = forClient;
    for (const { config, hostAdapter } of this.#networks.values()) {
      if (hostAdapter === undefined || config.kind === "bridged" || !inSubnet(destination, config.subnet))
        continue;
      const answer = readdressed(forClient.packet, IPV4_SOURCE, hostAdapter.host.address);
      if (answer !== undefined) hostAdapter.ethernet.send(answer, read32(answer, IPV4_DESTINATION));
      return true;
    }
    return true;
  }

  #deliver(packet: Uint8Array): boolean {
    return this.#nat(packet)?.fromOutside(packet) ?? false;
  }

  #nat(packet: Uint8Array): Network | undefined {
    for (const network of this.#networks.values())
      if (network.config.kind === "nat" && network.claims(packet)) return network;
    return undefined;
  }
}
