/** The dialogs over the drawing: faults of one cable, troublemakers on a network, another network for an adapter. */
import { html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import {
  noCableFaults,
  type CableFaults,
  type Direction,
  type Flap,
  type LinkFaults,
} from "../../../hypervisor-model/network/link.ts";
import type { NetworkFault } from "../../../hypervisor-model/network/network-fault.ts";
import { formatAddress } from "../../../hypervisor-model/network/wire/ipv4-address.ts";
import { resolveNetworks } from "../../../hypervisor-model/network/network-config.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { look } from "../../state/network-watch.ts";
import type { CableId } from "../../state/networks.ts";
import { nicName } from "../../state/nic-name.ts";
import { networkName } from "../machine/device-list.ts";
import { networkDialog, plugInto, setVlan } from "./network-actions.ts";
import { tableStyles } from "./table.styles.ts";

const close = () => networkDialog.set(undefined);
const LANES: Direction[] = ["in", "out"];
/** Field to the largest value that makes sense. */
const FIELDS: [keyof LinkFaults, number][] = [
  ["delayMs", 60_000],
  ["jitterMs", 60_000],
  ["lossPercent", 100],
  ["duplicatePercent", 100],
  ["reorderPercent", 100],
  ["corruptPercent", 100],
  ["rateKbitPerSecond", 10_000_000],
];
const MAX_SEED = 2 ** 32 - 1;
const FLAP = { upMs: 2000, downMs: 1000 };

@customElement("rs-cable-faults")
export class CableFaultsDialog extends RingsideElement {
  static override styles = [sharedStyles, formStyles, tableStyles];

  @property({ attribute: false }) cable!: CableId;
  /** As tables call it: "web-1:ens33", "vmnet8/gateway". */
  @property() name = "";
  /** What was there, undefined until it is known. */
  @state() private draft?: CableFaults;
  /** The cable is not plugged in. */
  @state() private gone = false;
  @state() private seed = laboratory.networks.seed.get();

  override connectedCallback(): void {
    super.connectedCallback();
    void this.read();
  }

  private async read(): Promise<void> {
    const port = await laboratory.networks.portOfCable(this.cable);
    try {
      if (port === undefined) this.gone = true;
      else this.draft = (await laboratory.networks.fabric.cableFaults(port)) ?? noCableFaults();
    } catch {
      this.gone = true;
    }
  }

  private get bad(): string {
    const { networks: m } = this.m;
    if (!this.draft) return "";
    const { lanes, flap } = this.draft;
    const wrong = FIELDS.find(([field, most]) =>
      LANES.some((lane) => !(lanes[lane][field] >= 0 && lanes[lane][field] <= most)),
    );
    if (wrong) return m.faultBad(m.fault[wrong[0]], String(wrong[1]));
    return flap && !(flap.upMs >= 10 && flap.downMs >= 10) ? m.flapBad : "";
  }

  private async save(): Promise<void> {
    if (this.bad || !this.draft) return;
    try {
      await laboratory.networks.setFaults(this.cable, this.draft);
      await look();
      close();
    } catch {
      this.gone = true; // the cable was pulled out meanwhile
    }
  }

  /** Chances from here on follow from the seed: the same frames meet the same again. */
  private seedRow() {
    const { networks: m } = this.m;
    const { seed } = this;
    const good = Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED;
    return html`<div class="row seed">
        <label class="row"
          >${m.seed} ${this.number(m.seed, seed, MAX_SEED, (value) => (this.seed = value))}</label
        >
        <rs-action
          look="outlined"
          label=${m.reseed}
          reason=${good ? "" : m.seedBad(String(MAX_SEED))}
          @rs-press=${() => void laboratory.networks.reseed(seed)}
        ></rs-action>
      </div>
      <p class="hint">${m.seedHint(String(laboratory.networks.seed.get()))}</p>`;
  }

  private setLane(lane: Direction, field: keyof LinkFaults, value: number): void {
    const { lanes } = this.draft!;
    this.draft = { ...this.draft!, lanes: { ...lanes, [lane]: { ...lanes[lane], [field]: value } } };
  }

  private number(label: string, value: number, most: number, set: (value: number) => void) {
    return html`<input
      type="number"
      aria-label=${label}
      min="0"
      max=${most}
      step="any"
      .value=${String(value)}
      @input=${(event: InputEvent) => set((event.target as HTMLInputElement).valueAsNumber)}
    />`;
  }

  private flap(flap: Flap | undefined) {
    const { networks: m } = this.m;
    const set = (change: Partial<Flap>) =>
      (this.draft = { ...this.draft!, flap: { ...FLAP, ...flap, ...change } });
    return html`<div class="row">
      <label class="row">
        <input
          type="checkbox"
          .checked=${flap !== undefined}
          @change=${(event: Event) => {
            const on = (event.target as HTMLInputElement).checked;
            this.draft = { ...this.draft!, flap: on ? { ...FLAP } : undefined };
          }}
        />${m.flap}
      </label>
      ${
        flap
          ? html`${m.flapUp} ${this.number(m.flapUp, flap.upMs, 60_000, (upMs) => set({ upMs }))}
            ${m.flapDown} ${this.number(m.flapDown, flap.downMs, 60_000, (downMs) => set({ downMs }))} ms`
          : nothing
      }
    </div>`;
  }

  protected override render() {
    const { networks: m, common } = this.m;
    const { draft, gone } = this;
    return html`<rs-dialog
      heading=${m.faultsOf(this.name)}
      @rs-close=${close}
      @rs-submit=${() => void this.save()}
    >
      ${
        draft
          ? html`<div class="form">
              <table>
                <thead>
                  <tr>
                    <th scope="col">${m.faultColumn}</th>
                    ${LANES.map((lane) => html`<th scope="col">${m.lane[lane]}</th>`)}
                  </tr>
                </thead>
                <tbody>
                  ${FIELDS.map(
                    ([field, most]) =>
                      html`<tr>
                        <th scope="row">${m.fault[field]}</th>
                        ${LANES.map(
                          (lane) =>
                            html`<td>
                              ${this.number(`${m.fault[field]}, ${m.lane[lane]}`, draft.lanes[lane][field], most, (value) => this.setLane(lane, field, value))}
                            </td>`,
                        )}
                      </tr>`,
                  )}
                </tbody>
              </table>
              ${this.flap(draft.flap)} ${this.seedRow()}
              ${this.bad || gone ? html`<p class="bad" role="alert">${this.bad || m.cableGone}</p>` : nothing}
            </div>`
          : gone
            ? html`<p>${m.cableGone}</p>`
            : nothing
      }
      <rs-action
        slot="footer"
        look="outlined"
        label=${m.clearFaults}
        @rs-press=${() => (this.draft = noCableFaults())}
      ></rs-action>
      <rs-action
        slot="footer"
        class="save"
        look="primary"
        label=${common.ok}
        reason=${draft ? this.bad : m.cableGone}
        @rs-press=${() => void this.save()}
      ></rs-action>
      <rs-action slot="footer" look="outlined" label=${common.cancel} @rs-press=${close}></rs-action>
    </rs-dialog>`;
  }
}

@customElement("rs-troublemakers")
export class TroublemakersDialog extends RingsideElement {
  static override styles = [sharedStyles, formStyles, tableStyles];

  @property() network = "";
  @state() private made: readonly { id: number; fault: NetworkFault }[] = [];
  @state() private address = "";
  @state() private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.read();
  }

  private async read(): Promise<void> {
    this.made = await laboratory.networks.fabric.troublemakers(this.network);
  }

  /** Numbers of the network, for values that are proposed. */
  private host(offset: number): string {
    const found = resolveNetworks(laboratory.networks.configs.get()).find(
      ({ name }) => name === this.network,
    );
    return formatAddress((found?.subnet.address ?? 0) + offset);
  }

  private async add(fault: NetworkFault): Promise<void> {
    try {
      await laboratory.networks.fabric.addTroublemaker(this.network, fault);
      this.failure = "";
      await this.read();
    } catch {
      this.failure = this.m.networks.troubleBad(this.network);
    }
  }

  protected override render() {
    const { networks: m, common } = this.m;
    const address = this.address || this.host(130);
    return html`<rs-dialog heading=${m.troublemakersOn(this.network)} @rs-close=${close}>
      <div class="form">
        <p>${m.troublemakersText}</p>
        <label class="field"
          ><span>${m.address}</span
          ><input
            .value=${address}
            @input=${(event: InputEvent) => (this.address = (event.target as HTMLInputElement).value.trim())}
        /></label>
        <div class="row">
          <rs-action
            look="outlined"
            label=${m.addDouble}
            @rs-press=${() => this.add({ type: "duplicate-address", address })}
          ></rs-action>
          <rs-action
            look="outlined"
            label=${m.addRogue}
            @rs-press=${() => this.add({ type: "rogue-dhcp", address: this.host(5), first: this.host(60), last: this.host(90) })}
          ></rs-action>
        </div>
        ${this.failure ? html`<p class="bad" role="alert">${this.failure}</p>` : nothing}
        <ul>
          ${this.made.map(
            ({ id, fault }) =>
              html`<li class="row">
                ${fault.type === "rogue-dhcp" ? m.rogueAt(fault.address, fault.first, fault.last) : m.doubleAt(fault.address)}
                <rs-action
                  icon="trash"
                  label=${common.remove}
                  @rs-press=${() => void laboratory.networks.fabric.removeTroublemaker(id).then(() => this.read())}
                ></rs-action>
              </li>`,
          )}
        </ul>
      </div>
      <rs-action slot="footer" look="primary" label=${common.close} @rs-press=${close}></rs-action>
    </rs-dialog>`;
  }
}

@customElement("rs-connect-nic")
export class ConnectDialog extends RingsideElement {
  static override styles = [sharedStyles, formStyles];

  @property() machine = "";
  @property({ type: Number }) nic = 0;

  /** What is typed; empty for none. */
  @state() private vlan?: string;

  private choose(network: string): void {
    plugInto(this.machine, this.nic, network);
    close();
  }

  protected override render() {
    const { networks: m, common } = this.m;
    const view = laboratory.find(this.machine);
    const nic = view?.definition?.nics[this.nic];
    const vlan = this.vlan ?? String(nic?.vlan ?? "");
    const good = vlan === "" || (/^\d{1,4}$/.test(vlan) && Number(vlan) >= 1 && Number(vlan) <= 4094);
    return html`<rs-dialog heading=${m.connectTitle(`${view?.name}:${nicName(this.nic)}`)} @rs-close=${close}>
      <div class="form">
        <p>${m.connectText}</p>
        ${laboratory.networks.configs
          .get()
          .map(
            ({ name }) =>
              html`<rs-action
                look="outlined"
                icon="network"
                label=${networkName(this.m, name)}
                .pressed=${nic?.connected === true && nic.network === name}
                @rs-press=${() => this.choose(name)}
              ></rs-action>`,
          )}
        <div class="row vlan">
          <label class="row"
            >VLAN
            <input
              inputmode="numeric"
              size="5"
              aria-label="VLAN"
              aria-invalid=${good ? nothing : "true"}
              .value=${vlan}
              placeholder=${m.vlanNone}
              @input=${(event: InputEvent) => (this.vlan = (event.target as HTMLInputElement).value.trim())}
          /></label>
          <rs-action
            look="outlined"
            label=${m.setVlan}
            reason=${good ? "" : m.vlanBad}
            @rs-press=${() => {
              setVlan(this.machine, this.nic, vlan === "" ? undefined : Number(vlan));
              close();
            }}
          ></rs-action>
        </div>
        ${good ? nothing : html`<p class="bad" role="alert">${m.vlanBad}</p>`}
        <p class="hint">${m.vlanHint}</p>
      </div>
      <rs-action slot="footer" look="outlined" label=${common.cancel} @rs-press=${close}></rs-action>
    </rs-dialog>`;
  }
}
