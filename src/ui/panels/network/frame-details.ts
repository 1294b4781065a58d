/** The two lower panes of a capture: the frame's protocols and fields, and its bytes; each marks the other. */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { ByteRange, Field, Layer } from "../../../hypervisor-model/network/capture/dissect.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { FrameRow } from "../../state/capture.ts";
import { fieldText, protocolTitle } from "./field-names.ts";

const PER_LINE = 16;

@customElement("rs-frame-details")
export class FrameDetails extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(430px, 1fr);
        min-block-size: 0;
        background: var(--rs-surface);
        font-size: var(--rs-text-small);
      }
      .pane {
        min-block-size: 0;
        overflow: auto;
        padding: 4px 8px;
      }
      .pane + .pane {
        border-inline-start: 1px solid var(--rs-line);
      }
      button {
        display: block;
        inline-size: 100%;
        padding: 1px 6px;
        border: 0;
        border-radius: 3px;
        background: none;
        cursor: pointer;
        text-align: start;
        overflow-wrap: anywhere;
      }
      button:hover {
        background: var(--rs-hover);
      }
      button[aria-pressed="true"] {
        background: var(--rs-surface-active);
        box-shadow: inset 0 0 0 1px var(--rs-accent);
      }
      .layer {
        font-weight: 600;
      }
      .field {
        padding-inline-start: 22px;
      }
      .bad {
        color: var(--rs-danger);
      }
      .bytes {
        font-family: var(--rs-mono);
        font-size: 12px;
        line-height: 18px;
      }
      .bytes > div {
        white-space: pre;
      }
      .bytes span[data-at] {
        cursor: pointer;
      }
      mark {
        background: var(--rs-accent);
        color: var(--rs-on-accent);
      }
      @media (max-width: 900px) {
        :host {
          grid-template-columns: 1fr;
        }
      }
    `,
  ];

  @property({ attribute: false }) frame?: FrameRow;
  /** Layer and field, "1/3"; a layer alone, "1". */
  @state() private chosen = "";

  private get marked(): ByteRange | undefined {
    const [layer, field] = this.chosen.split("/").map(Number);
    const found = this.frame?.dissection.layers[layer];
    if (this.chosen === "" || !found) return undefined;
    return Number.isInteger(field) ? found.fields[field] : found;
  }

  /** The innermost field that a byte belongs to. */
  private pick(event: Event): void {
    const text = (event.target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset.at;
    if (text === undefined || !this.frame) return;
    const at = Number(text);
    let best = "";
    let size = Infinity;
    const consider = (range: ByteRange, path: string) => {
      if (at < range.start || at >= range.end || range.end - range.start > size) return;
      size = range.end - range.start;
      best = path;
    };
    for (const [i, layer] of this.frame.dissection.layers.entries()) {
      consider(layer, String(i));
      for (const [n, field] of layer.fields.entries()) consider(field, `${i}/${n}`);
    }
    this.chosen = best;
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector('button[aria-pressed="true"]')?.scrollIntoView({ block: "nearest" }),
    );
  }

  private button(path: string, name: string, text: unknown) {
    return html`<button
      type="button"
      class=${name}
      aria-pressed=${String(this.chosen === path)}
      @click=${() => (this.chosen = path)}
    >
      ${text}
    </button>`;
  }

  private layer(layer: Layer, i: number) {
    const { capture: m } = this.m;
    const title = protocolTitle(this.m, layer.protocol);
    return html`<li>
      ${this.button(String(i), "layer", html`${title}${layer.malformed === undefined ? nothing : html` <span class="bad">${m.malformed}: ${layer.malformed}</span>`}`)}
      <ul>
        ${layer.fields.map(({ name, value }: Field, n) => html`<li>${this.button(`${i}/${n}`, "field", `${fieldText(this.m, name)}: ${value}`)}</li>`)}
      </ul>
    </li>`;
  }

  private line(bytes: Uint8Array, start: number, marked: ByteRange | undefined) {
    const end = Math.min(start + PER_LINE, bytes.length);
    const isMarked = (at: number) => marked !== undefined && at >= marked.start && at < marked.end;
    const hex: unknown[] = [];
    const text: unknown[] = [];
    for (let at = start; at < start + PER_LINE; at++) {
      const gap = at % 8 === 7 ? "  " : " ";
      if (at >= end) {
        hex.push(`  ${gap}`);
        continue;
      }
      const two = bytes[at].toString(16).padStart(2, "0");
      const letter = bytes[at] >= 32 && bytes[at] < 127 ? String.fromCharCode(bytes[at]) : "·";
      hex.push(html`<span data-at=${at}>${isMarked(at) ? html`<mark>${two}</mark>` : two}</span>${gap}`);
      text.push(html`<span data-at=${at}>${isMarked(at) ? html`<mark>${letter}</mark>` : letter}</span>`);
    }
    return html`<div>${start.toString(16).padStart(4, "0")} ${hex} ${text}</div>`;
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    const before = changed.get("frame") as FrameRow | undefined;
    if (changed.has("frame") && before?.number !== this.frame?.number) this.chosen = "";
  }

  protected override render() {
    const { capture: m } = this.m;
    const { frame, marked } = this;
    if (!frame) return html`<p class="pane quiet">${m.chooseFrame}</p>`;
    const lines = Array.from({ length: Math.ceil(frame.bytes.length / PER_LINE) }, (_, i) => i * PER_LINE);
    return html`<div class="pane" role="group" aria-label=${m.tree}>
        <ul>
          ${frame.dissection.layers.map((layer, i) => this.layer(layer, i))}
        </ul>
      </div>
      <div class="pane" role="group" aria-label=${m.bytes} tabindex="0">
        <div class="bytes" @click=${this.pick}>
          ${lines.map((start) => this.line(frame.bytes, start, marked))}
        </div>
        <p class="visually-hidden" role="status">
          ${marked ? m.marked(String(marked.start), String(Math.max(marked.start, marked.end - 1))) : ""}
        </p>
      </div>`;
  }
}
