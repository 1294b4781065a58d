/** What can be done with a cable, a network or a machine of the drawing: one list for the drawing's menu and the table. */
import type { Messages } from "../../i18n/messages.ts";
import { laboratory } from "../../state/laboratory.ts";
import { openTab } from "../../state/machines.ts";
import { look } from "../../state/network-watch.ts";
import { go } from "../../state/route.ts";
import { signal } from "../../state/signals.ts";
import type { TopologyLink, TopologyNode } from "../../state/topology.ts";

export interface MenuItem {
  label: string;
  /** Why it cannot be done; empty when it can. */
  reason: string;
  run: () => void;
}

/** The dialog over the workspace. */
export type NetworkDialog =
  | { type: "faults"; machine: string; nic: number }
  | { type: "troublemakers"; network: string }
  | { type: "connect"; machine: string; nic: number };

export const networkDialog = signal<NetworkDialog | undefined>(undefined);

export function networkRoute(...rest: string[]) {
  return { type: "workspace", name: "network", rest } as const;
}

/** The address part of a cable of a machine, for captures: "web-1:ens33". */
export function cablePlace(link: TopologyLink): string {
  return `${link.from.name}:${link.nic?.name}`;
}

/** Why the cables of a machine cannot be changed now. */
function lockedReason(m: Messages, machine: string): string {
  const view = laboratory.find(machine);
  if (!view?.definition) return m.reason.notStartable;
  return view.elsewhere ? m.reason.elsewhere : "";
}

async function changeNic(
  machine: string,
  index: number,
  change: { network?: string | null; connected?: boolean },
): Promise<void> {
  const nics = laboratory.find(machine)?.definition?.nics;
  if (!nics) return;
  await laboratory.update(machine, {
    nics: nics.map((nic, i) => (i === index ? { ...nic, ...change } : nic)),
  });
  await look();
}

/** Plugs a NIC into a network. */
export function plugInto(machine: string, index: number, network: string): void {
  if (laboratory.find(machine)?.elsewhere) return;
  void changeNic(machine, index, { network, connected: true });
}

export function linkActions(m: Messages, link: TopologyLink): MenuItem[] {
  const { networks: t } = m;
  const { nic, network } = link;
  if (!nic) {
    return link.port === undefined || network === null ? [] : [captureAction(m, network)];
  }
  const locked = lockedReason(m, nic.machine);
  const off = link.state === "off" || link.state === "loose" ? t.reasonNotPlugged : "";
  const plugged = link.state !== "loose";
  return [
    plugged
      ? {
          label: t.disconnect,
          reason: locked,
          run: () => void changeNic(nic.machine, nic.index, { connected: false }),
        }
      : {
          label: t.connect,
          reason: locked || (network === null ? t.reasonNoNetwork : ""),
          run: () => void changeNic(nic.machine, nic.index, { connected: true }),
        },
    {
      label: t.changeNetwork,
      reason: locked,
      run: () => networkDialog.set({ type: "connect", machine: nic.machine, nic: nic.index }),
    },
    {
      label: t.captureCable,
      reason: off,
      run: () => go(networkRoute(network ?? "", "capture", cablePlace(link))),
    },
    {
      label: t.faultsAction,
      reason: off,
      run: () => networkDialog.set({ type: "faults", machine: nic.machine, nic: nic.index }),
    },
  ];
}

function captureAction(m: Messages, network: string): MenuItem {
  return {
    label: m.networks.captureNetwork(network),
    reason: "",
    run: () => go(networkRoute(network, "capture")),
  };
}

export function nodeActions(m: Messages, node: TopologyNode): MenuItem[] {
  const { networks: t } = m;
  switch (node.type) {
    case "machine": {
      const machine = node.machine!;
      const nics = laboratory.find(machine)?.definition?.nics ?? [];
      return [
        { label: t.openMachine(node.name), reason: "", run: () => openTab(machine) },
        ...nics.map((_, nic) => ({
          label: t.connectAdapter(nic + 1),
          reason: lockedReason(m, machine),
          run: () => networkDialog.set({ type: "connect", machine, nic }),
        })),
      ];
    }
    case "switch": {
      const network = node.network!;
      return [
        captureAction(m, network),
        { label: t.stepNetwork(network), reason: "", run: () => go(networkRoute(network, "step")) },
        { label: t.editNetwork(network), reason: "", run: () => go(networkRoute("editor", network)) },
        {
          label: t.troublemakers,
          reason: "",
          run: () => networkDialog.set({ type: "troublemakers", network }),
        },
      ];
    }
    case "internet":
      return [{ label: t.editInternet, reason: "", run: () => go(networkRoute("internet")) }];
    case "gateway":
    case "router":
    case "host":
    case "device": {
      const { network } = node;
      return network === undefined
        ? [{ label: t.openEditor, reason: "", run: () => go(networkRoute("editor")) }]
        : [
            captureAction(m, network),
            { label: t.editNetwork(network), reason: "", run: () => go(networkRoute("editor", network)) },
          ];
    }
    default:
      return node.type satisfies never;
  }
}
