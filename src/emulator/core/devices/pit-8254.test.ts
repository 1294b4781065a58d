import { expect, test } from "vitest";
import { Clock } from "../clock.ts";
import { Pit8254 } from "./pit-8254.ts";

function setup(): { clock: Clock; pit: Pit8254; edges: number[]; passTo: (time: number) => void } {
  const clock = new Clock();
  const edges: number[] = [];
  const pit = new Pit8254(clock, (level) => {
    if (level) edges.push(clock.now());
  });
  const passTo = (time: number): void => {
    while (clock.nextDeadline() <= time) {
      clock.skipTo(clock.nextDeadline());
      clock.fireDue();
    }
    clock.skipTo(time);
  };
  return { clock, pit, edges, passTo };
}

function load(pit: Pit8254, counter: number, control: number, count: number): void {
  pit.writePort(0x43, (counter << 6) | 0x30 | control);
  pit.writePort(0x40 + counter, count & 0xff);
  pit.writePort(0x40 + counter, count >> 8);
}

test("mode 2 with 11932 gives one hundred interrupts a second", () => {
  const { pit, edges, passTo } = setup();
  load(pit, 0, 0x04, 11932);
  edges.length = 0;
  passTo(1e9);
  expect(edges.length).toBe(99);
});

test("mode 3 gives one rising edge a period", () => {
  const { pit, edges, passTo } = setup();
  load(pit, 0, 0x06, 11932);
  edges.length = 0;
  passTo(1e9);
  expect(edges.length).toBe(99);
});

test("mode 0 raises its output once, at the terminal count", () => {
  const { pit, edges, passTo } = setup();
  load(pit, 0, 0x00, 1193);
  edges.length = 0;
  passTo(1e9);
  expect(edges.length).toBe(1);
  expect(Math.abs(edges[0] - 1e6)).toBeLessThan(2000);
});

test("a latched count stands still and counts down between two latches", () => {
  const { pit, passTo } = setup();
  load(pit, 0, 0x04, 0);
  pit.writePort(0x43, 0x00);
  passTo(1e6);
  const first = pit.readPort(0x40) | (pit.readPort(0x40) << 8);
  pit.writePort(0x43, 0x00);
  const second = pit.readPort(0x40) | (pit.readPort(0x40) << 8);
  expect(((first - second) & 0xffff) - 1193).toBeLessThan(2);
});

test("port 61h shows the output of counter 2 once its gated count is over", () => {
  const { pit, passTo } = setup();
  pit.writePort(0x61, 0x01);
  load(pit, 2, 0x00, 2386);
  expect(pit.readPort(0x61) & 0x20).toBe(0);
  passTo(3e6);
  expect(pit.readPort(0x61) & 0x20).toBe(0x20);
});

test("a closed gate stops counter 2", () => {
  const { pit, passTo } = setup();
  load(pit, 2, 0x00, 2386);
  passTo(3e6);
  expect(pit.readPort(0x61) & 0x20).toBe(0);
});

test("read-back gives the status with mode and access", () => {
  const { pit } = setup();
  load(pit, 0, 0x04, 1000);
  pit.writePort(0x43, 0xe2);
  expect(pit.readPort(0x40) & 0x3f).toBe(0x34);
});

test("a BCD counter counts in decimal", () => {
  const { pit } = setup();
  load(pit, 0, 0x05, 0x1000);
  pit.writePort(0x43, 0x00);
  expect(pit.readPort(0x40) | (pit.readPort(0x40) << 8)).toBe(0x1000);
});

test("a restored timer fires when the saved one would have", () => {
  const first = setup();
  load(first.pit, 0, 0x04, 11932);
  first.passTo(5e6);
  const second = setup();
  second.clock.restore(first.clock.save());
  second.pit.restore(first.pit.save());
  expect(second.clock.nextDeadline()).toBe(first.clock.nextDeadline());
});
