/**
 * The library at the left: folders and machines, each machine with its state as shape and word, a search box, and what can
 * be done with each (right click, Menu key, Shift+F10 or its button). Machines are moved by drag or from that menu.
 */
import "@awesome.me/webawesome/dist/components/dropdown/dropdown.js";
import "@awesome.me/webawesome/dist/components/dropdown-item/dropdown-item.js";
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { LibraryFolder } from "../../../hypervisor-model/virtual-machines/library.ts";
import { dialog } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import { folders, type MachineView } from "../../state/machines.ts";
import { hashOf, route } from "../../state/route.ts";
import { stepControl } from "../../state/step-control.ts";
import { stateMark, stateName } from "../../state/state-name.ts";
import "../action-button/action-button.ts";
import { RingsideElement } from "../element.ts";
import "../icon/icon.ts";
import { sharedStyles } from "../shared.styles.ts";
import "./machine-menu.ts";
import type { MachineMenu } from "./machine-menu.ts";

const TOP = "top";

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
      .folder {
        display: flex;
        align-items: center;
        color: var(--rs-text-quiet);
        font-weight: 600;
      }
      .folder > button {
        display: flex;
        flex: 1;
        gap: 6px;
        min-inline-size: 0;
        padding: 5px 4px;
        border: 0;
        background: none;
        font-weight: 600;
        text-align: start;
        cursor: pointer;
      }
      ul ul {
        padding-inline-start: 12px;
      }
      .row {
        display: flex;
        align-items: center;
        border-radius: 4px;
      }
      .row:hover,
      .row:focus-within {
        background: var(--rs-hover);
      }
      .row[data-current] {
        background: var(--rs-surface-active);
      }
      .row.over,
      .folder.over {
        outline: 2px dashed var(--rs-accent);
      }
      .more {
        min-inline-size: 24px;
        padding: 2px;
        border: 0;
        border-radius: 4px;
        background: none;
        opacity: var(--rs-more-opacity, 1);
        cursor: pointer;
      }
      .row,
      .folder {
        --rs-more-opacity: 0;
      }
      :is(.row, .folder):is(:hover, :focus-within, [data-current]) {
        --rs-more-opacity: 1;
      }
      a {
        display: flex;
        flex: 1;
        min-inline-size: 0;
        align-items: center;
        gap: 8px;
        padding: 5px 8px;
        border-radius: 4px;
        color: var(--rs-text);
        text-decoration: none;
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
  @state() private closed: ReadonlySet<string> = new Set();
  /** The folder whose name is being typed. */
  @state() private naming?: string;
  @state() private over?: string;

  private open(event: Event): void {
    const row = event.currentTarget as HTMLElement;
    event.preventDefault();
    const menu = row.querySelector("wa-dropdown");
    if (menu) menu.open = true;
    void row.querySelector<MachineMenu>("rs-machine-menu")?.show();
  }

  private row(machine: MachineView) {
    const { id, name } = machine;
    const at = route.get();
    const current = at.type === "machine" && at.id === id;
    return html`<li>
      <div
        class="row"
        ?data-current=${current}
        draggable="true"
        @dragstart=${(event: DragEvent) => event.dataTransfer?.setData("text/x-ringside-machine", id)}
        @contextmenu=${this.open}
      >
        <a
          href=${hashOf({ type: "machine", id })}
          aria-current=${current ? "page" : nothing}
          draggable="false"
        >
          <span class="state ${machine.state}" aria-hidden="true">${stateMark(machine)}</span>
          <span class="name" title=${name}>${name}</span>
          <span class="quiet small">${stateName(this.m, machine)}</span>
        </a>
        <rs-machine-menu .machine=${machine}></rs-machine-menu>
      </div>
    </li>`;
  }

  private move(machine: string, folder: string | null): void {
    const name = laboratory.find(machine)?.name ?? "";
    void laboratory.change(name, (library) => library.moveToFolder(machine, folder));
  }

  private dropInto(folder: string | null) {
    const key = folder ?? TOP;
    return {
      over: (event: DragEvent) => {
        if (!event.dataTransfer?.types.includes("text/x-ringside-machine")) return;
        event.preventDefault();
        this.over = key;
      },
      drop: (event: DragEvent) => {
        event.preventDefault();
        this.over = undefined;
        const machine = event.dataTransfer?.getData("text/x-ringside-machine");
        if (machine && laboratory.find(machine)) this.move(machine, folder);
      },
    };
  }

  private newFolder(parent: string | null): void {
    const { library: m } = this.m;
    void laboratory.change(m.newFolder, async (library) => {
      const { id } = await library.createFolder(m.folderName, parent);
      await this.nameFolder(id);
    });
  }

  private async nameFolder(id: string): Promise<void> {
    this.naming = id;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLInputElement>(".naming")?.select();
  }

  private rename(folder: LibraryFolder, name: string): void {
    this.naming = undefined;
    if (name.trim() && name !== folder.name)
      void laboratory.change(folder.name, (library) => library.renameFolder(folder.id, name));
  }

  private folder(folder: LibraryFolder | null, machines: readonly MachineView[]): unknown {
    const { library } = this.m;
    const id = folder?.id ?? null;
    const isHere = (place: string | null | undefined) =>
      (folders.get().some((other) => other.id === place) ? place : null) === id;
    const inner = folders.get().filter(({ id: other, parent }) => other !== id && isHere(parent));
    const here = machines.filter(({ definition }) => isHere(definition?.folder));
    const closed = this.closed.has(id ?? TOP) && !this.search;
    const name = folder?.name ?? library.myLab;
    const drop = this.dropInto(id);
    const toggle = () => {
      const next = new Set(this.closed);
      if (!next.delete(id ?? TOP)) next.add(id ?? TOP);
      this.closed = next;
    };
    const select = (event: CustomEvent<{ item: { value: string } }>) => {
      const { value } = event.detail.item;
      const act = () => {
        if (value === "new") this.newFolder(id);
        else if (folder && value === "rename") void this.nameFolder(folder.id);
        else if (folder) void laboratory.change(name, (it) => it.deleteFolder(folder.id));
      };
      // A menu that closes takes the focus to its button, and with it the name that is being typed.
      event.currentTarget?.addEventListener("wa-after-hide", act, { once: true });
    };
    return html`<div
        class="folder ${this.over === (id ?? TOP) ? "over" : ""}"
        @contextmenu=${this.open}
        @dragover=${drop.over}
        @dragleave=${() => (this.over = undefined)}
        @drop=${drop.drop}
      >
        ${
          folder && this.naming === folder.id
            ? html`<input
                class="naming"
                aria-label=${library.folderLabel}
                .value=${name}
                @blur=${(event: Event) => this.rename(folder, (event.target as HTMLInputElement).value)}
                @keydown=${(event: KeyboardEvent) => {
                  if (event.isComposing) return;
                  if (event.key === "Escape") (event.target as HTMLInputElement).value = name;
                  if (event.key === "Enter" || event.key === "Escape")
                    (event.target as HTMLInputElement).blur();
                }}
              />`
            : html`<button type="button" aria-expanded=${String(!closed)} @click=${toggle}>
                <span aria-hidden="true">${closed ? "▸" : "▾"}</span><span class="name">${name}</span>
              </button>`
        }
        <wa-dropdown size="s" @wa-select=${select}>
          <button slot="trigger" class="more" type="button" aria-label=${library.actions(name)}>⋯</button>
          <wa-dropdown-item value="new">${library.newFolder}</wa-dropdown-item>
          ${
            folder
              ? html`<wa-dropdown-item value="rename">${library.renameFolder}</wa-dropdown-item>
                  <wa-dropdown-item value="delete">${library.deleteFolder}</wa-dropdown-item>`
              : nothing
          }
        </wa-dropdown>
      </div>
      ${
        closed
          ? nothing
          : html`<ul>
              ${inner.map((other) => html`<li>${this.folder(other, machines)}</li>`)}
              ${here.map((machine) => this.row(machine))}
              ${folder && inner.length + here.length === 0 && !this.search ? html`<li class="quiet small">${library.folderEmpty}</li>` : nothing}
            </ul>`
      }`;
  }

  protected override render() {
    const { library } = this.m;
    const all = laboratory.machines.get();
    const words = this.search.trim().toLowerCase();
    const found = all.filter(({ name }) => name.toLowerCase().includes(words));
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
      ${this.folder(null, found)} ${all.length === 0 ? html`<p class="quiet">${library.empty}</p>` : nothing}
      ${all.length > 0 && found.length === 0 ? html`<p class="quiet">${library.nothingFound(this.search)}</p>` : nothing}
      ${this.networks(words)}
    `;
  }

  private networks(words: string) {
    const { networks: m } = this.m;
    const at = route.get();
    const here = at.type === "workspace" && at.name === "network" ? at.rest : [];
    const found = laboratory.networks.configs.get().filter(({ name }) => name.toLowerCase().includes(words));
    if (found.length === 0) return nothing;
    return html`<h3>${m.list}</h3>
      <ul>
        ${found.map(({ name, kind }) => {
          const current = here[0] === name;
          return html`<li>
            <div class="row" ?data-current=${current}>
              <a
                href=${hashOf({ type: "workspace", name: "network", rest: [name] })}
                aria-current=${current ? "page" : nothing}
              >
                <rs-icon name="network"></rs-icon>
                <span class="name">${name}</span>
                <span class="quiet small">${stepControl(name).held.get() ? m.held : m.kind[kind]}</span>
              </a>
            </div>
          </li>`;
        })}
      </ul>`;
  }
}
