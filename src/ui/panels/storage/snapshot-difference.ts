/** What differs between two snapshots: blocks of each disk and whose they are, and pages of memory. */
import { css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { SnapshotDifference as Difference } from "../../../hypervisor-model/storage/compare-snapshots.ts";
import type { DiskContentDifference } from "../../../hypervisor-model/virtual-machines/guest-files.ts";
import type { SnapshotNode } from "../../../hypervisor-model/virtual-machines/machine-snapshots.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { sizeText } from "../../state/size-text.ts";
import { work } from "../../state/storage.ts";

/** Of the files that differ. */
const MOST_FILES = 40;

@customElement("rs-snapshot-difference")
export class SnapshotDifference extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .files {
        max-block-size: 200px;
        margin-block: 2px;
        padding-inline-start: 14px;
        overflow: auto;
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";
  @property({ attribute: false }) node!: SnapshotNode;
  @property({ attribute: false }) others: readonly SnapshotNode[] = [];
  @state() private difference?: Difference & { contents: DiskContentDifference[] };

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("node") && changed.get("node")?.id !== this.node.id) this.difference = undefined;
  }

  private async compare(one: string, other: string): Promise<void> {
    this.difference = undefined;
    if (!other) return;
    const { name } = laboratory.find(this.machineId) ?? { name: "" };
    // From the earlier to the later.
    const timeOf = (id: string) => [this.node, ...this.others].find((node) => node.id === id)?.createdAt ?? 0;
    const [first, second] = timeOf(one) <= timeOf(other) ? [one, other] : [other, one];
    this.difference = await work("compare", name, async ({ snapshots, files }) => ({
      ...(await snapshots.compare(this.machineId, first, second)),
      contents: await files.compare(this.machineId, first, second),
    }));
  }

  private differences() {
    const { tree } = this.m.storage;
    if (!this.difference) return nothing;
    const { definition } = laboratory.find(this.machineId) ?? {};
    const { disks, pages, contents } = this.difference;
    const name = (id: string) => definition?.disks.find((disk) => disk.id === id)?.name ?? id;
    const size = (blocks: number) => sizeText(this.m, blocks * 4096);
    return html`<div class="differences" role="status">
      <ul>
        ${disks.map(({ disk, blocks }) => html`<li>${tree.diskDiffers(name(disk), String(blocks.length), size(blocks.length))}</li>`)}
        ${contents.map((content) => html`<li>${this.contents(content)}</li>`)}
        <li>${pages ? tree.pagesDiffer(String(pages.length), size(pages.length)) : tree.noPages}</li>
      </ul>
    </div>`;
  }

  private contents({ files, metadata, unused, isKnown }: DiskContentDifference) {
    const { tree, disk } = this.m.storage;
    if (!isKnown) return tree.noFileSystems;
    const shown = files.filter(({ type }) => type !== "directory");
    return html`${tree.filesDiffer}
      <ul class="files">
        ${shown.slice(0, MOST_FILES).map(({ path, change, blocks }) => html`<li class="mono">${tree.fileChange[change](path, String(blocks))}</li>`)}
        ${shown.length > MOST_FILES ? html`<li>${tree.moreFiles(String(shown.length - MOST_FILES))}</li>` : nothing}
        ${metadata.map(({ what, blocks }) => html`<li class="quiet">${tree.metadataDiffers(disk.files.metadata[what], String(blocks))}</li>`)}
        ${unused > 0 ? html`<li class="quiet">${tree.unusedDiffers(String(unused))}</li>` : nothing}
      </ul>`;
  }

  protected override render() {
    const { tree } = this.m.storage;
    const { node, others } = this;
    return html` <label class="field"
        ><span>${tree.compare}</span>
        <select
          ?disabled=${others.length === 0}
          @change=${(event: Event) => void this.compare(node.id, (event.target as HTMLSelectElement).value)}
        >
          <option value="">${this.m.common.none}</option>
          ${others.map(({ id, name }) => html`<option value=${id}>${name}</option>`)}
        </select>
        ${others.length === 0 ? html`<span class="hint">${tree.nothingToCompare}</span>` : nothing}
      </label>
      ${this.differences()}`;
  }
}
