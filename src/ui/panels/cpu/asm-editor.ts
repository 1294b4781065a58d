/** The assembler's editor: CodeMirror with the instructions coloured, problems underlined and marked in the margin. */
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, syntaxHighlighting, type StreamParser } from "@codemirror/language";
import { EditorState, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  gutter,
  GutterMarker,
  highlightActiveLine,
  keymap,
  lineNumbers,
  type DecorationSet,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { css, html, type PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { isMnemonic } from "../../../emulator/core/assembler/mnemonics.ts";
import { REGISTER_NAMES } from "../../../emulator/core/assembler/notation.ts";
import type { AssemblyProblem } from "../../../emulator/core/assembler/problem.ts";
import { RingsideElement } from "../../components/element.ts";
import { sharedStyles } from "../../components/shared.styles.ts";

const REGISTERS = new Set(Object.values(REGISTER_NAMES).flat());
const DIRECTIVES = new Set(
  "db dw dd dq resb resw resd resq equ org times align bits byte word dword qword tword short near far rep repe repne lock".split(
    " ",
  ),
);

const assembly: StreamParser<unknown> = {
  name: "assembly",
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^;.*/)) return "comment";
    if (stream.match(/^"[^"]*"?|^'[^']*'?|^`[^`]*`?/)) return "string";
    if (stream.match(/^[0-9][\w.]*/)) return "number";
    const word = stream.match(/^[A-Za-z_.?@$][\w.?@$#~]*/) as RegExpMatchArray | null;
    if (word === null) {
      stream.next();
      return null;
    }
    const lower = word[0].toLowerCase();
    if (stream.peek() === ":") return "labelName";
    if (REGISTERS.has(lower)) return "atom";
    if (DIRECTIVES.has(lower)) return "modifier";
    return isMnemonic(lower) ? "keyword" : "name";
  },
};

const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--rs-text-quiet)", fontStyle: "italic" },
  { tag: tags.string, color: "var(--rs-success)" },
  { tag: tags.number, color: "var(--rs-warning)" },
  { tag: tags.keyword, color: "var(--rs-accent)", fontWeight: "600" },
  { tag: tags.modifier, color: "var(--rs-place-host)" },
  { tag: tags.atom, color: "var(--rs-danger)" },
  { tag: tags.labelName, color: "var(--rs-text)", fontWeight: "600" },
]);

const setProblems = StateEffect.define<readonly AssemblyProblem[]>();

class ProblemMarker extends GutterMarker {
  override toDOM(): Node {
    const mark = document.createElement("span");
    mark.textContent = "●";
    mark.style.color = "var(--rs-danger)";
    return mark;
  }
}
const MARKER = new ProblemMarker();

function underlined(state: EditorState, problems: readonly AssemblyProblem[]): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  for (const { line, column, length, message } of problems) {
    if (line > state.doc.lines) continue;
    const { from, to } = state.doc.line(line);
    const start = Math.min(from + column - 1, to);
    const end = Math.min(start + length, to);
    const attributes = { title: message };
    if (end > start) builder.add(start, end, Decoration.mark({ class: "rs-problem", attributes }));
  }
  return builder.finish();
}

const problemField = StateField.define<{ list: readonly AssemblyProblem[]; marks: DecorationSet }>({
  create: () => ({ list: [], marks: Decoration.none }),
  update(value, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setProblems)) {
        return { list: effect.value, marks: underlined(transaction.state, effect.value) };
      }
    }
    return transaction.docChanged ? { ...value, marks: value.marks.map(transaction.changes) } : value;
  },
  provide: (field) => EditorView.decorations.from(field, ({ marks }) => marks),
});

const problemGutter = gutter({
  class: "rs-problem-gutter",
  lineMarker(view, line) {
    const number = view.state.doc.lineAt(line.from).number;
    return view.state.field(problemField).list.some((problem) => problem.line === number) ? MARKER : null;
  },
  lineMarkerChange: (update) => update.startState.field(problemField) !== update.state.field(problemField),
  initialSpacer: () => MARKER,
});

@customElement("rs-asm-editor")
export class AsmEditor extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: block;
        min-block-size: 0;
        overflow: hidden;
        background: var(--rs-surface);
      }
      #place {
        block-size: 100%;
      }
      .rs-problem {
        text-decoration: underline wavy var(--rs-danger);
      }
    `,
  ];

  /** Set by whoever loads another program; what is typed is told by `rs-source`. */
  @property({ attribute: false }) source = "";
  @property({ attribute: false }) problems: readonly AssemblyProblem[] = [];
  #view?: EditorView;
  #told = "";

  protected override render() {
    return html`<div id="place"></div>`;
  }

  protected override firstUpdated(): void {
    this.#told = this.source;
    this.#view = new EditorView({
      parent: this.renderRoot.querySelector("#place")!,
      root: this.renderRoot as ShadowRoot,
      state: EditorState.create({
        doc: this.source,
        extensions: [
          problemGutter,
          lineNumbers(),
          history(),
          drawSelection(),
          EditorView.lineWrapping,
          highlightActiveLine(),
          keymap.of([
            { key: "Mod-Enter", run: () => (this.emit("rs-assemble"), true) },
            ...historyKeymap,
            ...defaultKeymap,
            indentWithTab,
          ]),
          EditorState.tabSize.of(8),
          StreamLanguage.define(assembly),
          syntaxHighlighting(colours),
          problemField,
          EditorView.contentAttributes.of({ "aria-label": this.m.cpu.editor, tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged) return;
            this.#told = update.state.doc.toString();
            this.emit("rs-source", this.#told);
          }),
          EditorView.theme({
            "&": { height: "100%", fontSize: "12.5px", color: "var(--rs-text)" },
            "&.cm-focused": { outline: "none" },
            ".cm-scroller": { fontFamily: "var(--rs-mono)", lineHeight: "1.5" },
            ".cm-gutters": {
              backgroundColor: "var(--rs-surface-quiet)",
              color: "var(--rs-text-quiet)",
              borderColor: "var(--rs-line)",
            },
            ".cm-activeLine": { backgroundColor: "transparent", boxShadow: "inset 0 0 0 1px var(--rs-line)" },
            ".cm-cursor": { borderInlineStartColor: "var(--rs-text)" },
            "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
              backgroundColor: "var(--rs-surface-active) !important",
            },
          }),
        ],
      }),
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#view?.destroy();
  }

  protected override updated(changed: PropertyValues<this>): void {
    const view = this.#view;
    if (view === undefined) return;
    if (changed.has("source") && this.source !== this.#told) {
      this.#told = this.source;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: this.source } });
    }
    if (changed.has("problems")) view.dispatch({ effects: setProblems.of(this.problems) });
  }

  /** Puts the cursor where a problem is. */
  show(line: number, column: number): void {
    const view = this.#view;
    if (view === undefined || line > view.state.doc.lines) return;
    const { from, to } = view.state.doc.line(line);
    const anchor = Math.min(from + column - 1, to);
    view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    view.focus();
  }
}
