import { expect, it } from "vitest";
import { Random } from "../../common/random.ts";
import { Link, type LinkFaults } from "./link.ts";
import { Scheduler } from "./scheduler.ts";

/** Sends numbered frames a millisecond apart and gives what arrived, when. */
function run(faults: Partial<LinkFaults>, count = 1000, seed = 5) {
  const scheduler = new Scheduler();
  const arrived: { n: number; time: number; byte: number }[] = [];
  const deliver = (frame: Uint8Array) =>
    arrived.push({ n: frame[0] * 256 + frame[1], time: scheduler.now, byte: frame[2] });
  const link = new Link({
    device: "pc",
    switch: "vmnet8",
    scheduler,
    random: new Random(seed),
    deliver: { in: deliver, out: deliver },
  });
  link.setFaults("in", faults);
  for (let n = 0; n < count; n++) {
    scheduler.advance(n);
    link.send("in", Uint8Array.of(n >> 8, n, 0, ...new Uint8Array(97)));
  }
  scheduler.advance(1e6);
  return { arrived, link };
}

it("a delay holds every frame back by as much and keeps the order", () => {
  const { arrived } = run({ delayMs: 30 });
  expect(arrived.every(({ n, time }) => time === n + 30)).toBe(true);
  expect(arrived.length).toBe(1000);
});

it("jitter spreads arrivals within its bound", () => {
  const { arrived } = run({ jitterMs: 10 });
  const late = arrived.map(({ n, time }) => time - n);
  expect(Math.min(...late)).toBeLessThan(1);
  expect(Math.max(...late)).toBeGreaterThan(9);
  expect(Math.max(...late)).toBeLessThan(10);
});

it("loss drops about its share, the same frames with the same seed", () => {
  const { arrived } = run({ lossPercent: 50 });
  expect(arrived.length).toBeGreaterThan(430);
  expect(arrived.length).toBeLessThan(570);
  expect(run({ lossPercent: 50 }).arrived).toEqual(arrived);
  expect(run({ lossPercent: 50 }, 1000, 6).arrived).not.toEqual(arrived);
});

it("duplicates arrive twice", () => {
  expect(run({ duplicatePercent: 100 }, 10).arrived.length).toBe(20);
});

it("reordering lets later frames overtake", () => {
  const order = run({ reorderPercent: 20 }).arrived.map(({ n }) => n);
  expect(order.length).toBe(1000);
  expect(order).not.toEqual([...order].sort((a, b) => a - b));
});

it("a rate of 1000 kbit/s takes 0.992 ms for a frame of 100 bytes with preamble, FCS and gap", () => {
  const { arrived } = run({ rateKbitPerSecond: 1000 }, 10);
  expect(arrived[0].time).toBeCloseTo(0.992);
});

it("a link that is down passes nothing and counts it", () => {
  const { link } = run({}, 1);
  link.setUp(false);
  link.send("out", new Uint8Array(60));
  expect(link.drops.down).toBe(1);
});

it("corruption turns over one bit of the frames it strikes, and leaves the sender's own bytes alone", () => {
  const scheduler = new Scheduler();
  const arrived: Uint8Array[] = [];
  const deliver = (frame: Uint8Array) => void arrived.push(frame);
  const link = new Link({
    device: "pc",
    switch: "vmnet8",
    scheduler,
    random: new Random(5),
    deliver: { in: deliver, out: deliver },
  });
  link.setFaults("in", { corruptPercent: 25 });
  const frame = new Uint8Array(100);
  for (let n = 0; n < 1000; n++) link.send("in", frame);
  scheduler.advance(1);
  const turned = arrived.map((bytes) =>
    bytes.reduce((bits, byte) => bits + byte.toString(2).replaceAll("0", "").length, 0),
  );
  expect(arrived).toHaveLength(1000);
  expect(Math.max(...turned)).toBe(1);
  const struck = turned.filter((bits) => bits === 1).length;
  expect(struck).toBeGreaterThan(200);
  expect(struck).toBeLessThan(300);
  expect(frame.every((byte) => byte === 0)).toBe(true);
});
