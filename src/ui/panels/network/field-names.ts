/** Protocols and fields of a dissected frame by name; what the catalogue does not have is shown by its key. */
import type { ProtocolName } from "../../../hypervisor-model/network/capture/dissect.ts";
import type { Messages } from "../../i18n/messages.ts";

/** As the list's column shows it: HTTP, ARP, IPv4. */
export function protocolText(protocol: ProtocolName): string {
  if (protocol === "ipv4") return "IPv4";
  if (protocol === "ipv6") return "IPv6";
  if (protocol === "icmpv6") return "ICMPv6";
  return protocol === "ethernet" || protocol === "data" ? protocol : protocol.toUpperCase();
}

export function protocolTitle({ capture: m }: Messages, protocol: ProtocolName): string {
  return m.protocols[protocol];
}

export function fieldText({ capture: m }: Messages, name: string): string {
  if (name.startsWith("option-")) return m.option(name.slice("option-".length));
  return Object.hasOwn(m.fields, name) ? m.fields[name as keyof typeof m.fields] : name;
}
