/** What a bare PC's program has printed, and its text screen. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { styleMap } from "lit/directives/style-map.js";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { TextScreen } from "../../state/bare-program.ts";
import { CODE_PAGE_437 } from "../../components/screen-console/code-page-437.ts";

const colour = (rgb: number) => `#${rgb.toString(16).padStart(6, "0")}`;

/** Runs of cells with the same colours. */
function runs({ characters, foreground, background }: TextScreen["rows"][number]) {
  const found: { text: string; style: Record<string, string> }[] = [];
  for (let i = 0; i < characters.length;) {
    const from = i;
    let text = "";
    while (
      i < characters.length &&
      foreground[i] === foreground[from] &&
      background[i] === background[from]
    ) {
      text += CODE_PAGE_437[characters[i++]] ?? " ";
    }
    found.push({ text, style: { color: colour(foreground[from]), background: colour(background[from]) } });
  }
  return found;
}

@customElement("rs-bare-output")
export class BareOutput extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-content: flex-start;
        gap: 8px 24px;
        overflow: auto;
        padding: 6px 12px 10px;
        background: var(--rs-surface);
      }
      h2 {
        margin-block-end: 4px;
        color: var(--rs-text-quiet);
        font-size: var(--rs-text-small);
      }
      pre {
        margin: 0;
        font: 12.5px / 1.4 var(--rs-mono);
      }
      .text {
        min-inline-size: 260px;
        max-block-size: 190px;
        overflow: auto;
        padding: 4px 8px;
        border: 1px solid var(--rs-line);
        background: var(--rs-console);
        white-space: pre-wrap;
      }
      .screen {
        display: inline-block;
        padding: 2px;
        background: #000;
        font-size: 8px;
        line-height: 1.15;
      }
    `,
  ];

  @property() text = "";
  @property({ attribute: false }) screen?: TextScreen;

  protected override render() {
    const { cpu: m } = this.m;
    const { graphics, rows } = this.screen ?? { graphics: false, rows: [] };
    return html`<section>
        <h2>${m.outputText}</h2>
        ${
          this.text === ""
            ? html`<p class="quiet">${m.outputEmpty}</p>`
            : html`<pre class="text" tabindex="0" role="log" aria-label=${m.outputText}>${this.text}</pre>`
        }
      </section>
      <section>
        <h2>${m.screen}</h2>
        ${
          graphics
            ? html`<p class="quiet">${m.graphics}</p>`
            : rows.length === 0
              ? nothing
              : html`<pre class="screen" role="img" aria-label=${m.screenText}>
${rows.map(
                    (row) =>
                      html`${runs(row).map(({ text, style }) => html`<span style=${styleMap(style)}>${text}</span>`)} `,
                  )}</pre>`
        }
      </section>`;
  }
}
