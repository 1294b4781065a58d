/**
 * What the networks cost. The switch and the NAT alone on one core: frames a second, and how cost grows with ports and
 * connections. Two real guests: TCP throughput and ping through the switch, against a cable between their NICs.
 */
import { median } from "./benchmark-row.ts";
import { randomUUID } from "node:crypto";
import { transfer } from "comlink";
import { CaptureRing } from "../../src/hypervisor-model/network/capture-ring.ts";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import { EthernetSwitch } from "../../src/hypervisor-model/network/ethernet-switch.ts";
import { startFabric, type FabricThread } from "../../src/hypervisor-model/network/fabric-thread-node.ts";
import { Nat } from "../../src/hypervisor-model/network/nat.ts";
import { ipv4Packet, serialiseIpv4 } from "../../src/hypervisor-model/network/wire/ipv4.ts";
import { writeMac } from "../../src/hypervisor-model/network/wire/mac-address.ts";
import { serialiseUdp } from "../../src/hypervisor-model/network/wire/udp.ts";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import { ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import {
  compileEngine,
  createMachineWorker,
} from "../../src/hypervisor-model/virtual-machines/machine-worker-node.ts";
import {
  startMachine,
  type MachineHost,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import type { Row } from "./bench.ts";

/** A round of one kind of work; gives the seconds of processor time that a piece took. */
type Work = (count: number) => void;

const ROUNDS = 15;

/** This process's own time: what other processes do meanwhile does not count. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * Seconds a piece, the median of the rounds. The works take turns in each round, so that a slow minute of the computer meets
 * all of them; two rounds before are not counted, while the code is still being compiled.
 */
function costs(works: Work[], count: number): number[] {
  const seconds: number[][] = works.map(() => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (let turn = 0; turn < works.length; turn++) {
      const at = (turn + round + 2) % works.length;
      const start = cpuSeconds();
      works[at](count);
      const spent = (cpuSeconds() - start) / count;
      if (round >= 0) seconds[at].push(spent);
    }
  }
  return seconds.map(median);
}

/** 64-byte frames round a switch, each port sending to the next. */
function switching(ports: number): Work {
  let sent = 0;
  const device = new EthernetSwitch({ name: "bench", transmit: () => sent++ });
  const frames: Uint8Array[] = [];
  for (let port = 0; port < ports; port++) {
    device.addPort();
    const frame = new Uint8Array(64);
    writeMac(frame, 0, 0x020000000000 + ((port + 1) % ports));
    writeMac(frame, 6, 0x020000000000 + port);
    frame[12] = 8;
    frames.push(frame);
  }
  for (let port = 0; port < ports; port++) device.receive(port, frames[port], 0);
  let time = 0;
  return (count) => {
    const before = sent;
    for (let n = 0, port = 0; n < count; n++) {
      device.receive(port, frames[port], (time += 0.001));
      if (++port === ports) port = 0;
    }
    if (sent - before !== count) throw new Error(`the switch passed on ${sent - before} frames of ${count}`);
  };
}

interface NatWork {
  work: Work;
  bytes: number;
}

/** Packets of 50 connections through a NAT that tracks `connections` of them. */
function translating(connections: number): NatWork {
  const nat = new Nat({ name: "bench", outsideAddress: 0x0a141e0a, forwards: [] });
  const packets = Array.from({ length: connections }, (_, i) => {
    const source = 0xc0a80a80 + (i % 100);
    const payload = serialiseUdp(
      { sourcePort: 1024 + Math.floor(i / 100), destinationPort: 53, payload: new Uint8Array(20) },
      source,
      0x771d1d1d,
    );
    return serialiseIpv4(ipv4Packet({ source, destination: 0x771d1d1d, protocol: 17, payload }));
  });
  for (const packet of packets) nat.outbound(packet, 0);
  if (nat.table.size !== connections)
    throw new Error(`${nat.table.size} connections tracked, expected ${connections}`);
  // The same number of packets each time, spread over the table: the packets' own cache misses are not the table's cost.
  const probe = packets.filter((_, i) => i % (connections / 50) === 0);
  return {
    work: (count) => {
      for (let n = 0; n < count; n++) nat.outbound(probe[n % 50], 1);
    },
    bytes: nat.table.byteLength / connections,
  };
}

/** Bytes that a capture takes for 100,000 frames of the usual mix of the Internet: 7 of 64 bytes, 4 of 570, 1 of 1514. */
function captureBytes(): number {
  const frames = [64, 570, 1514].map((length) => new Uint8Array(length));
  const mix = [0, 1, 0, 0, 1, 0, 2, 0, 1, 0, 1, 0];
  const before = process.memoryUsage().arrayBuffers;
  const ring = new CaptureRing();
  for (let n = 0; n < 100_000; n++) ring.add(0, n, frames[mix[n % mix.length]]);
  const held = process.memoryUsage().arrayBuffers - before;
  if (ring.size !== 100_000 || ring.at(99_999)?.bytes.length !== frames[mix[99_999 % 12]].length)
    throw new Error(`${ring.size} frames held, expected 100,000`);
  return Math.max(held, ring.byteLength);
}

const GUEST_ROUNDS = 3;
const TRANSFER_MIB = 8;
const WARM_UP_MIB = 2;
const PINGS = 40;
const RECEIVER = "192.168.56.11";

interface Wiring {
  name: "direct" | "switch" | "captured";
  /** Bytes a second of each round. */
  throughput: number[];
  /** Milliseconds of each round's mean ping. */
  ping: number[];
}

async function sh(machine: RunningMachine, command: string): Promise<string> {
  const { exit, stdout, stderr } = await machine.agent.run(command, { timeoutMs: 300_000 });
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (exit !== 0) throw new Error(`${machine.spec.name}: ${command} ended with ${exit}: ${output}`);
  return output;
}

function startGuest(host: MachineHost, i: number): RunningMachine {
  return startMachine(
    {
      id: randomUUID(),
      name: `bench-${i}`,
      engine: "v86",
      memoryMiB: 64,
      nics: [{ model: "virtio", mac: `00:0c:29:00:00:1${i}`, connected: true }],
      disks: [],
      software: { type: "image", image: "tiny" },
    },
    host,
  );
}

/** Bytes a second, from the sender's start until the receiver has them all. */
async function throughput(
  sender: RunningMachine,
  receiver: RunningMachine,
  port: number,
  mebibytes: number,
): Promise<number> {
  const file = `/tmp/received-${port}`;
  await sh(
    receiver,
    `(nc -l -p ${port} < /dev/null | wc -c > ${file}.part; mv ${file}.part ${file}) > /dev/null 2>&1 &`,
  );
  await sh(receiver, `until netstat -ltn | grep -q ":${port} "; do usleep 50000; done`);
  const start = performance.now();
  await sh(
    sender,
    `dd if=/dev/zero bs=65536 count=${mebibytes * 16} 2>/dev/null | nc -w 20 ${RECEIVER} ${port}`,
  );
  const received = await sh(receiver, `until [ -f ${file} ]; do usleep 5000; done; cat ${file}`);
  const seconds = (performance.now() - start) / 1000;
  if (Number(received) !== mebibytes * 2 ** 20) throw new Error(`${received.trim()} bytes arrived`);
  return Number(received) / seconds;
}

async function meanPing(sender: RunningMachine): Promise<number> {
  const output = await sh(sender, `ping -c ${PINGS} -i 0.02 ${RECEIVER}`);
  const mean = /= [\d.]+\/([\d.]+)\//.exec(output);
  if (mean === null) throw new Error(`no mean in ${output}`);
  return Number(mean[1]);
}

/** Puts the same two cards on a cable of their own, on a switch, and on a switch with a capture. */
async function connect(
  fabric: FabricThread,
  guests: RunningMachine[],
  name: Wiring["name"],
): Promise<() => Promise<void>> {
  if (name === "direct") {
    const { port1, port2 } = new MessageChannel();
    guests[0].connectNic(0, port1);
    guests[1].connectNic(0, port2);
    return () => Promise.resolve();
  }
  const ports: number[] = [];
  for (const [i, guest] of guests.entries()) {
    const { port1, port2 } = new MessageChannel();
    ports.push(await fabric.control.attach("vmnet1", `bench-${i}:ens33`, transfer(port1, [port1])));
    guest.connectNic(0, port2);
  }
  if (name === "captured") await fabric.control.startCapture("vmnet1");
  return async () => {
    if (name === "captured") await fabric.control.discardCapture("vmnet1");
    for (const port of ports) await fabric.control.detach(port);
  };
}

/**
 * Rounds of the three wirings take turns, each round beginning with another one, so that a slow minute of the computer
 * meets all of them. The first round is not counted: the engine is still compiling the guests' code.
 */
async function guestWirings(imagesFolder: string, log: (line: string) => void): Promise<Wiring[]> {
  const host: MachineHost = {
    createWorker: createMachineWorker,
    compileEngine,
    images: new ImageLoader({ type: "folder", path: imagesFolder }),
    store: new MemoryStore(),
  };
  const fabric = startFabric({
    networks: [{ name: "vmnet1", kind: "host-only" }],
    zone: DEFAULT_ZONE,
    seed: 1,
  });
  const guests = [startGuest(host, 0), startGuest(host, 1)];
  const wirings: Wiring[] = (["direct", "switch", "captured"] as const).map((name) => ({
    name,
    throughput: [],
    ping: [],
  }));
  try {
    for (const [i, guest] of guests.entries()) {
      await guest.ready;
      await sh(guest, `ip link set ens33 up && ip addr add 192.168.56.1${i}/24 dev ens33`);
    }
    let port = 5000;
    for (let round = 0; round <= GUEST_ROUNDS; round++) {
      for (let turn = 0; turn < wirings.length; turn++) {
        const wiring = wirings[(round + turn) % wirings.length];
        const disconnect = await connect(fabric, guests, wiring.name);
        await sh(guests[0], `ip neigh flush dev ens33; ping -c 3 -i 0.1 ${RECEIVER}`);
        const speed = await throughput(
          guests[0],
          guests[1],
          port++,
          round === 0 ? WARM_UP_MIB : TRANSFER_MIB,
        );
        const ping = await meanPing(guests[0]);
        await disconnect();
        log(`round ${round}, ${wiring.name}: ${(speed / 2 ** 20).toFixed(2)} MiB/s, ping ${ping} ms`);
        if (round === 0) continue;
        wiring.throughput.push(speed);
        wiring.ping.push(ping);
      }
    }
    return wirings;
  } finally {
    for (const guest of guests) await guest.powerOff().catch(() => undefined);
    fabric.terminate();
  }
}

/** Two real guests: through the switch against a cable. */
export async function benchmarkGuests(imagesFolder: string, log: (line: string) => void): Promise<Row[]> {
  const [direct, switched, captured] = await guestWirings(imagesFolder, log);
  /** Seconds a MiB: less is better, as in the other rows. */
  const cost = ({ throughput: rounds }: Wiring) => 2 ** 20 / median(rounds);
  return [
    row(
      "two guests: seconds a MiB by TCP through the switch, against a cable",
      cost(switched),
      cost(direct),
      1.11,
    ),
    row("two guests: the same with a capture", cost(captured), cost(direct), 1.33),
    row(
      "two guests: ping through the switch in ms, against a cable",
      median(switched.ping),
      median(direct.ping),
      1.5,
    ),
  ];
}

/** Times in nanoseconds, where nothing else is said. */
export async function benchmarkNetwork(imagesFolder: string, log: (line: string) => void): Promise<Row[]> {
  const [four, sixteen, many] = costs([4, 16, 256].map(switching), 200_000).map((cost) => cost * 1e9);
  const [few, full] = [50, 50_000].map(translating);
  const [fewCost, fullCost] = costs([few.work, full.work], 100_000).map((cost) => cost * 1e9);
  const alone = [
    row("switch: a 64-byte frame through 16 ports, against 500,000 frames a second", sixteen, 2000, 1),
    row("switch: a frame at 256 ports, against 4 ports", many, four, 1.5),
    row("NAT: a packet with 50,000 connections, against 50", fullCost, fewCost, 1.5),
    row("NAT: bytes a connection at 50,000, against 300", full.bytes, 300, 1),
    row("capture: bytes for 100,000 frames, against 64 MB", captureBytes(), 64e6, 1),
  ];
  for (const { work, ratio } of alone) log(`${work}: ${ratio.toFixed(2)}`);
  return [...alone, ...(await benchmarkGuests(imagesFolder, log))];
}

function row(work: string, ours: number, peer: number, limit: number): Row {
  return { work, ours, peer, ratio: ours / peer, limit };
}
