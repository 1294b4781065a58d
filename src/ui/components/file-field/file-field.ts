/** A file picker whose words are the page's: a browser's own field speaks the browser's language. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { RingsideElement } from "../element.ts";
import { sharedStyles } from "../shared.styles.ts";

@customElement("rs-file-field")
export class FileField extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      label {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
        cursor: pointer;
      }
      .button {
        padding: 4px 12px;
        border: 1px solid var(--rs-line-strong);
        border-radius: 4px;
        white-space: nowrap;
      }
      label:hover .button {
        background: var(--rs-hover);
      }
      input:focus-visible + .button {
        outline: 2px solid var(--rs-focus);
        outline-offset: 1px;
      }
      .value {
        min-inline-size: 0;
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property() label = "";
  /** The names of what was chosen, or a hint. */
  @property() value = "";
  @property({ type: Boolean }) multiple = false;

  /** The same file can be chosen twice in a row. */
  private picked(event: Event): void {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = "";
    if (files.length > 0) this.emit("rs-files", files);
  }

  protected override render() {
    return html`<label>
      <input
        class="visually-hidden"
        type="file"
        aria-label=${this.label}
        ?multiple=${this.multiple}
        @change=${this.picked}
      />
      <span class="button">${this.label}</span>
      ${this.value ? html`<span class="value quiet small">${this.value}</span>` : nothing}
    </label>`;
  }
}
