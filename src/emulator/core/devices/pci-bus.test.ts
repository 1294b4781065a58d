import { expect, test } from "vitest";
import { Piix3 } from "./i440fx-piix3.ts";
import { PciBus, PciFunction } from "./pci-bus.ts";

function setup() {
  const bases: (number | undefined)[] = [];
  const levels: [number, boolean][] = [];
  const bus = new PciBus();
  const nic = new PciFunction({
    name: "nic",
    vendor: 0x10ec,
    device: 0x8029,
    classCode: 0x020000,
    interruptPin: 1,
  });
  nic.addBar(0, { type: "io", bytes: 32, map: (base) => bases.push(base) });
  const piix3 = new Piix3(
    (irq, level) => levels.push([irq, level]),
    () => {},
  );
  bus.add(1, 0, piix3.pci);
  bus.add(5, 0, nic);
  piix3.connect(bus);
  const read = (slot: number, offset: number): number => {
    bus.writeAddress((0x80000000 | (slot << 11) | offset) >>> 0);
    return [0, 1, 2, 3].reduce((sum, i) => sum + bus.readData(0xcfc + i) * 2 ** (8 * i), 0);
  };
  const write = (slot: number, offset: number, value: number): void => {
    bus.writeAddress((0x80000000 | (slot << 11) | offset) >>> 0);
    for (let i = 0; i < 4; i++) bus.writeData(0xcfc + i, (value >>> (8 * i)) & 0xff);
  };
  return { bases, levels, nic, read, write };
}

test("vendor and device are read through mechanism 1", () => {
  expect(setup().read(5, 0)).toBe(0x802910ec);
});

test("an empty slot reads as all ones", () => {
  expect(setup().read(9, 0)).toBe(0xffffffff);
});

test("all ones written to a base address register give its size", () => {
  const { read, write } = setup();
  write(5, 0x10, 0xffffffff);
  expect(read(5, 0x10) % 0x10000).toBe(0xffe1);
});

test("a base address is decoded once I/O space is enabled", () => {
  const { bases, write } = setup();
  write(5, 0x10, 0xc000);
  expect(bases).toEqual([]);
  write(5, 0x04, 0x01);
  expect(bases).toEqual([0xc000]);
});

test("INTA# of slot 5 arrives where PIRQA is routed", () => {
  const { levels, nic, write } = setup();
  write(1, 0x60, 0x0b0b0a0a);
  nic.setInterrupt(true);
  nic.setInterrupt(false);
  expect(levels).toEqual([
    [10, true],
    [10, false],
  ]);
});
