/**
 * The fabric with its clock, its MessagePorts and its captures: what runs in the fabric's thread. Commands come over
 * comlink; each NIC has one MessagePort, on which each message is one frame as a Uint8Array.
 */
import { matchingFrames, streamOf, type Matches } from "./capture/capture-query.ts";
import type { Stream } from "./capture/follow-stream.ts";
import { CaptureRing, type CapturedFrame } from "./capture-ring.ts";
import type { Decision } from "./decision.ts";
import { Fabric, type FabricOptions, type PortId, type TroublemakerId } from "./fabric.ts";
import type { PortMode } from "./ethernet-switch.ts";
import { LanCable, type LanPlace, type LanStatus } from "./lan-cable.ts";
import type { CableFaults, Direction, Flap, LinkFaults } from "./link.ts";
import type { Network, NetworkStatus } from "./network.ts";
import type { NetworkConfig } from "./network-config.ts";
import type { NetworkFault } from "./network-fault.ts";
import { sendProbe, type Probe, type ProbeAnswer, type ProbeFrom } from "./probe.ts";
import { writePcapng } from "./pcapng.ts";
import { StepMode, type MachineClocks, type NumberedStep, type StepListener } from "./step-mode.ts";
import type { Zone } from "./zone.ts";

export type FabricSetup = Pick<FabricOptions, "networks" | "zone" | "seed">;

/** Decisions of one network since the last call, and how many more there were than are kept. */
export type DecisionListener = (news: { decisions: Decision[]; missed: number }) => void;

/** A network's name, or the port of one NIC. */
export type CapturePlace = string | PortId;

const NOTHING_CAPTURED = new CaptureRing(1, 0);
const MAX_NEWS = 500;
/** Decisions are told in bunches, not one message each. */
const NEWS_MS = 100;
const PROBE_MS = 2000;

export class FabricService {
  readonly #fabric: Fabric;
  readonly #nicPorts = new Map<PortId, MessagePort>();
  readonly #captures = new Map<CapturePlace, CaptureRing>();
  readonly #steps: StepMode;
  readonly #newsTimers = new Map<string, ReturnType<typeof setInterval>>();
  readonly #lans = new Map<PortId, LanCable>();
  readonly #startTime: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  constructor(setup: FabricSetup) {
    const now = performance.now();
    this.#startTime = Date.now() - now;
    this.#fabric = new Fabric({ ...setup, now, startTime: Date.now() });
    this.#steps = new StepMode(this.#fabric, () => this.#wake());
    this.#fabric.onNetwork = (network) => this.#tap(network);
  }

  configure(networks: readonly NetworkConfig[]): void {
    this.#fabric.configure(networks, performance.now());
    this.#wake();
  }

  /**
   * `name` is shown in tables and captures, as "web-1:ens33". The port is transferred. `machine` is how `onMachineClocks`
   * calls the machine; without it the NIC's owner is not asked to stand still.
   */
  attach(network: string, name: string, port: MessagePort, machine?: string): PortId {
    const id = this.#fabric.attach(network, name, (frame) => {
      // Others may hold the same frame: each NIC gets a copy of its own to take away.
      const copy = frame.slice();
      port.postMessage(copy, [copy.buffer]);
    });
    this.#nicPorts.set(id, port);
    port.onmessage = (event: MessageEvent<unknown>) => {
      if (!(event.data instanceof Uint8Array)) return;
      this.#fabric.receive(id, event.data, performance.now());
      this.#wake();
    };
    this.#steps.setMachine(id, machine);
    return id;
  }

  detach(port: PortId): void {
    this.#steps.setMachine(port, undefined);
    this.#fabric.detach(port);
    this.#nicPorts.get(port)?.close();
    this.#nicPorts.delete(port);
  }

  moveTo(port: PortId, network: string): void {
    this.#fabric.moveTo(port, network);
    this.#steps.changed();
  }

  /**
   * Joins a network to other tabs or other computers; off until it is asked for. The port takes faults, captures and a VLAN
   * as a NIC's does. Throws `LanError`.
   */
  joinLan(network: string, place: LanPlace): PortId {
    const name = place.type === "tabs" ? `tabs:${place.lan}` : place.url;
    let cable: LanCable | undefined;
    const id = this.#fabric.attach(network, name, (frame) => cable?.send(frame));
    try {
      cable = new LanCable({
        place,
        receive: (frame) => {
          this.#fabric.receive(id, frame, performance.now());
          this.#wake();
        },
      });
    } catch (error) {
      this.#fabric.detach(id);
      throw error;
    }
    this.#lans.set(id, cable);
    return id;
  }

  /** One that is gone already stays gone. */
  leaveLan(port: PortId): void {
    const cable = this.#lans.get(port);
    if (cable === undefined) return;
    cable.close();
    this.#lans.delete(port);
    this.#fabric.detach(port);
  }

  lans(): (LanStatus & { port: PortId; network: string })[] {
    return [...this.#lans].map(([port, { status }]) => ({
      ...structuredClone(status),
      port,
      network: this.#fabric.networkOf(port).config.name,
    }));
  }

  /** The machine is told of its carrier by its owner (`RunningMachine.setLink`), not from here. */
  setLink(port: PortId, up: boolean): void {
    this.#fabric.setLink(port, up);
  }

  /** Told of each NIC whose cable gets or loses contact, also by a fault. From another thread it is given by `proxy`. */
  onCarrier(listener: ((port: PortId, up: boolean) => void) | undefined): void {
    this.#fabric.onCarrier = listener;
  }

  setFlap(port: PortId, flap: Flap | undefined): void {
    this.#fabric.tick(performance.now());
    this.#fabric.setFlap(port, flap);
    this.#wake();
  }

  addTroublemaker(network: string, fault: NetworkFault): TroublemakerId {
    const id = this.#fabric.addTroublemaker(network, fault, performance.now());
    this.#wake();
    return id;
  }

  removeTroublemaker(id: TroublemakerId): void {
    this.#fabric.removeTroublemaker(id);
  }

  troublemakers(network: string): { id: TroublemakerId; fault: NetworkFault }[] {
    return this.#fabric.troublemakers(network);
  }

  setZone(zone: Zone): void {
    this.#fabric.setZone(zone);
  }

  probe(network: string, from: ProbeFrom, probe: Probe, timeoutMs = PROBE_MS): Promise<ProbeAnswer> {
    this.#fabric.tick(performance.now());
    return new Promise((resolve) => {
      sendProbe(this.#fabric.network(network), from, probe, timeoutMs, resolve);
      this.#fabric.tick(performance.now());
      this.#wake();
    });
  }

  /** Tells what the network's devices decide, while it runs as well as in steps; `undefined` ends it. One listener each. */
  watchDecisions(network: string, listener: DecisionListener | undefined): void {
    clearInterval(this.#newsTimers.get(network));
    this.#newsTimers.delete(network);
    if (listener === undefined) {
      this.#fabric.network(network).observe = undefined;
      return;
    }
    let decisions: Decision[] = [];
    let missed = 0;
    this.#fabric.network(network).observe = (decision) => {
      if (decisions.length < MAX_NEWS) decisions.push(decision);
      else missed++;
    };
    const tell = () => {
      if (decisions.length === 0) return;
      listener({ decisions, missed });
      decisions = [];
      missed = 0;
    };
    this.#newsTimers.set(network, setInterval(tell, NEWS_MS));
  }

  setFaults(port: PortId, direction: Direction | "both", faults: Partial<LinkFaults>): void {
    this.#fabric.setFaults(port, direction, faults);
  }

  /** Undefined when nothing is wrong with the cable. */
  cableFaults(port: PortId): CableFaults | undefined {
    return this.#fabric.link(port).cableFaults;
  }

  /** All faults of a cable at once. Throws `RangeError`. */
  setCableFaults(port: PortId, faults: CableFaults | undefined): void {
    this.#fabric.setCableFaults(port, faults);
    this.#wake();
  }

  /** As `Fabric.portNamed`: for faults and captures on the cables of gateway, host and neighbours. */
  portNamed(network: string, name: string): PortId {
    return this.#fabric.portNamed(network, name);
  }

  /** Draws all that is random anew from this seed. */
  reseed(seed: number): void {
    this.#fabric.reseed(seed);
  }

  setPortMode(port: PortId, mode: PortMode | undefined): void {
    this.#fabric.setPortMode(port, mode);
  }

  status(network: string): NetworkStatus {
    return this.#fabric.status(network);
  }

  networkNames(): string[] {
    return [...this.#fabric.networks.keys()];
  }

  /** Pauses the machines of the laboratory and lets them run on; from another thread it is given by `proxy`. */
  onMachineClocks(listener: MachineClocks | undefined): void {
    this.#steps.machineClocks = listener;
  }

  /** Time stands still on the network and in its machines, until `release`. */
  hold(network: string): Promise<void> {
    return this.#steps.hold(network);
  }

  release(network: string): Promise<void> {
    return this.#steps.release(network);
  }

  /** One frame, one hop; undefined when none was on its way for a second. */
  step(network: string): Promise<NumberedStep | undefined> {
    return this.#steps.step(network);
  }

  /** Holds the network and steps by itself. Throws `RangeError` for a speed that is none. */
  play(network: string, stepsPerSecond: number): Promise<void> {
    return this.#steps.play(network, stepsPerSecond);
  }

  /** Ends `play`; the network stays held. */
  stop(network: string): void {
    this.#steps.stop(network);
  }

  /** Steps a second, while it plays. */
  playing(network: string): number | undefined {
    return this.#steps.playing(network);
  }

  /** The last steps since `hold`, oldest first, from a number on. */
  history(network: string, from?: number): NumberedStep[] {
    return this.#steps.history(network, from);
  }

  /** Tells each step as it is made; `undefined` ends it. One listener a network. */
  watchSteps(network: string, listener: StepListener | undefined): void {
    if (listener === undefined) this.#steps.listeners.delete(network);
    else this.#steps.listeners.set(network, listener);
  }

  /** A network by its name, where each frame is seen once, or one cable by its NIC's port, before its faults. */
  startCapture(place: CapturePlace, maxFrames?: number, maxBytes?: number): void {
    const ring = new CaptureRing(maxFrames, maxBytes);
    if (typeof place === "string") {
      const network = this.#fabric.network(place);
      this.#captures.set(place, ring);
      this.#tap(network);
    } else {
      this.#fabric.setTap(place, (frame, direction) =>
        ring.add(direction === "in" ? 0 : 1, this.#startTime + this.#fabric.hostTimeOf(place), frame),
      );
      this.#captures.set(place, ring);
    }
  }

  /** Stops taking frames; what was captured stays until `discardCapture`. */
  stopCapture(place: CapturePlace): void {
    if (typeof place === "string") this.#fabric.network(place).tap = undefined;
    else if (this.#fabric.hasPort(place)) this.#fabric.setTap(place, undefined);
  }

  discardCapture(place: CapturePlace): void {
    this.stopCapture(place);
    this.#captures.delete(place);
  }

  captured(place: CapturePlace): { size: number; dropped: number } {
    const ring = this.#captures.get(place);
    return { size: ring?.size ?? 0, dropped: ring?.dropped ?? 0 };
  }

  /** Frames by place from 0, the oldest held. */
  frames(place: CapturePlace, from: number, count: number): CapturedFrame[] {
    const ring = this.#captures.get(place);
    const found: CapturedFrame[] = [];
    if (ring === undefined) return found;
    const end = Math.min(from + count, ring.size);
    for (let i = Math.max(0, from); i < end; i++) found.push(ring.at(i)!);
    return found;
  }

  /** As `matchingFrames`; nothing without a capture. Throws `FilterError`. */
  captureMatches(place: CapturePlace, filter: string, from: number, limit: number): Matches {
    const ring = this.#captures.get(place) ?? NOTHING_CAPTURED;
    return matchingFrames(ring, filter, from, limit);
  }

  captureStream(place: CapturePlace, number: number): Stream | undefined {
    return streamOf(this.#captures.get(place) ?? NOTHING_CAPTURED, number);
  }

  /** A pcapng file; a cable's two directions are two interfaces. */
  exportCapture(place: CapturePlace): Uint8Array {
    const ring = this.#captures.get(place);
    const interfaces = typeof place === "string" ? [place] : this.#linkInterfaces(place);
    return writePcapng({
      interfaces,
      frames: ring === undefined ? [] : this.frames(place, 0, ring.size),
      dropped: ring?.dropped ?? 0,
    });
  }

  #linkInterfaces(port: PortId): string[] {
    const name = this.#fabric.hasPort(port) ? this.#fabric.nameOf(port) : `port ${port}`;
    return [`${name} sent`, `${name} received`];
  }

  close(): void {
    for (const port of this.#lans.keys()) this.leaveLan(port);
    clearTimeout(this.#timer);
    for (const timer of this.#newsTimers.values()) clearInterval(timer);
    for (const port of this.#nicPorts.values()) port.close();
    this.#nicPorts.clear();
  }

  #tap(network: Network): void {
    const ring = this.#captures.get(network.config.name);
    if (ring !== undefined) {
      network.tap = (frame) => ring.add(0, this.#startTime + network.hostTime, frame);
    }
  }

  /** Sets the timer for what is due next. */
  #wake(): void {
    this.#steps.check();
    const next = this.#fabric.nextTime() ?? Infinity;
    if (next === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    if (next === Infinity) return;
    const delay = Math.min(0x7fffffff, Math.max(0, next - performance.now()));
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#fabric.tick(performance.now());
      this.#wake();
    }, delay);
  }
}
