/**
 * Runs a bare PC for a debugging session: loads programs, keeps the pace, shows the screen. It lives in a Worker of its own
 * and uses nothing of it but timers.
 */
import { VgaScreen } from "../devices/vga-screen.ts";
import type { ScreenUpdate } from "../../machine.ts";
import { Pc } from "../pc.ts";
import { assembleProgram, barePcConfig } from "./bare-pc.ts";
import { Debugger, type DebugGoal, type DebugStop } from "./debugger.ts";
import { stateDigest, type SessionRecording } from "./recording.ts";
import type { DebugDriver } from "./session.ts";
import { Symbols } from "./symbols.ts";
import type { Assembled } from "../assembler/assemble.ts";

export interface BarePcEvents {
  /** Text on COM1 or port E9h. */
  output(text: string): void;
  screen(update: ScreenUpdate): void;
}

/** Real milliseconds of one turn, after which messages are looked at. */
const TURN_MS = 10;
const SLICE = 50_000;

export class BarePcDriver implements DebugDriver {
  debug: Debugger;
  running = false;
  stop: DebugStop | undefined;
  labels = Symbols.none;
  readonly #events: BarePcEvents;
  #screen: VgaScreen;
  #speed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending = "";
  #source = "";
  /** At a limited speed: when it began, and the count it had. */
  #pace = { from: 0, instructions: 0 };

  constructor(events: BarePcEvents) {
    this.#events = events;
    const { pc, screen } = this.#build(assembleProgram("cli\nhlt"));
    this.debug = new Debugger(pc, { keepsAllRecords: true });
    this.debug.start();
    // Ports and exceptions alone: that slows nothing that a small program does.
    this.debug.record({ log: true });
    this.#screen = screen;
  }

  #build(program: Assembled): { pc: Pc; screen: VgaScreen } {
    const byte = (value: number) => {
      if (!this.debug.history.repeating) this.#pending += String.fromCharCode(value);
      if (this.#pending.length > 2000) this.#flush();
    };
    const pc = new Pc(
      barePcConfig(program, { serial: (port, value) => port === 0 && byte(value), debugText: byte }),
    );
    return { pc, screen: new VgaScreen(pc.vga, (update) => this.#events.screen(update)) };
  }

  #flush(): void {
    if (this.#pending === "") return;
    this.#events.output(this.#pending);
    this.#pending = "";
  }

  /** Assembles, and when there are no problems puts the program on a PC that has just been switched on. Breakpoints stay. */
  load(source: string): Assembled {
    const program = assembleProgram(source);
    if (program.problems.length > 0 || program.bytes.length === 0) return program;
    this.#halt();
    this.#source = source;
    const { breakpoints, recording } = this.debug;
    const { pc, screen } = this.#build(program);
    this.debug = new Debugger(pc, { keepsAllRecords: true });
    this.debug.start();
    for (const { enabled, place, condition } of breakpoints) {
      this.debug.addBreakpoint({ enabled, place, ...(condition !== undefined && { condition }) });
    }
    this.debug.record(recording);
    this.#screen = screen;
    this.stop = undefined;
    this.#pending = "";
    this.labels = new Symbols([...program.labels].map(([name, address]) => [address, name] as const));
    this.#screen.refresh();
    return program;
  }

  /** What has happened since the program was loaded. The machine must stand. */
  recording(): SessionRecording {
    const { pc, history } = this.debug;
    const { instructions } = pc.cpu;
    return {
      version: 1,
      source: this.#source,
      instructions,
      digest: stateDigest(pc),
      records: history.records.filter((record) => record.instructions <= instructions),
    };
  }

  /** Loads the recording's program and lets everything happen again. Answers whether it ended as it did then. */
  async replay({ source, records, instructions, digest }: SessionRecording): Promise<boolean> {
    const { problems, bytes } = this.load(source);
    if (problems.length > 0 || bytes.length === 0) return false;
    this.debug.history.load(records, instructions);
    await this.debug.goTo(instructions);
    this.moved();
    this.#flush();
    return this.debug.pc.cpu.instructions === instructions && stateDigest(this.debug.pc) === digest;
  }

  input(text: string): void {
    this.debug.history.input({ type: "serial", port: 0, bytes: new TextEncoder().encode(text) });
  }

  scancodes(codes: readonly number[]): void {
    this.debug.history.input({ type: "scancodes", codes });
  }

  setSpeed(instructionsPerSecond: number): void {
    this.#speed = instructionsPerSecond;
    this.#startPace();
  }

  #startPace(): void {
    this.#pace = { from: performance.now(), instructions: this.debug.pc.cpu.instructions };
  }

  async begin(goal: DebugGoal): Promise<void> {
    if (this.running) return;
    this.debug.begin(goal);
    this.running = true;
    this.stop = undefined;
    this.#startPace();
    // What ends at once is not left for a later turn.
    this.#turn();
  }

  async pause(): Promise<void> {
    if (this.running) this.#ended(this.debug.pause());
  }

  moved(): void {
    this.stop = { type: "paused" };
    this.#screen.refresh();
  }

  #halt(): void {
    this.running = false;
    clearTimeout(this.#timer);
  }

  #ended(stop: DebugStop): void {
    this.#halt();
    this.stop = stop;
    this.#flush();
    this.#screen.flush();
  }

  #turn(): void {
    if (!this.running) return;
    const until = performance.now() + TURN_MS;
    do {
      const allowed = this.#allowed();
      if (allowed <= 0) break;
      const stop = this.debug.slice(Math.min(SLICE, allowed), this.#deadline());
      if (stop !== undefined && stop.type !== "waiting") {
        this.#ended(stop);
        return;
      }
    } while (performance.now() < until);
    this.#flush();
    this.#screen.flush();
    this.#timer = setTimeout(() => this.#turn(), 4);
  }

  #allowed(): number {
    if (this.#speed === 0) return SLICE;
    const due = ((performance.now() - this.#pace.from) / 1000) * this.#speed;
    return Math.floor(due - (this.debug.pc.cpu.instructions - this.#pace.instructions));
  }

  /** A halted PC waits in slices of a tenth of a second, so that it can be paused. */
  #deadline(): number {
    return this.debug.pc.clock.now() + 1e8;
  }
}
