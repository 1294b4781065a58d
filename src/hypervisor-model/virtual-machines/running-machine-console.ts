/** COM1 as its owner sees it: what the guest wrote lately, listeners, and a watch for the kernel's last words. */

const SCROLLBACK_BYTES = 256 * 1024;

/** The last bytes of a stream. */
export class ByteRing {
  readonly #bytes: Uint8Array;
  #end = 0;
  #full = false;

  constructor(capacity: number = SCROLLBACK_BYTES) {
    this.#bytes = new Uint8Array(capacity);
  }

  push(bytes: Uint8Array): void {
    const capacity = this.#bytes.length;
    const tail = bytes.length > capacity ? bytes.subarray(bytes.length - capacity) : bytes;
    const first = Math.min(tail.length, capacity - this.#end);
    this.#bytes.set(tail.subarray(0, first), this.#end);
    this.#bytes.set(tail.subarray(first), 0);
    if (this.#end + tail.length >= capacity) this.#full = true;
    this.#end = (this.#end + tail.length) % capacity;
  }

  read(): Uint8Array {
    if (!this.#full) return this.#bytes.slice(0, this.#end);
    const result = new Uint8Array(this.#bytes.length);
    result.set(this.#bytes.subarray(this.#end));
    result.set(this.#bytes.subarray(0, this.#end), this.#bytes.length - this.#end);
    return result;
  }
}

const LINE_LIMIT = 512;
/** As the kernel prints it; a program that merely writes these words has no time stamp in front, unless it forges one. */
const PANIC = /^(?:<\d>)?(?:\[ *\d+\.\d{6}\] )?(Kernel panic - not syncing: .*)$/;

/** Finds a Linux kernel's panic message in console output. */
export class PanicWatch {
  readonly #found: (line: string) => void;
  #line = "";

  constructor(found: (line: string) => void) {
    this.#found = found;
  }

  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === 0x0a || byte === 0x0d) {
        const match = PANIC.exec(this.#line);
        if (match !== null) this.#found(match[1]);
        this.#line = "";
      } else if (this.#line.length < LINE_LIMIT) {
        this.#line += String.fromCharCode(byte);
      }
    }
  }
}
