/** The report of a lab (`#/lab/L15/report`): who did it, what for, on what, each step with its evidence; printed or handed in as a file. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { fill } from "../../../labs/seed.ts";
import { resultName, summaryOf, writeResult, type Student } from "../../../labs/result.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { language } from "../../i18n/messages.ts";
import { activeLab, type ActiveLab } from "../../state/labs.ts";
import { saveFile } from "../../state/save-file.ts";
import { student, setStudent } from "../../state/student.ts";
import { drawMarkdown } from "./markdown.ts";

const FIELDS = ["name", "number", "class"] as const satisfies (keyof Student)[];

@customElement("rs-lab-report")
export class LabReport extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 12px;
        max-inline-size: 860px;
        line-height: 1.5;
      }
      h1 {
        font-size: var(--rs-text-title);
      }
      .fields {
        display: flex;
        flex-wrap: wrap;
        gap: 10px 16px;
      }
      table {
        border-collapse: collapse;
        inline-size: 100%;
      }
      th,
      td {
        padding: 4px 8px;
        border: 1px solid var(--rs-line-strong);
        text-align: start;
        vertical-align: top;
        overflow-wrap: anywhere;
      }
      td.when {
        white-space: nowrap;
      }
      @media print {
        .screen {
          display: none;
        }
        input {
          border: 0 !important;
          border-block-end: 1px solid currentColor !important;
        }
      }
    `,
  ];

  @state() private saved = "";

  private get missing(): boolean {
    return FIELDS.some((name) => student.get()[name].trim() === "");
  }

  private handIn({ lab, seed, entries }: ActiveLab): void {
    const result = { lab: lab.id, seed, student: student.get(), entries };
    this.saved = resultName(result);
    saveFile(this.saved, writeResult(result), "application/json");
  }

  private steps({ lab, texts, progress }: ActiveLab) {
    const { report: m, ...labs } = this.m.labs;
    const text = texts[language.get()];
    const time = (at: number) => new Date(at).toLocaleString(document.documentElement.lang);
    return html`<table>
      <caption class="visually-hidden">
        ${m.steps}
      </caption>
      <thead>
        <tr>
          ${[m.step, m.state, m.when, m.evidence].map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${lab.steps.map((step, i) => {
          const done = progress.get(step.id)!;
          const own = text.steps[step.id];
          const state =
            done.passedAt === undefined ? labs.notDone : done.assisted ? labs.assisted : labs.done;
          const answer = done.answer === undefined ? "" : fill(own.choices[done.answer] ?? "", lab.values);
          const found = done.results
            .filter(({ check }) => check !== "answer")
            .map(({ ok, found }) => `${ok ? "✓" : "✗"} ${found}`);
          return html`<tr>
            <th scope="row">${i + 1}. ${fill(own.title, lab.values)}</th>
            <td>
              ${state}
              ${done.hints > 0 ? html`<br /><span class="quiet small">${m.hints(String(done.hints))}</span>` : nothing}
            </td>
            <td class="when">${done.passedAt === undefined ? "" : time(done.passedAt)}</td>
            <td>${answer} ${found.map((line) => html`<div class="mono small">${line}</div>`)}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  protected override render() {
    const { report: m, ...labs } = this.m.labs;
    const active = activeLab.get();
    if (!active) return html`<p>${m.openFirst}</p>`;
    const { lab, seed, texts, entries } = active;
    const text = texts[language.get()];
    const { passed, total } = summaryOf(lab, entries);
    return html`<h1>${m.title}: ${lab.id} ${text.title}</h1>
      <div class="fields">
        ${FIELDS.map(
          (name) =>
            html`<label class="field"
              ><span>${m.student[name]}</span
              ><input
                maxlength="80"
                name=${name}
                .value=${student.get()[name]}
                @change=${(event: Event) =>
                  setStudent({ ...student.get(), [name]: (event.target as HTMLInputElement).value })}
            /></label>`,
        )}
      </div>
      <h2>${m.purpose}</h2>
      <div>${drawMarkdown(fill(text.introduction, lab.values), (code) => html`<pre>${code}</pre>`)}</div>
      <h2>${m.environment}</h2>
      <p>
        ${m.made(String(seed), lab.section)}
        ${lab.scenario.machines.map(({ name, memoryMiB = 64 }) => labs.machine(name, String(memoryMiB))).join("; ")}
      </p>
      <h2>${m.steps}</h2>
      <p>${labs.passed(String(passed), String(total))}</p>
      ${this.steps(active)}
      <p class="quiet small mono">${m.seal} ${entries.at(-1)?.hash}</p>
      <div class="row screen">
        <rs-action
          class="hand-in"
          look="primary"
          icon="floppy"
          label=${m.handIn}
          reason=${this.missing ? m.nameFirst : ""}
          @rs-press=${() => this.handIn(active)}
        ></rs-action>
        <rs-action look="outlined" icon="file-text" label=${m.print} @rs-press=${() => print()}></rs-action>
        ${this.saved ? html`<span role="status">${m.saved(this.saved)}</span>` : nothing}
      </div>`;
  }
}
