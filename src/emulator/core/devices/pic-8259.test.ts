import { expect, test } from "vitest";
import { InterruptControllers } from "./pic-8259.ts";

function ready(): InterruptControllers {
  const pic = new InterruptControllers();
  for (const [port, value] of [
    [0x20, 0x11],
    [0x21, 0x20],
    [0x21, 0x04],
    [0x21, 0x01],
    [0xa0, 0x11],
    [0xa1, 0x28],
    [0xa1, 0x02],
    [0xa1, 0x01],
  ])
    pic.writePort(port, value);
  return pic;
}

test("a request on IRQ 1 raises INTR and is acknowledged with its vector", () => {
  const pic = ready();
  pic.setIrq(1, true);
  expect(pic.intr).toBe(true);
  expect(pic.acknowledge()).toBe(0x21);
  expect(pic.intr).toBe(false);
});

test("IRQ 0 comes before IRQ 1, which waits for the end of interrupt", () => {
  const pic = ready();
  pic.setIrq(1, true);
  pic.setIrq(0, true);
  expect(pic.acknowledge()).toBe(0x20);
  expect(pic.intr).toBe(false);
  pic.writePort(0x20, 0x20);
  expect(pic.acknowledge()).toBe(0x21);
});

test("the slave's requests arrive through IRQ 2", () => {
  const pic = ready();
  pic.setIrq(14, true);
  expect(pic.acknowledge()).toBe(0x2e);
  pic.writePort(0x20, 0x0b);
  expect(pic.readPort(0x20)).toBe(0x04);
});

test("a request that goes away before the acknowledge becomes the spurious vector 7", () => {
  const pic = ready();
  pic.setIrq(5, true);
  pic.setIrq(5, false);
  expect(pic.acknowledge()).toBe(0x27);
});

test("a level-triggered line requests again after the end of interrupt while it is held", () => {
  const pic = ready();
  pic.writePort(0x4d1, 0x0c);
  pic.setIrq(11, true);
  expect(pic.acknowledge()).toBe(0x2b);
  pic.writePort(0xa0, 0x20);
  pic.writePort(0x20, 0x20);
  expect(pic.acknowledge()).toBe(0x2b);
});

test("ELCR keeps the timer edge triggered", () => {
  const pic = ready();
  pic.writePort(0x4d0, 0xff);
  expect(pic.readPort(0x4d0)).toBe(0xf8);
});

test("polled mode answers with the line and puts it in service", () => {
  const pic = ready();
  pic.setIrq(4, true);
  pic.writePort(0x20, 0x0c);
  expect(pic.readPort(0x20)).toBe(0x84);
  pic.writePort(0x20, 0x0b);
  expect(pic.readPort(0x20)).toBe(0x10);
});

test("a masked line raises nothing until it is unmasked", () => {
  const pic = ready();
  pic.writePort(0x21, 0xff);
  pic.setIrq(3, true);
  expect(pic.intr).toBe(false);
  pic.writePort(0x21, 0x00);
  expect(pic.intr).toBe(true);
});

test("rotation on end of interrupt makes the served line the lowest", () => {
  const pic = ready();
  pic.setIrq(0, true);
  pic.acknowledge();
  pic.writePort(0x20, 0xa0);
  pic.setIrq(0, false);
  pic.setIrq(0, true);
  pic.setIrq(1, true);
  expect(pic.acknowledge()).toBe(0x21);
});

test("a restored pair has the saved requests", () => {
  const pic = ready();
  pic.setIrq(9, true);
  const copy = new InterruptControllers();
  copy.restore(pic.save());
  expect(copy.intr).toBe(true);
  expect(copy.acknowledge()).toBe(0x29);
});
