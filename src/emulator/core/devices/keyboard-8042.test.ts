import { expect, test } from "vitest";
import { Clock } from "../clock.ts";
import { Keyboard8042 } from "./keyboard-8042.ts";

function setup() {
  const clock = new Clock();
  const seen = { irq1: false, irq12: false, a20: true, resets: 0 };
  const controller = new Keyboard8042(clock, {
    setIrq1: (level) => (seen.irq1 = level),
    setIrq12: (level) => (seen.irq12 = level),
    setA20: (open) => (seen.a20 = open),
    reset: () => seen.resets++,
  });
  const take = (): number[] => {
    const out: number[] = [];
    for (let i = 0; i < 50; i++) {
      clock.skipTo(clock.now() + 1e6);
      clock.fireDue();
      if ((controller.readPort(0x64) & 1) !== 0) out.push(controller.readPort(0x60));
    }
    return out;
  };
  return { clock, controller, seen, take };
}

test("the controller's self test answers 55h", () => {
  const { controller } = setup();
  controller.writePort(0x64, 0xaa);
  expect(controller.readPort(0x60)).toBe(0x55);
});

test("a key gives its set 1 codes and raises IRQ 1", () => {
  const { clock, controller, seen, take } = setup();
  controller.sendScancodes([0x1e, 0x9e]);
  clock.skipTo(1e6);
  clock.fireDue();
  expect(seen.irq1).toBe(true);
  expect(take()).toEqual([0x1e, 0x9e]);
});

test("without translation the same key is in set 2", () => {
  const { controller, take } = setup();
  controller.writePort(0x64, 0x60);
  controller.writePort(0x60, 0x05);
  controller.sendScancodes([0x1e, 0x9e]);
  expect(take()).toEqual([0x1c, 0xf0, 0x1c]);
});

test("keyboard reset is acknowledged and passes", () => {
  const { controller, take } = setup();
  controller.writePort(0x60, 0xff);
  expect(take()).toEqual([0xfa, 0xaa]);
});

test("the output port closes A20", () => {
  const { controller, seen } = setup();
  controller.writePort(0x64, 0xd1);
  controller.writePort(0x60, 0xdd);
  expect(seen.a20).toBe(false);
});

test("command FEh pulses the reset line", () => {
  const { controller, seen } = setup();
  controller.writePort(0x64, 0xfe);
  expect(seen.resets).toBe(1);
});

test("a mouse that reports sends a packet of three bytes", () => {
  const { controller, take } = setup();
  controller.writePort(0x64, 0xd4);
  controller.writePort(0x60, 0xf4);
  expect(take()).toEqual([0xfa]);
  controller.moveMouse(5, -3, 0, 1);
  expect(take()).toEqual([0x29, 5, 0xfd]);
});
