/**
 * A cable between a device and its switch port, with the faults a student puts on it: each direction has its own, drawn
 * from a seeded generator so that a run repeats.
 */
import type { Random } from "../../common/random.ts";
import type { LinkDrop, Observe } from "./decision.ts";
import type { Cancel, Scheduler, Way } from "./scheduler.ts";

export interface LinkFaults {
  delayMs: number;
  /** Added to the delay, evenly between 0 and this. */
  jitterMs: number;
  lossPercent: number;
  duplicatePercent: number;
  /** Share of frames held back until at least one later frame has passed. */
  reorderPercent: number;
  /** Share of frames with one bit turned over. */
  corruptPercent: number;
  /** 0 for no limit. */
  rateKbitPerSecond: number;
}

export const NO_FAULTS: Readonly<LinkFaults> = {
  delayMs: 0,
  jitterMs: 0,
  lossPercent: 0,
  duplicatePercent: 0,
  reorderPercent: 0,
  corruptPercent: 0,
  rateKbitPerSecond: 0,
};

/** A loose plug: contact for so long, none for so long, over and over. */
export interface Flap {
  upMs: number;
  downMs: number;
}

/** `in`: towards the switch; `out`: towards the device. */
export type Direction = "in" | "out";

/** What is wrong with a cable on purpose. */
export interface CableFaults {
  lanes: Record<Direction, LinkFaults>;
  flap?: Flap;
}

export const noCableFaults = (): CableFaults => ({ lanes: { in: { ...NO_FAULTS }, out: { ...NO_FAULTS } } });

/** Frames that wait for a slow or long link; more are dropped, as a full queue does. */
const MAX_QUEUE = 1000;
const REORDER_DELAY_MS = 20;
const MIN_FLAP_MS = 10;

/** Frames on their way in one network: a held one does not let a talkative neighbour fill the memory. */
const MAX_IN_FLIGHT = 20_000;

export interface LinkOptions {
  /** What the cable joins, by name. */
  device: string;
  switch: string;
  scheduler: Scheduler;
  random: Random;
  /** The far end of each direction. */
  deliver: Record<Direction, (frame: Uint8Array) => void>;
}

class Lane {
  faults: LinkFaults = { ...NO_FAULTS };
  clean = true;
  queued = 0;
  /** When the sender has put the last bit of the frames before on the wire. */
  freeAt = 0;
  /** Frames without jitter or reordering never overtake. */
  lastArrival = 0;
  /** Straight through, and through the queue. */
  readonly way: Way;
  readonly slowWay: Way;

  constructor(link: LinkOptions, direction: Direction, arrive: (frame: Uint8Array) => void) {
    const [from, to] = direction === "in" ? [link.device, link.switch] : [link.switch, link.device];
    this.way = { from, to, carries: "frames", arrive };
    this.slowWay = {
      ...this.way,
      arrive: (frame) => {
        this.queued--;
        arrive(frame);
      },
    };
  }
}

export class Link {
  readonly name: string;
  observe: Observe;
  /** Sees each frame that enters the link, before faults. */
  tap: ((frame: Uint8Array, direction: Direction) => void) | undefined;
  readonly drops: Record<LinkDrop, number> = { down: 0, lost: 0, "queue-full": 0 };
  frames: Record<Direction, number> = { in: 0, out: 0 };
  bytes: Record<Direction, number> = { in: 0, out: 0 };
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #deliver: Record<Direction, (frame: Uint8Array) => void>;
  readonly #lanes: Record<Direction, Lane>;
  #up = true;
  /** False while a loose plug has no contact. */
  #contact = true;
  #flap: Flap | undefined;
  #stopFlapping: Cancel | undefined;
  /** Told when the link goes up or down. */
  onCarrier: ((up: boolean) => void) | undefined;

  constructor(options: LinkOptions) {
    this.name = `${options.switch}/${options.device}`;
    this.#lanes = {
      in: new Lane(options, "in", (frame) => this.#arrive("in", frame)),
      out: new Lane(options, "out", (frame) => this.#arrive("out", frame)),
    };
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#deliver = options.deliver;
  }

  get up(): boolean {
    return this.#up && this.#contact;
  }

  setUp(up: boolean): void {
    this.#change(up, this.#contact);
  }

  /** `undefined` mends the plug. */
  setFlap(flap: Flap | undefined): void {
    if (flap !== undefined && !(flap.upMs >= MIN_FLAP_MS && flap.downMs >= MIN_FLAP_MS)) {
      throw new RangeError(
        `a link flaps at least ${MIN_FLAP_MS} ms up and down; got ${flap.upMs} and ${flap.downMs}`,
      );
    }
    this.#flap = flap;
    this.#stopFlapping?.();
    this.#stopFlapping = undefined;
    this.#change(this.#up, true);
    if (flap === undefined) return;
    const wait = () => {
      this.#stopFlapping = this.#scheduler.after(this.#contact ? flap.upMs : flap.downMs, () => {
        this.#change(this.#up, !this.#contact);
        wait();
      });
    };
    wait();
  }

  /** Takes over another link's state and faults, not what is on its way. */
  copySettings(from: Link): void {
    this.setUp(from.#up);
    this.cableFaults = from.cableFaults ?? noCableFaults();
  }

  /** Undefined when nothing is wrong. Setting throws `RangeError` for a flap too short. */
  get cableFaults(): CableFaults | undefined {
    const flap = this.#flap;
    if (flap === undefined && this.#lanes.in.clean && this.#lanes.out.clean) return undefined;
    const lanes = { in: this.faults("in"), out: this.faults("out") };
    return flap === undefined ? { lanes } : { lanes, flap: { ...flap } };
  }

  set cableFaults({ lanes, flap }: CableFaults) {
    this.setFlap(flap);
    this.setFaults("in", lanes.in);
    this.setFaults("out", lanes.out);
  }

  #change(up: boolean, contact: boolean): void {
    const before = this.up;
    this.#up = up;
    this.#contact = contact;
    if (this.up !== before) this.onCarrier?.(this.up);
  }

  faults(direction: Direction): LinkFaults {
    return { ...this.#lanes[direction].faults };
  }

  /** Fields left out keep their value. */
  setFaults(direction: Direction, faults: Partial<LinkFaults>): void {
    const lane = this.#lanes[direction];
    lane.faults = { ...lane.faults, ...faults };
    lane.clean = Object.values(lane.faults).every((value) => value === 0);
  }

  send(direction: Direction, frame: Uint8Array): void {
    this.frames[direction]++;
    this.bytes[direction] += frame.length;
    this.tap?.(frame, direction);
    if (!this.up) return this.#drop("down", direction);
    const lane = this.#lanes[direction];
    if (this.#scheduler.framesInFlight >= MAX_IN_FLIGHT) return this.#drop("queue-full", direction);
    if (lane.clean) {
      this.#scheduler.deliverAfter(0, lane.way, frame);
      return;
    }
    const { faults } = lane;
    if (this.#chance(faults.lossPercent)) return this.#drop("lost", direction);
    let sent = frame;
    if (this.#chance(faults.corruptPercent)) {
      sent = frame.slice();
      if (sent.length > 0) sent[this.#random.below(sent.length)] ^= 1 << this.#random.below(8);
      this.#changed("corrupted", direction);
    }
    this.#enqueue(lane, direction, sent);
    if (this.#chance(faults.duplicatePercent)) {
      this.#changed("duplicated", direction);
      this.#enqueue(lane, direction, sent);
    }
  }

  #enqueue(lane: Lane, direction: Direction, frame: Uint8Array): void {
    if (lane.queued >= MAX_QUEUE) return this.#drop("queue-full", direction);
    const { faults } = lane;
    const now = this.#scheduler.now;
    let sentAt = now;
    if (faults.rateKbitPerSecond > 0) {
      // Preamble, FCS and gap count on a real wire: 24 bytes.
      lane.freeAt = Math.max(lane.freeAt, now) + ((frame.length + 24) * 8) / faults.rateKbitPerSecond;
      sentAt = lane.freeAt;
    }
    let arrival = sentAt + faults.delayMs + faults.jitterMs * this.#random.fraction();
    if (this.#chance(faults.reorderPercent)) {
      arrival += REORDER_DELAY_MS;
      this.#changed("reordered", direction);
    } else if (faults.jitterMs === 0) {
      arrival = lane.lastArrival = faults.reorderPercent > 0 ? arrival : Math.max(arrival, lane.lastArrival);
    }
    lane.queued++;
    this.#scheduler.deliverAfter(arrival - now, lane.slowWay, frame);
  }

  #arrive(direction: Direction, frame: Uint8Array): void {
    if (!this.up) return this.#drop("down", direction);
    this.#deliver[direction](frame);
  }

  #chance(percent: number): boolean {
    return percent > 0 && this.#random.fraction() * 100 < percent;
  }

  #changed(what: "corrupted" | "duplicated" | "reordered", direction: Direction): void {
    this.observe?.({ device: this.name, type: "link-changed", what, direction });
  }

  #drop(reason: LinkDrop, direction: Direction): void {
    this.drops[reason]++;
    this.observe?.({ device: this.name, type: "link-dropped", reason, direction });
  }
}
