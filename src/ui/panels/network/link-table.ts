/** The drawing as a table: one row a cable, with the same actions. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { hashOf } from "../../state/route.ts";
import type { Topology, TopologyLink } from "../../state/topology.ts";
import { linkActions, networkRoute } from "./network-actions.ts";
import { tableStyles } from "./table.styles.ts";
import { deviceName } from "./topology.ts";

@customElement("rs-link-table")
export class LinkTable extends RingsideElement {
  static override styles = [
    sharedStyles,
    tableStyles,
    css`
      :host {
        display: block;
        overflow: auto;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 2px;
      }
    `,
  ];

  @property({ attribute: false }) topology!: Topology;
  @property() chosen = "";
  @property({ attribute: false }) rates: ReadonlyMap<string, number> = new Map();

  private row(link: TopologyLink) {
    const { networks: m } = this.m;
    const { type, name } = link.from;
    const end = link.nic
      ? `${name}:${link.nic.name}`
      : type === "device"
        ? deviceName(this.m, name)
        : name || m.node[type];
    const rate = this.rates.get(link.port ?? "") ?? 0;
    return html`<tr ?data-chosen=${link.network === this.chosen}>
      <td>${end}</td>
      <td>
        ${link.network === null ? html`<span class="quiet">${m.nowhere}</span>` : html`<a href=${hashOf(networkRoute(link.network))}>${link.network}</a>`}${link.vlan === undefined ? nothing : html` · VLAN ${link.vlan}`}
      </td>
      <td class="state ${link.state}">
        ${m.linkState[link.state]}${link.faulty ? html`, ${m.withFaults}` : nothing}
      </td>
      <td class="number">${link.framesIn}</td>
      <td class="number">${link.framesOut}</td>
      <td class="number">${rate > 0 ? m.rate(rate.toFixed(1)) : ""}</td>
      <td>
        <div class="row">
          ${linkActions(this.m, link).map(({ label, reason, run }) => html`<rs-action label=${label} reason=${reason} @rs-press=${run}></rs-action>`)}
        </div>
      </td>
    </tr>`;
  }

  protected override render() {
    const { networks: m } = this.m;
    const links = this.topology.links.filter(({ state }) => state !== "wan");
    const own = links.filter((link) => link.nic);
    const devices = links.filter((link) => !link.nic);
    return html`<table>
      <caption class="visually-hidden">
        ${m.tableCaption}
      </caption>
      <thead>
        <tr>
          <th scope="col">${m.end}</th>
          <th scope="col">${m.network}</th>
          <th scope="col">${m.link}</th>
          <th scope="col" class="number">${m.toSwitch}</th>
          <th scope="col" class="number">${m.fromSwitch}</th>
          <th scope="col" class="number">${m.traffic}</th>
          <th scope="col">${m.actions}</th>
        </tr>
      </thead>
      <tbody>
        ${repeat(
          [...own, ...devices],
          ({ id }) => id,
          (link) => this.row(link),
        )}
      </tbody>
    </table>`;
  }
}
