/** Compare: one guest kernel's workloads on every architecture, predicted, executed, and followed to the instruction. */
import { html, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { WORKLOADS, type Workload } from "../../../hypervisor-model/guest-kernel/workloads.ts";
import { ARCHITECTURES, type Architecture } from "../../../hypervisor-model/monitor/architecture.ts";
import type { ComparedRun } from "../../../hypervisor-model/monitor/comparison.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import {
  cellKey,
  chosenArchitectures,
  chosenWorkloads,
  comparisonProblem,
  most,
  predict,
  predictions,
  remaining,
  runComparison,
  runs,
} from "../../state/comparison.ts";
import { hashOf } from "../../state/route.ts";
import { architecturesStyles } from "./architectures.styles.ts";
import "./layer-stacks.ts";
import "./run-details.ts";
import "./validation.ts";

@customElement("rs-architectures")
export class Architectures extends RingsideElement {
  static override styles = [sharedStyles, formStyles, architecturesStyles];

  /** What follows the workspace's name in the address: nothing, "stacks" or "validation". */
  @property({ attribute: false }) rest: readonly string[] = [];
  /** The cell whose events are shown. */
  @state() private chosen = "";

  override render(): TemplateResult {
    const m = this.m.architectures;
    const view = this.rest[0] ?? "";
    const tab = (name: string, label: string, current: boolean) =>
      html`<a
        class="plain"
        href=${hashOf({ type: "workspace", name: "architectures", rest: name === "" ? [] : [name] })}
        aria-current=${current ? "page" : "false"}
        >${label}</a
      >`;
    return html`
      <nav aria-label=${m.tab}>
        ${tab("", m.compare, view === "")} ${tab("stacks", m.stacks, view === "stacks")}
        ${tab("validation", m.validation, view === "validation")}
      </nav>
      ${this.#view(view)}
    `;
  }

  #view(name: string): TemplateResult {
    if (name === "stacks") return html`<rs-layer-stacks></rs-layer-stacks>`;
    if (name === "validation") return html`<rs-validation></rs-validation>`;
    return this.#compare();
  }

  #compare(): TemplateResult {
    const m = this.m.architectures;
    const run = runs.get().get(this.chosen);
    return html`
      <header>
        <h1>${m.title}</h1>
        <span class="badge small">${m.executed}</span>
      </header>
      <p class="quiet">${m.intro}</p>
      <div class="choices">
        ${this.#choice(m.workloads, WORKLOADS, chosenWorkloads, m.workload)}
        ${this.#choice(m.ways, ARCHITECTURES, chosenArchitectures, m.architecture, m.about)}
        ${this.#predictions()}
      </div>
      ${
        comparisonProblem.get() === ""
          ? nothing
          : html`<p class="bad" role="alert">${m.failed(comparisonProblem.get())}</p>`
      }
      ${this.#table()} ${run === undefined ? nothing : html`<rs-run-details .run=${run}></rs-run-details>`}
    `;
  }

  #choice<T extends string>(
    title: string,
    all: readonly T[],
    chosen: { get(): readonly T[]; set(value: readonly T[]): void },
    names: Readonly<Record<T, string>>,
    hints?: Readonly<Record<T, string>>,
  ): TemplateResult {
    const toggle = (item: T, on: boolean) =>
      chosen.set(all.filter((other) => (other === item ? on : chosen.get().includes(other))));
    return html`<fieldset class="list">
      <legend>${title}</legend>
      ${all.map(
        (item) =>
          html`<label class="choice">
            <input
              type="checkbox"
              name=${item}
              .checked=${chosen.get().includes(item)}
              @change=${(event: Event) => toggle(item, (event.target as HTMLInputElement).checked)}
            />
            <span>${names[item]}</span>
            ${hints === undefined ? nothing : html`<span class="hint">${hints[item]}</span>`}
          </label>`,
      )}
    </fieldset>`;
  }

  /** Why nothing can be run now, or empty. */
  #reason(): string {
    const m = this.m.architectures;
    const workloads = chosenWorkloads.get();
    if (workloads.length === 0 || chosenArchitectures.get().length === 0) return m.nothingChosen;
    if (workloads.some((workload) => !predictions.get().has(workload))) return m.predictAll;
    return remaining.get() > 0 ? m.running(String(remaining.get())) : "";
  }

  #predictions(): TemplateResult {
    const m = this.m.architectures;
    const reason = this.#reason();
    return html`<fieldset>
      <legend>${m.predictFirst}</legend>
      ${chosenWorkloads.get().map(
        (workload) =>
          html`<label class="prediction">
            <span>${m.workload[workload]}</span>
            <select
              name="prediction-${workload}"
              @change=${(event: Event) =>
                predict(workload, (event.target as HTMLSelectElement).value as Architecture)}
            >
              <option value="" disabled ?selected=${!predictions.get().has(workload)}>
                ${m.noPrediction}
              </option>
              ${chosenArchitectures
                .get()
                .map(
                  (architecture) =>
                    html`<option
                      value=${architecture}
                      ?selected=${predictions.get().get(workload) === architecture}
                    >
                      ${m.architecture[architecture]}
                    </option>`,
                )}
            </select>
          </label>`,
      )}
      <div class="row">
        <button
          class="plain primary"
          aria-disabled=${reason === "" ? "false" : "true"}
          aria-describedby="reason"
          @click=${() => reason === "" && void runComparison()}
        >
          ${m.run}
        </button>
        <span id="reason" class="hint" role="status">${reason}</span>
      </div>
    </fieldset>`;
  }

  #table(): TemplateResult | typeof nothing {
    const m = this.m.architectures;
    const architectures = chosenArchitectures.get();
    const workloads = chosenWorkloads
      .get()
      .filter((workload) => architectures.some((way) => runs.get().has(cellKey(workload, way))));
    if (workloads.length === 0) return nothing;
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${m.results}>
      <table>
        <caption>
          ${m.results}
        </caption>
        <thead>
          <tr>
            <th scope="col">${m.workloads}</th>
            ${architectures.map((way) => html`<th scope="col">${m.architecture[way]}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${workloads.map((workload) => this.#row(workload, architectures))}
        </tbody>
      </table>
    </div>`;
  }

  #row(workload: Workload, architectures: readonly Architecture[]): TemplateResult {
    const cells = architectures.map((way) => runs.get().get(cellKey(workload, way)));
    const highest = Math.max(1, ...cells.map((run) => run?.transitions ?? 0));
    return html`<tr>
      <th scope="row">${this.m.architectures.workload[workload]}${this.#verdict(workload)}</th>
      ${cells.map((run) => html`<td>${run === undefined ? this.m.architectures.notRun : this.#cell(run, highest)}</td>`)}
    </tr>`;
  }

  #cell(run: ComparedRun, highest: number): TemplateResult {
    const m = this.m.architectures;
    const key = cellKey(run.workload, run.architecture);
    const count = String(run.transitions);
    return html`<button
      class="cell"
      aria-pressed=${this.chosen === key ? "true" : "false"}
      @click=${() => (this.chosen = key)}
    >
      <span class="visually-hidden">
        ${m.cell(m.workload[run.workload], m.architecture[run.architecture], count)}
      </span>
      <strong>${count}</strong>
      <span class="bar"><span style="inline-size: ${(run.transitions / highest) * 100}%"></span></span>
      <span class="small quiet">${m.instructions(String(run.instructions))}</span>
    </button>`;
  }

  /** Whether the prediction was right, once all is there. */
  #verdict(workload: Workload): TemplateResult | typeof nothing {
    const m = this.m.architectures;
    const predicted = predictions.get().get(workload);
    if (predicted === undefined || remaining.get() > 0) return nothing;
    const winners = most(workload);
    if (winners.length === chosenArchitectures.get().length)
      return html`<span class="verdict">${m.tie}</span>`;
    return winners.includes(predicted)
      ? html`<span class="verdict right">${m.right}</span>`
      : html`<span class="verdict wrong">${m.wrong(m.architecture[predicted])}</span>`;
  }
}
