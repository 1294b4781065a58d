/** Frames in a byte stream: SLIP (RFC 1055), with an END before and after each frame. */

const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;

export function encodeSlip(frame: Uint8Array): Uint8Array {
  let extra = 0;
  for (const byte of frame) if (byte === END || byte === ESC) extra++;
  const result = new Uint8Array(frame.length + extra + 2);
  let at = 0;
  result[at++] = END;
  for (const byte of frame) {
    if (byte === END || byte === ESC) {
      result[at++] = ESC;
      result[at++] = byte === END ? ESC_END : ESC_ESC;
    } else {
      result[at++] = byte;
    }
  }
  result[at] = END;
  return result;
}

/** Takes bytes as they come and gives whole frames. What is malformed or too long is dropped and counted. */
export class SlipDecoder {
  readonly #limit: number;
  readonly #frame: Uint8Array;
  #length = 0;
  #escaped = false;
  #bad = false;
  dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#frame = new Uint8Array(limit);
  }

  /** The frames given to `deliver` are its own. */
  push(bytes: Uint8Array, deliver: (frame: Uint8Array) => void): void {
    for (const byte of bytes) {
      if (byte === END) {
        if (this.#bad || this.#escaped) this.dropped++;
        else if (this.#length > 0) deliver(this.#frame.slice(0, this.#length));
        this.reset();
      } else if (this.#escaped) {
        this.#escaped = false;
        if (byte === ESC_END) this.#put(END);
        else if (byte === ESC_ESC) this.#put(ESC);
        else this.#bad = true;
      } else if (byte === ESC) {
        this.#escaped = true;
      } else {
        this.#put(byte);
      }
    }
  }

  #put(byte: number): void {
    if (this.#length === this.#limit) this.#bad = true;
    else this.#frame[this.#length++] = byte;
  }

  /** Forgets an unfinished frame. */
  reset(): void {
    this.#length = 0;
    this.#escaped = false;
    this.#bad = false;
  }
}
