/** A real guest on a held network: it stands still with the network, and nothing times out however slowly frames pass. */
import { randomUUID } from "node:crypto";
import { proxy, transfer } from "comlink";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import { startFabric, type FabricThread } from "../../src/hypervisor-model/network/fabric-thread-node.ts";
import { DEFAULT_NETWORKS } from "../../src/hypervisor-model/network/network-config.ts";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import { HeldMachines } from "../../src/hypervisor-model/virtual-machines/held-machines.ts";
import {
  startMachine,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { repositoryHost, sleep, text, tinySpec } from "../support/machines.ts";

let fabric: FabricThread;
let machine: RunningMachine;

const sh = async (command: string) => text((await machine.agent.run(command, { timeoutMs: 60_000 })).stdout);

beforeAll(async () => {
  fabric = startFabric({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: 1 });
  const held = new HeldMachines((id) => (id === "web" ? machine : undefined));
  await fabric.control.onMachineClocks(
    proxy((machines: string[], running: boolean) => held.set(machines, running)),
  );
  const { port1, port2 } = new MessageChannel();
  await fabric.control.attach("vmnet8", "web:ens33", transfer(port1, [port1]), "web");
  const nics = [{ model: "ne2000" as const, mac: "00:0c:29:2d:2e:6b", connected: true, port: port2 }];
  machine = startMachine(
    tinySpec({ id: randomUUID(), name: "web", nics }),
    repositoryHost(new MemoryStore()),
  );
  await machine.ready;
  // IPv6 asks for routers by itself when an interface goes up.
  await sh("sysctl -w net.ipv6.conf.ens33.disable_ipv6=1");
  await sh("ip addr add 192.168.10.130/24 dev ens33; ip link set ens33 up");
});
afterAll(async () => {
  await machine?.powerOff().catch(() => undefined);
  fabric?.terminate();
});

/** The guest pings in a moment; the network is held before. Steps, with a rest after each, until it has printed the end. */
async function steppedPing(count: number, restMs: number): Promise<string[]> {
  await sh(`rm -f /tmp/out; (sleep 1; ping -c ${count} -W 1 192.168.10.2 > /tmp/out; date +%s > /tmp/end) &`);
  await fabric.control.hold("vmnet8");
  const ways: string[] = [];
  for (let n = 0; n < 60; n++) {
    const step = await fabric.control.step("vmnet8");
    if (step?.hop !== undefined) ways.push(`${step.hop.from} > ${step.hop.to}`);
    if (ways.filter((way) => way === "vmnet8 > web:ens33").length === count + 1) break;
    await sleep(restMs);
  }
  return ways;
}

test("a ping whose frames are let through one by one, over seconds, neither times out nor seems slow", async () => {
  const began = Date.now();
  const ways = await steppedPing(2, 500);
  expect(Date.now() - began).toBeGreaterThan(4000);
  await fabric.control.release("vmnet8");
  const output = await sh("while [ ! -f /tmp/end ]; do sleep 0.1; done; cat /tmp/out");
  expect(output).toContain("2 packets received, 0% packet loss");
  for (const [, time] of output.matchAll(/time=([\d.]+) ms/g)) expect(Number(time)).toBeLessThan(200);
  // ARP and two echoes, each four hops; the ARP question also reaches the host's adapter.
  expect(ways.filter((way) => way === "web:ens33 > vmnet8")).toHaveLength(3);
});

test("the guest's clocks stand still while its network is held", async () => {
  const uptime = async () => Number((await sh("cut -d' ' -f1 /proc/uptime")).trim());
  const [before, wall] = [await uptime(), Number(await sh("date +%s"))];
  await fabric.control.hold("vmnet8");
  expect(machine.status.type).toBe("paused");
  await sleep(4000);
  await fabric.control.release("vmnet8");
  expect((await uptime()) - before).toBeLessThan(2);
  expect(Number(await sh("date +%s")) - wall).toBeLessThanOrEqual(2);
});
