/** What a bare PC's program has printed and its text screen, and the ways in: the serial line and the keyboard. */
import { css, html } from "lit";
import { customElement, property } from "lit/decorators.js";
import { styleMap } from "lit/directives/style-map.js";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { fields } from "./fields.styles.ts";
import type { TextScreen } from "../../state/bare-program.ts";
import "../../components/action-button/action-button.ts";
import { scanCodes } from "../../components/screen-console/scan-codes.ts";
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
    fields,
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
        min-inline-size: 380px;
        min-block-size: 60px;
        padding: 2px;
        background: #000;
        font-size: 8px;
        line-height: 1.15;
      }
      .line {
        display: block;
      }
      form {
        display: flex;
        align-items: center;
        gap: 6px;
        margin-block-start: 6px;
        font-size: var(--rs-text-small);
      }
    `,
  ];

  @property() text = "";
  @property({ attribute: false }) screen?: TextScreen;

  private send(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.emit("rs-type", `${String(new FormData(form).get("line") ?? "")}\r`);
    form.reset();
  }

  /** Keys go to the PC while its screen has the focus; Tab leaves it, function keys stay the workspace's. */
  private key(event: KeyboardEvent): void {
    if (event.isComposing || event.code === "Tab" || /^F\d/.test(event.code)) return;
    const codes = scanCodes(event.code, event.type === "keydown");
    if (codes.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.emit("rs-scancodes", codes);
  }

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
        <form @submit=${this.send}>
          <label
            >${m.typeSerial} <input class="mono" name="line" size="18" autocomplete="off" spellcheck="false"
          /></label>
          <button class="plain bordered" type="submit">${m.send}</button>
        </form>
      </section>
      <section>
        <h2>${m.screen}</h2>
        ${
          graphics
            ? html`<p class="quiet">${m.graphics}</p>`
            : html`<pre
                  class="screen"
                  role="application"
                  tabindex="0"
                  aria-label=${m.screenKeys}
                  @keydown=${this.key}
                  @keyup=${this.key}
                >
${rows.map(
                    (row) =>
                      html`<span class="line"
                        >${runs(row).map(({ text, style }) => html`<span style=${styleMap(style)}>${text}</span>`)}</span
                      >`,
                  )}</pre>
                <p class="quiet small">${m.screenHint}</p>`
        }
      </section>`;
  }
}
