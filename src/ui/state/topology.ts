/**
 * The laboratory's networks as a drawing: who is on which switch, and where each stands. Pure: definitions and what the
 * switches tell go in, nodes and links with coordinates come out. The same links are the rows of the table.
 */
import type { ResolvedNetwork } from "../../hypervisor-model/network/network-config.ts";
import type { NetworkStatus } from "../../hypervisor-model/network/network.ts";
import { formatAddress, formatSubnet } from "../../hypervisor-model/network/wire/ipv4-address.ts";
import { nicName } from "./nic-name.ts";

export type NodeType = "internet" | "host" | "gateway" | "router" | "switch" | "machine" | "device";

export interface TopologyNode {
  id: string;
  type: NodeType;
  /** A machine's, network's or device's own name; empty where the type says it all. */
  name: string;
  detail: string;
  x: number;
  y: number;
  network?: string;
  machine?: string;
  running?: boolean;
}

/** `off`: the machine is off. `loose`: the cable is not plugged in. `wan`: beyond the gateway, no cable of a switch. */
export type LinkState = "up" | "down" | "off" | "loose" | "wan";

export interface TopologyLink {
  id: string;
  from: TopologyNode;
  to: TopologyNode;
  state: LinkState;
  network: string | null;
  /** The NIC at its end. */
  nic?: { machine: string; index: number; name: string };
  /** As the switch names the cable: "vmnet8/gateway". */
  port?: string;
  /** Something is wrong with it on purpose. */
  faulty?: boolean;
  /** Of its switch port, where it has one of its own. */
  vlan?: number;
  /** Bytes and frames since it was plugged in. */
  framesIn: number;
  framesOut: number;
}

export interface Topology {
  nodes: TopologyNode[];
  links: TopologyLink[];
  width: number;
  height: number;
}

/** What the drawing needs to know of a machine. */
export interface TopologyMachine {
  id: string;
  name: string;
  running: boolean;
  nics: readonly { network: string | null; connected: boolean; vlan?: number }[];
}

const COLUMN = 300;
const MACHINE = 150;
const ROWS = { top: 34, gateway: 108, switch: 190, machine: 288 };
/** Devices that a network has of its own, beside gateway and host. */
const KNOWN = new Set(["host", "gateway", "router"]);

export function topologyOf(
  networks: readonly ResolvedNetwork[],
  statuses: ReadonlyMap<string, NetworkStatus>,
  machines: readonly TopologyMachine[],
): Topology {
  const width = Math.max(networks.length * COLUMN, machines.length * MACHINE, 500);
  const nodes: TopologyNode[] = [];
  const links: TopologyLink[] = [];
  const add = (node: TopologyNode) => {
    nodes.push(node);
    return node;
  };
  const step = width / Math.max(1, networks.length);
  const host = add({ id: "host", type: "host", name: "", detail: "", x: width * 0.3, y: ROWS.top });
  const internet = add({
    id: "internet",
    type: "internet",
    name: "",
    detail: "",
    x: width * 0.7,
    y: ROWS.top,
  });
  const cables = new Set(
    machines.flatMap((machine) =>
      machine.nics.map(({ network }, i) => `${network}/${machine.name}:${nicName(i)}`),
    ),
  );
  const switches = new Map<string, TopologyNode>();
  for (const [i, network] of networks.entries()) {
    const { name, kind, subnet, gateway, hostAddress } = network;
    const x = step * (i + 0.5);
    const ports = new Map(statuses.get(name)?.ports.map((port) => [port.name, port]));
    const own = add({
      id: `switch:${name}`,
      type: "switch",
      name,
      detail: formatSubnet(subnet),
      x,
      y: ROWS.switch,
      network: name,
    });
    switches.set(name, own);
    const device = (from: TopologyNode, cable: string) => {
      const port = ports.get(cable);
      const state = port?.up === false ? "down" : "up";
      const { framesIn = 0, framesOut = 0 } = port ?? {};
      const faulty = port?.faults !== undefined;
      links.push({
        id: cable,
        from,
        to: own,
        state,
        network: name,
        port: cable,
        faulty,
        framesIn,
        framesOut,
      });
    };
    if (hostAddress !== undefined) device(host, `${name}/host`);
    if (gateway !== undefined) {
      const type = kind === "nat" ? "gateway" : "router";
      const at = add({
        id: `${type}:${name}`,
        type,
        name: "",
        detail: formatAddress(gateway),
        x: x + 62,
        y: ROWS.gateway,
        network: name,
      });
      device(at, `${name}/${type}`);
      const id = `${name}/internet`;
      links.push({ id, from: internet, to: at, state: "wan", network: name, framesIn: 0, framesOut: 0 });
    }
    const others = [...ports.keys()].filter(
      (port) => !cables.has(port) && !KNOWN.has(port.slice(name.length + 1)),
    );
    for (const [n, cable] of others.entries()) {
      const at = add({
        id: `device:${cable}`,
        type: "device",
        name: cable.slice(name.length + 1),
        detail: "",
        x: x - 62 - (n % 2) * 14,
        y: ROWS.gateway - 16 + n * 24,
        network: name,
      });
      device(at, cable);
    }
  }
  const gap = width / Math.max(1, machines.length);
  for (const [i, machine] of machines.entries()) {
    const at = add({
      id: `machine:${machine.id}`,
      type: "machine",
      name: machine.name,
      detail: "",
      x: gap * (i + 0.5),
      y: ROWS.machine,
      machine: machine.id,
      running: machine.running,
    });
    for (const [index, nic] of machine.nics.entries()) {
      const to = nic.network === null ? undefined : switches.get(nic.network);
      const cable = `${nic.network}/${machine.name}:${nicName(index)}`;
      const port = statuses.get(nic.network ?? "")?.ports.find((entry) => entry.name === cable);
      const plugged = nic.connected && to !== undefined;
      links.push({
        id: `${machine.id}:${index}`,
        from: at,
        to: to ?? at,
        state: !plugged ? "loose" : !machine.running || !port ? "off" : port.up ? "up" : "down",
        network: to ? nic.network : null,
        nic: { machine: machine.id, index, name: nicName(index) },
        port: cable,
        faulty: port?.faults !== undefined,
        vlan: nic.vlan,
        framesIn: port?.framesIn ?? 0,
        framesOut: port?.framesOut ?? 0,
      });
    }
  }
  return { nodes, links, width, height: ROWS.machine + 44 };
}

/** The item of the drawing that the fabric calls so on a network; what has no item of its own is in the Internet. */
export function nodeNamed({ nodes }: Topology, network: string, name: string): TopologyNode | undefined {
  const [machine] = name.split(/:ens\d+$/);
  return (
    nodes.find(({ type, name: own }) => type === "switch" && own === name && name === network) ??
    nodes.find(({ type, name: own }) => type === "machine" && name !== machine && own === machine) ??
    nodes.find(({ id }) => id === `${name}:${network}` || id === `device:${network}/${name}`) ??
    nodes.find(({ id }) => id === (name === "host" ? "host" : "internet"))
  );
}

/** The item nearest in the direction of an arrow key: what keyboard users walk the drawing by. */
export function neighbour<T extends { x: number; y: number }>(
  from: T,
  all: readonly T[],
  key: "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown",
): T | undefined {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let best: { item: T; cost: number } | undefined;
  for (const item of all) {
    const along = (item.x - from.x) * dx + (item.y - from.y) * dy;
    if (item === from || along <= 0) continue;
    const across = Math.abs((item.x - from.x) * dy) + Math.abs((item.y - from.y) * dx);
    const cost = along + 2 * across;
    if (best === undefined || cost < best.cost) best = { item, cost };
  }
  return best?.item;
}
