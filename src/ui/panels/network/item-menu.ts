/** The menu of one item of the drawing: arrows walk it, Escape closes it, an item that cannot be taken says why. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { MenuItem } from "./network-actions.ts";

@customElement("rs-item-menu")
export class ItemMenu extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        position: absolute;
        z-index: 5;
        min-inline-size: 190px;
        max-inline-size: 300px;
        padding: 4px;
        border: 1px solid var(--rs-line-strong);
        border-radius: 6px;
        background: var(--rs-surface);
        box-shadow: 0 4px 16px rgb(0 0 0 / 20%);
      }
      h3 {
        padding: 4px 8px;
        color: var(--rs-text-quiet);
        font-size: var(--rs-text-small);
      }
      button {
        display: block;
        inline-size: 100%;
        padding: 5px 8px;
        border: 0;
        border-radius: 4px;
        background: none;
        cursor: pointer;
        text-align: start;
      }
      button:hover,
      button:focus-visible {
        background: var(--rs-hover);
      }
      button[aria-disabled] {
        color: var(--rs-text-quiet);
        cursor: default;
      }
      small {
        display: block;
      }
    `,
  ];

  @property() heading = "";
  @property({ attribute: false }) items: readonly MenuItem[] = [];

  protected override firstUpdated(): void {
    this.buttons[0]?.focus();
  }

  private get buttons(): HTMLButtonElement[] {
    return [...this.renderRoot.querySelectorAll("button")];
  }

  private key(event: KeyboardEvent): void {
    const { buttons } = this;
    const at = buttons.indexOf(this.shadowRoot!.activeElement as HTMLButtonElement);
    if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons[(at + buttons.length - 1) % buttons.length]?.focus();
    else if (event.key === "Home") buttons[0]?.focus();
    else if (event.key === "End") buttons.at(-1)?.focus();
    else if (event.key === "Escape" || event.key === "Tab") this.emit("rs-close");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private take({ reason, run }: MenuItem): void {
    if (reason) return;
    this.emit("rs-close");
    run();
  }

  protected override render() {
    return html`<h3 id="heading">${this.heading}</h3>
      <div role="menu" aria-labelledby="heading" @keydown=${this.key}>
        ${this.items.map(
          (item) =>
            html`<button
              type="button"
              role="menuitem"
              tabindex="-1"
              aria-disabled=${item.reason ? "true" : nothing}
              @click=${() => this.take(item)}
            >
              ${item.label}${item.reason ? html`<small>${item.reason}</small>` : nothing}
            </button>`,
        )}
      </div>`;
  }
}
