/** The class page (`#/lab/class`): result files of a class as one table, with what is wrong with each; nothing leaves the page. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { LAB_IDS } from "../../../labs/catalogue.ts";
import { progressOf } from "../../../labs/journal.ts";
import {
  LARGEST_RESULT,
  readResult,
  ResultError,
  summaryOf,
  writeCsv,
  type LabResult,
  type ResultSummary,
} from "../../../labs/result.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import type { Messages } from "../../i18n/messages.ts";
import { language } from "../../i18n/messages.ts";
import { loadLab, type ActiveLab } from "../../state/labs.ts";
import { saveFile } from "../../state/save-file.ts";

const MOST_FILES = 500;

type Row = { file: string } & (
  | { result: LabResult; summary: ResultSummary; lab: ActiveLab["lab"]; texts: ActiveLab["texts"] }
  | { problem: ResultError["problem"] | "too-large" | "no-lab"; detail: string }
);
type ReadRow = Extract<Row, { summary: ResultSummary }>;

const isRead = (row: Row): row is ReadRow => "summary" in row;

@customElement("rs-lab-class")
export class ClassPage extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 12px;
      }
      h1 {
        font-size: var(--rs-text-title);
      }
      .drop {
        display: flex;
        flex-direction: column;
        gap: 8px;
        max-inline-size: 720px;
        padding: 16px;
        border: 2px dashed var(--rs-line-strong);
        border-radius: 6px;
      }
      .scroll {
        overflow-x: auto;
      }
      table {
        border-collapse: collapse;
      }
      th,
      td {
        padding: 3px 10px;
        border: 1px solid var(--rs-line);
        text-align: start;
      }
      td.number {
        text-align: end;
        font-variant-numeric: tabular-nums;
      }
      tr.wrong {
        background: var(--rs-danger-quiet);
      }
    `,
  ];

  @state() private rows: readonly Row[] = [];
  @state() private onlyOpen = false;
  @state() private busy = false;

  private async take(files: FileList | null | undefined): Promise<void> {
    this.busy = true;
    const read: Row[] = [];
    for (const file of [...(files ?? [])].slice(0, MOST_FILES)) read.push(await readRow(file));
    // The same file again takes the place of its former reading.
    const kept = this.rows.filter(({ file }) => !read.some((row) => row.file === file));
    this.rows = [...kept, ...read].slice(-MOST_FILES);
    this.busy = false;
  }

  private get shown(): readonly Row[] {
    const open = (row: Row) => !isRead(row) || row.summary.passed < row.summary.total;
    return this.onlyOpen ? this.rows.filter(open) : this.rows;
  }

  private problem({ class: m }: Messages["labs"], row: Exclude<Row, ReadRow>): string {
    return `${m.problem[row.problem]} (${row.detail.slice(0, 120)})`;
  }

  private row(row: Row) {
    const { labs } = this.m;
    if (!isRead(row))
      return html`<tr class="wrong">
        <td>${row.file}</td>
        <td colspan="9">✗ ${this.problem(labs, row)}</td>
      </tr>`;
    const { result, summary } = row;
    const { passed, total, assisted, hints, failures, milliseconds } = summary;
    const numbers = [`${passed}/${total}`, assisted, hints, failures, Math.round(milliseconds / 60_000)];
    return html`<tr>
      <td>${row.file}</td>
      <td>${result.student.class}</td>
      <td>${result.student.number}</td>
      <td>${result.student.name}</td>
      <td>${result.lab}</td>
      ${numbers.map((value) => html`<td class="number">${value}</td>`)}
    </tr>`;
  }

  /** How many of those who did a lab passed each of its steps. */
  private items() {
    const { class: m } = this.m.labs;
    const all = this.rows.filter(isRead);
    return LAB_IDS.flatMap((id) => {
      const rows = all.filter(({ result }) => result.lab === id);
      if (rows.length === 0) return [];
      const { lab, texts } = rows[0];
      const text = texts[language.get()];
      const progress = rows.map((row) => progressOf(row.lab, row.result.entries));
      return html`<h2>${m.items(id, String(rows.length))}</h2>
        <table>
          <thead>
            <tr>
              ${[m.step, m.passed, m.assisted, m.failures].map((title) => html`<th scope="col">${title}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${lab.steps.map(({ id: step }, i) => {
              const states = progress.map((steps) => steps.get(step)!);
              const count = (holds: (state: (typeof states)[number]) => boolean) =>
                states.filter(holds).length;
              const failures = states.reduce((sum, state) => sum + state.failures, 0);
              return html`<tr>
                <th scope="row">${i + 1}. ${text.steps[step].title}</th>
                <td class="number">${count(({ passedAt }) => passedAt !== undefined)}</td>
                <td class="number">${count(({ assisted }) => assisted)}</td>
                <td class="number">${failures}</td>
              </tr>`;
            })}
          </tbody>
        </table>`;
    });
  }

  private csv(): void {
    const { labs } = this.m;
    const rows = this.rows.map((row) => {
      if (!isRead(row)) return [row.file, "", "", "", "", "", "", "", "", "", this.problem(labs, row)];
      const { student, lab } = row.result;
      const { passed, total, assisted, hints, failures, milliseconds } = row.summary;
      const minutes = Math.round(milliseconds / 60_000);
      return [
        row.file,
        student.class,
        student.number,
        student.name,
        lab,
        passed,
        total,
        assisted,
        hints,
        failures,
        minutes,
      ];
    });
    const m = labs.class;
    const head = [
      m.file,
      m.class,
      m.number,
      m.name,
      m.lab,
      m.passed,
      m.total,
      m.assisted,
      m.hints,
      m.failures,
      m.minutes,
    ];
    saveFile("ringside.csv", writeCsv([head, ...rows]), "text/csv");
  }

  protected override render() {
    const { class: m } = this.m.labs;
    const heads = [
      m.file,
      m.class,
      m.number,
      m.name,
      m.lab,
      m.passed,
      m.assisted,
      m.hints,
      m.failures,
      m.minutes,
    ];
    return html`<h1>${m.title}</h1>
      <div
        class="drop"
        @dragover=${(event: DragEvent) => event.preventDefault()}
        @drop=${(event: DragEvent) => {
          event.preventDefault();
          void this.take(event.dataTransfer?.files);
        }}
      >
        <label class="field"
          ><span>${m.drop}</span
          ><input
            type="file"
            multiple
            accept=".json"
            @change=${(event: Event) => void this.take((event.target as HTMLInputElement).files)}
        /></label>
        <span class="quiet small">${m.seal}</span>
        ${this.busy ? html`<span role="status">${m.reading}</span>` : nothing}
      </div>
      ${
        this.rows.length === 0
          ? nothing
          : html`<div class="row">
                <label
                  ><input
                    type="checkbox"
                    .checked=${this.onlyOpen}
                    @change=${() => (this.onlyOpen = !this.onlyOpen)}
                  />
                  ${m.onlyOpen}</label
                >
                <rs-action
                  class="csv"
                  look="outlined"
                  icon="floppy"
                  label=${m.csv}
                  @rs-press=${() => this.csv()}
                ></rs-action>
              </div>
              <div class="scroll" tabindex="0" role="region" aria-label=${m.title}>
                <table class="results">
                  <thead>
                    <tr>
                      ${heads.map((title) => html`<th scope="col">${title}</th>`)}
                    </tr>
                  </thead>
                  <tbody>
                    ${this.shown.map((row) => this.row(row))}
                  </tbody>
                </table>
              </div>
              ${this.items()}`
      }`;
  }
}

async function readRow(file: File): Promise<Row> {
  const { name } = file;
  if (file.size > LARGEST_RESULT) return { file: name, problem: "too-large", detail: String(file.size) };
  try {
    const result = readResult(await file.text());
    if (!LAB_IDS.includes(result.lab)) return { file: name, problem: "no-lab", detail: result.lab };
    const { lab, texts } = await loadLab(result.lab, result.seed);
    return { file: name, result, lab, texts, summary: summaryOf(lab, result.entries) };
  } catch (error) {
    if (error instanceof ResultError) return { file: name, problem: error.problem, detail: error.message };
    return { file: name, problem: "not-a-result", detail: String(error) };
  }
}
