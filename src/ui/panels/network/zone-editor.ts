/** The simulated Internet: its hosts with names, address, distance and services, and other names for them. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { DEFAULT_ZONE } from "../../../hypervisor-model/network/default-zone.ts";
import { readZone, ZoneError, type Zone, type ZoneHost } from "../../../hypervisor-model/network/zone.ts";
import { parseJson } from "../../../hypervisor-model/virtual-machines/document-check.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { Draft } from "../../state/draft.ts";
import { problemsText } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";
import { saveFile } from "../../state/save-file.ts";
import { draftFoot } from "./draft-foot.ts";
import { tableStyles } from "./table.styles.ts";

const SERVICES = ["ping", "dns", "ntp"] as const;
const words = (text: string) => text.split(/[\s,，]+/).filter(Boolean);

/** Other names as typed: a name that is half typed is no key yet. */
interface ZoneDraft {
  hosts: ZoneHost[];
  aliases: [string, string][];
}

const draftOf = ({ hosts, aliases }: Zone): ZoneDraft =>
  structuredClone({ hosts: [...hosts], aliases: Object.entries(aliases) });

const zoneOf = ({ hosts, aliases }: ZoneDraft): Zone => ({ hosts, aliases: Object.fromEntries(aliases) });

@customElement("rs-zone-editor")
export class ZoneEditor extends RingsideElement {
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
        margin-block: 8px;
        border: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      .columns {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(300px, 1fr));
        gap: 12px;
        margin-block: 12px;
        align-items: start;
      }
      fieldset {
        min-inline-size: 0;
        background: var(--rs-surface);
      }
      textarea {
        min-block-size: 90px;
        padding: 5px 8px;
        border: 1px solid var(--rs-line-strong);
        border-radius: 4px;
        background: var(--rs-surface);
        color: var(--rs-text);
        font-family: var(--rs-mono);
      }
      .pair {
        display: flex;
        align-items: center;
        gap: 6px;
      }
      .pair input {
        flex: 1;
        min-inline-size: 0;
      }
      .short {
        inline-size: 110px;
      }
    `,
  ];

  @state() private chosen = 0;
  /** Why the file that was opened last is none. */
  @state() private failure = "";
  readonly #draft = new Draft(laboratory.networks.zone, () => draftOf(laboratory.networks.zone.get()));

  private get draft(): ZoneDraft {
    return this.#draft.value;
  }

  private edit(change: Partial<ZoneDraft>): void {
    this.#draft.set({ ...this.draft, ...change });
    this.requestUpdate();
  }

  private get zone(): Zone {
    return zoneOf(this.draft);
  }

  private get refused(): ZoneError | undefined {
    try {
      readZone(this.zone);
      return undefined;
    } catch (error) {
      if (error instanceof ZoneError) return error;
      throw error;
    }
  }

  private reasonText({ key, values }: ZoneError): string {
    return (this.m.internet.refusal[key] as (...values: string[]) => string)(...values);
  }

  private bad(prefix: string) {
    const { refused } = this;
    return refused?.path.startsWith(prefix)
      ? html`<span class="bad" role="alert">${this.reasonText(refused)}</span>`
      : nothing;
  }

  private change(change: Partial<ZoneHost>): void {
    const hosts = this.draft.hosts.map((host, i) => {
      if (i !== this.chosen) return host;
      const next = { ...host, ...change };
      for (const key of Object.keys(next) as (keyof ZoneHost)[]) {
        if (next[key] === undefined) delete next[key];
      }
      return next;
    });
    this.edit({ hosts });
  }

  private add(): void {
    let last = 10;
    while (this.draft.hosts.some(({ address }) => address === `203.0.113.${last}`)) last++;
    const host: ZoneHost = {
      names: ["www.example.com"],
      address: `203.0.113.${last}`,
      latencyMs: 20,
      hops: ["100.64.0.1"],
    };
    this.edit({ hosts: [...this.draft.hosts, host] });
    this.chosen = this.draft.hosts.length - 1;
  }

  private async save(): Promise<void> {
    if (this.refused) return;
    await this.#draft.save((draft) => laboratory.networks.setZone(zoneOf(draft)));
    this.requestUpdate();
  }

  private async open(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const [file] = input.files ?? [];
    input.value = "";
    if (!file) return;
    this.failure = "";
    const refuse = (detail: string) => (this.failure = this.m.outside.refused(file.name, detail));
    const parsed = parseJson(await file.text());
    if (parsed.type === "refused") return void refuse(problemsText(this.m, parsed.problems));
    try {
      this.edit(draftOf(readZone(parsed.value)));
      this.chosen = 0;
    } catch (error) {
      if (!(error instanceof ZoneError)) throw error;
      refuse(`${error.path}: ${this.reasonText(error)}`);
    }
  }

  private services({ ping, dns, ntp, http }: ZoneHost): string {
    const pages = Object.keys(http ?? {}).length;
    return [(ping ?? true) && "ping", dns && "DNS", ntp && "NTP", pages > 0 && `HTTP (${pages})`]
      .filter(Boolean)
      .join(", ");
  }

  private field(label: string, value: string, path: string, set: (value: string) => void, kind = "") {
    return html`<label class="field"
      ><span>${label}</span
      ><input
        class=${kind}
        .value=${value}
        @input=${(event: InputEvent) => set((event.target as HTMLInputElement).value)}
      />${this.bad(`hosts[${this.chosen}].${path}`)}</label
    >`;
  }

  private pages(host: ZoneHost) {
    const { internet: m } = this.m;
    const pages = Object.entries(host.http ?? {});
    const put = (n: number, path: string, body: string) => {
      const next = pages.map(([old, page], i) =>
        i === n ? ([path, { ...page, body }] as const) : ([old, page] as const),
      );
      this.change({ http: Object.fromEntries(next) });
    };
    return html`<fieldset>
      <legend>${m.pages}</legend>
      ${pages.map(
        ([path, { body }], n) =>
          html`<div class="pair">
              <input
                aria-label=${m.path}
                .value=${path}
                @change=${(event: Event) => put(n, (event.target as HTMLInputElement).value.trim(), body)}
              />
              <rs-action
                icon="trash"
                icon-only
                label=${this.m.common.remove}
                @rs-press=${() => {
                  const left = pages.filter((_, i) => i !== n);
                  this.change({ http: left.length > 0 ? Object.fromEntries(left) : undefined });
                }}
              ></rs-action>
            </div>
            <textarea
              aria-label=${m.body(path)}
              .value=${body}
              @input=${(event: InputEvent) => put(n, path, (event.target as HTMLTextAreaElement).value)}
            ></textarea>`,
      )}
      ${this.bad(`hosts[${this.chosen}].http`)}
      <rs-action
        icon="plus"
        label=${m.addPage}
        @rs-press=${() =>
          this.change({
            http: {
              ...host.http,
              [pages.length === 0 ? "/" : `/page-${pages.length}.html`]: {
                contentType: "text/html; charset=utf-8",
                body: "<!doctype html>\n<title>Ringside</title>\n",
              },
            },
          })}
      ></rs-action>
    </fieldset>`;
  }

  private host(host: ZoneHost) {
    const { internet: m } = this.m;
    return html`<div class="columns">
      <fieldset>
        <legend>${host.names[0] ?? host.address}</legend>
        ${this.field(m.names, host.names.join(" "), "names", (text) => this.change({ names: words(text) }))}
        ${this.field(m.address, host.address, "address", (text) => this.change({ address: text.trim() }))}
        <div class="row">
          ${this.field(m.latency, String(host.latencyMs), "latencyMs", (text) => this.change({ latencyMs: text.trim() === "" ? NaN : Number(text) }), "short")}
          ${this.field(m.loss, String(host.lossPercent ?? 0), "lossPercent", (text) => this.change({ lossPercent: Number(text) }), "short")}
        </div>
        ${this.field(m.hops, host.hops.join(" "), "hops", (text) => this.change({ hops: words(text) }))}
        <div class="row">
          ${SERVICES.map(
            (service) =>
              html`<label class="row"
                ><input
                  type="checkbox"
                  .checked=${host[service] ?? service === "ping"}
                  @change=${(event: Event) => this.change({ [service]: (event.target as HTMLInputElement).checked })}
                />${m.service[service]}</label
              >`,
          )}
        </div>
      </fieldset>
      ${this.pages(host)} ${this.aliasList()}
    </div>`;
  }

  private aliasList() {
    const { internet: m } = this.m;
    const { aliases } = this.draft;
    const put = (n: number, entry: [string, string]) =>
      this.edit({ aliases: aliases.map((old, i) => (i === n ? entry : old)) });
    const value = (event: Event) => (event.target as HTMLInputElement).value.trim();
    return html`<fieldset>
      <legend>${m.aliases}</legend>
      ${aliases.map(
        ([alias, target], n) =>
          html`<div class="pair">
            <input
              aria-label=${m.alias}
              .value=${alias}
              @input=${(event: Event) => put(n, [value(event), target])}
            />
            →
            <input
              aria-label=${m.target}
              .value=${target}
              @input=${(event: Event) => put(n, [alias, value(event)])}
            />
            <rs-action
              icon="trash"
              icon-only
              label=${this.m.common.remove}
              @rs-press=${() => this.edit({ aliases: aliases.filter((_, i) => i !== n) })}
            ></rs-action>
          </div>`,
      )}
      ${this.bad("aliases")}
      <rs-action
        icon="plus"
        label=${m.addAlias}
        @rs-press=${() => this.edit({ aliases: [...aliases, ["example.com", this.draft.hosts[0]?.names[0] ?? ""]] })}
      ></rs-action>
    </fieldset>`;
  }

  protected override render() {
    const { internet: m, networks } = this.m;
    this.#draft.follow();
    const { refused } = this;
    const host = this.draft.hosts[this.chosen];
    const problem = refused ? this.reasonText(refused) : "";
    const elsewhere = refused?.path.startsWith("hosts[") && !refused.path.startsWith(`hosts[${this.chosen}]`);
    return html`<p>${m.lead}</p>
      <table class="list">
        <caption class="visually-hidden">
          ${m.title}
        </caption>
        <thead>
          <tr>
            <th scope="col">${m.names}</th>
            <th scope="col">${m.address}</th>
            <th scope="col" class="number">${m.latency}</th>
            <th scope="col" class="number">${m.loss}</th>
            <th scope="col">${m.services}</th>
          </tr>
        </thead>
        <tbody>
          ${this.draft.hosts.map(
            (one, i) =>
              html`<tr ?data-chosen=${i === this.chosen} @click=${() => (this.chosen = i)}>
                <td>
                  <button class="link" type="button" aria-pressed=${String(i === this.chosen)}>
                    ${one.names[0] ?? one.address}
                  </button>
                </td>
                <td>${one.address}</td>
                <td class="number">${one.latencyMs}</td>
                <td class="number">${one.lossPercent ?? 0}</td>
                <td>${this.services(one)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
      <div class="row">
        <rs-action icon="plus" label=${m.addHost} @rs-press=${this.add}></rs-action>
        <rs-action
          icon="trash"
          label=${m.removeHost(host?.names[0] ?? "")}
          reason=${host ? "" : m.noHost}
          @rs-press=${() => {
            this.edit({ hosts: this.draft.hosts.filter((_, i) => i !== this.chosen) });
            this.chosen = 0;
          }}
        ></rs-action>
        <rs-action
          icon="refresh"
          label=${networks.restoreDefaults}
          @rs-press=${() => {
            this.edit(draftOf(DEFAULT_ZONE));
            this.chosen = 0;
          }}
        ></rs-action>
        <rs-action
          icon="floppy"
          label=${m.saveFile}
          reason=${problem}
          @rs-press=${() => saveFile("internet.json", `${JSON.stringify(this.zone, null, 2)}\n`, "application/json")}
        ></rs-action>
        <rs-action
          icon="folder-open"
          label=${m.openFile}
          @rs-press=${() => this.renderRoot.querySelector<HTMLInputElement>("input[type=file]")!.click()}
        ></rs-action>
        <input
          type="file"
          accept=".json"
          tabindex="-1"
          aria-label=${m.openFile}
          hidden
          @change=${this.open}
        />
      </div>
      ${this.failure ? html`<p class="bad" role="alert">${this.failure}</p>` : nothing}
      ${host ? this.host(host) : nothing}
      ${elsewhere ? html`<p class="bad" role="alert">${refused!.path}: ${problem}</p>` : nothing}
      ${draftFoot(this.m, { draft: this.#draft, problem, apply: () => void this.save(), cancelled: () => (this.chosen = 0) })}`;
  }
}
