/**
 * The Network workspace. Addresses: `#/network` the drawing, `#/network/vmnet8` with that network chosen,
 * `#/network/vmnet8/capture[/web-1:ens33]` with its capture, `#/network/vmnet8/step` held, `#/network/editor[/vmnet8]`, `#/network/internet`, `#/network/ping`.
 */
import { html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { resolveNetworks } from "../../../hypervisor-model/network/network-config.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { frameRates, networkStatuses, watchNetworks } from "../../state/network-watch.ts";
import { go, hashOf } from "../../state/route.ts";
import { stepControl } from "../../state/step-control.ts";
import { nodeNamed, topologyOf, type Topology } from "../../state/topology.ts";
import "./capture-panel.ts";
import "./editor.ts";
import "./fault-dialogs.ts";
import "./link-table.ts";
import { networkDialog, networkRoute } from "./network-actions.ts";
import { styles } from "./network.styles.ts";
import "./ping-panel.ts";
import { frameText } from "./step-panel.ts";
import "./topology.ts";
import type { FrameInHand } from "./topology.ts";
import "./zone-editor.ts";

/** First parts of the address that are no network's name. */
const PAGES = ["topology", "editor", "internet", "ping"] as const;
type Page = (typeof PAGES)[number];

@customElement("rs-network")
export class NetworkWorkspace extends RingsideElement {
  static override styles = [sharedStyles, styles];

  /** The address after `#/network/`. */
  @property({ attribute: false }) rest: readonly string[] = [];
  @state() private drawingHidden = false;
  #unwatch?: () => void;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unwatch = watchNetworks();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unwatch?.();
    networkDialog.set(undefined);
  }

  private get page(): Page {
    return PAGES.find((page) => page === this.rest[0]) ?? "topology";
  }

  private get topology(): Topology {
    const machines = laboratory.machines.get().flatMap(({ id, name, definition, session }) =>
      definition
        ? [
            {
              id,
              // A running machine's cable keeps the name that it was plugged in under.
              name: session?.machine.spec.name ?? name,
              running: session !== undefined,
              nics: definition.nics,
            },
          ]
        : [],
    );
    return topologyOf(resolveNetworks(laboratory.networks.configs.get()), networkStatuses.get(), machines);
  }

  private pages() {
    const { networks: m } = this.m;
    const { page } = this;
    return html`<nav class="pages" aria-label=${m.pages}>
      ${PAGES.map(
        (name) =>
          html`<a
            class="plain"
            href=${hashOf(name === "topology" ? networkRoute() : networkRoute(name))}
            aria-current=${page === name ? "page" : nothing}
            >${m.page[name]}</a
          >`,
      )}
      <span class="space"></span>
      <span class="quiet small">${m.real}</span>
    </nav>`;
  }

  private drawing() {
    const { topology } = this;
    const [chosen = "", part] = this.rest;
    const rates = frameRates.get();
    return html`${
      this.drawingHidden
        ? nothing
        : html`<rs-topology
            class="drawing ${part === "capture" ? "short" : ""}"
            .topology=${topology}
            chosen=${chosen}
            .rates=${rates}
            .inHand=${this.inHand(topology)}
          ></rs-topology>`
    }
    ${this.parts(chosen, part)} ${this.below(chosen, part, topology)}`;
  }

  private below(chosen: string, part: string | undefined, topology: Topology) {
    switch (part) {
      case "capture":
        return html`<rs-capture
          class="below"
          place=${this.rest[2] ?? chosen}
          .networks=${laboratory.networks.configs.get().map(({ name }) => name)}
          @rs-place=${(event: CustomEvent<string>) => this.openCapture(chosen, event.detail)}
        ></rs-capture>`;
      case "step":
        return html`<rs-step-panel class="below" .control=${stepControl(chosen)}></rs-step-panel>`;
      default:
        return html`<rs-link-table
          class="below"
          .topology=${topology}
          chosen=${chosen}
          .rates=${frameRates.get()}
        ></rs-link-table>`;
    }
  }

  /** The frame of the last step, on its way in the drawing. */
  private inHand(topology: Topology): FrameInHand | undefined {
    const [network, part] = this.rest;
    const hop = part === "step" ? stepControl(network).inHand?.hop : undefined;
    const from = hop && nodeNamed(topology, network, hop.from);
    const to = hop && nodeNamed(topology, network, hop.to);
    return hop && from && to ? { from: from.id, to: to.id, text: frameText(hop).slice(0, 34) } : undefined;
  }

  private openCapture(network: string, place: string): void {
    const isNetwork = laboratory.networks.configs.get().some(({ name }) => name === place);
    go(isNetwork ? networkRoute(place, "capture") : networkRoute(network, "capture", place));
  }

  /** What is below the drawing: cables, or a capture. */
  private parts(chosen: string, part: string | undefined) {
    const { networks: m, capture } = this.m;
    const configs = laboratory.networks.configs.get();
    const network = chosen || (configs.find(({ kind }) => kind === "nat") ?? configs[0]).name;
    const link = (to: readonly string[], label: string, current: boolean) =>
      html`<a class="plain" href=${hashOf(networkRoute(...to))} aria-current=${current ? "page" : nothing}
        >${label}</a
      >`;
    return html`<nav class="pages parts" aria-label=${m.parts}>
      ${link(chosen ? [chosen] : [], m.cables, part === undefined)}
      ${link([network, "capture"], `${capture.title}: ${this.rest[2] ?? network}`, part === "capture")}
      ${link([network, "step"], `${this.m.steps.live} / ${this.m.steps.step}: ${network}`, part === "step")}
      <span class="space"></span>
      <rs-action
        icon=${this.drawingHidden ? "chevron-down" : "chevron-up"}
        label=${this.drawingHidden ? m.showDrawing : m.hideDrawing}
        @rs-press=${() => (this.drawingHidden = !this.drawingHidden)}
      ></rs-action>
    </nav>`;
  }

  private content(page: Page) {
    switch (page) {
      case "topology":
        return this.drawing();
      case "editor":
        return html`<rs-network-editor class="below" chosen=${this.rest[1] ?? ""}></rs-network-editor>`;
      case "internet":
        return html`<rs-zone-editor class="below"></rs-zone-editor>`;
      case "ping":
        return html`<rs-ping-panel class="below"></rs-ping-panel>`;
      default:
        return page satisfies never;
    }
  }

  private dialog() {
    const open = networkDialog.get();
    switch (open?.type) {
      case undefined:
        return nothing;
      case "faults":
        return html`<rs-cable-faults .cable=${open.cable} name=${open.name}></rs-cable-faults>`;
      case "troublemakers":
        return html`<rs-troublemakers network=${open.network}></rs-troublemakers>`;
      case "connect":
        return html`<rs-connect-nic machine=${open.machine} nic=${open.nic}></rs-connect-nic>`;
      default:
        return open satisfies never;
    }
  }

  protected override render() {
    const { page } = this;
    return html`<h1 class="visually-hidden">${this.m.networks.tab}</h1>
      ${this.pages()} ${this.content(page)} ${this.dialog()}`;
  }
}
