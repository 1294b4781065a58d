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
import {
  NO_FAULTS,
  type Direction,
  type Flap,
  type LinkFaults,
} from "../../hypervisor-model/network/link.ts";
import {
  DEFAULT_NETWORKS,
  resolveNetworks,
  type NetworkConfig,
} from "../../hypervisor-model/network/network-config.ts";
import { readZone, type Zone } from "../../hypervisor-model/network/zone.ts";
import type { Store } from "../../hypervisor-model/storage/store.ts";
import type { NicDefinition } from "../../hypervisor-model/virtual-machines/definition.ts";
import type {
  MachineSpec,
  RunningMachine,
} from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { findMachine } from "./machines.ts";
import { nicName } from "./nic-name.ts";
import { signal } from "./signals.ts";

/** What is wrong with one cable on purpose. */
export interface CableFaults {
  /** `in`: from the machine to the switch. */
  lanes: Record<Direction, LinkFaults>;
  flap?: Flap;
}

interface Cable {
  network: string;
  /** As tables and captures call it: "web-1:ens33". */
  name: string;
  port: Promise<PortId>;
  faults: CableFaults;
}

const COLLECTION = "networks";
const DOCUMENT = "configuration";
const VERSION = 1;

export function hasFaults({ lanes, flap }: CableFaults): boolean {
  return flap !== undefined || [lanes.in, lanes.out].some((lane) => Object.values(lane).some(Boolean));
}

const noFaults = (): CableFaults => ({ lanes: { in: { ...NO_FAULTS }, out: { ...NO_FAULTS } } });

/** Frames of a machine's NICs since they were plugged in. */
export interface FrameCounts {
  sent: number;
  received: number;
}

export class PageNetworks {
  readonly configs = signal<readonly NetworkConfig[]>(DEFAULT_NETWORKS);
  readonly zone = signal<Zone>(DEFAULT_ZONE);
  /** Grows with each change of a cable or its faults. */
  readonly cablesChanged = signal(0);
  /** All that is random on the networks follows from it. */
  readonly seed = freshSeed();
  readonly #onFailure: (machine: string, error: unknown) => void;
  readonly #cables = new Map<string, (Cable | undefined)[]>();
  #thread: FabricThread | undefined;
  #store: Store | undefined;

  constructor(onFailure: (machine: string, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  get fabric(): FabricThread["control"] {
    if (this.#thread === undefined) {
      this.#thread = startFabric({
        networks: [...this.configs.get()],
        zone: this.zone.get(),
        seed: this.seed,
      });
      void this.#thread.control.onMachineClocks(proxy(setMachineClocks));
    }
    return this.#thread.control;
  }

  /** Takes the networks and the zone from the store; false when they are there but cannot be read. */
  async open(store: Store): Promise<boolean> {
    this.#store = store;
    const found = (await store.get(COLLECTION, DOCUMENT)) as Record<string, unknown> | undefined;
    if (found === undefined) return true;
    try {
      if (found.version !== VERSION) return false;
      const networks = found.networks as NetworkConfig[];
      resolveNetworks(networks);
      this.zone.set(readZone(found.zone));
      this.configs.set(networks);
      return true;
    } catch {
      return false;
    }
  }

  /** Makes the networks so, while machines run, and keeps them. Throws `NetworkConfigError`, or an error of the store. */
  async setConfigs(configs: readonly NetworkConfig[]): Promise<void> {
    resolveNetworks(configs);
    await this.#thread?.control.configure([...configs]);
    this.configs.set(configs);
    await this.#keep();
  }

  /** Throws `ZoneError`, or an error of the store. */
  async setZone(zone: Zone): Promise<void> {
    readZone(zone);
    await this.#thread?.control.setZone(zone);
    this.zone.set(zone);
    await this.#keep();
  }

  async #keep(): Promise<void> {
    const value = { version: VERSION, networks: this.configs.get(), zone: this.zone.get() };
    await this.#store?.commit({ put: [{ collection: COLLECTION, key: DOCUMENT, value }] });
  }

  /** The port of a running machine's NIC; undefined while it has no cable. */
  async portOf(machine: string, nic: number): Promise<PortId | undefined> {
    return this.#cables.get(machine)?.[nic]?.port;
  }

  faultsOf(machine: string, nic: number): CableFaults | undefined {
    return this.#cables.get(machine)?.[nic]?.faults;
  }

  /** They stay with the cable until it is pulled out or put into another network. Throws `RangeError` for a bad flap. */
  async setFaults(machine: string, nic: number, faults: CableFaults): Promise<void> {
    const cable = this.#cables.get(machine)?.[nic];
    if (!cable) return;
    const port = await cable.port;
    await this.fabric.setFlap(port, faults.flap);
    await this.fabric.setFaults(port, "in", faults.lanes.in);
    await this.fabric.setFaults(port, "out", faults.lanes.out);
    cable.faults = faults;
    this.#changed();
  }

  #changed(): void {
    this.cablesChanged.set(this.cablesChanged.get() + 1);
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
    this.#changed();
  }

  /** Follows changed settings of a running machine. */
  replug(machine: RunningMachine, nics: readonly NicDefinition[]): void {
    const cables = this.#cables.get(machine.id) ?? [];
    for (const [i, nic] of nics.entries()) {
      const old = cables[i];
      const network = nic.connected ? nic.network : null;
      if (old && network !== null) {
        if (old.network !== network) {
          this.#then(machine.id, old, (port) => this.fabric.moveTo(port, network));
          cables[i] = { ...old, network, faults: noFaults() };
        }
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
    this.#changed();
  }

  /** Pulls all cables of a machine that has ended. */
  unplug(machine: string): void {
    for (const cable of this.#cables.get(machine) ?? []) {
      if (cable) this.#then(machine, cable, (port) => this.fabric.detach(port));
    }
    this.#cables.delete(machine);
    this.#changed();
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

  #cable({ id, name }: MachineSpec, i: number, { network, connected }: NicDefinition) {
    if (network === null || !connected) return undefined;
    const { port1: end, port2 } = new MessageChannel();
    const nic = `${name}:${nicName(i)}`;
    const port = this.fabric.attach(network, nic, transfer(port2, [port2]), id);
    port.catch((error: unknown) => this.#onFailure(id, error));
    const cable: Cable = { network, name: nic, port, faults: noFaults() };
    return { cable, end };
  }

  #then(machine: string, cable: Cable, act: (port: PortId) => Promise<void>): void {
    cable.port.then(
      (port) => act(port).catch((error: unknown) => this.#onFailure(machine, error)),
      () => undefined, // told when it was plugged in
    );
  }
}

/** Machines on a held network stand still with it. */
async function setMachineClocks(ids: string[], running: boolean): Promise<void> {
  const machines = ids.flatMap((id) => findMachine(id)?.session?.machine ?? []);
  await Promise.all(machines.map((machine) => (running ? machine.run() : machine.pause())));
}
