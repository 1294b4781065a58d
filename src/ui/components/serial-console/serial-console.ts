/**
 * The machine's serial console (COM1) in xterm.js, loaded when it is first needed. xterm.js makes <style> elements,
 * which the page's Content-Security-Policy refuses: `withAdoptedStyles` gives it elements whose text becomes an
 * adopted style sheet instead. (Its option documentOverride does not reach all of them in 6.0.0.)
 */
import type { FitAddon } from "@xterm/addon-fit";
import type { SearchAddon } from "@xterm/addon-search";
import type { ITheme, Terminal } from "@xterm/xterm";
import xtermCss from "@xterm/xterm/css/xterm.css?inline";
import { css, html, nothing, unsafeCSS, type PropertyValues } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { RunningMachine } from "../../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { theme } from "../../state/preferences.ts";
import "../action-button/action-button.ts";
import { RingsideElement } from "../element.ts";
import { sharedStyles } from "../shared.styles.ts";

const LIGHT: ITheme = {
  background: "#fbfbfc",
  foreground: "#1b2027",
  cursor: "#1f5fbf",
  selectionBackground: "#bcd6f8",
  brightBlack: "#5b626c",
  green: "#1c7437",
  yellow: "#8a5300",
  blue: "#1c60b8",
  cyan: "#0f6a75",
};
const DARK: ITheme = {
  background: "#101317",
  foreground: "#e6e9ed",
  cursor: "#7fb2f5",
  selectionBackground: "#2f4c70",
};

/** Runs `open` while each <style> that is made is a hidden element whose text goes into a style sheet of `root`. */
function withAdoptedStyles(root: ShadowRoot, open: () => void): void {
  const makeElement = document.createElement.bind(document);
  document.createElement = (name: string): HTMLElement => {
    const element = makeElement(name === "style" ? "span" : name);
    if (name !== "style") return element;
    element.hidden = true;
    const sheet = new CSSStyleSheet();
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    Object.defineProperty(element, "textContent", {
      set(text: string) {
        sheet.replaceSync(text);
      },
    });
    return element;
  };
  try {
    open();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
}

@customElement("rs-serial-console")
export class SerialConsole extends RingsideElement {
  static override styles = [
    sharedStyles,
    unsafeCSS(xtermCss),
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-block-size: 0;
        background: var(--rs-console);
      }
      .tools {
        display: flex;
        align-items: center;
        gap: 4px;
        padding: 2px 8px;
        border-block-end: 1px solid var(--rs-line);
        background: var(--rs-surface);
      }
      .tools .hint {
        flex: 1;
        padding-inline: 8px;
        text-align: end;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      slot {
        flex-shrink: 1;
      }
      @media (max-width: 700px) {
        .tools {
          overflow-x: auto;
        }
        .tools .hint:not(.now) {
          display: none;
        }
      }
      .terminal {
        flex: 1;
        min-block-size: 0;
        margin: 6px;
        overflow: hidden;
      }
      input {
        padding: 3px 6px;
        border: 1px solid var(--rs-line-strong);
        background: var(--rs-surface);
        color: var(--rs-text);
        font: inherit;
      }
      pre {
        flex: 1;
        min-block-size: 0;
        margin: 0;
        padding: 8px;
        overflow: auto;
        font: var(--rs-text-small) / 1.4 var(--rs-mono);
      }
    `,
  ];

  @property({ attribute: false }) machine?: RunningMachine;
  /** How often the machine has been reset: each time what was shown before moves up behind a line that says so. */
  @property({ type: Number }) resets = 0;
  /** The machine has ended: what it wrote can be read, nothing can be typed. */
  @property({ type: Boolean }) ended = false;
  @query(".terminal") private place!: HTMLElement;
  @state() private finding = false;
  @state() private message = "";
  @state() private transcript?: string;
  #terminal?: Terminal;
  #fit?: FitAddon;
  #search?: SearchAddon;
  #attached?: RunningMachine;
  #detach: (() => void)[] = [];

  protected override async firstUpdated(): Promise<void> {
    const [{ Terminal }, { FitAddon }, { SearchAddon }] = await Promise.all([
      import("@xterm/xterm"),
      import("@xterm/addon-fit"),
      import("@xterm/addon-search"),
    ]);
    if (!this.isConnected) return;
    const terminal = new Terminal({
      fontFamily: getComputedStyle(this).getPropertyValue("--rs-mono"),
      fontSize: 14,
      scrollback: 5000,
      theme: theme.get() === "dark" ? DARK : LIGHT,
    });
    this.#fit = new FitAddon();
    this.#search = new SearchAddon();
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.#search);
    withAdoptedStyles(this.shadowRoot!, () => terminal.open(this.place));
    terminal.attachCustomKeyEventHandler((event) => this.#key(event));
    const bytes = new TextEncoder();
    terminal.onData((text) => this.ended || this.#attached?.console.write(bytes.encode(text)));
    terminal.onResize(({ cols, rows }) => this.#attached?.console.resize(cols, rows));
    this.#terminal = terminal;
    this.#fit.fit();
    const observer = new ResizeObserver(() => this.place.clientHeight > 20 && this.#fit?.fit());
    observer.observe(this.place);
    this.#detach.push(() => observer.disconnect());
    this.#attach();
    if (!this.ended) terminal.focus();
  }

  protected override updated(changed: PropertyValues): void {
    const isSame = !changed.has("machine");
    if (!isSame) this.#attach();
    if (isSame && changed.has("resets") && this.resets > 0) this.#markReset();
    if (!this.#terminal) return;
    this.#terminal.options.disableStdin = this.ended;
    this.#terminal.options.theme = theme.get() === "dark" ? DARK : LIGHT;
  }

  #stopListening?: () => void;
  #attach(): void {
    const terminal = this.#terminal;
    if (!terminal || !this.machine || this.#attached === this.machine) return;
    this.#stopListening?.();
    this.#attached = this.machine;
    terminal.reset();
    terminal.write(this.machine.console.scrollback());
    this.#stopListening = this.machine.console.onOutput((output) => terminal.write(output));
    this.machine.console.resize(terminal.cols, terminal.rows);
  }

  /** A soft reset (DECSTR), a line in reverse video, and a screenful of room. */
  #markReset(): void {
    const { rows = 24 } = this.#terminal ?? {};
    const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false });
    const line = ` ${this.m.console.resetAt(time)} `;
    this.#terminal?.write(`\x1b[!p\x1b[${rows};1H\r\n\x1b[7m${line}\x1b[0m${"\r\n".repeat(rows)}\x1b[H`);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopListening?.();
    for (const detach of this.#detach) detach();
    this.#terminal?.dispose();
  }

  /** Ctrl+Shift+C copies, Ctrl+Shift+F finds, Ctrl+Shift+P stays the page's, Ctrl+Alt leaves the console. */
  #key(event: KeyboardEvent): boolean {
    if (event.type !== "keydown") return true;
    if (event.ctrlKey && event.altKey && (event.key === "Control" || event.key === "Alt")) {
      this.#terminal?.blur();
      this.shadowRoot?.querySelector<HTMLElement>("rs-action")?.focus();
      return false;
    }
    if (!event.ctrlKey || !event.shiftKey) return event.key !== "F1";
    switch (event.code) {
      case "KeyC":
        event.preventDefault();
        this.copy();
        return false;
      case "KeyF":
        event.preventDefault();
        this.finding = true;
        return false;
      default:
        return event.code !== "KeyP" && event.code !== "KeyV";
    }
  }

  private copy(): void {
    const text = this.#terminal?.getSelection() ?? "";
    this.message = text ? this.m.console.copied : this.m.console.copyNothing;
    if (!text) return;
    if (navigator.clipboard) void navigator.clipboard.writeText(text);
    else document.execCommand("copy");
  }

  private find(event: Event): void {
    const { value } = event.target as HTMLInputElement;
    this.message = value && !this.#search?.findNext(value) ? this.m.console.findNone : "";
  }

  private zoom(by: number): void {
    if (!this.#terminal) return;
    this.#terminal.options.fontSize = Math.min(28, Math.max(9, (this.#terminal.options.fontSize ?? 14) + by));
    this.#fit?.fit();
  }

  /** All that the terminal still has, as plain lines. */
  text(): string {
    const buffer = this.#terminal?.buffer.active;
    if (!buffer) return "";
    const lines = Array.from(
      { length: buffer.length },
      (_, i) => buffer.getLine(i)?.translateToString(true) ?? "",
    );
    return lines.join("\n").trimEnd();
  }

  protected override render() {
    const { console: m } = this.m;
    theme.get();
    return html`
      <div class="tools">
        <slot name="bar"></slot>
        <span class="quiet small hint" role="status"
          >${this.message || (this.ended ? m.endedHint : m.serialHint)}</span
        >
        ${this.finding ? html`<input aria-label=${m.findLabel} @change=${this.find} @keydown=${(event: KeyboardEvent) => event.key === "Escape" && (this.finding = false)} />` : nothing}
        <rs-action
          icon="search"
          icon-only
          label=${m.find}
          hint="Ctrl+Shift+F"
          .pressed=${this.finding}
          @rs-press=${() => (this.finding = !this.finding)}
        ></rs-action>
        <rs-action
          icon="clipboard-copy"
          icon-only
          label=${m.copy}
          hint="Ctrl+Shift+C"
          @rs-press=${this.copy}
        ></rs-action>
        <rs-action
          icon="file-text"
          icon-only
          label=${m.transcript}
          .pressed=${this.transcript !== undefined}
          @rs-press=${() => (this.transcript = this.transcript === undefined ? this.text() : undefined)}
        ></rs-action>
        <rs-action label="A+" hint=${m.larger} @rs-press=${() => this.zoom(1)}></rs-action>
        <rs-action label="A−" hint=${m.smaller} @rs-press=${() => this.zoom(-1)}></rs-action>
      </div>
      ${this.transcript === undefined ? nothing : html`<pre tabindex="0" role="region" aria-label=${m.transcriptLabel}>${this.transcript}</pre>`}
      <div class="terminal" ?hidden=${this.transcript !== undefined} aria-label=${m.serial}></div>
    `;
  }
}
