/** Breakpoints: those that are set, and a form for another. */
import { html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { AccessKind, Breakpoint, BreakpointPlace } from "../../../emulator/core/debug/breakpoints.ts";
import "../../components/action-button/action-button.ts";
import { exceptionMnemonic } from "../../../emulator/triple-fault.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { CpuPresenter } from "../../state/cpu-presenter.ts";
import { hex, parseHex } from "../../state/hexadecimal.ts";
import { fields } from "./fields.styles.ts";
import { styles } from "./views.styles.ts";

const PLACES = ["address", "memory", "port", "exception", "interrupt"] as const;
const ACCESSES = ["any", "read", "write"] as const;

@customElement("rs-breakpoints")
export class BreakpointList extends RingsideElement {
  static override styles = [sharedStyles, fields, styles];

  @property({ attribute: false }) presenter?: CpuPresenter;
  @property({ attribute: false }) points: readonly Breakpoint[] = [];
  @state() private kind: BreakpointPlace["type"] = "address";
  @state() private note = "";

  private placeText(place: BreakpointPlace): string {
    const { cpu: m } = this.m;
    switch (place.type) {
      case "address":
        return `${m.kind.address} ${hex(place.linear)}`;
      case "memory":
        return `${m.kind.memory} ${hex(place.linear)} +${place.length} (${m.access[place.access]})`;
      case "port":
        return `${m.kind.port} ${hex(place.first, 4)} (${m.access[place.access]})`;
      case "exception":
      case "interrupt":
        return `${m.kind[place.type]} ${place.vector < 0 ? "*" : hex(place.vector, 2)}${place.type === "exception" && place.vector >= 0 ? ` ${exceptionMnemonic(place.vector)}` : ""}`;
      default:
        return place satisfies never;
    }
  }

  /** Where, as typed; -1 for any vector. */
  private async where(text: string): Promise<number | undefined> {
    const { kind } = this;
    if (kind === "address" || kind === "memory") return this.presenter?.address(text);
    if (kind === "port") return parseHex(text, 0xffff);
    return text === "" ? -1 : parseHex(text, 0xff);
  }

  private async add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    const field = (name: string) => String(data.get(name) ?? "").trim();
    const value = await this.where(field("where"));
    this.note = value === undefined ? this.m.cpu.badPlace[this.kind] : "";
    if (value === undefined) return;
    const condition = field("condition");
    const answer = await this.presenter?.command({
      type: "add-breakpoint",
      breakpoint: {
        enabled: true,
        place: this.breakpointPlace(value, (field("access") || "any") as AccessKind, Number(field("length"))),
        ...(condition !== "" && { condition }),
      },
    });
    if (answer?.ok === true) form.reset();
  }

  private breakpointPlace(value: number, access: AccessKind, length: number): BreakpointPlace {
    const { kind: type } = this;
    switch (type) {
      case "address":
        return { type, linear: value };
      case "memory":
        return { type, linear: value, length, access };
      case "port":
        return { type, first: value, last: value, access };
      case "exception":
      case "interrupt":
        return { type, vector: value };
      default:
        return type satisfies never;
    }
  }

  protected override render() {
    const { cpu: m } = this.m;
    const withAccess = this.kind === "memory" || this.kind === "port";
    return html`<form class="tools" @submit=${this.add}>
        <label
          >${m.kindLabel}
          <select
            @change=${(event: Event) => (this.kind = (event.target as HTMLSelectElement).value as BreakpointPlace["type"])}
          >
            ${PLACES.map((name) => html`<option value=${name}>${m.kind[name]}</option>`)}
          </select></label
        >
        <label
          >${m.where[this.kind]}
          <input class="mono" name="where" size="10" autocomplete="off" spellcheck="false"
        /></label>
        ${
          withAccess
            ? html`<label
                >${m.accessLabel}
                <select name="access">
                  ${ACCESSES.map((name) => html`<option value=${name}>${m.access[name]}</option>`)}
                </select></label
              >`
            : nothing
        }
        ${
          this.kind === "memory"
            ? html`<label
                >${m.length} <input name="length" type="number" min="1" max="4096" value="4"
              /></label>`
            : nothing
        }
        <label
          >${m.condition}
          <input class="mono" name="condition" size="22" autocomplete="off" spellcheck="false"
        /></label>
        <button class="plain bordered" type="submit">${m.addBreakpoint}</button>
        <span class="quiet small" role="status">${this.note}</span>
      </form>
      ${this.points.length === 0 ? html`<p class="quiet">${m.noBreakpoints}</p>` : nothing}
      <ul class="points">
        ${this.points.map(
          ({ id, enabled, place, condition, hits }) =>
            html`<li>
              <label
                ><input
                  type="checkbox"
                  .checked=${enabled}
                  @change=${(event: Event) =>
                    void this.presenter?.command({
                      type: "change-breakpoint",
                      id,
                      changes: { enabled: (event.target as HTMLInputElement).checked },
                    })}
                />
                <span class="visually-hidden">${m.enabled}</span>
                ${id}. ${this.placeText(place)}</label
              >
              ${condition === undefined ? nothing : html`<code>${condition}</code>`}
              <span class="quiet small">${m.hits(hits)}</span>
              <rs-action
                label="${m.remove} ${id}"
                icon="trash"
                icon-only
                @rs-press=${() => void this.presenter?.command({ type: "remove-breakpoint", id })}
              ></rs-action>
            </li>`,
        )}
      </ul>`;
  }
}
