/**
 * A button that is never disabled in silence: with a `reason` it stays focusable, does nothing, and says the reason on
 * hover and on focus. Icon-only buttons say their label the same way.
 */
import { html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { RingsideElement } from "../element.ts";
import "../icon/icon.ts";
import type { IconName } from "../icon/icon-names.ts";
import { sharedStyles } from "../shared.styles.ts";
import { hideTooltip, showTooltip } from "../tooltip/tooltip.ts";
import { styles } from "./action-button.styles.ts";

@customElement("rs-action")
export class ActionButton extends RingsideElement {
  static override styles = [sharedStyles, styles];
  static override shadowRootOptions: ShadowRootInit = { mode: "open", delegatesFocus: true };

  @property() label = "";
  @property() icon?: IconName;
  /** Why the action cannot be taken; empty when it can. */
  @property() reason = "";
  /** Shown in the tooltip beside the label, such as a key. */
  @property() hint = "";
  @property({ type: Boolean, attribute: "icon-only" }) iconOnly = false;
  @property({ reflect: true }) look?: "outlined" | "primary" | "danger" | "link";
  @property({ attribute: false }) pressed?: boolean;
  @state() private reasonId = "reason";

  private get tooltip(): string {
    if (this.reason) return this.iconOnly ? `${this.label}: ${this.reason}` : this.reason;
    const label = this.iconOnly ? this.label : "";
    return this.hint ? (label ? `${label} (${this.hint})` : this.hint) : label;
  }

  private press(event: Event): void {
    if (this.reason) {
      event.stopImmediatePropagation();
      event.preventDefault();
      showTooltip(this, this.tooltip);
      return;
    }
    hideTooltip(this);
    this.emit("rs-press");
  }

  protected override render() {
    return html`
      <button
        part="button"
        type="button"
        aria-label=${this.label}
        aria-disabled=${this.reason ? "true" : nothing}
        aria-pressed=${this.pressed === undefined ? nothing : String(this.pressed)}
        aria-describedby=${this.reason ? this.reasonId : nothing}
        @click=${this.press}
        @pointerenter=${() => this.tooltip && showTooltip(this, this.tooltip)}
        @pointerleave=${() => hideTooltip(this)}
        @focus=${() => this.tooltip && this.matches(":focus-visible, :focus-within") && showTooltip(this, this.tooltip)}
        @blur=${() => hideTooltip(this)}
      >
        ${this.icon ? html`<rs-icon name=${this.icon}></rs-icon>` : nothing}
        ${this.iconOnly ? nothing : html`<span>${this.label}</span>`}
        <slot></slot>
      </button>
      ${this.reason ? html`<span id=${this.reasonId} class="visually-hidden">${this.reason}</span>` : nothing}
    `;
  }
}
