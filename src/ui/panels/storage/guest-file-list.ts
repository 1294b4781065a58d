/** The guest's files on a disk: what the block in hand belongs to, and the blocks and layers that a file is read from. */
import { css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type {
  BlockUse,
  FileMap,
  GuestFile,
} from "../../../hypervisor-model/storage/file-systems/file-map.ts";
import { blocksByLayer } from "../../../hypervisor-model/virtual-machines/guest-files.ts";
import type { DiskChain } from "../../../hypervisor-model/virtual-machines/machine-disks.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { sizeText } from "../../state/size-text.ts";
import { work } from "../../state/storage.ts";

/** Of a long list the first are shown; the field narrows it. */
const MOST_SHOWN = 200;
const MOST_BLOCKS = 32;

@customElement("rs-guest-files")
export class GuestFileList extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      fieldset {
        gap: 10px;
      }
      .files {
        max-block-size: 180px;
        overflow: auto;
        border: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      .files button {
        display: flex;
        justify-content: space-between;
        inline-size: 100%;
        border-radius: 0;
        font-family: var(--rs-mono);
        text-align: start;
      }
      .files span:first-child {
        overflow-wrap: anywhere;
      }
      .blocks {
        display: flex;
        flex-wrap: wrap;
        gap: 2px;
      }
    `,
  ];

  @property({ attribute: false }) chain!: DiskChain;
  @property({ type: Number }) block = 0;
  @property() machine = "";
  @state() private map?: FileMap;
  @state() private words = "";
  @state() private file?: GuestFile;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("chain") && changed.get("chain")?.disk.id !== this.chain.disk.id) {
      this.map = undefined;
      this.file = undefined;
      this.words = "";
    }
  }

  private async read(): Promise<void> {
    const { id } = this.chain.disk;
    const map = await work("files", this.machine, ({ files }) => files.on(id));
    if (!map || this.chain.disk.id !== id) return;
    this.map = map;
    this.file = this.file && map.find(this.file.path, this.file.partition);
  }

  private name(use: BlockUse): string {
    const { files } = this.m.storage.disk;
    return use.type === "file" ? use.file.path : files.metadata[use.what];
  }

  private owner(map: FileMap) {
    const { files } = this.m.storage.disk;
    const uses = map.usesOf(this.block);
    const block = String(this.block);
    return html`<p class="owner" role="status">
      ${uses.length === 0 ? files.nobody(block) : files.owner(block, uses.map((use) => this.name(use)).join(", "))}
    </p>`;
  }

  private list(map: FileMap) {
    const { files } = this.m.storage.disk;
    const words = this.words.trim().toLowerCase();
    const found = map.files.filter(({ path, type }) => type === "file" && path.toLowerCase().includes(words));
    return html`<label class="field"
        ><span>${files.find}</span>
        <input
          type="search"
          .value=${this.words}
          @input=${(event: Event) => (this.words = (event.target as HTMLInputElement).value)}
      /></label>
      <ul class="files" aria-label=${files.title}>
        ${found.slice(0, MOST_SHOWN).map(
          (file) =>
            html`<li>
              <button
                class="plain"
                type="button"
                aria-pressed=${String(file === this.file)}
                @click=${() => this.choose(map, file)}
              >
                <span>${file.path}</span><span class="quiet">${sizeText(this.m, file.sizeBytes)}</span>
              </button>
            </li>`,
        )}
      </ul>
      <span class="hint"
        >${found.length > MOST_SHOWN ? files.more(MOST_SHOWN, found.length) : files.count(found.length)}
        ${map.isCut ? files.cut : nothing}</span
      >`;
  }

  private choose(map: FileMap, file: GuestFile): void {
    this.file = file;
    const [first] = map.blocksOf(file);
    if (first !== undefined) this.emit("rs-block", first);
  }

  private chosen(map: FileMap, file: GuestFile) {
    const { files } = this.m.storage.disk;
    const blocks = map.blocksOf(file);
    const { layers } = this.chain;
    const parts = [...blocksByLayer(this.chain, blocks)]
      .sort(([one], [other]) => other - one)
      .map(([layer, count]) => files.from(layers[layer]?.file ?? files.zeros, String(count)));
    return html`<div class="chosen">
      <p role="status">
        <strong class="mono">${file.path}</strong> ${blocks.length === 0 ? files.inline : parts.join(", ")}
      </p>
      <div class="blocks">
        ${blocks
          .slice(0, MOST_BLOCKS)
          .map(
            (block) =>
              html`<button
                class="plain mono"
                type="button"
                aria-label=${`${this.m.storage.disk.block} ${block}`}
                aria-pressed=${String(block === this.block)}
                @click=${() => this.emit("rs-block", block)}
              >
                ${block}
              </button>`,
          )}
        ${blocks.length > MOST_BLOCKS ? html`<span class="quiet">… ${files.all(String(blocks.length))}</span>` : nothing}
      </div>
    </div>`;
  }

  protected override render() {
    const { files } = this.m.storage.disk;
    const { map, file } = this;
    return html`<fieldset>
      <legend>${files.title}</legend>
      ${
        map
          ? map.fileSystems.length === 0
            ? html`<p class="quiet">${files.none}</p>`
            : html`${this.owner(map)} ${this.list(map)} ${file ? this.chosen(map, file) : nothing}`
          : html`<p class="hint">${files.hint}</p>`
      }
      <div>
        <rs-action
          class="read-files"
          look="outlined"
          label=${map ? files.again : files.read}
          @rs-press=${() => void this.read()}
        ></rs-action>
      </div>
    </fieldset>`;
  }
}
