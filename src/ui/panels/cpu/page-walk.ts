/** How the processor finds the byte of a linear address: the address in its parts, and each table's entry in turn. */
import { html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { PageLevel, PageWalk } from "../../../emulator/core/debug/inspect.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { hex } from "../../state/hexadecimal.ts";
import { styles } from "./views.styles.ts";

/** Bits of the linear address that choose the entry of each level, for both kinds of paging. */
const INDEX: Record<"32-bit" | "PAE", Partial<Record<PageLevel["name"], [shift: number, bits: number]>>> = {
  "32-bit": { directory: [22, 10], table: [12, 10] },
  PAE: { "directory pointer": [30, 2], directory: [21, 9], table: [12, 9] },
};

@customElement("rs-page-walk")
export class PageWalkView extends RingsideElement {
  static override styles = [sharedStyles, styles];

  @property({ attribute: false }) walk?: PageWalk;

  private level(level: PageLevel, { linear, paging }: PageWalk) {
    const { cpu: m } = this.m;
    const { bit } = m;
    const bits = level.present
      ? [
          bit.present,
          level.writable ? bit.writable : bit.readOnly,
          level.user ? bit.user : bit.supervisor,
          level.accessed ? bit.accessed : "",
          level.dirty ? bit.dirty : "",
          level.global ? bit.global : "",
          level.large ? bit.large : "",
          level.noExecute ? bit.noExecute : "",
        ].filter(Boolean)
      : [m.absent];
    const part = paging === "off" ? undefined : INDEX[paging][level.name];
    const index = part && (linear >>> part[0]) & ((1 << part[1]) - 1);
    return html`<li class="level ${level.present ? "" : "missing"}">
      <h2>${m.level[level.name]}</h2>
      ${
        part === undefined || index === undefined
          ? nothing
          : html`<p class="small mono">
              ${m.levelIndex(String(part[0] + part[1] - 1), String(part[0]), hex(index, 3))}
            </p>`
      }
      <p class="small quiet mono">${m.levelAt(hex(level.at))}</p>
      <p class="mono">${level.high === 0 ? "" : `${hex(level.high)}:`}${hex(level.low)}</p>
      <p class="small">${bits.join(" · ")}</p>
    </li>`;
  }

  private end({ linear, physical, pageBytes }: PageWalk) {
    const { cpu: m } = this.m;
    if (physical === undefined) {
      return html`<li class="level end">
        <h2>#PF</h2>
        <p class="small">${m.walkEnds}</p>
      </li>`;
    }
    return html`<li class="level end">
      <h2>${m.physical}</h2>
      ${
        pageBytes
          ? html`<p class="small mono">${m.pageOffset(hex(linear & (pageBytes - 1), 3))}</p>`
          : nothing
      }
      <p class="mono">${physical > 0xffffffff ? physical.toString(16) : hex(physical)}</p>
    </li>`;
  }

  protected override render() {
    const { walk } = this;
    const { cpu: m } = this.m;
    if (walk === undefined) return nothing;
    return html`${walk.paging === "off" ? html`<p>${m.walkOff}</p>` : nothing}
      <ol class="walk" aria-label=${m.walkIntro}>
        <li class="level">
          <h2>${m.linear}</h2>
          <p class="mono">${hex(walk.linear)}</p>
          ${
            walk.paging === "off"
              ? nothing
              : html`<p class="small mono">CR3 ${hex(walk.cr3)}</p>
                  <p class="small quiet">${walk.paging}</p>`
          }
        </li>
        ${walk.levels.map((level) => this.level(level, walk))} ${this.end(walk)}
      </ol>`;
  }
}
