import { expect, test } from "vitest";
import { Clock } from "../clock.ts";
import { CmosRtc } from "./cmos-rtc.ts";

function setup() {
  const clock = new Clock();
  let irq = false;
  const rtc = new CmosRtc(clock, Date.UTC(2026, 10, 23, 9, 41, 54), (level) => (irq = level));
  const read = (register: number): number => {
    rtc.writePort(0x70, register);
    return rtc.readPort(0x71);
  };
  const write = (register: number, value: number): void => {
    rtc.writePort(0x70, register);
    rtc.writePort(0x71, value);
  };
  const passSeconds = (seconds: number): void => {
    clock.skipTo(clock.now() + seconds * 1e9);
    clock.fireDue();
  };
  return { rtc, read, write, passSeconds, irq: () => irq };
}

test("date and time are BCD in 24-hour form, with the century", () => {
  const { read } = setup();
  expect([0x32, 9, 8, 7, 4, 2, 0].map(read)).toEqual([0x20, 0x26, 0x11, 0x23, 0x09, 0x41, 0x54]);
});

test("virtual seconds move the clock", () => {
  const { read, passSeconds } = setup();
  passSeconds(10);
  expect([read(2), read(0)]).toEqual([0x42, 0x04]);
});

test("the update interrupt sets UF and IRQF, and reading C takes them back", () => {
  const { read, write, passSeconds, irq } = setup();
  write(0x0b, 0x12);
  passSeconds(1);
  expect(irq()).toBe(true);
  expect(read(0x0c)).toBe(0x90);
  expect([irq(), read(0x0c)]).toEqual([false, 0]);
});

test("the alarm fires at its time", () => {
  const { read, write, passSeconds } = setup();
  for (const [register, value] of [
    [1, 0x56],
    [3, 0x41],
    [5, 0x09],
    [0x0b, 0x22],
  ])
    write(register, value);
  passSeconds(1);
  expect(read(0x0c) & 0x20).toBe(0);
  passSeconds(1);
  expect(read(0x0c) & 0xa0).toBe(0xa0);
});

test("the periodic interrupt at rate 6 comes 1024 times a second", () => {
  const { read, write, passSeconds } = setup();
  write(0x0b, 0x42);
  passSeconds(1 / 1024 + 1e-6);
  expect(read(0x0c)).toBe(0xc0);
});

test("64 MiB are 768 blocks of 64 KiB above 16 MiB", () => {
  const { rtc, read } = setup();
  rtc.configure({ memoryBytes: 64 << 20, floppyTypes: 0, disks: 1, bootOrder: [2, 3] });
  expect(read(0x34) | (read(0x35) << 8)).toBe(768);
});
