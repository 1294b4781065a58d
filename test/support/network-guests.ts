/** Tiny guests on the networks of a fabric thread, and what they are told to do there. */
import { randomUUID } from "node:crypto";
import { transfer } from "comlink";
import type { NicModel } from "../../src/emulator/machine.ts";
import type { FabricThread } from "../../src/hypervisor-model/network/fabric-thread-node.ts";
import {
  startMachine,
  type MachineHost,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { text, tinySpec } from "./machines.ts";

export interface Guest {
  machine: RunningMachine;
  /** Fabric ports of ens33 and ens34. */
  ports: number[];
}

export async function startGuest(
  fabric: FabricThread,
  host: MachineHost,
  name: string,
  nics: [network: string, model: NicModel, mac: string][],
): Promise<Guest> {
  const ports: number[] = [];
  const specs = [];
  for (const [i, [network, model, mac]] of nics.entries()) {
    const { port1, port2 } = new MessageChannel();
    ports.push(await fabric.control.attach(network, `${name}:ens${33 + i}`, transfer(port1, [port1])));
    specs.push({ model, mac, connected: true, port: port2 });
  }
  const machine = startMachine(tinySpec({ id: randomUUID(), name, nics: specs }), host);
  await machine.ready;
  return { machine, ports };
}

/** What the command printed, on both streams, and its status. */
export async function tell({ machine }: Guest, command: string): Promise<{ exit: number; output: string }> {
  const { exit, stdout, stderr } = await machine.agent.run(command, { timeoutMs: 40_000 });
  return { exit, output: (text(stdout) + text(stderr)).trim() };
}

/** What it printed; throws when its status is not 0. */
export async function sh(guest: Guest, command: string): Promise<string> {
  const { exit, output } = await tell(guest, command);
  if (exit !== 0) throw new Error(`${command} ended with ${exit}: ${output}`);
  return output;
}

/** Puts an interface into the state of power-on, then gives it an address. */
export async function address(guest: Guest, device: string, cidr: string, gateway?: string): Promise<void> {
  const route = gateway === undefined ? "" : `; ip route replace default via ${gateway} dev ${device}`;
  await sh(
    guest,
    `ip addr flush dev ${device}; ip link set ${device} up; ip addr add ${cidr} dev ${device}${route}`,
  );
}

export const reaches = async (guest: Guest, target: string) =>
  (await tell(guest, `ping -c 1 -W 1 ${target}`)).exit === 0;
