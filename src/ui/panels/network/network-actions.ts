/** What can be done with a cable, a network or a machine of the drawing: one list for the drawing's menu and the table. */
import type { Messages } from "../../i18n/messages.ts";
import { laboratory } from "../../state/laboratory.ts";
import { openTab } from "../../state/machines.ts";
import type { CableId } from "../../state/networks.ts";
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
  | { type: "faults"; cable: CableId; name: string }
  | { type: "troublemakers"; network: string }
  | { type: "connect"; machine: string; nic: number };

export const networkDialog = signal<NetworkDialog | undefined>(undefined);

export function networkRoute(...rest: string[]) {
  return { type: "workspace", name: "network", rest } as const;
}

/** A cable as tables and captures call it: "web-1:ens33", "vmnet8/gateway". */
export function cableName({ nic, from, port }: TopologyLink): string {
  return nic ? `${from.name}:${nic.name}` : (port ?? "");
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
  change: { network?: string | null; connected?: boolean; vlan?: number },
): Promise<void> {
  const nics = laboratory.find(machine)?.definition?.nics;
  if (!nics) return;
  await laboratory.update(machine, {
    nics: nics.map((nic, i) => (i === index ? { ...nic, ...change } : nic)),
  });
  await look();
}

/** The VLAN of the switch port that a NIC is plugged into; `undefined` for none of its own. */
export function setVlan(machine: string, index: number, vlan: number | undefined): void {
  if (laboratory.find(machine)?.elsewhere) return;
  void changeNic(machine, index, { vlan });
}

/** Plugs a NIC into a network. */
export function plugInto(machine: string, index: number, network: string): void {
  if (laboratory.find(machine)?.elsewhere) return;
  void changeNic(machine, index, { network, connected: true });
}

export function linkActions(m: Messages, link: TopologyLink): MenuItem[] {
  const { networks: t } = m;
  const { nic, network } = link;
  if (!nic) return link.port === undefined || network === null ? [] : deviceActions(m, link, network);
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
    ...cableActions(m, link, network ?? "", { machine: nic.machine, nic: nic.index }, off),
  ];
}

function deviceActions(m: Messages, link: TopologyLink, network: string): MenuItem[] {
  const { networks: t } = m;
  const cable = { network, device: link.port!.slice(network.length + 1) };
  const up = link.state === "up";
  return [
    {
      label: up ? t.disconnect : t.connect,
      reason: "",
      run: () => void laboratory.networks.setLink(cable, !up).then(look),
    },
    ...cableActions(m, link, network, cable, ""),
  ];
}

function cableActions(
  { networks: t }: Messages,
  link: TopologyLink,
  network: string,
  cable: CableId,
  reason: string,
): MenuItem[] {
  const name = cableName(link);
  return [
    { label: t.captureCable, reason, run: () => go(networkRoute(network, "capture", name)) },
    { label: t.faultsAction, reason, run: () => networkDialog.set({ type: "faults", cable, name }) },
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
