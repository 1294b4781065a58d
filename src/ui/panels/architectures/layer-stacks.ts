/** The layers of each architecture, beside each other, and the two ways to classify them. */
import { html, nothing, type TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { LAYER_STACKS, type LayerStack } from "../../../hypervisor-model/architectures/layer-stacks.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { architecturesStyles } from "./architectures.styles.ts";

@customElement("rs-layer-stacks")
export class LayerStacks extends RingsideElement {
  static override styles = [sharedStyles, architecturesStyles];

  override render(): TemplateResult {
    const m = this.m.architectures;
    return html`
      <header><h1>${m.stacksTitle}</h1></header>
      <p class="quiet">${m.stacksIntro}</p>
      <div class="stacks">${LAYER_STACKS.map((stack) => this.#stack(stack))}</div>
      <h2>${m.kvmTitle}</h2>
      <ul class="points">
        <li>${m.kvmOne}</li>
        <li>${m.kvmTwo}</li>
      </ul>
      <h2>${m.courseTitle}</h2>
      <p>${m.courseText}</p>
    `;
  }

  #stack({ architecture, layers, goldberg, source }: LayerStack): TemplateResult {
    const m = this.m.architectures;
    return html`<section>
      <h2>${m.architecture[architecture]}</h2>
      <ol>
        ${layers.map(
          ({ name, place, ring }) =>
            html`<li class="layer ${place}">
              <span>${m.layer[name]}</span>
              ${ring === undefined ? nothing : html`<span class="small quiet">${m.ringNumber(ring)}</span>`}
            </li>`,
        )}
      </ol>
      <dl>
        <div>
          <dt>${m.inCourse}</dt>
          <dd>${m.courseClass[architecture]}</dd>
        </div>
        <div>
          <dt>${m.goldbergType}</dt>
          <dd>${m.goldberg[goldberg]}</dd>
        </div>
        <div>
          <dt>${m.technique}</dt>
          <dd>${m.techniqueOf[architecture]}</dd>
        </div>
      </dl>
      <p class="small quiet">${m.sourceOf(source)}</p>
    </section>`;
  }
}
