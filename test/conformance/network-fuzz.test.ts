/** Random and mutated frames of 0 to 70,000 bytes into a whole fabric: nothing throws, nothing hangs, drops are counted. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Random } from "../../src/common/random.ts";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import { DEFAULT_NETWORKS } from "../../src/hypervisor-model/network/network-config.ts";
import { Fabric } from "../../src/hypervisor-model/network/fabric.ts";
import { readPcapng, PcapError, writePcapng } from "../../src/hypervisor-model/network/pcapng.ts";
import { serialiseEthernet } from "../../src/hypervisor-model/network/wire/ethernet.ts";
import { ipv4Packet, serialiseIpv4 } from "../../src/hypervisor-model/network/wire/ipv4.ts";
import { serialiseTcp } from "../../src/hypervisor-model/network/wire/tcp.ts";
import { serialiseUdp } from "../../src/hypervisor-model/network/wire/udp.ts";
import { writeMac } from "../../src/hypervisor-model/network/wire/mac-address.ts";
import { serialiseArp } from "../../src/hypervisor-model/network/wire/arp.ts";

const SEED = 4;
const FRAMES = process.env.RINGSIDE_LONG === "1" ? 10_000_000 : 1_000_000;

function seeds(gateway: number): Uint8Array[] {
  const guest = 0xc0a80a82;
  const server = 0x6ef24404;
  const syn = {
    sourcePort: 4000,
    destinationPort: 80,
    sequence: 1,
    acknowledgment: 0,
    flags: 2,
    window: 65535,
    urgent: 0,
    options: new Uint8Array(0),
    payload: new Uint8Array(0),
  };
  const udp = (port: number, length: number) =>
    serialiseUdp(
      { sourcePort: port + 1, destinationPort: port, payload: new Uint8Array(length) },
      guest,
      0xc0a80a02,
    );
  const ip = (protocol: number, destination: number, payload: Uint8Array) =>
    serialiseEthernet({
      type: "ethernet2",
      destination: gateway,
      source: 0x000c29000001,
      etherType: 0x0800,
      payload: serialiseIpv4(ipv4Packet({ source: guest, destination, protocol, payload })),
    });
  return [
    ip(6, server, serialiseTcp(syn, guest, server)),
    ip(17, 0xc0a80a02, udp(53, 40)),
    ip(17, 0xc0a80a02, udp(67, 300)),
    ip(1, server, new Uint8Array([8, 0, 0xf7, 0xff, 0, 0, 0, 0])),
    serialiseEthernet({
      type: "ethernet2",
      destination: 0xffffffffffff,
      source: 0x000c29000001,
      etherType: 0x0806,
      payload: serialiseArp({
        operation: 1,
        senderMac: 0x000c29000001,
        senderAddress: guest,
        targetMac: 0,
        targetAddress: 0xc0a80a02,
      }),
    }),
  ];
}

/** What two real guests sent, to the gateway of this run. */
function realFrames(gateway: number): Uint8Array[] {
  const file = readFileSync(join(import.meta.dirname, "../fixtures/network/tiny-guests.pcapng"));
  return readPcapng(new Uint8Array(file)).frames.map(({ bytes }) => {
    if ((bytes[0] & 1) === 0) writeMac(bytes, 0, gateway);
    return bytes;
  });
}

it(`${FRAMES} hostile frames leave the fabric answering`, () => {
  const random = new Random(SEED);
  const fabric = new Fabric({
    networks: DEFAULT_NETWORKS,
    zone: DEFAULT_ZONE,
    seed: SEED,
    now: 0,
    startTime: 0,
  });
  let heard = 0;
  const ports = ["vmnet0", "vmnet1", "vmnet8"].map((network) =>
    fabric.attach(network, "fuzz", () => heard++),
  );
  const network = fabric.network("vmnet8");
  const gateway = network.devices.find(({ name }) => name === "gateway")!.ethernet.options.mac;
  const corpus = [...seeds(gateway), ...realFrames(gateway)];
  for (let n = 0; n < FRAMES; n++) {
    let frame: Uint8Array;
    if (random.below(4) === 0) {
      const length = random.below(50) === 0 ? random.below(70_001) : random.below(200);
      frame = new Uint8Array(length);
      for (let i = 0; i < Math.min(length, 300); i++) frame[i] = random.below(256);
    } else {
      frame = corpus[random.below(corpus.length)].slice(
        0,
        random.below(8) === 0 ? random.below(80) : undefined,
      );
      for (let flips = random.below(4); flips > 0 && frame.length > 0; flips--)
        frame[random.below(frame.length)] = random.below(256);
    }
    try {
      fabric.receive(ports[random.below(3)], frame, n * 0.1);
    } catch (error) {
      throw new Error(`seed ${SEED}, frame ${n} of ${frame.length} bytes`, { cause: error });
    }
  }
  expect(heard).toBeGreaterThan(1000);
  expect(network.switch.drops.malformed).toBeGreaterThan(100);
  expect(network.switch.drops["too-long"]).toBeGreaterThan(10);
  expect(network.nat!.table.size).toBeLessThanOrEqual(network.nat!.table.capacity);
  expect(network.dhcp!.leases(0).length).toBeLessThanOrEqual(127);
}, 600_000);

it("damaged pcapng files are refused with an offset and nothing else", () => {
  const random = new Random(SEED);
  const whole = writePcapng({
    interfaces: ["vmnet8"],
    frames: seeds(1).map((bytes, i) => ({ interface: 0, time: i, bytes })),
    dropped: 3,
  });
  for (let n = 0; n < 3000; n++) {
    const damaged = whole.slice(0, random.below(2) === 0 ? random.below(whole.length) : undefined);
    for (let flips = random.below(6); flips > 0 && damaged.length > 0; flips--)
      damaged[random.below(damaged.length)] = random.below(256);
    try {
      readPcapng(damaged);
    } catch (error) {
      expect(error, `seed ${SEED}, file ${n}`).toBeInstanceOf(PcapError);
    }
  }
});
