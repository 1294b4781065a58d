/** A disk's layers as a stack, the layer that each block is read from, descriptors, and what can be done with the disk. */
import { css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { DiskDefinition } from "../../../hypervisor-model/virtual-machines/definition.ts";
import type { DiskChain as Chain } from "../../../hypervisor-model/virtual-machines/machine-disks.ts";
import { vmxText } from "../../../hypervisor-model/virtual-machines/vmx-text.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import type { MachineView } from "../../state/machines.ts";
import { sizeText } from "../../state/size-text.ts";
import { work } from "../../state/storage.ts";
import "./disk-actions.ts";
import "./guest-file-list.ts";

const BLOCK = 4096;
/** Colours of layers from the base up, the same in light and dark; text says the same. */
const COLOURS = ["#5b7fb5", "#4f9d69", "#c98a2c", "#9a6bc4", "#c25b6a", "#3f9aa6", "#8a8f3a"];
const MAP_COLUMNS = 256;
/** Where a disk has more blocks than this, one cell of the map stands for several. */
const MAP_CELLS = MAP_COLUMNS * 64;

/** The chain is read again at most this often. */
const READ_MS = 500;

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
      .layer.moved {
        border-style: dashed;
      }
      .found {
        margin-inline-start: auto;
        font-size: var(--rs-text-small);
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
  @state() private vmx = "";
  @state() private block = 0;
  @query("canvas") private canvas?: HTMLCanvasElement;
  #unsubscribe?: () => void;
  #waiting?: ReturnType<typeof setTimeout>;
  #shown = "";
  /** The map of a chain, made once: a large disk has millions of blocks. */
  #map?: { chain: Chain; picture: ImageData };

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = laboratory.library.subscribe(() => this.loadSoon());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
  }

  /** The library tells of each line of its log too. */
  private loadSoon(): void {
    this.#waiting ??= setTimeout(() => {
      this.#waiting = undefined;
      void this.load();
    }, READ_MS);
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
      const definition = laboratory.find(this.machineId)?.definition;
      if (this.disk?.id !== disk.id || !definition) return;
      const chains = await Promise.all(
        definition.disks.map(({ id }) => (id === disk.id ? chain : disks.chain(id))),
      );
      this.chain = chain;
      this.vmx = vmxText(
        definition,
        chains.map(({ layers }) => layers.at(-1)?.file ?? ""),
      );
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

  private mapOf(chain: Chain): ImageData {
    if (this.#map?.chain === chain) return this.#map.picture;
    const { blocks, blocksPerCell } = this;
    const rows = Math.max(1, Math.ceil(blocks / blocksPerCell / MAP_COLUMNS));
    const picture = new ImageData(MAP_COLUMNS, rows);
    const pixels = new Uint32Array(picture.data.buffer);
    const highest = new Int16Array(pixels.length).fill(-1);
    for (const { block, owner } of chain.blocks()) {
      const cell = Math.floor(block / blocksPerCell);
      if (owner > highest[cell]) highest[cell] = owner;
    }
    highest.forEach((layer, cell) => {
      if (layer < 0) return;
      const rgb = Number.parseInt(colourOf(layer).slice(1), 16);
      // Canvas bytes are red, green, blue, alpha.
      pixels[cell] = (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
    });
    this.#map = { chain, picture };
    return picture;
  }

  private drawMap(): void {
    const { canvas, chain } = this;
    const context = canvas?.getContext("2d");
    if (!canvas || !context || !chain) return;
    const picture = this.mapOf(chain);
    canvas.width = picture.width;
    canvas.height = picture.height;
    context.putImageData(picture, 0, 0);
    const at = Math.floor(this.block / this.blocksPerCell);
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
    const having = new Set(chain.layersWith(this.block));
    const block = String(this.block);
    const found = (at: number) =>
      at === serving
        ? m.servesBlock(block)
        : at > serving
          ? m.lacksBlock(block)
          : having.has(at)
            ? m.hidesBlock(block)
            : m.belowBlock;
    return html`<div role="list" aria-label=${m.layers}>
      ${chain.layers
        .map((layer, at) => ({ layer, at }))
        .reverse()
        .map(
          ({ layer, at }) =>
            html`<div
              class="layer ${at === serving ? "serves" : ""} ${layer.isMoved ? "moved" : ""}"
              role="listitem"
              style="border-inline-start-color: ${colourOf(at)}"
            >
              <p>
                <strong class="mono">${layer.file}</strong>
                ${layer.isLive ? html`<span class="live">${m.here}</span>` : nothing}
                ${at === 0 ? html`<span class="quiet">${m.base}</span>` : nothing}
                ${layer.isMoved ? html`<span class="bad">${m.movedAway}</span>` : nothing}
                <span class="found ${at === serving ? "" : "quiet"}"
                  >${at > serving ? "↓" : at === serving ? "←" : "·"} ${found(at)}</span
                >
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
              <details class="small">
                <summary>${m.qcow2Header(layer.file)}</summary>
                <pre tabindex="0">${layer.qcow2Header}</pre>
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
    const moved = chain.layers.findLast(({ isMoved }) => isMoved);
    const top = chain.layers.at(-1);
    const told = chain.problem
      ? `${moved && top ? m.moved(top.file) : m.broken} (${problemDetail(chain.problem)}) ${m.cannotStart}`
      : m.whole;
    const breaker = (how: "edit" | "move", label: string, hint: string) =>
      html`<rs-action
        class="break-${how}"
        look="outlined"
        label=${label}
        hint=${hint}
        reason=${below ? inUse : m.nothingToBreak}
        @rs-press=${() => below && change((disks) => disks.breakChain(id, below.id, how))}
      ></rs-action>`;
    return html`<p
        class=${chain.problem ? "bad chain" : "quiet chain"}
        role=${chain.problem ? "alert" : "status"}
      >
        ${told}
      </p>
      <div class="row">
        ${
          chain.problem
            ? html`<rs-action
                class="repair"
                look="primary"
                label=${moved ? m.moveBack : m.repair}
                reason=${inUse}
                @rs-press=${() => change((disks) => disks.repairChain(id))}
              ></rs-action>`
            : html`${breaker("edit", m.breakIt, m.breakHint)} ${breaker("move", m.moveIt, m.moveHint)}`
        }
      </div>`;
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
              <div class="form">
                ${this.stack(chain)} ${this.repair(machine, chain)}
                <details class="small">
                  <summary>${m.vmx}</summary>
                  <pre tabindex="0">${this.vmx}</pre>
                </details>
              </div>
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
                ${this.walk(chain)}
                <rs-guest-files
                  .chain=${chain}
                  .block=${this.block}
                  machine=${machine.name}
                  @rs-block=${(event: CustomEvent<number>) => this.choose(event.detail)}
                ></rs-guest-files>
                <rs-disk-actions machine-id=${machine.id} .chain=${chain}></rs-disk-actions>
              </div>
            </div>`
          : nothing
      }
    `;
  }
}

/** The two content identifications that differ, or the layer that was looked for. */
function problemDetail(problem: Error): string {
  const { found = "", expected = "" } = problem as { found?: string; expected?: string };
  return problem.name === "ParentModifiedError" ? `parentCID=${found}, CID=${expected}` : expected;
}
