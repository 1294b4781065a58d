/** Home: the doors and the machines used last. */
import { css, html, nothing } from "lit";
import { customElement } from "lit/decorators.js";
import { WORKSPACES } from "../../app/workspaces.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import "../../components/icon/icon.ts";
import type { IconName } from "../../components/icon/icon-names.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { dialog } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import { hashOf } from "../../state/route.ts";
import { stateName } from "../../state/state-name.ts";

@customElement("rs-home")
export class Home extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        overflow: auto;
        padding: 28px 32px;
      }
      h1 {
        font-size: var(--rs-text-title);
      }
      .lead {
        margin-block: 4px 20px;
        color: var(--rs-text-quiet);
        max-inline-size: 1000px;
      }
      .doors {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(220px, 1fr));
        gap: 16px;
        max-inline-size: 1000px;
      }
      .door {
        display: flex;
        flex-direction: column;
        align-items: flex-start;
        gap: 8px;
        padding: 16px;
        border: 1px solid var(--rs-line);
        border-radius: 6px;
        background: var(--rs-surface);
      }
      .door > rs-icon {
        font-size: 24px;
        color: var(--rs-accent);
      }
      .door p {
        flex: 1;
      }
      .recent {
        margin-block-start: 28px;
      }
      .recent li {
        display: flex;
        gap: 12px;
        padding-block: 4px;
      }
    `,
  ];

  private door(icon: IconName, title: string, text: string, last: unknown) {
    return html`<section class="door">
      <rs-icon name=${icon}></rs-icon>
      <h2>${title}</h2>
      <p>${text}</p>
      ${last}
    </section>`;
  }

  protected override render() {
    const { home, command } = this.m;
    const recent = laboratory.machines
      .get()
      .filter(({ definition }) => definition)
      .sort((a, b) => (b.definition!.lastStartedAt ?? 0) - (a.definition!.lastStartedAt ?? 0))
      .slice(0, 8);
    const start = html`<rs-action
      look="primary"
      icon="play"
      label=${home.startAction}
      @rs-press=${() => void laboratory.create({}, true)}
    ></rs-action>`;
    const wizard = html`<rs-action
      look="outlined"
      icon="plus"
      label=${command.newMachine}
      @rs-press=${() => dialog.set("wizard")}
    ></rs-action>`;
    return html`
      <h1>${home.title}</h1>
      <p class="lead">${home.lead}</p>
      <div class="doors">
        ${this.door("terminal", home.startTitle, home.startText, start)}
        ${this.door("plus", home.newTitle, home.newText, wizard)}
        ${WORKSPACES.map((workspace) => {
          const { icon, label, door, name } = workspace;
          if (!door) return nothing;
          const address = hashOf({ type: "workspace", name, rest: [] });
          const link = html`<a href=${address}>${home.openWorkspace(label(this.m))}</a>`;
          return this.door(icon, label(this.m), door(this.m), link);
        })}
      </div>
      <section class="recent">
        <h2>${home.recent}</h2>
        ${recent.length === 0 ? html`<p class="quiet">${home.recentEmpty}</p>` : nothing}
        <ul>
          ${recent.map((machine) => {
            const at = machine.definition!.lastStartedAt;
            const when =
              at === null
                ? home.never
                : home.lastStarted(new Date(at).toLocaleString(document.documentElement.lang));
            return html`<li>
              <a href=${hashOf({ type: "machine", id: machine.id })}>${machine.name}</a>
              <span>${stateName(this.m, machine)}</span><span class="quiet">${when}</span>
            </li>`;
          })}
        </ul>
      </section>
    `;
  }
}
