/**
 * Keyboard controller of an AT with a PS/2 keyboard and mouse: Intel 8042 as programmed by IBM (PS/2 Hardware Interface
 * Technical Reference, "Keyboard and Auxiliary Device Controller"), ports 60h and 64h, IRQ 1 and IRQ 12. The devices are
 * in ps2-keyboard.ts and ps2-mouse.ts.
 *
 * The output port's bit 1 is the A20 gate and its bit 0 the processor's reset line. Port 92h ("fast A20") drives the
 * same two lines.
 */

import type { Clock, Timer } from "../clock.ts";
import { Ps2Keyboard } from "./ps2-keyboard.ts";
import type { Ps2KeyboardState } from "./ps2-keyboard.ts";
import { Ps2Mouse } from "./ps2-mouse.ts";
import type { Ps2MouseState } from "./ps2-mouse.ts";

const STATUS_OBF = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_COMMAND = 0x08;
const STATUS_UNLOCKED = 0x10;
const STATUS_AUX_OBF = 0x20;

const MODE_KEYBOARD_INTERRUPT = 0x01;
const MODE_AUX_INTERRUPT = 0x02;
const MODE_SYSTEM = 0x04;
const MODE_DISABLE_KEYBOARD = 0x10;
const MODE_DISABLE_AUX = 0x20;
const MODE_TRANSLATE = 0x40;

const OUTPUT_RESET = 0x01;
const OUTPUT_A20 = 0x02;

/** A byte takes about a millisecond on the wire; a tenth of it keeps the order of things and does not slow guests. */
const BYTE_NANOSECONDS = 100_000;

export interface Keyboard8042State {
  version: 1;
  mode: number;
  outputPort: number;
  status: number;
  output: number;
  fromAux: boolean;
  pendingCommand: number;
  answers: number[];
  ram: number[];
  keyboard: Ps2KeyboardState;
  mouse: Ps2MouseState;
  fillAt: number;
}

export interface Keyboard8042Lines {
  setIrq1(level: boolean): void;
  setIrq12(level: boolean): void;
  setA20(open: boolean): void;
  /** The processor's reset line was pulsed. */
  reset(): void;
}

export class Keyboard8042 {
  readonly keyboard: Ps2Keyboard;
  readonly mouse = new Ps2Mouse();
  readonly #lines: Keyboard8042Lines;
  readonly #timer: Timer;
  #mode = MODE_TRANSLATE | MODE_SYSTEM | MODE_KEYBOARD_INTERRUPT;
  #outputPort = OUTPUT_RESET | OUTPUT_A20;
  #status = STATUS_SYSTEM | STATUS_UNLOCKED;
  #output = 0;
  #fromAux = false;
  /** Command that waits for its byte at port 60h, 0 if none. */
  #pendingCommand = 0;
  /** The controller's own answers; bit 8 marks those that look as if the mouse had sent them. */
  #answers: number[] = [];
  readonly #ram = new Uint8Array(32);

  constructor(clock: Clock, lines: Keyboard8042Lines) {
    this.#lines = lines;
    this.#timer = clock.timer("keyboard-8042", () => this.#fill());
    this.keyboard = new Ps2Keyboard(() => (this.#mode & MODE_TRANSLATE) !== 0);
  }

  reset(): void {
    this.#mode = MODE_TRANSLATE | MODE_SYSTEM | MODE_KEYBOARD_INTERRUPT;
    this.#outputPort = OUTPUT_RESET | OUTPUT_A20;
    this.#status = STATUS_SYSTEM | STATUS_UNLOCKED;
    this.#pendingCommand = 0;
    this.#answers = [];
    this.keyboard.reset();
    this.mouse.reset();
    this.#timer.cancel();
    this.#updateIrqs();
    this.#lines.setA20(true);
  }

  /** Key codes from the host, in scan code set 1. */
  sendScancodes(codes: readonly number[]): void {
    this.keyboard.press(codes);
    this.#schedule();
  }

  moveMouse(deltaX: number, deltaY: number, wheel: number, buttons: number): void {
    this.mouse.move(deltaX, deltaY, wheel, buttons);
    this.#schedule();
  }

  /** Ports 60h, 64h and 92h. */
  readPort(port: number): number {
    if (port === 0x92) return this.#outputPort & OUTPUT_A20;
    if (port === 0x64) return this.#status;
    const value = this.#output;
    if ((this.#status & STATUS_OBF) !== 0) {
      this.#status &= ~(STATUS_OBF | STATUS_AUX_OBF);
      this.#updateIrqs();
      this.#schedule();
    }
    return value;
  }

  writePort(port: number, value: number): void {
    if (port === 0x92) {
      this.#setOutputPort((this.#outputPort & ~OUTPUT_A20) | (value & OUTPUT_A20));
      if ((value & 1) !== 0) this.#lines.reset();
    } else if (port === 0x64) {
      this.#status |= STATUS_COMMAND;
      this.#command(value);
    } else {
      this.#status &= ~STATUS_COMMAND;
      this.#data(value);
    }
  }

  #command(command: number): void {
    this.#pendingCommand = 0;
    if (command >= 0x20 && command <= 0x3f) {
      this.#answer(command === 0x20 ? this.#mode : this.#ram[command & 31]);
      return;
    }
    if ((command >= 0x60 && command <= 0x7f) || (command >= 0xd1 && command <= 0xd4)) {
      this.#pendingCommand = command;
      return;
    }
    if (command >= 0xf0) {
      // Pulses the output lines whose bit is 0; only the reset line is connected.
      if ((command & OUTPUT_RESET) === 0) this.#lines.reset();
      return;
    }
    switch (command) {
      case 0xa7:
        this.#setMode(this.#mode | MODE_DISABLE_AUX);
        return;
      case 0xa8:
        this.#setMode(this.#mode & ~MODE_DISABLE_AUX);
        return;
      case 0xa9: // Test of the mouse's lines, then of the keyboard's: both fine.
      case 0xab:
        this.#answer(0x00);
        return;
      case 0xaa:
        this.#status |= STATUS_SYSTEM;
        this.#answer(0x55);
        return;
      case 0xad:
        this.#setMode(this.#mode | MODE_DISABLE_KEYBOARD);
        return;
      case 0xae:
        this.#setMode(this.#mode & ~MODE_DISABLE_KEYBOARD);
        return;
      case 0xc0:
        this.#answer(0x80);
        return;
      case 0xd0:
        this.#answer(this.#outputPort | ((this.#status & STATUS_OBF) !== 0 ? 0x10 : 0));
        return;
      case 0xdd:
        this.#setOutputPort(this.#outputPort & ~OUTPUT_A20);
        return;
      case 0xdf:
        this.#setOutputPort(this.#outputPort | OUTPUT_A20);
        return;
      default:
      // Others do nothing on this controller.
    }
  }

  #data(value: number): void {
    const command = this.#pendingCommand;
    this.#pendingCommand = 0;
    if (command >= 0x60 && command <= 0x7f) {
      if (command === 0x60) this.#setMode(value);
      else this.#ram[command & 31] = value;
      return;
    }
    switch (command) {
      case 0xd1:
        this.#setOutputPort(value);
        if ((value & OUTPUT_RESET) === 0) this.#lines.reset();
        return;
      case 0xd2:
        this.#answer(value);
        return;
      case 0xd3:
        this.#answer(value | 0x100);
        return;
      case 0xd4:
        this.mouse.command(value);
        this.#schedule();
        return;
      default:
        // A byte for the keyboard switches its clock on.
        this.#mode &= ~MODE_DISABLE_KEYBOARD;
        this.keyboard.command(value);
        this.#schedule();
    }
  }

  #setMode(mode: number): void {
    this.#mode = mode;
    if ((mode & MODE_SYSTEM) !== 0) this.#status |= STATUS_SYSTEM;
    else this.#status &= ~STATUS_SYSTEM;
    this.#updateIrqs();
    this.#schedule();
  }

  #setOutputPort(value: number): void {
    this.#outputPort = value | OUTPUT_RESET;
    this.#lines.setA20((value & OUTPUT_A20) !== 0);
  }

  #answer(value: number): void {
    if (this.#answers.length < 16) this.#answers.push(value);
    this.#fill();
  }

  #schedule(): void {
    if ((this.#status & STATUS_OBF) === 0 && !this.#timer.armed && this.#hasByte()) {
      this.#timer.armAfter(BYTE_NANOSECONDS);
    }
  }

  #hasByte(): boolean {
    return (
      this.#answers.length > 0 ||
      ((this.#mode & MODE_DISABLE_KEYBOARD) === 0 && this.keyboard.hasByte) ||
      ((this.#mode & MODE_DISABLE_AUX) === 0 && this.mouse.hasByte)
    );
  }

  #fill(): void {
    if ((this.#status & STATUS_OBF) !== 0) return;
    if (this.#answers.length > 0) {
      const answer = this.#answers.shift() ?? 0;
      this.#put(answer & 0xff, answer > 0xff);
    } else if ((this.#mode & MODE_DISABLE_KEYBOARD) === 0 && this.keyboard.hasByte) {
      this.#put(this.keyboard.takeByte(), false);
    } else if ((this.#mode & MODE_DISABLE_AUX) === 0 && this.mouse.hasByte) {
      this.#put(this.mouse.takeByte(), true);
    }
  }

  #put(value: number, fromAux: boolean): void {
    this.#output = value;
    this.#fromAux = fromAux;
    this.#status |= STATUS_OBF | (fromAux ? STATUS_AUX_OBF : 0);
    this.#updateIrqs();
  }

  #updateIrqs(): void {
    const full = (this.#status & STATUS_OBF) !== 0;
    this.#lines.setIrq1(full && !this.#fromAux && (this.#mode & MODE_KEYBOARD_INTERRUPT) !== 0);
    this.#lines.setIrq12(full && this.#fromAux && (this.#mode & MODE_AUX_INTERRUPT) !== 0);
  }

  save(): Keyboard8042State {
    return {
      version: 1,
      mode: this.#mode,
      outputPort: this.#outputPort,
      status: this.#status,
      output: this.#output,
      fromAux: this.#fromAux,
      pendingCommand: this.#pendingCommand,
      answers: [...this.#answers],
      ram: [...this.#ram],
      keyboard: this.keyboard.save(),
      mouse: this.mouse.save(),
      fillAt: this.#timer.armed ? this.#timer.deadline : -1,
    };
  }

  restore(state: Keyboard8042State): void {
    this.#mode = state.mode;
    this.#outputPort = state.outputPort;
    this.#status = state.status;
    this.#output = state.output;
    this.#fromAux = state.fromAux;
    this.#pendingCommand = state.pendingCommand;
    this.#answers = [...state.answers];
    this.#ram.set(state.ram);
    this.keyboard.restore(state.keyboard);
    this.mouse.restore(state.mouse);
    if (state.fillAt < 0) this.#timer.cancel();
    else this.#timer.arm(state.fillAt);
    this.#lines.setA20((this.#outputPort & OUTPUT_A20) !== 0);
  }
}
