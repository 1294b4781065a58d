/** The bare PC and its program: kept while the page is open, so that going to another tab loses nothing. */
import type { AssemblyProblem } from "../../emulator/core/assembler/problem.ts";
import type { ScreenUpdate } from "../../emulator/machine.ts";
import { startBarePc, type BarePc } from "../../hypervisor-model/virtual-machines/bare-pc-browser.ts";
import { CpuPresenter } from "./cpu-presenter.ts";
import { signal } from "./signals.ts";

const LONGEST_OUTPUT = 20_000;
const STORED = "ringside.cpu.source";

export interface TextScreen {
  graphics: boolean;
  rows: Extract<ScreenUpdate, { type: "text-row" }>[];
}

export function applyScreenUpdate(screen: TextScreen, update: ScreenUpdate): TextScreen {
  switch (update.type) {
    case "text-mode":
      return { graphics: false, rows: [] };
    case "graphics-mode":
      return { graphics: true, rows: [] };
    case "text-row": {
      const rows = screen.rows.slice();
      rows[update.row] = update;
      return { graphics: false, rows };
    }
    default:
      return screen;
  }
}

export class BareProgram {
  readonly source = signal("");
  readonly problems = signal<readonly AssemblyProblem[]>([]);
  readonly output = signal("");
  readonly screen = signal<TextScreen>({ graphics: false, rows: [] });
  readonly loadedBytes = signal<number | undefined>(undefined);
  readonly presenter: CpuPresenter;
  readonly #pc: BarePc;

  private constructor(pc: BarePc) {
    this.#pc = pc;
    this.presenter = new CpuPresenter(pc.control);
  }

  /** Typed on the serial line. */
  type(text: string): void {
    void this.#pc.control.input(text);
  }

  /** A key of the PC's keyboard went down or up. */
  press(codes: readonly number[]): void {
    void this.#pc.control.scancodes(codes);
  }

  /** The session so far, as the text of a file. */
  recording(): Promise<string> {
    return this.#pc.control.recording();
  }

  /** Takes over a recorded session: its program, and all that happened. */
  async replay(text: string): Promise<"same" | "different" | "no-recording"> {
    const before = this.output.get();
    this.output.set("");
    const answer = await this.#pc.control.replay(text);
    if (answer === undefined) {
      this.output.set(before);
      return "no-recording";
    }
    this.edit(answer.source);
    this.problems.set([]);
    this.presenter.forget();
    await this.presenter.refresh();
    return answer.same ? "same" : "different";
  }

  static async start(fallback: string): Promise<BareProgram> {
    const made: { program?: BareProgram } = {};
    const pc = await startBarePc({
      output: (text) => {
        const { program } = made;
        program?.output.set((program.output.get() + text).slice(-LONGEST_OUTPUT));
      },
      screen: (update) => {
        const { program } = made;
        program?.screen.set(applyScreenUpdate(program.screen.get(), update));
      },
    });
    const program = (made.program = new BareProgram(pc));
    program.source.set(stored() ?? fallback);
    await program.load();
    return program;
  }

  /** The user has typed. */
  edit(source: string): void {
    this.source.set(source);
    try {
      localStorage.setItem(STORED, source);
    } catch {
      // A browser without storage: the text lives as long as the page.
    }
  }

  /** Assembles and switches the PC on with it. Answers whether it could be loaded. */
  async load(): Promise<boolean> {
    const { problems, bytes } = await this.#pc.control.load(this.source.get());
    this.problems.set(problems);
    const loaded = problems.length === 0 && bytes.length > 0;
    this.loadedBytes.set(loaded ? bytes.length : undefined);
    if (loaded) {
      this.output.set("");
      this.presenter.forget();
      // The machine is another one now.
      await this.presenter.setSpeed(this.presenter.speed.get());
    } else await this.presenter.refresh();
    return loaded;
  }
}

function stored(): string | undefined {
  try {
    return localStorage.getItem(STORED) ?? undefined;
  } catch {
    return undefined;
  }
}
