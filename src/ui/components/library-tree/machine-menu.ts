/** What can be done with a machine of the library, behind the button of its row. */
import "@awesome.me/webawesome/dist/components/dropdown/dropdown.js";
import "@awesome.me/webawesome/dist/components/dropdown-item/dropdown-item.js";
import { css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { command } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import { folders, openTab, type MachineView } from "../../state/machines.ts";
import { RingsideElement } from "../element.ts";
import "../icon/icon.ts";
import { sharedStyles } from "../shared.styles.ts";

/** In VMware's order. */
const ITEMS = [
  "power-on",
  "resume",
  "suspend",
  "reset",
  "shut-down",
  "power-off",
  "snapshot",
  "revert",
  "snapshot-manager",
  "clone",
  "settings",
  "rename",
  "duplicate",
  "remove",
];
/** What a machine in the wrong state can never do is not listed: a menu of reasons helps nobody. */
const LISTED_WHEN_POSSIBLE = ["power-on", "resume", "suspend", "reset", "shut-down", "power-off"];
const MOVE = "to:";

@customElement("rs-machine-menu")
export class MachineMenu extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      .more {
        min-inline-size: 24px;
        padding: 2px;
        border: 0;
        border-radius: 4px;
        background: none;
        opacity: var(--rs-more-opacity, 1);
        cursor: pointer;
      }
      kbd {
        margin-inline-start: 12px;
      }
      .reason {
        display: block;
        max-inline-size: 240px;
        color: var(--rs-text-quiet);
        font-size: var(--rs-text-small);
        white-space: normal;
      }
    `,
  ];

  @property({ attribute: false }) machine!: MachineView;
  /** Items are made when somebody comes near: a library has many rows, and its first drawing shall be short. */
  @state() private furnished = false;
  @query("wa-dropdown") private dropdown!: HTMLElementTagNameMap["wa-dropdown"];

  async show(): Promise<void> {
    this.furnished = true;
    await this.updateComplete;
    this.dropdown.open = true;
  }

  private furnish = (): void => {
    this.furnished = true;
  };

  private select(event: CustomEvent<{ item: { value: string } }>): void {
    const { id, name } = this.machine;
    const { value } = event.detail.item;
    if (value.startsWith(MOVE)) {
      const folder = value.slice(MOVE.length) || null;
      void laboratory.change(name, (library) => library.moveToFolder(id, folder));
      return;
    }
    const chosen = command(value);
    if (chosen.reason(this.m, this.machine)) {
      event.preventDefault();
      return;
    }
    openTab(id);
    chosen.run();
  }

  private item(id: string) {
    const { icon, label, reason, keys } = command(id);
    const why = reason(this.m, this.machine);
    if (why && LISTED_WHEN_POSSIBLE.includes(id)) return nothing;
    return html`<wa-dropdown-item value=${id} aria-disabled=${why ? "true" : nothing}>
      ${icon ? html`<rs-icon slot="icon" name=${icon}></rs-icon>` : nothing} ${label(this.m)}
      ${keys ? html`<kbd>${keys}</kbd>` : nothing} ${why ? html`<span class="reason">${why}</span>` : nothing}
    </wa-dropdown-item>`;
  }

  private items() {
    const { library } = this.m;
    const at = this.machine.definition?.folder ?? null;
    const places: [id: string | null, name: string][] = [
      [null, library.myLab],
      ...folders.get().map(({ id, name }): [string, string] => [id, name]),
    ];
    const moves = places.filter(([place]) => place !== at);
    return html`${ITEMS.map((id) => this.item(id))}
    ${moves.map(
      ([place, folder]) =>
        html`<wa-dropdown-item value=${MOVE + (place ?? "")}>
          <rs-icon slot="icon" name="folder-open"></rs-icon>${library.moveTo(folder)}
        </wa-dropdown-item>`,
    )}`;
  }

  protected override render() {
    return html`<wa-dropdown
      size="s"
      @wa-select=${this.select}
      @pointerenter=${this.furnish}
      @pointerdown=${this.furnish}
      @focusin=${this.furnish}
    >
      <button
        slot="trigger"
        class="more"
        type="button"
        aria-label=${this.m.library.actions(this.machine.name)}
      >
        ⋯
      </button>
      ${this.furnished ? this.items() : nothing}
    </wa-dropdown>`;
  }
}
