/** The Network workspace: the laboratory's virtual networks. */
import { css, html } from "lit";
import { customElement, property } from "lit/decorators.js";
import { DEFAULT_NETWORKS, resolveNetworks } from "../../../hypervisor-model/network/network-config.ts";
import { formatAddress, formatSubnet } from "../../../hypervisor-model/network/wire/ipv4-address.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";

@customElement("rs-network")
export class NetworkWorkspace extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        overflow: auto;
        padding: 16px;
      }
      table {
        border-collapse: collapse;
      }
      th,
      td {
        padding: 4px 12px;
        border: 1px solid var(--rs-line);
        text-align: start;
      }
    `,
  ];

  /** The address after `#/network/`. */
  @property({ attribute: false }) rest: readonly string[] = [];

  protected override render() {
    const { networks: m } = this.m;
    return html`<h1 class="visually-hidden">${m.tab}</h1>
      <table>
        <thead>
          <tr>
            <th>${m.name}</th>
            <th>${m.type}</th>
            <th>${m.subnet}</th>
            <th>DHCP</th>
            <th>${m.machines}</th>
          </tr>
        </thead>
        <tbody>
          ${resolveNetworks(DEFAULT_NETWORKS).map(({ name, kind, subnet, dhcp }) => {
            const on = laboratory.machines
              .get()
              .filter(({ definition }) => definition?.nics.some((nic) => nic.network === name));
            return html`<tr>
              <td>${name}</td>
              <td>${m.kind[kind]}</td>
              <td>${formatSubnet(subnet)}</td>
              <td>${dhcp ? `${formatAddress(dhcp.first)} – ${formatAddress(dhcp.last)}` : m.off}</td>
              <td>${on.map((machine) => machine.name).join(", ")}</td>
            </tr>`;
          })}
        </tbody>
      </table>`;
  }
}
