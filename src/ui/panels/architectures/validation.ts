/** Predicted against published, for every open cell, the bad ones first. */
import { html, nothing, type TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { meanError } from "../../../hypervisor-model/architectures/mean-error.ts";
import type { ValidatedCell } from "../../../hypervisor-model/architectures/validation.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { comparisonProblem, loadValidation, validation } from "../../state/comparison.ts";
import { architecturesStyles } from "./architectures.styles.ts";

/** An error from here on is marked. */
const FAR = 1.3;
const KINDS = ["executed", "formula", "fit"] as const;

const kindOf = ({ answer }: ValidatedCell) => (answer.value === null ? undefined : answer.kind);

@customElement("rs-validation")
export class Validation extends RingsideElement {
  static override styles = [sharedStyles, architecturesStyles];

  override connectedCallback(): void {
    super.connectedCallback();
    void loadValidation();
  }

  override render(): TemplateResult {
    const m = this.m.architectures;
    const cells = validation.get();
    const problem = comparisonProblem.get();
    return html`
      <header>
        <h1>${m.validationTitle}</h1>
        <span class="badge small">${m.modelled}</span>
      </header>
      <p class="quiet">${m.validationIntro}</p>
      ${problem === "" ? nothing : html`<p role="alert">${m.failed(problem)}</p>`}
      ${cells.length === 0 ? html`<p role="status">${m.computing}</p>` : this.#results(cells)}
    `;
  }

  #results(cells: readonly ValidatedCell[]): TemplateResult {
    const m = this.m.architectures;
    const answered = cells.filter(({ error }) => error !== undefined);
    const sorted = cells.toSorted((a, b) => (b.error ?? 0) - (a.error ?? 0));
    return html`
      <ul>
        <li>${m.answered(String(answered.length), String(cells.length))}</li>
        ${KINDS.map((kind) => {
          const own = answered.filter((cell) => kindOf(cell) === kind);
          return html`<li>${m.meanError(m.kind[kind], String(own.length), meanError(own).toFixed(2))}</li>`;
        })}
      </ul>
      <div class="scroll" tabindex="0" role="region" aria-label=${m.validationTitle}>
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">${m.factor}</th>
              <th scope="col" class="number">${m.published}</th>
              <th scope="col" class="number">${m.predicted}</th>
              <th scope="col">${m.metric}</th>
              <th scope="col">${m.system}</th>
              <th scope="col">${m.paper}</th>
              <th scope="col">${m.how}</th>
            </tr>
          </thead>
          <tbody>
            ${sorted.map((cell) => this.#row(cell))}
          </tbody>
        </table>
      </div>
    `;
  }

  #row({ figure, answer, error }: ValidatedCell): TemplateResult {
    const m = this.m.architectures;
    return html`<tr>
      <td class="number ${error !== undefined && error > FAR ? "far" : ""}">${error?.toFixed(2) ?? ""}</td>
      <td class="number">${figure.value} ${figure.unit}</td>
      <td class="number">${answer.value === null ? m.noAnswer : answer.value}</td>
      <td>${figure.metric}</td>
      <td>${figure.system}</td>
      <td>${figure.paper}<br /><span class="small quiet">${figure.table}</span></td>
      <td class="small">
        ${answer.value === null ? answer.why : html`${m.kind[answer.kind]}: ${answer.how}`}
      </td>
    </tr>`;
  }
}
