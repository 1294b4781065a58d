/** The Virtual Network Editor: the table of networks, below it the settings of the chosen one, as in VMware Workstation. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import {
  CLASSROOM_SUBNET,
  DEFAULT_NETWORKS,
  NetworkConfigError,
  resolveNetworks,
  type NetworkConfig,
  type ResolvedNetwork,
} from "../../../hypervisor-model/network/network-config.ts";
import {
  formatAddress,
  formatSubnet,
  prefixMask,
} from "../../../hypervisor-model/network/wire/ipv4-address.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { Draft } from "../../state/draft.ts";
import { laboratory } from "../../state/laboratory.ts";
import { look } from "../../state/network-watch.ts";
import { go } from "../../state/route.ts";
import {
  changedConfigs,
  freeNetworkName,
  networkRefusalText,
  subnetText,
} from "../../state/network-draft.ts";
import { draftFoot } from "./draft-foot.ts";
import { networkRoute } from "./network-actions.ts";
import "./outside.ts";
import { tableStyles } from "./table.styles.ts";

const KINDS = ["bridged", "nat", "host-only"] as const;
type Forward = NonNullable<NetworkConfig["forwards"]>[number];

@customElement("rs-network-editor")
export class NetworkEditor extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    tableStyles,
    css`
      :host {
        display: block;
        overflow: auto;
        padding: 12px 16px;
      }
      .list {
        margin-block-end: 8px;
        border: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      .list tbody tr {
        cursor: pointer;
      }
      .columns {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(280px, 1fr));
        gap: 12px;
        margin-block: 12px;
        align-items: start;
      }
      fieldset {
        background: var(--rs-surface);
      }
      .foot {
        position: sticky;
        inset-block-end: -12px;
        padding-block: 8px;
        background: var(--rs-page);
      }
      input.address {
        inline-size: 140px;
      }
      input.port {
        inline-size: 80px;
      }
    `,
  ];

  /** Name of the network whose settings are shown. */
  @property() chosen = "";
  readonly #draft = new Draft<readonly NetworkConfig[]>(laboratory.networks.configs, () =>
    structuredClone([...laboratory.networks.configs.get()]),
  );

  private get draft(): readonly NetworkConfig[] {
    return this.#draft.value;
  }

  private set draft(configs: readonly NetworkConfig[]) {
    this.#draft.set(configs);
    this.requestUpdate();
  }

  private get index(): number {
    const at = this.draft.findIndex(({ name }) => name === this.chosen);
    return at >= 0
      ? at
      : Math.max(
          0,
          this.draft.findIndex(({ kind }) => kind === "nat"),
        );
  }

  private get refused(): NetworkConfigError | undefined {
    try {
      resolveNetworks(this.draft);
      return undefined;
    } catch (error) {
      if (error instanceof NetworkConfigError) return error;
      throw error;
    }
  }

  /** The reason beside the field it is about. */
  private bad(field: string) {
    const { refused } = this;
    if (!refused || !this.isAbout(refused, field)) return nothing;
    return html`<span class="bad" role="alert" id="bad-${field}"
      >${networkRefusalText(this.m, refused)}</span
    >`;
  }

  /** Of two that overlap the later one is refused: it is said at both. */
  private isAbout({ path, key, values }: NetworkConfigError, field: string): boolean {
    const place = `networks[${this.index}].${field}`;
    // A field may hold a whole list, such as the DNS servers.
    if (path === place || path.startsWith(`${place}[`)) return true;
    return field === "subnet" && key === "overlap" && values[2] === this.draft[this.index]?.name;
  }

  private refusedName({ path }: NetworkConfigError): string {
    return this.draft[Number(/\d+/.exec(path)?.[0])]?.name ?? path;
  }

  private change(change: Partial<NetworkConfig>): void {
    this.draft = changedConfigs(this.draft, this.index, change);
  }

  private async save(): Promise<void> {
    if (this.refused) return;
    const saved = this.#draft.save((configs) => laboratory.networks.setConfigs(configs));
    if (await saved) await look();
    this.requestUpdate();
  }

  private add(): void {
    const name = freeNetworkName(this.draft);
    this.draft = [...this.draft, { name, kind: "host-only", subnet: subnetText(this.draft) }];
    go(networkRoute("editor", name));
  }

  /** Machines whose adapters are on the network. */
  private users(name: string): string {
    return laboratory.machines
      .get()
      .filter(({ definition }) => definition?.nics.some(({ network }) => network === name))
      .map((machine) => machine.name)
      .join(", ");
  }

  private restore(): void {
    // Networks that machines are on stay: taking them away would leave their adapters on nothing.
    const more = this.draft.filter(
      ({ name }) => !DEFAULT_NETWORKS.some((one) => one.name === name) && this.users(name) !== "",
    );
    this.draft = structuredClone([...DEFAULT_NETWORKS, ...more]);
  }

  private list(resolved: readonly ResolvedNetwork[] | undefined) {
    const { networks: m } = this.m;
    return html`<table class="list">
      <caption class="visually-hidden">
        ${m.editor}
      </caption>
      <thead>
        <tr>
          <th scope="col">${m.name}</th>
          <th scope="col">${m.type}</th>
          <th scope="col">${m.external}</th>
          <th scope="col">${m.hostConnection}</th>
          <th scope="col">DHCP</th>
          <th scope="col">${m.subnet}</th>
        </tr>
      </thead>
      <tbody>
        ${this.draft.map((config, i) => {
          const { name, kind } = config;
          const choose = () => go(networkRoute("editor", name));
          return html`<tr ?data-chosen=${i === this.index} @click=${choose}>
            <td>
              <button class="link" type="button" aria-pressed=${String(i === this.index)} @click=${choose}>
                ${name}
              </button>
            </td>
            <td>${m.kind[kind]}</td>
            <td>${kind === "bridged" ? m.classroom : kind === "nat" ? "NAT" : "–"}</td>
            <td>${(config.hostAdapter ?? true) ? m.connected : "–"}</td>
            <td>${config.dhcp === false ? m.off : m.on}</td>
            <td>
              ${resolved ? formatSubnet(resolved[i].subnet) : (config.subnet ?? (kind === "bridged" ? CLASSROOM_SUBNET : ""))}
            </td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  private field(label: string, value: string, field: string, set: (value: string) => void, placeholder = "") {
    const { refused } = this;
    const bad = refused !== undefined && this.isAbout(refused, field);
    return html`<label class="field"
      ><span>${label}</span>
      <input
        class="address"
        .value=${value}
        placeholder=${placeholder}
        aria-invalid=${bad ? "true" : nothing}
        aria-describedby=${bad ? `bad-${field}` : nothing}
        @input=${(event: InputEvent) => set((event.target as HTMLInputElement).value.trim())}
      />${this.bad(field)}</label
    >`;
  }

  private dhcp(config: NetworkConfig, resolved: ResolvedNetwork | undefined) {
    const { networks: m } = this.m;
    const on = config.dhcp !== false;
    const range = config.dhcp === false ? {} : (config.dhcp ?? {});
    const set = (change: typeof range) => {
      const next = { ...range, ...change };
      for (const key of ["first", "last"] as const) if (next[key] === "") delete next[key];
      if (Number.isNaN(next.leaseSeconds)) delete next.leaseSeconds;
      this.change({ dhcp: next });
    };
    return html`<fieldset>
      <legend>DHCP</legend>
      <label class="choice"
        ><input type="checkbox" .checked=${on} @change=${() => this.change({ dhcp: on ? false : {} })} /><span
          >${m.useDhcp}</span
        ></label
      >
      ${
        on
          ? html`<div class="row">
                ${this.field(m.rangeFirst, range.first ?? "", "dhcp.first", (first) => set({ first }), resolved?.dhcp ? formatAddress(resolved.dhcp.first) : "")}
                ${this.field(m.rangeLast, range.last ?? "", "dhcp.last", (last) => set({ last }), resolved?.dhcp ? formatAddress(resolved.dhcp.last) : "")}
              </div>
              ${this.field(m.lease, String(range.leaseSeconds ?? ""), "dhcp.leaseSeconds", (text) => set({ leaseSeconds: text === "" ? NaN : Number(text) }), String(resolved?.dhcp?.leaseSeconds ?? 1800))}
              <span class="hint">${m.dhcpHint}</span>`
          : nothing
      }
    </fieldset>`;
  }

  private nat(config: NetworkConfig, resolved: ResolvedNetwork | undefined) {
    const { networks: m } = this.m;
    const forwards = config.forwards ?? [];
    const setForward = (n: number, change: Partial<Forward>) =>
      this.change({ forwards: forwards.map((rule, i) => (i === n ? { ...rule, ...change } : rule)) });
    const value = (event: Event) => (event.target as HTMLInputElement).value.trim();
    return html`<fieldset>
      <legend>${m.natSettings}</legend>
      ${this.field(m.gateway, config.gateway ?? "", "gateway", (gateway) => this.change({ gateway: gateway || undefined }), resolved?.gateway === undefined ? "" : formatAddress(resolved.gateway))}
      ${this.field(
        m.dns,
        (config.dns ?? []).join(" "),
        "dns",
        (text) => this.change({ dns: text === "" ? undefined : text.split(/[\s,，]+/) }),
        m.dnsHint,
      )}
      <h3>${m.forwards}</h3>
      ${forwards.map(
        (rule, n) =>
          html`<div class="row">
              <select
                aria-label=${m.protocol}
                @change=${(event: Event) => setForward(n, { protocol: value(event) as Forward["protocol"] })}
              >
                ${["tcp", "udp"].map((name) => html`<option value=${name} ?selected=${rule.protocol === name}>${name.toUpperCase()}</option>`)}
              </select>
              <input
                class="port"
                type="number"
                aria-label=${m.hostPort}
                .value=${String(rule.port)}
                @input=${(event: Event) => setForward(n, { port: Number(value(event)) })}
              />
              →
              <input
                class="address"
                aria-label=${m.forwardTo}
                placeholder="192.168.10.130:80"
                .value=${rule.to}
                @input=${(event: Event) => setForward(n, { to: value(event) })}
              />
              <rs-action
                icon="trash"
                icon-only
                label=${this.m.common.remove}
                @rs-press=${() => this.change({ forwards: forwards.filter((_, i) => i !== n) })}
              ></rs-action>
            </div>
            ${["protocol", "port", "to"].map((part) => this.bad(`forwards[${n}].${part}`))}`,
      )}
      <rs-action
        icon="plus"
        label=${m.addForward}
        @rs-press=${() =>
          this.change({
            forwards: [
              ...forwards,
              {
                protocol: "tcp",
                port: 8080 + forwards.length,
                to: `${resolved ? formatAddress(resolved.subnet.address + 130) : ""}:80`,
              },
            ],
          })}
      ></rs-action>
    </fieldset>`;
  }

  protected override render() {
    const { networks: m } = this.m;
    this.#draft.follow();
    const { refused, index } = this;
    const config = this.draft[index];
    const resolved = refused ? undefined : resolveNetworks(this.draft);
    const own = resolved?.[index];
    const elsewhere =
      refused && !refused.path.startsWith(`networks[${index}]`) && !this.isAbout(refused, "subnet");
    const users = config ? this.users(config.name) : "";
    const problem = refused ? networkRefusalText(this.m, refused) : "";
    return html`<h2 class="visually-hidden">${m.editor}</h2>
      ${this.list(resolved)}
      <div class="row">
        <rs-action icon="plus" label=${m.addNetwork} @rs-press=${this.add}></rs-action>
        <rs-action
          icon="trash"
          label=${m.removeNetwork(config?.name ?? "")}
          reason=${users ? m.inUse(users) : this.draft.length < 2 ? m.lastNetwork : ""}
          @rs-press=${() => (this.draft = this.draft.filter((_, i) => i !== index))}
        ></rs-action>
        <rs-action icon="refresh" label=${m.restoreDefaults} @rs-press=${this.restore}></rs-action>
      </div>
      ${
        config
          ? html`<div class="columns">
              <fieldset>
                <legend>${m.settingsOf(config.name)}</legend>
                ${KINDS.map(
                  (kind) =>
                    html`<label class="choice"
                      ><input
                        type="radio"
                        name="kind"
                        .checked=${config.kind === kind}
                        @change=${() => this.change({ kind })}
                      /><span>${m.kindLong[kind]}</span></label
                    >`,
                )}
                ${this.bad("kind")}
                <label class="choice"
                  ><input
                    type="checkbox"
                    .checked=${config.hostAdapter ?? true}
                    @change=${() => this.change({ hostAdapter: !(config.hostAdapter ?? true) })}
                  /><span
                    >${m.hostAdapter}${own?.hostAddress === undefined ? "" : ` (${formatAddress(own.hostAddress)})`}</span
                  ></label
                >
                ${this.field(
                  m.subnetCidr,
                  config.subnet ?? (own ? formatSubnet(own.subnet) : ""),
                  "subnet",
                  (subnet) => this.change({ subnet }),
                  "192.168.10.0/24",
                )}
                ${own ? html`<span class="hint">${m.mask(formatAddress(prefixMask(own.subnet.prefix)))}</span>` : nothing}
              </fieldset>
              ${this.dhcp(config, own)} ${config.kind === "nat" ? this.nat(config, own) : nothing}
              ${config.kind === "nat" ? nothing : this.bad("gateway")}
            </div>`
          : nothing
      }
      ${elsewhere ? html`<p class="bad" role="alert">${this.refusedName(refused)}: ${problem}</p>` : nothing}
      ${draftFoot(this.m, { draft: this.#draft, problem, apply: () => void this.save(), cancelled: () => this.requestUpdate(), hint: m.applyHint })}
      ${config && !this.#draft.changed ? html`<rs-outside network=${config.name}></rs-outside>` : nothing}`;
  }
}
