/**
 * What the guest's VGA shows, as `ScreenUpdate`s. v86 draws through an adapter object; outside a page it gives itself one
 * that keeps only characters, and the methods of that one are replaced here. Updates are gathered and sent at most about
 * 30 times a second.
 */
import type { ScreenUpdate } from "../machine.ts";
import type { ScreenAdapter, ScreenLayer, Vga } from "./internals.ts";

const INTERVAL_MS = 33;

export class ScreenCapture {
  readonly #vga: Vga;
  readonly #send: (update: ScreenUpdate) => void;
  #graphical = false;
  #columns = 80;
  #rows = 25;
  #characters = new Uint8Array(80 * 25);
  #foreground = new Uint32Array(80 * 25);
  #background = new Uint32Array(80 * 25);
  #dirtyRows = new Set<number>();
  #cursor = { row: 0, column: 0, visible: true, firstLine: 14, lastLine: 15 };
  #cursorChanged = false;
  #modeChanged = true;
  #width = 0;
  #height = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;

  constructor(vga: Vga, adapter: ScreenAdapter, send: (update: ScreenUpdate) => void) {
    this.#vga = vga;
    this.#send = send;
    this.#patch(adapter);
    this.#graphical = vga.graphical_mode;
    if (!this.#graphical) this.#setTextSize(vga.max_cols || 80, vga.max_rows || 25);
  }

  #patch(adapter: ScreenAdapter): void {
    adapter.put_char = (row, column, character, _flags, background, foreground) => {
      const at = row * this.#columns + column;
      if (row >= this.#rows || column >= this.#columns) return;
      if (
        this.#characters[at] === character &&
        this.#background[at] === background &&
        this.#foreground[at] === foreground
      ) {
        return;
      }
      this.#characters[at] = character;
      this.#background[at] = background;
      this.#foreground[at] = foreground;
      this.#dirtyRows.add(row);
      this.#schedule();
    };
    adapter.set_mode = (graphical) => {
      if (this.#graphical === graphical) return;
      this.#graphical = graphical;
      this.#modeChanged = true;
      this.#schedule();
    };
    adapter.set_size_text = (columns, rows) => {
      if (columns === this.#columns && rows === this.#rows) return;
      this.#setTextSize(columns, rows);
      this.#schedule();
    };
    adapter.set_size_graphical = (width, height) => {
      this.#width = width;
      this.#height = height;
      this.#modeChanged = true;
      this.#schedule();
    };
    adapter.update_cursor = (row, column) => {
      if (row === this.#cursor.row && column === this.#cursor.column) return;
      this.#cursor = { ...this.#cursor, row, column };
      this.#cursorChanged = true;
      this.#schedule();
    };
    adapter.update_cursor_scanline = (firstLine, lastLine, visible) => {
      const cursor = this.#cursor;
      if (cursor.firstLine === firstLine && cursor.lastLine === lastLine && cursor.visible === visible)
        return;
      this.#cursor = { ...cursor, firstLine, lastLine, visible };
      this.#cursorChanged = true;
      this.#schedule();
    };
    adapter.update_buffer = (layers) => {
      for (const layer of layers) this.#sendPixels(layer);
    };
    adapter.clear_screen = () => undefined;
  }

  #setTextSize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
    this.#characters = new Uint8Array(columns * rows);
    this.#foreground = new Uint32Array(columns * rows);
    this.#background = new Uint32Array(columns * rows);
    this.#dirtyRows.clear();
    this.#modeChanged = true;
  }

  /** Graphics memory has no change notice, so it is looked at regularly while the machine runs. */
  start(): void {
    this.#running = true;
    if (this.#graphical) this.#schedule();
  }

  stop(): void {
    this.#running = false;
    this.flush();
  }

  destroy(): void {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush();
      if (this.#graphical && this.#running) this.#schedule();
    }, INTERVAL_MS);
  }

  /** Draws everything again. */
  refresh(): void {
    this.#modeChanged = true;
    this.#cursorChanged = true;
    for (let row = 0; row < this.#rows; row++) this.#dirtyRows.add(row);
    if (this.#graphical) {
      this.#vga.complete_redraw();
      this.#vga.complete_replot();
    }
    this.flush();
  }

  flush(): void {
    if (this.#graphical) this.#flushGraphics();
    else this.#flushText();
  }

  #flushGraphics(): void {
    if (this.#width === 0 || this.#height === 0) return;
    const vga = this.#vga;
    if (this.#modeChanged) {
      this.#modeChanged = false;
      this.#send({
        type: "graphics-mode",
        width: this.#width,
        height: this.#height,
        bitsPerPixel: vga.svga_enabled ? vga.svga_bpp : 8,
      });
    }
    const unchanged =
      !vga.svga_enabled && vga.diff_addr_min > vga.diff_addr_max && vga.diff_plot_min > vga.diff_plot_max;
    if (!unchanged) vga.screen_fill_buffer();
  }

  #flushText(): void {
    if (this.#modeChanged) {
      this.#modeChanged = false;
      this.#cursorChanged = true;
      this.#send({ type: "text-mode", columns: this.#columns, rows: this.#rows });
      for (let row = 0; row < this.#rows; row++) this.#dirtyRows.add(row);
    }
    for (const row of this.#dirtyRows) {
      const from = row * this.#columns;
      const to = from + this.#columns;
      this.#send({
        type: "text-row",
        row,
        characters: this.#characters.slice(from, to),
        foreground: this.#foreground.slice(from, to),
        background: this.#background.slice(from, to),
      });
    }
    this.#dirtyRows.clear();
    if (this.#cursorChanged) {
      this.#cursorChanged = false;
      this.#send({ type: "cursor", ...this.#cursor });
    }
  }

  #sendPixels(layer: ScreenLayer): void {
    const { image_data: image } = layer;
    if (image === undefined || image.data.length === 0) return;
    // Clip to the screen and to the image.
    const x = Math.max(0, layer.screen_x);
    const y = Math.max(0, layer.screen_y);
    const fromX = layer.buffer_x + (x - layer.screen_x);
    const fromY = layer.buffer_y + (y - layer.screen_y);
    const width = Math.min(layer.buffer_width - (x - layer.screen_x), this.#width - x, image.width - fromX);
    const height = Math.min(
      layer.buffer_height - (y - layer.screen_y),
      this.#height - y,
      image.height - fromY,
    );
    if (width <= 0 || height <= 0) return;
    const rgba = new Uint8ClampedArray(width * height * 4);
    for (let row = 0; row < height; row++) {
      const from = ((fromY + row) * image.width + fromX) * 4;
      rgba.set(image.data.subarray(from, from + width * 4), row * width * 4);
    }
    // v86's pixels have no alpha in some modes.
    for (let i = 3; i < rgba.length; i += 4) rgba[i] = 255;
    this.#send({ type: "pixels", x, y, width, height, rgba });
  }
}
