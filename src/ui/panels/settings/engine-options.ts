/** The engine of a machine and, on the core, what its firmware setup says of hardware virtualization. */
import { html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { VIRTUALIZATION, type EngineName, type Virtualization } from "../../../emulator/machine.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";

export interface EngineChoice {
  engine: EngineName;
  virtualization?: Virtualization;
}

@customElement("rs-engine-options")
export class EngineOptions extends RingsideElement {
  static override styles = [sharedStyles, formStyles];

  @property() engine: EngineName = "v86";
  /** Left out, it is on. */
  @property({ attribute: false }) virtualization?: Virtualization;
  /** Why nothing can be changed now. */
  @property() locked = "";

  /** v86 has no virtualization to switch, so the choice goes with the core. */
  private choose(engine: EngineName, virtualization = this.virtualization): void {
    const choice: EngineChoice = { engine, virtualization: engine === "core" ? virtualization : undefined };
    this.emit("rs-engine", choice);
  }

  private choice(name: string, label: string, hint: string, checked: boolean, act: () => void) {
    return html`<label class="choice">
      <input
        type="radio"
        name=${name}
        ?disabled=${this.locked !== ""}
        title=${this.locked}
        .checked=${checked}
        @change=${act}
      /><span>${label}</span><span class="hint">${hint}</span>
    </label>`;
  }

  protected override render() {
    const { wizard: m, virtualization: v } = this.m;
    const engines = [
      ["v86", m.engineV86, m.engineV86Hint],
      ["core", m.engineCore, m.engineCoreHint],
    ] as const;
    return html`<div class="form">
      ${this.locked ? html`<p class="hint">${this.locked}</p>` : nothing}
      <fieldset>
        <legend>${m.engine}</legend>
        ${engines.map(([engine, label, hint]) =>
          this.choice("engine", label, hint, this.engine === engine, () => this.choose(engine)),
        )}
      </fieldset>
      ${
        this.engine === "core"
          ? html`<fieldset class="virtualization">
              <legend>${v.title}</legend>
              <p class="hint">${v.text}</p>
              ${VIRTUALIZATION.map((setting) =>
                this.choice(
                  "virtualization",
                  v.settings[setting],
                  v.hints[setting],
                  (this.virtualization ?? "on") === setting,
                  () => this.choose("core", setting),
                ),
              )}
            </fieldset>`
          : nothing
      }
    </div>`;
  }
}
