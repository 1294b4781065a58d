/** One step of a lab: what to do, its question, its checks with a sentence for each that does not hold, hints. */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ANSWER, type LabStep } from "../../../labs/lab.ts";
import type { StepProgress } from "../../../labs/journal.ts";
import type { StepText } from "../../../labs/lab-text.ts";
import { fill, type LabValues } from "../../../labs/seed.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { activeLab, answerQuestion, askForHint, checkStep, labWork, solveStep } from "../../state/labs.ts";
import { route } from "../../state/route.ts";
import { drawMarkdown } from "./markdown.ts";

const COPIED_MS = 1500;
/** What a code block is marked with whose lines are commands for the guest's shell. */
const SHELL = "sh";

@customElement("rs-lab-step")
export class LabStepView extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 8px;
      }
      p,
      ul,
      ol {
        line-height: 1.5;
      }
      ul,
      ol {
        padding-inline-start: 20px;
        list-style: revert;
      }
      .code {
        border: 1px solid var(--rs-line);
        border-radius: 4px;
        background: var(--rs-console);
      }
      pre {
        margin: 0;
        padding: 8px;
        overflow-x: auto;
        font-family: var(--rs-mono);
        font-size: 12px;
      }
      .code .row {
        border-block-start: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px;
      }
      fieldset {
        display: flex;
        flex-direction: column;
        gap: 6px;
        margin: 0;
        padding: 8px 10px;
        border: 1px solid var(--rs-line);
        border-radius: 6px;
      }
      fieldset label {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 6px;
        align-items: baseline;
      }
      .results li {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 6px;
        overflow-wrap: anywhere;
      }
      .results {
        padding: 0;
        list-style: none;
      }
      .bad {
        color: var(--rs-danger);
      }
      .hint {
        padding: 6px 10px;
        border-inline-start: 3px solid var(--rs-accent);
        background: var(--rs-info-quiet);
      }
      blockquote {
        margin: 0;
        padding-inline-start: 10px;
        border-inline-start: 3px solid var(--rs-line-strong);
      }
      table {
        border-collapse: collapse;
      }
      td,
      th {
        padding: 2px 8px;
        border: 1px solid var(--rs-line);
        text-align: start;
      }
    `,
  ];

  @property({ attribute: false }) step!: LabStep;
  @property({ attribute: false }) text!: StepText;
  @property({ attribute: false }) progress!: StepProgress;
  @property({ attribute: false }) values: LabValues = {};
  @state() private chosen = "";
  @state() private asksToSolve = false;
  @state() private copied = "";

  /** Machine whose terminal takes commands: the one that is shown, or the lab's first. */
  private get terminal() {
    const machines = activeLab.get()?.machines?.machines() ?? [];
    const at = route.get();
    const shown = machines.find(({ id }) => at.type === "machine" && at.id === id) ?? machines[0];
    return laboratory.find(shown?.id);
  }

  private async copy(text: string): Promise<void> {
    await copyText(text);
    this.copied = text;
    setTimeout(() => (this.copied = ""), COPIED_MS);
  }

  private drawCode = (text: string, language: string): unknown => {
    const { labs: m } = this.m;
    const { terminal } = this;
    const sendable = language === SHELL;
    return html`<div class="code">
      <pre tabindex="0"><code>${text}</code></pre>
      <div class="row">
        <rs-action
          icon="copy"
          label=${this.copied === text ? m.copied : m.copy}
          @rs-press=${() => void this.copy(text)}
        ></rs-action>
        ${
          sendable
            ? html`<rs-action
                icon="terminal"
                label=${m.send}
                hint=${terminal ? m.sendHint(terminal.name) : ""}
                reason=${terminal?.session?.agentReady ? "" : m.sendOff}
                @rs-press=${() => this.send(text)}
              ></rs-action>`
            : nothing
        }
      </div>
    </div>`;
  };

  private send(text: string): void {
    const lines = text.split("\n").map((line) => `${line}\r`);
    this.terminal?.session?.machine.console.write(new TextEncoder().encode(lines.join("")));
  }

  private draw(text: string) {
    return drawMarkdown(fill(text, this.values), this.drawCode);
  }

  private question() {
    const { labs: m } = this.m;
    const { step, text, progress } = this;
    if (step.choices.length === 0) return nothing;
    const done = progress.passedAt !== undefined;
    const chosen = this.chosen || (progress.answer ?? "");
    return html`<fieldset>
      <legend class="visually-hidden">${fill(text.title, this.values)}</legend>
      ${step.choices.map(
        (choice) =>
          html`<label
            ><input
              type="radio"
              name="choice"
              value=${choice}
              ?disabled=${done}
              .checked=${choice === chosen}
              @change=${() => (this.chosen = choice)}
            /><span>${fill(text.choices[choice] ?? choice, this.values)}</span></label
          >`,
      )}
      ${
        done
          ? nothing
          : html`<div class="row">
              <rs-action
                look="primary"
                label=${m.answer}
                reason=${chosen ? "" : m.answer}
                @rs-press=${() => void answerQuestion(step.id, chosen)}
              ></rs-action>
            </div>`
      }
    </fieldset>`;
  }

  private results() {
    const { labs: m } = this.m;
    const { text, progress } = this;
    if (progress.passedAt !== undefined) return html`<p role="status">✓ ${m.holds}</p>`;
    if (progress.results.length === 0) return nothing;
    return html`<ul class="results" role="status">
      ${progress.results.map(({ check, ok, found }) => {
        if (ok && check === ANSWER) return nothing;
        if (ok) return html`<li><span>✓</span><span class="quiet mono">${found.slice(0, 120)}</span></li>`;
        const sentence = check === ANSWER ? m.wrong : (text.failures[check] ?? check);
        return html`<li class="bad">
          <span>✗</span><span>${fill(sentence, { ...this.values, found })}</span>
        </li>`;
      })}
    </ul>`;
  }

  private actions() {
    const { labs: m } = this.m;
    const { step, text, progress } = this;
    if (progress.passedAt !== undefined) return nothing;
    const work = labWork.get();
    const ended = activeLab.get()?.machines === undefined;
    const reason = ended ? m.ended : work ? m.busy : "";
    const isDoing = work?.step === step.id;
    return html`<div class="row">
        ${
          step.checks.length > 0
            ? html`<rs-action
                class="check"
                look="primary"
                icon="check"
                label=${m.check}
                hint=${m.checkHint}
                reason=${reason}
                @rs-press=${() => void checkStep(step.id)}
              ></rs-action>`
            : nothing
        }
        <rs-action
          icon="circle-help"
          label=${progress.hints === 0 ? m.hint : m.moreHints}
          reason=${progress.hints < text.hints.length ? "" : m.noMoreHints}
          @rs-press=${() => void askForHint(step.id)}
        ></rs-action>
        <rs-action
          class="solve"
          label=${m.solve}
          reason=${reason}
          @rs-press=${() => (this.asksToSolve = true)}
        ></rs-action>
        ${isDoing ? html`<span class="quiet" role="status">${work.type === "solving" ? m.solving : m.checking}</span>` : nothing}
      </div>
      ${
        this.asksToSolve
          ? html`<div class="hint row" role="alert">
              ${m.solveAsk}
              <rs-action
                class="solve-yes"
                look="outlined"
                label=${m.solveYes}
                @rs-press=${() => {
                  this.asksToSolve = false;
                  void solveStep(step.id);
                }}
              ></rs-action>
              <rs-action
                label=${this.m.common.cancel}
                @rs-press=${() => (this.asksToSolve = false)}
              ></rs-action>
            </div>`
          : nothing
      }`;
  }

  protected override render() {
    const { text, progress } = this;
    const hints = text.hints.slice(0, progress.hints);
    const isRight = progress.passedAt !== undefined && text.why !== "";
    return html`${this.draw(text.body)} ${this.question()}
    ${hints.map((hint) => html`<div class="hint">${this.draw(hint)}</div>`)} ${this.results()}
    ${isRight ? html`<div class="hint">${this.draw(text.why)}</div>` : nothing} ${this.actions()}`;
  }
}

/** `navigator.clipboard` is absent on a plain-HTTP host. */
async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
