/**
 * What a VGA shows, as `ScreenUpdate`s: text cells, or the pixels of the planar 16-colour modes and of mode 13h. The whole
 * picture is read and compared with what was sent last, so it may be called at any time and at any rate.
 */
import type { ScreenUpdate } from "../../machine.ts";
import { PLANE_BYTES, type Vga } from "./vga.ts";

const MAXIMUM_ROWS = 100;
const MAXIMUM_COLUMNS = 200;

export class VgaScreen {
  readonly #vga: Vga;
  readonly #send: (update: ScreenUpdate) => void;
  #mode = "";
  #columns = 0;
  #rows = 0;
  #cells = new Uint16Array(0);
  #palette = new Uint32Array(16);
  #cursor = "";
  #pixels = new Uint32Array(0);

  constructor(vga: Vga, send: (update: ScreenUpdate) => void) {
    this.#vga = vga;
    this.#send = send;
  }

  /** Draws everything again. */
  refresh(): void {
    this.#mode = "";
    this.#vga.changed = true;
    this.flush();
  }

  flush(): void {
    if (!this.#vga.changed) return;
    this.#vga.changed = false;
    if (this.#vga.isGraphics) this.#flushGraphics();
    else this.#flushText();
  }

  /** 0xRRGGBB of an entry of the palette memory. */
  #colour(index: number): number {
    const { palette, dacMask } = this.#vga;
    const at = (index & dacMask) * 3;
    const wide = (value: number) => (value << 2) | (value >> 4);
    return (wide(palette[at]) << 16) | (wide(palette[at + 1]) << 8) | wide(palette[at + 2]);
  }

  /** The colour of a 4-bit attribute, through the attribute controller. */
  #attributeColour(value: number): number {
    const { attribute } = this.#vga;
    const entry = attribute[value & attribute[0x12] & 15];
    const select = attribute[0x14];
    const low = (attribute[0x10] & 0x80) !== 0 ? (entry & 15) | ((select & 3) << 4) : entry & 0x3f;
    return this.#colour(low | ((select & 12) << 4));
  }

  #flushText(): void {
    const { crtc, planes, attribute, graphics } = this.#vga;
    const columns = Math.min(crtc[1] + 1, MAXIMUM_COLUMNS);
    const cellLines = (crtc[9] & 0x1f) + 1;
    const lines = (crtc[0x12] | ((crtc[7] & 2) << 7) | ((crtc[7] & 0x40) << 3)) + 1;
    const rows = Math.min(Math.max(1, Math.floor(lines / cellLines)), MAXIMUM_ROWS);
    const mode = `text ${columns} ${rows}`;
    let all = false;
    if (mode !== this.#mode) {
      this.#mode = mode;
      this.#columns = columns;
      this.#rows = rows;
      this.#cells = new Uint16Array(columns * rows);
      this.#cursor = "";
      all = true;
      this.#send({ type: "text-mode", columns, rows });
    }
    for (let i = 0; i < 16; i++) {
      const colour = this.#vga.isOn ? this.#attributeColour(i) : 0;
      if (colour !== this.#palette[i]) all = true;
      this.#palette[i] = colour;
    }
    const blinks = (attribute[0x10] & 8) !== 0;
    const oddEven = (graphics[5] & 0x10) !== 0 ? 2 : 1;
    const start = (crtc[0x0c] << 8) | crtc[0x0d];
    const pitch = crtc[0x13] * 2 || columns;
    for (let row = 0; row < this.#rows; row++) {
      let changed = all;
      for (let column = 0; column < columns; column++) {
        const at = (((start + row * pitch + column) * oddEven) & (PLANE_BYTES - 1)) * 4;
        const cell = planes[at] | (planes[at + 1] << 8);
        const place = row * columns + column;
        if (this.#cells[place] !== cell) changed = true;
        this.#cells[place] = cell;
      }
      if (changed) this.#sendRow(row, blinks);
    }
    this.#sendCursor(start, pitch);
  }

  #sendRow(row: number, blinks: boolean): void {
    const columns = this.#columns;
    const characters = new Uint8Array(columns);
    const foreground = new Uint32Array(columns);
    const background = new Uint32Array(columns);
    for (let column = 0; column < columns; column++) {
      const cell = this.#cells[row * columns + column];
      characters[column] = cell & 0xff;
      foreground[column] = this.#palette[(cell >> 8) & 15];
      background[column] = this.#palette[(cell >> 12) & (blinks ? 7 : 15)];
    }
    this.#send({ type: "text-row", row, characters, foreground, background });
  }

  #sendCursor(start: number, pitch: number): void {
    const { crtc } = this.#vga;
    const place = (((crtc[0x0e] << 8) | crtc[0x0f]) - start) & 0xffff;
    const row = Math.floor(place / pitch);
    const visible = (crtc[0x0a] & 0x20) === 0 && row < this.#rows && place % pitch < this.#columns;
    const cursor = {
      type: "cursor" as const,
      row: Math.min(row, this.#rows - 1),
      column: Math.min(place % pitch, this.#columns - 1),
      visible,
      firstLine: crtc[0x0a] & 0x1f,
      lastLine: crtc[0x0b] & 0x1f,
    };
    const text = JSON.stringify(cursor);
    if (text === this.#cursor) return;
    this.#cursor = text;
    this.#send(cursor);
  }

  #flushGraphics(): void {
    const { crtc, graphics } = this.#vga;
    const is256 = (graphics[5] & 0x40) !== 0;
    const width = Math.min((crtc[1] + 1) * (is256 ? 4 : 8), 800);
    const scans = (crtc[9] & 0x1f) + 1 + (crtc[9] >> 7);
    const lines = (crtc[0x12] | ((crtc[7] & 2) << 7) | ((crtc[7] & 0x40) << 3)) + 1;
    const height = Math.min(Math.max(1, Math.floor(lines / scans)), 600);
    const mode = `graphics ${width} ${height} ${is256}`;
    let all = false;
    if (mode !== this.#mode) {
      this.#mode = mode;
      this.#pixels = new Uint32Array(width * height);
      all = true;
      this.#send({ type: "graphics-mode", width, height, bitsPerPixel: is256 ? 8 : 4 });
    }
    const colours = Uint32Array.from({ length: is256 ? 256 : 16 }, (_, i) =>
      is256 ? this.#colour(i) : this.#attributeColour(i),
    );
    for (let y = 0; y < height; y++) {
      let changed = all;
      for (let x = 0; x < width; x++) {
        const value = is256 ? this.#pixel256(x, y) : this.#pixel16(x, y);
        const colour = this.#vga.isOn ? colours[value] : 0;
        const at = y * width + x;
        if (this.#pixels[at] !== colour) changed = true;
        this.#pixels[at] = colour;
      }
      if (changed) this.#sendLine(y, width);
    }
  }

  #pixel16(x: number, y: number): number {
    const { crtc, planes } = this.#vga;
    const start = (crtc[0x0c] << 8) | crtc[0x0d];
    const at = ((start + y * crtc[0x13] * 2 + (x >> 3)) & (PLANE_BYTES - 1)) * 4;
    const bit = 7 - (x & 7);
    let value = 0;
    for (let plane = 0; plane < 4; plane++) value |= ((planes[at + plane] >> bit) & 1) << plane;
    return value;
  }

  #pixel256(x: number, y: number): number {
    const { crtc, planes } = this.#vga;
    const start = ((crtc[0x0c] << 8) | crtc[0x0d]) * 4;
    const pitch = crtc[0x13] * 8;
    const at = start + y * pitch + x;
    return planes[at & (PLANE_BYTES * 4 - 1)];
  }

  #sendLine(y: number, width: number): void {
    const rgba = new Uint8ClampedArray(width * 4);
    for (let x = 0; x < width; x++) {
      const colour = this.#pixels[y * width + x];
      rgba[x * 4] = colour >> 16;
      rgba[x * 4 + 1] = colour >> 8;
      rgba[x * 4 + 2] = colour;
      rgba[x * 4 + 3] = 255;
    }
    this.#send({ type: "pixels", x: 0, y, width, height: 1, rgba });
  }
}
