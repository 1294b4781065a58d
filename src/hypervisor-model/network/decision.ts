/**
 * What a device of the network did with a frame and why. `type` is the key of a sentence in the page's language, the other
 * fields are its parameters. Made only while someone listens.
 */
export type Decision = { device: string } & (
  | { type: "switch-learned"; mac: string; port: number; vlan: number }
  | { type: "switch-moved"; mac: string; from: number; port: number; vlan: number }
  | { type: "switch-forwarded"; mac: string; port: number; vlan: number }
  | { type: "switch-flooded"; mac: string; reason: "broadcast" | "multicast" | "unknown"; vlan: number }
  | { type: "switch-dropped"; reason: SwitchDrop; port: number }
  | { type: "link-dropped"; reason: LinkDrop; direction: "in" | "out" }
  | { type: "link-changed"; what: "corrupted" | "duplicated" | "reordered"; direction: "in" | "out" }
  /** A machine's card got it; what the guest makes of it is the guest's. */
  | { type: "nic-received" }
  | { type: "arp-asked"; address: string }
  | { type: "arp-answered"; address: string; mac: string }
  | { type: "arp-unanswered"; address: string }
  | { type: "arp-learned"; address: string; mac: string }
  | { type: "arp-conflict"; address: string; mac: string; other: string }
  | { type: "host-dropped"; reason: string }
  | { type: "host-answered"; protocol: string; to: string }
  | { type: "host-received"; protocol: "icmp" | "udp" | "tcp"; from: string; port: number }
  | { type: "nat-created" | "nat-expired"; protocol: string; inside: string; outside: string; remote: string }
  | { type: "nat-translated"; direction: "out" | "in"; protocol: string; from: string; to: string }
  | { type: "nat-dropped"; reason: NatDrop }
  | { type: "route-forwarded"; destination: string; hops: number; milliseconds: number }
  | { type: "route-expired"; router: string; destination: string }
  | { type: "route-dropped"; reason: "no-route" | "lost" | "unknown-host"; destination: string }
  | { type: "dhcp-offered" | "dhcp-leased" | "dhcp-renewed" | "dhcp-released"; mac: string; address: string }
  | { type: "dhcp-declined"; mac: string; address: string }
  | {
      type: "dhcp-refused";
      mac: string;
      reason: "exhausted" | "wrong-address" | "no-lease" | "lease-expired";
    }
  | { type: "dns-answered"; name: string; addresses: string }
  | { type: "dns-failed"; name: string; reason: "no-such-name" | "no-such-type" | "loop" }
);

export type SwitchDrop = "malformed" | "same-port" | "vlan" | "storm" | "reserved-address" | "too-long";
export type LinkDrop = "down" | "lost" | "queue-full";
export type NatDrop =
  | "malformed"
  | "no-entry"
  | "entry-expired"
  | "table-full"
  | "no-port"
  | "ttl-expired"
  | "fragment"
  | "protocol"
  | "not-inside";

export type Observe = ((decision: Decision) => void) | undefined;
