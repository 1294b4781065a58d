/** The virtio console as a driver sees it: rings in memory, bytes in and out, and a guest that does not read. */
import { expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { VirtioConsole } from "./virtio-console.ts";

const QUEUE = (number: number) => 0x10000 + number * 0x4000;
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const bytesOf = (words: string) => new TextEncoder().encode(words);

function setup() {
  const memory = new PhysicalMemory(1 << 20);
  let output = "";
  const device = new VirtioConsole(
    memory,
    (bytes) => (output += text(bytes)),
    () => {},
  );
  let irq = false;
  device.pci.setInterruptLine = (level) => (irq = level);
  const { virtio } = device;
  const start = () => {
    for (let number = 0; number < 2; number++) {
      virtio.write(22, number);
      virtio.write(24, 8);
      virtio.write(32, QUEUE(number));
      virtio.write(40, QUEUE(number) + 0x1000);
      virtio.write(48, QUEUE(number) + 0x2000);
      virtio.write(28, 1);
    }
    virtio.write(20, 0x0f);
  };
  start();
  /** Puts one buffer up as descriptor `index`, and notifies. */
  const offer = (number: number, index: number, address: number, bytes: number, flags: number) => {
    const at = QUEUE(number);
    memory.write32(at + index * 16, address);
    memory.write32(at + index * 16 + 8, bytes);
    memory.write16(at + index * 16 + 12, flags);
    const available = memory.read16(at + 0x1002);
    memory.write16(at + 0x1004 + (available % 8) * 2, index);
    memory.write16(at + 0x1002, available + 1);
    virtio.write(0x3000 + number * 4, number);
  };
  /** How many chains came back, and the length in the last one's entry. */
  const used = (number: number) => {
    const at = QUEUE(number) + 0x2000;
    const count = memory.read16(at + 2);
    return [count, count === 0 ? 0 : memory.read32(at + 8 + ((count - 1) % 8) * 8)];
  };
  return { memory, device, virtio, offer, used, start, output: () => output, irq: () => irq };
}

test("what the guest puts up is written, and the driver is interrupted", () => {
  const { memory, offer, used, output, irq } = setup();
  memory.load(0x5000, bytesOf("hello"));
  offer(1, 0, 0x5000, 5, 0);
  expect([output(), used(1)[0], irq()]).toEqual(["hello", 1, true]);
});

test("what is typed fills the guest's buffers in order, as much as each holds", () => {
  const { memory, device, offer, used } = setup();
  offer(0, 0, 0x6000, 4, 2);
  offer(0, 1, 0x6100, 64, 2);
  device.send(bytesOf("ls -l\n"));
  expect([text(memory.readBytes(0x6000, 4)), text(memory.readBytes(0x6100, 2))]).toEqual(["ls -", "l\n"]);
  expect(used(0)).toEqual([2, 2]);
});

test("what is typed before the guest has a buffer waits for it", () => {
  const { memory, device, offer } = setup();
  device.send(bytesOf("early"));
  offer(0, 0, 0x6000, 64, 2);
  expect(text(memory.readBytes(0x6000, 5))).toBe("early");
});

test("a guest that never reads costs 64 KiB; the rest is counted", () => {
  const { device } = setup();
  for (let i = 0; i < 100; i++) device.send(new Uint8Array(1000));
  expect([device.save().waiting.length, device.dropped]).toEqual([65536, 100_000 - 65536]);
});

test("its configuration is 80 columns and 25 rows, and its feature says so", () => {
  const { virtio } = setup();
  expect([0, 1, 2, 3].map((offset) => virtio.read8(0x2000 + offset))).toEqual([80, 0, 25, 0]);
  virtio.write(0, 0);
  expect(virtio.read8(4) & 1).toBe(1);
});

test("saved while bytes wait, it goes on on another", () => {
  const first = setup();
  first.device.send(bytesOf("kept"));
  const second = setup();
  second.device.restore(structuredClone(first.device.save()));
  second.offer(0, 0, 0x6000, 64, 2);
  expect(text(second.memory.readBytes(0x6000, 4))).toBe("kept");
});

test("random register writes and rings leave it standing (seed 9)", () => {
  const { memory, device, virtio } = setup();
  const random = new Random(9);
  for (let i = 0; i < 50_000; i++) {
    const kind = random.below(4);
    if (kind === 0) virtio.write(random.below(0x40), random.uint32());
    else if (kind === 1) virtio.write(0x3000 + random.below(16), random.uint32());
    else if (kind === 2) virtio.read8(random.below(0x4000));
    else memory.write32(0x10000 + random.below(0x3000) * 4, random.uint32());
    if (random.below(50) === 0) virtio.write(20, 0x0f);
    if (random.below(50) === 0) device.send(new Uint8Array(100));
  }
  expect(device.save().waiting.length).toBeLessThanOrEqual(65536);
});
