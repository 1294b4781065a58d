/**
 * The mouse behind the 8042: IBM PS/2 Hardware Interface Technical Reference, "Mouse", and the wheel extension that a
 * driver asks for by setting the sample rates 200, 100, 80 (device id 3).
 */

const ACK = 0xfa;
const RESEND = 0xfe;
const BUFFER_BYTES = 256;

export interface Ps2MouseState {
  queue: number[];
  pendingCommand: number;
  reporting: boolean;
  remote: boolean;
  wrap: boolean;
  scaling: boolean;
  resolution: number;
  sampleRate: number;
  knock: number[];
  wheel: boolean;
  buttons: number;
}

function initialState(): Ps2MouseState {
  return {
    queue: [],
    pendingCommand: 0,
    reporting: false,
    remote: false,
    wrap: false,
    scaling: false,
    resolution: 2,
    sampleRate: 100,
    knock: [0, 0, 0],
    wheel: false,
    buttons: 0,
  };
}

export class Ps2Mouse {
  #s = initialState();
  #deltaX = 0;
  #deltaY = 0;
  #deltaWheel = 0;

  reset(): void {
    this.#s = initialState();
    this.#deltaX = this.#deltaY = this.#deltaWheel = 0;
  }

  get hasByte(): boolean {
    return this.#s.queue.length > 0;
  }

  takeByte(): number {
    return this.#s.queue.shift() ?? 0;
  }

  /** Movement right and up is positive. Buttons: bit 0 left, 1 right, 2 middle. */
  move(deltaX: number, deltaY: number, wheel: number, buttons: number): void {
    const s = this.#s;
    this.#deltaX += Math.trunc(deltaX);
    this.#deltaY += Math.trunc(deltaY);
    this.#deltaWheel += Math.trunc(wheel);
    const changed = (buttons & 7) !== s.buttons;
    s.buttons = buttons & 7;
    if (!s.reporting || s.remote) return;
    // A movement larger than one packet can say goes out in several.
    for (let i = 0; i < 16; i++) {
      const moved = this.#deltaX !== 0 || this.#deltaY !== 0 || (s.wheel && this.#deltaWheel !== 0);
      if (!moved && !(changed && i === 0)) break;
      if (s.queue.length > BUFFER_BYTES - 4) break;
      this.#packet();
    }
  }

  command(value: number): void {
    const s = this.#s;
    const pending = s.pendingCommand;
    s.pendingCommand = 0;
    if (pending === 0xf3) {
      s.sampleRate = value;
      s.knock = [s.knock[1], s.knock[2], value];
      if (s.knock[0] === 200 && s.knock[1] === 100 && s.knock[2] === 80) s.wheel = true;
      this.#push(ACK);
      return;
    }
    if (pending === 0xe8) {
      s.resolution = value & 3;
      this.#push(ACK);
      return;
    }
    if (s.wrap && value !== 0xff && value !== 0xec) {
      this.#push(value);
      return;
    }
    switch (value) {
      case 0xe6:
      case 0xe7:
        s.scaling = value === 0xe7;
        break;
      case 0xe8: // Resolution.
      case 0xf3: // Sample rate.
        s.pendingCommand = value;
        break;
      case 0xe9:
        this.#push(ACK);
        this.#push(
          (s.buttons & 1 ? 4 : 0) |
            (s.buttons & 2 ? 1 : 0) |
            (s.buttons & 4 ? 2 : 0) |
            (s.scaling ? 0x10 : 0) |
            (s.reporting ? 0x20 : 0) |
            (s.remote ? 0x40 : 0),
        );
        this.#push(s.resolution);
        this.#push(s.sampleRate);
        return;
      case 0xea:
        s.remote = false;
        break;
      case 0xeb:
        this.#push(ACK);
        this.#packet();
        return;
      case 0xec:
      case 0xee:
        s.wrap = value === 0xee;
        break;
      case 0xf0:
        s.remote = true;
        break;
      case 0xf2:
        this.#push(ACK);
        this.#push(s.wheel ? 3 : 0);
        return;
      case 0xf4:
      case 0xf5:
        s.reporting = value === 0xf4;
        break;
      case 0xf6:
        Object.assign(s, { ...initialState(), queue: s.queue, wheel: s.wheel, buttons: s.buttons });
        break;
      case 0xff:
        this.reset();
        this.#push(ACK);
        this.#push(0xaa);
        this.#push(0x00);
        return;
      default:
        this.#push(RESEND);
        return;
    }
    this.#push(ACK);
  }

  #packet(): void {
    const s = this.#s;
    const x = Math.max(-255, Math.min(255, this.#deltaX));
    const y = Math.max(-255, Math.min(255, this.#deltaY));
    const wheel = Math.max(-8, Math.min(7, this.#deltaWheel));
    this.#deltaX -= x;
    this.#deltaY -= y;
    this.#deltaWheel = s.wheel ? this.#deltaWheel - wheel : 0;
    this.#push(0x08 | s.buttons | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0));
    this.#push(x & 0xff);
    this.#push(y & 0xff);
    if (s.wheel) this.#push(wheel & 0xff);
  }

  #push(value: number): void {
    if (this.#s.queue.length < BUFFER_BYTES) this.#s.queue.push(value);
  }

  save(): Ps2MouseState {
    return { ...this.#s, queue: [...this.#s.queue], knock: [...this.#s.knock] };
  }

  restore(state: Ps2MouseState): void {
    this.#s = { ...state, queue: [...state.queue], knock: [...state.knock] };
    this.#deltaX = this.#deltaY = this.#deltaWheel = 0;
  }
}
