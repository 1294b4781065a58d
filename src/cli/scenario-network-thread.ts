/** The scenario's networks in the fabric's thread: a cable for each network card, faults on it, and captures. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { transfer } from "comlink";
import { startFabric, type FabricThread } from "../hypervisor-model/network/fabric-thread-node.ts";
import type { CapturedFrame } from "../hypervisor-model/network/capture-ring.ts";
import { resolveNetworks, type NetworkConfig } from "../hypervisor-model/network/network-config.ts";
import type { Zone } from "../hypervisor-model/network/zone.ts";
import {
  networkSettings,
  type ScenarioNetwork,
} from "../hypervisor-model/virtual-machines/scenario-networks.ts";
import type { NetworkFault, ScenarioCables } from "../hypervisor-model/virtual-machines/scenario-player.ts";

export class ScenarioNetworkThread implements ScenarioCables {
  readonly #fabric: FabricThread;
  #configs: readonly NetworkConfig[];
  /** By machine: the port of each of its network cards, and the network it is on. */
  readonly #ports = new Map<string, { port: number; network: string }[]>();
  /** Faults stay with the card when its machine is powered off and on. */
  readonly #faults = new Map<string, NetworkFault>();

  constructor(networks: readonly ScenarioNetwork[], zone: Zone) {
    const configs = networkSettings(networks).map(({ gateway, dhcp, ...rest }) => ({
      ...rest,
      ...(gateway === null ? {} : { gateway }),
      dhcp: dhcp ?? (false as const),
    }));
    resolveNetworks(configs);
    this.#configs = configs;
    this.#fabric = startFabric({ networks: configs, zone, seed: 1 });
  }

  get configs(): readonly NetworkConfig[] {
    return this.#configs;
  }

  /** Networks as an editor leaves them; cables stay where they are. Throws `NetworkConfigError`. */
  async configure(configs: readonly NetworkConfig[]): Promise<void> {
    resolveNetworks(configs);
    await this.#fabric.control.configure([...configs]);
    this.#configs = configs;
  }

  /** The newest frames of a network that is being captured, oldest first. */
  async frames(network: string, most: number): Promise<CapturedFrame[]> {
    const { size } = await this.#fabric.control.captured(network);
    return this.#fabric.control.frames(network, Math.max(0, size - most), most);
  }

  async capture(): Promise<void> {
    for (const { name } of this.#configs) await this.#fabric.control.startCapture(name);
  }

  async writeCaptures(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const { name } of this.#configs) {
      const bytes = await this.#fabric.control.exportCapture(name);
      await writeFile(join(folder, `${name.replace(/[^\w.-]/g, "_")}.pcapng`), bytes);
    }
  }

  async connect(machine: string, networks: readonly (string | null)[]): Promise<(MessagePort | undefined)[]> {
    for (const { port } of this.#ports.get(machine) ?? []) await this.#fabric.control.detach(port);
    const ports: { port: number; network: string }[] = [];
    const cables: (MessagePort | undefined)[] = [];
    for (const [i, network] of networks.entries()) {
      if (network === null) {
        cables.push(undefined);
        continue;
      }
      const { port1, port2 } = new MessageChannel();
      const name = `${machine}:ens${33 + i}`;
      ports.push({
        port: await this.#fabric.control.attach(network, name, transfer(port2, [port2])),
        network,
      });
      cables.push(port1);
    }
    this.#ports.set(machine, ports);
    for (const { port, network } of ports) {
      const fault = this.#faults.get(`${machine}/${network}`);
      if (fault !== undefined) await this.#apply(port, fault);
    }
    return cables;
  }

  async fault(machine: string, network: string, fault: NetworkFault): Promise<void> {
    const key = `${machine}/${network}`;
    const all: NetworkFault = { ...this.#faults.get(key), ...fault };
    this.#faults.set(key, all);
    for (const cable of this.#ports.get(machine) ?? []) {
      if (cable.network === network) await this.#apply(cable.port, all);
    }
  }

  async #apply(port: number, { lossPercent, delayMs, linkUp }: NetworkFault): Promise<void> {
    const faults = {
      ...(lossPercent === undefined ? {} : { lossPercent }),
      ...(delayMs === undefined ? {} : { delayMs }),
    };
    if (Object.keys(faults).length > 0) await this.#fabric.control.setFaults(port, "both", faults);
    if (linkUp !== undefined) await this.#fabric.control.setLink(port, linkUp);
  }

  close(): void {
    this.#fabric.terminate();
  }
}
