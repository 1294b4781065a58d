/**
 * "Why did this ping fail?": sends one ping in the guest, asks every running guest for its tables through its agent, and
 * follows the packet through them hop by hop.
 */
import { explainPing, type GuestState, type PingStep } from "../../hypervisor-model/network/explain-ping.ts";
import { GUEST_FACTS_COMMAND, parseGuestFacts } from "../../hypervisor-model/network/guest-facts.ts";
import { resolveNetworks } from "../../hypervisor-model/network/network-config.ts";
import { laboratory } from "./laboratory.ts";
import type { MachineView } from "./machines.ts";
import { networkStatuses } from "./network-watch.ts";
import { hasFaults } from "./networks.ts";
import { nicName } from "./nic-name.ts";

export interface PingAnswer {
  from: string;
  target: string;
  /** The guest's ping got its answer. */
  answered: boolean;
  /** What ping wrote. */
  output: string;
  steps: PingStep[];
  /** Running machines whose agents did not tell. */
  silent: string[];
  /** Cables with faults on them. */
  faulty: string[];
}

const ASK_MS = 4000;
const PING_MS = 15_000;

/** A name or an address: nothing that a shell would take for more. */
export function isPingTarget(text: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text);
}

/** Throws when the source is not running, has no agent, or the target is none. */
export async function askPing(from: string, target: string): Promise<PingAnswer> {
  const source = laboratory.find(from);
  if (!source?.session || !isPingTarget(target))
    throw new RangeError(`no ping from "${from}" to "${target}"`);
  const { exit, stdout, stderr } = await source.session.machine.agent.run(`ping -c 1 -W 2 ${target}`, {
    timeoutMs: PING_MS,
    outputLimit: 8192,
  });
  const decoder = new TextDecoder();
  const running = laboratory.machines.get().filter(({ session }) => session !== undefined);
  const told = await Promise.all(running.map((view) => guestState(view).catch(() => undefined)));
  const laboratoryState = {
    guests: told.filter((state) => state !== undefined),
    networks: resolveNetworks(laboratory.networks.configs.get()),
    zone: laboratory.networks.zone.get(),
  };
  return {
    from: source.name,
    target,
    answered: exit === 0,
    output: `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim(),
    steps: told[running.indexOf(source)] ? explainPing(laboratoryState, source.name, target) : [],
    silent: running.filter((_, i) => told[i] === undefined).map(({ name }) => name),
    faulty: running.flatMap(({ id, name, definition }) =>
      (definition?.nics ?? []).flatMap((_, i) => {
        const faults = laboratory.networks.faultsOf(id, i);
        return faults && hasFaults(faults) ? [`${name}:${nicName(i)}`] : [];
      }),
    ),
  };
}

async function guestState({ name, definition, session }: MachineView): Promise<GuestState> {
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
      const cable = `${network}/${spec.name}:${nicName(index)}`;
      const port = networkStatuses
        .get()
        .get(network)
        ?.ports.find((entry) => entry.name === cable);
      return [
        {
          name: nic.name,
          network,
          cable: own.connected && own.network !== null && port?.up !== false,
          up: nic.up,
          addresses: nic.addresses,
        },
      ];
    }),
  };
}
