/** A fabric without threads, at a clock that the test moves; its guests are simulated hosts on real NIC ports. */
import { Random } from "../../src/common/random.ts";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import { EthernetInterface } from "../../src/hypervisor-model/network/ethernet-interface.ts";
import { Fabric } from "../../src/hypervisor-model/network/fabric.ts";
import { IpHost } from "../../src/hypervisor-model/network/ip-host.ts";
import type { NetworkConfig } from "../../src/hypervisor-model/network/network-config.ts";
import { Scheduler } from "../../src/hypervisor-model/network/scheduler.ts";
import { parseAddress, parseSubnet } from "../../src/hypervisor-model/network/wire/ipv4-address.ts";

export const NETWORKS: NetworkConfig[] = [
  { name: "vmnet0", kind: "bridged" },
  { name: "vmnet1", kind: "host-only" },
  { name: "vmnet8", kind: "nat", forwards: [{ protocol: "tcp", port: 8080, to: "192.168.10.130:80" }] },
];
export const address = (text: string) => parseAddress(text)!;

/** A laboratory and its clock; guests are simulated hosts on real NIC ports. */
export class Laboratory {
  now = 1000;
  readonly fabric = new Fabric({
    networks: NETWORKS,
    zone: DEFAULT_ZONE,
    seed: 7,
    now: 1000,
    startTime: 1.7e12,
  });
  readonly guestClock = new Scheduler(1000);
  readonly frames: Uint8Array[] = [];

  guest(network: string, subnet: string, own: string, gateway?: string) {
    const mac = 0x000c29000000 + (address(own) & 0xffffff);
    const port = this.fabric.attach(network, own, (frame) => {
      this.frames.push(frame);
      ethernet.receive(frame);
    });
    const ethernet: EthernetInterface = new EthernetInterface({
      name: own,
      mac,
      address: address(own),
      subnet: parseSubnet(subnet)!,
      gateway: gateway === undefined ? undefined : address(gateway),
      scheduler: this.guestClock,
      transmit: (frame) => this.fabric.receive(port, frame, this.now),
      receive: (packet) => host.receive(packet),
    });
    const host: IpHost = new IpHost({
      name: own,
      address: address(own),
      ttl: 64,
      scheduler: this.guestClock,
      random: new Random(3),
      send: (packet, destination) => ethernet.send(packet, destination),
    });
    return { host, ethernet, port, mac };
  }

  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.now < end) {
      this.now = Math.min(end, this.now + 1);
      this.guestClock.advance(this.now);
      this.fabric.tick(this.now);
    }
  }

  /** TTL of the answer to a ping, or what kind of error came and from whom. */
  ping(from: IpHost, to: string, ttl?: number): { type: string; ttl: number; source: number } | undefined {
    let answer: { type: string; ttl: number; source: number } | undefined;
    from.onIcmp = (message, packet) =>
      (answer = { type: message.type, ttl: packet.ttl, source: packet.source });
    from.sendIcmp(
      address(to),
      { type: "echo-request", identifier: 9, sequence: 1, data: new Uint8Array(56) },
      ttl,
    );
    this.run(200);
    return answer;
  }
}

export function natGuest(laboratory: Laboratory) {
  return laboratory.guest("vmnet8", "192.168.10.0/24", "192.168.10.130", "192.168.10.2");
}
