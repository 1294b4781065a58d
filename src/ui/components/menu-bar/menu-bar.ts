/** The menus of the page: the same commands as toolbar and palette, each with the reason when it cannot be done now. */
import "@awesome.me/webawesome/dist/components/dropdown/dropdown.js";
import "@awesome.me/webawesome/dist/components/dropdown-item/dropdown-item.js";
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { command, commands, type CommandMenu } from "../../state/commands.ts";
import { RingsideElement } from "../element.ts";
import "../icon/icon.ts";
import { sharedStyles } from "../shared.styles.ts";

const MENUS: readonly CommandMenu[] = ["file", "machine", "view", "help"];

@customElement("rs-menu-bar")
export class MenuBar extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      nav {
        display: flex;
      }
      button {
        padding: 6px 9px;
        border: 0;
        border-radius: 4px;
        background: none;
        cursor: pointer;
        white-space: nowrap;
      }
      button:hover {
        background: var(--rs-hover);
      }
      .reason {
        display: block;
        max-inline-size: 260px;
        font-size: var(--rs-text-small);
        color: var(--rs-text-quiet);
        white-space: normal;
      }
      .unavailable {
        color: var(--rs-text-quiet);
      }
      kbd {
        margin-inline-start: 16px;
      }
    `,
  ];

  /** Items are made when somebody comes near: the page's first drawing shall be short. */
  @state() private furnished = false;

  private furnish = (): void => {
    this.furnished = true;
  };

  private select(event: CustomEvent<{ item: { value: string } }>): void {
    const chosen = command(event.detail.item.value);
    if (chosen.reason(this.m)) event.preventDefault();
    else chosen.run();
  }

  private menu(menu: CommandMenu) {
    const items = !this.furnished ? [] : commands.filter((entry) => entry.menu === menu);
    return html`<wa-dropdown size="s" @wa-select=${this.select}>
      <button slot="trigger" type="button">${this.m.menu[menu]}</button>
      ${items.map((entry) => {
        const reason = entry.reason(this.m);
        return html`<wa-dropdown-item value=${entry.id} aria-disabled=${reason ? "true" : nothing}>
          ${entry.icon ? html`<rs-icon slot="icon" name=${entry.icon}></rs-icon>` : nothing}
          <span class=${reason ? "unavailable" : ""}>${entry.label(this.m)}</span>
          ${entry.keys ? html`<kbd>${entry.keys}</kbd>` : nothing}
          ${reason ? html`<span class="reason">${reason}</span>` : nothing}
        </wa-dropdown-item>`;
      })}
    </wa-dropdown>`;
  }

  protected override render() {
    return html`<nav
      aria-label=${this.m.menu.bar}
      @pointerenter=${this.furnish}
      @pointerdown=${this.furnish}
      @focusin=${this.furnish}
    >
      ${MENUS.map((menu) => this.menu(menu))}
    </nav>`;
  }
}
