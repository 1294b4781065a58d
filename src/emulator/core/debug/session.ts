/**
 * A debugging session as its owner drives it from another thread: commands go in, views come out. What executes the
 * machine differs: the bare PC runs here, a machine of the library by its own loop (`DebugDriver`).
 */
import type { AssemblyProblem } from "../assembler/problem.ts";
import { BreakpointError, type Breakpoint } from "./breakpoints.ts";
import type { Debugger, DebugGoal, DebugStop, Recording } from "./debugger.ts";
import type { Symbols } from "./symbols.ts";
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
  | { type: "write-register"; name: string; value: number }
  /** By linear address. */
  | { type: "write-memory"; linear: number; bytes: Uint8Array }
  /** The address of a label. */
  | { type: "find"; name: string }
  /** Instructions a second; 0 as fast as it goes. */
  | { type: "speed"; instructionsPerSecond: number };

export type DebugAnswer =
  | { ok: true; found?: number | undefined }
  /** What is refused: a bad breakpoint, a command while the machine runs. `refusal` and `problem` are for translation. */
  | { ok: false; message: string; refusal?: DebugRefusal; problem?: AssemblyProblem };

export type DebugRefusal = "bad-condition" | "bad-place" | "no-such-register" | "no-memory" | "running";

const REFUSALS: Readonly<Record<DebugRefusal, string>> = {
  "bad-condition": "the condition cannot be read",
  "bad-place": "there is no such place to stop at",
  "no-such-register": "this register cannot be set",
  "no-memory": "there is no memory to write at this address",
  running: "the machine is running: pause it first",
};

class RefusedCommand extends Error {
  readonly refusal: DebugRefusal;
  constructor(refusal: DebugRefusal) {
    super(REFUSALS[refusal]);
    this.refusal = refusal;
  }
}

export interface DebugDriver {
  readonly debug: Debugger;
  readonly running: boolean;
  /** Why it last stopped. */
  readonly stop: DebugStop | undefined;
  readonly labels: Symbols;
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
        return refused(error);
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
      case "write-register":
        this.#standing();
        if (!debug.writeRegister(command.name, command.value)) throw new RefusedCommand("no-such-register");
        return undefined;
      case "write-memory":
        this.#standing();
        if (!debug.writeMemory(command.linear, command.bytes)) throw new RefusedCommand("no-memory");
        return undefined;
      case "find":
        return driver.labels.find(command.name);
      case "speed":
        driver.setSpeed(command.instructionsPerSecond);
        return undefined;
      default:
        return command satisfies never;
    }
  }

  #standing(): void {
    if (this.#driver.running) throw new RefusedCommand("running");
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

function refused(error: unknown): DebugAnswer {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RefusedCommand) return { ok: false, message, refusal: error.refusal };
  if (!(error instanceof BreakpointError)) return { ok: false, message };
  const { problem } = error;
  if (problem === undefined) return { ok: false, message, refusal: "bad-place" };
  return { ok: false, message, refusal: "bad-condition", problem };
}
