import { afterEach, beforeEach, expect, it } from "vitest";
import { DEFAULT_ZONE } from "./default-zone.ts";
import { EthernetInterface } from "./ethernet-interface.ts";
import { FabricService } from "./fabric-service.ts";
import { IpHost } from "./ip-host.ts";
import { Random } from "../../common/random.ts";
import { DEFAULT_NETWORKS } from "./network-config.ts";
import type { NumberedStep } from "./step-mode.ts";
import { Scheduler } from "./scheduler.ts";
import { parseAddress, parseSubnet } from "./wire/ipv4-address.ts";

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A host at the far end of a MessagePort that, as a guest, answers only while it may run. */
class Machine {
  running = true;
  readonly orders: boolean[] = [];
  readonly #waiting: Uint8Array[] = [];
  readonly port: MessagePort;
  readonly #ethernet: EthernetInterface;
  readonly host: IpHost;

  constructor(service: FabricService, address: string, name = "web") {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    service.attach("vmnet8", `${name}:ens33`, port2, name);
    const scheduler = new Scheduler();
    this.#ethernet = new EthernetInterface({
      name,
      mac: 0x000c292d2e6b,
      address: parseAddress(address)!,
      subnet: parseSubnet("192.168.10.0/24")!,
      gateway: parseAddress("192.168.10.2"),
      scheduler,
      transmit: (frame) => this.port.postMessage(frame),
      receive: (packet) => this.host.receive(packet),
    });
    this.host = new IpHost({
      name,
      address: parseAddress(address)!,
      ttl: 64,
      scheduler,
      random: new Random(1),
      send: (packet, destination) => this.#ethernet.send(packet, destination),
    });
    this.port.onmessage = (event: MessageEvent<Uint8Array>) => {
      if (this.running) this.#ethernet.receive(event.data);
      else this.#waiting.push(event.data);
    };
  }

  order(running: boolean): void {
    this.orders.push(running);
    this.running = running;
    if (running) for (const frame of this.#waiting.splice(0)) this.#ethernet.receive(frame);
  }
}

let service: FabricService;
let machine: Machine;
beforeEach(() => {
  service = new FabricService({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: 1 });
  machine = new Machine(service, "192.168.10.130");
  service.onMachineClocks((_, running) => machine.order(running));
});
afterEach(() => {
  machine.port.close();
  service.close();
});

/** Steps until nothing moves for a second. */
async function steps(network = "vmnet8"): Promise<NumberedStep[]> {
  const made: NumberedStep[] = [];
  for (;;) {
    const step = await service.step(network);
    if (step === undefined) return made;
    made.push(step);
  }
}

const ways = (made: NumberedStep[]) => made.map(({ hop }) => `${hop?.from} > ${hop?.to}`);

it("a ping between host adapter and machine is stepped hop by hop, each with its decisions", async () => {
  await service.hold("vmnet8");
  const answer = service.probe("vmnet8", "adapter", { type: "ping", to: "192.168.10.130" });
  const made = await steps();
  // The broadcast question also reaches the gateway.
  expect(ways(made)).toEqual([
    "host > vmnet8",
    "vmnet8 > gateway",
    "vmnet8 > web:ens33",
    "web:ens33 > vmnet8",
    "vmnet8 > host",
    "host > vmnet8",
    "vmnet8 > web:ens33",
    "web:ens33 > vmnet8",
    "vmnet8 > host",
  ]);
  expect(made.every(({ decisions }) => decisions.length > 0)).toBe(true);
  expect(made[0].decisions.map(({ type }) => type)).toEqual([
    "arp-asked",
    "switch-learned",
    "switch-flooded",
  ]);
  expect(await answer).toMatchObject({ type: "answered", by: "192.168.10.130" });
});

it("machines stand still from hold to release but for the moments in which a frame is awaited", async () => {
  await service.hold("vmnet8");
  expect(machine.orders).toEqual([false]);
  void service.probe("vmnet8", "adapter", { type: "ping", to: "192.168.10.130" });
  for (let n = 0; n < 3; n++) await service.step("vmnet8");
  expect(machine.orders).toEqual([false]);
  // Nothing is due until the machine has answered.
  expect((await service.step("vmnet8"))?.hop?.from).toBe("web:ens33");
  expect(machine.orders).toEqual([false, true, false]);
  await service.release("vmnet8");
  expect(machine.orders).toEqual([false, true, false, true]);
});

it("timers of a held network stand still: a probe whose time would be over is still answered", async () => {
  await service.hold("vmnet8");
  const answer = service.probe("vmnet8", "adapter", { type: "ping", to: "192.168.10.2" }, 100);
  await sleep(250);
  await steps();
  expect(await answer).toMatchObject({ type: "answered", milliseconds: 0 });
});

it("a frame on a long way is waited for, and arrives at its time", async () => {
  await service.hold("vmnet8");
  void service.probe("vmnet8", "outside", { type: "ping", to: "110.242.68.4" });
  const made = await steps();
  expect(ways(made)).toEqual(["gateway > www.a.shifen.com", "www.a.shifen.com > gateway"]);
  expect(made[1].time - made[0].time).toBeGreaterThan(1);
});

it("playing makes the steps by itself at its speed, tells each, and can be stopped", async () => {
  const told: NumberedStep[] = [];
  service.watchSteps("vmnet8", (step) => told.push(step));
  await service.play("vmnet8", 50);
  expect(service.playing("vmnet8")).toBe(50);
  const began = performance.now();
  void service.probe("vmnet8", "adapter", { type: "ping", to: "192.168.10.2" });
  await expect.poll(() => told.length, { timeout: 5000 }).toBeGreaterThanOrEqual(6);
  expect(performance.now() - began).toBeGreaterThan(5 * 20 - 10);
  service.stop("vmnet8");
  expect(service.playing("vmnet8")).toBeUndefined();
  expect(service.status("vmnet8").held).toBe(true);
  expect(service.history("vmnet8")).toEqual(told);
});

it("the history can be read from any step on, and begins anew with the next hold", async () => {
  await service.hold("vmnet8");
  void service.probe("vmnet8", "adapter", { type: "ping", to: "192.168.10.2" });
  const made = await steps();
  expect(service.history("vmnet8", 3)).toEqual(made.slice(2));
  await service.release("vmnet8");
  await service.hold("vmnet8");
  expect(service.history("vmnet8")).toEqual([]);
});

it("a frame that a faulty cable loses is a step without a hop that says so", async () => {
  const { port1, port2 } = new MessageChannel();
  const lossy = service.attach("vmnet8", "lossy:ens33", port2);
  service.setFaults(lossy, "in", { lossPercent: 100 });
  await service.hold("vmnet8");
  port1.postMessage(new Uint8Array(60));
  const step = await service.step("vmnet8");
  expect(step?.hop).toBeUndefined();
  expect(step?.decisions).toEqual([
    { device: "vmnet8/lossy:ens33", type: "link-dropped", reason: "lost", direction: "in" },
  ]);
  port1.close();
});

it("a machine on two held networks goes on when either of them awaits a frame", async () => {
  const { port1, port2 } = new MessageChannel();
  service.attach("vmnet1", "web:ens34", port2, "web");
  await service.hold("vmnet8");
  await service.hold("vmnet1");
  machine.orders.length = 0;
  await service.step("vmnet1");
  expect(machine.orders).toEqual([true, false]);
  await service.release("vmnet1");
  expect(machine.running).toBe(false);
  await service.release("vmnet8");
  expect(machine.running).toBe(true);
  port1.close();
});

it("frames that flood a held network are dropped beyond a bound", async () => {
  const { port1, port2 } = new MessageChannel();
  service.attach("vmnet8", "talker:ens33", port2);
  await service.hold("vmnet8");
  for (let n = 0; n < 25_000; n++) port1.postMessage(new Uint8Array(60));
  await expect.poll(() => service.status("vmnet8").framesInFlight, { timeout: 20_000 }).toBe(20_000);
  port1.close();
});
