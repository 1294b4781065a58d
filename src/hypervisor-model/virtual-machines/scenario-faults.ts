/** What is wrong on purpose on running networks, as the `fault` steps of a scenario that make it so again. */
import type { LinkFaults } from "../network/link.ts";
import type { NetworkStatus } from "../network/network.ts";
import type { NetworkFault } from "../network/network-fault.ts";
import { devicesOf, type ScenarioNetwork } from "./scenario-networks.ts";

/** Of several troublemakers of a kind on a network the first: a scenario has one of each. */
export function faultSteps(
  networks: readonly ScenarioNetwork[],
  statuses: readonly NetworkStatus[],
  troublemakers: ReadonlyMap<string, readonly NetworkFault[]>,
  machines: readonly string[],
): object[] {
  const steps: object[] = [];
  for (const network of networks) {
    const { name } = network;
    for (const port of statuses.find((status) => status.name === name)?.ports ?? []) {
      const end = endOf(port.name.slice(name.length + 1), network, machines);
      if (end !== undefined) steps.push(...cableSteps(name, end, port));
    }
    const made = troublemakers.get(name) ?? [];
    const double = made.find((fault) => fault.type === "duplicate-address");
    const rogue = made.find((fault) => fault.type === "rogue-dhcp");
    if (double !== undefined) steps.push({ fault: { network: name, duplicateAddress: double.address } });
    if (rogue !== undefined) {
      const { type: _, ...rogueDhcp } = rogue;
      steps.push({ fault: { network: name, rogueDhcp } });
    }
  }
  return steps;
}

/** "web-1:ens33" is the machine's, "gateway" a device's. */
function endOf(
  cable: string,
  network: ScenarioNetwork,
  machines: readonly string[],
): { machine: string } | { device: string } | undefined {
  const machine = cable.replace(/:ens\d+$/, "");
  if (machine !== cable) return machines.includes(machine) ? { machine } : undefined;
  return devicesOf(network).includes(cable) ? { device: cable } : undefined;
}

function cableSteps(
  network: string,
  end: { machine: string } | { device: string },
  { up, faults }: NetworkStatus["ports"][number],
): object[] {
  const steps: object[] = [];
  const add = (change: object) => steps.push({ fault: { network, ...end, ...change } });
  if (faults !== undefined) {
    const [sent, received] = [present(faults.lanes.in), present(faults.lanes.out)];
    if (JSON.stringify(sent) === JSON.stringify(received)) {
      if (Object.keys(sent).length > 0) add(sent);
    } else {
      if (Object.keys(sent).length > 0) add({ direction: "in", ...sent });
      if (Object.keys(received).length > 0) add({ direction: "out", ...received });
    }
    if (faults.flap !== undefined) add({ flap: faults.flap });
  }
  // A machine's own settings say whether its cable is in.
  if (!up && faults?.flap === undefined && "device" in end) add({ linkUp: false });
  return steps;
}

function present(faults: LinkFaults): Partial<LinkFaults> {
  return Object.fromEntries(Object.entries(faults).filter(([, value]) => value !== 0));
}
