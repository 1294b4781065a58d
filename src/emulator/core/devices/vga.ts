/**
 * The registers and the 256 KiB of memory of an IBM VGA (IBM VGA XGA Technical Reference, 1992): ports 3B0h to 3DFh and the
 * window at A0000h. Memory is four planes; the byte of plane p at offset o is `planes[o * 4 + p]`. What is on the screen is
 * read from here by vga-screen.ts.
 */
import type { Clock } from "../clock.ts";

export const PLANE_BYTES = 0x10000;
const FRAME_NANOSECONDS = 14_268_000;
const RETRACE_NANOSECONDS = 13_000_000;
const LINE_NANOSECONDS = 31_778;

/** Mode 3 as a VGA BIOS sets it (80 × 25, 16 colours): for kernels that are started without one. */
const MODE3 = {
  sequencer: [3, 0, 3, 0, 2],
  crtc: [
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28,
    0x1f, 0x96, 0xb9, 0xa3, 0xff,
  ],
  graphics: [0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff],
  attribute: [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 8, 0],
  miscellaneous: 0x67,
};

export interface VgaState {
  version: 1;
  planes: Uint8Array;
  palette: Uint8Array;
  sequencer: number[];
  crtc: number[];
  graphics: number[];
  attribute: number[];
  latches: number[];
  /** Sequencer, CRTC, graphics and attribute index, attribute flip-flop, miscellaneous output, DAC mask, index and state. */
  other: number[];
}

export class Vga {
  readonly planes = new Uint8Array(PLANE_BYTES * 4);
  /** 256 colours of three 6-bit components. */
  readonly palette = new Uint8Array(768);
  readonly sequencer = new Uint8Array(8);
  readonly crtc = new Uint8Array(32);
  readonly graphics = new Uint8Array(16);
  readonly attribute = new Uint8Array(32);
  readonly #clock: Clock;
  readonly #latches = new Uint8Array(4);
  #sequencerIndex = 0;
  #crtcIndex = 0;
  #graphicsIndex = 0;
  #attributeIndex = 0x20;
  #attributeData = false;
  #miscellaneous = 0;
  #dacMask = 0xff;
  #dacRead = 0;
  #dacWrite = 0;
  /** Something that is seen may have changed since the screen was last read. */
  changed = true;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.reset();
  }

  reset(): void {
    this.planes.fill(0);
    for (let cell = 0; cell < 0x8000; cell += 1) {
      this.planes[cell * 8] = 0x20;
      this.planes[cell * 8 + 1] = 0x07;
    }
    this.sequencer.set(MODE3.sequencer);
    this.crtc.set(MODE3.crtc);
    this.graphics.set(MODE3.graphics);
    this.attribute.set(MODE3.attribute);
    this.#miscellaneous = MODE3.miscellaneous;
    for (let colour = 0; colour < 64; colour++) {
      // Bits 2, 1, 0 are two thirds of red, green, blue, bits 5, 4, 3 one third.
      for (let part = 0; part < 3; part++) {
        const high = (colour >> (2 - part)) & 1;
        const low = (colour >> (5 - part)) & 1;
        this.palette[colour * 3 + part] = high * 42 + low * 21;
      }
    }
    this.#attributeIndex = 0x20;
    this.#attributeData = false;
    this.#dacMask = 0xff;
    this.changed = true;
  }

  get isGraphics(): boolean {
    return (this.graphics[6] & 1) !== 0;
  }

  /** The screen is on: attribute controller connected, sequencer not blanking. */
  get isOn(): boolean {
    return (this.#attributeIndex & 0x20) !== 0 && (this.sequencer[1] & 0x20) === 0;
  }

  get dacMask(): number {
    return this.#dacMask;
  }

  readPort(port: number): number {
    switch (port) {
      case 0x3c0:
        return this.#attributeIndex;
      case 0x3c1:
        return this.attribute[this.#attributeIndex & 0x1f];
      case 0x3c2:
        return 0x10;
      case 0x3c4:
        return this.#sequencerIndex;
      case 0x3c5:
        return this.sequencer[this.#sequencerIndex & 7];
      case 0x3c6:
        return this.#dacMask;
      case 0x3c7:
        return 3;
      case 0x3c8:
        return Math.floor(this.#dacWrite / 3) & 0xff;
      case 0x3c9: {
        const value = this.palette[this.#dacRead];
        this.#dacRead = (this.#dacRead + 1) % 768;
        return value;
      }
      case 0x3cc:
        return this.#miscellaneous;
      case 0x3ce:
        return this.#graphicsIndex;
      case 0x3cf:
        return this.graphics[this.#graphicsIndex & 15];
      default:
        return this.#readCrtcPort(port);
    }
  }

  #readCrtcPort(port: number): number {
    if (!this.#decodes(port)) return 0xff;
    switch (port & 15) {
      case 4:
        return this.#crtcIndex;
      case 5:
        return this.crtc[this.#crtcIndex & 0x1f];
      case 10: {
        this.#attributeData = false;
        const frame = this.#clock.now() % FRAME_NANOSECONDS;
        const retrace = frame > RETRACE_NANOSECONDS;
        const blank = retrace || frame % LINE_NANOSECONDS > 25_000;
        return (retrace ? 8 : 0) | (blank ? 1 : 0);
      }
      default:
        return 0xff;
    }
  }

  /** Ports 3Bxh of a monochrome, 3Dxh of a colour adapter. */
  #decodes(port: number): boolean {
    return port >= 0x3d0 === ((this.#miscellaneous & 1) !== 0);
  }

  writePort(port: number, value: number): void {
    switch (port) {
      case 0x3c0:
        this.#writeAttribute(value);
        return;
      case 0x3c2:
        this.#miscellaneous = value;
        return;
      case 0x3c4:
        this.#sequencerIndex = value & 7;
        return;
      case 0x3c5:
        this.sequencer[this.#sequencerIndex] = value;
        break;
      case 0x3c6:
        this.#dacMask = value;
        break;
      case 0x3c7:
        this.#dacRead = value * 3;
        return;
      case 0x3c8:
        this.#dacWrite = value * 3;
        return;
      case 0x3c9:
        this.palette[this.#dacWrite] = value & 0x3f;
        this.#dacWrite = (this.#dacWrite + 1) % 768;
        break;
      case 0x3ce:
        this.#graphicsIndex = value & 15;
        return;
      case 0x3cf:
        this.graphics[this.#graphicsIndex] = value;
        break;
      default:
        if (!this.#decodes(port)) return;
        if ((port & 15) === 4) this.#crtcIndex = value & 0x1f;
        else if ((port & 15) === 5) this.#writeCrtc(value);
    }
    this.changed = true;
  }

  #writeCrtc(value: number): void {
    const index = this.#crtcIndex;
    // Bit 7 of register 11h protects registers 0 to 7, but for bit 4 of register 7.
    if ((this.crtc[0x11] & 0x80) !== 0 && index < 8) {
      if (index === 7) this.crtc[7] = (this.crtc[7] & ~0x10) | (value & 0x10);
      return;
    }
    this.crtc[index] = value;
  }

  #writeAttribute(value: number): void {
    if (this.#attributeData) this.attribute[this.#attributeIndex & 0x1f] = value;
    else this.#attributeIndex = value & 0x3f;
    this.#attributeData = !this.#attributeData;
    this.changed = true;
  }

  /** Offset in the planes' address space of an address in A0000h to BFFFFh, -1 where the window is not. */
  #window(address: number): number {
    const at = address - 0xa0000;
    switch ((this.graphics[6] >> 2) & 3) {
      case 0:
        return at & 0xffff;
      case 1:
        return at < 0x10000 ? at : -1;
      case 2:
        return at >= 0x10000 && at < 0x18000 ? at - 0x10000 : -1;
      default:
        return at >= 0x18000 ? at - 0x18000 : -1;
    }
  }

  read8(address: number): number {
    let offset = this.#window(address);
    if (offset < 0) return 0xff;
    if ((this.sequencer[4] & 8) !== 0) return this.planes[((offset >> 2) << 2) | (offset & 3)];
    let plane = this.graphics[4] & 3;
    if ((this.graphics[5] & 0x10) !== 0) {
      plane = offset & 1;
      offset &= ~1;
    }
    const at = offset * 4;
    for (let i = 0; i < 4; i++) this.#latches[i] = this.planes[at + i];
    if ((this.graphics[5] & 8) === 0) return this.#latches[plane];
    let differs = 0;
    for (let i = 0; i < 4; i++) {
      if ((this.graphics[7] & (1 << i)) === 0) continue;
      differs |= this.#latches[i] ^ ((this.graphics[2] & (1 << i)) !== 0 ? 0xff : 0);
    }
    return ~differs & 0xff;
  }

  write8(address: number, value: number): void {
    let offset = this.#window(address);
    if (offset < 0) return;
    this.changed = true;
    const mask = this.sequencer[2] & 15;
    if ((this.sequencer[4] & 8) !== 0) {
      if ((mask & (1 << (offset & 3))) !== 0) this.planes[((offset >> 2) << 2) | (offset & 3)] = value;
      return;
    }
    let planes = mask;
    if ((this.sequencer[4] & 4) === 0) {
      planes &= (offset & 1) !== 0 ? 0b1010 : 0b0101;
      offset &= ~1;
    }
    for (let plane = 0; plane < 4; plane++) {
      if ((planes & (1 << plane)) !== 0) this.planes[offset * 4 + plane] = this.#written(plane, value);
    }
  }

  /** What a CPU write of `value` leaves in a plane: write modes 0 to 3. */
  #written(plane: number, value: number): number {
    const g = this.graphics;
    const mode = g[5] & 3;
    const latch = this.#latches[plane];
    if (mode === 1) return latch;
    const rotated = ((value >> (g[3] & 7)) | (value << (8 - (g[3] & 7)))) & 0xff;
    const setReset = (g[0] & (1 << plane)) !== 0 ? 0xff : 0;
    let bits = g[8];
    let data: number;
    if (mode === 0) data = (g[1] & (1 << plane)) !== 0 ? setReset : rotated;
    else if (mode === 2) data = (value & (1 << plane)) !== 0 ? 0xff : 0;
    else {
      data = setReset;
      bits &= rotated;
    }
    const operation = (g[3] >> 3) & 3;
    if (operation === 1) data &= latch;
    else if (operation === 2) data |= latch;
    else if (operation === 3) data ^= latch;
    return (data & bits) | (latch & ~bits);
  }

  save(): VgaState {
    return {
      version: 1,
      planes: this.planes.slice(),
      palette: this.palette.slice(),
      sequencer: [...this.sequencer],
      crtc: [...this.crtc],
      graphics: [...this.graphics],
      attribute: [...this.attribute],
      latches: [...this.#latches],
      other: [
        this.#sequencerIndex,
        this.#crtcIndex,
        this.#graphicsIndex,
        this.#attributeIndex,
        this.#attributeData ? 1 : 0,
        this.#miscellaneous,
        this.#dacMask,
        this.#dacRead,
        this.#dacWrite,
      ],
    };
  }

  restore(state: VgaState): void {
    this.planes.set(state.planes);
    this.palette.set(state.palette);
    this.sequencer.set(state.sequencer);
    this.crtc.set(state.crtc);
    this.graphics.set(state.graphics);
    this.attribute.set(state.attribute);
    this.#latches.set(state.latches);
    const [sequencer, crtc, graphics, attribute, data, miscellaneous, mask, read, write] = state.other;
    this.#sequencerIndex = sequencer;
    this.#crtcIndex = crtc;
    this.#graphicsIndex = graphics;
    this.#attributeIndex = attribute;
    this.#attributeData = data !== 0;
    this.#miscellaneous = miscellaneous;
    this.#dacMask = mask;
    this.#dacRead = read;
    this.#dacWrite = write;
    this.changed = true;
  }
}
