/** The virtio card as a driver sees it: rings in memory, notifications, link state, and rings that lie. */
import { expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { VirtioNet } from "./virtio-net.ts";

const MAC = Uint8Array.of(0x00, 0x0c, 0x29, 1, 2, 3);
const QUEUE = (number: number) => 0x10000 + number * 0x4000;

function setup() {
  const memory = new PhysicalMemory(1 << 20);
  const sent: Uint8Array[] = [];
  const nic = new VirtioNet(
    memory,
    MAC,
    (frame) => sent.push(frame),
    () => {},
  );
  let irq = false;
  nic.pci.setInterruptLine = (level) => (irq = level);
  const { virtio } = nic;
  for (let number = 0; number < 3; number++) {
    virtio.write(22, number);
    virtio.write(24, 8);
    virtio.write(32, QUEUE(number));
    virtio.write(40, QUEUE(number) + 0x1000);
    virtio.write(48, QUEUE(number) + 0x2000);
    virtio.write(28, 1);
  }
  virtio.write(20, 0x0f);
  /** Offers descriptor `index` of a queue: one buffer. */
  const offer = (number: number, index: number, address: number, bytes: number, flags: number) => {
    const at = QUEUE(number);
    memory.write32(at + index * 16, address);
    memory.write32(at + index * 16 + 8, bytes);
    memory.write16(at + index * 16 + 12, flags);
    const available = memory.readBytes(at + 0x1002, 2)[0];
    memory.write16(at + 0x1004 + (available % 8) * 2, index);
    memory.write16(at + 0x1002, available + 1);
  };
  const used = (number: number) => memory.readBytes(QUEUE(number) + 0x2002, 1)[0];
  return { memory, nic, virtio, sent, offer, used, irq: () => irq };
}

test("a frame that the driver puts up is sent without its header, and the driver is interrupted", () => {
  const { memory, virtio, sent, offer, used, irq } = setup();
  memory.load(0x5000, new Uint8Array(72).fill(0x5a));
  offer(1, 0, 0x5000, 72, 0);
  virtio.write(0x3004, 1);
  expect(sent.map((frame) => [...frame])).toEqual([Array(60).fill(0x5a)]);
  expect([used(1), irq(), virtio.read8(0x1000), irq()]).toEqual([1, true, 1, false]);
});

test("a received frame lands behind a header that counts one buffer", () => {
  const { memory, nic, offer, used } = setup();
  offer(0, 2, 0x6000, 1526, 2);
  nic.receive(Uint8Array.of(1, 2, 3));
  expect([...memory.readBytes(0x6000, 15)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3]);
  expect(used(0)).toBe(1);
});

test("without a buffer, or with the cable out, a frame is dropped and counted", () => {
  const { nic } = setup();
  nic.receive(new Uint8Array(60));
  nic.setLink(false);
  nic.receive(new Uint8Array(60));
  expect(nic.dropped).toBe(2);
});

test("a pulled cable shows in the configuration and interrupts", () => {
  const { nic, virtio, irq } = setup();
  expect(virtio.read8(0x2006)).toBe(1);
  nic.setLink(false);
  expect([virtio.read8(0x2006), irq(), virtio.read8(0x1000)]).toEqual([0, true, 2]);
});

test("a chain that goes in a circle ends", () => {
  const { memory, virtio, offer, used } = setup();
  offer(1, 0, 0x5000, 16, 1);
  memory.write16(QUEUE(1) + 14, 0);
  virtio.write(0x3004, 1);
  expect(used(1)).toBe(1);
});

test("state saved on one card goes on on another", () => {
  const { nic, offer, memory } = setup();
  offer(0, 0, 0x6000, 1526, 2);
  const other = new VirtioNet(
    memory,
    MAC,
    () => {},
    () => {},
  );
  other.restore(structuredClone(nic.save()));
  other.receive(Uint8Array.of(7));
  expect(memory.readBytes(0x600c, 1)[0]).toBe(7);
});

test("random register writes and rings leave the card standing (seed 7)", () => {
  const { memory, nic, virtio } = setup();
  const random = new Random(7);
  for (let i = 0; i < 50_000; i++) {
    const kind = random.below(4);
    if (kind === 0) virtio.write(random.below(0x40), random.uint32());
    else if (kind === 1) virtio.write(0x3000 + random.below(16), random.uint32());
    else if (kind === 2) virtio.read8(random.below(0x4000));
    else memory.write32(0x10000 + random.below(0x3000) * 4, random.uint32());
    if (random.below(50) === 0) virtio.write(20, 0x0f);
    if (random.below(50) === 0) nic.receive(new Uint8Array(100));
  }
  expect(nic.save().version).toBe(1);
});
