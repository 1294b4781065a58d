/**
 * The programmable interval timer: Intel 8254 data sheet (order number 231164), three counters at 1.193182 MHz on ports
 * 40h to 43h, and the system control port B (61h) of an AT that gates counter 2 and the speaker.
 *
 * A counter is never ticked: its count and output are computed from the time that has passed since it was loaded, and a
 * timer is armed for the next change of counter 0's output, which is IRQ 0.
 */

import type { Clock, Timer } from "../clock.ts";

/** 105/88 MHz, the colour-burst frequency times 4/12. */
export const PIT_HERTZ = 1193182;
const TICKS_PER_NANOSECOND = PIT_HERTZ / 1e9;

const ACCESS_LOW = 1;
const ACCESS_HIGH = 2;
const ACCESS_WORD = 3;
const READ_BACK_NO_COUNT = 0x20;
const READ_BACK_NO_STATUS = 0x10;
const STATUS_OUT = 0x80;
const STATUS_NULL_COUNT = 0x40;

/** Port 61h. */
const PORTB_GATE2 = 0x01;
const PORTB_SPEAKER = 0x02;
const PORTB_REFRESH = 0x10;
const PORTB_OUT2 = 0x20;
/** The AT's memory refresh bit toggles about every 15 µs. */
const REFRESH_NANOSECONDS = 15085;

export interface PitCounterState {
  mode: number;
  bcd: boolean;
  access: number;
  /** Count register in ticks, 1 to 65536 (10000 in BCD); 0 before the first load. */
  reload: number;
  /** A count written in mode 2 or 3 waits for the end of the period; 0 if none. */
  pendingReload: number;
  /** Ticks since power-on at which counting (re)started. */
  start: number;
  /** Elapsed ticks while the gate stops the count, -1 while it runs. */
  frozen: number;
  gate: boolean;
  /** Modes 1 and 5 wait for a rising gate. */
  triggered: boolean;
  writeLow: number;
  writeHalf: boolean;
  readHalf: boolean;
  latchedCount: number;
  latchedHalves: number;
  latchedStatus: number;
}

export interface PitState {
  version: 1;
  counters: PitCounterState[];
  speaker: boolean;
  line: boolean;
}

function ticksAt(nanoseconds: number): number {
  return Math.floor(nanoseconds * TICKS_PER_NANOSECOND);
}

/** The first nanosecond at which `ticksAt` has reached `ticks`. */
function nanosecondsAt(ticks: number): number {
  let time = Math.floor(ticks / TICKS_PER_NANOSECOND);
  while (ticksAt(time) < ticks) time++;
  return time;
}

class Counter {
  s: PitCounterState;

  constructor(gate: boolean) {
    this.s = {
      mode: 0,
      bcd: false,
      access: ACCESS_WORD,
      reload: 0,
      pendingReload: 0,
      start: 0,
      frozen: -1,
      gate,
      triggered: false,
      writeLow: 0,
      writeHalf: false,
      readHalf: false,
      latchedCount: 0,
      latchedHalves: 0,
      latchedStatus: -1,
    };
  }

  /** Moves a periodic counter with a waiting count into its new period. */
  sync(now: number): void {
    const s = this.s;
    if (s.pendingReload === 0 || s.reload === 0) return;
    const end = s.start + s.reload;
    if (s.frozen >= 0 || now < end) return;
    // Only the period in progress when the count was written is finished: `start` was moved there by `load`.
    s.start = end;
    s.reload = s.pendingReload;
    s.pendingReload = 0;
  }

  #elapsed(now: number): number {
    return this.s.frozen >= 0 ? this.s.frozen : Math.max(0, now - this.s.start);
  }

  output(now: number): boolean {
    const s = this.s;
    this.sync(now);
    if (s.reload === 0) return s.mode !== 0;
    const d = this.#elapsed(now);
    switch (s.mode) {
      case 0:
        return d >= s.reload;
      case 1:
        return !s.triggered || d >= s.reload;
      case 2:
        return !s.gate || d % s.reload !== s.reload - 1;
      case 3:
        return !s.gate || d % s.reload < (s.reload + 1) >> 1;
      case 4:
        return d !== s.reload;
      default:
        return !s.triggered || d !== s.reload;
    }
  }

  /** Ticks at which the output next rises, `Infinity` if it will not by itself. */
  nextRise(now: number): number {
    const s = this.s;
    this.sync(now);
    if (s.reload === 0 || s.frozen >= 0) return Infinity;
    const d = this.#elapsed(now);
    switch (s.mode) {
      case 0:
        return d < s.reload ? s.start + s.reload : Infinity;
      case 1:
        return s.triggered && d < s.reload ? s.start + s.reload : Infinity;
      case 2:
      case 3:
        return s.gate ? s.start + (Math.floor(d / s.reload) + 1) * s.reload : Infinity;
      case 4:
        return d <= s.reload ? s.start + s.reload + 1 : Infinity;
      default:
        return s.triggered && d <= s.reload ? s.start + s.reload + 1 : Infinity;
    }
  }

  count(now: number): number {
    const s = this.s;
    this.sync(now);
    if (s.reload === 0) return 0;
    const d = this.#elapsed(now);
    const modulus = s.bcd ? 10000 : 0x10000;
    let value: number;
    if (s.mode === 2) value = s.reload - (d % s.reload);
    else if (s.mode === 3) value = s.reload - ((2 * d) % s.reload);
    else value = (((s.reload - d) % modulus) + modulus) % modulus;
    value %= modulus;
    return s.bcd ? toBcd(value) : value;
  }

  setGate(gate: boolean, now: number): void {
    const s = this.s;
    if (gate === s.gate) return;
    this.sync(now);
    switch (s.mode) {
      case 0:
      case 4:
        if (gate && s.frozen >= 0) {
          s.start = now - s.frozen;
          s.frozen = -1;
        } else if (!gate) {
          s.frozen = this.#elapsed(now);
        }
        break;
      case 1:
      case 5:
        if (gate) {
          s.triggered = true;
          s.start = now;
        }
        break;
      default:
        if (gate) {
          s.start = now;
          s.frozen = -1;
        } else {
          s.frozen = this.#elapsed(now);
        }
    }
    s.gate = gate;
  }

  setMode(control: number, now: number): void {
    const s = this.s;
    const mode = (control >> 1) & 7;
    s.mode = mode > 5 ? mode & 3 : mode;
    s.bcd = (control & 1) !== 0;
    s.access = (control >> 4) & 3;
    s.reload = 0;
    s.pendingReload = 0;
    s.start = now;
    s.frozen = -1;
    s.triggered = false;
    s.writeHalf = false;
    s.readHalf = false;
    s.latchedHalves = 0;
    s.latchedStatus = -1;
  }

  load(value: number, now: number): void {
    const s = this.s;
    const count = s.bcd ? fromBcd(value) || 10000 : value || 0x10000;
    if ((s.mode === 2 || s.mode === 3) && s.reload !== 0 && s.frozen < 0) {
      this.sync(now);
      s.start += Math.floor(this.#elapsed(now) / s.reload) * s.reload;
      s.pendingReload = count;
      return;
    }
    s.reload = count;
    if (s.mode === 1 || s.mode === 5) return;
    s.start = now;
    s.frozen = s.gate ? -1 : 0;
  }

  write(value: number, now: number): boolean {
    const s = this.s;
    if (s.access === ACCESS_LOW) {
      this.load(value, now);
      return true;
    }
    if (s.access === ACCESS_HIGH) {
      this.load(value << 8, now);
      return true;
    }
    if (!s.writeHalf) {
      s.writeLow = value;
      s.writeHalf = true;
      // In mode 0 the first half stops the count until the second is there.
      if (s.mode === 0) {
        s.reload = 0;
        return true;
      }
      return false;
    }
    s.writeHalf = false;
    this.load((value << 8) | s.writeLow, now);
    return true;
  }

  read(now: number): number {
    const s = this.s;
    if (s.latchedStatus >= 0) {
      const status = s.latchedStatus;
      s.latchedStatus = -1;
      return status;
    }
    if (s.latchedHalves > 0) {
      const high = s.access === ACCESS_HIGH || (s.access === ACCESS_WORD && s.latchedHalves === 1);
      s.latchedHalves--;
      return high ? s.latchedCount >> 8 : s.latchedCount & 0xff;
    }
    const count = this.count(now);
    if (s.access === ACCESS_LOW) return count & 0xff;
    if (s.access === ACCESS_HIGH) return count >> 8;
    s.readHalf = !s.readHalf;
    return s.readHalf ? count & 0xff : count >> 8;
  }

  latchCount(now: number): void {
    const s = this.s;
    if (s.latchedHalves > 0) return;
    s.latchedCount = this.count(now);
    s.latchedHalves = s.access === ACCESS_WORD ? 2 : 1;
  }

  latchStatus(now: number): void {
    const s = this.s;
    if (s.latchedStatus >= 0) return;
    s.latchedStatus =
      (this.output(now) ? STATUS_OUT : 0) |
      (s.reload === 0 || s.pendingReload !== 0 ? STATUS_NULL_COUNT : 0) |
      (s.access << 4) |
      (s.mode << 1) |
      (s.bcd ? 1 : 0);
  }
}

function fromBcd(value: number): number {
  return (value >> 12) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15);
}

function toBcd(value: number): number {
  return (
    ((Math.floor(value / 1000) % 10) << 12) |
    ((Math.floor(value / 100) % 10) << 8) |
    ((Math.floor(value / 10) % 10) << 4) |
    (value % 10)
  );
}

export class Pit8254 {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #setIrq0: (level: boolean) => void;
  readonly #counters = [new Counter(true), new Counter(true), new Counter(false)];
  #speaker = false;
  #line = false;
  /** IRQ 0 pulses since power-on. */
  interrupts = 0;

  constructor(clock: Clock, setIrq0: (level: boolean) => void) {
    this.#clock = clock;
    this.#setIrq0 = setIrq0;
    this.#timer = clock.timer("pit-8254", () => this.#fire());
  }

  reset(): void {
    for (let i = 0; i < 3; i++) this.#counters[i].s = new Counter(i < 2).s;
    this.#speaker = false;
    this.#timer.cancel();
    this.#setLine(false);
  }

  /** True while the speaker's cone is driven: data bit and counter 2's output. */
  get speakerOn(): boolean {
    return this.#speaker && this.#counters[2].s.gate;
  }

  /** Frequency of counter 2 in hertz, what the speaker plays in mode 3. */
  get speakerHertz(): number {
    const { reload } = this.#counters[2].s;
    return reload === 0 ? 0 : PIT_HERTZ / reload;
  }

  /** Ports 40h to 43h and 61h. */
  readPort(port: number): number {
    const now = ticksAt(this.#clock.now());
    if (port === 0x61) return this.#readPortB(now);
    if (port === 0x43) return 0xff;
    return this.#counters[port & 3].read(now);
  }

  writePort(port: number, value: number): void {
    const now = ticksAt(this.#clock.now());
    if (port === 0x61) {
      this.#speaker = (value & PORTB_SPEAKER) !== 0;
      this.#counters[2].setGate((value & PORTB_GATE2) !== 0, now);
    } else if (port === 0x43) {
      this.#writeControl(value, now);
    } else if (this.#counters[port & 3].write(value, now) && port === 0x40) {
      this.#update(now);
    }
  }

  #readPortB(now: number): number {
    const counter2 = this.#counters[2];
    const refresh = Math.floor(this.#clock.now() / REFRESH_NANOSECONDS) & 1;
    return (
      (counter2.s.gate ? PORTB_GATE2 : 0) |
      (this.#speaker ? PORTB_SPEAKER : 0) |
      (refresh !== 0 ? PORTB_REFRESH : 0) |
      (counter2.output(now) ? PORTB_OUT2 : 0)
    );
  }

  #writeControl(value: number, now: number): void {
    const select = value >> 6;
    if (select === 3) {
      for (let i = 0; i < 3; i++) {
        if ((value & (2 << i)) === 0) continue;
        if ((value & READ_BACK_NO_STATUS) === 0) this.#counters[i].latchStatus(now);
        if ((value & READ_BACK_NO_COUNT) === 0) this.#counters[i].latchCount(now);
      }
    } else if ((value & 0x30) === 0) {
      this.#counters[select].latchCount(now);
    } else {
      this.#counters[select].setMode(value, now);
      if (select === 0) this.#update(now);
    }
  }

  /** Counter 0's output and the alarm for its next change. */
  #update(now: number): void {
    const counter = this.#counters[0];
    this.#setLine(counter.output(now));
    const rise = counter.nextRise(now);
    if (rise === Infinity) {
      this.#timer.cancel();
      return;
    }
    let next = rise;
    const { s } = counter;
    // The square wave is low for half the period; the other modes' low pulse of one tick is given with the rise.
    if (s.mode === 3 && this.#line) next = rise - (s.reload >> 1);
    this.#timer.arm(nanosecondsAt(next));
  }

  #fire(): void {
    const counter = this.#counters[0];
    const now = ticksAt(this.#clock.now());
    if (counter.s.mode !== 3 || counter.output(now)) {
      this.#setLine(false);
      this.#setLine(true);
    }
    this.#update(now);
  }

  #setLine(level: boolean): void {
    if (level === this.#line) return;
    this.#line = level;
    if (level) this.interrupts++;
    this.#setIrq0(level);
  }

  save(): PitState {
    return {
      version: 1,
      counters: this.#counters.map((counter) => ({ ...counter.s })),
      speaker: this.#speaker,
      line: this.#line,
    };
  }

  restore(state: PitState): void {
    state.counters.forEach((saved, i) => (this.#counters[i].s = { ...saved }));
    this.#speaker = state.speaker;
    this.#line = state.line;
    this.#update(ticksAt(this.#clock.now()));
  }
}
