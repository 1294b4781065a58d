/** What stands below the disassembly: one of several views of the machine. */
import { html, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { TableEntry } from "../../../emulator/core/debug/inspect.ts";
import type { DebugView, ViewRequest } from "../../../emulator/core/debug/view.ts";
import "../../components/action-button/action-button.ts";
import { exceptionMnemonic } from "../../../emulator/triple-fault.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { CpuPresenter } from "../../state/cpu-presenter.ts";
import { hex, parseBytes } from "../../state/hexadecimal.ts";
import "./breakpoint-list.ts";
import "./page-walk.ts";
import { fields } from "./fields.styles.ts";
import { styles } from "./views.styles.ts";

export type Part = ViewRequest["part"];

const printable = (byte: number, present: boolean) =>
  !present ? " " : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";

@customElement("rs-cpu-views")
export class CpuViews extends RingsideElement {
  static override styles = [sharedStyles, fields, styles];

  @property({ attribute: false }) presenter?: CpuPresenter;
  @property() shown: Part = "stack";
  @state() private note = "";

  private async take(form: HTMLFormElement, go: (address: number) => void): Promise<void> {
    const address = await this.presenter?.address(String(new FormData(form).get("address") ?? ""));
    this.note = address === undefined ? this.m.cpu.badAddress : "";
    if (address !== undefined) go(address);
  }

  private addressForm(value: number, go: (address: number) => void, more: unknown = nothing) {
    const { cpu: m } = this.m;
    return html`<form
      class="tools"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.take(event.target as HTMLFormElement, go);
      }}
    >
      <label
        >${m.address}
        <input
          class="mono"
          name="address"
          size="10"
          autocomplete="off"
          spellcheck="false"
          .value=${hex(value)}
      /></label>
      <button class="plain bordered" type="submit">${m.show}</button>
      ${more}
      <span class="quiet small" role="status">${this.note}</span>
    </form>`;
  }

  private stack({ stack }: DebugView) {
    if (stack === undefined) return nothing;
    const { cpu: m } = this.m;
    return html`<table>
      <caption class="visually-hidden">
        ${m.part.stack}
      </caption>
      <thead>
        <tr>
          ${m.stackColumns.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${stack.values.map(
          (value, i) =>
            html`<tr class=${i === 0 ? "top" : ""}>
              <td>${hex(stack.linear + i * stack.size)}</td>
              <td>${hex(value, stack.size * 2)}</td>
              <td>${stack.names[i] ?? ""}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  }

  private memory({ memory, running }: DebugView) {
    if (memory === undefined) return nothing;
    const { cpu: m } = this.m;
    const { linear, bytes, present } = memory;
    const rows = Array.from({ length: bytes.length / 16 }, (_, row) => row * 16);
    return html`${this.addressForm(
        linear,
        (address) => void this.presenter?.look({ memory: address }),
        html`<rs-action
          label=${m.lastWrite}
          icon="refresh"
          reason=${running ? m.isRunning : ""}
          @rs-press=${() => void this.lastWrite(linear)}
        ></rs-action>`,
      )}
      <form class="tools" @submit=${(event: SubmitEvent) => void this.write(event, linear)}>
        <label
          >${m.writeBytes} <input class="mono" name="bytes" size="24" autocomplete="off" spellcheck="false"
        /></label>
        <button class="plain bordered" type="submit">${m.write}</button>
      </form>
      <table>
        <caption class="visually-hidden">
          ${m.part.memory}
        </caption>
        <thead>
          <tr>
            ${m.memoryColumns.map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => {
            const at = (i: number) => (present[row + i] === 0 ? "??" : hex(bytes[row + i], 2));
            const text = Array.from({ length: 16 }, (_, i) =>
              printable(bytes[row + i], present[row + i] === 1),
            );
            return html`<tr>
              <td>${hex(linear + row)}</td>
              <td>${Array.from({ length: 16 }, (_, i) => at(i)).join(" ")}</td>
              <td class="text">${text.join("")}</td>
            </tr>`;
          })}
        </tbody>
      </table>`;
  }

  private async write(event: SubmitEvent, linear: number): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const bytes = parseBytes(String(new FormData(form).get("bytes") ?? ""), 256);
    this.note = bytes === undefined ? this.m.cpu.badBytes : "";
    if (bytes === undefined) return;
    const answer = await this.presenter?.command({ type: "write-memory", linear, bytes });
    if (answer?.ok === true) form.reset();
  }

  private async lastWrite(linear: number): Promise<void> {
    const { cpu: m } = this.m;
    const answer = await this.presenter?.command({ type: "last-write", linear, length: 4 });
    if (answer?.ok === true) {
      this.note = answer.found === undefined ? m.lastWriteNone : m.lastWriteFound(String(answer.found));
    }
  }

  private descriptorType({ system, type }: TableEntry): string {
    const { cpu: m } = this.m;
    const { descriptor: d } = m;
    if (!system) {
      if ((type & 8) !== 0) {
        return [d.code, (type & 2) !== 0 ? m.readable : "", (type & 4) !== 0 ? m.conforming : ""]
          .filter(Boolean)
          .join(", ");
      }
      return [d.data, (type & 2) !== 0 ? m.writable : "", (type & 4) !== 0 ? m.expandDown : ""]
        .filter(Boolean)
        .join(", ");
    }
    const names: Record<number, string> = {
      1: d.tss16,
      2: d.ldt,
      3: d.tss16,
      4: d.call,
      5: d.task,
      6: d.interrupt,
      7: d.trap,
      9: d.tss,
      11: d.busy,
      12: d.call,
      14: d.interrupt,
      15: d.trap,
    };
    return names[type] ?? d.unknown;
  }

  private tables(view: DebugView) {
    const { cpu: m } = this.m;
    const { table, mode } = view;
    const chosen = this.presenter?.request.get().table ?? "gdt";
    const isGate = (entry: TableEntry) => entry.system && [4, 5, 6, 7, 12, 14, 15].includes(entry.type);
    const columns = chosen === "idt" ? m.vectorColumns : m.tableColumns;
    return html`<div class="tools">
        <label
          >${m.tableChoice}
          <select
            @change=${(event: Event) =>
              void this.presenter?.look({
                table: (event.target as HTMLSelectElement).value as ViewRequest["table"],
              })}
          >
            ${(["gdt", "ldt", "idt"] as const).map(
              (name) =>
                html`<option value=${name} ?selected=${name === chosen}>${name.toUpperCase()}</option>`,
            )}
          </select></label
        >
      </div>
      ${
        chosen === "idt" && mode === "real"
          ? html`<p class="quiet">${m.realVectors}</p>`
          : table === undefined || table.length === 0
            ? html`<p class="quiet">${m.emptyTable}</p>`
            : html`<table>
                <caption class="visually-hidden">
                  ${chosen.toUpperCase()}
                </caption>
                <thead>
                  <tr>
                    ${columns.map((name) => (name === "" ? html`<td></td>` : html`<th scope="col">${name}</th>`))}
                  </tr>
                </thead>
                <tbody>
                  ${table.map(
                    (entry) =>
                      html`<tr>
                        <td>${hex(entry.index, chosen === "idt" ? 2 : 4)}</td>
                        <td class="sans">
                          ${this.descriptorType(entry)}${entry.present ? "" : ` (${m.absent})`}
                        </td>
                        <td>
                          ${isGate(entry) ? `${hex(entry.selector, 4)}:${hex(entry.offset)}` : hex(entry.base)}
                        </td>
                        <td>${isGate(entry) ? "" : hex(entry.limit)}</td>
                        <td>${entry.privilege}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>`
      }`;
  }

  private devices({ devices }: DebugView) {
    return html`<div class="devices">
      ${devices?.map(
        ({ name, registers }) =>
          html`<section>
            <h2>${name}</h2>
            <dl>
              ${registers.map(
                ({ name: key, value }) =>
                  html`<dt>${key}</dt>
                    <dd>${value}</dd>`,
              )}
            </dl>
          </section>`,
      )}
    </div>`;
  }

  private toggle(key: "log" | "trace" | "profile", label: string, on: boolean) {
    return html`<label
      ><input
        type="checkbox"
        .checked=${on}
        @change=${(event: Event) =>
          void this.presenter?.command({
            type: "record",
            recording: { [key]: (event.target as HTMLInputElement).checked },
          })}
      />
      ${label}</label
    >`;
  }

  private log({ log, trace, recording }: DebugView) {
    const { cpu: m } = this.m;
    const rows = (log ?? []).toReversed();
    return html`<div class="tools">
        ${this.toggle("log", m.keepLog, recording.log)} ${this.toggle("trace", m.keepTrace, recording.trace)}
      </div>
      <div class="columns">
        ${
          rows.length === 0
            ? html`<p class="quiet">${m.logEmpty}</p>`
            : html`<ol class="mono lines" aria-label=${m.part.log}>
                ${rows.map((entry) => {
                  if (entry.type === "port") {
                    const text = m.logPort(entry.write, hex(entry.port, 4), hex(entry.value, entry.size * 2));
                    return html`<li>
                      <span class="quiet">${entry.instructions}</span> ${text}
                      <span class="quiet">${entry.device}</span>
                    </li>`;
                  }
                  const name = entry.type === "exception" ? ` ${exceptionMnemonic(entry.vector)}` : "";
                  const code = entry.error >= 0 ? `, ${m.errorCode(hex(entry.error, 4))}` : "";
                  const text = m.logEvent[entry.type](hex(entry.vector, 2)) + name + code;
                  return html`<li><span class="quiet">${entry.instructions}</span> ${text}</li>`;
                })}
              </ol>`
        }
        ${
          trace === undefined
            ? nothing
            : html`<div>
                <h2>${m.traceTitle}</h2>
                <ol class="mono lines" aria-label=${m.traceTitle}>
                  ${trace.toReversed().map((line) => html`<li><span class="quiet">${hex(line.linear)}</span> ${line.text}</li>`)}
                </ol>
              </div>`
        }
      </div>`;
  }

  private bars(rows: readonly { name: string; count: number }[], title: string) {
    const most = Math.max(1, ...rows.map(({ count }) => count));
    return html`<div>
      <h2>${title}</h2>
      <ol class="bars" aria-label=${title}>
        ${rows.map(
          ({ name, count }) =>
            html`<li>
              <span class="mono">${name}</span>
              <span class="bar" aria-hidden="true"
                ><span style="inline-size: ${(count / most) * 100}%"></span
              ></span>
              <span class="mono">${count.toLocaleString()}</span>
            </li>`,
        )}
      </ol>
    </div>`;
  }

  private profile({ profile, recording }: DebugView) {
    const { cpu: m } = this.m;
    return html`<div class="tools">
        ${this.toggle("profile", m.keepProfile, recording.profile)}
        <rs-action
          label=${m.resetProfile}
          @rs-press=${() => void this.presenter?.command({ type: "reset-profile" })}
        ></rs-action>
        <span class="quiet small"
          >${recording.profile ? m.counted((profile?.total ?? 0).toLocaleString()) : m.profileOff}</span
        >
      </div>
      <div class="columns">
        ${this.bars(
          (profile?.mix ?? []).map(({ mnemonic, count }) => ({ name: mnemonic, count })),
          m.mix,
        )}
        ${this.bars(
          (profile?.hottest ?? []).map(({ linear, count, name }) => ({
            name: `${hex(linear)} ${name ?? ""}`,
            count,
          })),
          m.hottest,
        )}
      </div>`;
  }

  protected override render(): TemplateResult | typeof nothing {
    const view = this.presenter?.view.get();
    if (view === undefined) return nothing;
    const parts: Record<Part, (view: DebugView) => TemplateResult | typeof nothing> = {
      stack: (v) => this.stack(v),
      memory: (v) => this.memory(v),
      tables: (v) => this.tables(v),
      paging: ({ walk }) =>
        walk === undefined
          ? nothing
          : html`${this.addressForm(walk.linear, (address) => void this.presenter?.look({ walk: address }))}
              <rs-page-walk .walk=${walk}></rs-page-walk>`,
      devices: (v) => this.devices(v),
      log: (v) => this.log(v),
      profile: (v) => this.profile(v),
      breakpoints: ({ breakpoints }) =>
        html`<rs-breakpoints .presenter=${this.presenter} .points=${breakpoints}></rs-breakpoints>`,
    };
    return html`${parts[this.shown](view)}`;
  }
}
