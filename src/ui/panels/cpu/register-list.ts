/** Registers with what the last step changed marked, and the flags spelled out. */
import { css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { RegisterView } from "../../../emulator/core/debug/view.ts";
import { WRITABLE_REGISTERS } from "../../../emulator/core/debug/register-write.ts";
import { fields } from "./fields.styles.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { CpuPresenter } from "../../state/cpu-presenter.ts";
import { hex, parseHex } from "../../state/hexadecimal.ts";

const GENERAL = ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"];
const SEGMENTS = ["ES", "CS", "SS", "DS", "FS", "GS"];
const FLAGS = [
  ["CF", 0],
  ["PF", 2],
  ["AF", 4],
  ["ZF", 6],
  ["SF", 7],
  ["TF", 8],
  ["IF", 9],
  ["DF", 10],
  ["OF", 11],
  ["NT", 14],
  ["RF", 16],
  ["VM", 17],
  ["AC", 18],
  ["ID", 21],
] as const;

@customElement("rs-register-list")
export class RegisterList extends RingsideElement {
  static override styles = [
    sharedStyles,
    fields,
    css`
      :host {
        display: block;
        overflow: auto;
        padding: 4px 10px 8px;
        background: var(--rs-surface);
      }
      h2 {
        margin-block: 6px 2px;
        color: var(--rs-text-quiet);
        font-size: var(--rs-text-small);
      }
      dl {
        display: grid;
        grid-template-columns: repeat(2, max-content 1fr);
        gap: 1px 8px;
        font: 12.5px / 1.5 var(--rs-mono);
      }
      dl.wide {
        grid-template-columns: max-content max-content 1fr;
      }
      dt {
        color: var(--rs-text-quiet);
      }
      .flags {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(118px, 1fr));
        gap: 1px 8px;
        font-size: var(--rs-text-small);
      }
      .flags li {
        color: var(--rs-text-quiet);
      }
      .flags li.set {
        color: var(--rs-text);
        font-weight: 600;
      }
      .changed {
        background: var(--rs-warning-quiet);
        color: var(--rs-warning);
        font-weight: 600;
      }
      form {
        display: flex;
        gap: 6px;
        margin-block: 4px;
      }
      form button {
        min-block-size: 26px;
        padding-block: 0;
      }
      .small {
        overflow: hidden;
        color: var(--rs-text-quiet);
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ];

  @property({ attribute: false }) presenter?: CpuPresenter;

  private async write(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    const field = form.elements.namedItem("value") as HTMLInputElement;
    const value = parseHex(field.value);
    field.setCustomValidity(value === undefined ? this.m.cpu.badValue : "");
    if (!field.reportValidity() || value === undefined) return;
    await this.presenter?.command({ type: "write-register", name: String(data.get("register")), value });
    field.value = "";
  }

  private writer() {
    const { cpu: m } = this.m;
    return html`<form @submit=${(event: SubmitEvent) => void this.write(event)}>
      <select class="mono" name="register" aria-label=${m.registerToWrite}>
        ${WRITABLE_REGISTERS.map((name) => html`<option value=${name}>${name.toUpperCase()}</option>`)}
      </select>
      <input
        class="mono"
        name="value"
        size="9"
        autocomplete="off"
        spellcheck="false"
        aria-label=${m.newValue}
        @input=${(event: Event) => (event.target as HTMLInputElement).setCustomValidity("")}
      />
      <button class="plain bordered" type="submit">${m.write}</button>
    </form>`;
  }

  /** A value, and for screen readers that it has changed. */
  private value(key: string, text: string) {
    const changed = this.presenter?.changed.get().has(key) === true;
    return html`<span class=${changed ? "changed" : ""}
      >${text}${changed ? html`<span class="visually-hidden"> ${this.m.cpu.changedMark}</span>` : nothing}</span
    >`;
  }

  private flags({ flags }: RegisterView) {
    const { cpu: m } = this.m;
    const changed = this.presenter?.changed.get();
    const iopl = (flags >>> 12) & 3;
    return html`<ul class="flags">
      ${FLAGS.map(([name, bit]) => {
        const on = ((flags >>> bit) & 1) === 1;
        const mark = changed?.has(`flag-${bit}`) === true;
        return html`<li class="${on ? "set" : ""} ${mark ? "changed" : ""}">
          <span class="mono">${name}=${on ? 1 : 0}</span> ${m.flag[name]}
        </li>`;
      })}
      <li class=${iopl > 0 ? "set" : ""}><span class="mono">IOPL=${iopl}</span> ${m.flag.IOPL}</li>
    </ul>`;
  }

  protected override render() {
    const registers = this.presenter?.view.get()?.registers;
    if (registers === undefined) return nothing;
    const { cpu: m } = this.m;
    const { control, segments, tables } = registers;
    return html`<div>
      <h2>${m.general}</h2>
      <dl>
        ${registers.general.map(
          (value, i) =>
            html`<dt>${GENERAL[i]}</dt>
              <dd>${this.value(`general-${i}`, hex(value))}</dd>`,
        )}
        <dt>EIP</dt>
        <dd>${this.value("eip", hex(registers.eip))}</dd>
        <dt>EFL</dt>
        <dd>${hex(registers.flags)}</dd>
      </dl>
      ${this.writer()}
      <h2>${m.flags}</h2>
      ${this.flags(registers)}
      <h2>${m.segments}</h2>
      <dl class="wide">
        ${[1, 2, 3, 0, 4, 5].map((i) => {
          const { selector, base, limit } = segments[i];
          return html`<dt>${SEGMENTS[i]}</dt>
            <dd>${this.value(`segment-${i}`, hex(selector, 4))}</dd>
            <dd class="small">${m.segmentText(hex(base), hex(limit))}</dd>`;
        })}
      </dl>
      <h2>${m.control}</h2>
      <dl>
        ${(["cr0", "cr2", "cr3", "cr4"] as const).map(
          (name) =>
            html`<dt>${name.toUpperCase()}</dt>
              <dd>${this.value(name, hex(control[name]))}</dd>`,
        )}
        ${[0, 1, 2, 3, 6, 7].map(
          (i) =>
            html`<dt>DR${i}</dt>
              <dd>${hex(registers.debug[i])}</dd>`,
        )}
        <dt>GDTR</dt>
        <dd>${hex(tables.gdtBase)}:${hex(tables.gdtLimit, 4)}</dd>
        <dt>IDTR</dt>
        <dd>${hex(tables.idtBase)}:${hex(tables.idtLimit, 4)}</dd>
        <dt>LDTR</dt>
        <dd>${hex(tables.ldt, 4)}</dd>
        <dt>TR</dt>
        <dd>${hex(tables.task, 4)}</dd>
      </dl>
    </div>`;
  }
}
