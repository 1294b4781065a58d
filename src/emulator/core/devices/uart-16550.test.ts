import { expect, test } from "vitest";
import { Clock } from "../clock.ts";
import { Uart16550 } from "./uart-16550.ts";

function setup(): {
  clock: Clock;
  uart: Uart16550;
  sent: number[];
  irq: () => boolean;
  pass: (ns: number) => void;
} {
  const clock = new Clock();
  const sent: number[] = [];
  let level = false;
  const uart = new Uart16550(
    clock,
    "com1",
    (now) => (level = now),
    (byte) => sent.push(byte),
  );
  const pass = (nanoseconds: number): void => {
    clock.skipTo(clock.now() + nanoseconds);
    clock.fireDue();
  };
  return { clock, uart, sent, irq: () => level, pass };
}

test("a byte written to THR leaves the port", () => {
  const { uart, sent } = setup();
  uart.write(0, 0x41);
  expect(sent).toEqual([0x41]);
});

test("enabling ETBEI with an empty THR interrupts at once, and reading IIR clears it", () => {
  const { uart, irq } = setup();
  uart.write(4, 0x08);
  uart.write(1, 0x02);
  expect(irq()).toBe(true);
  expect(uart.read(2)).toBe(0x02);
  expect(irq()).toBe(false);
});

test("the FIFO interrupts at its trigger level", () => {
  const { uart } = setup();
  uart.write(4, 0x08);
  uart.write(1, 0x01);
  uart.write(2, 0xc1);
  uart.send(new Uint8Array(13));
  expect(uart.read(2)).toBe(0xc1);
  uart.read(0);
  uart.send(new Uint8Array(16));
  expect(uart.read(5) & 0x01).toBe(1);
});

test("fewer bytes than the trigger level are reported by the time-out", () => {
  const { uart, pass } = setup();
  uart.write(4, 0x08);
  uart.write(1, 0x01);
  uart.write(2, 0xc1);
  uart.send(Uint8Array.of(7));
  expect(uart.read(2) & 0x0f).toBe(0x01);
  pass(1e7);
  expect(uart.read(2) & 0x0f).toBe(0x0c);
  expect(uart.read(0)).toBe(7);
});

test("bytes from the host beyond the FIFO arrive in order and none is lost", () => {
  const { uart, pass } = setup();
  uart.write(2, 0x01);
  uart.send(Uint8Array.from({ length: 100 }, (_, i) => i));
  const got: number[] = [];
  for (let i = 0; i < 20; i++) {
    while ((uart.read(5) & 1) !== 0) got.push(uart.read(0));
    pass(1e6);
  }
  expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test("loopback returns bytes and the modem outputs", () => {
  const { uart, sent } = setup();
  uart.write(4, 0x1a);
  uart.write(0, 0x55);
  expect(uart.read(0)).toBe(0x55);
  expect(uart.read(6) & 0xf0).toBe(0x90);
  expect(sent).toEqual([]);
});

test("the divisor is behind DLAB", () => {
  const { uart } = setup();
  uart.write(3, 0x83);
  uart.write(0, 1);
  uart.write(1, 0);
  expect([uart.read(0), uart.read(1)]).toEqual([1, 0]);
  uart.write(3, 0x03);
  expect(uart.read(1)).toBe(0);
});
