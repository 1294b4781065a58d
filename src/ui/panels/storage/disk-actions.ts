/** What is done with a disk: enlarged, exported in any of the formats, taken out of its machine. */
import { css, html, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { DISK_FORMATS, type DiskFormat } from "../../../hypervisor-model/storage/disk-files.ts";
import type { DiskChain } from "../../../hypervisor-model/virtual-machines/machine-disks.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { whyNot } from "../../state/availability.ts";
import { laboratory } from "../../state/laboratory.ts";
import type { MachineView } from "../../state/machines.ts";
import { saveFile, sayNotSaved, work } from "../../state/storage.ts";

@customElement("rs-disk-actions")
export class DiskActions extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      input[type="number"] {
        inline-size: 120px;
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";
  @property({ attribute: false }) chain!: DiskChain;
  @state() private size?: number;
  @state() private format: DiskFormat = DISK_FORMATS[0];

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("chain");
    if (before?.disk.id !== this.chain.disk.id || before.disk.sizeMiB !== this.chain.disk.sizeMiB)
      if (changed.has("chain")) this.size = undefined;
  }

  private actions(machine: MachineView, chain: DiskChain) {
    const { disk: m } = this.m.storage;
    const { id, sizeMiB, name, provisioning, split } = chain.disk;
    const kind = `${m[provisioning]}${split ? `, ${m.split}` : ""}`;
    const off =
      whyNot(this.m, machine, "edit-hardware") || (machine.isTemplate ? this.m.reason.isTemplate : "");
    const size = this.size ?? sizeMiB * 2;
    const bad = Number.isInteger(size) && size > sizeMiB ? "" : m.resizeBad(sizeMiB);
    const isSystem = machine.definition?.disks.find((disk) => disk.id === id)?.role === "system";
    const exported = () =>
      work("export", machine.name, async ({ disks }, onProgress) => {
        for (const file of await disks.export(id, this.format, onProgress))
          if (!(await saveFile(file.name, (sink) => file.write(sink)))) {
            sayNotSaved();
            return;
          }
      });
    return html`<fieldset>
      <legend>${m.actions(name, this.m.common.mib(String(sizeMiB)), kind)}</legend>
      <div class="row">
        <label
          >${m.resize}
          <input
            type="number"
            min=${sizeMiB + 1}
            .value=${String(size)}
            @input=${(event: Event) => (this.size = (event.target as HTMLInputElement).valueAsNumber)}
        /></label>
        <rs-action
          look="outlined"
          label=${m.resizeAction}
          reason=${off || bad}
          @rs-press=${() => void work("disk", machine.name, ({ disks }) => disks.resize(id, size))}
        ></rs-action>
      </div>
      <span class="hint">${m.resizeHint}</span>
      <div class="row">
        <label
          >${m.exportAs}
          <select
            @change=${(event: Event) => (this.format = (event.target as HTMLSelectElement).value as DiskFormat)}
          >
            ${DISK_FORMATS.map((format) => html`<option value=${format}>${m.formats[format]}</option>`)}
          </select></label
        >
        <rs-action
          class="export-disk"
          look="outlined"
          label=${m.exportAction}
          reason=${machine.session ? m.inUse : ""}
          @rs-press=${() => void exported()}
        ></rs-action>
        <rs-action
          look="outlined"
          label=${m.detach}
          reason=${off || (isSystem ? m.detachSystem : "")}
          @rs-press=${() => void work("disk", machine.name, ({ disks }) => disks.detach(machine.id, id))}
        ></rs-action>
      </div>
    </fieldset>`;
  }

  protected override render() {
    const machine = laboratory.find(this.machineId);
    return machine && this.actions(machine, this.chain);
  }
}
