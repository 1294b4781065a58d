/**
 * The Ethernet side of a simulated device: ARP (RFC 826) with a bounded cache, and IPv4 packets in frames. What the IPv4
 * packets mean is the owner's business.
 */
import type { Observe } from "./decision.ts";
import type { Cancel, Scheduler } from "./scheduler.ts";
import { ARP_REPLY, ARP_REQUEST, parseArp, serialiseArp } from "./wire/arp.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, parseEthernet, serialiseEthernet } from "./wire/ethernet.ts";
import {
  formatAddress,
  inSubnet,
  isMulticastAddress,
  subnetBroadcast,
  type Subnet,
} from "./wire/ipv4-address.ts";
import { BROADCAST_MAC, formatMac, isGroupMac } from "./wire/mac-address.ts";
import { isMalformed } from "./wire/malformed.ts";

const CACHE_MS = 60_000;
const MAX_CACHE = 1024;
const MAX_WAITING = 16;
const ASK_AGAIN_MS = 1000;
const ASK_TIMES = 3;

export interface EthernetInterfaceOptions {
  name: string;
  mac: number;
  address: number;
  subnet: Subnet;
  /** Next hop for addresses outside the subnet. */
  gateway?: number;
  scheduler: Scheduler;
  transmit: (frame: Uint8Array) => void;
  /** An IPv4 packet in a frame to this interface, to all or to a group. */
  receive: (packet: Uint8Array, sourceMac: number) => void;
}

export interface Neighbour {
  address: string;
  mac: string;
  age: number;
}

interface Waiting {
  packets: Uint8Array[];
  tries: number;
  cancel: Cancel;
}

export class EthernetInterface {
  readonly options: Readonly<EthernetInterfaceOptions>;
  observe: Observe;
  readonly drops = new Map<string, number>();
  readonly #cache = new Map<number, { mac: number; seen: number }>();
  readonly #waiting = new Map<number, Waiting>();

  constructor(options: EthernetInterfaceOptions) {
    this.options = options;
  }

  receive(frame: Uint8Array): void {
    const parsed = parseEthernet(frame);
    if (isMalformed(parsed)) return this.#drop(parsed);
    if (parsed.destination !== this.options.mac && !isGroupMac(parsed.destination)) {
      this.observe?.({ device: this.options.name, type: "host-dropped", reason: "other-mac" });
      return;
    }
    if (parsed.type !== "ethernet2" || parsed.vlan !== undefined) return this.#drop("not-understood");
    if (parsed.etherType === ETHERTYPE_ARP) return this.#receiveArp(parsed.payload);
    if (parsed.etherType === ETHERTYPE_IPV4) return this.options.receive(parsed.payload, parsed.source);
    this.#drop("not-understood");
  }

  send(packet: Uint8Array, destination: number): void {
    const { subnet, gateway } = this.options;
    if (destination === 0xffffffff || destination === subnetBroadcast(subnet)) {
      return this.sendTo(BROADCAST_MAC, packet);
    }
    if (isMulticastAddress(destination))
      return this.sendTo(0x01005e000000 + (destination & 0x7fffff), packet);
    const hop = inSubnet(destination, subnet) ? destination : gateway;
    if (hop === undefined) {
      this.observe?.({
        device: this.options.name,
        type: "route-dropped",
        reason: "no-route",
        destination: formatAddress(destination),
      });
      return this.#drop("no-route");
    }
    const known = this.#cache.get(hop);
    if (known !== undefined && this.options.scheduler.now - known.seen <= CACHE_MS) {
      return this.sendTo(known.mac, packet);
    }
    this.#ask(hop, packet);
  }

  sendTo(mac: number, packet: Uint8Array): void {
    const { mac: source, transmit } = this.options;
    transmit(
      serialiseEthernet({
        type: "ethernet2",
        destination: mac,
        source,
        etherType: ETHERTYPE_IPV4,
        payload: packet,
      }),
    );
  }

  neighbours(): Neighbour[] {
    const { now } = this.options.scheduler;
    return [...this.#cache]
      .map(([address, { mac, seen }]) => ({
        address: formatAddress(address),
        mac: formatMac(mac),
        age: now - seen,
      }))
      .filter(({ age }) => age <= CACHE_MS);
  }

  #ask(hop: number, packet: Uint8Array): void {
    const waiting = this.#waiting.get(hop);
    if (waiting !== undefined) {
      if (waiting.packets.length < MAX_WAITING) waiting.packets.push(packet);
      else this.#drop("arp-queue-full");
      return;
    }
    if (this.#waiting.size >= MAX_CACHE) return this.#drop("arp-queue-full");
    const entry: Waiting = { packets: [packet], tries: 0, cancel: () => {} };
    this.#waiting.set(hop, entry);
    this.#sendRequest(hop, entry);
  }

  #sendRequest(hop: number, entry: Waiting): void {
    const device = this.options.name;
    if (entry.tries++ === ASK_TIMES) {
      this.#waiting.delete(hop);
      this.observe?.({ device, type: "arp-unanswered", address: formatAddress(hop) });
      return this.#drop("arp-unanswered");
    }
    this.observe?.({ device, type: "arp-asked", address: formatAddress(hop) });
    this.#sendArp(ARP_REQUEST, BROADCAST_MAC, 0, hop);
    entry.cancel = this.options.scheduler.after(ASK_AGAIN_MS, () => this.#sendRequest(hop, entry));
  }

  #receiveArp(bytes: Uint8Array): void {
    const arp = parseArp(bytes);
    if (isMalformed(arp)) return this.#drop(arp);
    const { mac, address, scheduler, subnet, name } = this.options;
    if (arp.senderMac === mac) return;
    if (arp.senderAddress === address) {
      this.observe?.({
        device: name,
        type: "arp-conflict",
        address: formatAddress(address),
        mac: formatMac(mac),
        other: formatMac(arp.senderMac),
      });
      this.#drop("arp-conflict");
    } else if (arp.senderAddress !== 0 && inSubnet(arp.senderAddress, subnet)) {
      const waiting = this.#waiting.get(arp.senderAddress);
      // Learned when we are asked or have asked; what is overheard only refreshes what is known (RFC 826).
      if (waiting !== undefined || arp.targetAddress === address || this.#cache.has(arp.senderAddress)) {
        if (!this.#cache.has(arp.senderAddress) && this.#cache.size >= MAX_CACHE) {
          this.#cache.delete(this.#cache.keys().next().value!);
        }
        this.#cache.set(arp.senderAddress, { mac: arp.senderMac, seen: scheduler.now });
        this.observe?.({
          device: name,
          type: "arp-learned",
          address: formatAddress(arp.senderAddress),
          mac: formatMac(arp.senderMac),
        });
      }
      if (waiting !== undefined) {
        this.#waiting.delete(arp.senderAddress);
        waiting.cancel();
        for (const packet of waiting.packets) this.sendTo(arp.senderMac, packet);
      }
    }
    if (arp.targetAddress !== address) {
      this.observe?.({ device: name, type: "host-dropped", reason: "arp-for-another" });
    } else if (arp.operation === ARP_REQUEST) {
      this.observe?.({
        device: name,
        type: "arp-answered",
        address: formatAddress(address),
        mac: formatMac(mac),
      });
      this.#sendArp(ARP_REPLY, arp.senderMac, arp.senderMac, arp.senderAddress);
    }
  }

  #sendArp(operation: number, destination: number, targetMac: number, targetAddress: number): void {
    const { mac, address, transmit } = this.options;
    const payload = serialiseArp({
      operation,
      senderMac: mac,
      senderAddress: address,
      targetMac,
      targetAddress,
    });
    transmit(
      serialiseEthernet({ type: "ethernet2", destination, source: mac, etherType: ETHERTYPE_ARP, payload }),
    );
  }

  #drop(reason: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    // These say more by a decision of their own.
    if (reason === "arp-conflict" || reason === "arp-unanswered" || reason === "no-route") return;
    this.observe?.({ device: this.options.name, type: "host-dropped", reason });
  }
}
