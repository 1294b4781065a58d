/** Cables by name: those of gateway, host and neighbours take faults and captures as a NIC's does; chances follow the seed. */
import { expect, test } from "vitest";
import { DEFAULT_ZONE } from "./default-zone.ts";
import { Fabric } from "./fabric.ts";
import { FabricService } from "./fabric-service.ts";
import { DEFAULT_NETWORKS } from "./network-config.ts";
import { readPcapng } from "./pcapng.ts";
import { NO_FAULTS } from "./link.ts";
import { sendProbe, type ProbeAnswer, type ProbeFrom } from "./probe.ts";

const SEED = 7;
const make = () =>
  new Fabric({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: SEED, now: 0, startTime: 0 });
const lossy = (lossPercent: number) => ({
  lanes: { in: { ...NO_FAULTS, lossPercent }, out: { ...NO_FAULTS } },
});

function ping(
  fabric: Fabric,
  network: string,
  from: ProbeFrom,
  to: string,
  now: number,
): ProbeAnswer["type"] {
  const answers: ProbeAnswer[] = [];
  fabric.tick(now);
  sendProbe(fabric.network(network), from, { type: "ping", to }, 500, (answer) => answers.push(answer));
  for (let time = now; answers.length === 0; time += 10) fabric.tick(time);
  return answers[0].type;
}

test("The gateway's cable loses what its fault says, and a fault that is taken away loses nothing more", () => {
  const fabric = make();
  const port = fabric.portNamed("vmnet8", "gateway");
  expect(fabric.portNamed("vmnet8", "gateway")).toBe(port);
  fabric.setCableFaults(port, lossy(100));
  expect(ping(fabric, "vmnet8", "adapter", "192.168.10.2", 0)).toBe("silent");
  expect(fabric.status("vmnet8").ports.find(({ name }) => name === "vmnet8/gateway")?.faults).toEqual(
    lossy(100),
  );
  fabric.setCableFaults(port, undefined);
  expect(ping(fabric, "vmnet8", "adapter", "192.168.10.2", 20_000)).toBe("answered");
});

test("A neighbour whose cable is pulled out answers nobody", () => {
  const fabric = make();
  const teacher = { device: "teacher" };
  expect(ping(fabric, "vmnet0", teacher, "10.20.30.12", 0)).toBe("answered");
  fabric.setLink(fabric.portNamed("vmnet0", "printer"), false);
  expect(ping(fabric, "vmnet0", teacher, "10.20.30.12", 1000)).toBe("silent");
});

test("Faults and captures of a gateway's cable stay when its network is changed", () => {
  const fabric = make();
  const port = fabric.portNamed("vmnet8", "gateway");
  fabric.setCableFaults(port, lossy(100));
  let seen = 0;
  fabric.setTap(port, () => seen++);
  const other = DEFAULT_NETWORKS.map((network) =>
    network.name === "vmnet8" ? { ...network, dhcp: false as const } : network,
  );
  fabric.configure(other, 0);
  expect(fabric.portNamed("vmnet8", "gateway")).toBe(port);
  expect(ping(fabric, "vmnet8", "adapter", "192.168.10.2", 0)).toBe("silent");
  expect(seen).toBeGreaterThan(0);
});

test("A host adapter that is taken away takes its cable's name with it", () => {
  const fabric = make();
  fabric.portNamed("vmnet1", "host");
  fabric.configure(
    DEFAULT_NETWORKS.map((network) => ({ ...network, hostAdapter: network.name !== "vmnet1" })),
    0,
  );
  expect(() => fabric.portNamed("vmnet1", "host")).toThrow('no cable "host" on "vmnet1"');
});

test("Two troublemakers of a kind have cables of their own, and the one that goes takes its cable along", () => {
  const fabric = make();
  const add = (address: string) =>
    fabric.addTroublemaker("vmnet1", { type: "duplicate-address", address }, 0);
  add("192.168.56.20");
  const second = add("192.168.56.21");
  const port = fabric.portNamed("vmnet1", "double-2");
  expect(port).not.toBe(fabric.portNamed("vmnet1", "double"));
  fabric.removeTroublemaker(second);
  expect(fabric.hasPort(port)).toBe(false);
});

test("The same seed given again loses the same frames", () => {
  const run = (reseed: boolean) => {
    const fabric = make();
    fabric.setCableFaults(fabric.portNamed("vmnet8", "gateway"), lossy(50));
    const pings = (from: number) =>
      Array.from({ length: 12 }, (_, i) =>
        ping(fabric, "vmnet8", "adapter", "192.168.10.2", from + i * 1000),
      );
    if (reseed) pings(0);
    fabric.reseed(99);
    return pings(50_000);
  };
  const found = run(true);
  expect(found).toEqual(run(true));
  expect(new Set(found).size).toBe(2);
});

test("A host of the Internet reaches another, and nobody behind the NAT", () => {
  const fabric = make();
  const from = { internet: "110.242.68.4" };
  expect(ping(fabric, "vmnet8", from, "119.29.29.29", 0)).toBe("answered");
  expect(ping(fabric, "vmnet8", from, "192.168.10.130", 1000)).toBe("silent");
  expect(() => ping(fabric, "vmnet1", from, "119.29.29.29", 2000)).toThrow("no Internet");
});

test("A capture of the gateway's cable is exported with its name and both directions", async () => {
  const service = new FabricService({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: SEED });
  const port = service.portNamed("vmnet8", "gateway");
  service.startCapture(port);
  await service.probe("vmnet8", "adapter", { type: "ping", to: "192.168.10.2" });
  const { interfaces, frames } = readPcapng(service.exportCapture(port));
  service.close();
  expect(interfaces).toEqual(["vmnet8/gateway sent", "vmnet8/gateway received"]);
  expect(new Set(frames.map((frame) => frame.interface))).toEqual(new Set([0, 1]));
});
