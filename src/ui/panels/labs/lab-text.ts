/** A lab's text beside the workspace: its steps with live ticks, its machines, and what is done with the lab as a whole. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { fill } from "../../../labs/seed.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { language } from "../../i18n/messages.ts";
import { laboratory } from "../../state/laboratory.ts";
import {
  activeLab,
  checkQuietly,
  endLab,
  labWork,
  leaveLab,
  resetLab,
  type ActiveLab,
} from "../../state/labs.ts";
import { LAB_WIDTH, labWidth, setLabWidth } from "../../state/preferences.ts";
import { hashOf } from "../../state/route.ts";
import { stateMark, stateName } from "../../state/state-name.ts";
import { drawMarkdown } from "./markdown.ts";
import "./step-view.ts";

/** Between looks at the step that is being worked on. */
const LOOK_MS = 4000;
const KEY_STEP = 24;

@customElement("rs-lab-text")
export class LabTextPanel extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex: none !important;
        max-inline-size: 70%;
        border-inline-start: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      .splitter {
        flex: none;
        inline-size: 6px;
        cursor: col-resize;
        background: var(--rs-surface-quiet);
        touch-action: none;
      }
      .splitter:hover,
      .splitter:focus-visible {
        background: var(--rs-accent);
      }
      .text {
        display: flex;
        flex: 1;
        flex-direction: column;
        min-inline-size: 0;
        overflow: auto;
      }
      header {
        position: sticky;
        z-index: 1;
        inset-block-start: 0;
        display: flex;
        flex-direction: column;
        gap: 4px;
        padding: 8px 12px;
        border-block-end: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
      }
      .row h1 {
        flex: 1;
        font-size: var(--rs-text-large);
      }
      progress {
        flex: 1;
        min-inline-size: 80px;
        accent-color: var(--rs-running);
      }
      .body {
        display: flex;
        flex-direction: column;
        gap: 8px;
        padding: 10px 12px 24px;
      }
      .introduction {
        line-height: 1.5;
      }
      details {
        border: 1px solid var(--rs-line);
        border-radius: 6px;
      }
      details.now {
        border-color: var(--rs-accent);
      }
      summary {
        display: flex;
        align-items: baseline;
        gap: 8px;
        padding: 6px 10px;
        cursor: pointer;
        font-weight: 600;
      }
      summary .mark {
        inline-size: 1em;
        color: var(--rs-text-quiet);
      }
      .done .mark {
        color: var(--rs-running);
      }
      summary .state {
        margin-inline-start: auto;
        color: var(--rs-text-quiet);
        font-size: var(--rs-text-small);
        font-weight: 400;
        white-space: nowrap;
      }
      rs-lab-step {
        padding: 2px 10px 10px;
      }
      @media (max-width: 900px) {
        :host {
          max-inline-size: 55%;
        }
      }
    `,
  ];

  @state() private asks?: "reset" | "end";
  #timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.lookAgain();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  private lookAgain(): void {
    this.#timer = setTimeout(() => {
      const looked = document.visibilityState === "visible" ? checkQuietly() : Promise.resolve();
      void looked.finally(() => this.isConnected && this.lookAgain());
    }, LOOK_MS);
  }

  private drag = (event: PointerEvent): void => {
    const splitter = event.currentTarget as HTMLElement;
    splitter.setPointerCapture(event.pointerId);
    const right = this.getBoundingClientRect().right;
    const move = ({ clientX }: PointerEvent) => setLabWidth(right - clientX);
    splitter.addEventListener("pointermove", move);
    splitter.addEventListener("pointerup", () => splitter.removeEventListener("pointermove", move), {
      once: true,
    });
  };

  private moveByKey(event: KeyboardEvent): void {
    const by = { ArrowLeft: KEY_STEP, ArrowRight: -KEY_STEP }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    setLabWidth(labWidth.get() + by);
  }

  private head({ lab, texts, progress, machines }: ActiveLab) {
    const { labs: m } = this.m;
    const passed = [...progress.values()].filter(({ passedAt }) => passedAt !== undefined).length;
    const total = lab.steps.length;
    const count = m.passed(String(passed), String(total));
    const working = labWork.get();
    const reason = working ? m.busy : "";
    return html`<header>
      <div class="row">
        <h1>${lab.id} ${texts[language.get()].title}</h1>
        <rs-action icon="x" icon-only label=${m.leave} @rs-press=${leaveLab}></rs-action>
      </div>
      <div class="row">
        <progress max=${total} value=${passed} aria-label=${count}></progress>
        <span class="small">${count}</span>
      </div>
      <div class="row">
        ${machines?.machines().map(({ id, name }) => {
          const view = laboratory.find(id);
          return view
            ? html`<a href=${hashOf({ type: "machine", id })} title=${stateName(this.m, view)}
                ><span aria-hidden="true">${stateMark(view)}</span> ${name}</a
              >`
            : nothing;
        })}
        <a href=${hashOf({ type: "workspace", name: "lab", rest: [lab.id, "report"] })}>${m.report.link}</a>
        <rs-action
          icon="refresh"
          label=${m.reset}
          reason=${reason}
          @rs-press=${() => (this.asks = "reset")}
        ></rs-action>
        <rs-action
          icon="trash"
          label=${m.end}
          reason=${reason || (machines ? "" : m.ended)}
          @rs-press=${() => (this.asks = "end")}
        ></rs-action>
      </div>
      ${
        working && working.step === undefined && working.type !== "checking"
          ? html`<p class="quiet" role="status">
              ${working.type === "removing" ? m.removing : m.starting}
              <progress aria-label=${m.starting}></progress>
            </p>`
          : nothing
      }
      ${passed === total ? html`<p role="status"><strong>✓ ${m.allDone}</strong></p>` : nothing}
    </header>`;
  }

  private steps({ lab, texts, progress }: ActiveLab) {
    const { labs: m } = this.m;
    const text = texts[language.get()];
    const now = lab.steps.find(({ id }) => progress.get(id)?.passedAt === undefined)?.id;
    return repeat(
      lab.steps,
      ({ id }) => id,
      (step, i) => {
        const own = text.steps[step.id];
        const state = progress.get(step.id)!;
        const done = state.passedAt !== undefined;
        const word = !done ? m.notDone : state.assisted ? m.assisted : m.done;
        return html`<details
          class=${done ? "done" : step.id === now ? "now" : ""}
          data-step=${step.id}
          ?open=${step.id === now}
        >
          <summary>
            <span class="mark" aria-hidden="true">${done ? "✓" : "○"}</span>
            <span>${m.step(String(i + 1), fill(own.title, lab.values))}</span>
            <span class="state">${word}</span>
          </summary>
          <rs-lab-step .step=${step} .text=${own} .progress=${state} .values=${lab.values}></rs-lab-step>
        </details>`;
      },
    );
  }

  private question() {
    const { labs: m } = this.m;
    if (this.asks === undefined) return nothing;
    const isReset = this.asks === "reset";
    const close = () => (this.asks = undefined);
    return html`<rs-dialog heading=${isReset ? m.reset : m.end} @rs-close=${close}>
      <p>${isReset ? m.resetAsk : m.endAsk}</p>
      <rs-action slot="footer" look="outlined" label=${this.m.common.cancel} @rs-press=${close}></rs-action>
      <rs-action
        slot="footer"
        look="danger"
        label=${m.yes}
        @rs-press=${() => {
          close();
          void (isReset ? resetLab() : endLab());
        }}
      ></rs-action>
    </rs-dialog>`;
  }

  protected override render() {
    const active = activeLab.get();
    if (!active) return nothing;
    const { labs: m } = this.m;
    const introduction = fill(active.texts[language.get()].introduction, active.lab.values);
    this.style.inlineSize = `${labWidth.get()}px`;
    return html`<div
        class="splitter"
        role="separator"
        tabindex="0"
        aria-orientation="vertical"
        aria-label=${m.width}
        aria-valuenow=${labWidth.get()}
        aria-valuemin=${LAB_WIDTH.minimum}
        aria-valuemax=${LAB_WIDTH.maximum}
        @pointerdown=${this.drag}
        @keydown=${this.moveByKey}
      ></div>
      <section class="text" aria-label=${active.texts[language.get()].title}>
        ${this.head(active)}
        <div class="body">
          <div class="introduction">
            ${drawMarkdown(introduction, (text) => html`<pre><code>${text}</code></pre>`)}
          </div>
          ${this.steps(active)}
        </div>
      </section>
      ${this.question()}`;
  }
}
