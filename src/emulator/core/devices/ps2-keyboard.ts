/**
 * The keyboard behind the 8042: IBM PS/2 Hardware Interface Technical Reference, "101- and 102-Key Keyboards": commands,
 * answers and scan code sets 1 and 2.
 *
 * The host gives key codes in set 1. A keyboard speaks set 2 and the controller translates it back to set 1 unless the
 * guest has switched that off; both ends are computed here, when the key is pressed.
 */

const ACK = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const BUFFER_BYTES = 256;

/** Set 2 make code of each set 1 make code (00h to 58h and the few above): the controller's table, read backwards. */
// prettier-ignore
const SET_2 = new Uint8Array([
  0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,
  0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b,
  0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a,
  0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0c, 0x03,
  0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c, 0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69,
  0x72, 0x7a, 0x70, 0x71, 0x7f, 0x60, 0x61, 0x78, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
  0x47, 0x4f, 0x56, 0x5e, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x6f,
  0x13, 0x19, 0x39, 0x51, 0x53, 0x5c, 0x5f, 0x62, 0x63, 0x64, 0x65, 0x67, 0x68, 0x6a, 0x6d, 0x6e,
]);

export interface Ps2KeyboardState {
  queue: number[];
  pendingCommand: number;
  scanning: boolean;
  leds: number;
  scanCodeSet: number;
  last: number;
}

export class Ps2Keyboard {
  readonly #translated: () => boolean;
  #queue: number[] = [];
  #pendingCommand = 0;
  #scanning = true;
  #scanCodeSet = 2;
  #last = 0;
  /** Bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock. */
  leds = 0;
  /** Keys lost because the guest did not read. */
  dropped = 0;

  /** `translated` tells whether the controller turns set 2 into set 1. */
  constructor(translated: () => boolean) {
    this.#translated = translated;
  }

  reset(): void {
    this.#queue = [];
    this.#pendingCommand = 0;
    this.#scanning = true;
    this.#scanCodeSet = 2;
    this.leds = 0;
  }

  get hasByte(): boolean {
    return this.#queue.length > 0;
  }

  takeByte(): number {
    this.#last = this.#queue.shift() ?? 0;
    return this.#last;
  }

  /** Key codes in set 1, as the host's key events give them. */
  press(codes: readonly number[]): void {
    if (!this.#scanning) return;
    const asSet1 = this.#translated() ? this.#scanCodeSet === 2 : this.#scanCodeSet === 1;
    for (const given of codes) {
      const code = given & 0xff;
      if (asSet1 || code === 0xe0 || code === 0xe1) {
        this.#push(code);
      } else {
        if ((code & 0x80) !== 0) this.#push(0xf0);
        this.#push(SET_2[code & 0x7f]);
      }
    }
  }

  command(value: number): void {
    const pending = this.#pendingCommand;
    this.#pendingCommand = 0;
    if (pending === 0xed && value < 0x80) {
      this.leds = value & 7;
      this.#push(ACK);
      return;
    }
    if (pending === 0xf3 && value < 0x80) {
      this.#push(ACK);
      return;
    }
    if (pending === 0xf0 && value <= 3) {
      this.#push(ACK);
      if (value === 0)
        this.#push(this.#translated() ? [0x43, 0x41, 0x3f][this.#scanCodeSet - 1] : this.#scanCodeSet);
      else this.#scanCodeSet = value;
      return;
    }
    switch (value) {
      case 0xed: // Set LEDs.
      case 0xf3: // Typematic rate.
      case 0xf0: // Scan code set.
        this.#pendingCommand = value;
        this.#push(ACK);
        return;
      case 0xee:
        this.#push(0xee);
        return;
      case 0xf2:
        this.#push(ACK);
        this.#push(0xab);
        this.#push(this.#translated() ? 0x41 : 0x83);
        return;
      case 0xf4:
        this.#scanning = true;
        this.#push(ACK);
        return;
      case 0xf5:
        this.#scanning = false;
        this.#scanCodeSet = 2;
        this.#push(ACK);
        return;
      case 0xf6:
      case 0xf7:
      case 0xf8:
      case 0xf9:
      case 0xfa:
        this.#push(ACK);
        return;
      case 0xfe:
        this.#push(this.#last);
        return;
      case 0xff:
        this.reset();
        this.#push(ACK);
        this.#push(SELF_TEST_PASSED);
        return;
      default:
        this.#push(RESEND);
    }
  }

  #push(value: number): void {
    if (this.#queue.length < BUFFER_BYTES) this.#queue.push(value);
    else this.dropped++;
  }

  save(): Ps2KeyboardState {
    return {
      queue: [...this.#queue],
      pendingCommand: this.#pendingCommand,
      scanning: this.#scanning,
      leds: this.leds,
      scanCodeSet: this.#scanCodeSet,
      last: this.#last,
    };
  }

  restore(state: Ps2KeyboardState): void {
    this.#queue = [...state.queue];
    this.#pendingCommand = state.pendingCommand;
    this.#scanning = state.scanning;
    this.leds = state.leds;
    this.#scanCodeSet = state.scanCodeSet;
    this.#last = state.last;
  }
}
