/** How a new disk is kept, in the words of VMware's wizard. Emits `rs-change` with what was chosen. */
import { html } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { DiskDefinition } from "../../../hypervisor-model/virtual-machines/definition.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";

export type NewDiskOptions = Pick<DiskDefinition, "provisioning" | "split">;

@customElement("rs-new-disk-options")
export class NewDiskOptionFields extends RingsideElement {
  static override styles = [sharedStyles, formStyles];

  @property({ attribute: false }) options: NewDiskOptions = {};

  private choose(part: NewDiskOptions): void {
    this.emit<NewDiskOptions>("rs-change", part);
  }

  protected override render() {
    const { newDisk: m } = this.m.storage;
    const { provisioning = "thin", split = false } = this.options;
    const files = (label: string, isSplit: boolean) =>
      html`<label class="choice"
        ><input
          type="radio"
          name="files"
          .checked=${split === isSplit}
          @change=${() => this.choose({ split: isSplit })}
        /><span>${label}</span></label
      >`;
    return html`<fieldset>
      <legend>${m.title}</legend>
      <label class="choice"
        ><input
          class="allocate"
          type="checkbox"
          .checked=${provisioning === "full"}
          @change=${() => this.choose({ provisioning: provisioning === "full" ? "thin" : "full" })}
        /><span>${m.allocate}</span><span class="hint">${m.allocateHint}</span></label
      >
      ${files(m.single, false)} ${files(m.split, true)}
      <span class="hint">${m.splitHint}</span>
    </fieldset>`;
  }
}
