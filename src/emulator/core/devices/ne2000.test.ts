import { expect, test } from "vitest";
import { Ne2000 } from "./ne2000.ts";

const MAC = Uint8Array.of(0x00, 0x0c, 0x29, 0x2d, 0x2e, 0x6b);

function setup() {
  const sent: Uint8Array[] = [];
  const nic = new Ne2000(
    MAC,
    (frame) => sent.push(frame),
    () => {},
  );
  let irq = false;
  nic.pci.setInterruptLine = (level) => (irq = level);
  const set = (pairs: number[][]): void => pairs.forEach(([offset, value]) => nic.write8(offset, value));
  const start = (): void => {
    set([
      [0, 0x21],
      [14, 0x49],
      [12, 0x04],
      [1, 0x4c],
      [2, 0x80],
      [3, 0x4c],
      [7, 0xff],
      [15, 0x03],
    ]);
    set([[0, 0x61], ...[...MAC].map((byte, i) => [1 + i, byte]), [7, 0x4d], [0, 0x22]]);
  };
  const readMemory = (address: number, count: number): number[] => {
    set([
      [8, address & 0xff],
      [9, address >> 8],
      [10, count & 0xff],
      [11, count >> 8],
      [0, 0x0a],
    ]);
    return Array.from({ length: count / 2 }, () => nic.readWide(2)).flatMap((word) => [
      word & 0xff,
      word >> 8,
    ]);
  };
  return { nic, sent, set, start, readMemory, irq: () => irq };
}

function frameTo(address: Uint8Array, length = 80): Uint8Array {
  const frame = new Uint8Array(length).fill(0xa5);
  frame.set(address);
  return frame;
}

test("the address PROM holds each byte twice", () => {
  const { readMemory } = setup();
  expect(readMemory(0, 4)).toEqual([0x00, 0x00, 0x0c, 0x0c]);
});

test("in word mode a byte read of the data port takes a whole word, so that the PROM reads as an address", () => {
  const { nic, set } = setup();
  set([
    [0, 0x21],
    [14, 0x49],
    [8, 0],
    [9, 0],
    [10, 32],
    [11, 0],
    [0, 0x0a],
  ]);
  expect(Array.from({ length: 6 }, () => nic.read8(0x10))).toEqual([...MAC]);
});

test("a frame in packet memory is sent", () => {
  const { nic, sent, set, start } = setup();
  start();
  set([
    [8, 0],
    [9, 0x40],
    [10, 64],
    [11, 0],
    [0, 0x12],
  ]);
  for (let i = 0; i < 32; i++) nic.writeWide(0x0101 * i, 2);
  set([
    [4, 0x40],
    [5, 64],
    [6, 0],
    [0, 0x26],
  ]);
  expect(sent.length).toBe(1);
  expect([...sent[0].subarray(0, 4)]).toEqual([0, 0, 1, 1]);
});

test("a frame for the card lands behind its header and interrupts", () => {
  const { nic, start, readMemory, irq } = setup();
  start();
  nic.receive(frameTo(MAC));
  expect(irq()).toBe(true);
  expect(readMemory(0x4d00, 6)).toEqual([1, 0x4e, 84, 0, 0x00, 0x0c]);
});

test("a frame for another card is ignored", () => {
  const { nic, start, irq } = setup();
  start();
  nic.receive(frameTo(Uint8Array.of(0, 1, 2, 3, 4, 5)));
  expect(irq()).toBe(false);
});

test("a full ring drops the frame and reports an overwrite", () => {
  const { nic, start } = setup();
  start();
  for (let i = 0; i < 60; i++) nic.receive(frameTo(MAC, 1000));
  expect(nic.read8(7) & 0x10).toBe(0x10);
});

test("with the link down nothing is received", () => {
  const { nic, start, irq } = setup();
  start();
  nic.linkUp = false;
  nic.receive(frameTo(MAC));
  expect(irq()).toBe(false);
});
