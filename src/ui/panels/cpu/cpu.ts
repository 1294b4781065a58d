/**
 * The CPU workspace: `#/cpu` the bare PC with its assembler, `#/cpu/<machine>` a machine of the library on the core.
 */
import { html, nothing, type PropertyValues } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { DebugAnswer } from "../../../emulator/core/debug/session.ts";
import type { DebugView } from "../../../emulator/core/debug/view.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import "../../components/serial-console/serial-console.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { language } from "../../i18n/messages.ts";
import { BareProgram } from "../../state/bare-program.ts";
import type { CpuPresenter } from "../../state/cpu-presenter.ts";
import {
  closeDebugger,
  coreMachines,
  openDebugger,
  runningMachine,
  type DebuggedMachine,
} from "../../state/debugged-machines.ts";
import { laboratory } from "../../state/laboratory.ts";
import { machineNamed } from "../../state/machines.ts";
import { go, hashOf } from "../../state/route.ts";
import "./bare-output.ts";
import "./code-list.ts";
import { fields } from "./fields.styles.ts";
import { styles } from "./cpu.styles.ts";
import { EXAMPLES, exampleSource } from "./examples.ts";
import { problemText } from "./problem-text.ts";
import "./register-list.ts";
import "./source-pane.ts";
import "./step-controls.ts";
import type { StepControls } from "./step-controls.ts";
import "./views.ts";
import type { Part } from "./views.ts";

/** `output` is the bare PC's, `console` a machine's. */
type Tab = Part | "output" | "console";
const PARTS: readonly Part[] = [
  "stack",
  "memory",
  "tables",
  "paging",
  "devices",
  "log",
  "profile",
  "breakpoints",
];
const isPart = (tab: Tab): tab is Part => tab !== "output" && tab !== "console";

/** The one bare PC of the page. */
let bare: Promise<BareProgram> | undefined;

@customElement("rs-cpu")
export class CpuWorkspace extends RingsideElement {
  static override styles = [sharedStyles, fields, styles];

  /** The address after `#/cpu/`: a machine's name, or nothing. */
  @property({ attribute: false }) rest: readonly string[] = [];
  @state() private program?: BareProgram;
  @state() private debugged?: DebuggedMachine;
  @state() private failure = "";
  @state() private tab: Tab = "output";
  @query("rs-step-controls") private stepControls?: StepControls;

  override connectedCallback(): void {
    super.connectedCallback();
    // Before the console that has the focus takes them.
    addEventListener("keydown", this.key, { capture: true });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("keydown", this.key, { capture: true });
  }

  private get machineName(): string | undefined {
    return this.rest[0];
  }

  private get presenter(): CpuPresenter | undefined {
    return this.machineName === undefined ? this.program?.presenter : this.debugged?.presenter;
  }

  /** The keys are taken in this workspace alone. */
  private readonly key = (event: KeyboardEvent): void => this.stepControls?.key(event);

  protected override willUpdate(changed: PropertyValues<this>): void {
    const machine = runningMachine(this.machineName);
    // A machine that was started again is another one.
    if (changed.has("rest") || machine !== this.wanted) {
      this.wanted = machine;
      void this.open();
    }
  }

  private wanted: ReturnType<typeof runningMachine>;

  private async open(): Promise<void> {
    const { machineName: name, wanted } = this;
    this.failure = "";
    this.debugged = undefined;
    if (!isPart(this.tab)) this.tab = name === undefined ? "output" : "console";
    try {
      if (name === undefined) {
        bare ??= BareProgram.start(exampleSource(EXAMPLES[0], language.get()));
        this.program = await bare;
      } else if (wanted !== undefined) {
        const opened = await openDebugger(wanted);
        if (this.wanted !== wanted) return;
        this.debugged = opened;
      }
      await this.look();
    } catch (error) {
      if (name === undefined) bare = undefined;
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  private look(): Promise<void> | undefined {
    return this.presenter?.look({ part: isPart(this.tab) ? this.tab : "stack" });
  }

  private async closeDebugger(): Promise<void> {
    const { wanted, machineName } = this;
    if (wanted === undefined) return;
    await closeDebugger(wanted);
    const { id } = machineNamed(machineName) ?? {};
    go(id === undefined ? { type: "workspace", name: "cpu", rest: [] } : { type: "machine", id });
  }

  private targets(view?: DebugView) {
    const { cpu: m } = this.m;
    const link = (name: string | undefined, label: string) =>
      html`<a
        class="plain"
        href=${hashOf({ type: "workspace", name: "cpu", rest: name === undefined ? [] : [name] })}
        aria-current=${this.machineName === name ? "page" : nothing}
        >${label}</a
      >`;
    return html`<h1 class="visually-hidden">${m.tab}</h1>
      <div class="row mode ${view === undefined ? "" : placeOf(view)}">
        <nav aria-label=${m.targets}>
          ${link(undefined, m.bare)} ${coreMachines().map(({ name }) => link(name, name))}
        </nav>
        ${view === undefined ? nothing : this.mode(view)}
        <span class="space"></span>
        ${
          this.debugged === undefined
            ? nothing
            : html`<rs-action
                class="close-debugger"
                label=${m.closeDebugger}
                hint=${m.closeDebuggerHint}
                @rs-press=${() => void this.closeDebugger()}
              ></rs-action>`
        }
        <span class="badge small" title=${m.executed}>${m.executedBadge}</span>
      </div>`;
  }

  private mode(view: DebugView) {
    const { cpu: m } = this.m;
    return html`<span class="place ${placeOf(view)}">
        <b aria-hidden="true"><span>${placeOf(view) === "user" ? "U" : "K"}</span></b>
        ${m.mode[view.mode]}, ${m.ring(view.cpl)}
      </span>
      <span>${m.bits(view.bits)}</span>
      <span>${m.paging[view.paging]}</span>`;
  }

  /** Hexadecimal, a register or a label. */
  private async showCode(event: SubmitEvent, presenter: CpuPresenter): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const field = form.elements.namedItem("code") as HTMLInputElement;
    const address = field.value.trim() === "" ? undefined : await presenter.address(field.value);
    field.setCustomValidity(field.value.trim() !== "" && address === undefined ? this.m.cpu.badAddress : "");
    if (field.reportValidity()) await presenter.look({ code: address });
  }

  private code(presenter: CpuPresenter, view: DebugView) {
    const { cpu: m } = this.m;
    const { code } = presenter.request.get();
    return html`<section class="column" aria-label=${m.code}>
      <form class="row" @submit=${(event: SubmitEvent) => void this.showCode(event, presenter)}>
        <label class="small"
          >${m.codeAddress}
          <input
            type="text"
            name="code"
            size="12"
            autocomplete="off"
            spellcheck="false"
            @input=${(event: Event) => (event.target as HTMLInputElement).setCustomValidity("")}
        /></label>
        ${
          code === undefined
            ? html`<span class="small mono here">${view.place ?? ""}</span>`
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

  private panel(presenter: CpuPresenter) {
    const { program, debugged, tab } = this;
    if (tab === "console") {
      return debugged === undefined
        ? nothing
        : html`<rs-serial-console .machine=${debugged.machine}></rs-serial-console>`;
    }
    if (tab === "output") {
      return html`<rs-bare-output
        tabindex="0"
        .text=${program?.output.get() ?? ""}
        .screen=${program?.screen.get()}
        @rs-type=${(event: CustomEvent<string>) => program?.type(event.detail)}
        @rs-scancodes=${(event: CustomEvent<number[]>) => program?.press(event.detail)}
      ></rs-bare-output>`;
    }
    return html`<rs-cpu-views tabindex="0" .presenter=${presenter} shown=${tab}></rs-cpu-views>`;
  }

  private lower(presenter: CpuPresenter) {
    const { cpu: m } = this.m;
    const tabs: readonly Tab[] = [this.machineName === undefined ? "output" : "console", ...PARTS];
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
        ${this.panel(presenter)}
      </div>
    </section>`;
  }

  private refusalText({ message, refusal, problem }: Extract<DebugAnswer, { ok: false }>): string {
    const { cpu: m } = this.m;
    if (refusal === undefined) return message;
    return problem === undefined ? m.refusal[refusal] : `${m.refusal[refusal]}: ${problemText(problem)}`;
  }

  /** What is refused, and what is odd about the place the machine stands at. */
  private notes(presenter: CpuPresenter, view: DebugView) {
    const { cpu: m } = this.m;
    const refusal = presenter.refusal.get();
    return html`${
      refusal === undefined
        ? nothing
        : html`<p class="row note" role="alert">${this.refusalText(refusal)}</p>`
    }${view.fetch === "memory" || view.running ? nothing : html`<p class="row note" role="status">${m.fetch[view.fetch]}</p>`}`;
  }

  /** The machine of this address does not run, or there is none, or its engine shows nothing. */
  private notRunning(name: string) {
    const { cpu: m } = this.m;
    const found = machineNamed(name);
    const isCore = found?.definition?.engine === "core";
    const isOff = found?.state === "off" || found?.state === "suspended";
    return html`${this.targets()}
      <div class="empty">
        <p role="status">
          ${found === undefined ? m.noMachine(name) : isCore ? (isOff ? m.machineOff(name) : m.starting) : m.onlyCore}
        </p>
        ${
          isCore && isOff
            ? html`<rs-action
                look="primary"
                icon="play"
                label=${m.powerOn}
                @rs-press=${() =>
                  void (found.state === "off" ? laboratory.powerOn(found.id) : laboratory.resume(found.id))}
              ></rs-action>`
            : nothing
        }
      </div>`;
  }

  protected override render() {
    const { cpu: m } = this.m;
    const { presenter, program, machineName: name } = this;
    const view = presenter?.view.get();
    const isBare = name === undefined;
    if (this.failure !== "") {
      return html`${this.targets()}
        <div class="empty"><p role="alert">${this.failure}</p></div>`;
    }
    if (!isBare && runningMachine(name) === undefined) return this.notRunning(name);
    if (presenter === undefined || view === undefined) {
      return html`${this.targets()}
        <p class="empty" role="status">${m.starting}</p>`;
    }
    return html`${this.targets(view)}
      <rs-step-controls .presenter=${presenter}></rs-step-controls>
      ${this.notes(presenter, view)}
      <div class="main ${isBare ? "bare" : ""}">
        ${
          isBare
            ? html`<rs-source-pane
                class="column"
                role="region"
                aria-label=${m.editor}
                .program=${program}
              ></rs-source-pane>`
            : nothing
        }
        ${this.code(presenter, view)}
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

function placeOf({ cpl }: DebugView): "user" | "kernel" {
  return cpl === 3 ? "user" : "kernel";
}
