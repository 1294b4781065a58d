/**
 * All networks of a laboratory and the NICs on them. Pure: time comes in with each call, frames go out through callbacks.
 * A frame handed in must not be changed afterwards by the caller; a frame handed out is shared and must be copied to keep.
 */
import type { CableFaults, Direction, Flap, Link, LinkFaults } from "./link.ts";
import { noCableFaults } from "./link.ts";
import { HostForwards } from "./host-forwards.ts";
import { Network, type Device, type NetworkStatus, type NetworkStep } from "./network.ts";
import { CLASSROOM_SUBNET, resolveNetworks, type NetworkConfig } from "./network-config.ts";
import { addTroublemaker, NetworkFaultError, type NetworkFault } from "./network-fault.ts";
import type { PortMode } from "./ethernet-switch.ts";
import { inSubnet, parseSubnet } from "./wire/ipv4-address.ts";
import { readZone, type Zone } from "./zone.ts";

export interface FabricOptions {
  networks: readonly NetworkConfig[];
  zone: Zone;
  seed: number;
  now: number;
  /** Milliseconds since 1970 at `now`. */
  startTime: number;
}

export type PortId = number;
export type TroublemakerId = number;

export class FabricError extends Error {
  override name = "FabricError";
}

interface Attached {
  name: string;
  network: Network;
  switchPort: number;
  /** Left out: the cable of a device that the network itself has. */
  transmit?: (frame: Uint8Array) => void;
  tap?: LinkTap;
}

/** Sees each frame that enters a cable, before its faults. */
export type LinkTap = (frame: Uint8Array, direction: Direction) => void;

/** Rounds of passing frames between networks in one call: a loop of zero delay cannot hold the thread. */
const MAX_ROUNDS = 1000;
const CLASSROOM = parseSubnet(CLASSROOM_SUBNET)!;

export class Fabric {
  readonly networks = new Map<string, Network>();
  /** Told of each network built or built anew. */
  onNetwork: ((network: Network) => void) | undefined;
  /** Told when the cable of a NIC gets or loses contact, by order or by a fault. */
  onCarrier: ((port: PortId, up: boolean) => void) | undefined;
  #zone: Zone;
  #seed: number;
  readonly #startTime: number;
  readonly #ports = new Map<PortId, Attached>();
  readonly #forwards = new HostForwards(this.networks);
  readonly #troublemakers = new Map<
    TroublemakerId,
    { network: Network; fault: NetworkFault; device: Device }
  >();
  #nextPort = 1;

  /** Throws `NetworkConfigError` or `ZoneError`. */
  constructor(options: FabricOptions) {
    this.#zone = readZone(options.zone);
    this.#seed = options.seed;
    this.#startTime = options.startTime - options.now;
    this.configure(options.networks, options.now);
  }

  /**
   * Makes the networks as described, while running: a network whose description did not change goes on; others are built
   * anew with the same cables and their faults on them. Leases stay where the range still has them, translated connections
   * where subnet and gateway are the same. A network with NICs cannot be taken away. Throws before anything is changed.
   */
  configure(configs: readonly NetworkConfig[], now: number): void {
    const resolved = resolveNetworks(configs);
    for (const [name, network] of this.networks) {
      const used = [...this.#ports.values()].find((port) => port.network === network && port.transmit);
      if (used !== undefined && !resolved.some((config) => config.name === name)) {
        throw new FabricError(`network "${name}" is in use by ${used.name}`);
      }
    }
    this.#drain(now);
    const before = new Map(this.networks);
    this.networks.clear();
    for (const [i, config] of resolved.entries()) {
      const old = before.get(config.name);
      if (old !== undefined && JSON.stringify(old.config) === JSON.stringify(config)) {
        this.networks.set(config.name, old);
        continue;
      }
      const network: Network = new Network({
        config,
        zone: this.#zone,
        seed: this.#seed + i,
        now,
        startTime: this.#startTime + now - (old?.scheduler.now ?? 0),
        before: old,
        toLan: config.kind === "nat" ? (packet, destination) => this.#toLan(packet, destination) : undefined,
        toHost: (packet) => this.#forwards.toHost(network, packet),
        backToHost: config.kind === "nat" ? (packet) => this.#forwards.back(packet) : undefined,
      });
      network.observe = old?.observed;
      this.networks.set(config.name, network);
      if (old !== undefined) this.#moveAll(old, network);
      this.onNetwork?.(network);
    }
    for (const [id, { network }] of this.#troublemakers) {
      if (this.networks.get(network.config.name) !== network) this.#troublemakers.delete(id);
    }
    for (const [id, { network }] of this.#ports) {
      if (this.networks.get(network.config.name) !== network) this.#ports.delete(id);
    }
    this.#drain(now);
  }

  /** Draws all that is random anew from this seed: the same frames then meet the same chances. */
  reseed(seed: number): void {
    this.#seed = seed;
    for (const [i, network] of [...this.networks.values()].entries()) network.reseed(seed + i);
  }

  /** Another Internet, at once; hosts that did not change keep their connections. Throws `ZoneError`. */
  setZone(zone: Zone): void {
    this.#zone = readZone(zone);
    for (const network of this.networks.values()) network.setZone(this.#zone);
  }

  attach(networkName: string, name: string, transmit: (frame: Uint8Array) => void): PortId {
    const network = this.network(networkName);
    const attached: Attached = { name, network, switchPort: this.#plug(network, name, transmit), transmit };
    const port = this.#nextPort++;
    this.#ports.set(port, attached);
    this.#watchCarrier(port, attached);
    return port;
  }

  /**
   * A cable by the name at its end: a NIC's, or that of a device which the network itself has ("gateway", "host",
   * "teacher", …). The same port each time. Throws `FabricError`.
   */
  portNamed(networkName: string, name: string): PortId {
    const network = this.network(networkName);
    const switchPort = network.devices.find((device) => device.name === name)?.port;
    for (const [id, attached] of this.#ports) {
      if (attached.network !== network) continue;
      if (attached.switchPort === switchPort || attached.name === name) return id;
    }
    if (switchPort === undefined) throw new FabricError(`no cable "${name}" on "${networkName}"`);
    const port = this.#nextPort++;
    const attached: Attached = { name: `${networkName}/${name}`, network, switchPort };
    this.#ports.set(port, attached);
    this.#watchCarrier(port, attached);
    return port;
  }

  detach(port: PortId): void {
    const attached = this.#port(port);
    attached.network.unplug(attached.switchPort);
    this.#ports.delete(port);
  }

  /** Puts a NIC on another network; its link state and faults start afresh. */
  moveTo(port: PortId, networkName: string): void {
    const attached = this.#port(port);
    const network = this.network(networkName);
    if (attached.transmit === undefined) throw new FabricError(`"${attached.name}" stays on its network`);
    attached.network.unplug(attached.switchPort);
    this.#move(attached, network, attached.transmit);
    this.#watchCarrier(port, attached);
  }

  /** A frame that a NIC sent. A port that is gone drops it. */
  receive(port: PortId, frame: Uint8Array, now: number): void {
    const attached = this.#ports.get(port);
    if (attached === undefined) return;
    attached.network.advance(now);
    attached.network.links.get(attached.switchPort)?.send("in", frame);
    this.#drain(now);
  }

  setLink(port: PortId, up: boolean): void {
    this.link(port).setUp(up);
  }

  /** Throws `RangeError` for times too short. */
  setFlap(port: PortId, flap: Flap | undefined): void {
    this.link(port).setFlap(flap);
  }

  /** Throws `NetworkFaultError`. */
  addTroublemaker(networkName: string, fault: NetworkFault, now: number): TroublemakerId {
    const network = this.network(networkName);
    const id = this.#nextPort++;
    network.advance(now);
    this.#troublemakers.set(id, { network, fault, device: addTroublemaker(network, fault) });
    this.#drain(now);
    return id;
  }

  /** One that is gone already stays gone. */
  removeTroublemaker(id: TroublemakerId): void {
    const found = this.#troublemakers.get(id);
    if (found === undefined) return;
    for (const [port, { network, switchPort }] of this.#ports) {
      if (network === found.network && switchPort === found.device.port) this.#ports.delete(port);
    }
    found.network.removeDevice(found.device);
    this.#troublemakers.delete(id);
  }

  troublemakers(networkName: string): { id: TroublemakerId; fault: NetworkFault }[] {
    const network = this.network(networkName);
    return [...this.#troublemakers]
      .filter(([, made]) => made.network === network)
      .map(([id, { fault }]) => ({ id, fault }));
  }

  setFaults(port: PortId, direction: Direction | "both", faults: Partial<LinkFaults>): void {
    const link = this.link(port);
    if (direction !== "out") link.setFaults("in", faults);
    if (direction !== "in") link.setFaults("out", faults);
  }

  /** All faults of a cable at once; `undefined` mends it. Throws `RangeError`. */
  setCableFaults(port: PortId, faults: CableFaults | undefined): void {
    this.link(port).cableFaults = faults ?? noCableFaults();
  }

  setPortMode(port: PortId, mode: PortMode | undefined): void {
    const attached = this.#port(port);
    attached.network.switch.setMode(attached.switchPort, mode);
  }

  link(port: PortId): Link {
    const attached = this.#port(port);
    return attached.network.links.get(attached.switchPort)!;
  }

  /** Follows the NIC from network to network. */
  setTap(port: PortId, tap: LinkTap | undefined): void {
    this.#port(port).tap = tap;
    this.link(port).tap = tap;
  }

  /** The present moment of the network that a NIC is on, by the host's clock. */
  hostTimeOf(port: PortId): number {
    return this.#port(port).network.hostTime;
  }

  hasPort(port: PortId): boolean {
    return this.#ports.has(port);
  }

  networkOf(port: PortId): Network {
    return this.#port(port).network;
  }

  nameOf(port: PortId): string {
    return this.#port(port).name;
  }

  /** Does what is due on every network. */
  tick(now: number): void {
    this.#drain(now);
  }

  nextTime(): number | undefined {
    let earliest: number | undefined;
    for (const network of this.networks.values()) {
      const next = network.nextTime();
      if (next !== undefined && (earliest === undefined || next < earliest)) earliest = next;
    }
    return earliest;
  }

  hold(networkName: string, now: number): void {
    this.network(networkName).hold(now);
  }

  release(networkName: string, now: number): void {
    this.network(networkName).release(now);
    this.#drain(now);
  }

  /** Lets time go on on a held network until a step is due or `stopSeeking`. */
  seek(networkName: string, now: number): void {
    this.network(networkName).seek(now);
    this.#drain(now);
  }

  stopSeeking(networkName: string, now: number): void {
    this.network(networkName).stopSeeking(now);
  }

  /** One frame, one hop, on a held network where one is due. */
  step(networkName: string): NetworkStep | undefined {
    return this.network(networkName).step();
  }

  status(networkName: string): NetworkStatus {
    return this.network(networkName).status();
  }

  network(name: string): Network {
    const network = this.networks.get(name);
    if (network === undefined) throw new FabricError(`no network "${name}"`);
    return network;
  }

  #port(port: PortId): Attached {
    const attached = this.#ports.get(port);
    if (attached === undefined) throw new FabricError(`no port ${port}`);
    return attached;
  }

  #plug(network: Network, name: string, transmit: (frame: Uint8Array) => void): number {
    const port = network.plug(name, (frame) => {
      if (network.listening) network.tell({ device: name, type: "nic-received" });
      transmit(frame);
    });
    if (port === undefined) throw new FabricError(`the switch of "${network.config.name}" has no free port`);
    return port;
  }

  #move(attached: Attached, network: Network, transmit: (frame: Uint8Array) => void): void {
    attached.network = network;
    attached.switchPort = this.#plug(network, attached.name, transmit);
    network.links.get(attached.switchPort)!.tap = attached.tap;
  }

  /** To the network built in the place of another. */
  #moveAll(old: Network, network: Network): void {
    for (const [id, made] of this.#troublemakers) {
      if (made.network !== old) continue;
      try {
        this.#troublemakers.set(id, { ...made, network, device: addTroublemaker(network, made.fault) });
      } catch (error) {
        // Its address does not lie in the new subnet: it is gone.
        if (!(error instanceof NetworkFaultError)) throw error;
      }
    }
    for (const [id, port] of this.#ports) {
      if (port.network !== old) continue;
      const link = this.link(id);
      const mode = old.switch.mode(port.switchPort);
      if (port.transmit !== undefined) this.#move(port, network, port.transmit);
      else {
        const name = old.devices.find((device) => device.port === port.switchPort)?.name;
        const device = network.devices.find((one) => one.name === name);
        // Without its gateway or host adapter the network has no such cable: `configure` forgets it.
        if (device === undefined) continue;
        port.network = network;
        port.switchPort = device.port;
        this.link(id).tap = port.tap;
      }
      this.link(id).copySettings(link);
      if (mode !== undefined) this.setPortMode(id, mode);
      this.#watchCarrier(id, port);
    }
  }

  #watchCarrier(id: PortId, { network, switchPort }: Attached): void {
    this.link(id).onCarrier = (up) => {
      if (!up) network.switch.forget(switchPort);
      this.onCarrier?.(id, up);
    };
  }

  #drain(now: number): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (const network of this.networks.values()) network.advance(now);
      const next = this.nextTime();
      if (next === undefined || next > now) return;
    }
  }

  #toLan(packet: Uint8Array, destination: number): boolean {
    if (!inSubnet(destination, CLASSROOM)) return false;
    for (const network of this.networks.values()) {
      if (network.config.kind !== "bridged" || network.hostAdapter === undefined) continue;
      network.hostAdapter.ethernet.send(packet, destination);
      return true;
    }
    return false;
  }
}
