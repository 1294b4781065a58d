/** Step mode below the drawing: each frame with what switch, gateway and hosts did with it and why, one sentence each. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { dissect } from "../../../hypervisor-model/network/capture/dissect.ts";
import type { Decision } from "../../../hypervisor-model/network/decision.ts";
import type { NumberedStep } from "../../../hypervisor-model/network/step-mode.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import type { Messages } from "../../i18n/messages.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { SPEEDS, type StepControl } from "../../state/step-control.ts";
import { protocolText } from "./field-names.ts";
import { tableStyles } from "./table.styles.ts";
import { deviceName } from "./topology.ts";

/** Rows drawn: the newest, or those around the one in hand. */
const SHOWN = 100;

@customElement("rs-step-panel")
export class StepPanel extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    tableStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        background: var(--rs-surface);
      }
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px;
        padding: 3px 8px;
        border-block-end: 1px solid var(--rs-line);
        background: var(--rs-surface-quiet);
      }
      .scroll {
        flex: 1;
        min-block-size: 0;
        overflow: auto;
      }
      td {
        vertical-align: top;
      }
      .hand {
        padding: 8px 12px;
        border-block-end: 1px solid var(--rs-line);
      }
      .hand ul {
        list-style: disc;
        padding-inline-start: 20px;
      }
      .wrong {
        color: var(--rs-danger);
      }
      .empty {
        padding: 16px;
      }
    `,
  ];

  @property({ attribute: false }) control!: StepControl;

  protected override updated(): void {
    this.renderRoot.querySelector("tr[data-chosen]")?.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    if (event.target instanceof HTMLSelectElement) return;
    if (event.key === "ArrowRight") void this.control.forward();
    else if (event.key === "ArrowLeft") this.control.back();
    else return;
    event.preventDefault();
  }

  private bar() {
    const { steps: m } = this.m;
    const { control } = this;
    const held = control.held.get();
    const playing = control.playing.get();
    const at = control.at.get();
    const notHeld = held ? "" : m.notHeld;
    return html`<div class="bar" role="toolbar" aria-label=${m.title}>
      <rs-action
        class="live"
        label=${m.live}
        .pressed=${!held}
        @rs-press=${() => void control.release()}
      ></rs-action>
      <rs-action
        class="hold"
        label=${m.step}
        .pressed=${held}
        @rs-press=${() => void control.hold()}
      ></rs-action>
      <span class="quiet">│</span>
      <rs-action
        icon="arrow-left"
        label=${m.back}
        reason=${notHeld || (at > 0 ? "" : m.atBeginning)}
        @rs-press=${() => control.back()}
      ></rs-action>
      <rs-action
        icon=${playing ? "pause" : "play"}
        label=${playing ? m.pause : m.play}
        reason=${notHeld}
        @rs-press=${() => void (playing ? control.stop() : control.play())}
      ></rs-action>
      <rs-action
        class="forward"
        icon="arrow-right"
        label=${m.forward}
        reason=${notHeld || (playing ? m.isPlaying : control.busy.get() ? m.busy : "")}
        @rs-press=${() => void control.forward()}
      ></rs-action>
      <label class="row"
        >${m.speed}
        <select
          @change=${(event: Event) => void control.setSpeed(Number((event.target as HTMLSelectElement).value))}
        >
          ${SPEEDS.map((speed) => html`<option value=${speed} ?selected=${speed === control.speed.get()}>${m.perSecond(String(speed))}</option>`)}
        </select></label
      >
      <span class="quiet small" role="status"
        >${control.busy.get() ? m.busy : control.nothing.get() ? m.nothing : held ? m.count(String(at + 1), String(control.steps.get().length)) : m.running}</span
      >
    </div>`;
  }

  private hand(step: NumberedStep) {
    const { decisions } = step;
    return html`<div class="hand" aria-live="polite">
      <strong>${frameTitle(this.m, step)}</strong>
      <ul>
        ${decisions.map((decision) => html`<li class=${isBad(decision) ? "wrong" : ""}>${sentence(this.m, decision)}</li>`)}
        ${decisions.length === 0 ? html`<li>${this.m.steps.noDecision}</li>` : nothing}
      </ul>
    </div>`;
  }

  private row(step: NumberedStep, place: number) {
    const { control } = this;
    const chosen = place === control.at.get();
    const bad = step.decisions.find(isBad);
    const first = bad ?? step.decisions[0];
    return html`<tr ?data-chosen=${chosen}>
      <td class="number">
        <button class="link" type="button" aria-pressed=${String(chosen)} @click=${() => control.show(place)}>
          ${step.number}
        </button>
      </td>
      <td class="number">${(step.time / 1000).toFixed(4)}</td>
      <td>${frameTitle(this.m, step)}</td>
      <td class=${bad ? "wrong" : ""}>${first ? sentence(this.m, first) : ""}</td>
    </tr>`;
  }

  protected override render() {
    const { steps: m, capture } = this.m;
    const { control } = this;
    const steps = control.steps.get();
    const { inHand } = control;
    const from = Math.max(0, Math.min(steps.length, control.at.get() + SHOWN / 2) - SHOWN);
    return html`<div class="bar-and-list" @keydown=${this.key} style="display:contents">
      ${this.bar()} ${inHand ? this.hand(inHand) : nothing}
      ${
        steps.length === 0
          ? html`<p class="empty">
              ${control.held.get() ? m.ready(control.network) : m.begin(control.network)}
            </p>`
          : html`<div class="scroll" tabindex="0" role="group" aria-label=${m.list}>
              <table>
                <thead>
                  <tr>
                    <th scope="col" class="number">${capture.number}</th>
                    <th scope="col" class="number">${m.time}</th>
                    <th scope="col">${m.frame}</th>
                    <th scope="col">${m.decided}</th>
                  </tr>
                </thead>
                <tbody>
                  ${steps.slice(from, from + SHOWN).map((step, i) => this.row(step, from + i))}
                </tbody>
              </table>
            </div>`
      }
    </div>`;
  }
}

function frameTitle(m: Messages, { hop }: NumberedStep): string {
  if (!hop) return m.steps.noFrame;
  return `${deviceName(m, hop.from)} → ${deviceName(m, hop.to)}: ${frameText(hop)}`;
}

/** A line about the frame: its protocol and what it says. */
export function frameText({ bytes, carries }: NonNullable<NumberedStep["hop"]>): string {
  // A bare packet is shown as in a frame.
  const framed = carries === "frames" ? bytes : new Uint8Array([...new Uint8Array(12), 8, 0, ...bytes]);
  const { protocol, info } = dissect(framed);
  return `${protocolText(protocol)} ${info}`;
}

/** Frames for others, which every station of a switch sees and leaves. */
const ORDINARY = new Set(["other-mac", "arp-for-another", "not-understood"]);

function isBad(decision: Decision): boolean {
  const { type } = decision;
  if (type === "host-dropped" && ORDINARY.has(decision.reason)) return false;
  return /dropped|unanswered|conflict|refused|failed|declined|expired$/.test(type);
}

export function sentence(m: Messages, decision: Decision): string {
  const { device } = decision;
  const say = m.steps.decision[decision.type] as (decision: Decision) => string;
  return `${deviceName(m, device.split("/").at(-1) ?? device)}: ${say(decision)}`;
}
