/**
 * COM1 and COM2 between v86's UARTs and byte arrays. Output is gathered for a slice of the engine. Input waits here and
 * is handed to the UART in portions, because v86's own queue is neither bounded nor part of a saved state.
 */
import type { SerialPort } from "../machine.ts";
import type { Bus, Uart } from "./internals.ts";

/** Bytes in a UART's queue: enough for a guest to take at one interrupt, few enough to be saved. */
const UART_PORTION = 512;
/** Input that waits for a guest that does not read; what is over is dropped and counted. */
const INPUT_LIMIT = 1 << 20;
const OUTPUT_CHUNK = 4096;

export class SerialLine {
  readonly port: SerialPort;
  readonly #uart: Uart;
  readonly #bus: Bus;
  readonly #send: (bytes: Uint8Array) => void;
  #output = new Uint8Array(OUTPUT_CHUNK);
  #outputLength = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #offset = 0;
  droppedInput = 0;

  constructor(port: SerialPort, uart: Uart, bus: Bus, send: (bytes: Uint8Array) => void) {
    this.port = port;
    this.#uart = uart;
    this.#bus = bus;
    this.#send = send;
    bus.register(
      `serial${port}-output-byte`,
      ((byte: number) => {
        this.#output[this.#outputLength++] = byte;
        if (this.#outputLength === OUTPUT_CHUNK) this.flush();
      }) as (value: never) => void,
      this,
    );
  }

  write(bytes: Uint8Array): void {
    const room = INPUT_LIMIT - this.#waitingBytes;
    if (bytes.length > room) this.droppedInput += bytes.length - room;
    const taken = bytes.slice(0, room);
    if (taken.length === 0) return;
    this.#waiting.push(taken);
    this.#waitingBytes += taken.length;
    this.feed();
  }

  /** Hands waiting input to the UART as it has room. */
  feed(): void {
    while (this.#waiting.length > 0 && this.#uart.input.length < UART_PORTION) {
      const chunk = this.#waiting[0];
      this.#bus.send(`serial${this.port}-input`, chunk[this.#offset++]);
      this.#waitingBytes--;
      if (this.#offset === chunk.length) {
        this.#waiting.shift();
        this.#offset = 0;
      }
    }
  }

  /** Sends what the guest has written. */
  flush(): void {
    if (this.#outputLength === 0) return;
    const bytes = this.#output.slice(0, this.#outputLength);
    this.#outputLength = 0;
    // v86 keeps the current line for its log, and binary output has no line ends.
    if (this.#uart.current_line.length > 0) this.#uart.current_line = "";
    this.#send(bytes);
  }

  reset(): void {
    this.#uart.input.length = 0;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#offset = 0;
  }

  /** Input that the guest has not read. */
  save(): number[] {
    const waiting = this.#waiting.flatMap((chunk, i) =>
      Array.from(i === 0 ? chunk.subarray(this.#offset) : chunk),
    );
    return [...this.#uart.input, ...waiting];
  }

  /** After the UART's registers were restored. */
  restore(input: number[]): void {
    this.reset();
    this.#uart.input.push(...input.slice(0, UART_PORTION));
    const rest = input.slice(UART_PORTION);
    if (rest.length > 0) {
      this.#waiting = [Uint8Array.from(rest)];
      this.#waitingBytes = rest.length;
    }
  }
}
