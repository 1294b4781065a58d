/** What is being done in storage, wherever the page stands: a line with amounts for all that takes over half a second. */
import { css, html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { customElement, state } from "lit/decorators.js";
import "../components/action-button/action-button.ts";
import { RingsideElement } from "../components/element.ts";
import { sharedStyles } from "../components/shared.styles.ts";
import { storageWork, type StorageWork } from "../state/storage.ts";

const SILENT_MS = 400;

@customElement("rs-storage-work")
export class StorageWorkLines extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      .work {
        display: flex;
        align-items: center;
        gap: 10px;
        padding: 4px 12px;
        border-block-start: 1px solid var(--rs-line);
        background: var(--rs-info-quiet);
        font-variant-numeric: tabular-nums;
      }
      progress {
        inline-size: 200px;
        accent-color: var(--rs-accent);
      }
    `,
  ];

  /** What has lasted long enough to be shown. */
  @state() private shown: ReadonlySet<number> = new Set();
  readonly #timers = new Set<number>();

  private isShown({ id }: StorageWork): boolean {
    if (!this.#timers.has(id)) {
      this.#timers.add(id);
      setTimeout(() => (this.shown = new Set(this.shown).add(id)), SILENT_MS);
    }
    return this.shown.has(id);
  }

  private line({ work, name, done, cancel, isEnding }: StorageWork) {
    const text = `${name && `${name}: `}${this.m.storage.progress[work]}`;
    const amount =
      done === undefined
        ? html`<progress aria-label=${text}></progress>`
        : html`<progress aria-label=${text} max="1" value=${done}></progress>
            <span>${Math.floor(done * 100)} %</span>`;
    // What gives no amounts cannot be ended in the middle.
    const button =
      done === undefined
        ? nothing
        : html`<rs-action
            class="cancel"
            icon="x"
            label=${this.m.common.cancel}
            reason=${isEnding ? this.m.storage.progress.ending : ""}
            @rs-press=${cancel}
          ></rs-action>`;
    return html`<div class="work"><span role="status">${text}</span> ${amount} ${button}</div>`;
  }

  protected override render() {
    const lasting = storageWork.get().filter((work) => this.isShown(work));
    return lasting.length === 0
      ? nothing
      : repeat(
          lasting,
          ({ id }) => id,
          (work) => this.line(work),
        );
  }
}
