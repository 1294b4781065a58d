/** "Why did this ping fail?": source and destination, the guest's own ping, and the way hop by hop with the cause. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { PingSource, PingStep } from "../../../hypervisor-model/network/ping-step.ts";
import type { ProbeAnswer } from "../../../hypervisor-model/network/probe.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { Messages } from "../../i18n/messages.ts";
import { laboratory } from "../../state/laboratory.ts";
import { networkStatuses } from "../../state/network-watch.ts";
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
      li.doubtful {
        border-inline-start-color: var(--rs-warning);
        background: var(--rs-warning-quiet);
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

  /** A source as `keyOf` names it. */
  @state() private from = "";
  @state() private target = "www.baidu.com";
  @state() private busy = false;
  @state() private answer?: PingAnswer;
  @state() private failure = "";

  private get guests(): PingSource[] {
    const running = laboratory.machines.get().filter(({ session }) => session?.agentReady);
    return running.map(({ name }) => ({ type: "guest", name }));
  }

  /** Host adapters, gateways, neighbours and troublemakers. */
  private get devices(): PingSource[] {
    return [...networkStatuses.get().values()].flatMap(({ name: network, devices }) =>
      devices.map(({ name }): PingSource => ({ type: "device", network, name })),
    );
  }

  private get hosts(): PingSource[] {
    return laboratory.networks.zone.get().hosts.map(({ address }) => ({ type: "internet", address }));
  }

  private get source(): PingSource | undefined {
    const all = [...this.guests, ...this.devices, ...this.hosts];
    return all.find((source) => keyOf(source) === this.from) ?? all[0];
  }

  private sourceName(source: PingSource): string {
    switch (source.type) {
      case "guest":
        return source.name;
      case "device":
        return `${source.network}: ${deviceName(this.m, source.name)}`;
      case "internet": {
        const { hosts } = laboratory.networks.zone.get();
        return hosts.find(({ address }) => address === source.address)?.names[0] ?? source.address;
      }
      default:
        return source satisfies never;
    }
  }

  /** What can be pinged, as the destination's list proposes it. */
  private get targets(): [string, string][] {
    const devices = [...networkStatuses.get().values()].flatMap(({ name, devices: all }) =>
      all.map((device): [string, string] => [device.address, `${name}: ${deviceName(this.m, device.name)}`]),
    );
    const guests = laboratory.machines
      .get()
      .flatMap(({ name, session }) =>
        (session?.machine.agent.status?.nics ?? []).flatMap(({ addresses }) =>
          addresses.map((text): [string, string] => [text.split("/")[0], name]),
        ),
      );
    const hosts = laboratory.networks.zone.get().hosts.flatMap(({ names }) => names);
    return [
      ...guests,
      ...devices,
      ...hosts.map((name): [string, string] => [name, this.m.networks.node.internet]),
    ];
  }

  private get reason(): string {
    const { ping: m } = this.m;
    if (this.busy) return m.busy;
    if (this.source === undefined) return m.noSource;
    return isPingTarget(this.target) ? "" : m.badTarget;
  }

  private async ask(): Promise<void> {
    const { source } = this;
    if (this.reason || source === undefined) return;
    this.busy = true;
    this.failure = "";
    this.answer = undefined;
    try {
      this.answer = await askPing(source, this.target);
    } catch {
      this.failure = this.m.ping.noAnswer;
    } finally {
      this.busy = false;
    }
  }

  private output({ output, probe }: PingAnswer): string {
    const { ping: m } = this.m;
    if (output !== undefined) return output;
    if (probe === undefined) return m.notSent;
    const say = m.probe[probe.type] as (probe: ProbeAnswer) => string;
    return say(probe);
  }

  private result(answer: PingAnswer) {
    const { ping: m } = this.m;
    const { answered, steps, silent, source, target } = answer;
    const from = this.sourceName(source);
    const cause = steps.find(({ ok }) => !ok);
    const unexplained = !answered && steps.length > 0 && !cause;
    const faulty = steps.flatMap((step) => (step.type === "cable-faulty" ? [step.cable] : []));
    return html`<h2 role="status">${answered ? m.answered(from, target) : m.failed(from, target)}</h2>
      <pre>${this.output(answer)}</pre>
      <h3>${m.way}</h3>
      <ol>
        ${steps.map(
          (step) =>
            html`<li class=${step.ok ? (step.type === "cable-faulty" ? "doubtful" : "") : "wrong"}>
              <strong
                >${step.ok ? (step.type === "cable-faulty" ? "⚠" : "✓") : `✗ ${m.cause}:`}
                ${deviceName(this.m, step.device)}</strong
              >
              ${pingSentence(this.m, step)}
            </li>`,
        )}
      </ol>
      ${unexplained ? html`<p class="bad">${faulty.length > 0 ? m.faultyCables([...new Set(faulty)].join(", ")) : m.unexplained}</p>` : nothing}
      ${answered && cause ? html`<p class="hint">${m.contradiction}</p>` : nothing}
      ${silent.length > 0 ? html`<p class="hint">${m.silent(silent.join(", "))}</p>` : nothing}`;
  }

  private sourceGroup(label: string, sources: readonly PingSource[]) {
    const chosen = this.source && keyOf(this.source);
    if (sources.length === 0) return nothing;
    return html`<optgroup label=${label}>
      ${sources.map((source) => html`<option value=${keyOf(source)} ?selected=${keyOf(source) === chosen}>${this.sourceName(source)}</option>`)}
    </optgroup>`;
  }

  protected override render() {
    const { ping: m } = this.m;
    return html`<div class="form">
      <p>${m.lead}</p>
      <div class="row">
        <label class="field"
          ><span>${m.from}</span>
          <select @change=${(event: Event) => (this.from = (event.target as HTMLSelectElement).value)}>
            ${this.sourceGroup(m.guests, this.guests)} ${this.sourceGroup(m.devices, this.devices)}
            ${this.sourceGroup(m.hosts, this.hosts)}
          </select></label
        >
        <label class="field"
          ><span>${m.to}</span
          ><input
            list="targets"
            .value=${this.target}
            @input=${(event: InputEvent) => (this.target = (event.target as HTMLInputElement).value.trim())}
            @keydown=${(event: KeyboardEvent) => event.key === "Enter" && !event.isComposing && void this.ask()}
        /></label>
        <datalist id="targets">
          ${this.targets.map(([value, label]) => html`<option value=${value}>${label}</option>`)}
        </datalist>
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

const keyOf = (source: PingSource) => JSON.stringify(source);

/** Parameters that name devices, one or several. */
const NAMES = ["interface", "owner", "owners", "believed", "cable"];

function pingSentence(m: Messages, step: PingStep): string {
  const named = Object.entries(step).map(([key, value]) => [
    key,
    NAMES.includes(key)
      ? String(value)
          .split(", ")
          .map((name) => deviceName(m, name))
          .join(", ")
      : value,
  ]);
  return (m.ping.step[step.type] as (step: PingStep) => string)(Object.fromEntries(named) as PingStep);
}
