/** A DHCP server at the UDP port of a simulated device. */
import type { DhcpServer } from "./dhcp-server.ts";
import type { EthernetInterface } from "./ethernet-interface.ts";
import type { IpHost } from "./ip-host.ts";
import type { Scheduler } from "./scheduler.ts";
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, parseDhcp, serialiseDhcp } from "./wire/dhcp.ts";
import { ipv4Packet, PROTOCOL_UDP, serialiseIpv4 } from "./wire/ipv4.ts";
import { BROADCAST_MAC } from "./wire/mac-address.ts";
import { isMalformed } from "./wire/malformed.ts";
import { serialiseUdp } from "./wire/udp.ts";

export function serveDhcp(
  { ethernet, host }: { ethernet: EthernetInterface; host: IpHost },
  server: DhcpServer,
  scheduler: Scheduler,
): void {
  host.onUdp(DHCP_SERVER_PORT, ({ payload, source }) => {
    const message = parseDhcp(payload);
    if (isMalformed(message)) return;
    const answer = server.handle(message, scheduler.now);
    if (answer === undefined) return;
    const from = host.address;
    if (message.clientAddress !== 0 && source === message.clientAddress) {
      return host.sendUdp(source, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, serialiseDhcp(answer));
    }
    // A client without an address cannot answer ARP: its frame is addressed by hand (RFC 2131 §4.1).
    const to = answer.broadcast || answer.yourAddress === 0 ? 0xffffffff : answer.yourAddress;
    const ports = { sourcePort: DHCP_SERVER_PORT, destinationPort: DHCP_CLIENT_PORT };
    const udp = serialiseUdp({ ...ports, payload: serialiseDhcp(answer) }, from, to);
    const packet = ipv4Packet({
      source: from,
      destination: to,
      protocol: PROTOCOL_UDP,
      ttl: 128,
      payload: udp,
    });
    ethernet.sendTo(to === 0xffffffff ? BROADCAST_MAC : message.clientMac, serialiseIpv4(packet));
  });
}
