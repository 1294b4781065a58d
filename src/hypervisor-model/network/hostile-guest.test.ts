/** One guest floods its network in every way it can: memory stays bounded, and the guest beside it goes on. */
import { expect, it } from "vitest";
import { address, Laboratory, natGuest } from "../../../test/support/frame-laboratory.ts";
import { Random } from "../../common/random.ts";
import { ARP_REPLY, serialiseArp } from "./wire/arp.ts";
import { DHCP_DISCOVER, OPTION_MESSAGE_TYPE, serialiseDhcp } from "./wire/dhcp.ts";
import { serialiseEthernet } from "./wire/ethernet.ts";
import { ipv4Packet, serialiseIpv4 } from "./wire/ipv4.ts";
import { serialiseTcp, TCP_SYN } from "./wire/tcp.ts";
import { serialiseUdp } from "./wire/udp.ts";

const BROADCAST = 0xffffffffffff;
const FRAMES = 10_000;
const GATEWAY = "192.168.10.2";
const WEB = "110.242.68.4";

/** A random unicast address of a card. */
const someMac = (random: Random) => 0x020000000000 + random.below(0xffffffff);

type Flood = (random: Random, gatewayMac: number) => Uint8Array;

const ethernet = (destination: number, source: number, etherType: number, payload: Uint8Array) =>
  serialiseEthernet({ type: "ethernet2", destination, source, etherType, payload });

const floods: Record<string, Flood> = {
  "DHCP exhaustion": (random) => {
    const clientMac = someMac(random);
    const payload = serialiseDhcp({
      op: 1,
      hops: 0,
      transaction: random.uint32(),
      seconds: 0,
      broadcast: true,
      clientAddress: 0,
      yourAddress: 0,
      nextServer: 0,
      relay: 0,
      clientMac,
      serverName: "",
      bootFile: "",
      options: [{ code: OPTION_MESSAGE_TYPE, data: new Uint8Array([DHCP_DISCOVER]) }],
    });
    const udp = serialiseUdp({ sourcePort: 68, destinationPort: 67, payload }, 0, 0xffffffff);
    const packet = ipv4Packet({ source: 0, destination: 0xffffffff, protocol: 17, payload: udp });
    return ethernet(BROADCAST, clientMac, 0x0800, serialiseIpv4(packet));
  },
  "ARP spoofing": (random) => {
    const senderMac = someMac(random);
    // Everybody's address in turn but the good guest's and the gateway's, told to everybody.
    const senderAddress = address("192.168.10.3") + random.below(120);
    const targetAddress = address(GATEWAY);
    const arp = { operation: ARP_REPLY, senderMac, senderAddress, targetMac: BROADCAST, targetAddress };
    return ethernet(BROADCAST, senderMac, 0x0806, serialiseArp(arp));
  },
  "a TCP SYN flood": (random, gatewayMac) => {
    const source = address("192.168.10.3") + random.below(120);
    const destination = address(WEB);
    const segment = serialiseTcp(
      {
        sourcePort: 1024 + random.below(60_000),
        destinationPort: 80,
        sequence: random.uint32(),
        acknowledgment: 0,
        flags: TCP_SYN,
        window: 1000,
        urgent: 0,
        options: new Uint8Array(0),
        payload: new Uint8Array(0),
      },
      source,
      destination,
    );
    const packet = ipv4Packet({ source, destination, protocol: 6, payload: segment });
    return ethernet(gatewayMac, 0x020000000001, 0x0800, serialiseIpv4(packet));
  },
  "frames from as many addresses as there are": (random) =>
    ethernet(someMac(random), someMac(random), 0x88b5, new Uint8Array(46)),
};

it.each(Object.entries(floods))("%s", (_, flood) => {
  const laboratory = new Laboratory();
  const random = new Random(20261124);
  const good = natGuest(laboratory);
  const network = laboratory.fabric.network("vmnet8");
  const gateway = network.devices.find(({ name }) => name === "gateway")!;
  const bad = laboratory.fabric.attach("vmnet8", "bad", () => undefined);
  laboratory.frames.length = 0;
  for (let n = 0; n < FRAMES; n++) {
    laboratory.fabric.receive(bad, flood(random, gateway.ethernet.options.mac), laboratory.now);
    if (n % 50 === 0) laboratory.run(1);
    laboratory.frames.length = 0;
  }
  expect(laboratory.ping(good.host, GATEWAY)?.type).toBe("echo-reply");
  let page = "";
  good.host.connect(address(WEB), 80, {
    established: (connection) => connection.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n")),
    data: (_connection, bytes) => (page += new TextDecoder().decode(bytes)),
  });
  laboratory.run(2000);
  expect(page).toContain("200 OK");
  expect(network.dhcp!.leases(0).length).toBeLessThanOrEqual(127);
  expect(gateway.ethernet.neighbours().length).toBeLessThanOrEqual(1024);
  expect(network.nat!.table.size).toBeLessThanOrEqual(network.nat!.table.capacity);
  expect(network.switch.table(network.scheduler.now).length).toBeLessThanOrEqual(8192);
  expect(network.scheduler.framesInFlight).toBeLessThan(1000);
});
