/** How the machine is made to go: forward, back, to where; where it stands on its timeline and why it stopped. */
import { html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { faultChain } from "../../../emulator/triple-fault.ts";
import type { DebugGoal } from "../../../emulator/core/debug/debugger.ts";
import type { DebugView } from "../../../emulator/core/debug/view.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { CpuPresenter } from "../../state/cpu-presenter.ts";
import { fields } from "./fields.styles.ts";
import { styles } from "./cpu.styles.ts";

/** Positions of the speed slider: instructions a second, 0 as fast as it goes. */
const SPEEDS = [2, 10, 50, 200, 1000, 10_000, 100_000, 1_000_000, 0];

@customElement("rs-step-controls")
export class StepControls extends RingsideElement {
  static override styles = [sharedStyles, fields, styles];

  @property({ attribute: false }) presenter?: CpuPresenter;

  private begin(goal: DebugGoal): void {
    if (this.presenter?.view.get()?.running === true) return;
    void this.presenter?.command({ type: "begin", goal });
  }

  private toCursor(): void {
    const linear = this.presenter?.cursor.get();
    if (linear !== undefined) this.begin({ type: "to", linear });
  }

  private goTo(instructions: number): void {
    void this.presenter?.command({ type: "go-to", instructions });
  }

  /** F5 run or pause, F8 back, F9 breakpoint, F10 over, F11 into, with Shift out. */
  key(event: KeyboardEvent): void {
    const { presenter } = this;
    const { key, shiftKey, ctrlKey } = event;
    const view = presenter?.view.get();
    if (event.altKey || event.metaKey || presenter === undefined || view === undefined) return;
    let act: (() => void) | undefined;
    if (key === "F5" && !ctrlKey) {
      act = () =>
        view.running || shiftKey ? void presenter.command({ type: "pause" }) : this.begin({ type: "run" });
    } else if (key === "F10" && ctrlKey) act = () => this.toCursor();
    else if (key === "F10") act = () => this.begin({ type: "over" });
    else if (key === "F11" && !ctrlKey) act = () => this.begin({ type: shiftKey ? "out" : "step" });
    else if (key === "F8" && !ctrlKey) act = () => void presenter.command({ type: "step-back" });
    else if (key === "F9") act = () => void presenter.toggleBreakpoint(presenter.cursor.get() ?? view.next);
    if (act === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  private stopText(view: DebugView): string {
    const { cpu: m } = this.m;
    const { stop, running, halted } = view;
    if (running) return halted ? m.halted : m.running;
    if (stop === undefined) return m.stopped.ready;
    switch (stop.type) {
      case "breakpoint":
        return m.stopped.breakpoint(stop.id);
      case "exit":
        return m.stopped.exit(stop.code);
      case "triple-fault":
        return m.stopped.tripleFault(faultChain(stop.fault));
      default:
        return m.stopped[stop.type];
    }
  }

  private buttons(view: DebugView) {
    const { cpu: m } = this.m;
    const { presenter } = this;
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
    return html`<div class="row" role="group" aria-label=${m.controls}>
      <rs-action
        look="primary"
        icon=${running ? "pause" : "play"}
        label=${running ? m.pause : m.run}
        hint="F5"
        @rs-press=${() => (running ? void presenter?.command({ type: "pause" }) : this.begin({ type: "run" }))}
      ></rs-action>
      ${go(m.into, "F11", () => this.begin({ type: "step" }), still)}
      ${go(m.over, "F10", () => this.begin({ type: "over" }), still)}
      ${go(m.out, "Shift+F11", () => this.begin({ type: "out" }), still)}
      ${go(m.back, "F8", () => void presenter?.command({ type: "step-back" }), still || atFirst)}
      ${go(m.toCursor, "Ctrl+F10", () => this.toCursor(), still || (presenter?.cursor.get() === undefined ? m.noCursor : ""))}
      <span class="space"></span>
      ${this.speedSlider()}
    </div>`;
  }

  private speedSlider() {
    const { cpu: m } = this.m;
    const rate = this.presenter?.speed.get() ?? 0;
    const text = rate === 0 ? m.fullSpeed : m.perSecond(rate.toLocaleString());
    return html`<label class="speed"
      >${m.speed}
      <input
        type="range"
        min="0"
        max=${SPEEDS.length - 1}
        .value=${String(SPEEDS.indexOf(rate))}
        aria-valuetext=${text}
        @input=${(event: Event) =>
          void this.presenter?.setSpeed(SPEEDS[Number((event.target as HTMLInputElement).value)])}
      />
      <output>${text}</output></label
    >`;
  }

  private timeline(view: DebugView) {
    const { cpu: m } = this.m;
    const { history, instructions, running, replaying } = view;
    const still = running ? m.isRunning : "";
    const end = (label: string, count: number, icon: "arrow-left" | "arrow-right", none: string) =>
      html`<rs-action
        icon-only
        icon=${icon}
        label=${label}
        reason=${still || (instructions === count ? none : "")}
        @rs-press=${() => this.goTo(count)}
      ></rs-action>`;
    return html`<div class="row timeline" role="group" aria-label=${m.timeline}>
      ${end(m.backToStart, history.first, "arrow-left", m.noBack)}
      <input
        type="range"
        aria-label=${m.timelineAt}
        aria-valuetext=${m.instructions(instructions.toLocaleString())}
        min=${history.first}
        max=${Math.max(history.head, history.first + 1)}
        step="1"
        .value=${String(instructions)}
        ?disabled=${running}
        @change=${(event: Event) => this.goTo(Number((event.target as HTMLInputElement).value))}
      />
      ${end(m.forwardToEnd, history.head, "arrow-right", m.noForward)}
      <span class="count">${m.instructions(instructions.toLocaleString())}</span>
      <span>${m.time(view.milliseconds.toFixed(2))}</span>
      ${replaying && !running ? html`<span class="quiet">${m.replaying}</span>` : nothing}
      <span class="space"></span>
      <strong role="status">${this.stopText(view)}</strong>
    </div>`;
  }

  protected override render() {
    const view = this.presenter?.view.get();
    if (view === undefined) return nothing;
    return html`${this.buttons(view)} ${this.timeline(view)}`;
  }
}
