/** The bare PC's program: examples, the assembler's editor with its problems, and recorded sessions as files. */
import { html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { AssemblyProblem } from "../../../emulator/core/assembler/problem.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { language } from "../../i18n/messages.ts";
import type { BareProgram } from "../../state/bare-program.ts";
import { saveFile } from "../../state/save-file.ts";
import type { AsmEditor } from "./asm-editor.ts";
import "./asm-editor.ts";
import { fields } from "./fields.styles.ts";
import { styles } from "./cpu.styles.ts";
import { problemText } from "./problem-text.ts";
import { exampleOf, EXAMPLES, exampleSource } from "./examples.ts";

const LARGEST_FILE = 16 << 20;

@customElement("rs-source-pane")
export class SourcePane extends RingsideElement {
  static override styles = [sharedStyles, fields, styles];

  @property({ attribute: false }) program?: BareProgram;
  @state() private note = "";
  @query("rs-asm-editor") private editor?: AsmEditor;

  /** An example as it came changes its explanation with the page's language. */
  protected override willUpdate(): void {
    const source = this.program?.source.get() ?? "";
    const example = EXAMPLES[exampleOf(source)];
    if (example === undefined) return;
    const translated = exampleSource(example, language.get());
    if (translated !== source) this.program?.edit(translated);
  }

  private async assemble(): Promise<void> {
    this.note = "";
    await this.program?.load();
  }

  private chooseExample(event: Event): void {
    const example = EXAMPLES[Number((event.target as HTMLSelectElement).value)];
    if (example === undefined) return;
    this.program?.edit(exampleSource(example, language.get()));
    void this.assemble();
  }

  private async save(): Promise<void> {
    const text = await this.program?.recording();
    if (text !== undefined) saveFile("ringside-session.json", text, "application/json");
  }

  private async open(event: Event): Promise<void> {
    const { cpu: m } = this.m;
    const input = event.target as HTMLInputElement;
    const [file] = input.files ?? [];
    input.value = "";
    if (!file) return;
    const text = file.size <= LARGEST_FILE ? await file.text() : "";
    this.note = m.replayRuns(file.name);
    const result = await this.program?.replay(text);
    this.note = m.replayed[result ?? "no-recording"](file.name);
  }

  private tools(program: BareProgram) {
    const { cpu: m } = this.m;
    const chinese = language.get() === "zh-CN";
    const chosen = exampleOf(program.source.get());
    const running = program.presenter.view.get()?.running === true ? m.isRunning : "";
    return html`<div class="row">
      <select aria-label=${m.example} @change=${this.chooseExample}>
        ${chosen < 0 ? html`<option value="-1" selected>${m.ownSource}</option>` : nothing}
        ${EXAMPLES.map(
          ({ titles }, i) =>
            html`<option value=${i} ?selected=${i === chosen}>${chinese ? titles.zh : titles.en}</option>`,
        )}
      </select>
      <rs-action
        look="outlined"
        label=${m.assemble}
        hint="Ctrl+Enter"
        @rs-press=${() => void this.assemble()}
      ></rs-action>
      <rs-action
        class="save-recording"
        icon-only
        icon="floppy"
        label=${m.saveRecording}
        reason=${running}
        @rs-press=${() => void this.save()}
      ></rs-action>
      <rs-action
        icon-only
        icon="folder-open"
        label=${m.openRecording}
        @rs-press=${() => this.renderRoot.querySelector<HTMLInputElement>("input[type=file]")!.click()}
      ></rs-action>
      <input hidden type="file" accept=".json" aria-label=${m.openRecording} @change=${this.open} />
    </div>`;
  }

  private problems(problems: readonly AssemblyProblem[]) {
    const { cpu: m } = this.m;
    if (problems.length === 0) return nothing;
    return html`<ul class="problems" aria-label=${m.problems}>
      ${problems.map(
        (problem) =>
          html`<li>
            <button class="link" @click=${() => this.editor?.show(problem.line, problem.column)}>
              ${m.line(problem.line, problem.column)}: ${problemText(problem)}
            </button>
          </li>`,
      )}
    </ul>`;
  }

  protected override render() {
    const { program } = this;
    const { cpu: m } = this.m;
    if (program === undefined) return nothing;
    const problems = program.problems.get();
    const loaded = program.loadedBytes.get();
    return html`${this.tools(program)}
      <p class="row small quiet" role="status">
        ${this.note || (loaded === undefined ? m.notLoaded : m.assembled(loaded))}
      </p>
      <rs-asm-editor
        class="fill"
        .source=${program.source.get()}
        .problems=${problems.map((problem) => ({ ...problem, message: problemText(problem) }))}
        @rs-source=${(event: CustomEvent<string>) => program.edit(event.detail)}
        @rs-assemble=${() => void this.assemble()}
      ></rs-asm-editor>
      ${this.problems(problems)}`;
  }
}
