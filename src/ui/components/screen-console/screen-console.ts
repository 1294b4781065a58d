/** What the machine's VGA shows, on a canvas; keyboard and mouse go to the guest while it is captured. */
import { css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { ScreenUpdate } from "../../../emulator/machine.ts";
import type { RunningMachine } from "../../../hypervisor-model/virtual-machines/running-machine-types.ts";
import "../action-button/action-button.ts";
import { RingsideElement } from "../element.ts";
import { sharedStyles } from "../shared.styles.ts";
import { scanCodes } from "./scan-codes.ts";
import { ScreenPicture } from "./screen-picture.ts";

const KEYS = [
  "Escape",
  "Tab",
  "ControlLeft",
  "AltLeft",
  "ShiftLeft",
  ...Array.from({ length: 12 }, (_, i) => `F${i + 1}`),
  "Insert",
  "Delete",
  "Home",
  "End",
  "PageUp",
  "PageDown",
  "ArrowLeft",
  "ArrowUp",
  "ArrowDown",
  "ArrowRight",
  "Enter",
];
/** As printed on the keys. */
const KEY_NAMES: Record<string, string> = {
  Escape: "Esc",
  ControlLeft: "Ctrl",
  AltLeft: "Alt",
  ShiftLeft: "Shift",
  Insert: "Ins",
  Delete: "Del",
  PageUp: "PgUp",
  PageDown: "PgDn",
};
const STICKY = new Set(["ControlLeft", "AltLeft", "ShiftLeft"]);

@customElement("rs-screen-console")
export class ScreenConsole extends RingsideElement {
  static override styles = [
    sharedStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-block-size: 0;
        background: var(--rs-surface-quiet);
      }
      .place {
        display: grid;
        flex: 1;
        grid-template: minmax(0, 1fr) / minmax(0, 1fr);
        min-block-size: 0;
        place-items: center;
        padding: 8px;
      }
      canvas {
        max-inline-size: 100%;
        max-block-size: 100%;
        background: #000;
      }
      canvas.captured {
        outline: 2px solid var(--rs-place-kernel);
      }
      .tools,
      .keys {
        display: flex;
        align-items: center;
        gap: 2px;
        padding: 2px 8px;
        background: var(--rs-surface);
      }
      .tools {
        flex-wrap: wrap;
        border-block-end: 1px solid var(--rs-line);
      }
      .keys {
        flex-wrap: wrap;
        border-block-start: 1px solid var(--rs-line);
      }
      .hint {
        flex: 1 1 18em;
        padding-inline: 8px;
        overflow: hidden;
        text-align: end;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .hint.now {
        color: var(--rs-place-kernel);
        font-weight: 600;
      }
    `,
  ];

  @property({ attribute: false }) machine?: RunningMachine;
  /** The machine has ended: its last picture stays. */
  @property({ type: Boolean }) ended = false;
  @query("canvas") private canvas!: HTMLCanvasElement;
  @state() private captured = false;
  @state() private wasCaptured = false;
  @state() private keysShown = false;
  @state() private mode?: Extract<ScreenUpdate, { type: "text-mode" | "graphics-mode" }>;
  @state() private held: readonly string[] = [];
  #picture?: ScreenPicture;
  #stop?: () => void;
  #listeningTo?: RunningMachine;

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("machine") || this.machine === this.#listeningTo) return;
    this.#stop?.();
    this.#listeningTo = this.machine;
    this.#stop = this.machine?.display.onUpdate((update) => this.draw(update));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.release();
    this.#stop?.();
    this.#listeningTo = undefined;
  }

  private draw(update: ScreenUpdate): void {
    if (update.type === "text-mode" || update.type === "graphics-mode") this.mode = update;
    (this.#picture ??= new ScreenPicture(this.canvas)).draw(update);
  }

  private async capture(): Promise<void> {
    if (this.ended) return;
    this.captured = true;
    this.wasCaptured = true;
    this.canvas.focus();
    await this.canvas.requestPointerLock?.()?.catch?.(() => undefined);
  }

  private release(): void {
    if (!this.captured) return;
    this.captured = false;
    for (const code of ["ControlLeft", "AltLeft", "ShiftLeft"]) this.send(code, false);
    if (document.pointerLockElement) document.exitPointerLock();
  }

  private send(code: string, down: boolean): void {
    const codes = scanCodes(code, down);
    if (codes.length > 0) this.machine?.display.sendScancodes(codes);
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (!this.captured) {
      if (event.type === "keydown" && event.code === "Enter") void this.capture();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (event.ctrlKey && event.altKey && /^(Control|Alt)/.test(event.code)) this.release();
    else this.send(event.code, event.type === "keydown");
  }

  private pointer(event: PointerEvent | WheelEvent): void {
    if (!this.captured) return;
    const { movementX, movementY, buttons } = event;
    this.machine?.display.movePointer({
      deltaX: movementX,
      deltaY: movementY,
      wheel: event instanceof WheelEvent ? Math.sign(event.deltaY) : 0,
      buttons: { left: (buttons & 1) !== 0, right: (buttons & 2) !== 0, middle: (buttons & 4) !== 0 },
    });
  }

  private press(code: string): void {
    if (STICKY.has(code)) {
      const held = this.held.includes(code);
      this.send(code, !held);
      this.held = held ? this.held.filter((other) => other !== code) : [...this.held, code];
      return;
    }
    this.send(code, true);
    this.send(code, false);
    for (const held of this.held) this.send(held, false);
    this.held = [];
  }

  private keyName(code: string): string {
    const { keysPad } = this.m;
    const arrows: Record<string, string> = {
      ArrowLeft: `← ${keysPad.left}`,
      ArrowRight: `→ ${keysPad.right}`,
      ArrowUp: `↑ ${keysPad.up}`,
      ArrowDown: `↓ ${keysPad.down}`,
    };
    return arrows[code] ?? KEY_NAMES[code] ?? code;
  }

  private modeText(): string {
    const { console: m } = this.m;
    const { mode } = this;
    if (!mode) return m.screenWaiting;
    return mode.type === "text-mode"
      ? m.textScreen(mode.columns, mode.rows)
      : m.graphicsScreen(mode.width, mode.height);
  }

  protected override render() {
    const { console: m, keysPad } = this.m;
    const say = this.ended
      ? m.endedHint
      : this.captured
        ? m.captured
        : this.wasCaptured
          ? m.released
          : m.clickToUse;
    return html`
      <div class="tools">
        <slot name="bar"></slot>
        <span class="small hint ${this.captured ? "now" : "quiet"}" role="status">${say}</span>
        <rs-action
          icon="keyboard"
          label=${m.keys}
          hint=${keysPad.hint}
          reason=${this.ended ? m.endedHint : ""}
          .pressed=${this.keysShown}
          @rs-press=${() => (this.keysShown = !this.keysShown)}
        ></rs-action>
      </div>
      <div class="place">
        <canvas
          tabindex="0"
          role="application"
          width="720"
          height="400"
          aria-label=${this.modeText()}
          class=${this.captured ? "captured" : ""}
          @click=${this.capture}
          @keydown=${this.key}
          @keyup=${this.key}
          @blur=${this.release}
          @pointermove=${this.pointer}
          @pointerdown=${this.pointer}
          @pointerup=${this.pointer}
          @wheel=${this.pointer}
        ></canvas>
      </div>
      ${
        this.keysShown && !this.ended
          ? html`<div class="keys" role="group" aria-label=${keysPad.label}>
              ${KEYS.map((code) => html`<rs-action label=${this.keyName(code)} .pressed=${STICKY.has(code) ? this.held.includes(code) : undefined} @rs-press=${() => this.press(code)}></rs-action>`)}
            </div>`
          : nothing
      }
    `;
  }
}
