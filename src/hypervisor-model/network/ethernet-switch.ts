/**
 * A learning switch (IEEE 802.1Q clauses 7 and 8): address table with ageing, VLANs, flooding of what it does not know,
 * and a guard against broadcast storms. Frames it does not understand are forwarded by their addresses alone. No
 * allocation for a frame that stays as it is; only a tag put on or taken off makes a new one.
 */
import type { Observe, SwitchDrop } from "./decision.ts";
import { ETHERTYPE_VLAN } from "./wire/ethernet.ts";
import { formatMac } from "./wire/mac-address.ts";

const HEADER_LENGTH = 14;
const TAG_LENGTH = 4;
/** The largest frame of a v86 card with room for a jumbo frame; longer is noise. */
const MAX_FRAME = 16_384;
const WAYS = 4;
export const MAX_SWITCH_PORTS = 256;

export type PortMode =
  /** Untagged frames of one VLAN. */
  | { type: "access"; vlan: number }
  /** Tagged frames of some VLANs; untagged ones belong to `native`. */
  | { type: "trunk"; vlans: readonly number[]; native?: number };

export interface SwitchOptions {
  name: string;
  /** Called for each port a frame leaves by; the frame is shared and must not be changed. */
  transmit: (port: number, frame: Uint8Array) => void;
  ageingMilliseconds?: number;
  /** Frames to all that one port may send in a second of virtual time. */
  floodsPerSecond?: number;
  /** Number of addresses: a power of two. */
  tableSize?: number;
}

export interface LearnedAddress {
  mac: string;
  vlan: number;
  port: number;
  /** Milliseconds since a frame came from it. */
  age: number;
}

export class EthernetSwitch {
  readonly name: string;
  observe: Observe;
  readonly drops: Record<SwitchDrop, number> = {
    malformed: 0,
    "same-port": 0,
    vlan: 0,
    storm: 0,
    "reserved-address": 0,
    "too-long": 0,
  };
  forwarded = 0;
  flooded = 0;
  readonly #transmit: (port: number, frame: Uint8Array) => void;
  readonly #ageing: number;
  readonly #floodLimit: number;
  readonly #buckets: number;
  // One table entry: VLAN and upper 16 bits of the address, lower 32 bits, port, last seen.
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #port: Int16Array;
  readonly #seen: Float64Array;
  readonly #used = new Uint8Array(MAX_SWITCH_PORTS);
  /** Ports in use, in order, so that a flood does not look at the others. */
  #active: number[] = [];
  readonly #modes: (PortMode | undefined)[] = [];
  #vlanAware = false;
  readonly #floodBudget = new Float64Array(MAX_SWITCH_PORTS);
  readonly #floodTime = new Float64Array(MAX_SWITCH_PORTS);

  constructor(options: SwitchOptions) {
    const size = options.tableSize ?? 8192;
    this.name = options.name;
    this.#transmit = options.transmit;
    this.#ageing = options.ageingMilliseconds ?? 300_000;
    this.#floodLimit = options.floodsPerSecond ?? 20_000;
    this.#buckets = size / WAYS;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#port = new Int16Array(size).fill(-1);
    this.#seen = new Float64Array(size);
  }

  /** A free port, or undefined when all 256 are taken. */
  addPort(mode?: PortMode): number | undefined {
    const port = this.#used.indexOf(0);
    if (port < 0) return undefined;
    this.#used[port] = 1;
    this.#floodBudget[port] = this.#floodLimit;
    this.#active = [...this.#active, port].sort((a, b) => a - b);
    this.setMode(port, mode);
    return port;
  }

  removePort(port: number): void {
    this.#used[port] = 0;
    this.#active = this.#active.filter((other) => other !== port);
    this.setMode(port, undefined);
    this.forget(port);
  }

  /** Without a mode a port carries every frame as it is, until another port has one: then it is in VLAN 1. */
  setMode(port: number, mode: PortMode | undefined): void {
    this.#modes[port] = mode;
    this.#vlanAware = this.#modes.some((other) => other !== undefined);
    this.forget(port);
  }

  mode(port: number): PortMode | undefined {
    return this.#modes[port];
  }

  /** Forgets what was learned on a port: its link went down or it changed VLAN. */
  forget(port: number): void {
    for (let i = 0; i < this.#port.length; i++) if (this.#port[i] === port) this.#port[i] = -1;
  }

  table(now: number): LearnedAddress[] {
    const found: LearnedAddress[] = [];
    for (let i = 0; i < this.#port.length; i++) {
      if (this.#port[i] < 0 || now - this.#seen[i] > this.#ageing) continue;
      found.push({
        mac: formatMac((this.#high[i] & 0xffff) * 0x100000000 + this.#low[i]),
        vlan: this.#high[i] >>> 16,
        port: this.#port[i],
        age: now - this.#seen[i],
      });
    }
    return found.sort((a, b) => a.port - b.port || (a.mac < b.mac ? -1 : 1));
  }

  receive(port: number, frame: Uint8Array, now: number): void {
    if (frame.length < HEADER_LENGTH) return this.#drop("malformed", port);
    if (frame.length > MAX_FRAME) return this.#drop("too-long", port);
    let vlan = 0;
    if (this.#vlanAware) {
      vlan = this.#ingressVlan(port, frame);
      if (vlan < 0) return this.#drop("vlan", port);
    }
    const vlanBits = vlan << 16;
    const sourceHigh = (vlanBits | (frame[6] << 8) | frame[7]) >>> 0;
    const sourceLow = ((frame[8] << 24) | (frame[9] << 16) | (frame[10] << 8) | frame[11]) >>> 0;
    // A group address is never a source; such a frame is still forwarded.
    if ((frame[6] & 1) === 0) this.#learn(sourceHigh, sourceLow, port, now);
    const high = (vlanBits | (frame[0] << 8) | frame[1]) >>> 0;
    const low = ((frame[2] << 24) | (frame[3] << 16) | (frame[4] << 8) | frame[5]) >>> 0;
    if ((frame[0] & 1) === 0) {
      const out = this.#find(high, low, now);
      if (out === port) return this.#drop("same-port", port);
      if (out >= 0) {
        this.forwarded++;
        if (this.observe !== undefined) {
          this.observe({
            device: this.name,
            type: "switch-forwarded",
            mac: text(high, low),
            port: out,
            vlan,
          });
        }
        return this.#send(out, frame, vlan);
      }
    } else if ((high & 0xffff) === 0x0180 && low >>> 4 === 0xc200000 && (low & 15) !== 0) {
      // 01-80-C2-00-00-0x: pause, LACP, LLDP … stay on their link (802.1Q table 8-1); 00 (spanning tree) is passed on,
      // as by a switch that runs none.
      return this.#drop("reserved-address", port);
    }
    this.#flood(port, frame, vlan, high, low, now);
  }

  #flood(port: number, frame: Uint8Array, vlan: number, high: number, low: number, now: number): void {
    const gained = ((now - this.#floodTime[port]) * this.#floodLimit) / 1000;
    const budget = Math.min(this.#floodLimit, this.#floodBudget[port] + Math.max(0, gained));
    this.#floodTime[port] = now;
    if (budget < 1) {
      this.#floodBudget[port] = budget;
      return this.#drop("storm", port);
    }
    this.#floodBudget[port] = budget - 1;
    this.flooded++;
    if (this.observe !== undefined) {
      const broadcast = (high & 0xffff) === 0xffff && low === 0xffffffff;
      const reason = broadcast ? "broadcast" : (frame[0] & 1) === 1 ? "multicast" : "unknown";
      this.observe({ device: this.name, type: "switch-flooded", mac: text(high, low), reason, vlan });
    }
    const active = this.#active;
    for (let i = 0; i < active.length; i++) if (active[i] !== port) this.#send(active[i], frame, vlan);
  }

  #learn(high: number, low: number, port: number, now: number): void {
    const start = this.#bucket(high, low);
    let oldest = start;
    for (let i = start; i < start + WAYS; i++) {
      if (this.#port[i] >= 0 && this.#low[i] === low && this.#high[i] === high) {
        if (this.#port[i] !== port && this.observe !== undefined) {
          const from = this.#port[i];
          this.observe({
            device: this.name,
            type: "switch-moved",
            mac: text(high, low),
            from,
            port,
            vlan: high >>> 16,
          });
        }
        this.#port[i] = port;
        this.#seen[i] = now;
        return;
      }
      if (this.#port[i] < 0) {
        if (this.#port[oldest] >= 0) oldest = i;
      } else if (this.#port[oldest] >= 0 && this.#seen[i] < this.#seen[oldest]) oldest = i;
    }
    this.#high[oldest] = high;
    this.#low[oldest] = low;
    this.#port[oldest] = port;
    this.#seen[oldest] = now;
    if (this.observe !== undefined) {
      this.observe({
        device: this.name,
        type: "switch-learned",
        mac: text(high, low),
        port,
        vlan: high >>> 16,
      });
    }
  }

  #find(high: number, low: number, now: number): number {
    const start = this.#bucket(high, low);
    for (let i = start; i < start + WAYS; i++) {
      if (this.#low[i] === low && this.#high[i] === high && this.#port[i] >= 0) {
        return now - this.#seen[i] <= this.#ageing ? this.#port[i] : -1;
      }
    }
    return -1;
  }

  #bucket(high: number, low: number): number {
    let hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
    hash ^= hash >>> 15;
    return ((hash >>> 0) % this.#buckets) * WAYS;
  }

  #modeOf(port: number): PortMode {
    return this.#modes[port] ?? { type: "access", vlan: 1 };
  }

  #ingressVlan(port: number, frame: Uint8Array): number {
    const mode = this.#modeOf(port);
    const tag = isTagged(frame) ? ((frame[14] << 8) | frame[15]) & 0xfff : 0;
    if (mode.type === "access") return tag === 0 || tag === mode.vlan ? mode.vlan : -1;
    if (tag === 0) return mode.native ?? -1;
    return mode.vlans.includes(tag) ? tag : -1;
  }

  #send(port: number, frame: Uint8Array, vlan: number): void {
    if (!this.#vlanAware) return this.#transmit(port, frame);
    const mode = this.#modeOf(port);
    if (mode.type === "access") {
      if (mode.vlan === vlan) this.#transmit(port, isTagged(frame) ? withoutTag(frame) : frame);
    } else if (mode.native === vlan) this.#transmit(port, isTagged(frame) ? withoutTag(frame) : frame);
    else if (mode.vlans.includes(vlan)) this.#transmit(port, isTagged(frame) ? frame : withTag(frame, vlan));
  }

  #drop(reason: SwitchDrop, port: number): void {
    this.drops[reason]++;
    if (this.observe !== undefined) this.observe({ device: this.name, type: "switch-dropped", reason, port });
  }
}

function isTagged(frame: Uint8Array): boolean {
  return frame.length >= HEADER_LENGTH + TAG_LENGTH && ((frame[12] << 8) | frame[13]) === ETHERTYPE_VLAN;
}

function withTag(frame: Uint8Array, vlan: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + TAG_LENGTH);
  tagged.set(frame.subarray(0, 12));
  tagged[12] = ETHERTYPE_VLAN >>> 8;
  tagged[13] = ETHERTYPE_VLAN & 255;
  tagged[14] = vlan >>> 8;
  tagged[15] = vlan;
  tagged.set(frame.subarray(12), 16);
  return tagged;
}

function withoutTag(frame: Uint8Array): Uint8Array {
  const plain = new Uint8Array(frame.length - TAG_LENGTH);
  plain.set(frame.subarray(0, 12));
  plain.set(frame.subarray(16), 12);
  return plain;
}

function text(high: number, low: number): string {
  return formatMac((high & 0xffff) * 0x100000000 + low);
}
