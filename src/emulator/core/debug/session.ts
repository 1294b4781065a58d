/**
 * A debugging session as its owner drives it from another thread: commands go in, views come out. What executes the
 * machine differs: the bare PC runs here, a machine of the library by its own loop (`DebugDriver`).
 */
import type { Breakpoint } from "./breakpoints.ts";
import type { Debugger, DebugGoal, DebugStop, Recording } from "./debugger.ts";
import { debugView, type CodeLine, type DebugView, type ViewRequest } from "./view.ts";

export type DebugCommand =
  | { type: "begin"; goal: DebugGoal }
  | { type: "pause" }
  | { type: "step-back" }
  | { type: "go-to"; instructions: number }
  | { type: "last-write"; linear: number; length: number }
  | { type: "add-breakpoint"; breakpoint: Omit<Breakpoint, "id" | "hits"> }
  | { type: "change-breakpoint"; id: number; changes: Partial<Pick<Breakpoint, "enabled" | "condition">> }
  | { type: "remove-breakpoint"; id: number }
  | { type: "record"; recording: Partial<Recording> }
  | { type: "reset-profile" }
  /** Instructions a second; 0 as fast as it goes. */
  | { type: "speed"; instructionsPerSecond: number };

export type DebugAnswer =
  | { ok: true; found?: number | undefined }
  /** What is refused: a bad breakpoint, a command while the machine runs. */
  | { ok: false; message: string };

export interface DebugDriver {
  readonly debug: Debugger;
  readonly running: boolean;
  /** Why it last stopped. */
  readonly stop: DebugStop | undefined;
  readonly labels: ReadonlyMap<number, string>;
  begin(goal: DebugGoal): Promise<void>;
  pause(): Promise<void>;
  setSpeed(instructionsPerSecond: number): void;
  /** It stands elsewhere now: what is on its screen and the like is to be shown again. */
  moved(): void;
}

export class DebugSession {
  readonly #driver: DebugDriver;
  #previous: CodeLine[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(driver: DebugDriver) {
    this.#driver = driver;
  }

  view(request: ViewRequest): DebugView {
    const { debug, running, stop, labels } = this.#driver;
    const view = debugView({ debug, running, stop, labels }, request, this.#previous);
    if (request.code === undefined) this.#previous = view.code;
    return view;
  }

  /** Commands one after another. Never rejects. */
  command(command: DebugCommand): Promise<DebugAnswer> {
    const answer = this.#turn.then(async (): Promise<DebugAnswer> => {
      try {
        const found = await this.#execute(command);
        return found === undefined ? { ok: true } : { ok: true, found };
      } catch (error) {
        return { ok: false, message: error instanceof Error ? error.message : String(error) };
      }
    });
    this.#turn = answer;
    return answer;
  }

  async #execute(command: DebugCommand): Promise<number | undefined> {
    const driver = this.#driver;
    const { debug } = driver;
    switch (command.type) {
      case "begin":
        if (!driver.running) await driver.begin(command.goal);
        return undefined;
      case "pause":
        await driver.pause();
        return undefined;
      case "step-back":
        return this.#moving(() => debug.stepBack());
      case "go-to":
        return this.#moving(() => debug.goTo(command.instructions));
      case "last-write":
        return this.#moving(() => debug.goToLastWrite(command.linear, command.length));
      case "add-breakpoint":
        return debug.addBreakpoint(command.breakpoint);
      case "change-breakpoint":
        debug.changeBreakpoint(command.id, command.changes);
        return undefined;
      case "remove-breakpoint":
        debug.removeBreakpoint(command.id);
        return undefined;
      case "record":
        debug.record(command.recording);
        return undefined;
      case "reset-profile":
        debug.profiler.reset();
        return undefined;
      case "speed":
        driver.setSpeed(command.instructionsPerSecond);
        return undefined;
      default:
        return command satisfies never;
    }
  }

  async #moving(move: () => Promise<number | undefined>): Promise<number | undefined> {
    await this.#driver.pause();
    try {
      return await move();
    } finally {
      this.#driver.moved();
    }
  }
}
