/** The list of captured frames: only the rows in sight are drawn, whatever their number. */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { Capture } from "../../state/capture.ts";
import { protocolText } from "./field-names.ts";

export const ROW_HEIGHT = 22;

@customElement("rs-frame-list")
export class FrameList extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-block-size: 0;
        background: var(--rs-surface);
        font-size: var(--rs-text-small);
      }
      [role="grid"] {
        flex: 1;
        min-block-size: 0;
        overflow-y: auto;
        overflow-anchor: none;
        scrollbar-gutter: stable;
        contain: strict;
      }
      [role="grid"]:focus-visible {
        outline-offset: -2px;
      }
      .space {
        position: relative;
      }
      .row {
        display: grid;
        grid-template-columns: 64px 90px minmax(110px, 1fr) minmax(110px, 1fr) 70px 60px minmax(160px, 3fr);
        block-size: ${ROW_HEIGHT}px;
        line-height: ${ROW_HEIGHT}px;
        column-gap: 8px;
        padding-inline: 8px;
      }
      .rows {
        position: absolute;
        inset-inline: 0;
      }
      .rows .row {
        cursor: default;
        border-inline-start: 4px solid var(--hue, transparent);
      }
      .row > span {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .head {
        border-block-end: 1px solid var(--rs-line);
        border-inline-start: 4px solid transparent;
        background: var(--rs-surface-quiet);
        font-weight: 600;
        overflow-y: hidden;
        scrollbar-gutter: stable;
      }
      .number {
        text-align: end;
        font-variant-numeric: tabular-nums;
      }
      .row[aria-selected="true"] {
        background: var(--rs-surface-active);
        box-shadow: inset 0 0 0 1px var(--rs-accent);
      }
      .arp {
        --hue: var(--rs-place-hypervisor);
      }
      .icmp,
      .icmpv6 {
        --hue: var(--rs-place-host);
      }
      .tcp,
      .http {
        --hue: var(--rs-place-kernel);
      }
      .udp,
      .dns,
      .dhcp,
      .ntp {
        --hue: var(--rs-place-user);
      }
      .malformed {
        --hue: var(--rs-danger);
        color: var(--rs-danger);
      }
    `,
  ];

  @property({ attribute: false }) capture!: Capture;
  @state() private first = 0;
  @state() private inSight = 20;
  /** The newest row stays in sight, until the user scrolls up. */
  #follows = true;
  #observer = new ResizeObserver(() => this.scrolled());

  private get grid(): HTMLElement {
    return this.renderRoot.querySelector<HTMLElement>("[role=grid]")!;
  }

  protected override firstUpdated(): void {
    this.#observer.observe(this.grid);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  protected override updated(): void {
    if (this.#follows && !this.capture.paused) {
      const { grid } = this;
      const end = this.capture.count * ROW_HEIGHT - grid.clientHeight;
      if (end > grid.scrollTop + 1) grid.scrollTop = end;
    }
    void this.capture.need(this.first, this.first + this.inSight + 1);
  }

  private scrolled(): void {
    const { grid } = this;
    this.first = Math.floor(grid.scrollTop / ROW_HEIGHT);
    this.inSight = Math.ceil(grid.clientHeight / ROW_HEIGHT) + 1;
    this.#follows = grid.scrollTop + grid.clientHeight >= this.capture.count * ROW_HEIGHT - ROW_HEIGHT * 2;
  }

  private choose(row: number): void {
    const number = this.capture.numberAt(row);
    if (number === undefined) return;
    this.#follows = false;
    const { grid } = this;
    const top = row * ROW_HEIGHT;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW_HEIGHT > grid.scrollTop + grid.clientHeight)
      grid.scrollTop = top + ROW_HEIGHT - grid.clientHeight;
    this.capture.select(number);
    void this.capture.need(row, row + 1);
  }

  private key(event: KeyboardEvent): void {
    const { selected, count } = this.capture;
    const at = selected === undefined ? -1 : this.capture.rowOf(selected);
    const page = Math.max(1, this.inSight - 3);
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(Math.min(count - 1, Math.max(0, to)));
  }

  private row(row: number) {
    const { capture } = this;
    const number = capture.numberAt(row);
    const frame = capture.at(row);
    const chosen = number !== undefined && number === capture.selected;
    const dissection = frame?.dissection;
    const malformed = dissection?.layers.some((layer) => layer.malformed !== undefined) ?? false;
    const time =
      frame === undefined ? "" : ((frame.time - (capture.firstTime ?? frame.time)) / 1000).toFixed(6);
    const cells = [
      time,
      dissection?.source ?? "",
      dissection?.destination ?? "",
      dissection ? protocolText(dissection.protocol) : "",
      frame === undefined ? "" : String(frame.bytes.length),
      malformed ? `${this.m.capture.malformed}: ${dissection?.info}` : (dissection?.info ?? "…"),
    ];
    return html`<div
      class="row ${malformed ? "malformed" : (dissection?.protocol ?? "")}"
      role="row"
      id="frame-${number}"
      aria-rowindex=${row + 2}
      aria-selected=${chosen ? "true" : "false"}
      @click=${() => this.choose(row)}
    >
      <span role="gridcell" class="number">${number}</span>
      ${cells.map((cell, i) => html`<span role="gridcell" class=${i === 0 || i === 4 ? "number" : ""}>${cell}</span>`)}
    </div>`;
  }

  protected override render() {
    this.capture.version.get();
    const { capture: m } = this.m;
    const { count, selected } = this.capture;
    const from = Math.max(0, Math.min(this.first, count - this.inSight) - 5);
    const to = Math.min(count, from + this.inSight + 12);
    const rows = Array.from({ length: to - from }, (_, i) => this.row(from + i));
    const here =
      selected !== undefined && this.capture.rowOf(selected) >= from && this.capture.rowOf(selected) < to;
    return html`<div class="row head" aria-hidden="true">
        <span class="number">${m.number}</span><span class="number">${m.time}</span><span>${m.source}</span
        ><span>${m.destination}</span><span>${m.protocol}</span><span class="number">${m.length}</span
        ><span>${m.info}</span>
      </div>
      <div
        role="grid"
        tabindex="0"
        aria-label=${m.list}
        aria-rowcount=${count + 1}
        aria-activedescendant=${here ? `frame-${selected}` : nothing}
        @scroll=${this.scrolled}
        @keydown=${this.key}
      >
        <div role="row" class="visually-hidden" aria-rowindex="1">
          ${[m.number, m.time, m.source, m.destination, m.protocol, m.length, m.info].map((name) => html`<span role="columnheader">${name}</span>`)}
        </div>
        <div class="space" role="presentation" style="block-size:${count * ROW_HEIGHT}px">
          <div class="rows" role="presentation" style="inset-block-start:${from * ROW_HEIGHT}px">${rows}</div>
        </div>
      </div>`;
  }
}
