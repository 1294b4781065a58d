/** "Why did this ping fail?": source and destination, the guest's own ping, and the way hop by hop with the cause. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { PingStep } from "../../../hypervisor-model/network/explain-ping.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { Messages } from "../../i18n/messages.ts";
import { laboratory } from "../../state/laboratory.ts";
import { askPing, isPingTarget, type PingAnswer } from "../../state/ping-question.ts";
import { deviceName } from "./topology.ts";

@customElement("rs-ping-panel")
export class PingPanel extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: block;
        overflow: auto;
        padding: 16px;
      }
      .form {
        max-inline-size: 860px;
      }
      .row {
        align-items: flex-end;
      }
      ol {
        display: flex;
        flex-direction: column;
        gap: 6px;
      }
      li {
        padding: 6px 10px;
        border: 1px solid var(--rs-line);
        border-inline-start: 4px solid var(--rs-running);
        border-radius: 4px;
        background: var(--rs-surface);
      }
      li.wrong {
        border-inline-start-color: var(--rs-danger);
        background: var(--rs-danger-quiet);
      }
      pre {
        margin: 0;
        padding: 8px;
        border: 1px solid var(--rs-line);
        background: var(--rs-console);
        font-family: var(--rs-mono);
        font-size: 12px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
    `,
  ];

  @state() private from = "";
  @state() private target = "www.baidu.com";
  @state() private busy = false;
  @state() private answer?: PingAnswer;
  @state() private failure = "";

  private get sources() {
    return laboratory.machines.get().filter(({ session }) => session?.agentReady);
  }

  private get source(): string {
    return this.sources.find(({ id }) => id === this.from)?.id ?? this.sources[0]?.id ?? "";
  }

  private get reason(): string {
    const { ping: m } = this.m;
    if (this.busy) return m.busy;
    if (this.source === "") return m.noSource;
    return isPingTarget(this.target) ? "" : m.badTarget;
  }

  private async ask(): Promise<void> {
    if (this.reason) return;
    this.busy = true;
    this.failure = "";
    this.answer = undefined;
    try {
      this.answer = await askPing(this.source, this.target);
    } catch {
      this.failure = this.m.ping.noAnswer;
    } finally {
      this.busy = false;
    }
  }

  private result({ answered, output, steps, silent, faulty, from, target }: PingAnswer) {
    const { ping: m } = this.m;
    const cause = steps.find(({ ok }) => !ok);
    const unexplained = !answered && steps.length > 0 && !cause;
    return html`<h2 role="status">${answered ? m.answered(from, target) : m.failed(from, target)}</h2>
      <pre>${output}</pre>
      <h3>${m.way}</h3>
      <ol>
        ${steps.map(
          (step) =>
            html`<li class=${step.ok ? "" : "wrong"}>
              <strong>${step.ok ? "✓" : `✗ ${m.cause}:`} ${deviceName(this.m, step.device)}</strong>
              ${pingSentence(this.m, step)}
            </li>`,
        )}
      </ol>
      ${unexplained ? html`<p class="bad">${faulty.length > 0 ? m.faultyCables(faulty.join(", ")) : m.unexplained}</p>` : nothing}
      ${answered && cause ? html`<p class="hint">${m.contradiction}</p>` : nothing}
      ${silent.length > 0 ? html`<p class="hint">${m.silent(silent.join(", "))}</p>` : nothing}`;
  }

  protected override render() {
    const { ping: m } = this.m;
    return html`<div class="form">
      <p>${m.lead}</p>
      <div class="row">
        <label class="field"
          ><span>${m.from}</span>
          <select @change=${(event: Event) => (this.from = (event.target as HTMLSelectElement).value)}>
            ${this.sources.map(({ id, name }) => html`<option value=${id} ?selected=${id === this.source}>${name}</option>`)}
          </select></label
        >
        <label class="field"
          ><span>${m.to}</span
          ><input
            .value=${this.target}
            @input=${(event: InputEvent) => (this.target = (event.target as HTMLInputElement).value.trim())}
            @keydown=${(event: KeyboardEvent) => event.key === "Enter" && !event.isComposing && void this.ask()}
        /></label>
        <rs-action
          class="ask"
          look="primary"
          label=${m.ask}
          reason=${this.reason}
          @rs-press=${() => void this.ask()}
        ></rs-action>
      </div>
      ${this.busy ? html`<p role="status">${m.busy}</p>` : nothing}
      ${this.failure ? html`<p class="bad" role="alert">${this.failure}</p>` : nothing}
      ${this.answer ? this.result(this.answer) : nothing}
    </div>`;
  }
}

function pingSentence(m: Messages, step: PingStep): string {
  return (m.ping.step[step.type] as (step: PingStep) => string)(step);
}
