/**
 * "Why did this ping fail?": one ping is sent, by the guest itself or by a simulated device, every running guest is asked
 * for its tables through its agent, and the packet is followed through them hop by hop.
 */
import { explainPing } from "../../hypervisor-model/network/explain-ping.ts";
import {
  simulatedState,
  type GuestState,
  type LaboratoryState,
} from "../../hypervisor-model/network/laboratory-state.ts";
import type { PingSource, PingStep } from "../../hypervisor-model/network/ping-step.ts";
import { GUEST_FACTS_COMMAND, parseGuestFacts } from "../../hypervisor-model/network/guest-facts.ts";
import type { NetworkStatus } from "../../hypervisor-model/network/network.ts";
import { resolveNetworks } from "../../hypervisor-model/network/network-config.ts";
import type { ProbeAnswer, ProbeFrom } from "../../hypervisor-model/network/probe.ts";
import { parseAddress } from "../../hypervisor-model/network/wire/ipv4-address.ts";
import { laboratory } from "./laboratory.ts";
import type { MachineView } from "./machines.ts";
import { nicName } from "./nic-name.ts";

export interface PingAnswer {
  source: PingSource;
  target: string;
  answered: boolean;
  /** What the guest's ping wrote. */
  output?: string;
  /** What a simulated device got. */
  probe?: ProbeAnswer;
  steps: PingStep[];
  /** Running machines whose agents did not tell. */
  silent: string[];
}

const ASK_MS = 4000;
const PING_MS = 15_000;

/** A name or an address: nothing that a shell would take for more. */
export function isPingTarget(text: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text);
}

/** Throws when a guest is not running or has no agent, or the target is none. */
export async function askPing(source: PingSource, target: string): Promise<PingAnswer> {
  if (!isPingTarget(target)) throw new RangeError(`"${target}" is no address or name`);
  if (source.type !== "guest") {
    const { state, silent } = await laboratoryState();
    const steps = explainPing(state, source, target);
    const resolved = steps.find(({ type }) => type === "name-resolved") as { address: string } | undefined;
    const to = parseAddress(target) === undefined ? resolved?.address : target;
    const probe = to === undefined ? undefined : await sendProbe(source, to);
    return { source, target, answered: probe?.type === "answered", probe, steps, silent };
  }
  const machine = laboratory.machines.get().find(({ name }) => name === source.name)?.session?.machine;
  if (machine === undefined) throw new RangeError(`no guest "${source.name}" runs`);
  const { exit, stdout, stderr } = await machine.agent.run(`ping -c 1 -W 2 ${target}`, {
    timeoutMs: PING_MS,
    outputLimit: 8192,
  });
  const decoder = new TextDecoder();
  const output = `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim();
  // Afterwards: the ARP table then says whom the ping believed.
  const { state, silent } = await laboratoryState();
  const steps = silent.includes(source.name) ? [] : explainPing(state, source, target);
  return { source, target, answered: exit === 0, output, steps, silent };
}

function sendProbe(source: Exclude<PingSource, { type: "guest" }>, to: string): Promise<ProbeAnswer> {
  const { fabric, configs } = laboratory.networks;
  const [network, from]: [string | undefined, ProbeFrom] =
    source.type === "device"
      ? [source.network, { device: source.name }]
      : [configs.get().find(({ kind }) => kind !== "host-only")?.name, { internet: source.address }];
  return network === undefined
    ? Promise.resolve({ type: "silent" })
    : fabric.probe(network, from, { type: "ping", to });
}

async function laboratoryState(): Promise<{ state: LaboratoryState; silent: string[] }> {
  const { fabric, configs, zone } = laboratory.networks;
  const running = laboratory.machines.get().filter(({ session }) => session !== undefined);
  const names = await fabric.networkNames();
  const statuses = await Promise.all(names.map((name) => fabric.status(name)));
  const told = await Promise.all(running.map((view) => guestState(view, statuses).catch(() => undefined)));
  return {
    state: {
      guests: told.filter((state) => state !== undefined),
      networks: resolveNetworks(configs.get()),
      zone: zone.get(),
      ...simulatedState(statuses),
    },
    silent: running.filter((_, i) => told[i] === undefined).map(({ name }) => name),
  };
}

async function guestState(
  { name, definition, session }: MachineView,
  statuses: readonly NetworkStatus[],
): Promise<GuestState> {
  const { agent, spec } = session!.machine;
  const { nics } = await agent.hello({ timeoutMs: ASK_MS });
  const { stdout } = await agent.run(GUEST_FACTS_COMMAND, { timeoutMs: ASK_MS, outputLimit: 65_536 });
  return {
    name,
    ...parseGuestFacts(new TextDecoder().decode(stdout)),
    interfaces: nics.flatMap((nic) => {
      const index = spec.nics.findIndex(({ mac }) => mac.toLowerCase() === nic.mac.toLowerCase());
      const own = definition?.nics[index];
      if (!own) return [];
      const network = own.network ?? "";
      const port = `${network}/${spec.name}:${nicName(index)}`;
      const cable = statuses
        .find((status) => status.name === network)
        ?.ports.find((one) => one.name === port);
      return [
        {
          name: nic.name,
          network,
          port,
          mac: nic.mac,
          cable: own.connected && own.network !== null && cable?.up !== false,
          up: nic.up,
          addresses: nic.addresses,
        },
      ];
    }),
  };
}
