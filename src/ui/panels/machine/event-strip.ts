/** The strip under a console: what the machine did since power on, each count at the place where it happens. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { liveFigures } from "../../state/live-figures.ts";
import { sizeText } from "../../state/size-text.ts";

type Place = "hypervisor" | "host" | "hardware";
/** Letter and shape of a place: the same in every picture of the laboratory. */
const MARKS: Record<Place, [letter: string, shape: string]> = {
  hypervisor: ["V", "◆"],
  host: ["H", "⬢"],
  hardware: ["D", "▲"],
};

@customElement("rs-event-strip")
export class EventStrip extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 18px;
        padding: 3px 12px;
        border-block-start: 1px solid var(--rs-line);
        background: var(--rs-surface);
        font-size: var(--rs-text-small);
        font-variant-numeric: tabular-nums;
      }
      .hypervisor {
        color: var(--rs-place-hypervisor);
      }
      .host {
        color: var(--rs-place-host);
      }
      .hardware {
        color: var(--rs-place-hardware);
      }
      .mark {
        font-weight: 600;
      }
      ul {
        display: flex;
        flex: 1;
        flex-wrap: wrap;
        gap: 2px 18px;
      }
      @media (max-height: 520px) {
        :host,
        ul {
          flex-wrap: nowrap;
        }
        ul {
          overflow-x: auto;
          white-space: nowrap;
        }
      }
      .badge {
        padding: 0 8px;
        border: 1px solid var(--rs-success);
        border-radius: 10px;
        color: var(--rs-success);
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";

  private event(place: Place, name: string, value: string) {
    const [letter, shape] = MARKS[place];
    return html`<li title=${this.m.place[place]}>
      <span class="mark ${place}"
        ><span aria-hidden="true">${shape}</span> ${letter}<span class="visually-hidden">
          ${this.m.place[place]}</span
        ></span
      >
      <span class="quiet">${name}</span> ${value}
    </li>`;
  }

  protected override render() {
    const { events, badge } = this.m;
    const figures = liveFigures.get().get(this.machineId);
    if (!figures) return nothing;
    const { load, timerInterrupts, serialBytes, diskRead, diskWritten, frames, addresses } = figures;
    const size = (bytes: number) => sizeText(this.m, bytes);
    return html`
      <ul aria-label=${events.label} title=${events.hint}>
        ${this.event("hypervisor", events.cpu, `${Math.round(load * 100)} %`)}
        ${this.event("hardware", events.timer, String(timerInterrupts))}
        ${this.event("hardware", events.serial, size(serialBytes))}
        ${this.event("hardware", events.disk, events.readWritten(size(diskRead), size(diskWritten)))}
        ${this.event("host", events.network, events.sentReceived(String(frames.sent), String(frames.received)))}
      </ul>
      ${addresses && addresses.length > 0 ? html`<span class="mono address">${addresses.join(" ")}</span>` : nothing}
      <span class="badge" title=${badge.realHint}>${badge.real}</span>
    `;
  }
}
