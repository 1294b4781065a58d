/** A step on the way of a ping, as a key with parameters for a sentence in the page's language. */
import type { Direction } from "./link.ts";

/** Who pings: a guest, a simulated device on a network, or a host of the simulated Internet. */
export type PingSource =
  | { type: "guest"; name: string }
  | { type: "device"; network: string; name: string }
  | { type: "internet"; address: string };

/** `ok` steps are on the way; the last step is the cause when it is not ok. */
export type PingStep = { device: string; ok: boolean } & (
  | { type: "name-resolved"; name: string; address: string; server: string }
  | { type: "no-name-server" | "unknown-name" | "name-server-unreachable"; name: string }
  | { type: "no-address" | "interface-down" | "cable-out"; interface: string }
  | { type: "direct"; address: string; interface: string }
  | { type: "by-gateway"; address: string; gateway: string; interface: string }
  | { type: "no-route"; address: string }
  | { type: "gateway-not-in-subnet"; gateway: string; interface: string }
  | { type: "arp-unanswered"; address: string; network: string }
  /** Somebody has it, on another network. */
  | { type: "other-network"; address: string; network: string; owner: string; on: string }
  | { type: "other-vlan"; address: string; owner: string; vlan: number; other: number }
  /** `believed`: whose MAC address the asker's ARP table has for it, empty when it has none. */
  | { type: "duplicate-address"; address: string; owners: string; believed: string }
  /** The asker's own: answers may go to the other. */
  | { type: "duplicate-own"; address: string; owners: string }
  | { type: "not-forwarding" | "no-router" | "rogue-gateway"; address: string }
  | { type: "translated"; address: string }
  | { type: "unknown-host"; address: string }
  /** Nobody outside can begin: the NAT has no entry. */
  | { type: "behind-nat"; address: string; owner: string; network: string }
  | { type: "cable-down"; cable: string }
  | { type: "cable-loses" | "cable-corrupts"; cable: string; direction: Direction; percent: number }
  | { type: "cable-delays"; cable: string; direction: Direction; milliseconds: number }
  /** Some frames are lost or spoilt: the ping may fail. */
  | { type: "cable-faulty"; cable: string; direction: Direction }
  | { type: "ping-ignored" }
  | { type: "answers"; address: string }
  | { type: "loop" }
);
