/**
 * The machine's only clock: virtual time in nanoseconds since power-on.
 *
 * Time is the number of instructions executed times a configured rate, plus the idle time that HLT skipped. Nothing
 * here reads the host's clock, so the same inputs give the same times. Devices keep `Timer`s; the run loop asks for the
 * earliest deadline, executes no further than that, and fires what is due.
 */

export interface ClockState {
  version: 1;
  skippedNanoseconds: number;
}

export interface ClockConfig {
  /** Whole nanoseconds that one instruction takes: 10 is a 100 MIPS machine. */
  nanosecondsPerInstruction: number;
}

/** One alarm. A device arms it with an absolute time; it fires once, at a batch boundary not before that time. */
export class Timer {
  readonly name: string;
  /** Absolute virtual time in nanoseconds, `Infinity` when not armed. */
  deadline = Infinity;
  readonly #clock: Clock;
  readonly fire: (now: number) => void;

  constructor(clock: Clock, name: string, fire: (now: number) => void) {
    this.#clock = clock;
    this.name = name;
    this.fire = fire;
  }

  arm(deadline: number): void {
    this.deadline = deadline;
    this.#clock.deadlineChanged(deadline);
  }

  armAfter(nanoseconds: number): void {
    this.arm(this.#clock.now() + nanoseconds);
  }

  cancel(): void {
    this.deadline = Infinity;
  }

  get armed(): boolean {
    return this.deadline !== Infinity;
  }
}

export class Clock {
  readonly nanosecondsPerInstruction: number;
  /** Where the instruction count comes from; the PC sets it to the CPU's counter. */
  instructionCount: () => number = () => 0;
  /** Called when a timer was armed earlier than everything before it, so that a running batch can be cut short. */
  onEarlierDeadline: (deadline: number) => void = () => {};
  readonly #timers: Timer[] = [];
  #skipped = 0;

  constructor(config: ClockConfig = { nanosecondsPerInstruction: 10 }) {
    this.nanosecondsPerInstruction = config.nanosecondsPerInstruction;
  }

  /** Virtual nanoseconds since power-on. Never goes back. */
  now(): number {
    return this.instructionCount() * this.nanosecondsPerInstruction + this.#skipped;
  }

  timer(name: string, fire: (now: number) => void): Timer {
    const timer = new Timer(this, name, fire);
    this.#timers.push(timer);
    return timer;
  }

  /** Earliest deadline of all timers, `Infinity` if none is armed. */
  nextDeadline(): number {
    let earliest = Infinity;
    for (const timer of this.#timers) if (timer.deadline < earliest) earliest = timer.deadline;
    return earliest;
  }

  /** Whole instructions until the earliest deadline, at least 1 and at most `limit`. */
  instructionsUntilDeadline(limit: number): number {
    const distance = this.nextDeadline() - this.now();
    if (distance >= limit * this.nanosecondsPerInstruction) return limit;
    return Math.max(1, Math.ceil(distance / this.nanosecondsPerInstruction));
  }

  /** Fires every timer that is due, earliest first, those armed meanwhile included if they are due as well. */
  fireDue(): number {
    let fired = 0;
    const now = this.now();
    // The bound keeps a device that arms itself for "now" forever from hanging the machine.
    while (fired < 10_000) {
      let due: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.deadline <= now && (due === undefined || timer.deadline < due.deadline)) due = timer;
      }
      if (due === undefined) break;
      due.deadline = Infinity;
      due.fire(now);
      fired++;
    }
    return fired;
  }

  /** Lets idle time pass: the processor is halted until `time`. */
  skipTo(time: number): void {
    // Whole nanoseconds: a sum of parts is the same however idle time was cut into them.
    const distance = Math.ceil(time - this.now());
    if (distance > 0 && distance !== Infinity) this.#skipped += distance;
  }

  deadlineChanged(deadline: number): void {
    this.onEarlierDeadline(deadline);
  }

  save(): ClockState {
    return { version: 1, skippedNanoseconds: this.#skipped };
  }

  restore(state: ClockState): void {
    this.#skipped = state.skippedNanoseconds;
  }
}

/** `Infinity` has no place in plain data: deadlines are saved as -1 when a timer is not armed. */
export function saveDeadline(timer: Timer): number {
  return timer.armed ? timer.deadline : -1;
}

export function restoreDeadline(timer: Timer, saved: number): void {
  if (saved < 0) timer.cancel();
  else timer.arm(saved);
}
