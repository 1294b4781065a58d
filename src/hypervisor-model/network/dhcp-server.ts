/** A DHCP server (RFC 2131 §4.3): offers, leases, renewals, releases, declined addresses; memory bounded by its range. */
import type { Decision, Observe } from "./decision.ts";
import {
  DHCP_ACK,
  DHCP_DECLINE,
  DHCP_DISCOVER,
  DHCP_INFORM,
  DHCP_NAK,
  DHCP_OFFER,
  DHCP_RELEASE,
  DHCP_REQUEST,
  dhcpAddressOption,
  dhcpMessageType,
  OPTION_BROADCAST,
  OPTION_DNS,
  OPTION_LEASE_SECONDS,
  OPTION_MESSAGE_TYPE,
  OPTION_REBINDING_SECONDS,
  OPTION_RENEWAL_SECONDS,
  OPTION_REQUESTED_ADDRESS,
  OPTION_ROUTER,
  OPTION_SERVER_ID,
  OPTION_SUBNET_MASK,
  words32,
  type DhcpMessage,
  type DhcpOption,
} from "./wire/dhcp.ts";
import { formatAddress, prefixMask, subnetBroadcast, type Subnet } from "./wire/ipv4-address.ts";
import { formatMac } from "./wire/mac-address.ts";

export interface DhcpServerOptions {
  name: string;
  serverAddress: number;
  subnet: Subnet;
  first: number;
  last: number;
  leaseSeconds: number;
  router?: number;
  dns: number[];
  /** Addresses in the range that belong to devices of the network. */
  reserved: number[];
}

export interface Lease {
  mac: string;
  address: string;
  /** Milliseconds of virtual time. */
  expires: number;
  state: "offered" | "leased" | "declined";
}

interface Entry {
  mac: number;
  address: number;
  expires: number;
  state: Lease["state"];
  /** Who had the address before, until that lease ran out. */
  before?: number;
}

type Refusal = Extract<Decision, { type: "dhcp-refused" }>["reason"];

const OFFER_MS = 30_000;
const DECLINED_MS = 600_000;

export class DhcpServer {
  readonly options: Readonly<DhcpServerOptions>;
  observe: Observe;
  readonly #byAddress = new Map<number, Entry>();

  constructor(options: DhcpServerOptions) {
    this.options = options;
  }

  leases(now: number): Lease[] {
    return [...this.#byAddress.values()]
      .filter((entry) => entry.expires > now)
      .sort((a, b) => a.address - b.address)
      .map(({ mac, address, expires, state }) => ({
        mac: formatMac(mac),
        address: formatAddress(address),
        expires,
        state,
      }));
  }

  /** Takes over the leases of the server before it, where they lie in the range of this one. */
  adopt(before: DhcpServer): void {
    for (const [address, entry] of before.#byAddress)
      if (this.#inRange(address)) this.#byAddress.set(address, entry);
  }

  /** The answer to a client's message, if it deserves one. */
  handle(message: DhcpMessage, now: number): DhcpMessage | undefined {
    if (message.op !== 1) return undefined;
    const { clientMac } = message;
    const requested = dhcpAddressOption(message, OPTION_REQUESTED_ADDRESS);
    const server = dhcpAddressOption(message, OPTION_SERVER_ID);
    switch (dhcpMessageType(message)) {
      case DHCP_DISCOVER: {
        const address = this.#choose(clientMac, requested, now);
        if (address === undefined) {
          this.#refuse(clientMac, "exhausted");
          return undefined;
        }
        if (this.#live(address, now)?.state !== "leased")
          this.#put(clientMac, address, now + OFFER_MS, "offered");
        this.#say("dhcp-offered", clientMac, address);
        return this.#reply(message, DHCP_OFFER, address);
      }
      case DHCP_REQUEST: {
        // Another server's offer was taken.
        if (server !== undefined && server !== this.options.serverAddress) {
          this.#forgetOffers(clientMac);
          return undefined;
        }
        const address = requested ?? message.clientAddress;
        const held = this.#live(address, now);
        const free = held === undefined && this.#inRange(address);
        if ((held?.mac === clientMac && held.state !== "declined") || free) {
          this.#say(held?.state === "leased" ? "dhcp-renewed" : "dhcp-leased", clientMac, address);
          this.#put(clientMac, address, now + this.options.leaseSeconds * 1000, "leased");
          return this.#reply(message, DHCP_ACK, address);
        }
        const lost = held?.before === clientMac ? "lease-expired" : "no-lease";
        this.#refuse(clientMac, this.#inRange(address) ? lost : "wrong-address");
        return this.#reply(message, DHCP_NAK, 0);
      }
      case DHCP_DECLINE: {
        if (requested === undefined || this.#live(requested, now)?.mac !== clientMac) return undefined;
        this.#put(clientMac, requested, now + DECLINED_MS, "declined");
        this.#say("dhcp-declined", clientMac, requested);
        return undefined;
      }
      case DHCP_RELEASE:
        if (this.#live(message.clientAddress, now)?.mac !== clientMac) return undefined;
        this.#byAddress.delete(message.clientAddress);
        this.#say("dhcp-released", clientMac, message.clientAddress);
        return undefined;
      case DHCP_INFORM:
        return this.#reply(message, DHCP_ACK, 0);
      default:
        return undefined;
    }
  }

  #inRange(address: number): boolean {
    const { first, last, reserved } = this.options;
    return address >= first && address <= last && !reserved.includes(address);
  }

  #live(address: number, now: number): Entry | undefined {
    const entry = this.#byAddress.get(address);
    return entry !== undefined && entry.expires > now ? entry : undefined;
  }

  /** RFC 2131 §4.3.1: the address it has or had, the one it asks for, a new one, one that has expired. */
  #choose(mac: number, requested: number | undefined, now: number): number | undefined {
    for (const entry of this.#byAddress.values()) {
      if (entry.mac === mac && entry.state !== "declined") return entry.address;
    }
    if (requested !== undefined && this.#inRange(requested) && this.#live(requested, now) === undefined)
      return requested;
    const { first, last } = this.options;
    let expired: number | undefined;
    for (let address = first; address <= last; address++) {
      if (!this.#inRange(address)) continue;
      if (!this.#byAddress.has(address)) return address;
      if (this.#live(address, now) === undefined) expired ??= address;
    }
    return expired;
  }

  #put(mac: number, address: number, expires: number, state: Lease["state"]): void {
    const old = this.#byAddress.get(address);
    const before = old?.mac === mac ? old.before : old?.mac;
    this.#byAddress.set(address, { mac, address, expires, state, before });
  }

  #forgetOffers(mac: number): void {
    for (const entry of this.#byAddress.values()) {
      if (entry.mac === mac && entry.state === "offered") this.#byAddress.delete(entry.address);
    }
  }

  #reply(request: DhcpMessage, type: number, yourAddress: number): DhcpMessage {
    const { serverAddress, subnet, leaseSeconds, router, dns } = this.options;
    const options: DhcpOption[] = [
      { code: OPTION_MESSAGE_TYPE, data: new Uint8Array([type]) },
      { code: OPTION_SERVER_ID, data: words32(serverAddress) },
    ];
    if (type !== DHCP_NAK) {
      if (yourAddress !== 0) {
        options.push(
          { code: OPTION_LEASE_SECONDS, data: words32(leaseSeconds) },
          { code: OPTION_RENEWAL_SECONDS, data: words32(Math.floor(leaseSeconds / 2)) },
          { code: OPTION_REBINDING_SECONDS, data: words32(Math.floor(leaseSeconds * 0.875)) },
        );
      }
      options.push({ code: OPTION_SUBNET_MASK, data: words32(prefixMask(subnet.prefix)) });
      options.push({ code: OPTION_BROADCAST, data: words32(subnetBroadcast(subnet)) });
      if (router !== undefined) options.push({ code: OPTION_ROUTER, data: words32(router) });
      if (dns.length > 0) options.push({ code: OPTION_DNS, data: words32(...dns) });
    }
    return {
      op: 2,
      hops: 0,
      transaction: request.transaction,
      seconds: 0,
      broadcast: request.broadcast || type === DHCP_NAK,
      clientAddress: type === DHCP_ACK ? request.clientAddress : 0,
      yourAddress,
      nextServer: 0,
      relay: request.relay,
      clientMac: request.clientMac,
      serverName: "",
      bootFile: "",
      options,
    };
  }

  #say(
    type: "dhcp-offered" | "dhcp-leased" | "dhcp-renewed" | "dhcp-released" | "dhcp-declined",
    mac: number,
    address: number,
  ): void {
    this.observe?.({ device: this.options.name, type, mac: formatMac(mac), address: formatAddress(address) });
  }

  #refuse(mac: number, reason: Refusal): void {
    this.observe?.({ device: this.options.name, type: "dhcp-refused", mac: formatMac(mac), reason });
  }
}
