/**
 * The drawing of the networks: machines, switches, gateways, the host and the Internet, with the state and traffic of each
 * cable. Arrow keys walk it, Enter opens an item's menu; a machine's plug is dragged to a switch with the mouse.
 */
import { html, nothing, svg } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { RingsideElement } from "../../components/element.ts";
import type { Messages } from "../../i18n/messages.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { stateName } from "../../state/state-name.ts";
import { neighbour, type Topology, type TopologyLink, type TopologyNode } from "../../state/topology.ts";
import "./item-menu.ts";
import { linkActions, nodeActions, plugInto, type MenuItem } from "./network-actions.ts";
import { styles } from "./topology.styles.ts";

interface Place {
  id: string;
  x: number;
  y: number;
}

/** Items come and go while one has the focus: each keeps its element. */
const id = (item: { id: string }) => item.id;

interface OpenMenu extends Place {
  heading: string;
  items: MenuItem[];
}

type Arrow = Parameters<typeof neighbour>[2];
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const SIZE: Record<TopologyNode["type"], [number, number]> = {
  internet: [116, 40],
  host: [116, 40],
  gateway: [104, 40],
  router: [124, 40],
  switch: [132, 42],
  machine: [124, 40],
  device: [84, 22],
};

/** Where the frame in hand is: between two items of the drawing. */
export interface FrameInHand {
  from: string;
  to: string;
  text: string;
}

@customElement("rs-topology")
export class TopologyView extends RingsideElement {
  static override styles = [sharedStyles, styles];

  @property({ attribute: false }) topology!: Topology;
  /** The network that is looked at. */
  @property() chosen = "";
  @property({ attribute: false }) rates: ReadonlyMap<string, number> = new Map();
  @property({ attribute: false }) inHand?: FrameInHand;
  @state() private menu?: OpenMenu;
  @state() private drag?: { link: TopologyLink; x: number; y: number };
  /** The item that Tab goes to. */
  @state() private current = "internet";

  private get places(): Place[] {
    const { nodes, links } = this.topology;
    return [...nodes, ...links.filter(({ state }) => state !== "wan").map((link) => middle(link))];
  }

  /** An item's cables; a cable's two ends. */
  private related(id: string): Place[] {
    return this.topology.links
      .filter(({ state }) => state !== "wan")
      .flatMap((link) =>
        link.id === id
          ? [link.from, link.to]
          : link.from.id === id || link.to.id === id
            ? [middle(link)]
            : [],
      );
  }

  private titleOf(node: TopologyNode): string {
    const { networks: m } = this.m;
    if (node.type === "device") return deviceName(this.m, node.name);
    return node.name || m.node[node.type];
  }

  private linkName(link: TopologyLink): string {
    const { networks: m } = this.m;
    const from = link.nic ? `${link.from.name}:${link.nic.name}` : this.titleOf(link.from);
    const to = link.state === "loose" ? (link.network ?? m.nowhere) : this.titleOf(link.to);
    return m.cable(from, to, m.linkState[link.state], String(link.framesIn), String(link.framesOut));
  }

  private openMenu(place: Place, heading: string, items: MenuItem[]): void {
    this.current = place.id;
    if (items.length > 0) this.menu = { ...place, heading, items };
  }

  private closeMenu(): void {
    const id = this.menu?.id;
    this.menu = undefined;
    if (id !== undefined) void this.updateComplete.then(() => this.focusItem(id));
  }

  private focusItem(id: string): void {
    this.current = id;
    this.renderRoot.querySelector<SVGElement>(`[data-id="${CSS.escape(id)}"]`)?.focus();
  }

  private key(event: KeyboardEvent, place: Place, open: () => void): void {
    if (ARROWS.includes(event.key)) {
      const arrow = event.key as Arrow;
      const vertical = arrow === "ArrowUp" || arrow === "ArrowDown";
      // Up and down follow the cables, where there are any.
      const next =
        (vertical ? neighbour(place, this.related(place.id), arrow) : undefined) ??
        neighbour(place, this.places, arrow);
      if (next) this.focusItem(next.id);
    } else if (event.key === "Enter" || event.key === " " || event.key === "ContextMenu") open();
    else return;
    event.preventDefault();
  }

  #point(event: PointerEvent): { x: number; y: number } {
    const drawing = this.renderRoot.querySelector("svg")!.getBoundingClientRect();
    return { x: event.clientX - drawing.left, y: event.clientY - drawing.top };
  }

  private grab(event: PointerEvent, link: TopologyLink): void {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.renderRoot.querySelector("svg")!.setPointerCapture(event.pointerId);
    this.drag = { link, ...this.#point(event) };
  }

  private moved(event: PointerEvent): void {
    if (this.drag) this.drag = { link: this.drag.link, ...this.#point(event) };
  }

  private get target(): TopologyNode | undefined {
    const { drag } = this;
    if (!drag) return undefined;
    return this.topology.nodes.find(
      ({ type, x, y }) => type === "switch" && Math.abs(x - drag.x) < 75 && Math.abs(y - drag.y) < 32,
    );
  }

  private drop(): void {
    const { target, drag } = this;
    this.drag = undefined;
    if (target && drag?.link.nic) plugInto(drag.link.nic.machine, drag.link.nic.index, target.network!);
  }

  private node(node: TopologyNode) {
    const [width, height] = SIZE[node.type];
    const name = this.titleOf(node);
    const chosen = node.type === "switch" && node.network === this.chosen;
    const open = () => this.openMenu(node, name, nodeActions(this.m, node));
    const machine = node.machine === undefined ? undefined : laboratory.find(node.machine);
    const detail = machine
      ? stateName(this.m, machine)
      : node.type === "gateway" || node.type === "router" || node.type === "switch"
        ? node.detail
        : "";
    const classes = `${node.type} ${node.running ? "running" : ""} ${chosen ? "chosen" : ""} ${this.target === node ? "target" : ""}`;
    return svg`<g class=${classes} role="button" data-id=${node.id}
      tabindex=${this.current === node.id ? 0 : -1} aria-haspopup="menu" aria-label=${[name, detail].filter(Boolean).join(", ")}
      @click=${open} @keydown=${(event: KeyboardEvent) => this.key(event, node, open)}
      @contextmenu=${(event: Event) => {
        event.preventDefault();
        open();
      }}>
      <rect class="box" x=${node.x - width / 2} y=${node.y - height / 2} width=${width} height=${height}
        rx=${node.type === "internet" ? height / 2 : 6}></rect>
      <text x=${node.x} y=${node.y + (detail ? -3 : 4)}>${shorten(name, width)}</text>
      ${detail ? svg`<text class="quiet" x=${node.x} y=${node.y + 13}>${detail}</text>` : nothing}
    </g>`;
  }

  private link(link: TopologyLink) {
    const path = pathOf(link);
    if (link.state === "wan") return svg`<g class="wan"><path class="wire" d=${path}></path></g>`;
    const at = middle(link);
    const rate = this.rates.get(link.port ?? "") ?? 0;
    const faulty = link.faulty;
    const { networks: m } = this.m;
    const name = this.linkName(link);
    const open = () => this.openMenu(at, name, linkActions(this.m, link));
    const label = [
      link.nic && (link.state === "down" || link.state === "loose")
        ? m.linkState[link.state]
        : link.nic?.name,
      link.vlan === undefined ? "" : `VLAN ${link.vlan}`,
      rate > 0 ? m.rate(rate < 10 ? rate.toFixed(1) : String(Math.round(rate))) : "",
      faulty ? "⚠" : "",
    ]
      .filter(Boolean)
      .join(" · ");
    const width = label.length * 6.6 + 10;
    return svg`<g class=${`link ${link.state} ${rate > 0 ? "busy" : ""} ${faulty ? "faulty" : ""}`} role="button"
      data-id=${link.id} tabindex=${this.current === link.id ? 0 : -1} aria-haspopup="menu"
      aria-label=${faulty ? `${name}, ${m.withFaults}` : name}
      @click=${open} @keydown=${(event: KeyboardEvent) => this.key(event, at, open)}
      @contextmenu=${(event: Event) => {
        event.preventDefault();
        open();
      }}>
      <path class="reach" d=${path}></path>
      <path class="wire" d=${path}></path>
      ${
        label
          ? svg`<rect class="plate" x=${at.x - width / 2} y=${at.y - 9} width=${width} height="18" rx="4"></rect>
            <text class="quiet" x=${at.x} y=${at.y + 4}>${label}</text>`
          : nothing
      }
    </g>`;
  }

  /** The end of a machine's cable that a mouse can take to another switch. */
  private plug(link: TopologyLink) {
    if (!link.nic) return nothing;
    const { x, y } = plugAt(link);
    return svg`<circle class="plug" cx=${x} cy=${y} r="6" @pointerdown=${(event: PointerEvent) => this.grab(event, link)}>
      <title>${this.m.networks.dragHint}</title></circle>`;
  }

  private frame(inHand: FrameInHand) {
    const find = (id: string) => this.topology.nodes.find((node) => node.id === id);
    const from = find(inHand.from);
    const to = find(inHand.to);
    if (!from || !to) return nothing;
    const width = inHand.text.length * 7 + 26;
    const along = from.x + (to.x - from.x) * 0.62;
    const x = Math.max(width / 2, Math.min(this.topology.width - width / 2, along));
    const y = from.y + (to.y - from.y) * 0.62;
    return svg`<g class="frame" data-frame>
      <line class="drag" x1=${from.x} y1=${from.y} x2=${to.x} y2=${to.y}></line>
      <rect class="box" x=${x - width / 2} y=${y - 11} width=${width} height="22" rx="3"></rect>
      <text x=${x} y=${y + 4}>✉ ${inHand.text}</text>
    </g>`;
  }

  protected override render() {
    const { nodes, links, width, height } = this.topology;
    const { drag, menu } = this;
    const start = drag && plugAt(drag.link);
    return html`<svg
        role="group"
        aria-label=${this.m.networks.drawing}
        width=${width}
        height=${height}
        viewBox="0 0 ${width} ${height}"
        @pointermove=${this.moved}
        @pointerup=${this.drop}
        @pointercancel=${() => (this.drag = undefined)}
      >
        ${repeat(links, id, (link) => this.link(link))} ${repeat(nodes, id, (node) => this.node(node))}
        ${repeat(links, id, (link) => this.plug(link))}
        ${start ? svg`<line class="drag" x1=${start.x} y1=${start.y} x2=${drag.x} y2=${drag.y}></line>` : nothing}
        ${this.inHand ? this.frame(this.inHand) : nothing}
      </svg>
      ${
        menu
          ? html`<rs-item-menu
              style="inset-inline-start:${Math.min(menu.x + 8, Math.max(0, width - 220))}px;inset-block-start:${Math.min(menu.y + 8, Math.max(0, height - 56 - menu.items.length * 36 - menu.items.filter(({ reason }) => reason).length * 34))}px"
              heading=${menu.heading}
              .items=${menu.items}
              @rs-close=${this.closeMenu}
            ></rs-item-menu>`
          : nothing
      }`;
  }
}

/** A simulated device by the name that the fabric gives it. */
export function deviceName(texts: Messages, name: string): string {
  const { networks: m } = texts;
  // address-owner.ts: the gateway of which network.
  const [network, device] = name.split(" ");
  const known = (text: string) =>
    Object.hasOwn(m.deviceName, text) ? m.deviceName[text as keyof typeof m.deviceName] : undefined;
  if (device !== undefined && known(device)) return `${network} ${known(device)}`;
  // A second one of its kind on a network: "double-2".
  const [, kind, number] = /^(.+)-(\d+)$/.exec(name) ?? [];
  return known(name) ?? (known(kind ?? "") ? `${known(kind)} ${number}` : name);
}

function shorten(name: string, width: number): string {
  const most = Math.floor(width / 7);
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

/** Two cables of one machine leave it side by side. */
function plugAt({ from, nic }: TopologyLink): { x: number; y: number } {
  return { x: from.x + ((nic?.index ?? 0) - 0.5) * 36, y: from.y - 26 };
}

function middle(link: TopologyLink): Place {
  const { id, from, to, nic, state } = link;
  if (!nic) return { id, x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const start = plugAt(link);
  if (state === "loose") return { id, x: start.x, y: start.y - 22 };
  // Labels of two cables to one switch stand apart.
  const along = 0.32 + 0.32 * nic.index;
  return { id, x: start.x + (to.x - start.x) * along, y: start.y + (to.y + 21 - start.y) * along };
}

function pathOf(link: TopologyLink): string {
  const { from, to, nic, state } = link;
  if (!nic) return `M${from.x} ${from.y} L${to.x} ${to.y}`;
  const { x, y } = plugAt(link);
  if (state === "loose") return `M${x} ${y} v-22`;
  return `M${x} ${y} L${to.x} ${to.y + 21}`;
}
