import { expect, test } from "vitest";
import type { BlockDevice } from "../../machine.ts";
import { Clock } from "../clock.ts";
import { AtaDrive } from "./ata-drive.ts";
import { IdeChannel } from "./piix3-ide.ts";

function disk(bytes: Uint8Array): BlockDevice {
  return {
    byteLength: bytes.length,
    readOnly: false,
    read: (offset, length) => bytes.slice(offset, offset + length),
    write: (offset, data) => bytes.set(data, offset),
  };
}

function setup(medium: BlockDevice | undefined, isCdrom = false) {
  const clock = new Clock();
  const ram = new Uint8Array(1 << 20);
  let irq = false;
  const channel = new IdeChannel(0, {
    clock,
    memory: {
      readBytes: (address, length) => ram.slice(address, address + length),
      writeBytes: (address, source) => ram.set(source, address),
    },
    setIrq: (_, level) => (irq = level),
    whenDone: (work, action) => void work.then(action, () => action(undefined)),
    finished: () => {},
  });
  channel.drives[0] = new AtaDrive(isCdrom, medium, channel.hostFor(0));
  const settle = (): void => {
    clock.skipTo(clock.now() + 1e6);
    clock.fireDue();
  };
  const words = (count: number): number[] => Array.from({ length: count }, () => channel.readData());
  const issue = (command: number, lba: number, count: number): void => {
    channel.write(2, count);
    channel.write(3, lba & 0xff);
    channel.write(4, (lba >> 8) & 0xff);
    channel.write(5, (lba >> 16) & 0xff);
    channel.write(6, 0xe0 | (lba >> 24));
    channel.write(7, command);
    settle();
  };
  return { channel, ram, settle, words, issue, irq: () => irq };
}

test("IDENTIFY DEVICE gives the number of sectors", () => {
  const { words, issue } = setup(disk(new Uint8Array(100 * 512)));
  issue(0xec, 0, 0);
  const identity = words(256);
  expect(identity[60] | (identity[61] << 16)).toBe(100);
});

test("READ SECTORS gives each sector's bytes and then no more DRQ", () => {
  const bytes = Uint8Array.from({ length: 8 * 512 }, (_, i) => i >> 9);
  const { channel, words, issue } = setup(disk(bytes));
  issue(0x20, 3, 2);
  expect(channel.read(7) & 0x08).toBe(0x08);
  const got = words(512);
  expect([got[0], got[255], got[256], got[511]]).toEqual([0x0303, 0x0303, 0x0404, 0x0404]);
  expect(channel.read(7)).toBe(0x50);
});

test("WRITE SECTORS EXT stores what was written", () => {
  const bytes = new Uint8Array(8 * 512);
  const { channel, settle, issue, irq } = setup(disk(bytes));
  for (const register of [2, 3, 4, 5]) channel.write(register, 0);
  issue(0x34, 2, 1);
  for (let i = 0; i < 256; i++) channel.writeData(0xbeef);
  settle();
  expect(irq()).toBe(true);
  expect([bytes[1023], bytes[1024], bytes[1025], bytes[1535], bytes[1536]]).toEqual([0, 0xef, 0xbe, 0xbe, 0]);
});

test("an address beyond the end fails with IDNF", () => {
  const { channel, issue } = setup(disk(new Uint8Array(8 * 512)));
  issue(0x20, 8, 1);
  expect([channel.read(7) & 1, channel.read(1)]).toEqual([1, 0x10]);
});

test("a block device that throws is an uncorrectable medium error", () => {
  const broken = {
    ...disk(new Uint8Array(512)),
    read: () => {
      throw new Error("broken");
    },
  };
  const { channel, issue } = setup(broken);
  issue(0x20, 0, 1);
  expect([channel.read(7) & 1, channel.read(1)]).toEqual([1, 0x40]);
});

test("READ DMA follows the PRD table and ends with an interrupt", () => {
  const bytes = Uint8Array.from({ length: 8 * 512 }, (_, i) => (i * 7) & 0xff);
  const { channel, ram, issue, irq } = setup(disk(bytes));
  const table = new DataView(ram.buffer);
  table.setUint32(0x100, 0x8000, true);
  table.setUint32(0x104, 512, true);
  table.setUint32(0x108, 0xa000, true);
  table.setUint32(0x10c, 0x80000200, true);
  channel.writeBusMaster(5, 0x01);
  channel.writeBusMaster(0, 0x08);
  issue(0xc8, 1, 2);
  channel.writeBusMaster(0, 0x09);
  expect(ram.slice(0x8000, 0x8200)).toEqual(bytes.slice(512, 1024));
  expect(ram.slice(0xa000, 0xa200)).toEqual(bytes.slice(1024, 1536));
  expect([irq(), channel.readBusMaster(2) & 7]).toEqual([true, 4]);
});

test("a slow block device keeps the drive busy until it answers", async () => {
  const slow = { ...disk(new Uint8Array(512)), read: () => Promise.resolve(new Uint8Array(512).fill(9)) };
  const { channel, words, issue } = setup(slow);
  issue(0x20, 0, 1);
  expect(channel.read(7) & 0x80).toBe(0x80);
  await Promise.resolve();
  await Promise.resolve();
  expect(channel.read(7) & 0x88).toBe(0x08);
  expect(words(1)).toEqual([0x0909]);
});

test("an empty CD-ROM drive answers TEST UNIT READY with medium not present", () => {
  const { channel, settle, words, issue } = setup(undefined, true);
  issue(0xa0, 0, 0);
  for (let i = 0; i < 6; i++) channel.writeData(0);
  settle();
  expect(channel.read(7) & 1).toBe(1);
  issue(0xa0, 0x001200, 0);
  for (const word of [0x0003, 0, 18, 0, 0, 0]) channel.writeData(word);
  const sense = words(9);
  expect([sense[1] & 15, sense[6] & 0xff]).toEqual([2, 0x3a]);
});

test("READ (10) gives a CD's block and ends with the status phase", () => {
  const { channel, settle, words, issue } = setup(disk(new Uint8Array(4 * 2048).fill(0x5a)), true);
  issue(0xa0, 0x080000, 0);
  for (const word of [0x0028, 0, 0x0200, 0, 0x0001, 0]) channel.writeData(word);
  settle();
  expect(channel.read(4) | (channel.read(5) << 8)).toBe(2048);
  expect(new Set(words(1024))).toEqual(new Set([0x5a5a]));
  expect([channel.read(2) & 3, channel.read(7) & 0x08]).toEqual([3, 0]);
});
