/**
 * What leads out of the laboratory: a network joined to other tabs of this browser or, by a relay, to other computers (off
 * until it is asked for), and the laboratory as a scenario file.
 */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { LanPlace, LanStatus } from "../../../hypervisor-model/network/lan-cable.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { problemsText } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";
import { networkRefusalText } from "../../state/network-draft.ts";
import { NetworksOvertakenError } from "../../state/networks.ts";
import { exportScenario, importScenario } from "../../state/scenario-file.ts";

const LOOK_MS = 1000;

@customElement("rs-outside")
export class Outside extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(320px, 1fr));
        gap: 12px;
        align-items: start;
        margin-block: 12px;
      }
      fieldset {
        background: var(--rs-surface);
      }
      .warning {
        padding: 6px 10px;
        border-radius: 4px;
        background: var(--rs-warning-quiet);
      }
      .row input {
        flex: 1;
        min-inline-size: 0;
      }
      input[type="file"] {
        display: none;
      }
    `,
  ];

  /** The network that is joined. */
  @property() network = "";
  @state() private lans: readonly (LanStatus & { port: number; network: string })[] = [];
  @state() private lan = "classroom";
  @state() private url = "";
  /** The warning has been read. */
  @state() private agreed = false;
  @state() private failure = "";
  @state() private told = "";
  #timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.read();
    this.#timer = setInterval(() => void this.read(), LOOK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  private async read(): Promise<void> {
    this.lans = await laboratory.networks.fabric.lans();
  }

  private async join(place: LanPlace): Promise<void> {
    this.failure = "";
    try {
      await laboratory.networks.joinLan(this.network, place);
      await this.read();
    } catch (error) {
      this.failure = this.m.outside.notJoined(error instanceof Error ? error.message : String(error));
    }
  }

  private async import(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const [file] = input.files ?? [];
    input.value = "";
    if (!file) return;
    const { outside: m } = this.m;
    this.failure = this.told = "";
    const outcome = await importScenario(await file.text()).catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error);
      const overtaken = error instanceof NetworksOvertakenError;
      this.failure = overtaken ? m.overtaken : this.m.networks.notSaved(detail);
    });
    if (!outcome) return;
    switch (outcome.type) {
      case "done":
        this.told = `${m.imported(String(outcome.machines.length))} ${outcome.steps > 0 ? m.stepsLeft(String(outcome.steps)) : ""}`;
        break;
      case "refused":
        this.failure = m.refused(file.name, problemsText(this.m, outcome.problems));
        break;
      case "networks-refused":
        this.failure = m.refused(file.name, networkRefusalText(this.m, outcome.refusal));
        break;
      case "needs-media":
        this.failure = m.needsMedia(outcome.machine);
        break;
      case "name-taken":
        this.failure = m.nameTaken(outcome.machine);
        break;
      default:
        outcome satisfies never;
    }
  }

  private joined() {
    const { outside: m } = this.m;
    return html`<ul>
      ${this.lans.map(
        ({ place, state, sent, received, network, port }) =>
          html`<li class="row">
            <span
              >${network} ↔ ${place.type === "tabs" ? m.tabs(place.lan) : place.url}: ${m.state[state]},
              ${m.frames(String(sent), String(received))}</span
            >
            <rs-action
              look="outlined"
              label=${m.leave}
              @rs-press=${() => void laboratory.networks.leaveLan(port).then(() => this.read())}
            ></rs-action>
          </li>`,
      )}
    </ul>`;
  }

  protected override render() {
    const { outside: m } = this.m;
    const { network } = this;
    const value = (event: Event) => (event.target as HTMLInputElement).value.trim();
    return html`<fieldset>
        <legend>${m.title(network)}</legend>
        ${this.joined()}
        <div class="row">
          <input
            aria-label=${m.lanName}
            .value=${this.lan}
            @input=${(event: Event) => (this.lan = value(event))}
          />
          <rs-action
            look="outlined"
            label=${m.joinTabs}
            reason=${this.lan ? "" : m.lanName}
            @rs-press=${() => void this.join({ type: "tabs", lan: this.lan })}
          ></rs-action>
        </div>
        <p class="warning">${m.warning}</p>
        <label class="choice"
          ><input
            type="checkbox"
            .checked=${this.agreed}
            @change=${() => (this.agreed = !this.agreed)}
          /><span>${m.agree}</span></label
        >
        <div class="row">
          <input
            aria-label=${m.relay}
            placeholder="wss://"
            .value=${this.url}
            @input=${(event: Event) => (this.url = value(event))}
          />
          <rs-action
            look="outlined"
            label=${m.joinRelay}
            reason=${this.agreed ? (/^wss?:\/\/\S+$/.test(this.url) ? "" : m.relay) : m.agreeFirst}
            @rs-press=${() => void this.join({ type: "relay", url: this.url })}
          ></rs-action>
        </div>
      </fieldset>
      <fieldset>
        <legend>${m.scenario}</legend>
        <p class="hint">${m.scenarioHint}</p>
        <div class="row">
          <rs-action
            look="outlined"
            icon="floppy"
            label=${m.export}
            @rs-press=${async () => {
              const left = await exportScenario();
              this.told = left.length > 0 ? m.leftOut(left.join(", ")) : "";
            }}
          ></rs-action>
          <rs-action
            look="outlined"
            icon="folder-open"
            label=${m.import}
            @rs-press=${() => this.renderRoot.querySelector<HTMLInputElement>("input[type=file]")!.click()}
          ></rs-action>
          <input type="file" accept=".json" tabindex="-1" aria-label=${m.import} @change=${this.import} />
        </div>
        ${this.told ? html`<p role="status">${this.told}</p>` : nothing}
        ${this.failure ? html`<p class="bad" role="alert">${this.failure}</p>` : nothing}
      </fieldset>`;
  }
}
