/**
 * Serial port: National Semiconductor PC16550D data sheet. COM1 is at 3F8h with IRQ 4, COM2 at 2F8h with IRQ 3.
 *
 * What the guest sends leaves at once; what the host sends waits outside and enters the receive FIFO 16 bytes at a time,
 * so nothing is ever overrun by the host (in loopback the guest can overrun itself, as on the real part).
 */

import type { Clock, Timer } from "../clock.ts";

const IER_RDA = 0x01;
const IER_THRE = 0x02;
const IER_LINE_STATUS = 0x04;
const IER_MODEM_STATUS = 0x08;

const IIR_NONE = 0x01;
const IIR_MODEM_STATUS = 0x00;
const IIR_THRE = 0x02;
const IIR_RDA = 0x04;
const IIR_LINE_STATUS = 0x06;
const IIR_TIMEOUT = 0x0c;
const IIR_FIFO_ENABLED = 0xc0;

const FCR_ENABLE = 0x01;
const FCR_RESET_RECEIVE = 0x02;

const LCR_BREAK = 0x40;
const LCR_DLAB = 0x80;

const MCR_DTR = 0x01;
const MCR_RTS = 0x02;
const MCR_OUT1 = 0x04;
const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;

const LSR_DATA_READY = 0x01;
const LSR_OVERRUN = 0x02;
const LSR_BREAK = 0x10;
const LSR_THR_EMPTY = 0x20;
const LSR_TRANSMITTER_EMPTY = 0x40;
const LSR_ERRORS = 0x1e;

const MSR_CTS = 0x10;
const MSR_DSR = 0x20;
const MSR_RI = 0x40;
const MSR_DCD = 0x80;
const MSR_TRAILING_RI = 0x04;

const FIFO_BYTES = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;
/** Pause between two fills of the receive FIFO: 160 KB/s, so that the guest's buffers keep up. */
const FILL_NANOSECONDS = 100_000;
/** Host bytes waiting for the guest; more are dropped and counted. */
const WAITING_LIMIT = 1 << 22;

export interface Uart16550State {
  version: 1;
  registers: number[];
  receive: number[];
  waiting: number[];
  thrInterrupt: boolean;
  timedOut: boolean;
  fillAt: number;
  timeoutAt: number;
}

export class Uart16550 {
  readonly #clock: Clock;
  readonly #setIrq: (level: boolean) => void;
  readonly #transmit: (byte: number) => void;
  readonly #fillTimer: Timer;
  readonly #timeoutTimer: Timer;
  #ier = 0;
  #fcr = 0;
  #lcr = 0;
  #mcr = 0;
  #lineStatus = 0;
  /** Modem inputs in bits 4 to 7, their changes in bits 0 to 3. The far end is always there. */
  #msr = MSR_CTS | MSR_DSR | MSR_DCD;
  #scr = 0;
  #divisor = 12;
  #receive: number[] = [];
  #waiting: number[] = [];
  #waitingFrom = 0;
  #lastRead = 0;
  #thrInterrupt = false;
  #timedOut = false;
  dropped = 0;

  constructor(
    clock: Clock,
    name: string,
    setIrq: (level: boolean) => void,
    transmit: (byte: number) => void,
  ) {
    this.#clock = clock;
    this.#setIrq = setIrq;
    this.#transmit = transmit;
    this.#fillTimer = clock.timer(`${name} receive`, () => this.#fill());
    this.#timeoutTimer = clock.timer(`${name} timeout`, () => {
      this.#timedOut = this.#receive.length > 0;
      this.#update();
    });
  }

  reset(): void {
    this.#ier = this.#fcr = this.#lcr = this.#mcr = this.#lineStatus = this.#scr = 0;
    this.#msr = MSR_CTS | MSR_DSR | MSR_DCD;
    this.#divisor = 12;
    this.#receive = [];
    this.#thrInterrupt = false;
    this.#timedOut = false;
    this.#timeoutTimer.cancel();
    this.#update();
  }

  /** Bytes from the other end of the cable. */
  send(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#waiting.length - this.#waitingFrom < WAITING_LIMIT) this.#waiting.push(byte);
      else this.dropped++;
    }
    if (!this.#fillTimer.armed) this.#fill();
  }

  /** Register number 0 to 7. */
  read(register: number): number {
    switch (register) {
      case 0:
        return (this.#lcr & LCR_DLAB) !== 0 ? this.#divisor & 0xff : this.#readData();
      case 1:
        return (this.#lcr & LCR_DLAB) !== 0 ? this.#divisor >> 8 : this.#ier;
      case 2:
        return this.#readIir();
      case 3:
        return this.#lcr;
      case 4:
        return this.#mcr;
      case 5: {
        const value = this.#lsr();
        this.#lineStatus = 0;
        this.#update();
        return value;
      }
      case 6: {
        const value = this.#readMsr();
        this.#msr &= 0xf0;
        this.#update();
        return value;
      }
      default:
        return this.#scr;
    }
  }

  write(register: number, value: number): void {
    switch (register) {
      case 0:
        if ((this.#lcr & LCR_DLAB) !== 0) this.#divisor = (this.#divisor & 0xff00) | value;
        else this.#writeData(value);
        break;
      case 1:
        if ((this.#lcr & LCR_DLAB) !== 0) {
          this.#divisor = (this.#divisor & 0x00ff) | (value << 8);
        } else {
          // The holding register is empty: switching its interrupt on gives one at once.
          if ((value & ~this.#ier & IER_THRE) !== 0) this.#thrInterrupt = true;
          this.#ier = value & 0x0f;
        }
        break;
      case 2:
        this.#writeFcr(value);
        break;
      case 3:
        if ((value & ~this.#lcr & LCR_BREAK) !== 0 && (this.#mcr & MCR_LOOP) !== 0) {
          this.#receiveByte(0);
          this.#lineStatus |= LSR_BREAK;
        }
        this.#lcr = value;
        break;
      case 4:
        this.#writeMcr(value & 0x1f);
        break;
      case 7:
        this.#scr = value;
        break;
      default:
      // LSR and MSR are for reading.
    }
    this.#update();
  }

  #lsr(): number {
    const ready = this.#receive.length > 0 ? LSR_DATA_READY : 0;
    return this.#lineStatus | ready | LSR_THR_EMPTY | LSR_TRANSMITTER_EMPTY;
  }

  #readData(): number {
    if (this.#receive.length > 0) this.#lastRead = this.#receive.shift() ?? 0;
    this.#timedOut = false;
    this.#armTimeout();
    if (!this.#fillTimer.armed && this.#waiting.length > this.#waitingFrom) {
      this.#fillTimer.armAfter(FILL_NANOSECONDS);
    }
    this.#update();
    return this.#lastRead;
  }

  #writeData(value: number): void {
    if ((this.#mcr & MCR_LOOP) !== 0) this.#receiveByte(value);
    else this.#transmit(value);
    this.#thrInterrupt = true;
    // The transmission is over: the interrupt is a new edge even if the last one was not read.
    if ((this.#ier & IER_THRE) !== 0) this.#setIrq(false);
  }

  #receiveByte(value: number): void {
    if (this.#receive.length >= this.#capacity()) this.#lineStatus |= LSR_OVERRUN;
    else this.#receive.push(value);
    this.#armTimeout();
  }

  #capacity(): number {
    return (this.#fcr & FCR_ENABLE) !== 0 ? FIFO_BYTES : 1;
  }

  #fill(): void {
    if ((this.#mcr & MCR_LOOP) === 0) {
      const room = this.#capacity() - this.#receive.length;
      const count = Math.min(room, this.#waiting.length - this.#waitingFrom);
      for (let i = 0; i < count; i++) this.#receive.push(this.#waiting[this.#waitingFrom++]);
      if (this.#waitingFrom === this.#waiting.length) {
        this.#waiting = [];
        this.#waitingFrom = 0;
      } else if (this.#waitingFrom > 65536) {
        this.#waiting = this.#waiting.slice(this.#waitingFrom);
        this.#waitingFrom = 0;
      }
      if (count > 0) this.#armTimeout();
    }
    this.#update();
  }

  /** Four character times without a byte, while the FIFO holds fewer than the trigger level. */
  #armTimeout(): void {
    if ((this.#fcr & FCR_ENABLE) === 0 || this.#receive.length === 0) {
      this.#timeoutTimer.cancel();
      return;
    }
    const bits = 40 * 16 * Math.max(1, this.#divisor);
    this.#timeoutTimer.arm(this.#clock.now() + Math.floor((bits * 1e9) / 1_843_200));
  }

  #writeFcr(value: number): void {
    if (((value ^ this.#fcr) & FCR_ENABLE) !== 0 || (value & FCR_RESET_RECEIVE) !== 0) {
      this.#receive = [];
      this.#timedOut = false;
      this.#timeoutTimer.cancel();
      if (this.#waiting.length > this.#waitingFrom && !this.#fillTimer.armed) {
        this.#fillTimer.armAfter(FILL_NANOSECONDS);
      }
    }
    this.#fcr = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
  }

  #writeMcr(value: number): void {
    const before = this.#readMsr();
    this.#mcr = value;
    this.#modemChanged(before);
    if ((value & MCR_LOOP) === 0 && this.#waiting.length > this.#waitingFrom && !this.#fillTimer.armed) {
      this.#fillTimer.armAfter(FILL_NANOSECONDS);
    }
  }

  #modemChanged(before: number): void {
    const after = this.#readMsr();
    const changed = (before ^ after) & (MSR_CTS | MSR_DSR | MSR_DCD);
    this.#msr |= changed >> 4;
    if ((before & ~after & MSR_RI) !== 0) this.#msr |= MSR_TRAILING_RI;
  }

  #readMsr(): number {
    if ((this.#mcr & MCR_LOOP) === 0) return this.#msr;
    return (
      (this.#msr & 0x0f) |
      ((this.#mcr & MCR_RTS) !== 0 ? MSR_CTS : 0) |
      ((this.#mcr & MCR_DTR) !== 0 ? MSR_DSR : 0) |
      ((this.#mcr & MCR_OUT1) !== 0 ? MSR_RI : 0) |
      ((this.#mcr & MCR_OUT2) !== 0 ? MSR_DCD : 0)
    );
  }

  #interruptSource(): number {
    const ier = this.#ier;
    if ((ier & IER_LINE_STATUS) !== 0 && (this.#lineStatus & LSR_ERRORS) !== 0) return IIR_LINE_STATUS;
    if ((ier & IER_RDA) !== 0) {
      const fifo = (this.#fcr & FCR_ENABLE) !== 0;
      if (this.#receive.length >= (fifo ? TRIGGER_LEVELS[this.#fcr >> 6] : 1)) return IIR_RDA;
      if (fifo && this.#timedOut && this.#receive.length > 0) return IIR_TIMEOUT;
    }
    if ((ier & IER_THRE) !== 0 && this.#thrInterrupt) return IIR_THRE;
    if ((ier & IER_MODEM_STATUS) !== 0 && (this.#msr & 0x0f) !== 0) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #readIir(): number {
    const source = this.#interruptSource();
    if (source === IIR_THRE) {
      this.#thrInterrupt = false;
      this.#update();
    }
    return source | ((this.#fcr & FCR_ENABLE) !== 0 ? IIR_FIFO_ENABLED : 0);
  }

  #update(): void {
    // OUT2 connects the interrupt to the bus of a PC; in loopback it does not.
    const connected = (this.#mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    this.#setIrq(connected && this.#interruptSource() !== IIR_NONE);
  }

  save(): Uart16550State {
    return {
      version: 1,
      registers: [
        this.#ier,
        this.#fcr,
        this.#lcr,
        this.#mcr,
        this.#lineStatus,
        this.#msr,
        this.#scr,
        this.#divisor,
        this.#lastRead,
      ],
      receive: [...this.#receive],
      waiting: this.#waiting.slice(this.#waitingFrom),
      thrInterrupt: this.#thrInterrupt,
      timedOut: this.#timedOut,
      fillAt: this.#fillTimer.armed ? this.#fillTimer.deadline : -1,
      timeoutAt: this.#timeoutTimer.armed ? this.#timeoutTimer.deadline : -1,
    };
  }

  restore(state: Uart16550State): void {
    const r = state.registers;
    this.#ier = r[0];
    this.#fcr = r[1];
    this.#lcr = r[2];
    this.#mcr = r[3];
    this.#lineStatus = r[4];
    this.#msr = r[5];
    this.#scr = r[6];
    this.#divisor = r[7];
    this.#lastRead = r[8];
    this.#receive = [...state.receive];
    this.#waiting = [...state.waiting];
    this.#waitingFrom = 0;
    this.#thrInterrupt = state.thrInterrupt;
    this.#timedOut = state.timedOut;
    if (state.fillAt < 0) this.#fillTimer.cancel();
    else this.#fillTimer.arm(state.fillAt);
    if (state.timeoutAt < 0) this.#timeoutTimer.cancel();
    else this.#timeoutTimer.arm(state.timeoutAt);
  }
}
