/**
 * A capture as the three panes show it. The frames stay where they are captured: the page asks for the rows that are in
 * sight, and for the numbers of those that the display filter shows, piece by piece.
 */
import type { CapturedFrame } from "../../hypervisor-model/network/capture-ring.ts";
import { FilterError, parseFilter } from "../../hypervisor-model/network/capture/display-filter.ts";
import { dissect, type Dissection } from "../../hypervisor-model/network/capture/dissect.ts";
import type { Stream } from "../../hypervisor-model/network/capture/follow-stream.ts";
import type { CaptureSource } from "./capture-source.ts";
import { signal } from "./signals.ts";

export interface FrameRow extends CapturedFrame {
  dissection: Dissection;
}

const LOOK_MS = 250;
/** Frames that the filter looks at in one question: some 20 ms of the fabric's thread. */
const PIECE = 2000;
/** Rows around those in sight that are got with them. */
const AROUND = 60;
const MAX_KEPT = 3000;

export class Capture {
  /** Grows whenever something to be drawn has changed. */
  readonly version = signal(0);
  readonly source: CaptureSource;
  held = { size: 0, dropped: 0 };
  paused = false;
  filter = "";
  filterError: FilterError | undefined;
  selected: number | undefined;
  /** Time of the first frame: others are told from it on. */
  firstTime: number | undefined;
  #matches: number[] = [];
  #next = 1;
  readonly #kept = new Map<number, FrameRow>();
  readonly #asked = new Set<number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watched = false;

  constructor(source: CaptureSource) {
    this.source = source;
  }

  /** Follows the capture while somebody looks. */
  watch(): void {
    this.#watched = true;
    void this.#look();
  }

  unwatch(): void {
    this.#watched = false;
    clearTimeout(this.#timer);
  }

  /** Rows that the list has. */
  get count(): number {
    return this.filter === "" ? this.held.size : this.#matches.length;
  }

  /** Number of the frame in a row. */
  numberAt(row: number): number | undefined {
    if (row < 0 || row >= this.count) return undefined;
    return this.filter === "" ? this.held.dropped + row + 1 : this.#matches[row];
  }

  rowOf(number: number): number {
    if (this.filter === "") return number - this.held.dropped - 1;
    return this.#matches.indexOf(number);
  }

  /** The frame in a row, when it is here; else undefined, and it is asked for. */
  at(row: number): FrameRow | undefined {
    const number = this.numberAt(row);
    return number === undefined ? undefined : this.#kept.get(number);
  }

  frame(number: number | undefined): FrameRow | undefined {
    return number === undefined ? undefined : this.#kept.get(number);
  }

  /** Gets what is missing of the rows in sight. */
  async need(from: number, to: number): Promise<void> {
    const missing: number[] = [];
    for (let row = Math.max(0, from); row < Math.min(to, this.count); row++) {
      const number = this.numberAt(row)!;
      if (!this.#kept.has(number) && !this.#asked.has(number)) missing.push(number);
    }
    if (missing.length === 0) return;
    // More of the same on both sides, so that scrolling finds them here.
    if (this.filter === "") {
      const first = Math.max(this.held.dropped + 1, missing[0] - AROUND);
      const last = Math.min(this.held.dropped + this.held.size, missing.at(-1)! + AROUND);
      missing.length = 0;
      for (let n = first; n <= last; n++) {
        if (!this.#kept.has(n) && !this.#asked.has(n)) missing.push(n);
      }
    }
    for (const number of missing) this.#asked.add(number);
    const runs: { from: number; count: number }[] = [];
    for (const number of missing) {
      const run = runs.at(-1);
      if (run && run.from + run.count === number) run.count++;
      else runs.push({ from: number, count: 1 });
    }
    const { dropped } = this.held;
    try {
      const found = await Promise.all(
        runs.map((run) => this.source.frames(run.from - dropped - 1, run.count)),
      );
      for (const frame of found.flat())
        this.#kept.set(frame.number, { ...frame, dissection: dissect(frame.bytes) });
    } finally {
      for (const number of missing) this.#asked.delete(number);
    }
    for (const number of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      if (number !== this.selected) this.#kept.delete(number);
    }
    this.#changed();
  }

  /** False when the words are no filter: the list then stays as it was. */
  setFilter(text: string): boolean {
    try {
      parseFilter(text);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.filterError = error;
      this.#changed();
      return false;
    }
    this.filterError = undefined;
    this.filter = text.trim();
    this.#matches = [];
    this.#next = 1;
    this.#changed();
    void this.#look();
    return true;
  }

  select(number: number | undefined): void {
    this.selected = number;
    this.#changed();
  }

  /** The list stands still; the frames are captured all the same. */
  setPaused(paused: boolean): void {
    this.paused = paused;
    this.#changed();
    if (!paused) void this.#look();
  }

  /** After the capture has begun anew. */
  forget(): void {
    this.#kept.clear();
    this.#matches = [];
    this.#next = 1;
    this.held = { size: 0, dropped: 0 };
    this.selected = this.firstTime = undefined;
    this.#changed();
  }

  async stream(): Promise<Stream | undefined> {
    return this.selected === undefined ? undefined : this.source.stream(this.selected);
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      if (!this.paused) await this.#ask();
    } catch {
      // the cable is gone: what was got stays
    }
    clearTimeout(this.#timer);
    if (this.#watched) this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #ask(): Promise<void> {
    const held = await this.source.state();
    const news = held.size !== this.held.size || held.dropped !== this.held.dropped;
    this.held = held;
    if (this.firstTime === undefined && held.size > 0) {
      this.firstTime = (await this.source.frames(0, 1))[0]?.time;
    }
    if (news) this.#changed();
    const { filter } = this;
    if (filter === "") return;
    while (this.#next <= held.dropped + held.size) {
      const { numbers, next } = await this.source.matches(filter, this.#next, PIECE);
      if (filter !== this.filter || next <= this.#next) return;
      this.#matches.push(...numbers);
      this.#next = next;
      this.#changed();
    }
  }

  #changed(): void {
    this.version.set(this.version.get() + 1);
  }
}
