/** `<rs-icon name="play">`: one of our icons, drawn inline; decoration only, so the control around it carries the text. */
import { LitElement, css } from "lit";
import { customElement, property } from "lit/decorators.js";
import { unsafeSVG } from "lit/directives/unsafe-svg.js";
import { html } from "lit";
import { iconSources, type IconName } from "./icon-names.ts";

@customElement("rs-icon")
export class Icon extends LitElement {
  static override styles = css`
    :host {
      display: inline-flex;
      inline-size: 1.15em;
      block-size: 1.15em;
      flex: none;
      vertical-align: -0.2em;
    }
    svg {
      inline-size: 100%;
      block-size: 100%;
    }
  `;

  @property() name: IconName = "info";

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute("aria-hidden", "true");
  }

  protected override render() {
    return html`${unsafeSVG(iconSources[this.name])}`;
  }
}
