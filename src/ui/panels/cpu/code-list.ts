/** The disassembly: labels, the current instruction, breakpoints in the margin, and a cursor. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { CodeLine } from "../../../emulator/core/debug/view.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { CpuPresenter } from "../../state/cpu-presenter.ts";
import { hex } from "../../state/hexadecimal.ts";

@customElement("rs-code-list")
export class CodeList extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: block;
        overflow: auto;
        background: var(--rs-surface);
        font: 12.5px / 1.5 var(--rs-mono);
      }
      li {
        display: flex;
        align-items: stretch;
      }
      .label {
        padding-inline-start: 30px;
        color: var(--rs-accent);
        font-weight: 600;
      }
      .gutter {
        flex: none;
        inline-size: 24px;
        padding: 0;
        border: 0;
        background: var(--rs-surface-quiet);
        border-inline-end: 1px solid var(--rs-line);
        cursor: pointer;
      }
      .gutter span {
        display: inline-block;
        inline-size: 10px;
        block-size: 10px;
        border-radius: 50%;
        vertical-align: -1px;
      }
      .gutter:hover span {
        border: 1px solid var(--rs-danger);
      }
      .gutter[aria-pressed="true"] span {
        background: var(--rs-danger);
      }
      .line {
        display: grid;
        flex: 1;
        grid-template-columns: 14px 66px minmax(60px, 104px) 1fr;
        gap: 6px;
        padding: 0 6px;
        border: 0;
        background: none;
        font: inherit;
        text-align: start;
        cursor: default;
      }
      .line > * {
        overflow: hidden;
        white-space: pre;
        text-overflow: ellipsis;
      }
      .line:hover {
        background: var(--rs-hover);
      }
      .chosen {
        box-shadow: inset 0 0 0 1px var(--rs-accent);
      }
      .current {
        background: var(--rs-surface-active);
      }
      .bytes,
      .address {
        color: var(--rs-text-quiet);
      }
      .arrow {
        color: var(--rs-accent);
      }
    `,
  ];

  @property({ attribute: false }) presenter?: CpuPresenter;

  #shown = -1;

  /** Keeps the current instruction in sight. */
  protected override updated(): void {
    const next = this.presenter?.view.get()?.next ?? -1;
    if (next === this.#shown) return;
    this.#shown = next;
    this.renderRoot.querySelector(".current")?.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    const lines = [...this.renderRoot.querySelectorAll<HTMLElement>(".line")];
    const at = lines.indexOf(event.currentTarget as HTMLElement);
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const { code = [] } = this.presenter?.view.get() ?? {};
    if (event.key === "PageDown" || (step === 1 && at === lines.length - 1)) {
      event.preventDefault();
      const from = code[event.key === "PageDown" ? code.length - 1 : 1];
      if (from !== undefined) void this.show(from.linear, event.key === "PageDown" ? 0 : lines.length - 1);
    } else if (step !== 0) {
      event.preventDefault();
      lines[at + step]?.focus();
    }
  }

  /** Lists from another address on, and goes to one of its lines. */
  private async show(code: number, line: number): Promise<void> {
    await this.presenter?.look({ code });
    await this.updateComplete;
    this.renderRoot.querySelectorAll<HTMLElement>(".line")[line]?.focus();
  }

  /** `stop` is the line that Tab comes to; from there the arrows lead. */
  private line(line: CodeLine, next: number, stop: number | undefined, breakpoints: ReadonlySet<number>) {
    const { presenter } = this;
    const { cpu: m } = this.m;
    const current = line.linear === next;
    const place = line.label ?? hex(line.linear);
    const stops = breakpoints.has(line.linear);
    const chosen = presenter?.cursor.get() === line.linear;
    const label = stops ? m.removeBreakpoint(place) : m.setBreakpoint(place);
    return html`${line.label === undefined ? nothing : html`<li class="label">${line.label}:</li>`}
      <li>
        <button
          class="gutter"
          aria-label=${label}
          title=${label}
          aria-pressed=${stops}
          tabindex="-1"
          @click=${() => void presenter?.toggleBreakpoint(line.linear)}
        >
          <span></span>
        </button>
        <button
          class="line ${current ? "current" : ""} ${chosen ? "chosen" : ""}"
          aria-current=${current ? "step" : nothing}
          @click=${() => presenter?.cursor.set(line.linear)}
          @focus=${() => presenter?.cursor.set(line.linear)}
          @dblclick=${() => void presenter?.toggleBreakpoint(line.linear)}
          tabindex=${line.linear === stop ? 0 : -1}
          @keydown=${this.key}
        >
          <span class="arrow" aria-hidden="true">${current ? "▶" : ""}</span
          ><span class="address">${hex(line.linear)}</span><span class="bytes">${line.bytes}</span
          ><span title=${line.text}>${line.text}</span>
        </button>
      </li>`;
  }

  protected override render() {
    const view = this.presenter?.view.get();
    if (view === undefined) return nothing;
    const breakpoints = new Set(
      view.breakpoints.flatMap(({ place }) => (place.type === "address" ? [place.linear] : [])),
    );
    const cursor = this.presenter?.cursor.get();
    const stop = [cursor, view.next, view.code[0]?.linear].find((linear) =>
      view.code.some((line) => line.linear === linear),
    );
    return html`<ol aria-label=${this.m.cpu.code}>
      ${view.code.map((line) => this.line(line, view.next, stop, breakpoints))}
    </ol>`;
  }
}
