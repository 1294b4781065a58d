/**
 * The Storage workspace. Addresses: `#/storage` what is stored, `#/storage/<machine>` that machine's snapshots and the chains
 * of its disks.
 */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { hashOf } from "../../state/route.ts";
import "./disk-chain.ts";
import "./room.ts";
import "./snapshot-tree.ts";

@customElement("rs-storage")
export class StorageWorkspace extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        overflow: auto;
        padding: 16px 24px;
        gap: 16px;
      }
      h1 {
        font-size: var(--rs-text-title);
      }
      nav {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 14px;
      }
      a[aria-current] {
        color: var(--rs-text);
        font-weight: 600;
        text-decoration: none;
      }
    `,
  ];

  /** The address after `#/storage/`. */
  @property({ attribute: false }) rest: readonly string[] = [];

  private link(id: string | undefined, name: string) {
    const address = hashOf({ type: "workspace", name: "storage", rest: id ? [id] : [] });
    return html`<a href=${address} aria-current=${this.rest[0] === id ? "page" : nothing}>${name}</a>`;
  }

  protected override render() {
    const { storage } = this.m;
    const machines = laboratory.machines.get().filter(({ definition }) => definition);
    const machine = laboratory.find(this.rest[0]);
    return html`
      <h1>${machine ? storage.tree.title(machine.name) : storage.room.title}</h1>
      <nav aria-label=${storage.tab}>
        ${this.link(undefined, storage.room.title)} ${machines.map(({ id, name }) => this.link(id, name))}
      </nav>
      ${
        machine?.definition
          ? html`<rs-snapshot-tree machine-id=${machine.id}></rs-snapshot-tree>
              <rs-disk-chain machine-id=${machine.id}></rs-disk-chain>`
          : html`<rs-room></rs-room>`
      }
    `;
  }
}
