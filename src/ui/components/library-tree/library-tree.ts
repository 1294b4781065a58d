/** The library at the left: every machine with its state as shape and word, and a search box. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { dialog } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import type { MachineView } from "../../state/machines.ts";
import { hashOf, route } from "../../state/route.ts";
import { stateName } from "../../state/state-name.ts";
import "../action-button/action-button.ts";
import { RingsideElement } from "../element.ts";
import { sharedStyles } from "../shared.styles.ts";

@customElement("rs-library")
export class LibraryTree extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 6px;
        padding: 8px;
        overflow: auto;
        background: var(--rs-surface);
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
      }
      input {
        inline-size: 100%;
        padding: 5px 8px;
        border: 1px solid var(--rs-line-strong);
        border-radius: 4px;
        background: var(--rs-surface);
        color: var(--rs-text);
        font: inherit;
      }
      input::placeholder {
        color: var(--rs-text-quiet);
        opacity: 1;
      }
      h3 {
        padding-block: 4px;
        color: var(--rs-text-quiet);
        font-weight: 600;
      }
      a {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 5px 8px;
        border-radius: 4px;
        color: var(--rs-text);
        text-decoration: none;
      }
      a:hover {
        background: var(--rs-hover);
      }
      a[aria-current] {
        background: var(--rs-surface-active);
      }
      .name {
        flex: 1;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .state {
        inline-size: 1em;
        text-align: center;
        color: var(--rs-off);
      }
      .state.running {
        color: var(--rs-running);
      }
      .state.suspended,
      .state.paused {
        color: var(--rs-paused);
      }
    `,
  ];

  @state() private search = "";

  private mark({ state }: MachineView): string {
    if (state === "running") return "▶";
    if (state === "suspended" || state === "paused") return "‖";
    return state === "off" ? "○" : "◐";
  }

  private row(machine: MachineView) {
    const at = route.get();
    const current = at.type === "machine" && at.id === machine.id;
    const word = stateName(this.m, machine);
    return html`<li>
      <a href=${hashOf({ type: "machine", id: machine.id })} aria-current=${current ? "page" : nothing}>
        <span class="state ${machine.state}" aria-hidden="true">${this.mark(machine)}</span>
        <span class="name" title=${machine.name}>${machine.name}</span>
        <span class="quiet small">${word}</span>
      </a>
    </li>`;
  }

  protected override render() {
    const { library } = this.m;
    const all = laboratory.machines.get();
    const found = all.filter(({ name }) => name.toLowerCase().includes(this.search.trim().toLowerCase()));
    return html`
      <header>
        <h2>${library.label}</h2>
        <rs-action
          icon="plus"
          icon-only
          label=${library.newMachine}
          @rs-press=${() => dialog.set("wizard")}
        ></rs-action>
      </header>
      <input
        type="search"
        aria-label=${library.search}
        placeholder=${library.search}
        @input=${(event: InputEvent) => (this.search = (event.target as HTMLInputElement).value)}
      />
      <h3>${library.myLab}</h3>
      <ul>
        ${found.map((machine) => this.row(machine))}
      </ul>
      ${all.length === 0 ? html`<p class="quiet">${library.empty}</p>` : nothing}
      ${all.length > 0 && found.length === 0 ? html`<p class="quiet">${library.nothingFound(this.search)}</p>` : nothing}
    `;
  }
}
