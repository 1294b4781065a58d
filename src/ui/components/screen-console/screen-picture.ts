/** Draws what a machine's VGA shows, update by update, on a canvas of any thread. */
import type { ScreenUpdate } from "../../../emulator/machine.ts";
import { CODE_PAGE_437 } from "./code-page-437.ts";

const CELL = { width: 9, height: 16 };
type TextRow = Extract<ScreenUpdate, { type: "text-row" }>;

const colour = (rgb: number) => `#${rgb.toString(16).padStart(6, "0")}`;

export class ScreenPicture {
  readonly #canvas: HTMLCanvasElement | OffscreenCanvas;
  readonly #rows = new Map<number, TextRow>();
  #cursor?: Extract<ScreenUpdate, { type: "cursor" }>;

  constructor(canvas: HTMLCanvasElement | OffscreenCanvas) {
    this.#canvas = canvas;
  }

  get #context(): CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D {
    return this.#canvas.getContext("2d") as CanvasRenderingContext2D;
  }

  draw(update: ScreenUpdate): void {
    switch (update.type) {
      case "text-mode":
        this.#rows.clear();
        this.#canvas.width = update.columns * CELL.width;
        this.#canvas.height = update.rows * CELL.height;
        break;
      case "text-row":
        this.#rows.set(update.row, update);
        this.#drawRow(update);
        break;
      case "cursor": {
        const before = this.#cursor && this.#rows.get(this.#cursor.row);
        this.#cursor = update;
        if (before) this.#drawRow(before);
        if (!update.visible) break;
        const context = this.#context;
        context.fillStyle = "#cccccc";
        context.fillRect(
          update.column * CELL.width,
          update.row * CELL.height + Math.min(update.firstLine, CELL.height - 2),
          CELL.width,
          Math.max(2, update.lastLine - update.firstLine + 1),
        );
        break;
      }
      case "graphics-mode":
        this.#canvas.width = update.width;
        this.#canvas.height = update.height;
        break;
      case "pixels": {
        const { rgba, width, height, x, y } = update;
        this.#context.putImageData(
          new ImageData(rgba as Uint8ClampedArray<ArrayBuffer>, width, height),
          x,
          y,
        );
        break;
      }
      default:
        update satisfies never;
    }
  }

  #drawRow({ row, characters, foreground, background }: TextRow): void {
    const context = this.#context;
    context.font = `${CELL.height - 2}px ui-monospace, Consolas, "DejaVu Sans Mono", monospace`;
    context.textBaseline = "middle";
    characters.forEach((character, column) => {
      const x = column * CELL.width;
      context.fillStyle = colour(background[column]);
      context.fillRect(x, row * CELL.height, CELL.width, CELL.height);
      context.fillStyle = colour(foreground[column]);
      context.fillText(CODE_PAGE_437[character], x, row * CELL.height + CELL.height / 2, CELL.width);
    });
  }
}
