/** The last line of the page: what guests take of this computer, and what is stored. */
import { css, html } from "lit";
import { customElement } from "lit/decorators.js";
import { RingsideElement } from "../components/element.ts";
import { sharedStyles } from "../components/shared.styles.ts";
import { laboratory } from "../state/laboratory.ts";
import { budget } from "../state/availability.ts";
import { liveFigures } from "../state/live-figures.ts";

@customElement("rs-status-line")
export class StatusLine extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      footer {
        block-size: 100%;
        padding: 3px 12px;
        border-block-start: 1px solid var(--rs-line);
        background: var(--rs-surface-quiet);
        color: var(--rs-text-quiet);
        font-size: var(--rs-text-small);
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  protected override render() {
    const { status, common } = this.m;
    laboratory.machines.get();
    const { running, usedMiB, budgetMiB } = budget();
    const cores = navigator.hardwareConcurrency || 1;
    const load = [...liveFigures.get().values()].reduce((sum, figures) => sum + figures.load, 0);
    const stored =
      laboratory.storage.get() === "memory"
        ? status.memoryOnly
        : status.stored(common.mib((laboratory.storedBytes.get() / 2 ** 20).toFixed(1)));
    const parts = [
      status.guests(running),
      status.memory(String(usedMiB), String(budgetMiB)),
      status.load(String(Math.round((load * 100) / cores)), cores),
      stored,
    ];
    return html`<footer aria-label=${status.label}>${status.host}: ${parts.join(" · ")}</footer>`;
  }
}
