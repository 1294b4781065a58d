/** The scenario's networks in the fabric's thread: a cable for each network card, faults on it, and captures. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { proxy, transfer } from "comlink";
import { startFabric, type FabricThread } from "../hypervisor-model/network/fabric-thread-node.ts";
import type { CapturedFrame } from "../hypervisor-model/network/capture-ring.ts";
import { resolveNetworks, type NetworkConfig } from "../hypervisor-model/network/network-config.ts";
import type { NetworkFault as Troublemaker } from "../hypervisor-model/network/network-fault.ts";
import type { Zone } from "../hypervisor-model/network/zone.ts";
import {
  networkSettings,
  type ScenarioNetwork,
} from "../hypervisor-model/virtual-machines/scenario-networks.ts";
import type {
  CableFault,
  NetworkFault,
  ScenarioCables,
} from "../hypervisor-model/virtual-machines/scenario-player.ts";
import type { ScenarioMachine } from "../hypervisor-model/virtual-machines/scenario.ts";

/** The fabric's description of the file's networks. Throws `NetworkConfigError` for what cannot be. */
export function fabricNetworks(networks: readonly ScenarioNetwork[]): NetworkConfig[] {
  const configs = networkSettings(networks).map(({ gateway, dhcp, ...rest }) => ({
    ...rest,
    ...(gateway === null ? {} : { gateway }),
    dhcp: dhcp ?? (false as const),
  }));
  resolveNetworks(configs);
  return configs;
}

export class ScenarioNetworkThread implements ScenarioCables {
  onCarrier: ScenarioCables["onCarrier"];
  readonly #fabric: FabricThread;
  #configs: readonly NetworkConfig[];
  /** By machine: the port of each of its network cards, and the network it is on. */
  readonly #ports = new Map<string, { port: number; nic: number; network: string }[]>();
  /** Faults stay with the card when its machine is powered off and on. */
  readonly #faults = new Map<string, CableFault[]>();
  /** By network and kind: the device that makes the trouble. */
  readonly #troublemakers = new Map<string, number>();
  readonly #machines: readonly ScenarioMachine[];

  constructor(networks: readonly NetworkConfig[], machines: readonly ScenarioMachine[], zone: Zone) {
    this.#machines = machines;
    this.#configs = networks;
    this.#fabric = startFabric({ networks, zone, seed: 1 });
    const told = proxy((port: number, up: boolean) => this.#tellCarrier(port, up));
    void this.#fabric.control.onCarrier(told);
  }

  #tellCarrier(port: number, up: boolean): void {
    for (const [machine, cables] of this.#ports) {
      for (const cable of cables) if (cable.port === port) this.onCarrier?.(machine, cable.nic, up);
    }
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
    for (const { name } of this.#configs) {
      const bytes = await this.#fabric.control.exportCapture(name);
      await writeFile(join(folder, `${name.replace(/[^\w.-]/g, "_")}.pcapng`), bytes);
    }
  }

  async connect(machine: string, networks: readonly (string | null)[]): Promise<(MessagePort | undefined)[]> {
    for (const { port } of this.#ports.get(machine) ?? []) await this.#fabric.control.detach(port);
    const ports: { port: number; nic: number; network: string }[] = [];
    const cables: (MessagePort | undefined)[] = [];
    for (const [i, network] of networks.entries()) {
      if (network === null) {
        cables.push(undefined);
        continue;
      }
      const { port1, port2 } = new MessageChannel();
      const name = `${machine}:ens${33 + i}`;
      const port = await this.#fabric.control.attach(network, name, transfer(port2, [port2]));
      ports.push({ port, nic: i, network });
      const vlan = this.#machines.find((made) => made.name === machine)?.nics[i]?.vlan;
      if (vlan !== undefined) await this.#fabric.control.setPortMode(port, { type: "access", vlan });
      cables.push(port1);
    }
    this.#ports.set(machine, ports);
    for (const { port, network } of ports) {
      for (const fault of this.#faults.get(`${machine}/${network}`) ?? []) await this.#apply(port, fault);
    }
    return cables;
  }

  /** Puts the cables of a running machine into other networks; a card without a cable stays without. */
  async move(machine: string, networks: readonly (string | null)[]): Promise<void> {
    for (const cable of this.#ports.get(machine) ?? []) {
      const network = networks[cable.nic] ?? cable.network;
      if (network === cable.network) continue;
      await this.#fabric.control.moveTo(cable.port, network);
      cable.network = network;
    }
  }

  async fault(machine: string, network: string, fault: CableFault): Promise<void> {
    const key = `${machine}/${network}`;
    this.#faults.set(key, [...(this.#faults.get(key) ?? []), fault]);
    for (const cable of this.#ports.get(machine) ?? []) {
      if (cable.network === network) await this.#apply(cable.port, fault);
    }
  }

  async deviceFault(device: string, network: string, fault: CableFault): Promise<void> {
    await this.#apply(await this.#fabric.control.portNamed(network, device), fault);
  }

  async #apply(port: number, { direction = "both", linkUp, flap, ...faults }: CableFault): Promise<void> {
    const { control } = this.#fabric;
    if (Object.keys(faults).length > 0) await control.setFaults(port, direction, faults);
    if (linkUp !== undefined) await control.setLink(port, linkUp);
    if (flap !== undefined) await control.setFlap(port, flap === false ? undefined : flap);
  }

  async networkFault(network: string, { duplicateAddress, rogueDhcp }: NetworkFault): Promise<void> {
    if (duplicateAddress !== undefined) {
      const fault =
        duplicateAddress === false
          ? undefined
          : ({ type: "duplicate-address", address: duplicateAddress } as const);
      await this.#trouble(network, "duplicate-address", fault);
    }
    if (rogueDhcp !== undefined) {
      const fault = rogueDhcp === false ? undefined : ({ type: "rogue-dhcp", ...rogueDhcp } as const);
      await this.#trouble(network, "rogue-dhcp", fault);
    }
  }

  /** One of a kind on each network: a new one takes the place of the old. */
  async #trouble(network: string, kind: string, fault: Troublemaker | undefined): Promise<void> {
    const key = `${network}/${kind}`;
    const old = this.#troublemakers.get(key);
    if (old !== undefined) await this.#fabric.control.removeTroublemaker(old);
    this.#troublemakers.delete(key);
    if (fault !== undefined)
      this.#troublemakers.set(key, await this.#fabric.control.addTroublemaker(network, fault));
  }

  close(): void {
    this.#fabric.terminate();
  }
}
