/** A disk's layers as a stack, the layer that each block is read from, descriptors, and what can be done with the disk. */
import { css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { DISK_FORMATS, type DiskFormat } from "../../../hypervisor-model/storage/disk-files.ts";
import type { DiskDefinition } from "../../../hypervisor-model/virtual-machines/definition.ts";
import type { DiskChain as Chain } from "../../../hypervisor-model/virtual-machines/machine-disks.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { whyNot } from "../../state/availability.ts";
import { laboratory } from "../../state/laboratory.ts";
import type { MachineView } from "../../state/machines.ts";
import { sizeText } from "../../state/size-text.ts";
import { saveFile, work } from "../../state/storage.ts";

const BLOCK = 4096;
/** Colours of layers from the base up, the same in light and dark; text says the same. */
const COLOURS = ["#5b7fb5", "#4f9d69", "#c98a2c", "#9a6bc4", "#c25b6a", "#3f9aa6", "#8a8f3a"];
const MAP_COLUMNS = 256;
/** Where a disk has more blocks than this, one cell of the map stands for several. */
const MAP_CELLS = MAP_COLUMNS * 64;

const colourOf = (layer: number) => COLOURS[layer % COLOURS.length];

@customElement("rs-disk-chain")
export class DiskChain extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 12px;
      }
      .columns {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr));
        gap: 20px;
        align-items: start;
      }
      .layer {
        padding: 6px 10px;
        border: 1px solid var(--rs-line);
        border-inline-start-width: 8px;
        background: var(--rs-surface);
      }
      .layer + .layer {
        border-block-start: 0;
      }
      .layer.serves {
        outline: 2px solid var(--rs-accent);
        outline-offset: -2px;
      }
      .layer p {
        display: flex;
        flex-wrap: wrap;
        gap: 0 12px;
      }
      .live {
        color: var(--rs-accent);
        font-weight: 600;
      }
      canvas {
        inline-size: 100%;
        block-size: 130px;
        border: 1px solid var(--rs-line);
        background: var(--rs-surface-quiet);
        image-rendering: pixelated;
        cursor: crosshair;
      }
      pre {
        margin: 4px 0;
        padding: 8px;
        overflow: auto;
        border: 1px solid var(--rs-line);
        background: var(--rs-surface);
        font: var(--rs-text-small) / 1.4 var(--rs-mono);
      }
      summary {
        cursor: pointer;
      }
      input[type="number"] {
        inline-size: 120px;
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private diskId?: string;
  @state() private chain?: Chain;
  @state() private block = 0;
  @state() private size?: number;
  @state() private format: DiskFormat = DISK_FORMATS[0];
  @query("canvas") private canvas?: HTMLCanvasElement;
  #unsubscribe?: () => void;
  #shown = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = laboratory.library.subscribe(() => void this.load());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
  }

  private get disk(): DiskDefinition | undefined {
    const disks = laboratory.find(this.machineId)?.definition?.disks ?? [];
    return disks.find(({ id }) => id === this.diskId) ?? disks[0];
  }

  private async load(): Promise<void> {
    const { disk } = this;
    if (!disk) {
      this.chain = undefined;
      return;
    }
    try {
      const { disks } = await laboratory.machineStorage();
      const chain = await disks.chain(disk.id);
      if (this.disk?.id === disk.id) this.chain = chain;
    } catch {
      // deleted meanwhile
    }
  }

  protected override updated(): void {
    const { disk } = this;
    if (this.#shown !== `${this.machineId} ${disk?.id}`) {
      this.#shown = `${this.machineId} ${disk?.id}`;
      this.chain = undefined;
      this.block = 0;
      this.size = undefined;
      void this.load();
    }
    this.drawMap();
  }

  private get blocks(): number {
    return Math.ceil(((this.chain?.disk.sizeMiB ?? 0) * 2 ** 20) / BLOCK);
  }

  private get blocksPerCell(): number {
    return Math.max(1, Math.ceil(this.blocks / MAP_CELLS));
  }

  private drawMap(): void {
    const { canvas, chain, blocks, blocksPerCell } = this;
    const context = canvas?.getContext("2d");
    if (!canvas || !context || !chain) return;
    const cells = Math.ceil(blocks / blocksPerCell);
    canvas.width = MAP_COLUMNS;
    canvas.height = Math.ceil(cells / MAP_COLUMNS);
    for (let cell = 0; cell < cells; cell++) {
      let layer = -1;
      const end = Math.min(blocks, (cell + 1) * blocksPerCell);
      for (let block = cell * blocksPerCell; block < end; block++)
        layer = Math.max(layer, chain.layerOf(block));
      if (layer < 0) continue;
      context.fillStyle = colourOf(layer);
      context.fillRect(cell % MAP_COLUMNS, Math.floor(cell / MAP_COLUMNS), 1, 1);
    }
    const at = Math.floor(this.block / blocksPerCell);
    context.fillStyle = "#e0218a";
    context.fillRect(at % MAP_COLUMNS, Math.floor(at / MAP_COLUMNS), 2, 1);
  }

  private pick(event: MouseEvent): void {
    const { canvas } = this;
    if (!canvas) return;
    const column = Math.floor((event.offsetX / canvas.clientWidth) * canvas.width);
    const row = Math.floor((event.offsetY / canvas.clientHeight) * canvas.height);
    this.choose((row * MAP_COLUMNS + column) * this.blocksPerCell);
  }

  private choose(block: number): void {
    if (Number.isInteger(block)) this.block = Math.min(Math.max(0, block), Math.max(0, this.blocks - 1));
  }

  /** The sentence on where the chosen block is read from, walking down from the top. */
  private walk(chain: Chain) {
    const { disk: m } = this.m.storage;
    const { layers } = chain;
    const block = String(this.block);
    const serving = chain.layerOf(this.block);
    const files = (list: readonly number[]) => list.map((at) => layers[at].file).join(", ");
    const passed = layers
      .map((_, at) => at)
      .filter((at) => at > serving)
      .reverse();
    const hidden = chain.layersWith(this.block).filter((at) => at !== serving);
    return html`<div class="walk" role="status">
      <p>${serving < 0 ? m.readZero(block) : m.readFrom(block, layers[serving].file)}</p>
      ${serving >= 0 && passed.length > 0 ? html`<p class="quiet">${m.passes(files(passed))}</p>` : nothing}
      ${hidden.length > 0 ? html`<p class="quiet">${m.hides(files(hidden))}</p>` : nothing}
    </div>`;
  }

  private stack(chain: Chain) {
    const { disk: m } = this.m.storage;
    const serving = chain.layerOf(this.block);
    return html`<div role="list" aria-label=${m.layers}>
      ${chain.layers
        .map((layer, at) => ({ layer, at }))
        .reverse()
        .map(
          ({ layer, at }) =>
            html`<div
              class="layer ${at === serving ? "serves" : ""}"
              role="listitem"
              style="border-inline-start-color: ${colourOf(at)}"
            >
              <p>
                <strong class="mono">${layer.file}</strong>
                ${layer.isLive ? html`<span class="live">${m.here}</span>` : nothing}
                ${at === 0 ? html`<span class="quiet">${m.base}</span>` : nothing}
              </p>
              <p class="small">
                <span>${m.size(sizeText(this.m, layer.blocks * BLOCK), String(layer.blocks))}</span>
                <span class="mono">CID=${layer.cid} parentCID=${layer.parentCid}</span>
                ${layer.snapshots.length > 0 ? html`<span class="quiet">${m.of(layer.snapshots.map(({ name }) => name).join(", "))}</span>` : nothing}
              </p>
              <details class="small">
                <summary>${m.descriptor(layer.file)}</summary>
                <pre tabindex="0">${layer.descriptor}</pre>
              </details>
            </div>`,
        )}
    </div>`;
  }

  private repair(machine: MachineView, chain: Chain) {
    const { disk: m } = this.m.storage;
    const inUse = machine.state === "off" || machine.state === "suspended" ? "" : m.inUse;
    const below = chain.layers.at(-2);
    const { id } = chain.disk;
    const change = (
      act: (disks: Awaited<ReturnType<typeof laboratory.machineStorage>>["disks"]) => Promise<unknown>,
    ) =>
      void work("disk", machine.name, async ({ disks }) => {
        await act(disks);
        await this.load();
      });
    return html`<p
        class=${chain.problem ? "bad chain" : "quiet chain"}
        role=${chain.problem ? "alert" : "status"}
      >
        ${chain.problem ? `${m.broken} (${chain.problem.message})` : m.whole}
      </p>
      <div class="row">
        ${
          chain.problem
            ? html`<rs-action
                class="repair"
                look="primary"
                label=${m.repair}
                reason=${inUse}
                @rs-press=${() => change((disks) => disks.repairChain(id))}
              ></rs-action>`
            : html`<rs-action
                class="break"
                look="outlined"
                label=${m.breakIt}
                hint=${m.breakHint}
                reason=${below ? inUse : m.nothingToBreak}
                @rs-press=${() => below && change((disks) => disks.breakChain(id, below.id))}
              ></rs-action>`
        }
      </div>`;
  }

  private actions(machine: MachineView, chain: Chain) {
    const { disk: m } = this.m.storage;
    const { id, sizeMiB, name } = chain.disk;
    const off =
      whyNot(this.m, machine, "edit-hardware") || (machine.isTemplate ? this.m.reason.isTemplate : "");
    const size = this.size ?? sizeMiB * 2;
    const bad = Number.isInteger(size) && size > sizeMiB ? "" : m.resizeBad(sizeMiB);
    const isSystem = this.disk?.role === "system";
    const exported = () =>
      work("export", machine.name, async ({ disks }, onProgress) => {
        for (const file of await disks.export(id, this.format, onProgress))
          await saveFile(file.name, (sink) => file.write(sink));
      });
    return html`<fieldset>
      <legend>${m.actions}: ${name}, ${this.m.common.mib(String(sizeMiB))}</legend>
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
            ${DISK_FORMATS.map((format) => html`<option value=${format}>${format}</option>`)}
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
    const { disk: m } = this.m.storage;
    const disks = machine?.definition?.disks ?? [];
    if (!machine) return nothing;
    const { chain } = this;
    return html`
      <h2>${m.title}</h2>
      ${disks.length === 0 ? html`<p class="quiet">${m.noDisk}</p>` : nothing}
      ${
        disks.length > 1
          ? html`<label class="row"
              >${m.which}
              <select @change=${(event: Event) => (this.diskId = (event.target as HTMLSelectElement).value)}>
                ${disks.map(({ id, name }) => html`<option value=${id} ?selected=${id === this.disk?.id}>${name}</option>`)}
              </select></label
            >`
          : nothing
      }
      ${
        chain
          ? html`<div class="columns">
              <div class="form">${this.stack(chain)} ${this.repair(machine, chain)}</div>
              <div class="form">
                <canvas aria-label=${m.map} role="img" @click=${this.pick}></canvas>
                <label class="row"
                  >${m.block}
                  <input
                    type="number"
                    min="0"
                    max=${this.blocks - 1}
                    .value=${String(this.block)}
                    @input=${(event: Event) => this.choose((event.target as HTMLInputElement).valueAsNumber)}
                /></label>
                ${this.walk(chain)} ${this.actions(machine, chain)}
              </div>
            </div>`
          : nothing
      }
    `;
  }
}
