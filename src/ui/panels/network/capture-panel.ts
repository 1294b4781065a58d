/** A capture as in Wireshark: filter bar, list, protocol tree and bytes; pause, clear, follow a connection, pcapng. */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Stream } from "../../../hypervisor-model/network/capture/follow-stream.ts";
import { PcapError } from "../../../hypervisor-model/network/pcapng.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import {
  captures,
  clearCapture,
  discardCapture,
  findCapture,
  MAX_CAPTURES,
  openCaptureFile,
  startCapture,
  type OpenCapture,
} from "../../state/captures.ts";
import { saveFile } from "../../state/save-file.ts";
import type { Capture } from "../../state/capture.ts";
import "./frame-details.ts";
import "./frame-list.ts";

@customElement("rs-capture")
export class CapturePanel extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-block-size: 0;
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
      .filter {
        flex: 1 1 220px;
        font-family: var(--rs-mono);
      }
      .filter.good {
        background: color-mix(in srgb, var(--rs-success) 16%, var(--rs-surface));
      }
      .filter.wrong {
        background: var(--rs-danger-quiet);
        border-color: var(--rs-danger);
      }
      rs-frame-list {
        flex: 3 1 120px;
      }
      rs-frame-details {
        flex: 2 1 100px;
        border-block-start: 1px solid var(--rs-line);
      }
      .empty {
        display: flex;
        flex-direction: column;
        align-items: flex-start;
        gap: 10px;
        padding: 16px;
      }
      pre {
        margin: 0;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        font-family: var(--rs-mono);
        font-size: 12px;
      }
      .client {
        color: var(--rs-place-user);
      }
      .server {
        color: var(--rs-place-kernel);
      }
      input[type="file"] {
        display: none;
      }
    `,
  ];

  /** A network, the cable of a machine ("web-1:ens33"), or the name of an opened file. */
  @property() place = "";
  @state() private failure = "";
  @state() private stream?: Stream | "none";
  #watched?: Capture;

  private get open(): OpenCapture | undefined {
    return findCapture(this.place);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watched?.unwatch();
    this.#watched = undefined;
  }

  protected override updated(): void {
    const { capture } = this.open ?? {};
    if (capture === this.#watched) return;
    this.#watched?.unwatch();
    this.#watched = capture;
    capture?.watch();
  }

  private async start(): Promise<void> {
    this.failure = "";
    try {
      if (!(await startCapture(this.place))) this.failure = this.m.capture.noSuchPlace(this.place);
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  private async import(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const [file] = input.files ?? [];
    input.value = "";
    if (!file) return;
    this.failure = "";
    try {
      this.emit("rs-place", await openCaptureFile(file));
    } catch (error) {
      const offset = error instanceof PcapError ? error.offset : 0;
      this.failure = this.m.capture.badFile(file.name, String(offset));
    }
  }

  private async export({ name, capture }: OpenCapture): Promise<void> {
    const file = name.replace(/[^\w.-]+/g, "-").replace(/\.pcapng$/, "");
    saveFile(`${file}.pcapng`, await capture.source.pcapng());
  }

  private filterBar(capture: Capture) {
    const { capture: m } = this.m;
    const { filterError, filter } = capture;
    return html`<input
        class="filter ${filterError ? "wrong" : filter ? "good" : ""}"
        type="search"
        aria-label=${m.filter}
        aria-invalid=${filterError ? "true" : nothing}
        aria-describedby="filter-error"
        placeholder=${m.filterHint}
        .value=${filter}
        @input=${(event: InputEvent) => capture.setFilter((event.target as HTMLInputElement).value)}
      />
      <span id="filter-error" class="bad" role="status"
        >${filterError ? m.filterBad(filterError.word, String(filterError.position + 1)) : ""}</span
      >`;
  }

  private bar(open: OpenCapture | undefined) {
    const { capture: m } = this.m;
    const { capture } = open ?? {};
    const none = open ? "" : m.notStarted;
    const chosen = capture?.frame(capture.selected);
    const isTcp = chosen?.dissection.layers.some(({ protocol }) => protocol === "tcp") ?? false;
    return html`<div class="bar" role="toolbar" aria-label=${m.title}>
      <select
        aria-label=${m.place}
        @change=${(event: Event) => this.emit("rs-place", (event.target as HTMLSelectElement).value)}
      >
        ${this.places.map((name) => html`<option value=${name} ?selected=${name === this.place}>${name}</option>`)}
      </select>
      <rs-action
        icon=${capture?.paused ? "play" : "pause"}
        icon-only
        label=${capture?.paused ? m.goOn : m.pause}
        reason=${none || (open?.kind === "file" ? m.isFile : "")}
        @rs-press=${() => capture?.setPaused(!capture.paused)}
      ></rs-action>
      <rs-action
        icon="trash"
        icon-only
        label=${m.clear}
        reason=${none || (open?.kind === "file" ? m.isFile : "")}
        @rs-press=${() => open && void clearCapture(open)}
      ></rs-action>
      <rs-action
        icon="x"
        icon-only
        label=${m.discard}
        reason=${none}
        @rs-press=${() => open && void discardCapture(open)}
      ></rs-action>
      <rs-action
        icon="arrow-right"
        label=${m.follow}
        reason=${none || (isTcp ? "" : m.chooseTcp)}
        @rs-press=${async () => (this.stream = (await capture?.stream()) ?? "none")}
      ></rs-action>
      <rs-action
        icon="floppy"
        label=${m.export}
        reason=${none || (capture?.held.size ? "" : m.nothingYet)}
        @rs-press=${() => open && void this.export(open)}
      ></rs-action>
      <rs-action
        icon="folder-open"
        label=${m.import}
        @rs-press=${() => this.renderRoot.querySelector<HTMLInputElement>("input[type=file]")!.click()}
      ></rs-action>
      <input type="file" accept=".pcapng" tabindex="-1" aria-label=${m.import} @change=${this.import} />
      ${capture ? this.filterBar(capture) : html`<span class="bad" role="alert">${this.failure}</span>`}
      ${
        capture
          ? html`<span class="quiet small" role="status"
              >${m.counts(String(capture.count), String(capture.held.size), String(capture.held.dropped))}</span
            >`
          : nothing
      }
    </div>`;
  }

  @property({ attribute: false }) networks: readonly string[] = [];

  private get places(): string[] {
    return [...new Set([...this.networks, this.place, ...captures.get().map(({ name }) => name)])];
  }

  private streamDialog(stream: Stream | "none") {
    const { capture: m, common } = this.m;
    const decoder = new TextDecoder();
    const close = () => (this.stream = undefined);
    return html`<rs-dialog
      heading=${stream === "none" ? m.follow : m.streamOf(stream.client, stream.server)}
      @rs-close=${close}
    >
      ${
        stream === "none" || stream.parts.length === 0
          ? html`<p>${m.emptyStream}</p>`
          : html`${stream.parts.slice(0, 500).map(
              ({ from, bytes, missing }) =>
                html`${missing > 0 ? html`<p class="bad">${m.missing(String(missing))}</p>` : nothing}
                  <pre class=${from}>
${from === "client" ? "▶ " : "◀ "}${decoder.decode(bytes.subarray(0, 20_000))}</pre>`,
            )}${stream.truncated || stream.parts.length > 500 ? html`<p class="quiet">${m.streamLong}</p>` : nothing}`
      }
      <rs-action slot="footer" look="primary" label=${common.close} @rs-press=${close}></rs-action>
    </rs-dialog>`;
  }

  protected override render() {
    const { capture: m } = this.m;
    const { open, stream } = this;
    open?.capture.version.get();
    if (!open) {
      const full = captures.get().filter(({ kind }) => kind === "place").length >= MAX_CAPTURES;
      return html`${this.bar(undefined)}
        <div class="empty">
          <p>${m.begin(this.place)}</p>
          <rs-action
            look="primary"
            icon="play"
            label=${m.start}
            reason=${full ? m.full(String(MAX_CAPTURES)) : ""}
            @rs-press=${() => void this.start()}
          ></rs-action>
        </div>`;
    }
    const { capture } = open;
    return html`${this.bar(open)}
      ${this.failure ? html`<p class="bad" role="alert">${this.failure}</p>` : nothing}
      <rs-frame-list .capture=${capture}></rs-frame-list>
      <rs-frame-details .frame=${capture.frame(capture.selected)}></rs-frame-details>
      ${stream ? this.streamDialog(stream) : nothing}`;
  }
}
