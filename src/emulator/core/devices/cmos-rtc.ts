/**
 * Real-time clock and battery-backed memory: Motorola MC146818A data sheet, in an AT at ports 70h and 71h with 128 bytes
 * of NVRAM. The memory sizes are stored where PC BIOSes and SeaBIOS look for them (CMOS 15h…18h, 30h, 31h, 34h, 35h,
 * 5Bh…5Dh), the century at 32h.
 *
 * The time of day is start time plus virtual time; it is never read from the host.
 */

import { restoreDeadline, saveDeadline } from "../clock.ts";
import type { Clock, Timer } from "../clock.ts";

const REG_SECONDS = 0x00;
const REG_SECONDS_ALARM = 0x01;
const REG_MINUTES = 0x02;
const REG_MINUTES_ALARM = 0x03;
const REG_HOURS = 0x04;
const REG_HOURS_ALARM = 0x05;
const REG_WEEKDAY = 0x06;
const REG_DAY = 0x07;
const REG_MONTH = 0x08;
const REG_YEAR = 0x09;
const REG_A = 0x0a;
const REG_B = 0x0b;
const REG_C = 0x0c;
const REG_D = 0x0d;
const REG_CENTURY = 0x32;

const A_UIP = 0x80;
const B_SET = 0x80;
const B_PIE = 0x40;
const B_AIE = 0x20;
const B_UIE = 0x10;
const B_DM = 0x04;
const B_24H = 0x02;
const C_IRQF = 0x80;
const C_PF = 0x40;
const C_AF = 0x20;
const C_UF = 0x10;
const D_VRT = 0x80;

const SECOND = 1e9;
/** The update cycle takes 1,984 µs; UIP is set 244 µs before. */
const UPDATE_WINDOW = 2_228_000;

export interface CmosRtcState {
  version: 1;
  nvram: number[];
  index: number;
  /** Milliseconds since 1970 at virtual time 0, as the guest has set the clock. */
  epoch: number;
  frozenAt: number;
  periodic: number;
  update: number;
  alarmSecond: number;
}

export class CmosRtc {
  readonly #clock: Clock;
  readonly #setIrq8: (level: boolean) => void;
  readonly #periodic: Timer;
  readonly #update: Timer;
  readonly #nvram = new Uint8Array(128);
  #index = 0;
  #epoch: number;
  /** Time of day in ms while SET stops the clock, -1 otherwise. */
  #frozenAt = -1;
  #lastAlarmSecond = -1;

  constructor(clock: Clock, startTime: number, setIrq8: (level: boolean) => void) {
    this.#clock = clock;
    this.#epoch = startTime;
    this.#setIrq8 = setIrq8;
    this.#periodic = clock.timer("cmos-rtc periodic", () => this.#periodicTick());
    this.#update = clock.timer("cmos-rtc update", () => this.#updateTick());
    this.#nvram[REG_A] = 0x26;
    this.#nvram[REG_B] = B_24H;
    this.#nvram[REG_D] = D_VRT;
  }

  /** NMI is masked by bit 7 of port 70h. */
  nmiMasked = false;

  /** Stores the configuration bytes that firmware reads. */
  configure(config: { memoryBytes: number; floppyTypes: number; disks: number; bootOrder: number[] }): void {
    const nvram = this.#nvram;
    const kilobytes = Math.floor(config.memoryBytes / 1024);
    const above1M = Math.min(0xffff, Math.max(0, kilobytes - 1024));
    const above16M = Math.max(0, Math.floor((Math.min(kilobytes, 0xc0000000 / 1024) - 16384) / 64));
    nvram[0x0f] = 0;
    nvram[0x10] = config.floppyTypes;
    // Equipment: FPU, 80-column colour is 0 (VGA), drives in bits 0, 6 and 7.
    nvram[0x14] = 0x06 | (config.floppyTypes !== 0 ? 0x01 : 0);
    nvram[0x15] = 640 & 0xff;
    nvram[0x16] = 640 >> 8;
    nvram[0x17] = nvram[0x30] = above1M & 0xff;
    nvram[0x18] = nvram[0x31] = above1M >> 8;
    nvram[0x34] = above16M & 0xff;
    nvram[0x35] = above16M >> 8;
    nvram[0x12] = (config.disks > 0 ? 0xf0 : 0) | (config.disks > 1 ? 0x0f : 0);
    // SeaBIOS boot order: 1 floppy, 2 disk, 3 CD-ROM, 4 network.
    const order = config.bootOrder;
    nvram[0x3d] = (order[0] ?? 0) | ((order[1] ?? 0) << 4);
    nvram[0x38] = 0x01 | ((order[2] ?? 0) << 4);
    let sum = 0;
    for (let i = 0x10; i <= 0x2d; i++) sum += nvram[i];
    nvram[0x2e] = sum >> 8;
    nvram[0x2f] = sum & 0xff;
  }

  reset(): void {
    this.#nvram[REG_B] &= ~(B_PIE | B_AIE | B_UIE);
    this.#nvram[REG_C] = 0;
    this.#index = 0;
    this.#setIrq8(false);
    this.#schedule();
  }

  /** Ports 70h and 71h. */
  readPort(port: number): number {
    if ((port & 1) === 0) return 0xff;
    const index = this.#index;
    switch (index) {
      case REG_A:
        return (this.#nvram[REG_A] & 0x7f) | (this.#updateInProgress() ? A_UIP : 0);
      case REG_C: {
        const value = this.#nvram[REG_C];
        this.#nvram[REG_C] = 0;
        this.#setIrq8(false);
        this.#schedule();
        return value;
      }
      case REG_SECONDS:
      case REG_MINUTES:
      case REG_HOURS:
      case REG_WEEKDAY:
      case REG_DAY:
      case REG_MONTH:
      case REG_YEAR:
      case REG_CENTURY:
        return this.#readTime(index);
      default:
        return this.#nvram[index];
    }
  }

  writePort(port: number, value: number): void {
    if ((port & 1) === 0) {
      this.#index = value & 0x7f;
      this.nmiMasked = (value & 0x80) !== 0;
      return;
    }
    const index = this.#index;
    switch (index) {
      case REG_A:
        this.#nvram[REG_A] = value & 0x7f;
        this.#schedule();
        return;
      case REG_B:
        this.#writeB(value);
        return;
      case REG_C:
      case REG_D:
        return;
      case REG_SECONDS:
      case REG_MINUTES:
      case REG_HOURS:
      case REG_WEEKDAY:
      case REG_DAY:
      case REG_MONTH:
      case REG_YEAR:
      case REG_CENTURY:
        this.#writeTime(index, value);
        return;
      default:
        this.#nvram[index] = value;
    }
  }

  /** Milliseconds since 1970 that the clock shows. */
  timeOfDay(): number {
    return this.#frozenAt >= 0 ? this.#frozenAt : this.#epoch + Math.floor(this.#clock.now() / 1e6);
  }

  #writeB(value: number): void {
    const set = (value & B_SET) !== 0;
    if (set && this.#frozenAt < 0) this.#frozenAt = this.timeOfDay();
    else if (!set && this.#frozenAt >= 0) {
      this.#epoch = this.#frozenAt - Math.floor(this.#clock.now() / 1e6);
      this.#frozenAt = -1;
    }
    this.#nvram[REG_B] = set ? value & ~B_UIE : value;
    this.#raise(0);
    this.#schedule();
  }

  #updateInProgress(): boolean {
    if (this.#frozenAt >= 0) return false;
    const inSecond = this.#nanosecondsIntoSecond();
    return SECOND - inSecond <= UPDATE_WINDOW;
  }

  #nanosecondsIntoSecond(): number {
    return ((((this.#epoch % 1000) + 1000) % 1000) * 1e6 + (this.#clock.now() % SECOND)) % SECOND;
  }

  #encode(value: number): number {
    return (this.#nvram[REG_B] & B_DM) !== 0 ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  #decode(value: number): number {
    return (this.#nvram[REG_B] & B_DM) !== 0 ? value : (value >> 4) * 10 + (value & 15);
  }

  #encodeHours(hours: number): number {
    if ((this.#nvram[REG_B] & B_24H) !== 0) return this.#encode(hours);
    return this.#encode(hours % 12 || 12) | (hours >= 12 ? 0x80 : 0);
  }

  #decodeHours(value: number): number {
    if ((this.#nvram[REG_B] & B_24H) !== 0) return this.#decode(value);
    return (this.#decode(value & 0x7f) % 12) + ((value & 0x80) !== 0 ? 12 : 0);
  }

  #readTime(index: number): number {
    const date = new Date(this.timeOfDay());
    switch (index) {
      case REG_SECONDS:
        return this.#encode(date.getUTCSeconds());
      case REG_MINUTES:
        return this.#encode(date.getUTCMinutes());
      case REG_HOURS:
        return this.#encodeHours(date.getUTCHours());
      case REG_WEEKDAY:
        return this.#encode(date.getUTCDay() + 1);
      case REG_DAY:
        return this.#encode(date.getUTCDate());
      case REG_MONTH:
        return this.#encode(date.getUTCMonth() + 1);
      case REG_YEAR:
        return this.#encode(date.getUTCFullYear() % 100);
      default:
        return this.#encode(Math.floor(date.getUTCFullYear() / 100));
    }
  }

  #writeTime(index: number, value: number): void {
    const date = new Date(this.timeOfDay());
    const year = date.getUTCFullYear();
    const number = this.#decode(value);
    switch (index) {
      case REG_SECONDS:
        date.setUTCSeconds(number % 60, 0);
        break;
      case REG_MINUTES:
        date.setUTCMinutes(number % 60);
        break;
      case REG_HOURS:
        date.setUTCHours(this.#decodeHours(value) % 24);
        break;
      case REG_WEEKDAY:
        return; // The weekday follows from the date.
      case REG_DAY:
        date.setUTCDate(Math.min(31, Math.max(1, number)));
        break;
      case REG_MONTH:
        date.setUTCMonth(Math.min(12, Math.max(1, number)) - 1);
        break;
      case REG_YEAR:
        date.setUTCFullYear(Math.floor(year / 100) * 100 + (number % 100));
        break;
      default:
        date.setUTCFullYear((number % 100) * 100 + (year % 100));
    }
    const time = date.getTime();
    if (this.#frozenAt >= 0) this.#frozenAt = Math.max(0, time);
    else this.#epoch = time - Math.floor(this.#clock.now() / 1e6);
    this.#schedule();
  }

  #periodNanoseconds(): number {
    const rate = this.#nvram[REG_A] & 15;
    // Divider chain held in reset, or another time base than 32.768 kHz: nothing periodic.
    if (rate === 0 || (this.#nvram[REG_A] & 0x70) !== 0x20) return 0;
    const divider = rate <= 2 ? 1 << (rate + 6) : 1 << (rate - 1);
    return (divider * SECOND) / 32768;
  }

  #schedule(): void {
    const b = this.#nvram[REG_B];
    const period = this.#periodNanoseconds();
    if ((b & B_PIE) === 0 || period === 0) this.#periodic.cancel();
    else if (!this.#periodic.armed) this.#periodic.arm(this.#nextPeriod(period));
    if ((b & (B_AIE | B_UIE)) === 0 || this.#frozenAt >= 0) this.#update.cancel();
    else if (!this.#update.armed) this.#armUpdate();
  }

  #nextPeriod(period: number): number {
    return Math.ceil((Math.floor(this.#clock.now() / period) + 1) * period);
  }

  #armUpdate(): void {
    this.#update.armAfter(Math.max(1, SECOND - this.#nanosecondsIntoSecond()));
  }

  #periodicTick(): void {
    const period = this.#periodNanoseconds();
    if (period === 0 || (this.#nvram[REG_B] & B_PIE) === 0) return;
    this.#raise(C_PF);
    this.#periodic.arm(this.#nextPeriod(period));
  }

  #updateTick(): void {
    if ((this.#nvram[REG_B] & (B_AIE | B_UIE)) === 0) return;
    this.#raise(C_UF | (this.#alarmMatches() ? C_AF : 0));
    this.#armUpdate();
  }

  #alarmMatches(): boolean {
    const date = new Date(this.timeOfDay());
    const second = Math.floor(date.getTime() / 1000);
    if (second === this.#lastAlarmSecond) return false;
    const fits = (register: number, now: number): boolean => {
      const wanted = this.#nvram[register];
      if ((wanted & 0xc0) === 0xc0) return true;
      return (register === REG_HOURS_ALARM ? this.#decodeHours(wanted) : this.#decode(wanted)) === now;
    };
    const matches =
      fits(REG_SECONDS_ALARM, date.getUTCSeconds()) &&
      fits(REG_MINUTES_ALARM, date.getUTCMinutes()) &&
      fits(REG_HOURS_ALARM, date.getUTCHours());
    if (matches) this.#lastAlarmSecond = second;
    return matches;
  }

  #raise(flags: number): void {
    let c = (this.#nvram[REG_C] | flags) & (C_PF | C_AF | C_UF);
    // PF, AF, UF stand at the same places as PIE, AIE, UIE.
    if ((c & this.#nvram[REG_B] & (B_PIE | B_AIE | B_UIE)) !== 0) c |= C_IRQF;
    this.#nvram[REG_C] = c;
    this.#setIrq8((c & C_IRQF) !== 0);
  }

  save(): CmosRtcState {
    return {
      version: 1,
      nvram: [...this.#nvram],
      index: this.#index | (this.nmiMasked ? 0x80 : 0),
      epoch: this.#epoch,
      frozenAt: this.#frozenAt,
      periodic: saveDeadline(this.#periodic),
      update: saveDeadline(this.#update),
      alarmSecond: this.#lastAlarmSecond,
    };
  }

  restore(state: CmosRtcState): void {
    this.#nvram.set(state.nvram);
    this.#index = state.index & 0x7f;
    this.nmiMasked = (state.index & 0x80) !== 0;
    this.#epoch = state.epoch;
    this.#frozenAt = state.frozenAt;
    this.#lastAlarmSecond = state.alarmSecond;
    restoreDeadline(this.#periodic, state.periodic);
    restoreDeadline(this.#update, state.update);
  }
}
