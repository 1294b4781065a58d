/** What is behind one number of the comparison: events by reason, and each event with the instruction that caused it. */
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { SHOWN_ITERATIONS } from "../../../hypervisor-model/monitor/architecture.ts";
import type { ComparedEvent, ComparedRun } from "../../../hypervisor-model/monitor/comparison.ts";
import type { EventType, FieldChange } from "../../../hypervisor-model/monitor/events.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { architecturesStyles } from "./architectures.styles.ts";

/** Rows of the list at most; the end is kept, where the workload is. */
const SHOWN = 300;

const typeOf = (name: string) => name.slice(0, name.indexOf(" ")) as EventType;
const reasonOf = (name: string) => name.slice(name.indexOf(" ") + 1);

@customElement("rs-run-details")
export class RunDetails extends RingsideElement {
  static override styles = [sharedStyles, architecturesStyles];

  @property({ attribute: false }) run!: ComparedRun;
  /** Type and reason of the events that are listed; empty for all. */
  @state() private only = "";

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("run")) this.only = "";
  }

  override render(): TemplateResult {
    const m = this.m.architectures;
    const { run } = this;
    const counts = Object.entries(run.counts);
    return html`
      <h2>${m.details(m.workload[run.workload], m.architecture[run.architecture])}</h2>
      <p class="quiet">${m.about[run.architecture]}</p>
      <h3>${m.perIteration}</h3>
      ${counts.length === 0 ? html`<p>${m.noEvent}</p>` : this.#counts(counts)}
      ${run.switchCosts.length === 0 ? nothing : this.#costs()}
      <h3>${m.eventList}</h3>
      ${this.#list()}
    `;
  }

  #counts(counts: [string, number][]): TemplateResult {
    const m = this.m.architectures;
    const listed = (name: string) =>
      this.run.events.some(({ type, reason }) => type === typeOf(name) && reason === reasonOf(name));
    return html`<table class="counts">
      <thead>
        <tr>
          <th scope="col" class="number">${m.count}</th>
          <th scope="col">${m.event}</th>
          <th scope="col">${m.meaning}</th>
          <th scope="col"><span class="visually-hidden">${m.show}</span></th>
        </tr>
      </thead>
      <tbody>
        ${counts.map(
          ([name, count]) =>
            html`<tr>
              <td class="number">${count}</td>
              <td>${m.eventType[typeOf(name)]} <code>${reasonOf(name)}</code></td>
              <td class="quiet">${m.why[typeOf(name)]}</td>
              <td>
                ${
                  listed(name)
                    ? html`<button
                        class="link"
                        aria-pressed=${this.only === name ? "true" : "false"}
                        aria-label="${m.show}: ${m.eventType[typeOf(name)]} ${reasonOf(name)}"
                        @click=${() => (this.only = this.only === name ? "" : name)}
                      >
                        ${m.show}
                      </button>`
                    : nothing
                }
              </td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  }

  #costs(): TemplateResult {
    const m = this.m.architectures;
    return html`<h3>${m.switchCosts} <span class="badge small">${m.modelled}</span></h3>
      <p class="small quiet">${m.switchCostsFrom}</p>
      <ul class="costs">
        ${this.run.switchCosts.map(
          ({ processor, cycles }) => html`<li><strong>${m.cycles(String(cycles))}</strong> ${processor}</li>`,
        )}
      </ul>`;
  }

  #list(): TemplateResult {
    const m = this.m.architectures;
    const wanted = this.run.events.filter(
      ({ type, reason }) => this.only === "" || `${type} ${reason}` === this.only,
    );
    const shown = wanted.slice(-SHOWN);
    return html`
      <p class="small quiet">
        ${m.listIntro(String(SHOWN_ITERATIONS))}
        ${wanted.length > SHOWN ? m.cut(String(SHOWN), String(wanted.length)) : nothing}
        ${
          this.only === ""
            ? nothing
            : html`<button class="link" @click=${() => (this.only = "")}>${m.all}</button>`
        }
      </p>
      <div class="scroll events" tabindex="0" role="region" aria-label=${m.eventList}>
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">${m.at}</th>
              <th scope="col">${m.ring}</th>
              <th scope="col">${m.event}</th>
              <th scope="col">${m.place}</th>
              <th scope="col">${m.source}</th>
            </tr>
          </thead>
          <tbody>
            ${shown.map((event) => this.#event(event))}
          </tbody>
        </table>
      </div>
    `;
  }

  /** The VMCB before and after: what is not as it was at VMRUN. */
  #vmcb(changes: readonly FieldChange[]): TemplateResult {
    const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, "0");
    return html`<details>
      <summary>${this.m.architectures.vmcb(String(changes.length))}</summary>
      <table>
        ${changes.map(
          ({ field, before, after }) =>
            html`<tr>
              <th scope="row"><code>${field}</code></th>
              <td><code>${hex(before)}</code></td>
              <td><code>${hex(after)}</code></td>
            </tr>`,
        )}
      </table>
    </details>`;
  }

  #event({ at, level, type, reason, eip, source, vmcb }: ComparedEvent): TemplateResult {
    const m = this.m.architectures;
    return html`<tr>
      <td class="number">${at}</td>
      <td>${level}</td>
      <td>${m.eventType[type]} <code>${reason}</code>${vmcb === undefined ? nothing : this.#vmcb(vmcb)}</td>
      <td><code>${eip.toString(16).toUpperCase().padStart(8, "0")}</code> ${source?.label ?? ""}</td>
      <td><code>${source?.text ?? ""}</code></td>
    </tr>`;
  }
}
