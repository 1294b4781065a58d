/** The snapshot manager: the tree left to right with "You are here", and below it the chosen snapshot with what can be done. */
import { css, html, nothing, svg } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { keyed } from "lit/directives/keyed.js";
import type {
  MachineSnapshots,
  SnapshotNode,
  SnapshotTreeView,
} from "../../../hypervisor-model/virtual-machines/machine-snapshots.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import "../../components/icon/icon.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { whyNot } from "../../state/availability.ts";
import { dialog, type StorageDialog } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import type { MachineView } from "../../state/machines.ts";
import { chosenSnapshot, treeOf, work } from "../../state/storage.ts";
import "./shut-down-first.ts";
import "./snapshot-difference.ts";
import { allNodes, placesOf, powerMark, whenTaken, type Place } from "./snapshot-words.ts";

const CELL = { width: 168, height: 118 };
const NODE = { width: 140, height: 100 };

@customElement("rs-snapshot-tree")
export class SnapshotTree extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 12px;
      }
      .tree {
        position: relative;
        overflow: auto;
        max-block-size: 380px;
        padding: 12px;
        border: 1px solid var(--rs-line);
        border-radius: 6px;
        background: var(--rs-surface);
      }
      .field {
        position: relative;
      }
      svg {
        position: absolute;
        inset: 0;
        pointer-events: none;
      }
      path {
        fill: none;
        stroke: var(--rs-line-strong);
        stroke-width: 1.5;
      }
      .node {
        position: absolute;
        display: flex;
        flex-direction: column;
        gap: 2px;
        inline-size: 140px;
        block-size: 100px;
        padding: 5px;
        overflow: hidden;
        border: 1px solid var(--rs-line-strong);
        border-radius: 6px;
        background: var(--rs-surface-quiet);
        text-align: start;
      }
      button.node {
        cursor: pointer;
      }
      .node[aria-pressed="true"] {
        border-color: var(--rs-accent);
        background: var(--rs-surface-active);
        box-shadow: inset 0 0 0 1px var(--rs-accent);
      }
      .here {
        align-items: center;
        justify-content: center;
        border-style: dashed;
        color: var(--rs-accent);
        font-weight: 600;
      }
      .node img,
      .blank {
        flex: 1;
        min-block-size: 0;
        inline-size: 100%;
        object-fit: cover;
        object-position: top left;
        border-radius: 3px;
        background: #101317;
      }
      .blank {
        display: grid;
        place-items: center;
        background: var(--rs-hover);
        color: var(--rs-text-quiet);
        font-size: 20px;
      }
      .node .name {
        overflow: hidden;
        font-size: var(--rs-text-small);
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .details {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr));
        gap: 8px 24px;
      }
      dl > div {
        display: grid;
        grid-template-columns: 190px 1fr;
        gap: 8px;
        padding-block: 3px;
      }
      dt {
        color: var(--rs-text-quiet);
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private chosen?: string;
  /** How the chosen snapshot's file systems were put away; undefined while they are read. */
  @state() private found?: Awaited<ReturnType<MachineSnapshots["fileSystems"]>>;
  /** Addresses of thumbnails by snapshot, whose picture never changes. */
  readonly #pictures = new Map<string, string>();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const url of this.#pictures.values()) URL.revokeObjectURL(url);
    this.#pictures.clear();
  }

  private picture({ id, thumbnail }: SnapshotNode): string | undefined {
    if (!thumbnail) return undefined;
    let url = this.#pictures.get(id);
    if (!url) {
      const bytes = thumbnail as Uint8Array<ArrayBuffer>;
      this.#pictures.set(id, (url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }))));
    }
    return url;
  }

  private node({ node, column, row }: Place) {
    const { tree, power } = this.m.storage;
    const at = `inset-inline-start: ${column * CELL.width}px; inset-block-start: ${row * CELL.height}px`;
    if (!node) return html`<div class="node here" style=${at} title=${tree.hereHint}>${tree.here}</div>`;
    const { id, name } = node;
    const picture = this.picture(node);
    return html`<button
      class="node"
      style=${at}
      type="button"
      aria-pressed=${String(id === this.chosen)}
      @click=${() => this.choose(id)}
    >
      ${picture ? html`<img src=${picture} alt="" />` : html`<span class="blank" aria-hidden="true">${powerMark(node)}</span>`}
      <span class="name"
        ><span aria-hidden="true">${powerMark(node)}</span> ${name}<span class="visually-hidden"
          >, ${power[node.power]}</span
        ></span
      >
      <span class="quiet small">${whenTaken(node)}</span>
    </button>`;
  }

  private choose(id: string): void {
    this.chosen = id;
    this.found = undefined;
    void this.readFileSystems(id);
  }

  private async readFileSystems(id: string): Promise<void> {
    const { snapshots } = await laboratory.machineStorage();
    // Deleted meanwhile, or its disk is broken: the chain says how.
    const found = await snapshots.fileSystems(this.machineId, id).catch(() => []);
    if (this.chosen === id) this.found = found;
  }

  private fileSystems() {
    const { tree } = this.m.storage;
    const { found } = this;
    if (!found) return this.m.storage.loading;
    if (found.length === 0) return tree.noFileSystem;
    return found.map(({ disk, state }) => html`<p class=${state}>${tree.fileSystems[state](disk)}</p>`);
  }

  /** Left and right to the parent and the first child, up and down among the rows. */
  private walk(event: KeyboardEvent, places: readonly Place[]): void {
    const here = places.find(({ node }) => node && node.id === this.chosen);
    if (!here || !event.key.startsWith("Arrow")) return;
    const snapshots = places.filter(({ node }) => node);
    const next = {
      ArrowLeft: here.parent,
      ArrowRight: snapshots.find(({ parent }) => parent === here),
      ArrowDown: snapshots.find(({ row }) => row > here.row),
      ArrowUp: snapshots.findLast(({ row }) => row < here.row),
    }[event.key];
    event.preventDefault();
    if (!next?.node) return;
    this.choose(next.node.id);
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>('.node[aria-pressed="true"]')?.focus(),
    );
  }

  private drawing(tree: SnapshotTreeView) {
    const places = placesOf(tree);
    const width = Math.max(...places.map(({ column }) => column + 1)) * CELL.width;
    const height = Math.max(...places.map(({ row }) => row + 1)) * CELL.height;
    const line = ({ column, row, parent }: Place) => {
      if (!parent) return nothing;
      const [x, y] = [parent.column * CELL.width + NODE.width, parent.row * CELL.height + NODE.height / 2];
      const [toX, toY] = [column * CELL.width, row * CELL.height + NODE.height / 2];
      return svg`<path d="M ${x} ${y} H ${x + 14} V ${toY} H ${toX}" />`;
    };
    return html`<div
      class="tree"
      role="group"
      aria-label=${this.m.storage.tree.label}
      @keydown=${(event: KeyboardEvent) => this.walk(event, places)}
    >
      <div class="field" style="inline-size: ${width}px; block-size: ${height}px">
        <svg width=${width} height=${height} aria-hidden="true">${places.map(line)}</svg>
        ${places.map((place) => this.node(place))}
      </div>
    </div>`;
  }

  private open(name: StorageDialog, snapshot: string): void {
    chosenSnapshot.set(snapshot);
    dialog.set(name);
  }

  private relabel(machine: MachineView, id: string, label: { name?: string; description?: string }): void {
    void work("label", machine.name, ({ snapshots }) => snapshots.relabel(machine.id, id, label));
  }

  private details(machine: MachineView, node: SnapshotNode, others: readonly SnapshotNode[]) {
    const { tree, power } = this.m.storage;
    const reason = whyNot(this.m, machine, "revert");
    const value = (event: Event) => (event.target as HTMLInputElement).value;
    const actions: [StorageDialog, string, string][] = [
      ["revert", tree.goTo, reason],
      ["clone", tree.cloneIt, machine.elsewhere ? this.m.reason.elsewhere : ""],
      ["deleteSnapshot", tree.remove, reason],
      ["deleteSnapshots", tree.removeAll, reason],
    ];
    return html`<section class="form" aria-label=${tree.chosen}>
      <div class="row">
        ${actions.map(
          ([name, label, why]) =>
            html`<rs-action
              data-do=${name}
              look=${name.startsWith("delete") ? "danger" : "outlined"}
              label=${label}
              reason=${why}
              @rs-press=${() => this.open(name, node.id)}
            ></rs-action>`,
        )}
      </div>
      <div class="details">
        <div class="form">
          <label class="field"
            ><span>${tree.name}</span
            ><input
              .value=${node.name}
              maxlength="80"
              ?readonly=${reason !== ""}
              title=${reason}
              @change=${(event: Event) => {
                // A name is never taken away.
                if (value(event).trim() === "") (event.target as HTMLInputElement).value = node.name;
                else this.relabel(machine, node.id, { name: value(event).trim() });
              }}
          /></label>
          <label class="field"
            ><span>${tree.description}</span
            ><input
              .value=${node.description}
              ?readonly=${reason !== ""}
              title=${reason}
              @change=${(event: Event) => this.relabel(machine, node.id, { description: value(event) })}
          /></label>
        </div>
        <div>
          <dl>
            <div>
              <dt>${tree.taken}</dt>
              <dd>${whenTaken(node)}</dd>
            </div>
            <div>
              <dt>${tree.state}</dt>
              <dd>${powerMark(node)} ${power[node.power]}</dd>
            </div>
            <div>
              <dt>${tree.fileSystem}</dt>
              <dd>${this.fileSystems()}</dd>
            </div>
            <div>
              <dt>${tree.clones}</dt>
              <dd>${node.clones.map(({ name }) => name).join(", ") || this.m.common.none}</dd>
            </div>
          </dl>
          ${keyed(
            node.id,
            html`<rs-snapshot-difference
              machine-id=${machine.id}
              .node=${node}
              .others=${others}
            ></rs-snapshot-difference>`,
          )}
        </div>
      </div>
    </section>`;
  }

  protected override render() {
    const machine = laboratory.find(this.machineId);
    const tree = treeOf(this.machineId);
    const { storage } = this.m;
    if (!machine) return nothing;
    if (!tree) return html`<p role="status">${storage.loading}</p>`;
    const nodes = allNodes(tree);
    const node = nodes.find(({ id }) => id === this.chosen);
    return html`
      ${this.drawing(tree)} ${nodes.length === 0 ? html`<p class="quiet">${storage.tree.none}</p>` : nothing}
      <div class="row">
        <rs-action
          class="take"
          look="primary"
          icon="camera"
          label=${storage.command.take}
          reason=${whyNot(this.m, machine, "snapshot")}
          @rs-press=${() => dialog.set("snapshot")}
        ></rs-action>
      </div>
      ${
        node
          ? this.details(
              machine,
              node,
              nodes.filter((other) => other !== node),
            )
          : nodes.length > 0
            ? html`<p class="quiet">${storage.tree.noneChosen}</p>`
            : nothing
      }
      <rs-shut-down-first machine-id=${machine.id}></rs-shut-down-first>
    `;
  }
}
