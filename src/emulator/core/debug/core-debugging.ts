/** A debugging session's hold on a core machine: the machine's own loop executes, this tells it where to stop. */
import { realNow } from "../../real-time.ts";
import type { Pc, PcStop } from "../pc.ts";
import { CR0_PG } from "../cpu/registers.ts";
import { readKallsyms } from "./kallsyms.ts";
import { Debugger, type DebugGoal, type DebugStop } from "./debugger.ts";
import type { DebugDriver } from "./session.ts";
import { Symbols } from "./symbols.ts";

/** Instructions after which names are looked for again. */
const LOOK_AGAIN = 20_000_000;

/** What of the machine is needed here. */
interface DebuggedMachine {
  run(): Promise<void>;
  pause(): Promise<void>;
  refreshScreen(): void;
}

export class CoreDebugging implements DebugDriver {
  readonly debug: Debugger;
  labels: Symbols;
  running = false;
  stop: DebugStop | undefined;
  readonly #machine: DebuggedMachine;
  #goal: DebugGoal | undefined;
  #nextLook = 0;
  #speed = 0;
  #pace = { from: 0, instructions: 0 };

  constructor(machine: DebuggedMachine, pc: Pc, labels: Symbols) {
    this.#machine = machine;
    this.labels = labels;
    this.debug = new Debugger(pc);
  }

  /** At a limited speed the loop takes its time. */
  get slow(): boolean {
    return this.#speed > 0;
  }

  async begin(goal: DebugGoal): Promise<void> {
    this.#goal = goal;
    await this.#machine.run();
    // A step is over before anybody could ask.
    while (this.running && goal.type === "step") await new Promise((resolve) => setTimeout(resolve, 1));
  }

  pause(): Promise<void> {
    return this.#machine.pause();
  }

  moved(): void {
    this.stop = { type: "paused" };
    this.#machine.refreshScreen();
  }

  setSpeed(instructionsPerSecond: number): void {
    this.#speed = instructionsPerSecond;
    this.#startPace();
  }

  #startPace(): void {
    this.#pace = { from: realNow(), instructions: this.debug.pc.cpu.instructions };
  }

  /** Looks for the kernel's own names where none were given, once the kernel runs; seldom, as all of memory is looked at. */
  private findNames(): void {
    const { cpu, memory } = this.debug.pc;
    if (this.labels.size > 0 || (cpu.cr0 & CR0_PG) === 0 || cpu.instructions < this.#nextLook) return;
    this.#nextLook = cpu.instructions + LOOK_AGAIN;
    this.labels = readKallsyms(memory.bytes.subarray(0, memory.ramBytes)) ?? Symbols.none;
  }

  /** The machine begins to run, whoever asked for it. */
  resume(): void {
    if (this.stop?.type === "triple-fault") this.debug.history.input({ type: "reset" });
    this.debug.begin(this.#goal ?? { type: "run" });
    this.#goal = undefined;
    this.stop = undefined;
    this.running = true;
    this.#startPace();
  }

  /** The machine is paused by somebody else. */
  interrupt(): void {
    this.running = false;
    this.stop = this.debug.pause();
    this.findNames();
  }

  /** In place of `pc.run`. `stopped` ends the loop: the debugger has what it waited for. */
  slice(instructions: number, until: number): PcStop {
    let count = instructions;
    if (this.#speed > 0) {
      const due = ((realNow() - this.#pace.from) / 1000) * this.#speed;
      count = Math.min(count, Math.floor(due - (this.debug.pc.cpu.instructions - this.#pace.instructions)));
      if (count <= 0) return { type: "idle" };
    }
    const stop = this.debug.slice(count, until);
    if (stop === undefined) return { type: "limit" };
    switch (stop.type) {
      case "paused":
      case "done":
      case "breakpoint":
        this.running = false;
        this.stop = stop;
        this.findNames();
        return { type: "stopped" };
      case "waiting":
      case "idle":
      case "limit":
        return stop;
      default:
        this.running = false;
        this.stop = stop;
        return stop;
    }
  }
}
