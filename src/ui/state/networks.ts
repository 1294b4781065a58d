/**
 * The page's virtual networks: what they are (kept in the store), one fabric thread, started when it is first needed, and
 * a cable for each NIC of a running machine that is on a network and connected. Frames pass between the machine's thread
 * and the fabric's; the page sees only those it captures.
 */
import { proxy, transfer } from "comlink";
import { freshSeed } from "../../common/random.ts";
import { DEFAULT_ZONE } from "../../hypervisor-model/network/default-zone.ts";
import type { PortId } from "../../hypervisor-model/network/fabric.ts";
import { startFabric } from "../../hypervisor-model/network/fabric-thread-browser.ts";
import type { FabricThread } from "../../hypervisor-model/network/fabric-thread-node.ts";
import type { CableFaults } from "../../hypervisor-model/network/link.ts";
import type { LanPlace } from "../../hypervisor-model/network/lan-cable.ts";
import {
  DEFAULT_NETWORKS,
  resolveNetworks,
  type NetworkConfig,
} from "../../hypervisor-model/network/network-config.ts";
import { readZone, type Zone } from "../../hypervisor-model/network/zone.ts";
import type { Store } from "../../hypervisor-model/storage/store.ts";
import type { NicDefinition } from "../../hypervisor-model/virtual-machines/definition.ts";
import { HeldMachines } from "../../hypervisor-model/virtual-machines/held-machines.ts";
import type {
  MachineSpec,
  RunningMachine,
} from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { findMachine } from "./machines.ts";
import { nicName } from "./nic-name.ts";
import { signal } from "./signals.ts";

/** The cable of a machine's NIC, or of a device that a network itself has. */
export type CableId = { machine: string; nic: number } | { network: string; device: string };

interface Cable {
  network: string;
  /** As tables and captures call it: "web-1:ens33". */
  name: string;
  port: Promise<PortId>;
  vlan: number | undefined;
}

const COLLECTION = "networks";
const DOCUMENT = "configuration";
const VERSION = 1;
/** Where tabs tell each other that they have stored other networks. */
const CHANNEL = "ringside-networks";
/** Joined LANs outlive a reload of their tab, not the tab. */
const JOINED = "ringside-joined-lans";

/** Another tab has stored other networks since: they are taken over, the change is not made. */
export class NetworksOvertakenError extends Error {
  override name = "NetworksOvertakenError";
}

/** Frames of a machine's NICs since they were plugged in. */
export interface FrameCounts {
  sent: number;
  received: number;
}

export class PageNetworks {
  readonly configs = signal<readonly NetworkConfig[]>(DEFAULT_NETWORKS);
  readonly zone = signal<Zone>(DEFAULT_ZONE);
  /** All that is random on the networks follows from it. */
  readonly seed = signal(freshSeed());
  readonly #onFailure: (machine: string, error: unknown) => void;
  readonly #cables = new Map<string, (Cable | undefined)[]>();
  readonly #heldMachines = new HeldMachines((id) => findMachine(id)?.session?.machine);
  #thread: FabricThread | undefined;
  #store: Store | undefined;
  /** Counts the changes of the stored networks, by all tabs. */
  #revision = 0;
  readonly #peers = new BroadcastChannel(CHANNEL);

  constructor(onFailure: (machine: string, error: unknown) => void) {
    this.#onFailure = onFailure;
    this.#peers.onmessage = () => void this.#takeOver().catch(() => undefined);
  }

  get fabric(): FabricThread["control"] {
    if (this.#thread === undefined) {
      this.#thread = startFabric({
        networks: [...this.configs.get()],
        zone: this.zone.get(),
        seed: this.seed.get(),
      });
      void this.#thread.control.onMachineClocks(
        proxy((ids: string[], running: boolean) => this.#heldMachines.set(ids, running)),
      );
      for (const { network, place } of joinedLans()) {
        // A network that is gone, or a relay that this page may not speak to any more, is joined by nobody.
        void this.#thread.control.joinLan(network, place).catch(() => undefined);
      }
    }
    return this.#thread.control;
  }

  /** Takes the networks and the zone from the store; false when they are there but cannot be read. */
  async open(store: Store): Promise<boolean> {
    this.#store = store;
    try {
      const found = await this.#read();
      if (found === undefined) return true;
      this.#revision = found.revision;
      this.zone.set(found.zone);
      this.configs.set(found.networks);
      return true;
    } catch {
      return false;
    }
  }

  /** Throws when what is stored cannot be read. */
  async #read(): Promise<{ networks: NetworkConfig[]; zone: Zone; revision: number } | undefined> {
    const found = (await this.#store?.get(COLLECTION, DOCUMENT)) as Record<string, unknown> | undefined;
    if (found === undefined) return undefined;
    if (found.version !== VERSION) throw new Error(`networks of version ${String(found.version)}`);
    const networks = found.networks as NetworkConfig[];
    resolveNetworks(networks);
    return { networks, zone: readZone(found.zone), revision: Number(found.revision ?? 0) };
  }

  /** What another tab has stored is so here too, with the machines that run in this one. False when nothing is new. */
  async #takeOver(): Promise<boolean> {
    const found = await this.#read();
    if (found === undefined || found.revision === this.#revision) return false;
    this.#revision = found.revision;
    if (JSON.stringify(found.networks) !== JSON.stringify(this.configs.get())) {
      await this.#thread?.control.configure(found.networks);
      this.configs.set(found.networks);
    }
    if (JSON.stringify(found.zone) !== JSON.stringify(this.zone.get())) {
      await this.#thread?.control.setZone(found.zone);
      this.zone.set(found.zone);
    }
    return true;
  }

  /** Unreadable ones are no obstacle: they are replaced by what is chosen here. */
  async #refuseOvertaken(): Promise<void> {
    if (await this.#takeOver().catch(() => false))
      throw new NetworksOvertakenError("another tab has changed the networks");
  }

  /**
   * Makes the networks so, while machines run, and keeps them. Throws `NetworkConfigError`, `NetworksOvertakenError`, or
   * an error of the store.
   */
  async setConfigs(configs: readonly NetworkConfig[]): Promise<void> {
    resolveNetworks(configs);
    await this.#refuseOvertaken();
    await this.#thread?.control.configure([...configs]);
    this.configs.set(configs);
    await this.#keep();
  }

  /** Throws `ZoneError`, `NetworksOvertakenError`, or an error of the store. */
  async setZone(zone: Zone): Promise<void> {
    readZone(zone);
    await this.#refuseOvertaken();
    await this.#thread?.control.setZone(zone);
    this.zone.set(zone);
    await this.#keep();
  }

  async #keep(): Promise<void> {
    const revision = this.#revision + 1;
    const value = { version: VERSION, revision, networks: this.configs.get(), zone: this.zone.get() };
    await this.#store?.commit({ put: [{ collection: COLLECTION, key: DOCUMENT, value }] });
    this.#revision = revision;
    this.#peers.postMessage(revision);
  }

  /** Throws `LanError`. */
  async joinLan(network: string, place: LanPlace): Promise<void> {
    await this.fabric.joinLan(network, place);
    await this.#rememberLans();
  }

  async leaveLan(port: PortId): Promise<void> {
    await this.fabric.leaveLan(port);
    await this.#rememberLans();
  }

  async #rememberLans(): Promise<void> {
    const joined = (await this.fabric.lans()).map(({ network, place }) => ({ network, place }));
    try {
      sessionStorage.setItem(JOINED, JSON.stringify(joined));
    } catch {
      // Without storage they last until the reload.
    }
  }

  /** The port of a running machine's NIC; undefined while it has no cable. */
  async portOf(machine: string, nic: number): Promise<PortId | undefined> {
    return this.#cables.get(machine)?.[nic]?.port;
  }

  /** Undefined while the cable is not plugged in. */
  async portOfCable(cable: CableId): Promise<PortId | undefined> {
    if ("machine" in cable) return this.portOf(cable.machine, cable.nic);
    return this.fabric.portNamed(cable.network, cable.device).catch(() => undefined);
  }

  /** They stay with the cable until it is pulled out or put into another network. Throws `RangeError` for a bad flap. */
  async setFaults(cable: CableId, faults: CableFaults): Promise<void> {
    const port = await this.portOfCable(cable);
    if (port !== undefined) await this.fabric.setCableFaults(port, faults);
  }

  /** Of a cable that is no machine's: the machine's own settings say whether its cable is in. */
  async setLink(cable: CableId, up: boolean): Promise<void> {
    const port = await this.portOfCable(cable);
    if (port !== undefined) await this.fabric.setLink(port, up);
  }

  /** Draws all that is random anew, so that a run can be repeated. */
  async reseed(seed: number): Promise<void> {
    this.seed.set(seed);
    await this.#thread?.control.reseed(seed);
  }

  /** Plugs in a machine that is about to start. */
  plugIn(spec: MachineSpec, nics: readonly NicDefinition[]): void {
    const cables: (Cable | undefined)[] = [];
    for (const [i, nic] of nics.entries()) {
      const made = this.#cable(spec, i, nic);
      cables.push(made?.cable);
      spec.nics[i].port = made?.end;
    }
    this.#cables.set(spec.id, cables);
  }

  /** Follows changed settings of a running machine. */
  replug(machine: RunningMachine, nics: readonly NicDefinition[]): void {
    const cables = this.#cables.get(machine.id) ?? [];
    for (const [i, nic] of nics.entries()) {
      const old = cables[i];
      const network = nic.connected ? nic.network : null;
      if (old && network !== null) {
        const moved = old.network !== network;
        if (moved) this.#then(machine.id, old, (port) => this.fabric.moveTo(port, network));
        if (moved || old.vlan !== nic.vlan) this.#setVlan(machine.id, old, nic.vlan);
        cables[i] = { ...old, network, vlan: nic.vlan };
      } else if (old) {
        machine.connectNic(i, undefined);
        this.#then(machine.id, old, (port) => this.fabric.detach(port));
        cables[i] = undefined;
      } else {
        const made = this.#cable(machine.spec, i, nic);
        if (made) machine.connectNic(i, made.end);
        cables[i] = made?.cable;
      }
      machine.setLink(i, nic.connected);
    }
    this.#cables.set(machine.id, cables);
  }

  /** Pulls all cables of a machine that has ended. */
  unplug(machine: string): void {
    for (const cable of this.#cables.get(machine) ?? []) {
      if (cable) this.#then(machine, cable, (port) => this.fabric.detach(port));
    }
    this.#cables.delete(machine);
  }

  async frames(machine: string): Promise<FrameCounts> {
    const counts = { sent: 0, received: 0 };
    for (const cable of this.#cables.get(machine) ?? []) {
      if (!cable) continue;
      const { ports } = await this.fabric.status(cable.network);
      const found = ports.find(({ name }) => name === `${cable.network}/${cable.name}`);
      counts.sent += found?.framesIn ?? 0;
      counts.received += found?.framesOut ?? 0;
    }
    return counts;
  }

  #cable({ id, name }: MachineSpec, i: number, { network, connected, vlan }: NicDefinition) {
    if (network === null || !connected) return undefined;
    const { port1: end, port2 } = new MessageChannel();
    const nic = `${name}:${nicName(i)}`;
    const port = this.fabric.attach(network, nic, transfer(port2, [port2]), id);
    port.catch((error: unknown) => this.#onFailure(id, error));
    const cable: Cable = { network, name: nic, port, vlan };
    if (vlan !== undefined) this.#setVlan(id, cable, vlan);
    return { cable, end };
  }

  #setVlan(machine: string, cable: Cable, vlan: number | undefined): void {
    const mode = vlan === undefined ? undefined : ({ type: "access", vlan } as const);
    this.#then(machine, cable, (port) => this.fabric.setPortMode(port, mode));
  }

  #then(machine: string, cable: Cable, act: (port: PortId) => Promise<void>): void {
    cable.port.then(
      (port) => act(port).catch((error: unknown) => this.#onFailure(machine, error)),
      () => undefined, // told when it was plugged in
    );
  }
}

function joinedLans(): { network: string; place: LanPlace }[] {
  try {
    return JSON.parse(sessionStorage.getItem(JOINED) ?? "[]") as { network: string; place: LanPlace }[];
  } catch {
    return [];
  }
}
