/** The task log at the bottom: the latest line, or eight when unfolded. */
import { css, html } from "lit";
import { customElement } from "lit/decorators.js";
import type { TaskEntry } from "../../../hypervisor-model/virtual-machines/task-log.ts";
import { laboratory } from "../../state/laboratory.ts";
import { logExpanded, toggleLog } from "../../state/preferences.ts";
import { taskText } from "../../state/task-text.ts";
import "../action-button/action-button.ts";
import { RingsideElement } from "../element.ts";
import { sharedStyles } from "../shared.styles.ts";

@customElement("rs-task-log")
export class TaskLogView extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        gap: 12px;
        padding: 2px 10px;
        border-block-start: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      h2 {
        font-size: var(--rs-text-size);
        padding-block: 5px;
        white-space: nowrap;
      }
      .lines {
        flex: 1;
        max-block-size: 190px;
        overflow: auto;
        padding-block: 5px;
      }
      li {
        display: flex;
        gap: 10px;
      }
      time {
        color: var(--rs-text-quiet);
        font-variant-numeric: tabular-nums;
      }
      .failed {
        color: var(--rs-danger);
      }
    `,
  ];

  private line(entry: TaskEntry) {
    const seconds =
      entry.seconds !== null && entry.seconds >= 0.1
        ? ` (${this.m.common.seconds(entry.seconds.toFixed(1))})`
        : "";
    return html`<li>
      <time
        >${new Date(entry.time).toLocaleTimeString(document.documentElement.lang, { hour12: false })}</time
      >
      <span class=${entry.outcome}
        >${taskText(this.m, entry)}${entry.outcome === "running" ? "…" : seconds}</span
      >
    </li>`;
  }

  protected override render() {
    const { log } = this.m;
    const open = logExpanded.get();
    const lines = laboratory.tasks
      .get()
      .slice(open ? -100 : -1)
      .reverse();
    return html`
      <h2>${log.label}</h2>
      <div class="lines" tabindex="0" role="log" aria-label=${log.label}>
        <ol>
          ${lines.length === 0 ? html`<li class="quiet">${log.empty}</li>` : lines.map((entry) => this.line(entry))}
        </ol>
      </div>
      <rs-action
        icon=${open ? "chevron-down" : "chevron-up"}
        icon-only
        label=${open ? log.collapse : log.expand}
        @rs-press=${toggleLog}
      ></rs-action>
    `;
  }
}
