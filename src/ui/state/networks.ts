/**
 * The page's virtual networks: one fabric thread, started with the first cable, and a cable for each NIC of a running
 * machine that is on a network and connected. Frames pass between the two threads; the page sees none of them.
 */
import { transfer } from "comlink";
import { freshSeed } from "../../common/random.ts";
import { DEFAULT_ZONE } from "../../hypervisor-model/network/default-zone.ts";
import type { PortId } from "../../hypervisor-model/network/fabric.ts";
import { startFabric } from "../../hypervisor-model/network/fabric-thread-browser.ts";
import type { FabricThread } from "../../hypervisor-model/network/fabric-thread-node.ts";
import { DEFAULT_NETWORKS } from "../../hypervisor-model/network/network-config.ts";
import type { NicDefinition } from "../../hypervisor-model/virtual-machines/definition.ts";
import type {
  MachineSpec,
  RunningMachine,
} from "../../hypervisor-model/virtual-machines/running-machine-types.ts";

interface Cable {
  network: string;
  /** As tables and captures call it: "web-1:ens33". */
  name: string;
  port: Promise<PortId>;
}

/** Frames of a machine's NICs since they were plugged in. */
export interface FrameCounts {
  sent: number;
  received: number;
}

export class PageNetworks {
  readonly #onFailure: (machine: string, error: unknown) => void;
  readonly #cables = new Map<string, (Cable | undefined)[]>();
  #thread: FabricThread | undefined;

  constructor(onFailure: (machine: string, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  get #fabric(): FabricThread["control"] {
    this.#thread ??= startFabric({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: freshSeed() });
    return this.#thread.control;
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
        if (old.network !== network) {
          this.#then(machine.id, old, (port) => this.#fabric.moveTo(port, network));
          cables[i] = { ...old, network };
        }
      } else if (old) {
        machine.connectNic(i, undefined);
        this.#then(machine.id, old, (port) => this.#fabric.detach(port));
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
      if (cable) this.#then(machine, cable, (port) => this.#fabric.detach(port));
    }
    this.#cables.delete(machine);
  }

  async frames(machine: string): Promise<FrameCounts> {
    const counts = { sent: 0, received: 0 };
    for (const cable of this.#cables.get(machine) ?? []) {
      if (!cable) continue;
      const { ports } = await this.#fabric.status(cable.network);
      const found = ports.find(({ name }) => name === `${cable.network}/${cable.name}`);
      counts.sent += found?.framesIn ?? 0;
      counts.received += found?.framesOut ?? 0;
    }
    return counts;
  }

  #cable({ id, name }: MachineSpec, i: number, { network, connected }: NicDefinition) {
    if (network === null || !connected) return undefined;
    const { port1: end, port2 } = new MessageChannel();
    // Linux names the course's adapters ens33, ens34, …
    const nic = `${name}:ens${33 + i}`;
    const port = this.#fabric.attach(network, nic, transfer(port2, [port2]));
    port.catch((error: unknown) => this.#onFailure(id, error));
    const cable: Cable = { network, name: nic, port };
    return { cable, end };
  }

  #then(machine: string, cable: Cable, act: (port: PortId) => Promise<void>): void {
    cable.port.then(
      (port) => act(port).catch((error: unknown) => this.#onFailure(machine, error)),
      () => undefined, // told when it was plugged in
    );
  }
}
