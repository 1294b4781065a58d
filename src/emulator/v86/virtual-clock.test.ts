import { expect, test } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

function clockAt(start: number) {
  const real = { now: 1000, date: start };
  return {
    real,
    clock: new VirtualClock(
      () => real.now,
      () => real.date,
    ),
  };
}

test("both times run only between start and stop", () => {
  const { real, clock } = clockAt(5_000_000);
  real.now += 50;
  expect(clock.now()).toBe(0);
  clock.start();
  real.now += 30;
  expect([clock.now(), clock.date()]).toEqual([30, 5_000_030]);
  clock.stop();
  real.now += 1000;
  expect([clock.now(), clock.date()]).toEqual([30, 5_000_030]);
  clock.start();
  real.now += 1;
  expect(clock.now()).toBe(31);
});

test("a restored clock goes on from its virtual time and shows the time of day it is given", () => {
  const { real, clock } = clockAt(0);
  clock.set(777, 9_000_000);
  expect([clock.now(), clock.date()]).toEqual([777, 9_000_000]);
  clock.start();
  real.now += 3;
  expect([clock.now(), clock.date()]).toEqual([780, 9_000_003]);
});
