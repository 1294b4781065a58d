/**
 * A modal dialog on the browser's own <dialog>: focus goes to the first field (or the first button) and stays inside,
 * Enter in a field is `rs-submit`, Escape closes, and focus returns to where it was.
 */
import { css, html } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import "../action-button/action-button.ts";
import { RingsideElement } from "../element.ts";
import { sharedStyles } from "../shared.styles.ts";

@customElement("rs-dialog")
export class Dialog extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      dialog {
        display: none;
        flex-direction: column;
        inline-size: min(680px, 94vw);
        max-block-size: 90vh;
        padding: 0;
        border: 1px solid var(--rs-line-strong);
        border-radius: 8px;
        background: var(--rs-surface);
        color: var(--rs-text);
        box-shadow: 0 8px 32px rgb(0 0 0 / 25%);
      }
      dialog[open] {
        display: flex;
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 45%);
      }
      .head,
      .foot {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 10px 16px;
      }
      .head {
        justify-content: space-between;
        border-block-end: 1px solid var(--rs-line);
      }
      .foot {
        justify-content: flex-end;
        border-block-start: 1px solid var(--rs-line);
      }
      .body {
        padding: 16px;
        overflow: auto;
      }
    `,
  ];

  @property() heading = "";
  @query("dialog") private dialog!: HTMLDialogElement;

  /** What had the focus before, innermost first, with the components around it. */
  #before: HTMLElement[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#before = focused();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const element of this.#before) {
      if (!element.isConnected) continue;
      element.focus();
      if (focused().includes(element)) return;
    }
  }

  protected override async firstUpdated(): Promise<void> {
    this.dialog.showModal();
    const first =
      this.querySelector<HTMLElement>("input, select, textarea") ??
      this.querySelector<HTMLElement>("[slot=footer] rs-action, rs-action[slot=footer]");
    if (first instanceof RingsideElement) await first.updateComplete;
    first?.focus();
  }

  /**
   * Escape asks to close; who has opened the dialog takes it away. Left to itself the browser hides it at once and says so
   * with the next frame (`close`), which would then close what was asked for in between.
   */
  private cancelled(event: Event): void {
    event.preventDefault();
    this.emit("rs-close");
  }

  /** The browser may close it all the same (Escape twice without other input); it stands until it is taken away. */
  private closed(): void {
    if (this.isConnected) this.dialog.showModal();
  }

  private key(event: KeyboardEvent): void {
    const { target } = event;
    if (event.key !== "Enter" || event.isComposing) return;
    if (!(target instanceof HTMLInputElement) || target.type === "file") return;
    event.preventDefault();
    this.emit("rs-submit");
  }

  protected override render() {
    return html`<dialog aria-labelledby="heading" @cancel=${this.cancelled} @close=${this.closed}>
      <div class="head">
        <h2 id="heading">${this.heading}</h2>
        <rs-action
          icon="x"
          icon-only
          label=${this.m.common.close}
          @rs-press=${() => this.emit("rs-close")}
        ></rs-action>
      </div>
      <div class="body" @keydown=${this.key}><slot></slot></div>
      <div class="foot"><slot name="footer"></slot></div>
    </dialog>`;
  }
}

/** What has the focus, innermost first, with the components whose shadow tree it is in. */
function focused(): HTMLElement[] {
  const path: HTMLElement[] = [];
  for (let at = document.activeElement; at; at = at.shadowRoot?.activeElement ?? null) {
    if (at instanceof HTMLElement && at !== document.body) path.unshift(at);
  }
  return path;
}
