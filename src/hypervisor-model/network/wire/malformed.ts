/** Why a parser refused bytes. Parsers answer with one of these instead of throwing; whoever drops the bytes counts it. */
export type Malformed =
  | "ethernet-short"
  | "ethernet-type"
  | "llc-length"
  | "arp-short"
  | "arp-kind"
  | "ipv4-short"
  | "ipv4-version"
  | "ipv4-header-length"
  | "ipv4-total-length"
  | "ipv4-checksum"
  | "ipv4-fragment"
  | "icmp-short"
  | "icmp-checksum"
  | "udp-short"
  | "udp-length"
  | "udp-checksum"
  | "tcp-short"
  | "tcp-header-length"
  | "tcp-checksum"
  | "dhcp-short"
  | "dhcp-cookie"
  | "dhcp-kind"
  | "dhcp-option"
  | "dns-short"
  | "dns-name"
  | "dns-record"
  | "dns-count"
  | "ntp-short"
  | "ipv6-short"
  | "ipv6-version"
  | "ipv6-length"
  | "icmpv6-short"
  | "icmpv6-checksum";

/** A parsed value, or the reason there is none. */
export type Parsed<T extends object> = T | Malformed;

export function isMalformed(value: object | Malformed): value is Malformed {
  return typeof value === "string";
}
