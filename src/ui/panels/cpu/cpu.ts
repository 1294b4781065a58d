/**
 * The CPU workspace: `#/cpu` the bare PC with its assembler, `#/cpu/<machine>` a machine of the library on the core.
 */
import { html, nothing, type PropertyValues } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { fillIn, type AssemblyProblem } from "../../../emulator/core/assembler/problem.ts";
import type { DebugGoal } from "../../../emulator/core/debug/debugger.ts";
import type { DebugView } from "../../../emulator/core/debug/view.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { language } from "../../i18n/messages.ts";
import { BareProgram } from "../../state/bare-program.ts";
import type { CpuPresenter } from "../../state/cpu-presenter.ts";
import { hashOf } from "../../state/route.ts";
import type { AsmEditor } from "./asm-editor.ts";
import "./asm-editor.ts";
import "./bare-output.ts";
import "./code-list.ts";
import { styles } from "./cpu.styles.ts";
import { EXAMPLES } from "./examples.ts";
import { closeMachine, coreMachines, openMachine, type OpenedMachine } from "./library-machine.ts";
import { hex, parseHex } from "./number-text.ts";
import "./register-list.ts";
import "./views.ts";
import type { Part } from "./views.ts";

type Tab = Part | "output";
const TABS: readonly Tab[] = [
  "output",
  "stack",
  "memory",
  "tables",
  "paging",
  "devices",
  "log",
  "profile",
  "breakpoints",
];
/** Positions of the speed slider: instructions a second, 0 as fast as it goes. */
const SPEEDS = [2, 10, 50, 200, 1000, 10_000, 100_000, 1_000_000, 0];

/** The one bare PC of the page. */
let bare: Promise<BareProgram> | undefined;

@customElement("rs-cpu")
export class CpuWorkspace extends RingsideElement {
  static override styles = [sharedStyles, styles];

  /** The address after `#/cpu/`: a machine's name, or nothing. */
  @property({ attribute: false }) rest: readonly string[] = [];
  @state() private program?: BareProgram;
  @state() private machine?: OpenedMachine;
  @state() private failure = "";
  @state() private tab: Tab = "output";
  @state() private speed = SPEEDS.length - 1;
  /** Number of the example in the editor, or -1. */
  @state() private example = 0;
  @query("rs-asm-editor") private editor?: AsmEditor;

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("keydown", this.key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("keydown", this.key);
    if (this.machine !== undefined) closeMachine(this.machine);
    this.machine = undefined;
  }

  private get machineName(): string | undefined {
    return this.rest[0];
  }

  private get presenter(): CpuPresenter | undefined {
    return this.machineName === undefined ? this.program?.presenter : this.machine?.presenter;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("rest")) void this.open();
  }

  private async open(): Promise<void> {
    const name = this.machineName;
    this.failure = "";
    if (this.machine !== undefined) closeMachine(this.machine);
    this.machine = undefined;
    try {
      if (name === undefined) {
        bare ??= BareProgram.start(EXAMPLES[0].source);
        const program = await bare;
        this.example = EXAMPLES.findIndex(({ source }) => source === program.source.get());
        this.program = program;
        await program.presenter.refresh();
      } else {
        if (this.tab === "output") this.tab = "stack";
        const machine = await openMachine(name);
        if (this.machineName === name && this.isConnected) this.machine = machine;
        else closeMachine(machine);
      }
      void this.look();
    } catch (error) {
      if (name === undefined) bare = undefined;
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  private look(): Promise<void> | undefined {
    return this.presenter?.look({ part: this.tab === "output" ? "stack" : this.tab });
  }

  /** F5 run or pause, F10 over, F11 into, with Shift out and back. The keys are taken in this workspace alone. */
  private readonly key = (event: KeyboardEvent): void => {
    if (event.altKey || event.metaKey) return;
    const { key, shiftKey, ctrlKey } = event;
    const running = this.presenter?.view.get()?.running === true;
    let act: (() => void) | undefined;
    if (key === "F5" && !ctrlKey)
      act = () => (running || shiftKey ? this.pause() : this.begin({ type: "run" }));
    else if (key === "F10" && ctrlKey) act = () => this.toCursor();
    else if (key === "F10") act = () => this.begin({ type: "over" });
    else if (key === "F11" && !ctrlKey) act = () => this.begin({ type: shiftKey ? "out" : "step" });
    else if (key === "F8" && !ctrlKey) act = () => this.back();
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  private begin(goal: DebugGoal): void {
    if (this.presenter?.view.get()?.running === true) return;
    void this.presenter?.command({ type: "begin", goal });
  }

  private pause(): void {
    void this.presenter?.command({ type: "pause" });
  }

  private back(): void {
    void this.presenter?.command({ type: "step-back" });
  }

  private toCursor(): void {
    const linear = this.presenter?.cursor.get();
    if (linear !== undefined) this.begin({ type: "to", linear });
  }

  private async assemble(): Promise<void> {
    if ((await this.program?.load()) === true) {
      const rate = SPEEDS[this.speed];
      await this.presenter?.command({ type: "speed", instructionsPerSecond: rate });
    }
  }

  private chooseExample(event: Event): void {
    const number = Number((event.target as HTMLSelectElement).value);
    const { program } = this;
    if (program === undefined || EXAMPLES[number] === undefined) return;
    this.example = number;
    program.edit(EXAMPLES[number].source);
    void this.assemble();
  }

  private targets() {
    const { cpu: m } = this.m;
    const machines = coreMachines();
    const link = (name: string | undefined, label: string) =>
      html`<a
        class="plain"
        href=${hashOf({ type: "workspace", name: "cpu", rest: name === undefined ? [] : [name] })}
        aria-current=${this.machineName === name ? "page" : nothing}
        >${label}</a
      >`;
    return html`<h1 class="visually-hidden">${m.tab}</h1>
      <nav class="row" aria-label=${m.targets}>
        ${link(undefined, m.bare)} ${machines.map((name) => link(name, name))}
        <span class="space"></span>
        <span class="badge small">${m.executed}</span>
      </nav>`;
  }

  private stopText({ stop, running, halted }: DebugView): string {
    const { cpu: m } = this.m;
    if (running) return halted ? m.halted : m.running;
    if (stop === undefined) return m.stopped.ready;
    switch (stop.type) {
      case "breakpoint":
        return m.stopped.breakpoint(stop.id);
      case "exit":
        return m.stopped.exit(stop.code);
      case "triple-fault":
        return m.stopped.tripleFault(`${hex(stop.fault.cs, 4)}:${hex(stop.fault.eip)}`);
      default:
        return m.stopped[stop.type];
    }
  }

  private modeLine(view: DebugView) {
    const { cpu: m } = this.m;
    const place = view.cpl === 3 ? "user" : "kernel";
    return html`<div class="row mode ${place}">
      <span class="place ${place}">
        <b aria-hidden="true"><span>${place === "user" ? "U" : "K"}</span></b>
        ${m.mode[view.mode]}, ${m.ring(view.cpl)}
      </span>
      <span>${m.bits(view.bits)}</span>
      <span>${m.paging[view.paging]}</span>
      <span>${m.instructions(view.instructions.toLocaleString())}</span>
      <span>${m.time(view.milliseconds.toFixed(2))}</span>
      <span class="space"></span>
      <strong role="status">${this.stopText(view)}</strong>
    </div>`;
  }

  private controls(view: DebugView) {
    const { cpu: m } = this.m;
    const { running } = view;
    const still = running ? m.isRunning : "";
    const atFirst = view.instructions <= view.history.first ? m.noBack : "";
    const go = (label: string, hint: string, act: () => void, reason: string) =>
      html`<rs-action
        look="outlined"
        label=${label}
        hint=${hint}
        reason=${reason}
        @rs-press=${act}
      ></rs-action>`;
    const { presenter } = this;
    return html`<div class="row" role="group" aria-label=${m.controls}>
      <rs-action
        look="primary"
        icon=${running ? "pause" : "play"}
        label=${running ? m.pause : m.run}
        hint="F5"
        @rs-press=${() => (running ? this.pause() : this.begin({ type: "run" }))}
      ></rs-action>
      ${go(m.into, "F11", () => this.begin({ type: "step" }), still)}
      ${go(m.over, "F10", () => this.begin({ type: "over" }), still)}
      ${go(m.out, "Shift+F11", () => this.begin({ type: "out" }), still)}
      ${go(m.back, "F8", () => this.back(), still || atFirst)}
      ${go(m.toCursor, "Ctrl+F10", () => this.toCursor(), still || (presenter?.cursor.get() === undefined ? m.noCursor : ""))}
      ${go(
        m.backToStart,
        "",
        () => void presenter?.command({ type: "go-to", instructions: view.history.first }),
        still || atFirst,
      )}
      <span class="space"></span>
      ${this.speedSlider()}
    </div>`;
  }

  private speedSlider() {
    const { cpu: m } = this.m;
    const rate = SPEEDS[this.speed];
    const text = rate === 0 ? m.fullSpeed : m.perSecond(rate.toLocaleString());
    return html`<label class="speed"
      >${m.speed}
      <input
        type="range"
        min="0"
        max=${SPEEDS.length - 1}
        .value=${String(this.speed)}
        aria-valuetext=${text}
        @input=${(event: Event) => {
          this.speed = Number((event.target as HTMLInputElement).value);
          void this.presenter?.command({ type: "speed", instructionsPerSecond: SPEEDS[this.speed] });
        }}
      />
      <output>${text}</output></label
    >`;
  }

  private problemText({ code, details }: AssemblyProblem): string {
    return fillIn(this.m.cpu.problem[code], details);
  }

  private source(program: BareProgram) {
    const { cpu: m } = this.m;
    const problems = program.problems.get();
    const loaded = program.loadedBytes.get();
    const chinese = language.get() === "zh-CN";
    return html`<section class="column" aria-label=${m.editor}>
      <div class="row">
        <label class="small"
          >${m.example}
          <select @change=${this.chooseExample}>
            ${this.example < 0 ? html`<option value="-1" selected>${m.ownSource}</option>` : nothing}
            ${EXAMPLES.map(
              ({ titles }, i) =>
                html`<option value=${i} ?selected=${i === this.example}>
                  ${chinese ? titles.zh : titles.en}
                </option>`,
            )}
          </select></label
        >
        <rs-action
          look="outlined"
          label=${m.assemble}
          hint="Ctrl+Enter"
          @rs-press=${() => void this.assemble()}
        ></rs-action>
        <span class="quiet small" role="status">${loaded === undefined ? "" : m.assembled(loaded)}</span>
      </div>
      <rs-asm-editor
        class="fill"
        .source=${program.source.get()}
        .problems=${problems.map((problem) => ({ ...problem, message: this.problemText(problem) }))}
        @rs-source=${(event: CustomEvent<string>) => {
          this.example = EXAMPLES.findIndex(({ source }) => source === event.detail);
          program.edit(event.detail);
        }}
        @rs-assemble=${() => void this.assemble()}
      ></rs-asm-editor>
      ${
        problems.length === 0
          ? nothing
          : html`<ul class="problems" aria-label=${m.problems}>
              ${problems.map(
                (problem) =>
                  html`<li>
                    <button class="link" @click=${() => this.editor?.show(problem.line, problem.column)}>
                      ${m.line(problem.line, problem.column)}: ${this.problemText(problem)}
                    </button>
                  </li>`,
              )}
            </ul>`
      }
    </section>`;
  }

  private code(presenter: CpuPresenter) {
    const { cpu: m } = this.m;
    const { code } = presenter.request.get();
    return html`<section class="column" aria-label=${m.code}>
      <form
        class="row"
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          const text = String(new FormData(event.target as HTMLFormElement).get("code") ?? "");
          const address = parseHex(text);
          if (address !== undefined) void presenter.look({ code: address });
        }}
      >
        <label class="small"
          >${m.codeAddress} <input type="text" name="code" size="9" autocomplete="off" spellcheck="false"
        /></label>
        ${
          code === undefined
            ? nothing
            : html`<rs-action
                label=${m.followCode}
                @rs-press=${() => void presenter.look({ code: undefined })}
              ></rs-action>`
        }
      </form>
      <rs-code-list class="fill" .presenter=${presenter}></rs-code-list>
    </section>`;
  }

  private chooseTab(tab: Tab): void {
    this.tab = tab;
    void this.look();
  }

  private tabKey(event: KeyboardEvent, tabs: readonly Tab[]): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const next = tabs[(tabs.indexOf(this.tab) + step + tabs.length) % tabs.length];
    this.chooseTab(next);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${next}`)?.focus());
  }

  private lower(presenter: CpuPresenter) {
    const { cpu: m } = this.m;
    const { program } = this;
    const tabs = this.machineName === undefined ? TABS : TABS.slice(1);
    return html`<section class="lower" aria-label=${m.parts}>
      <div class="row tabs" role="tablist" aria-label=${m.parts}>
        ${tabs.map(
          (tab) =>
            html`<button
              class="plain"
              role="tab"
              id="tab-${tab}"
              aria-selected=${tab === this.tab}
              aria-controls="part"
              tabindex=${tab === this.tab ? 0 : -1}
              @click=${() => this.chooseTab(tab)}
              @keydown=${(event: KeyboardEvent) => this.tabKey(event, tabs)}
            >
              ${m.part[tab]}
            </button>`,
        )}
      </div>
      <div class="fill" id="part" role="tabpanel" aria-labelledby="tab-${this.tab}" style="display: grid">
        ${
          this.tab === "output"
            ? html`<rs-bare-output
                tabindex="0"
                .text=${program?.output.get() ?? ""}
                .screen=${program?.screen.get()}
              ></rs-bare-output>`
            : html`<rs-cpu-views tabindex="0" .presenter=${presenter} shown=${this.tab}></rs-cpu-views>`
        }
      </div>
    </section>`;
  }

  protected override render() {
    const { cpu: m } = this.m;
    const { presenter, program } = this;
    const view = presenter?.view.get();
    const isBare = this.machineName === undefined;
    if (this.failure !== "") {
      return html`${this.targets()}
        <div class="empty">
          <p role="alert">${this.failure}</p>
          <p class="quiet">${m.onlyCore}</p>
        </div>`;
    }
    if (presenter === undefined || view === undefined || (isBare && program === undefined)) {
      return html`${this.targets()}
        <p class="empty" role="status">${m.starting}</p>`;
    }
    const note = presenter.note.get();
    return html`${this.targets()} ${this.modeLine(view)} ${this.controls(view)}
      ${note === "" ? nothing : html`<p class="row note" role="alert">${note}</p>`}
      <div class="main ${isBare ? "bare" : ""}">
        ${isBare && program ? this.source(program) : nothing} ${this.code(presenter)}
        <rs-register-list
          role="region"
          aria-label=${m.registers}
          tabindex="0"
          .presenter=${presenter}
        ></rs-register-list>
      </div>
      ${this.lower(presenter)}`;
  }
}
